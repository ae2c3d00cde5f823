"""Acknowledged, and then nothing: whoever answered is paged again, then the ladder; or they said that they would be
silent, and until when."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.world import ROSE, World
from tocsin.incidents.model import Paged
from tocsin.incidents.silence import NoSnooze, NotAcknowledged, NotSnoozed, NotTheirIncident
from tocsin.incidents.snooze import AskedAgain
from tocsin.kit.actor import Actor, ActorKind
from tocsin.kit.errors import Invalid
from tocsin.obligations.model import State
from tocsin.response import commands, relating

# Every severity that pages wants to hear of whoever answered.
QUIETLY = re.sub(r"(    escalation: \w+\n)", r"\1    silent_after: 20 min\n    snooze_most: 2 h\n", ROSE)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    assert QUIETLY != ROSE
    world = World(database_url, plan=QUIETLY)
    yield world
    world.close()


def answered(world: World, severity: str = "P1") -> str:
    """An incident that Ana has acknowledged; what else it owes is another story's."""
    incident = world.declare(severity=severity, by="lucia")
    world.do(commands.acknowledge, incident.id)
    world.overlook()
    return incident.id


def test_who_acknowledged_and_fell_silent_is_paged_again_then_the_ladder(world: World) -> None:
    incident = answered(world)
    assert world.owed(incident)["progress"].due_at == world.clock.now() + timedelta(minutes=20)
    world.advance(minutes=19, seconds=59)
    world.expect_silence()
    world.advance(seconds=1)
    world.expect_page("ana")
    world.advance(minutes=5)
    world.expect_page("ana")  # the ladder from its first step
    world.advance(minutes=5)
    world.expect_page("ben")
    assert [entry.person for entry in world.entries(incident, AskedAgain)] == ["ana"]
    assert [entry.step for entry in world.entries(incident, Paged)] == [0, -1, 0, 1]
    world.do(commands.note, incident, "I am here", by="ben")
    world.advance(minutes=10)
    world.expect_silence()
    assert world.ended(incident, "progress") == [State.LATE]


def test_each_word_of_a_person_begins_the_clock_anew_and_the_ledger_keeps_one_row(world: World) -> None:
    incident = answered(world)
    for _ in range(3):
        world.advance(minutes=15)
        world.do(commands.note, incident, "still at it")
    world.advance(minutes=19)
    world.expect_silence()
    assert world.ended(incident, "progress") == []
    world.advance(minutes=1)
    world.expect_page("ana")


def test_the_link_in_the_page_answers_once_more(world: World) -> None:
    incident = answered(world)
    began = world.incident(incident).acknowledged_at
    world.advance(minutes=20)
    (page,) = world.expect_page("ana")
    world.do(commands.acknowledge_page, world.answer_link(page))
    found = world.incident(incident)
    assert not found.awaits_answer and found.acknowledged_at == began
    assert world.ended(incident, "answer:-1") == [State.MET]
    world.advance(minutes=19)
    world.expect_silence()
    world.advance(minutes=1)
    world.expect_page("ana")


def test_what_a_program_writes_is_no_word(world: World) -> None:
    incident = answered(world)
    world.advance(minutes=10)
    robot = Actor("token:robot", ActorKind.TOKEN, frozenset({"incidents:write"}))
    world.database.run(robot, lambda tx: commands.note(tx, incident, "the graph is flat"))
    world.advance(minutes=10)
    world.expect_page("ana")


def test_the_end_of_the_trouble_ends_the_clock(world: World) -> None:
    incident = answered(world)
    into = world.declare(severity="P1", title="The same again")
    world.do(commands.acknowledge, into.id)
    world.do(relating.merge, incident, into.id, "the same")
    world.overlook()
    assert world.owed(incident) == {} and world.ended(incident, "progress") == [State.VOID]


def test_a_snooze_holds_the_clock_and_ends_with_a_page_to_whoever_snoozed(world: World) -> None:
    incident = answered(world)
    world.do(commands.snooze, incident, world.clock.now() + timedelta(minutes=90), "the vendor works on it")
    found = world.owed(incident)
    assert "progress" not in found and found["snooze"].due_at == world.clock.now() + timedelta(minutes=90)
    before = {key: one.due_at for key, one in found.items()}
    world.advance(minutes=2)
    assert all(world.owed(incident)[key].due_at == at for key, at in before.items() if key in world.owed(incident))
    world.advance(minutes=87)
    world.expect_silence()
    world.advance(minutes=1)
    world.expect_page("ana")
    assert world.ended(incident, "snooze") == [State.MET]
    assert world.entries(incident, AskedAgain)[-1].because == "the snooze ended"
    world.advance(minutes=5)
    world.expect_page("ana")
    world.do(commands.acknowledge, incident)
    world.advance(minutes=19)
    world.expect_silence()


def test_a_responder_ends_a_snooze_by_hand_and_the_silence_counts_from_then(world: World) -> None:
    incident = answered(world)
    world.do(commands.snooze, incident, world.clock.now() + timedelta(minutes=90), "the vendor works on it")
    world.advance(minutes=30)
    with pytest.raises(NotTheirIncident):
        world.do(commands.wake, incident, by="erin")
    world.do(commands.wake, incident, "the vendor is done")
    world.expect_silence()
    assert world.ended(incident, "snooze") == [State.VOID]
    assert world.incident(incident).snoozed_until is None
    with pytest.raises(NotSnoozed):
        world.do(commands.wake, incident)
    world.advance(minutes=19)
    world.expect_silence()
    world.advance(minutes=1)
    world.expect_page("ana")


def test_reminders_that_a_snooze_held_come_when_it_is_ended_by_hand(world: World) -> None:
    incident = answered(world)
    due = world.owed(incident)["resolve"].due_at
    world.advance(seconds=(due - timedelta(minutes=30) - world.clock.now()).total_seconds())
    world.do(commands.note, incident, "still at it")
    world.do(commands.snooze, incident, due - timedelta(minutes=2), "the vendor works on it")
    world.advance(minutes=16)
    assert not [one for one in world.told() if one[0] == "reminder" and "Resolve" in one[2]]
    world.do(commands.wake, incident)
    assert [one for one in world.told() if one[0] == "reminder" and "Resolve" in one[2]]
    world.overlook()


def test_reminders_wait_for_the_end_of_a_snooze_and_what_is_overdue_does_not(world: World) -> None:
    incident = answered(world)
    now = world.clock.now()
    due = world.owed(incident)["resolve"].due_at
    world.told()
    world.advance(seconds=(due - timedelta(minutes=16) - now).total_seconds())
    world.told()
    world.overlook()
    world.do(commands.snooze, incident, due - timedelta(minutes=5), "the vendor works on it")
    world.advance(minutes=10)
    assert [about for about, _, subject in world.told() if "Resolve" in subject] == []
    world.advance(minutes=1)
    assert [about for about, _, subject in world.told() if "Resolve" in subject] == ["reminder"]
    world.overlook()


def test_a_snooze_is_refused_where_the_plan_has_none_and_beyond_its_limit(world: World) -> None:
    incident = world.declare(severity="P1", by="lucia")
    later = world.clock.now() + timedelta(hours=1)
    with pytest.raises(NotAcknowledged):
        world.do(commands.snooze, incident.id, later, "x")
    world.do(commands.acknowledge, incident.id)
    with pytest.raises(Invalid, match="2 h at the most"):
        world.do(commands.snooze, incident.id, later + timedelta(hours=2), "x")
    with pytest.raises(Invalid, match="over already"):
        world.do(commands.snooze, incident.id, world.clock.now(), "x")
    with pytest.raises(Invalid, match="Say why"):
        world.do(commands.snooze, incident.id, later, " ")
    with pytest.raises(NotTheirIncident):
        world.do(commands.snooze, incident.id, later, "x", by="erin")
    low = world.declare(severity="P3", by="ana", title="A typo", type="performance_degradation")
    world.do(commands.acknowledge, low.id)
    with pytest.raises(NoSnooze, match="P3"):
        world.do(commands.snooze, low.id, later, "x")
    world.overlook()


def test_a_raised_level_ends_a_snooze(world: World) -> None:
    incident = answered(world)
    world.do(commands.snooze, incident, world.clock.now() + timedelta(minutes=60), "the vendor works on it")
    world.do(commands.change_severity, incident, "P0", "it is worse")
    found = world.incident(incident)
    assert found.snoozed_until is None and "snooze" not in world.owed(incident)
    assert world.ended(incident, "snooze") == [State.VOID]
    world.overlook()
