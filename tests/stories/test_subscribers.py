"""Subscribers of the status page through an incident: told of each update once, and never of what is confidential."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.races import together
from tests.support.server import running_server, wait_until
from tests.support.smtp import SmtpSink
from tests.support.subscribed import enter, post_of, tell
from tests.support.world import KEY as WORLDS_KEY
from tests.support.world import QUIET, World
from tocsin.comms import updates
from tocsin.comms.subscribers import commands as subscribing
from tocsin.comms.subscribers import links, outbox
from tocsin.comms.subscribers import store as subscribers
from tocsin.comms.subscribers.model import Subscriber
from tocsin.db import settings as kept
from tocsin.db.engine import Database
from tocsin.kit.actor import STRANGER, SYSTEM
from tocsin.plan.model import Stage
from tocsin.response import commands, secrecy, telling
from tocsin.response.fanout import AT_ONCE, Fanout
from tocsin.signals import commands as silencing
from tocsin.signals.commands import Wanted

KEY = "the key of this story"
WORDS = {"issue": "Rose is slow", "impact": "Replies take a minute.", "actions": "We look.", "next": "More soon."}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as one:
        yield one


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    one = World(database_url, plan=QUIET, reachable=False)
    yield one
    one.database.dispose()


def post(world: World, incident_id: str, stage: Stage = Stage.INVESTIGATING) -> None:
    fields = {name: WORDS.get(name, "It goes on.") for name in updates.TYPED}
    world.do(commands.post_update, incident_id, "public", fields, stage)


def subjects(sink: SmtpSink, address: str = "p0@example.org") -> list[str]:
    return [mail.subject for mail in sink.messages if mail.recipients == (address,)]


def test_each_public_update_reaches_each_subscriber_once(world: World, sink: SmtpSink) -> None:
    enter(world.database, 3)
    incident = world.declare()
    post(world, incident.id)
    post(world, incident.id, Stage.IDENTIFIED)
    for _ in range(3):
        tell(world.database, sink, KEY)
    assert Counter(mail.recipients[0] for mail in sink.messages) == {f"p{n}@example.org": 2 for n in range(3)}
    assert len({mail.message_id for mail in sink.messages}) == 6
    first = sink.messages[0]
    assert "/status/i/" in first.text and "Rose is slow" in first.text and "Voice replies hang" not in first.text


def by_their_link(world: World, purpose: links.Purpose, one: Subscriber) -> str:
    return links.token(world.database.run(SYSTEM, kept.signing_key), purpose, one.id)


def test_they_are_told_in_the_name_of_the_page(database_url: str, sink: SmtpSink) -> None:
    world = World(database_url, plan=f"{QUIET}\nstatus_page: {{ name: Rose at the hut }}\n", reachable=False)
    with world.database.work(SYSTEM) as tx:
        kept.write(tx, kept.STATUS_URL, "https://status.rose.example")
    enter(world.database, 1)
    post(world, world.declare().id)
    tell(world.database, sink, KEY)
    assert subjects(sink) == ["[Rose at the hut] Investigating: Rose is slow"]
    assert "\nhttps://status.rose.example/i/" in sink.messages[0].text  # where the public reads it
    assert "\nhttps://status.rose.example/status" not in sink.messages[0].text
    assert "the status page of Rose at the hut." in " ".join(sink.messages[0].text.split())
    world.database.dispose()


def test_a_correction_goes_to_exactly_those_who_got_the_first_or_will_get_it(world: World, sink: SmtpSink) -> None:
    people = {one.address: one for one in enter(world.database, 3)}
    incident = world.declare(components=("voice",))
    post(world, incident.id)
    first = world.incident(incident.id).entries
    tell(world.database, sink, KEY)
    post(world, incident.id, Stage.IDENTIFIED)  # which nobody is told before it is corrected
    second = world.incident(incident.id).entries
    leaving = by_their_link(world, links.Purpose.LEAVE, people["p0@example.org"])
    choosing = by_their_link(world, links.Purpose.MANAGE, people["p1@example.org"])
    world.database.run(STRANGER, lambda tx: subscribing.leave(tx, leaving))
    world.database.run(STRANGER, lambda tx: subscribing.choose(tx, choosing, ("rose/memory",)))
    world.clock.advance_to(world.clock.now() + timedelta(minutes=1))
    enter(world.database, 2, first=3)
    for number in (first, second):
        world.do(telling.correct, incident.id, number, "Some of you wait.", "only some of you were touched")
    tell(world.database, sink, KEY)
    told = {
        address: [one.partition("] ")[2].partition(":")[0] for one in subjects(sink, address)] for address in people
    }
    assert told == {
        "p0@example.org": ["Investigating"],
        "p1@example.org": ["Investigating", "Correction"],
        "p2@example.org": ["Investigating", "Identified", "Correction", "Correction"],
    }
    assert {mail.recipients[0] for mail in sink.messages} == set(people)


def test_what_is_withdrawn_is_told_once_to_whoever_was_told(world: World, sink: SmtpSink) -> None:
    enter(world.database, 1)
    incident = world.declare()
    post(world, incident.id)
    tell(world.database, sink, KEY)
    world.do(telling.withdraw, incident.id, world.incident(incident.id).entries, "it was another service")
    for _ in range(2):
        tell(world.database, sink, KEY)
    assert len(sink.messages) == 2 and "Withdrawn at" in sink.messages[-1].text
    assert "it was another service" in sink.messages[-1].text and "Rose is slow" not in sink.messages[-1].text


def test_who_wants_to_hear_of_another_part_is_not_told(world: World, sink: SmtpSink) -> None:
    enter(world.database, 1, ("rose/memory",))
    incident = world.declare(components=("voice",))
    post(world, incident.id)
    tell(world.database, sink, KEY)
    assert sink.messages == []


def test_of_an_internal_update_nobody_outside_is_told(world: World, sink: SmtpSink) -> None:
    enter(world.database, 1)
    incident = world.declare()
    fields = {"impact": "Replies hang.", "actions": "We look.", "next": "More.", "eta": "soon"}
    world.do(commands.post_update, incident.id, "internal", fields)
    tell(world.database, sink, KEY)
    assert sink.messages == []


def test_what_becomes_confidential_reaches_nobody_who_has_not_been_told(world: World, sink: SmtpSink) -> None:
    enter(world.database, 2)
    incident = world.declare()
    post(world, incident.id)
    world.do(secrecy.make_confidential, incident.id, "it is about a person")
    tell(world.database, sink, KEY)
    assert sink.messages == []
    with world.database.read(SYSTEM) as tx:
        assert not outbox.has_news(tx) and outbox.waiting(tx) == 0


def test_planned_maintenance_is_told_of_when_it_is_planned_begins_and_ends(world: World, sink: SmtpSink) -> None:
    enter(world.database, 1)
    now = world.clock.now()
    wanted = Wanted(
        matchers=(),
        service="rose",
        components=(),
        title="A new database",
        text="Rose is away for an hour.",
        starts_at=now + timedelta(hours=1),
        ends_at=now + timedelta(hours=2),
        because="it is old",
    )
    world.do(silencing.silence, wanted, accept_worst=True)
    for _ in range(3):
        tell(world.database, sink, KEY)
        tell(world.database, sink, KEY)
        world.clock.advance_to(world.clock.now() + timedelta(hours=1))
    stages = [subject.partition("] ")[2].partition(":")[0] for subject in subjects(sink)]
    assert stages == ["Planned", "It has begun", "It is over"]


def test_two_nodes_tell_everybody_once(postgresql_url: str, sink: SmtpSink) -> None:
    world = World(postgresql_url, plan=QUIET, reachable=False)
    other = Database(postgresql_url, world.clock, world.database.keys)
    enter(world.database, 300)
    post(world, world.declare().id)
    together(*(lambda node=node: tell(node, sink, KEY) for node in (world.database, other)))
    tell(world.database, sink, KEY)
    assert Counter(Counter(mail.message_id for mail in sink.messages).values()) == {1: 300}
    other.dispose()
    world.database.dispose()


def test_a_node_that_stops_puts_back_what_it_has_not_sent(world: World, sink: SmtpSink) -> None:
    enter(world.database, 60)
    post(world, world.declare().id)

    async def stops() -> None:
        fanout = Fanout(world.database, post_of(sink, KEY))
        while not sink.messages:
            await fanout.turn()
            await asyncio.sleep(0.001)
        await fanout.close()

    asyncio.run(stops())
    tell(world.database, sink, KEY)
    assert Counter(Counter(mail.message_id for mail in sink.messages).values()) == {1: 60}


def test_a_server_that_is_killed_while_it_tells_them_leaves_nobody_out(tmp_path: Path, sink: SmtpSink) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    count = 1500
    with running_server(tmp_path, url, sink.port, plan=QUIET, TOCSIN_SECRET_KEY=WORLDS_KEY) as server:
        world = World(url, plan=QUIET, reachable=False)
        enter(world.database, count)
        world.clock.advance_to(server.ask(lambda tx: tx.now))
        with world.database.work(world.actor("ana")) as tx:
            incident = commands.declare(tx, title="It hangs", severity="P1", type="service_outage", service="rose")
            fields = {name: WORDS.get(name, "It goes on.") for name in updates.TYPED}
            commands.post_update(tx, incident.id, "public", fields, Stage.INVESTIGATING)
        wait_until(lambda: len(sink.messages) > count // 3, what="some of the mails")
        server.kill()
        server.start()
        wait_until(lambda: server.ask(outbox.waiting) == 0 and not server.ask(outbox.has_news), what="the rest")
        people = server.ask(lambda tx: subscribers.listing(tx, subscribers.Wanted(limit=count)))
        world.database.dispose()
    came = Counter(mail.message_id for mail in sink.messages if mail.recipients[0].startswith("p"))
    assert len(came) == len(people) == count
    assert sum(came.values()) - count <= AT_ONCE
