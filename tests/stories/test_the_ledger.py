"""The ledger of promises: who is reminded, who hears of what is overdue, and how each promise ends."""

from datetime import timedelta

import pytest

from tests.support.world import ROSE, World
from tocsin.comms.updates import Unwritten
from tocsin.incidents.model import FellDue, Incident, ObligationWaived, Updated
from tocsin.kit.actor import SYSTEM, Actor, ActorKind
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation, State
from tocsin.people import access
from tocsin.people import store as people
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Stage
from tocsin.response import commands, doctor

WORDS = {"impact": "Slow answers.", "actions": "Restarted it.", "next": "Watch it.", "issue": "slowness"}
ROLES = ("incident_commander", "technical_lead", "communications_lead", "scribe")


def begun(world: World, **about: str) -> Incident:
    """Ana answers; Ben leads, Lucía speaks."""
    incident = world.declare(**{"severity": "P1", **about})
    world.overlook()
    world.do(commands.acknowledge, incident.id)
    for role, person in zip(ROLES, ("ben", "ana", "lucia", "tomas"), strict=True):
        world.do(commands.assign, incident.id, role, person)
    world.told()
    return incident


def rows(world: World, incident: Incident, key: str) -> list[Obligation]:
    found = [one for one in world.read(obligations.for_incident, incident.id) if one.key == key]
    return sorted(found, key=lambda one: one.due_at)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


# ---- Before and after the due time -----------------------------------------------------------------------------------


def test_whoever_owes_it_is_reminded_once_and_whoever_leads_hears_that_it_is_overdue(world: World) -> None:
    incident = begun(world)
    world.advance(minutes=9)
    assert world.told() == []
    world.advance(minutes=1)  # five before the first words to the public and to the executives
    first, second = sorted(world.told())
    assert first[:2] == ("reminder", "ben") and "Executives" in first[2]
    assert second[:2] == ("reminder", "lucia") and "Public" in second[2]
    (reminder,) = [one for one in world.mail.sent if one.audience == "reminder" and one.person == "lucia"]
    assert f"/incidents/{incident.id}?audience=public#compose" in reminder.body
    (public,) = rows(world, incident, "update:public")
    assert (public.warned_at, public.state) == (incident.declared_at + minutes(10), State.OPEN)
    world.advance(minutes=5)
    told = {(about, person) for about, person, _ in world.told()}
    # Lucía's goes to Ben, who leads; Ben's own goes to the next who could lead.
    assert told == {("overdue", "ben"), ("overdue", "tomas")}
    (public,) = rows(world, incident, "update:public")
    assert (public.state, public.overdue_at) == (State.OPEN, incident.declared_at + minutes(15))
    assert [one.key for one in world.entries(incident.id, FellDue)] == ["update:executives", "update:public"]
    world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING, by="lucia")
    world.advance(minutes=1)
    assert world.told() == []


def test_what_comes_together_is_one_message_to_each(world: World) -> None:
    incident = world.declare(severity="P1")
    world.overlook()
    world.do(commands.acknowledge, incident.id)
    world.sleep(minutes=16)
    world.settle()
    ((about, person, subject),) = world.told()
    assert (about, person) == ("overdue", "ben")  # nobody leads: the first of those who may
    assert "and 5 more" in subject
    (reminder,) = [one for one in world.mail.sent if one.audience == "overdue"]
    assert f"/incidents/{incident.id}#slot-scribe" in reminder.body
    assert len(world.entries(incident.id, FellDue)) == 6  # four roles, two audiences
    assert world.read(doctor.examine) == []


def test_a_promise_kept_is_not_reminded_of(world: World) -> None:
    incident = begun(world)
    for audience, stage in (("public", Stage.INVESTIGATING), ("executives", None), ("internal", None)):
        world.do(commands.post_update, incident.id, audience, WORDS, stage)
    world.overlook()
    world.advance(minutes=20)
    assert world.told() == []
    assert [one.state for one in rows(world, incident, "update:public")] == [State.MET, State.OPEN]


def test_who_cannot_be_reached_is_passed_over(world: World) -> None:
    begun(world)
    with world.database.work(SYSTEM) as tx:
        people.change_person(tx, "ben", email=None)
    world.advance(minutes=16)
    assert {person for about, person, _ in world.told() if about == "overdue"} == {"tomas"}


# ---- How a promise ends ----------------------------------------------------------------------------------------------


def test_what_is_done_after_its_time_is_late_and_says_by_how_much_and_by_what(world: World) -> None:
    incident = world.declare(severity="P1")
    world.overlook()
    world.advance(minutes=18)
    world.overlook()
    world.do(commands.acknowledge, incident.id)
    (answered,) = rows(world, incident, "acknowledge")
    assert (answered.state, answered.late_by) == (State.LATE, minutes(3))
    assert answered.cause == 1
    assert answered.proof == world.incident(incident.id).entries
    assert answered.evidence == f"entry {answered.proof}, by ana"


def test_what_is_overdue_when_the_incident_goes_on_without_it_was_missed(world: World) -> None:
    incident = world.declare(severity="P1")
    world.overlook()
    world.do(commands.acknowledge, incident.id)
    world.advance(minutes=20)
    world.do(commands.change_severity, incident.id, "P2", "Only some of them")
    (scribe,) = rows(world, incident, "role:scribe")
    assert (scribe.state, scribe.evidence, scribe.late_by) == (State.MISSED, "P1 became P2", minutes(5))
    (resolve, _) = rows(world, incident, "resolve")
    assert (resolve.state, resolve.late_by) == (State.VOID, None)


def test_each_period_of_silence_is_one_promise_missed(world: World) -> None:
    incident = begun(world)
    world.advance(minutes=1)
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.overlook()
    began = world.clock.now()
    world.advance(minutes=100)  # due at 30, 60 and 90
    found = rows(world, incident, "update:internal")
    assert [one.state for one in found] == [State.MET, State.MISSED, State.MISSED, State.OPEN]
    assert [one.due_at - began for one in found[1:]] == [minutes(30), minutes(60), minutes(90)]
    assert [one.cause for one in found[2:]] == [one.proof for one in found[1:-1]]
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.overlook()
    ended = rows(world, incident, "update:internal")[3]
    assert (ended.state, ended.late_by) == (State.LATE, minutes(10))


def test_an_overdue_promise_is_waived_and_the_record_says_that_it_was(world: World) -> None:
    incident = begun(world)
    world.advance(minutes=20)
    world.do(commands.waive, incident.id, "update:public", "Nobody reads it at night", by="ben")
    (public, following) = rows(world, incident, "update:public")
    assert (public.state, public.late_by, public.settled_by) == (State.WAIVED, minutes(5), "ben")
    (entry,) = world.entries(incident.id, ObligationWaived)
    assert entry.due_at == incident.declared_at + minutes(15)
    assert following.due_at == world.clock.now() + minutes(30)


@pytest.mark.parametrize("who", ["responder", "program"])
def test_only_whoever_leads_or_has_the_right_may_waive(world: World, who: str) -> None:
    incident = begun(world)
    program = Actor("token:robot", ActorKind.TOKEN, frozenset({access.INCIDENT_WRITE, access.WAIVE}))
    actor = world.actor("ana") if who == "responder" else program
    with pytest.raises(access.NotAllowed, match="incident commander"):
        world.database.run(actor, lambda tx: commands.waive(tx, incident.id, "update:public", "Let us not"))
    manager = Actor("erin", ActorKind.PERSON, frozenset({access.INCIDENT_WRITE, access.WAIVE}))
    world.database.run(manager, lambda tx: commands.waive(tx, incident.id, "update:public", "Let us not"))
    assert world.ended(incident.id, "update:public") == [State.WAIVED]


# ---- What counts as an update ----------------------------------------------------------------------------------------


def test_what_a_program_posts_is_sent_and_keeps_no_promise(world: World) -> None:
    incident = begun(world)
    robot = Actor("token:robot", ActorKind.TOKEN, frozenset({access.INCIDENT_WRITE}))
    world.database.run(robot, lambda tx: commands.post_update(tx, incident.id, "executives", WORDS))
    world.settle()
    world.expect_update("executives", "erin")
    (posted,) = world.entries(incident.id, Updated)
    assert (posted.by, posted.counts) == ("token:robot", False)
    assert [one.state for one in rows(world, incident, "update:executives")] == [State.OPEN]
    world.advance(minutes=15)
    assert "update:executives" in [one.key for one in world.entries(incident.id, FellDue)]


def test_a_wording_of_the_plan_is_not_posted_unread(world: World) -> None:
    incident = begun(world)
    for typed in ({}, {"message": "[your message]"}, {"message": "..."}):
        with pytest.raises(Unwritten) as refused:
            world.do(commands.post_update, incident.id, "public", typed, Stage.INVESTIGATING)
        assert refused.value.field in ("issue", "impact", "message")
    assert world.entries(incident.id, Updated) == []


def test_a_plan_without_reminders_reminds_nobody(world: World) -> None:
    before, _, rest = ROSE.partition("\nreminders:")
    with world.database.work(access.local_operator("operator")) as tx:
        plan_commands.apply(tx, before + "\nlinks:" + rest.partition("\nlinks:")[2], "no reminders", accept_large=True)
    incident = begun(world)
    world.advance(minutes=20)
    assert {about for about, _, _ in world.told()} == {"overdue"}
    assert [one.warned_at for one in rows(world, incident, "update:public")] == [None]
