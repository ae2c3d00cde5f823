"""Detection: the page is answered, and the incident is declared."""

from datetime import timedelta

import pytest

from tests.support.console import Console
from tests.support.keeping import fell_due, kept
from tests.support.visitor import Visitor
from tests.support.world import World
from tocsin.incidents import words
from tocsin.incidents.model import Acknowledged, Escalated
from tocsin.kit.actor import SYSTEM
from tocsin.obligations.model import State
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import answers, commands, letters
from tocsin.signals.model import Arrival


def pages(world: World, person: str) -> list[str]:
    """The answer links of the pages that this person was sent, oldest first."""
    sent = [one for one in world.mail.sent if one.audience == "page" and one.person == person]
    return [f"/a/{world.answer_link(one)}" for one in sent]


def test_det_02_the_link_in_a_page_is_answered_without_signing_in(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(minutes=4)
    telephone = Visitor(console.here)  # nobody is signed in on it
    (address,) = pages(world, "ana")
    asked = telephone.open(address)
    assert asked.status == 200 and asked.says("Acknowledge as Ana Okafor")
    assert world.incident(incident.id).acknowledged_at is None  # mail programs open links; that answers nothing
    assert telephone.send(address, {}).status in (200, 303)
    world.settle()
    found = world.incident(incident.id)
    assert (found.acknowledged_by, found.acknowledged_at) == ("ana", world.clock.now())
    assert kept(world, incident, "acknowledge") and kept(world, incident, "answer:0")
    world.advance(minutes=10)
    assert pages(world, "ben") == [] and world.entries(incident.id, Escalated) == []


def test_det_02_a_page_that_nobody_answers_in_five_minutes_goes_on_to_others(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(minutes=5)
    assert world.ended(incident.id, "answer:0") == [State.MISSED]
    assert len(pages(world, "ben")) == 1
    assert console.room(incident).says("Step 1 went unanswered") or console.room(incident).says("escalated")
    (escalated,) = world.entries(incident.id, Escalated)
    assert escalated.at - incident.declared_at == timedelta(minutes=5)


@pytest.mark.parametrize("through", ["console", "api"])
def test_det_02_it_can_be_answered_in_the_room_and_by_a_program(console: Console, through: str) -> None:
    world = console.world
    incident = world.declare(severity="P0")
    if through == "console":
        assert console.press(incident, "acknowledge").status == 303
    else:
        address = f"/api/v1/incidents/{incident.id}/acknowledge"
        answer = console.here.post(address, headers=console.here.bearer("incidents:write", "incidents:read"))
        assert answer.status_code in (200, 201, 204), answer.text
    world.settle()
    assert kept(world, incident, "acknowledge")
    (said,) = world.entries(incident.id, Acknowledged)
    assert "acknowledged" in words.sentence(world.plan(), said)
    assert "acknowledge" not in fell_due(world, incident)


def test_det_02_a_text_message_is_answered_by_replying_to_it(console: Console) -> None:
    world = console.world
    with world.database.work(SYSTEM) as tx:
        people.add_contact(tx, "ana", Channel.SMS, "+4917012345", verified=True)
    incident = world.declare(severity="P1")
    world.advance(minutes=4)
    assert "acknowledged by you" in world.do(answers.answer_text, "+4917012345", "ack")
    (answer,) = world.entries(incident.id, Acknowledged)
    assert (answer.by, answer.through) == ("ana", "sms")
    assert kept(world, incident, "acknowledge") and kept(world, incident, "answer:0")


def test_det_02_a_page_is_kept_with_what_became_of_it(console: Console) -> None:
    world = console.world
    incident = world.declare(severity="P1")
    world.advance(seconds=40)
    Visitor(console.here).open(pages(world, "ana")[0])
    world.advance(minutes=1)
    Visitor(console.here).send(pages(world, "ana")[0], {})
    (page,) = world.read(letters.pages_of, incident.id)
    (letter,) = page.letters
    steps = [(one.kind, (one.at - page.paged_at).total_seconds()) for one in letter.receipts]
    assert steps == [("sent", 0), ("opened", 40), ("answered", 100)]


def test_det_04_nothing_is_declared_without_a_severity(console: Console) -> None:
    answer = console.visitor("ben").do("/declare", "/declare", title="Voice hangs", type="service_outage")
    assert answer.status == 400 and 'href="#severity"' in answer.html


def test_det_04_a_declaration_has_its_ticket_at_once(console: Console) -> None:
    ben = console.visitor("ben")
    answer = ben.do("/declare", "/declare", title="Voice hangs", severity="P1", type="service_outage", service="rose")
    assert answer.status == 303
    console.world.settle()
    incident = console.world.incident()
    assert (incident.severity, incident.severity_by, incident.declared_by) == ("P1", "ben", "ben")
    ticket = ben.open(f"/incidents/{incident.id}/ticket")
    for said in (f"Incident {incident.number}: Voice hangs", "P1", "Service outage", "Root cause", "Action items"):
        assert ticket.says(said)


def test_det_04_a_signal_is_given_its_severity_too(console: Console) -> None:
    console.world.arrive(Arrival(source="generic", key="down", title="Rose is completely down"))
    incident = console.world.incident()
    assert incident.severity == "P0"
    assert console.visitor("ben").open(f"/incidents/{incident.id}/ticket").says("Rose is completely down")


def test_det_04_the_commander_is_called_to_a_p0_at_once(busy: World) -> None:
    busy.declare(severity="P0")
    assert len(pages(busy, "ben")) == 1  # who commands this week


def test_det_04_the_commander_is_called_to_a_p1_that_nobody_answers(busy: World) -> None:
    busy.declare(severity="P1")
    assert pages(busy, "ben") == []
    busy.advance(minutes=5)
    assert len(pages(busy, "ben")) == 1


@pytest.mark.parametrize("level", ["P2", "P3"])
def test_det_04_no_commander_is_called_to_lesser_trouble_that_is_answered(busy: World, level: str) -> None:
    incident = busy.declare(severity=level)
    busy.do(commands.acknowledge, incident.id)
    busy.advance(hours=2)
    assert pages(busy, "ben") == []
