"""A night seen again: as it stood at any second, and as another plan would have had it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.ending import mend
from tests.support.world import QUIET, START, World
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, MessageState
from tocsin.incidents import store as incidents
from tocsin.incidents.correction import Moment
from tocsin.incidents.model import Incident, Resolved, Status
from tocsin.insights import report as metrics_report
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.plan.commands import BadPlan
from tocsin.response import commands, otherwise, replay, verification
from tocsin.response.otherwise import End, Otherwise
from tocsin.response.replay import Moment as Then
from tocsin.response.replay import NotYetDeclared, StillToCome

TOLD = {"impact": "voice is silent", "actions": "restarting", "next": "watching"}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=QUIET)
    yield world
    world.database.dispose()


@pytest.fixture
def night(world: World) -> Incident:
    """A P1 at START: a step goes unanswered, ben acknowledges after 6 min, tells after 10, it is fixed after 50."""
    incident = world.declare()
    world.advance(minutes=6)
    world.do(commands.acknowledge, incident.id, by="ben")
    world.advance(minutes=4)
    world.do(commands.assign, incident.id, "incident_commander", "ana")
    world.do(commands.post_update, incident.id, "internal", TOLD)
    world.advance(minutes=40)
    world.do(mend, incident.id, "Restarted", by="ben")
    world.advance(minutes=45)
    return world.incident(incident.id)


def after(**span: float) -> datetime:
    return START + timedelta(**span)


def at(world: World, incident: Incident, instant: datetime | None) -> Then:
    return world.read(replay.load, incident.id, instant)


def test_the_present_replayed_is_the_present(world: World, night: Incident) -> None:
    now = at(world, night, None)
    assert now.incident == night == world.read(incidents.load, night.id)
    assert list(now.entries) == world.read(incidents.timeline, night.id)
    assert list(now.ledger) == world.read(obligations.for_incident, night.id)
    assert list(now.messages) == world.read(outbox.for_incident, night.id)
    assert (now.after_at, now.of) == (None, night.entries)


def test_a_moment_shows_what_was_so_and_nothing_that_came_later(world: World, night: Incident) -> None:
    then = at(world, night, after(minutes=5, seconds=59))
    assert (then.incident.status, then.incident.acknowledged_at, then.incident.roles) == (
        Status.INVESTIGATING,
        None,
        {},
    )
    assert all(one.state in (State.OPEN, State.MISSED) for one in then.ledger if not one.key.startswith("answer"))
    assert {one.key for one in then.ledger if one.state is State.OPEN} >= {"acknowledge", "resolve", "update:internal"}
    assert then.told == ()
    told = at(world, night, after(minutes=10))
    assert [(one.audience, one.at) for one in told.told] == [("internal", after(minutes=10))]
    assert told.incident.roles == {"incident_commander": "ana"}
    fixed = at(world, night, after(minutes=50))
    assert fixed.incident.status is Status.WATCHING


def test_who_knew_what(world: World, night: Incident) -> None:
    paged = {one.handle: one for one in at(world, night, START).people}
    (first,) = [one for one in paged.values() if one.paged_at]
    assert (first.paged_at, first.answered_at, first.heard) == (START, None, ())
    later = {one.handle: one for one in at(world, night, after(minutes=10)).people}
    assert later["ben"].answered_at == after(minutes=6)
    assert later["ana"].roles == ("incident_commander",)
    assert later[first.handle].reached_at == START
    heard = [one for person in later.values() for one in person.heard]
    assert heard and {(one.audience, one.sent_at) for one in heard} == {("internal", after(minutes=10))}


def test_a_mail_that_arrived_later_had_not_arrived(world: World) -> None:
    incident = world.database.run(
        world.actor("ana"),
        lambda tx: commands.declare(tx, title="Voice hangs", severity="P1", type="service_outage", service="rose"),
    )
    world.sleep(seconds=30)  # the server sends late
    world.settle()
    before, then = at(world, incident, after(seconds=29)), at(world, incident, after(seconds=30))
    assert {one.state for one in before.messages} == {MessageState.QUEUED}
    assert {one.state for one in then.messages} == {MessageState.SENT}
    assert [one.reached_at for one in before.people if one.paged_at] == [None]
    assert [one.reached_at for one in then.people if one.paged_at] == [after(seconds=30)]


def test_a_page_that_failed_was_on_its_way_until_then(world: World) -> None:
    for handle in world.plan().people:
        world.mail.answers[f"{handle}@rose.example"] = Dead("nobody of that name")
    incident = world.database.run(
        world.actor("ana"),
        lambda tx: commands.declare(tx, title="Voice hangs", severity="P1", type="service_outage", service="rose"),
    )
    world.sleep(seconds=20)
    world.settle()
    before = at(world, incident, after(seconds=19))
    assert {one.state for one in before.messages} == {MessageState.QUEUED}
    (waits,) = [one for one in before.ledger if one.key == "answer:0"]
    assert (waits.state, waits.due_at > after(minutes=1)) == (State.OPEN, True)  # as it was, before it was hurried
    then = at(world, incident, after(seconds=20))
    assert MessageState.DEAD in {one.state for one in then.messages}


def test_the_neighbouring_instants_lead_through_the_whole_record(world: World, night: Incident) -> None:
    instants = list(dict.fromkeys(one.at for one in world.entries(night.id)))
    seen, moment = [], at(world, night, START)
    assert moment.before_at is None
    while moment.after_at is not None:
        seen.append(moment.at)
        moment = at(world, night, moment.after_at)
    assert [*seen, moment.at] == instants
    while moment.before_at is not None:
        moment = at(world, night, moment.before_at)
    assert moment.at == START
    assert world.read(replay.instant_of, night.id, 1) == world.read(replay.instant_of, night.id, -5) == START
    assert world.read(replay.instant_of, night.id, 10_000) == instants[-1]


def test_there_is_nothing_before_the_beginning_and_after_the_present(world: World, night: Incident) -> None:
    with pytest.raises(NotYetDeclared, match="2026-11-24 02:38:00 UTC"):
        at(world, night, START - timedelta(milliseconds=1))
    with pytest.raises(StillToCome):
        at(world, night, world.clock.now() + timedelta(seconds=1))


# ---- Under another plan ----------------------------------------------------------------------------------------------


def under(world: World, incident: Incident, *changes: tuple[str, str], instant: datetime | None = None) -> Otherwise:
    text = QUIET
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return world.read(otherwise.under, incident.id, text, instant)


def test_under_its_own_plan_nothing_differs(world: World, night: Incident) -> None:
    found = under(world, night)
    assert (found.severity, found.differences) == ("P1", ())
    kept = {one.key: one.end for one in found.promises if one.end in (End.KEPT, End.LATE)}
    assert kept["acknowledge"] is End.KEPT
    for key, end in kept.items():
        states = world.ended(night.id, key)
        assert (State.MET in states) == (end is End.KEPT), key


def test_a_shorter_time_would_have_been_missed(world: World, night: Incident) -> None:
    found = under(world, night, ("acknowledge_within: 15 min", "acknowledge_within: 5 min"))
    (one,) = [each for each in found.differences if each.after and each.after.key == "acknowledge"]
    assert one.sentence == "Acknowledge within 5 min: due 10 min earlier and late by 1 min instead of kept."
    assert one.before is not None and one.before.end is End.KEPT
    early = under(world, night, ("acknowledge_within: 15 min", "acknowledge_within: 5 min"), instant=after(minutes=5.5))
    (one,) = [each for each in early.differences if each.after and each.after.key == "acknowledge"]
    assert one.sentence == "Acknowledge within 5 min: due 10 min earlier and overdue instead of still open."


def test_a_role_that_is_not_wanted_would_not_have_been_owed(world: World, night: Incident) -> None:
    roles = "technical_lead: 15 min\n      communications_lead: 15 min\n"
    found = under(world, night, (roles + "      scribe: 15 min\n", roles))
    assert [one.sentence for one in found.differences] == ["Name the scribe: would not have been owed from entry 1 on."]


def test_a_plan_with_mistakes_is_refused(world: World, night: Incident) -> None:
    with pytest.raises(BadPlan):
        world.read(otherwise.under, night.id, "name: nothing", None)


def test_a_level_that_the_other_plan_lacks_is_said(world: World, night: Incident) -> None:
    small = (Path(__file__).parents[2] / "examples" / "five-people.yaml").read_text(encoding="utf-8")
    found = world.read(otherwise.under, night.id, small, None)
    assert found.severity is None
    said = "Nothing would have been declared, and nothing owed: the plan has no severity P1, only high, medium and low."
    assert [one.sentence for one in found.differences] == [said]


# ---- When it really was ----


def test_a_corrected_time_moves_what_counts_from_it_and_the_record_keeps_both(world: World) -> None:
    incident = world.declare()
    world.do(commands.acknowledge, incident.id, by="ben")
    world.advance(minutes=50)
    world.do(mend, incident.id, "Restarted", by="ben")
    watched_until = world.owed(incident.id)["watch"].due_at
    world.advance(minutes=10)
    fixed_at = after(minutes=45)
    world.do(commands.correct_time, incident.id, Moment.RESOLVED, fixed_at, "the graph turned then", by="ben")
    assert world.incident(incident.id).resolved_at == fixed_at
    assert world.owed(incident.id)["watch"].due_at == watched_until - timedelta(minutes=5)
    (resolved,) = world.entries(incident.id, Resolved)
    assert resolved.at == after(minutes=50)
    then = at(world, incident, after(minutes=59))
    assert then.incident.resolved_at == after(minutes=50)  # nobody knew better
    world.advance(minutes=15)
    assert world.incident(incident.id).status is Status.RESOLVED
    report = world.read(lambda tx: metrics_report.report(tx, START - timedelta(days=1), tx.now))
    assert report.overall.resolve.median == timedelta(minutes=45)
    assert world.read(verification.verify, incident.id).problem == ""
