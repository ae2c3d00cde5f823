"""Whoever is paged can answer, send it on, or say that they cannot; each is kept, and has its consequences."""

import pytest

from tests.support.ending import mend
from tests.support.world import World
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Message
from tocsin.incidents.answer import Answer, Declined, EscalationAsked
from tocsin.incidents.answering import NothingToClimb
from tocsin.incidents.lifecycle import AlreadyResolved
from tocsin.incidents.model import Acknowledged, Escalated, Incident, Paged
from tocsin.obligations.model import State
from tocsin.response import answers, commands
from tocsin.response.answers import NotPaged


def by_link(world: World, page: Message, answer: Answer, because: str = "") -> Incident:
    return world.do(answers.answer_link, world.answer_link(page), answer, because)


def paged(world: World, incident: Incident) -> list[tuple[str, ...]]:
    return [one.people for one in world.entries(incident.id, Paged)]


def kinds_of(world: World, incident: Incident) -> list[list[str]]:
    messages = [one for one in world.read(outbox.for_incident, incident.id) if one.page_id]
    found = world.read(receipts.of_messages, [one.id for one in messages])
    return [[str(one.kind) for one in found[message.id]] for message in messages]


def test_whoever_asks_for_the_next_step_gets_it_at_once_and_it_waits_for_an_answer(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    by_link(world, page, Answer.ESCALATE, "I need Ben")
    world.expect_page("ben")
    (asked,) = world.entries(incident.id, EscalationAsked)
    assert (asked.by, asked.step, asked.through, asked.because) == ("ana", 0, "link", "I need Ben")
    assert world.ended(incident.id, "answer:0") == [State.VOID]
    assert "answer:1" in world.owed(incident.id)
    assert world.incident(incident.id).acknowledged_at is None
    world.do(commands.acknowledge, incident.id)


def test_pressing_the_button_twice_pages_the_next_step_once(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    for _ in range(3):
        by_link(world, page, Answer.ESCALATE)
    world.expect_page("ben")
    assert len(world.entries(incident.id, EscalationAsked)) == 1
    world.do(answers.escalate, incident.id, step=0)
    world.expect_silence()
    world.do(answers.escalate, incident.id, step=1)
    assert len(paged(world, incident)) == 3
    world.overlook()
    world.do(commands.acknowledge, incident.id)


def test_a_responder_who_has_answered_may_still_call_the_next_step(world: World) -> None:
    incident = world.declare(severity="P1")
    world.expect_page("ana")
    world.do(commands.acknowledge, incident.id)
    world.do(answers.escalate, incident.id, "Two pairs of eyes")
    world.expect_page("ben")
    assert not [key for key in world.owed(incident.id) if key.startswith("answer:")]
    world.advance(minutes=10)
    assert paged(world, incident) == [("ana",), ("ben",)]


def test_whoever_declines_is_left_in_peace_and_the_next_one_is_paged_at_once(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    by_link(world, page, Answer.DECLINE, "On a plane")
    world.expect_page("ben")
    (declined,) = world.entries(incident.id, Declined)
    assert (declined.by, declined.step, declined.because) == ("ana", 0, "On a plane")
    assert paged(world, incident) == [("ana",), ("ben",)]
    by_link(world, page, Answer.DECLINE)
    world.expect_silence()
    assert len(world.entries(incident.id, Declined)) == 1
    world.do(commands.acknowledge, incident.id, by="ben")


def test_when_several_are_paged_together_one_may_decline_and_the_others_are_still_asked(world: World) -> None:
    incident = world.declare(severity="P0")
    pages = {str(one.person): one for one in world._news("page")}
    by_link(world, pages["ana"], Answer.DECLINE)
    world.expect_silence()
    assert world.entries(incident.id, Escalated) == []
    by_link(world, pages["ben"], Answer.ACKNOWLEDGE)
    assert [one.by for one in world.entries(incident.id, Acknowledged)] == ["ben"]


def test_when_everybody_has_declined_the_wait_before_the_next_round_is_kept(world: World) -> None:
    incident = world.declare(severity="P0")
    for page in world._news("page"):
        by_link(world, page, Answer.DECLINE)
    world.expect_silence()
    world.advance(minutes=5)
    assert len(world._news("page")) == 5
    world.do(commands.acknowledge, incident.id)


def test_whoever_declined_may_take_it_after_all(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    by_link(world, page, Answer.DECLINE)
    world.expect_page("ben")
    by_link(world, page, Answer.ACKNOWLEDGE)
    assert world.incident(incident.id).acknowledged_by == "ana"


def test_once_somebody_has_answered_there_is_nothing_to_decline(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    world.do(commands.acknowledge, incident.id, by="ben")
    by_link(world, page, Answer.DECLINE)
    assert world.entries(incident.id, Declined) == []
    with pytest.raises(NotPaged):
        world.do(answers.decline, incident.id, by="lucia")
    world.do(mend, incident.id)
    world.expect_silence()
    by_link(world, page, Answer.ESCALATE)
    with pytest.raises(AlreadyResolved):
        world.do(answers.escalate, incident.id)


def test_where_the_plan_pages_nobody_there_is_nothing_to_climb(world: World) -> None:
    quiet = next((key for key, one in world.plan().severities.items() if one.escalation is None), None)
    if quiet is None:
        pytest.skip("every severity of the plan pages somebody")
    incident = world.declare(severity=quiet)
    with pytest.raises(NothingToClimb):
        world.do(answers.escalate, incident.id)


def test_looking_at_a_link_is_kept_once_and_answers_nothing(world: World) -> None:
    incident = world.declare(severity="P1")
    (page,) = world.expect_page("ana")
    for _ in range(3):
        world.do(answers.opened, world.answer_link(page))
    assert world.incident(incident.id).acknowledged_at is None
    assert kinds_of(world, incident) == [["sent", "opened"]]
    by_link(world, page, Answer.ACKNOWLEDGE)
    world.do(answers.opened, world.answer_link(page))
    assert kinds_of(world, incident) == [["sent", "opened", "answered"]]
