"""How fast people are reached: what counts as there, how shares are read, and what took for ever."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tocsin.insights.reach import Reached, Travel, reach, spread

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
END = NOW + timedelta(days=1)
MINUTE = timedelta(minutes=1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def travel(round_: str = "one", channel: str = "email", **about: Any) -> Travel:
    known: dict[str, Any] = {"meant_at": NOW, "carrier": channel, "accepted_at": after(2), **about}
    return replace(Travel(round=round_, person="ana", channel=channel, is_test=False, meant_at=NOW), **known)


def ana(*travels: Travel, objective: timedelta | None = MINUTE) -> Reached:
    (found,) = reach(travels, ["ana"], objective, NOW, END).people
    return found


def test_a_person_is_reached_by_the_first_of_their_ways() -> None:
    found = ana(travel(accepted_at=after(40)), travel(channel="ntfy", accepted_at=after(3)))
    assert (found.rounds, found.failures, found.time.p95) == (1, 0, timedelta(seconds=3))
    assert found.is_kept is True


def test_a_provider_that_says_what_arrives_has_reached_nobody_before_it_says_so() -> None:
    slow = travel(channel="sms", delivered_at=after(41))
    assert ana(slow).time.p50 == timedelta(seconds=41)
    silent = travel("two", channel="sms")
    found = ana(slow, silent)
    assert (found.rounds, found.failures) == (2, 1)
    assert (found.time.p50, found.time.p95, found.is_kept) == (timedelta(seconds=41), None, False)


def test_what_its_provider_may_still_say_is_not_judged_yet() -> None:
    told, fresh = travel(channel="sms", delivered_at=after(1)), travel("two", channel="sms", meant_at=END - MINUTE)
    found = ana(told, replace(fresh, accepted_at=END))
    assert (found.rounds, found.failures) == (1, 0)


def test_a_sign_of_the_reader_counts_where_the_provider_said_nothing() -> None:
    told, seen = travel(channel="sms", delivered_at=after(1)), travel("two", channel="sms", seen_at=after(20))
    assert ana(told, seen).time.p95 == timedelta(seconds=20)


def test_what_never_came_through_takes_for_ever_and_fails_the_objective() -> None:
    lost = [travel(str(place), accepted_at=None, has_failed=True) for place in range(2)]
    good = [travel(f"good {place}") for place in range(18)]
    found = ana(*lost, *good)
    assert (found.rounds, found.failures) == (20, 2)
    assert (found.time.p50, found.time.p95, found.is_kept) == (timedelta(seconds=2), None, False)
    assert ana(*lost[:1], *good, travel("more")).is_kept is True  # one of twenty is what the objective allows


def test_one_way_that_fails_is_no_failure_where_another_came_through() -> None:
    found = ana(travel(has_failed=True, accepted_at=None), travel(channel="sms", accepted_at=after(5)))
    assert (found.rounds, found.failures) == (1, 0)
    assert [(one.channel, one.failures) for one in found.ways] == [("email", 1), ("sms", 0)]


def test_what_is_still_on_its_way_is_not_counted_and_nothing_is_judged_by_nothing() -> None:
    found = ana(travel(accepted_at=None))
    assert (found.rounds, found.time.count, found.is_kept) == (0, 0, None)
    assert ana(objective=None).is_kept is None and ana(travel(), objective=None).is_kept is None


def test_each_station_is_counted_by_itself() -> None:
    (way,) = ana(travel(), travel("two", delivered_at=after(5), seen_at=after(60)), travel("three", is_test=True)).ways
    assert (way.pages, way.tests) == (2, 1)
    assert (way.accepted.count, way.delivered.count, way.seen.count) == (3, 1, 1)
    assert way.seen.p95 == MINUTE


@given(st.lists(st.none() | st.timedeltas(timedelta(0), timedelta(days=1)), max_size=40))
def test_a_share_is_a_time_that_so_many_kept(times: list[timedelta | None]) -> None:
    found = spread(times)
    assert found.count == len(times)
    for share, length in ((50, found.p50), (95, found.p95)):
        if length is not None:
            kept = sum(one is not None and one <= length for one in times)
            assert length in times and kept * 100 >= share * len(times)
        elif times:
            assert sum(one is not None for one in times) * 100 < share * len(times)
