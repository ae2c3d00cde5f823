"""Counting by counters that begin anew and that several workers keep; and what is usual."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.plan.watching import Measure
from tocsin.watch import metering
from tocsin.watch.metering import Meter, Sample, advance, figure, is_settled, median, slowdown

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
EVERY = timedelta(seconds=15)
ONE = Measure(url="http://rose.example", errors=("failed",), total=("all",), window=timedelta(minutes=5), least=10)
MEAN = Measure(url="http://rose.example", sum="sum", count="count", unit="ms", above=Decimal(9), least=2)


def of_workers(count: int) -> Measure:
    return replace(ONE, workers=count)


def read(measure: Measure, *readings: tuple[float, ...]) -> tuple[Meter, datetime]:
    """Readings a quarter of a minute apart, and the instant of the last."""
    meter, now = Meter(), NOW
    for numbers in readings:
        now += EVERY
        meter, _ = advance(meter, measure, numbers, now)
    return meter, now


def rate(measure: Measure, *readings: tuple[float, ...]) -> Decimal | None:
    meter, now = read(measure, *readings)
    return figure(meter, measure, now).value


# --- one process ------------------------------------------------------------------------------------------------------


def test_the_first_reading_says_nothing_of_what_failed_long_ago() -> None:
    assert rate(ONE, (500, 1000)) == 0


def test_what_was_counted_in_the_window_decides() -> None:
    assert rate(ONE, (500, 1000), (500, 1090), (510, 1100)) == Decimal(10)


def test_what_left_the_window_is_forgotten() -> None:
    meter, now = read(ONE, (0, 0), (50, 100))
    assert figure(meter, ONE, now + ONE.window).value == 0
    meter, _ = advance(meter, ONE, (50, 300), now + ONE.window)
    assert len(meter.counts) == 1, "nothing older is carried along"


def test_a_counter_that_begins_anew_is_no_negative_rate() -> None:
    assert rate(ONE, (90, 900), (0, 0)) == 0
    assert rate(ONE, (90, 900), (5, 20)) == Decimal(25), "what it counted since it began anew is news"


def test_a_few_failures_of_few_say_nothing_and_none_of_few_is_well() -> None:
    assert rate(ONE, (0, 0), (3, 9)) is None
    assert rate(ONE, (0, 0), (0, 1)) == 0
    assert rate(ONE, (0, 0), (3, 10)) == Decimal(30)


def test_other_counters_go_on_from_none_of_these() -> None:
    meter, now = read(ONE, (0, 0), (5, 50))
    other = replace(ONE, errors=("timeouts",))
    meter, count = advance(meter, other, (900, 1000), now + EVERY)
    assert count is None and meter.counts == ()


def test_a_mean_is_what_the_sum_grew_by_over_what_the_count_did() -> None:
    meter, now = read(MEAN, (1000.0, 10.0), (1600.0, 12.0))
    assert figure(meter, MEAN, now) == metering.Figure(Decimal(300), "the mean of 2 in 5 min is 300 ms")
    meter, now = read(MEAN, (1000.0, 10.0), (1100.0, 11.0))
    assert figure(meter, MEAN, now).value is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=30))
def test_a_rate_is_never_more_than_what_truly_failed(steps: list[tuple[int, int, bool]]) -> None:
    """However often the process begins anew, every growth that it shows has happened."""
    failed = well = 0
    happened_failed = happened = 0
    readings: list[tuple[float, ...]] = [(0.0, 0.0)]
    for more_failed, more_well, restarts in steps:
        if restarts:
            failed = well = 0
        failed, well = failed + more_failed, well + more_well
        happened_failed, happened = happened_failed + more_failed, happened + more_failed + more_well
        readings.append((float(failed), float(failed + well)))
    meter, _ = read(replace(ONE, window=timedelta(hours=1)), *readings)
    assert 0 <= sum(one.part for one in meter.counts) <= happened_failed
    assert 0 <= sum(one.whole for one in meter.counts) <= happened
    assert all(one.part <= one.whole for one in meter.counts)


# --- several workers behind one address -------------------------------------------------------------------------------


def test_readings_of_different_workers_are_no_rate() -> None:
    """As Rose's address shows it: 4, 3, 3, 4, nothing, 4."""
    seen = [(0.0, one) for one in (4.0, 3.0, 3.0, 4.0, 0.0, 4.0)]
    meter, now = read(of_workers(3), *seen)
    assert is_settled(meter, of_workers(3), now) and len(meter.workers) == 3
    assert meter.counts[-1].whole == 0, "nothing happened since"


def test_a_worker_that_failed_long_ago_is_no_news_beside_one_that_did_not() -> None:
    measure = of_workers(2)
    assert rate(measure, (0, 50), (5, 60), (0, 51), (5, 61), (0, 70), (5, 80)) == 0


def test_what_failed_cannot_be_more_than_all_there_was() -> None:
    assert rate(ONE, (0, 20), (30, 30)) == 100, "it began anew, and all thirty failed"
    meter, _ = read(ONE, (0, 20), (30, 30))
    assert meter.counts[-1].whole == 30


def test_nothing_is_said_until_all_workers_were_heard_or_a_window_has_passed() -> None:
    measure = of_workers(4)
    meter, now = read(measure, (0, 100), (40, 200))
    assert figure(meter, measure, now) == metering.Figure(None, "1 of 4 workers have been heard")
    assert figure(meter, measure, now + measure.window).value is not None


def test_with_several_workers_what_fails_is_seen() -> None:
    measure = of_workers(2)
    seen = [(0, 50), (0, 20), (0, 55), (0, 22), (5, 65), (4, 30)]
    assert rate(measure, *seen) == metering.exact(9 / 25 * 100)


def test_when_one_of_several_begins_anew_they_are_told_apart_anew() -> None:
    measure = of_workers(2)
    meter, now = read(measure, (5, 50), (3, 20), (0, 0))
    assert not is_settled(meter, measure, now)
    assert meter.counts == ()


Heard = list[tuple[int, int, int]]
HEARD = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 20)), max_size=60)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), min_size=2, max_size=4), HEARD)
def test_workers_that_say_when_they_began_are_never_mixed_up(begun: list[tuple[int, int]], heard: Heard) -> None:
    """However they take turns, and however much each has counted and failed before."""
    measure = replace(of_workers(len(begun)), window=timedelta(hours=1))
    state = [[failed, failed + well] for failed, well in begun]
    known: dict[int, list[int]] = {}
    meter, now, failed_since, happened_since = Meter(), NOW, 0, 0
    for turn, failed, well in heard:
        number = turn % len(state)
        state[number] = [state[number][0] + failed, state[number][1] + failed + well]
        if number not in known:
            failed_since = happened_since = 0
        else:
            failed_since += state[number][0] - known[number][0]
            happened_since += state[number][1] - known[number][1]
        known[number] = list(state[number])
        now += EVERY
        marks = {"began": float(number)}
        meter, _ = advance(meter, measure, (float(state[number][0]), float(state[number][1])), now, marks)
    assert len(meter.workers) == len(known)
    assert sum(one.part for one in meter.counts) == failed_since
    assert sum(one.whole for one in meter.counts) == happened_since


def figures_of_workers(seed: int, workers: int, *, fails: bool) -> list[Decimal | None]:
    """What is read of workers that have lived for a while: health checks fall on any of them; one call in twenty has
    failed, and from now on one in three does, or none."""
    dice, measure = Random(seed), of_workers(workers)
    state = [{"health": 0.0, "failed": 0.0, "all": 0.0} for _ in range(workers)]

    def served(one: dict[str, float], what: str) -> None:
        """Another one of these, with how long it took: a worker keeps its slowest and its fastest."""
        took = dice.lognormvariate(0, 0.3)
        one[what] += 1
        one[f"{what}.max"] = max(one.get(f"{what}.max", took), took)
        one[f"{what}.min"] = min(one.get(f"{what}.min", took), took)

    def live(seconds: int, chance: float) -> None:
        for _ in range(seconds):
            if dice.random() < 0.2:
                served(dice.choice(state), "health")
            if dice.random() < 0.5:
                one = dice.choice(state)
                served(one, "all")
                one["failed"] += dice.random() < chance

    live(3600, 0.05)
    meter, now, said = Meter(), NOW, []
    for _ in range(60):
        live(15, 1 / 3 if fails else 0.0)
        now += EVERY
        one = dice.choice(state)
        meter, _ = advance(meter, measure, (one["failed"], one["all"]), now, dict(one))
        said.append(figure(meter, measure, now).value)
    return said


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_workers_like_roses_that_fail_are_told_apart_by_what_else_they_count(seed: int, workers: int) -> None:
    last = figures_of_workers(seed, workers, fails=True)[-1]
    assert last is not None and 15 < last < 55


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_of_workers_like_roses_that_do_not_fail_no_band_is_read(seed: int, workers: int) -> None:
    """Now and then two are taken for each other. What that adds stays under every band of Rose's plan."""
    assert all(one is None or one < 5 for one in figures_of_workers(seed, workers, fails=False))


def test_workers_like_roses_are_hardly_ever_taken_for_each_other() -> None:
    lives = [figures_of_workers(seed, workers, fails=False) for seed in range(20) for workers in (2, 3, 4)]
    assert sum(not set(said) <= {None, Decimal(0)} for said in lives) <= 2


# --- what is usual ----------------------------------------------------------------------------------------------------


def sample(mean: float, count: int = 1) -> Sample:
    return Sample(at=NOW, span=EVERY, count=count, mean=mean, most=mean, failed=0, counted=count)


def test_of_too_few_readings_nothing_is_usual() -> None:
    assert median([sample(1.0, 99)], least=100) is None
    assert median([sample(1.0, 100)], least=100) == 1.0
    assert median([]) is None


def test_each_minute_has_the_weight_of_its_readings() -> None:
    assert median([sample(1.0, 10), sample(9.0, 1), sample(8.0, 2)]) == 1.0


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=50), st.floats(100, 1e6))
def test_what_is_usual_is_not_moved_by_the_worst_fewer_than_half(usual: list[float], worst: float) -> None:
    found = median([sample(one) for one in [*usual, *([worst] * ((len(usual) - 1) // 2))]])
    assert found is not None and min(usual) <= found <= max(usual)


@given(st.lists(st.tuples(st.floats(0.01, 100), st.integers(1, 9)), min_size=1, max_size=30))
def test_half_of_all_readings_lie_on_either_side(weighed: list[tuple[float, int]]) -> None:
    found = median([sample(mean, count) for mean, count in weighed])
    assert found is not None
    whole = sum(count for _, count in weighed)
    assert 2 * sum(count for mean, count in weighed if mean <= found) >= whole
    assert 2 * sum(count for mean, count in weighed if mean >= found) >= whole


@pytest.mark.parametrize(
    ("usual", "recent", "ignore", "said"),
    [
        (0.1, 0.15, None, "50"),
        (0.1, 0.13, None, "30"),
        (0.1, 0.4, "1", None),
        (2.0, 3.5, "1", "75"),
        (0.1, 0.09, None, None),
        (None, 5.0, None, None),
        (0.1, None, None, None),
        (0.0, 5.0, None, None),
    ],
)
def test_by_how_many_per_cent_more_than_usual(
    usual: float | None, recent: float | None, ignore: str | None, said: str | None
) -> None:
    found = slowdown(usual, recent, Decimal(ignore) if ignore else None)
    assert found == (Decimal(said) if said else None)
