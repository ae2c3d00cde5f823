"""A storm of incidents wakes a person once: what comes shortly after a page is gathered into one that says how many."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.world import ROSE, World
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Message, MessageState, Retry
from tocsin.incidents.answer import Answer
from tocsin.incidents.model import Acknowledged, Incident, Undelivered
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import answers, commands, dispatch, secrecy

GATHERING = ROSE.replace("\npaging:\n", "\npaging:\n  gather_within: 30 s\n")
GONE = Dead("SMTP 550 no such mailbox")


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=GATHERING)
    yield world
    world.close()


def declare(world: World, count: int, severity: str = "P1") -> list[Incident]:
    return [world.declare(f"Trouble {place}", severity=severity) for place in range(count)]


def pages(world: World, person: str = "ana") -> list[Message]:
    return [one for one in world._news("page") if one.person == person]


def states(world: World, incidents: list[Incident]) -> list[MessageState]:
    found = [world.read(outbox.for_incident, one.id) for one in incidents]
    return [one.state for each in found for one in each if one.page_id and one.person == "ana"]


def end(world: World, incidents: list[Incident]) -> None:
    for one in incidents:
        world.do(commands.acknowledge, one.id)
    world.overlook()


def test_the_first_page_never_waits_and_the_others_come_as_one_that_says_how_many(world: World) -> None:
    storm = declare(world, 6)
    (first,) = pages(world)
    assert first.subject.startswith("[P1] Trouble 0")
    world.advance(seconds=29)
    assert pages(world) == []
    world.advance(seconds=1)
    (together,) = pages(world)
    assert together.subject.startswith("5 incidents page you: [P1] Trouble 1")
    for place in range(1, 6):
        assert f"[P1] Trouble {place}" in together.body
    assert states(world, storm) == [MessageState.SENT] * 6
    end(world, storm)


def test_the_worst_of_them_is_said_first(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    storm.append(world.declare("All is gone", severity="P0"))
    world.advance(seconds=30)
    (together,) = [one for one in pages(world) if "Trouble 1" in one.body]
    assert together.subject.startswith("3 incidents page you: [P0] All is gone")
    assert [line[1:3] for line in together.body.splitlines() if line.startswith("[P")] == ["P0", "P1", "P1"]
    end(world, storm)


def test_who_is_paged_for_what_got_worse_reads_why_it_did(world: World) -> None:
    (one,) = declare(world, 1)
    pages(world)
    world.do(commands.change_severity, one.id, "P0", "The backup is gone too")
    world.advance(seconds=3)
    (page,) = pages(world)
    said = page.body.splitlines()
    assert said[2:4] == ["Raised from P1 to P0: The backup is gone too", "At first: Declared by a person."]
    end(world, [one])


def test_a_storm_that_goes_on_wakes_once_in_each_window(world: World) -> None:
    storm = []
    for _ in range(20):
        storm += declare(world, 1)
        world.advance(seconds=4)
    assert [len(one.subject) > 0 for one in pages(world)] == [True] * 3
    end(world, storm)


def test_the_worst_severity_waits_three_seconds_at_the_most(world: World) -> None:
    first = declare(world, 1)
    assert len(pages(world)) == 1
    worst = world.declare("Everything is down", severity="P0")
    assert pages(world) == []
    world.advance(seconds=3)
    (page,) = pages(world)
    assert "Everything is down" in page.body
    end(world, [*first, worst])


def test_an_incident_later_than_the_window_pages_at_once(world: World) -> None:
    first = declare(world, 1)
    assert len(pages(world)) == 1
    world.advance(seconds=30)
    second = declare(world, 1)
    assert len(pages(world)) == 1
    end(world, first + second)


def test_its_link_shows_the_list_and_answers_all_or_one(world: World) -> None:
    storm = declare(world, 4)
    pages(world)
    world.advance(seconds=30)
    (together,) = pages(world)
    assert together.actions is not None
    token = together.actions["answer"].split("/a/")[1].removesuffix("/all")
    behind = world.read(answers.pages_behind, token)
    assert [one.incident_id for one in behind] == [one.id for one in storm[1:]]
    world.do(answers.answer_page, behind[1], Answer.ACKNOWLEDGE, "link")
    world.do(answers.answer_all, token, Answer.ACKNOWLEDGE)
    assert [len(world.entries(one.id, Acknowledged)) for one in storm] == [0, 1, 1, 1]
    end(world, storm)


def test_a_button_under_it_answers_all(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.advance(seconds=30)
    (together,) = pages(world)
    said = world.do(answers.answer_message, together.id, Answer.ACKNOWLEDGE, "email")
    assert said.count("acknowledged by you") == 2
    end(world, storm)


def test_what_was_answered_meanwhile_is_not_said(world: World) -> None:
    storm = declare(world, 4)
    pages(world)
    world.do(commands.acknowledge, storm[2].id)
    world.advance(seconds=30)
    (together,) = pages(world)
    assert together.subject.startswith("2 incidents")
    assert "Trouble 2" not in together.body
    end(world, storm)


def test_when_it_can_not_be_delivered_none_of_them_is_lost(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.mail.answers["ana@rose.example"] = GONE
    world.advance(seconds=30)
    assert [len(world.entries(one.id, Undelivered)) for one in storm] == [0, 1, 1]
    assert "Trouble 1" in "".join(one.body for one in world.mail.sent if one.person == "ben")
    world.mail.answers.clear()
    world.overlook()
    end(world, storm)


def test_when_it_has_to_be_tried_again_they_stay_together(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.mail.answers["ana@rose.example"] = Retry("SMTP 451")
    world.advance(seconds=30)
    world.mail.answers.clear()
    world.advance(seconds=3)
    (together,) = pages(world)
    assert together.subject.startswith("2 incidents")
    assert states(world, storm) == [MessageState.SENT] * 3
    end(world, storm)


def test_if_the_one_that_leads_is_answered_before_it_leaves_the_others_leave_all_the_same(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.mail.answers["ana@rose.example"] = Retry("SMTP 451")
    world.advance(seconds=30)
    world.do(commands.acknowledge, storm[1].id)
    world.mail.answers.clear()
    world.advance(seconds=5)
    (alone,) = pages(world)
    assert alone.subject.startswith("[P1] Trouble 2")
    end(world, storm)


def test_different_people_and_different_ways_are_different_places(world: World) -> None:
    with world.database.work(world.actor("ana")) as tx:
        people.add_contact(tx, "ana", Channel.WEBHOOK, "https://ana.example/hook", secret="s3cret", verified=True)
    storm = declare(world, 3)
    world.overlook()
    assert len(world.hook.sent) == 1
    world.advance(seconds=30)
    together = json.loads(world.hook.sent[1].body)
    assert together["type"] == "incidents.paged"
    assert [one["title"] for one in together["data"]["incidents"]] == ["Trouble 1", "Trouble 2"]
    end(world, storm)


def test_what_became_confidential_is_not_named_among_the_others(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.do(secrecy.make_confidential, storm[2].id, "An intruder")
    world.advance(seconds=30)
    (together,) = pages(world)
    assert "Trouble 1" in together.body
    assert "Trouble 2" not in together.body + together.subject
    end(world, storm)


def test_without_a_word_in_the_plan_two_pages_of_a_minute_come_by_themselves(database_url: str) -> None:
    world = World(database_url)
    storm = declare(world, 2)
    assert len(pages(world)) == 2
    world.advance(seconds=20)
    storm += declare(world, 3)
    assert pages(world) == []
    world.advance(seconds=39)
    assert pages(world) == []
    world.advance(seconds=1)
    (together,) = pages(world)
    assert together.subject.startswith("3 incidents page you: [P1] Trouble 0")
    worst = world.declare("Everything is down", severity="P0")
    assert pages(world) == []
    world.advance(seconds=3)
    assert len(pages(world)) == 1
    end(world, [*storm, worst])
    world.close()


def test_the_plan_says_how_many_pages_of_a_minute_come_by_themselves(database_url: str) -> None:
    world = World(database_url, plan=ROSE.replace("\npaging:\n", "\npaging:\n  singly: 1\n"))
    first = declare(world, 1)
    worst = world.declare("Everything is down", severity="P0")
    assert len(pages(world)) == 1
    world.advance(seconds=3)
    (page,) = pages(world)
    assert page.subject.startswith("[P0] Everything is down")
    end(world, [*first, worst])
    world.close()


def test_gathered_pages_survive_a_sender_that_dies(world: World) -> None:
    storm = declare(world, 3)
    pages(world)
    world.clock.advance_to(world.clock.now() + timedelta(seconds=30))
    found, _ = dispatch.Dispatcher(world.database, {})._claim()
    assert len([one for one in found if one.person == "ana"]) == 1
    world.clock.advance_to(world.clock.now() + outbox.LEASE)
    world.settle()
    (together,) = [one for one in world.mail.sent if one.subject.startswith("2 incidents")]
    assert "Trouble 1" in together.body and "Trouble 2" in together.body
    world.overlook()
    end(world, storm)


def test_a_page_that_may_have_arrived_is_repeated_as_it_was_and_takes_nobody_else_along(world: World) -> None:
    """Whoever has its key already throws the repetition away, with whatever is new in it."""
    storm = declare(world, 3)
    pages(world)
    world.clock.advance_to(world.clock.now() + timedelta(seconds=30))
    (claimed,) = [one for one in dispatch.Dispatcher(world.database, {})._claim()[0] if one.person == "ana"]
    world.clock.advance_to(world.clock.now() + outbox.LEASE - timedelta(seconds=1))
    storm.append(world.declare("Trouble 3", severity="P1"))
    world.advance(seconds=40)
    sent = [one for one in world.mail.sent if one.person == "ana" and one.page_id]
    (again,) = [one for one in sent if one.dedup_key == claimed.dedup_key]
    assert (again.subject, again.body) == (claimed.subject, claimed.body)
    (other,) = [one for one in sent if one.subject.startswith("[P1] Trouble 3")]
    assert other.dedup_key != claimed.dedup_key
    world.overlook()
    end(world, storm)
