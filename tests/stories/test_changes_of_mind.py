"""People change their minds: roles go from hand to hand, levels rise and fall, promises are waived, ends are undone."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.ending import mend, wrap_up
from tests.support.world import ROSE, World
from tocsin.comms import store as comms
from tocsin.incidents import lifecycle
from tocsin.incidents import store as incidents
from tocsin.incidents.confidential import NotForThisAudience
from tocsin.incidents.model import (
    FellDue,
    Incident,
    ObligationWaived,
    Recovered,
    Reopened,
    RoleAssigned,
    SeverityChanged,
    Status,
)
from tocsin.kit.actor import SYSTEM
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.plan import commands as plan_commands
from tocsin.plan.model import Stage
from tocsin.response import commands, doctor
from tocsin.signals.model import Arrival
from tocsin.signals.model import State as Signal

WORDS = {"impact": "Slow answers.", "actions": "Restarted it.", "next": "Watch it.", "eta": "", "issue": "slowness"}
TEAM = ("ana", "ben", "tomas")


def evidence(world: World, incident: Incident, key: str) -> list[tuple[State, str]]:
    """How the settled obligations of this key ended and by what, oldest first."""
    found = [one for one in world.read(obligations.for_incident, incident.id) if one.key == key]
    ended = [one for one in found if one.settled_at is not None]
    return [(one.state, one.evidence) for one in sorted(ended, key=lambda one: (one.settled_at, one.due_at))]


def alert(**more: object) -> Arrival:
    words: dict[str, Any] = {"source": "alertmanager", "key": "a1", "title": "Groq fails", "severity": "critical"}
    return Arrival(**{**words, "labels": {"type": "external_api_failure"}, **more})


def answered(world: World, **about: str) -> Incident:
    incident = world.declare(**about)
    world.expect_page("ana")
    return world.do(commands.acknowledge, incident.id)


def led(world: World, **about: str) -> Incident:
    """The same, led by Ben, who may waive."""
    incident = answered(world, **about)
    return world.do(commands.assign, incident.id, "incident_commander", "ben")


# ---- Waiving ---------------------------------------------------------------------------------------------------------


def test_a_waived_promise_is_kept_on_the_record_and_never_missed(world: World) -> None:
    incident = led(world, severity="P1")
    world.do(commands.waive, incident.id, "role:scribe", "Two of us are enough", by="ben")
    (waived,) = world.entries(incident.id, ObligationWaived)
    assert (waived.key, waived.by, waived.because) == ("role:scribe", "ben", "Two of us are enough")
    world.advance(minutes=20)
    assert world.ended(incident.id, "role:scribe") == [State.WAIVED]
    missed = {one.key for one in world.entries(incident.id, FellDue)}
    assert "role:technical_lead" in missed
    assert "role:scribe" not in missed


def test_a_waived_update_lets_the_cadence_begin_anew(world: World) -> None:
    incident = led(world, severity="P1")
    world.advance(minutes=10)
    world.do(commands.waive, incident.id, "update:internal", "All of them are in the call", by="ben")
    assert world.owed(incident.id)["update:internal"].due_at == world.clock.now() + timedelta(minutes=30)


def test_only_what_is_owed_can_be_waived_and_only_with_a_reason(world: World) -> None:
    incident = led(world, severity="P1")
    for key in ("role:captain", "acknowledge", "answer:0", "watch", ""):
        with pytest.raises(commands.NoSuchObligation):
            world.do(commands.waive, incident.id, key, "We need not", by="ben")
    with pytest.raises(lifecycle.Empty):
        world.do(commands.waive, incident.id, "role:scribe", "  ", by="ben")
    assert "role:scribe" in world.owed(incident.id)
    assert world.entries(incident.id, ObligationWaived) == []


def test_a_waived_post_mortem_is_not_asked_for_when_closing(world: World) -> None:
    incident = led(world, severity="P1", type="security")
    world.do(mend, incident.id, "Replaced every key")
    world.do(commands.waive, incident.id, "review", "It was an exercise", by="ben")
    world.do(commands.waive, incident.id, "update:internal", "It was an exercise", by="ben")
    world.advance(minutes=30)
    world.do(wrap_up, incident.id)
    world.overlook()  # the thanks to Ben
    assert world.do(commands.close, incident.id).status is Status.CLOSED
    assert world.owed(incident.id) == {}


# ---- Roles -----------------------------------------------------------------------------------------------------------


def test_a_role_goes_from_hand_to_hand(world: World) -> None:
    incident = answered(world, severity="P1")
    for person in ("ben", "ben", "tomas"):
        world.do(commands.assign, incident.id, "incident_commander", person, by="ana")
    given = world.entries(incident.id, RoleAssigned)
    assert [(one.person, one.before) for one in given] == [("ben", None), ("tomas", "ben")]
    assert world.incident(incident.id).roles == {"incident_commander": "tomas"}
    assert world.ended(incident.id, "role:incident_commander") == [State.MET]


# ---- Levels ----------------------------------------------------------------------------------------------------------


def test_raising_the_level_owes_anew_and_says_so(world: World) -> None:
    incident = answered(world, severity="P2", type="performance_degradation")
    assert set(world.owed(incident.id)) == {"resolve", "update:internal"}
    world.advance(minutes=10)
    world.do(commands.change_severity, incident.id, "P1", "Half of them cannot talk", by="ben")
    world.expect_page("ana")  # whom the new level wants, though she has answered before
    (raised,) = world.entries(incident.id, SeverityChanged)
    assert (raised.severity, raised.before, raised.raised, raised.by) == ("P1", "P2", True, "ben")
    owed = world.owed(incident.id)
    assert {"role:scribe", "update:public", "update:executives"} <= set(owed)
    assert "acknowledge" not in owed
    assert owed["resolve"].due_at == world.clock.now() + timedelta(hours=4)
    assert evidence(world, incident, "resolve") == [(State.VOID, "P2 became P1")]


def test_lowering_the_level_lets_go_and_pages_nobody(world: World) -> None:
    incident = answered(world, severity="P1")
    world.advance(minutes=10)
    world.do(commands.change_severity, incident.id, "P3", "Only a typo")
    assert set(world.owed(incident.id)) == {"resolve"}
    assert evidence(world, incident, "update:public") == [(State.VOID, "P1 became P3")]
    world.advance(hours=5)
    assert world.entries(incident.id, FellDue) == []


def test_a_raise_before_anybody_answered_pages_the_new_ladder_from_its_first_step(world: World) -> None:
    incident = world.declare(severity="P1")
    world.expect_page("ana")
    world.advance(minutes=2)
    world.do(commands.change_severity, incident.id, "P0", "Nothing answers at all")
    world.expect_page("ana", "ben", "erin", "lucia", "tomas")
    assert [state for state, _ in evidence(world, incident, "answer:0")] == [State.VOID]
    assert world.owed(incident.id)["acknowledge"].due_at == world.clock.now() + timedelta(minutes=5)
    world.do(commands.acknowledge, incident.id)


# ---- Ends ------------------------------------------------------------------------------------------------------------


def closed(world: World) -> Incident:
    incident = answered(world, severity="P2", type="performance_degradation")
    world.do(mend, incident.id, "Added memory")
    world.do(commands.post_update, incident.id, "internal", WORDS)
    world.expect_update("internal", *TEAM)
    world.advance(minutes=30)
    world.do(wrap_up, incident.id)
    return world.do(commands.close, incident.id)


def test_a_closed_incident_takes_no_more_changes_but_notes(world: World) -> None:
    incident = closed(world)
    for command, *words in (
        (commands.resolve, "Again"),
        (commands.mitigate, "Again"),
        (commands.acknowledge,),
        (commands.assign, "scribe", "ben"),
        (commands.change_severity, "P0", "Worse"),
        (commands.post_update, "internal", WORDS),
    ):
        with pytest.raises(lifecycle.AlreadyClosed):
            world.do(command, incident.id, *words)
    entries = world.do(commands.note, incident.id, "For the record").entries
    assert world.do(commands.close, incident.id).entries == entries


def test_reopening_a_closed_incident_pages_again_and_starts_every_clock(world: World) -> None:
    incident = closed(world)
    world.advance(hours=3)
    again = world.do(commands.reopen, incident.id, "It came back", by="ben")
    world.expect_page("ana")
    assert again.status is Status.INVESTIGATING
    assert world.owed(incident.id)["acknowledge"].due_at == world.clock.now() + timedelta(hours=1)
    assert world.owed(incident.id)["resolve"].due_at == world.clock.now() + timedelta(hours=24)
    assert [one.because for one in world.entries(incident.id, Reopened)] == ["It came back"]
    with pytest.raises(lifecycle.NotOpenAgain):
        world.do(commands.reopen, incident.id, "Twice")
    world.do(commands.acknowledge, incident.id)
    assert world.ended(incident.id, "acknowledge") == [State.MET, State.MET]
    assert world.read(doctor.examine) == []


def test_a_watch_that_ends_while_its_signal_still_fires_reopens(world: World) -> None:
    world.arrive(alert())
    world.expect_page("ana")
    incident = world.incident()
    world.do(commands.acknowledge, incident.id)
    world.do(mend, incident.id, "Replaced the key")
    world.advance(minutes=30)  # the last internal word is due at the same instant
    world.expect_page("ana")
    assert world.incident(incident.id).status is Status.INVESTIGATING
    missed = [one.key for one in world.entries(incident.id, FellDue)]
    assert sorted(missed) == ["update:internal", "update:public"]
    assert world.owed(incident.id)["update:internal"].due_at == world.clock.now() + timedelta(minutes=30)
    assert world.read(doctor.examine) == []
    world.do(commands.acknowledge, incident.id)


def test_after_hours_without_a_server_a_watch_that_failed_reopens_once(world: World) -> None:
    world.arrive(alert())
    world.expect_page("ana")
    incident = world.incident()
    world.do(commands.acknowledge, incident.id)
    world.do(mend, incident.id, "Replaced the key")
    world.sleep(hours=2)  # the watch falls due first, then the last word to each audience
    world.settle()
    world.expect_page("ana")
    assert len(world.entries(incident.id, Reopened)) == 1
    missed = [one.key for one in world.entries(incident.id, FellDue)]
    assert sorted(missed) == ["update:customer_success", "update:executives", "update:internal", "update:public"]
    assert world.owed(incident.id)["update:internal"].due_at == world.clock.now() + timedelta(minutes=30)
    assert world.read(doctor.examine) == []
    world.do(commands.acknowledge, incident.id)


def test_after_days_without_a_server_a_watch_that_passed_recovers_and_each_duty_is_overdue_once(world: World) -> None:
    incident = answered(world, severity="P1")
    world.do(mend, incident.id, "Replaced the key")
    world.sleep(hours=50)
    world.settle()
    assert len(world.entries(incident.id, Recovered)) == 1
    overdue = sorted(one.key for one in world.entries(incident.id, FellDue))
    told = [f"update:{one}" for one in ("customer_success", "executives", "internal", "public")]
    assert overdue == ["review", *told]
    assert sorted(world.owed(incident.id)) == overdue  # the last words and the meeting can still be had, late
    assert world.read(doctor.examine) == []


# ---- What the public sees --------------------------------------------------------------------------------------------


def test_a_security_incident_is_never_public(world: World) -> None:
    incident = world.declare(severity="P0", type="security", title="Keys were seen elsewhere")
    world.expect_page("ana", "ben", "tomas")  # she who declared it, and whom the plan names as its readers
    assert "update:public" not in world.owed(incident.id)
    with pytest.raises(NotForThisAudience):
        world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    assert "Keys were seen" not in repr(world.read(comms.public_page))
    world.do(commands.acknowledge, incident.id)


def test_an_incident_that_turns_out_to_be_a_breach_leaves_the_status_page(world: World) -> None:
    incident = answered(world, severity="P1", title="Odd answers")
    world.do(commands.post_update, incident.id, "public", WORDS, Stage.INVESTIGATING)
    assert "slowness" in repr(world.read(comms.public_page))
    world.do(commands.change_type, incident.id, "security", "Somebody else answered")
    assert "slowness" not in repr(world.read(comms.public_page))
    assert "Odd answers" not in repr(world.read(comms.public_page))
    assert "update:public" not in world.owed(incident.id)


def test_executives_hear_within_a_quarter_of_an_hour_and_then_hourly(world: World) -> None:
    incident = answered(world, severity="P1")
    began = world.clock.now()
    world.advance(minutes=10)
    world.do(commands.post_update, incident.id, "executives", WORDS)
    world.expect_update("executives", "erin")
    assert world.owed(incident.id)["update:executives"].due_at == world.clock.now() + timedelta(hours=1)
    world.advance(hours=3)
    missed = [one for one in world.entries(incident.id, FellDue) if one.key == "update:executives"]
    assert [(one.due_at - began) / timedelta(minutes=1) for one in missed] == [70, 130, 190]
    assert world.ended(incident.id, "update:executives") == [State.MET, State.MISSED, State.MISSED]
    assert world.owed(incident.id)["update:executives"].overdue_at == began + timedelta(minutes=190)


# ---- Signals and plans -----------------------------------------------------------------------------------------------


def test_a_signal_that_fires_again_after_closing_declares_anew(world: World) -> None:
    world.arrive(alert(severity="warning"))
    world.expect_page("ana")
    first = world.incident()
    world.do(commands.acknowledge, first.id)
    world.arrive(alert(state=Signal.RESOLVED))
    world.do(mend, first.id, "Replaced the key")
    world.do(commands.post_update, first.id, "internal", WORDS)
    world.expect_update("internal", *TEAM)
    world.advance(minutes=30)
    world.do(wrap_up, first.id)
    world.do(commands.close, first.id)
    world.arrive(alert(severity="warning"))
    world.expect_page("ana")
    second, before = world.read(incidents.listing)
    assert (before.id, second.number) == (first.id, first.number + 1)
    world.do(commands.acknowledge, second.id)


def test_an_incident_goes_on_under_the_plan_it_was_declared_under(world: World) -> None:
    incident = answered(world, severity="P2", type="performance_degradation")
    text = ROSE.replace("resolve_within: 24 h", "resolve_within: 12 h")
    with world.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, text, "quicker")
    assert world.plan().severities["P2"].resolve_within == timedelta(hours=12)
    world.do(commands.change_severity, incident.id, "P3", "Not so bad")
    world.do(commands.change_severity, incident.id, "P2", "After all")
    world.expect_page("ana")
    assert world.owed(incident.id)["resolve"].due_at == world.clock.now() + timedelta(hours=24)
    later = world.declare(severity="P2", type="performance_degradation")
    world.expect_page("ana")
    assert later.plan_revision != incident.plan_revision
    assert world.owed(later.id)["resolve"].due_at == world.clock.now() + timedelta(hours=12)
    world.do(commands.acknowledge, later.id)
