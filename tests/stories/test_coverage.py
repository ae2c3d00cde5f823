"""The coverage of the plan follows an incident through: what was never exercised is kept or missed, by its number."""

from datetime import timedelta

from tests.support.ending import mend
from tests.support.world import World
from tocsin.insights import report
from tocsin.insights.coverage import Coverage, Covered, Use
from tocsin.obligations import store as obligations
from tocsin.response import commands

ACKNOWLEDGE = "severities.P1.acknowledge_within"


def coverage(world: World) -> Coverage:
    world.clock.advance_to(world.clock.now() + timedelta(seconds=1))
    found: Coverage = world.read(lambda tx: report.coverage(tx, tx.now - report.COVERED))
    return found


def clause(world: World, path: str) -> Covered:
    return next(one for one in coverage(world).clauses if one.id == path)


def test_a_clause_that_was_never_exercised_is_kept_by_an_incident(busy: World) -> None:
    assert clause(busy, ACKNOWLEDGE).use is Use.NEVER
    incident = busy.declare()
    owed = clause(busy, ACKNOWLEDGE)
    assert (owed.last and owed.last.outcome, owed.counts.open) == ("open", 1)
    busy.do(commands.acknowledge, incident.id)
    kept = clause(busy, ACKNOWLEDGE)
    assert kept.last is not None
    assert (kept.last.outcome, kept.last.number, kept.last.title) == ("kept", incident.number, incident.title)
    assert kept.counts.kept == 1
    assert clause(busy, "severities.P0.acknowledge_within").use is Use.NEVER


def test_what_was_missed_stands_first_when_asked_for(busy: World) -> None:
    busy.declare()
    busy.advance(hours=1)
    found = coverage(busy)
    broken = [one for one in found.clauses if one.counts.missed or one.counts.late or one.counts.open]
    assert ACKNOWLEDGE in {one.id for one in broken}
    assert any(one.counts.missed for one in broken)


def test_the_work_on_an_incident_exercises_the_clauses_that_guide_it(busy: World) -> None:
    incident = busy.declare(severity="P2")
    assert clause(busy, "resolution.verification.smoke_tests").use is Use.NEVER
    busy.do(commands.assign, incident.id, "technical_lead", "ben")
    busy.do(mend, incident.id)
    found = {one.id: one for one in coverage(busy).clauses}
    for path in ("resolution.verification.smoke_tests", "roles.technical_lead", "severities.P2.post_mortem"):
        last = found[path].last
        assert last is not None, path
        assert last.number == incident.number
    assert found["types.data_loss.private"].use is Use.NEVER


def test_the_counts_are_the_ledger(busy: World) -> None:
    first = busy.declare()
    busy.advance(minutes=40)
    second = busy.declare(severity="P0")
    busy.do(commands.acknowledge, second.id)
    ledger = [one for incident in (first, second) for one in busy.read(obligations.for_incident, incident.id)]
    found = coverage(busy)
    assert sum(one.counts.total for one in found.clauses) + found.aside == len(ledger)
