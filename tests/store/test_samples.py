"""What was measured: by the minute, gathered into quarters, forgotten; and learned from only when nothing is wrong."""

from datetime import timedelta

from tocsin.db.engine import Database
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.plan.watching import Usual
from tocsin.response import commands, sampling
from tocsin.watch import store as watch
from tocsin.watch.metering import Meter, Sample
from tocsin.watch.outcomes import Kind, Outcome

NAME = "rose/health"


def measure(
    database: Database, value: float | None, failed: float = 0, counted: float = 1, *, usual: bool = True
) -> None:
    with database.work(SYSTEM) as tx:
        watch.add_sample(tx, NAME, value, failed, counted, is_usual=usual)


def known(database: Database, since: timedelta = timedelta(days=60), name: str = NAME) -> list[Sample]:
    with database.read(SYSTEM) as tx:
        return watch.samples(tx, name, tx.now - since)


def outcome(kind: Kind = Kind.HEALTHY, seconds: float = 0.1) -> Outcome:
    return Outcome(kind=kind, latency=timedelta(seconds=seconds), reason="", path="")


def test_looks_of_one_minute_are_kept_together(database: Database, clock: ManualClock) -> None:
    for value, failed in ((0.1, 0), (None, 1), (0.5, 0)):
        measure(database, value, failed)
        clock.advance_to(clock.now() + timedelta(seconds=15))
    clock.advance_to(clock.now() + timedelta(minutes=1))
    measure(database, 0.2)
    first, second = known(database)
    assert (first.count, round(first.mean, 6), first.most, first.failed, first.counted) == (2, 0.3, 0.5, 1, 3)
    assert first.at == second.at - timedelta(minutes=1)
    assert round(first.error_rate or 0, 6) == round(100 / 3, 6)
    assert known(database, timedelta(minutes=1)) == [second]
    assert known(database, name="rose/other") == []


def test_one_unusual_look_makes_its_minute_unusual(database: Database) -> None:
    for usual in (True, False, True):
        measure(database, 0.1, usual=usual)
    assert [one.is_usual for one in known(database)] == [False]


def test_what_is_old_is_gathered_and_then_forgotten(database: Database, clock: ManualClock) -> None:
    began = clock.now()
    for number in range(60):
        measure(database, float(number), usual=number != 3)
        clock.advance_to(began + timedelta(minutes=number + 1))
    before = known(database)
    clock.advance_to(began + timedelta(hours=8))
    with database.work(SYSTEM) as tx:
        watch.thin(tx)
    after = known(database)
    assert {one.span for one in after} == {timedelta(minutes=15)}
    assert len(after) <= 5
    assert sum(one.count for one in after) == 60
    assert round(sum(one.mean * one.count for one in after), 6) == sum(range(60))
    assert max(one.most for one in after) == 59
    assert [one.is_usual for one in after].count(False) == 1
    assert sum(one.counted for one in after) == sum(one.counted for one in before)
    clock.advance_to(began + timedelta(days=29))
    with database.work(SYSTEM) as tx:
        watch.thin(tx)
    assert known(database) == []


def test_what_is_young_stays_by_the_minute(database: Database, clock: ManualClock) -> None:
    measure(database, 0.1)
    clock.advance_to(clock.now() + timedelta(hours=5))
    with database.work(SYSTEM) as tx:
        watch.thin(tx)
    assert [one.span for one in known(database)] == [timedelta(minutes=1)]


def test_nothing_is_learned_while_an_incident_of_the_service_is_open(database: Database, clock: ManualClock) -> None:
    usual = Usual(least=5, within=timedelta(minutes=2))

    def look(minutes: int, seconds: float) -> None:
        for _ in range(minutes):
            with database.work(SYSTEM) as tx:
                sampling.keep_look(tx, NAME, "rose", outcome(seconds=seconds))
            clock.advance_to(clock.now() + timedelta(minutes=1))

    def learned() -> float | None:
        with database.read(SYSTEM) as tx:
            return sampling.learned(tx, NAME, Meter(), usual).usual

    look(6, 0.1)
    assert learned() is None, "the last minutes are what is judged"
    look(4, 0.1)
    assert learned() == 0.1
    with database.work(SYSTEM) as tx:
        commands.declare(tx, title="It drags", severity="P2", type="performance_degradation", service="rose")
    look(60, 9.0)
    assert learned() == 0.1
    with database.read(SYSTEM) as tx:
        assert sampling.recently(tx, NAME, usual) == 9.0


def test_what_is_wrong_is_never_usual_and_no_answer_has_no_latency(database: Database, clock: ManualClock) -> None:
    for kind in (Kind.SLOW, Kind.DEGRADED, Kind.TIMEOUT, Kind.RATE_LIMITED):
        with database.work(SYSTEM) as tx:
            sampling.keep_look(tx, NAME, "rose", outcome(kind, 9.0))
        clock.advance_to(clock.now() + timedelta(minutes=1))
    found = known(database)
    assert [(one.count, one.failed, one.is_usual) for one in found] == [(1, 0, False), (1, 0, False), (0, 1, False)]
