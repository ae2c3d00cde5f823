"""Handing a shift on: opened ahead, written by whoever goes, accepted by whoever comes, and chased in between."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.world import World
from tocsin.kit.errors import Invalid
from tocsin.obligations.model import State as Owed
from tocsin.oncall import commands as arranging
from tocsin.oncall import store as oncall
from tocsin.oncall.handoff import Handoff, NotConfirmed, NotWritten, Settled, State
from tocsin.oncall.model import Turn
from tocsin.people.access import NotAllowed
from tocsin.response import commands, handing, secrecy, working

MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)  # Ana hands over to Tomás, at nine in Berlin
NOTES = ("Voice is slow", "Nothing", "Nothing", "As before")


@pytest.fixture
def watched(world: World) -> World:
    """A world in which somebody looks ahead for changes of who is on call."""
    with world.database.work(world.actor("ana")) as tx:
        handing.schedule(tx)
    world.settle()
    return world


def handoffs(world: World) -> list[Handoff]:
    return world.read(oncall.latest_handoffs, 20)


def until(world: World, instant: datetime) -> None:
    """Let time pass; through the days before it nobody runs a server, which spares the story hundreds of looks."""
    world.sleep(seconds=max(0.0, (instant - timedelta(hours=1) - world.clock.now()).total_seconds()))
    world.advance(seconds=(instant - world.clock.now()).total_seconds())


def ended(world: World, one: Handoff) -> list[Owed]:
    return [duty.state for duty in world.read(handing.duties, one)]


def opened(world: World) -> Handoff:
    """The handoff of Monday, opened a day ahead."""
    until(world, MONDAY - timedelta(days=1))
    world.expect_update("on_call", "ana", "tomas")
    (one,) = handoffs(world)
    return one


def test_a_handoff_is_opened_a_day_ahead_and_both_are_told(watched: World) -> None:
    until(watched, MONDAY - timedelta(days=1, minutes=1))
    assert handoffs(watched) == []
    watched.advance(minutes=1)
    mails = watched.expect_update("on_call", "ana", "tomas")
    (one,) = handoffs(watched)
    assert (one.outgoing, one.incoming, one.begins_at) == (("ana",), ("tomas",), MONDAY)
    assert all(f"/oncall/handoffs/{one.id}" in mail.body for mail in mails)
    written, accepted = watched.read(handing.duties, one)
    assert (written.due_at, accepted.due_at) == (MONDAY - timedelta(minutes=30), MONDAY + timedelta(hours=1))
    assert written.clause == accepted.clause == "ONC-04"


def test_whoever_goes_writes_it_whoever_comes_accepts_it_and_both_are_kept(watched: World) -> None:
    one = opened(watched)
    watched.do(handing.write, one.id, NOTES, by="ana")
    watched.expect_update("on_call", "tomas")
    assert ended(watched, one) == [Owed.MET, Owed.OPEN]
    until(watched, MONDAY)
    watched.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    watched.expect_update("on_call", "ana")
    assert watched.read(oncall.load_handoff, one.id).state is State.ACCEPTED
    written, accepted = watched.read(handing.duties, one)
    assert (written.settled_by, accepted.settled_by, accepted.state) == ("ana", "tomas", Owed.MET)
    assert "contact details confirmed" in accepted.evidence
    watched.advance(hours=3)
    assert watched.told() == []


def test_who_forgets_is_reminded_then_the_next_in_line_is_told_and_late_is_late(watched: World) -> None:
    one = opened(watched)
    until(watched, MONDAY - timedelta(hours=1))
    assert [(about, who) for about, who, _ in watched.told()] == [("reminder", "ana")]
    until(watched, MONDAY - timedelta(minutes=30))
    assert {(about, who) for about, who, _ in watched.told()} == {("overdue", "ana"), ("overdue", "ben")}
    watched.advance(minutes=10)
    watched.do(handing.write, one.id, NOTES, by="ana")
    watched.expect_update("on_call", "tomas")
    watched.advance(hours=3)
    assert next((about, who) for about, who, _ in watched.told()) == ("reminder", "tomas")
    watched.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    watched.expect_update("on_call", "ana")
    assert ended(watched, one) == [Owed.LATE, Owed.LATE]


def test_what_nobody_wrote_in_time_may_be_taken_over_as_it_is(watched: World) -> None:
    one = opened(watched)
    with pytest.raises(NotWritten):
        watched.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    until(watched, MONDAY)
    watched.told()
    watched.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    watched.expect_update("on_call", "ana")
    written, accepted = watched.read(handing.duties, one)
    assert (written.state, written.evidence) == (Owed.MISSED, "accepted unwritten by tomas")
    assert accepted.state is Owed.MET


def test_a_handoff_that_nobody_touches_is_missed_when_the_next_turn_has_ended(watched: World) -> None:
    one = opened(watched)
    until(watched, MONDAY + timedelta(weeks=1))
    watched.told()
    watched.overlook()
    assert watched.read(oncall.load_handoff, one.id).state is State.MISSED
    assert ended(watched, one) == [Owed.MISSED, Owed.MISSED]
    with pytest.raises(Settled, match="missed"):
        watched.do(handing.write, one.id, NOTES, by="ana")


def test_whoever_comes_may_ask_back_and_it_is_written_again(watched: World) -> None:
    one = opened(watched)
    watched.do(handing.write, one.id, NOTES, by="ana")
    watched.overlook()
    watched.do(handing.ask, one.id, "Which voice?", by="tomas")
    (mail,) = watched.expect_update("on_call", "ana")
    assert "Which voice?" in mail.body
    watched.do(handing.write, one.id, ("The German voice is slow", *NOTES[1:]), by="ana")
    watched.expect_update("on_call", "tomas")
    deeds = watched.read(oncall.deeds, one.id)
    assert [deed.did for deed in deeds] == ["written", "asked", "written"]
    assert deeds[-1].notes[0] == "The German voice is slow"


def test_only_those_whom_it_concerns_act_and_every_line_gets_a_note(watched: World) -> None:
    one = opened(watched)
    with pytest.raises(NotAllowed, match="Only ana"):
        watched.do(handing.write, one.id, NOTES, by="tomas")
    with pytest.raises(Invalid, match="4 notes"):
        watched.do(handing.write, one.id, NOTES[:2], by="ana")
    with pytest.raises(Invalid, match="if only that there is nothing") as empty:
        watched.do(handing.write, one.id, ("Voice", " ", "No", "No"), by="ana")
    assert empty.value.field == "note-2"
    watched.do(handing.write, one.id, NOTES, by="ana")
    watched.overlook()
    with pytest.raises(NotAllowed, match="Only tomas"):
        watched.do(handing.accept, one.id, contacts_confirmed=True, by="ben")
    with pytest.raises(NotConfirmed):
        watched.do(handing.accept, one.id, contacts_confirmed=False, by="tomas")
    with pytest.raises(Invalid):
        watched.do(handing.ask, one.id, " ", by="tomas")


def test_an_override_makes_two_handoffs_and_its_end_unmakes_them(watched: World) -> None:
    now = watched.clock.now()
    begins, ends = now + timedelta(hours=2), now + timedelta(hours=5)
    made = watched.do(
        arranging.override, "on_call", "tomas", starts_at=begins, ends_at=ends, reason="a film", by="tomas"
    )
    watched.overlook()
    found = handoffs(watched)
    assert [(one.outgoing, one.incoming, one.begins_at) for one in reversed(found)] == [
        (("ana",), ("tomas",), begins),
        (("tomas",), ("ana",), ends),
    ]
    watched.do(arranging.cancel, made.id, "no film", by="tomas")
    assert [one.state for one in handoffs(watched)] == [State.VOID, State.VOID]
    assert ended(watched, found[0]) == [Owed.VOID, Owed.VOID]
    watched.overlook()


def test_a_change_that_begins_at_once_leaves_time_to_write(watched: World) -> None:
    now = watched.clock.now()
    about = {"starts_at": now, "ends_at": now + timedelta(hours=6), "reason": "Ana flies"}
    watched.do(arranging.override, "on_call", "tomas", by="tomas", **about)
    watched.overlook()
    first = handoffs(watched)[-1]
    written, accepted = watched.read(handing.duties, first)
    assert written.due_at == now + timedelta(minutes=30)
    assert accepted.due_at == now + timedelta(minutes=30) + timedelta(hours=1)


def test_a_swap_hands_over_to_whoever_took_the_shift(watched: World) -> None:
    gives = Turn(rotation="on_call", starts_at=MONDAY - timedelta(hours=8), ends_at=MONDAY)
    asked = watched.do(arranging.ask, "ben", gives, None, "a concert", by="ana")
    watched.do(arranging.accept, asked.id, by="ben")
    until(watched, MONDAY - timedelta(hours=9))
    watched.overlook()
    watched.told()
    pairs = [(one.outgoing[0], one.incoming[0]) for one in reversed(handoffs(watched))]
    assert pairs == [("ana", "ben"), ("ben", "tomas")]


def test_the_packet_tells_what_goes_on_and_each_sees_what_they_may(watched: World) -> None:
    incident = watched.declare(severity="P1", title="Voice hangs")
    watched.do(commands.acknowledge, incident.id)
    watched.do(working.find, incident.id, "The vendor answers slowly")
    watched.do(
        commands.post_update,
        incident.id,
        "internal",
        {"impact": "Voice is slow", "actions": "We look at the vendor", "next": "A word at noon"},
    )
    secret = watched.declare(severity="P2", title="Somebody read the letters")
    watched.do(secrecy.make_confidential, secret.id, "a breach")
    watched.overlook()
    one = opened_later(watched)

    def seen(by: str) -> list[str]:
        with watched.database.read(watched.actor(by)) as tx:
            return [going.title for going in handing.handed_over(tx, one, oncall.deeds(tx, one.id)).incidents]

    assert seen("ana") == ["Voice hangs", "Somebody read the letters"]
    assert seen("tomas") == ["Voice hangs"]
    with watched.database.read(watched.actor("ana")) as tx:
        (going, _) = handing.handed_over(tx, one, []).incidents
    assert going.findings == ("Observation: The vendor answers slowly",)
    assert any(what.startswith("Resolve within") for what in going.owed)
    watched.do(handing.write, one.id, NOTES, by="ana")
    until(watched, MONDAY)
    watched.do(handing.accept, one.id, contacts_confirmed=True, by="tomas")
    watched.told()
    watched.overlook()
    kept = watched.read(oncall.deeds, one.id)
    assert [going["title"] for going in kept[0].packet["incidents"]] == ["Voice hangs", "Somebody read the letters"]
    assert seen("tomas") == ["Voice hangs"]


def opened_later(world: World) -> Handoff:
    until(world, MONDAY - timedelta(days=1))
    world.told()
    world.overlook()
    (one,) = handoffs(world)
    return one
