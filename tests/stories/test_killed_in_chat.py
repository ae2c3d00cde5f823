"""A node that dies after Slack has its answer and before anything is done: what was asked for is done all the same."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from sqlalchemy import text

from tests.support import slacksends as sends
from tests.support.server import NO_TLS, Server, running_server, wait_until
from tests.support.slack import SIGNING_SECRET, TOKEN, Workspace, workspace
from tests.support.world import QUIET, World
from tocsin.comms import store as comms
from tocsin.db.engine import Database
from tocsin.delivery import slackin
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Noted
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import store as people
from tocsin.response import chatting, commands
from tocsin.response.chatting import LEFT_FOR, Chatting

TERMS = chatting.Terms(command="/incident", emoji="pushpin")
OUTAGE: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


class Killed(BaseException):
    """The node dies here."""


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        yield one


@pytest.fixture
def world(database_url: str, slack: Workspace) -> Iterator[World]:
    one = World(database_url, plan=QUIET, reachable=False)
    with one.database.work(SYSTEM) as tx:
        people.keep_chat_account(tx, "slack", "ana", slack.person("ana"), entered=True)
    yield one
    one.database.dispose()


def notes(database: Database, incident: Incident) -> list[str]:
    with database.read(SYSTEM) as tx:
        return [one.entry.text for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, Noted)]


def left(database: Database) -> int:
    with database.read(SYSTEM) as tx:
        return len(comms.requests(tx, tx.now, 100))


def dies_when_it_has_answered(world: World, kind: str, payload: dict[str, Any]) -> list[Any]:
    """What Slack was answered, through the socket, by a node that was killed right then."""
    said: list[Any] = []

    async def answer(words: Any) -> None:
        said.append(words)
        raise Killed

    with pytest.raises(Killed):
        asyncio.run(Chatting(world.database, TERMS).brought(kind, payload, answer))
    return said


def test_a_command_that_was_answered_and_not_begun_is_done_once_at_the_next_start(
    world: World, slack: Workspace
) -> None:
    incident = world.declare()
    asked = sends.command(slack, slack.person("ana"), "note #1 the disk is full")
    assert dies_when_it_has_answered(world, slackin.COMMANDS, asked) == [{}]
    assert (notes(world.database, incident), left(world.database)) == ([], 1)
    other, anew = Chatting(world.database, TERMS), Chatting(world.database, TERMS)
    assert other.resume() == 0  # a node that lives may be about to do it
    assert [anew.resume(begins=True), anew.resume(begins=True)] == [1, 0]
    assert (notes(world.database, incident), left(world.database)) == (["the disk is full"], 0)
    assert dies_when_it_has_answered(world, slackin.COMMANDS, asked) == [{}]  # Slack brings it again
    assert (notes(world.database, incident), left(world.database)) == (["the disk is full"], 0)


def test_another_node_does_it_after_a_while_and_says_what_is_wrong_with_it(world: World, slack: Workspace) -> None:
    world.declare()
    dies_when_it_has_answered(world, slackin.COMMANDS, sends.command(slack, slack.person("ana"), "ack #7"))
    stranger = sends.command(slack, slack.person("ben"), "ack #1")
    dies_when_it_has_answered(world, slackin.COMMANDS, stranger)
    world.clock.advance_to(world.clock.now() + LEFT_FOR + timedelta(seconds=1))
    assert Chatting(world.database, TERMS).resume() == 2
    assert left(world.database) == 0
    with world.database.read(SYSTEM) as tx:
        replies = tx.all(text("select secret from message where channel = 'slack_reply'"))
        said = " ".join(tx.keys.open_(one.secret) for one in replies)
    assert "There is no incident number 7." in said and "Nobody in Tocsin is linked" in said


def test_a_server_that_is_killed_between_the_answer_and_the_work_does_it_when_it_starts(
    postgresql_url: str, tmp_path: Path, slack: Workspace
) -> None:
    about = {
        "TOCSIN_SLACK_BOT_TOKEN": TOKEN,
        "TOCSIN_SLACK_API_URL": slack.url,
        "TOCSIN_SLACK_SIGNING_SECRET": SIGNING_SECRET,
    }
    with running_server(tmp_path, postgresql_url, 9, plan=QUIET, **about) as server:
        app = server.app()
        with app.database.work(SYSTEM) as tx:
            people.keep_chat_account(tx, "slack", "ana", slack.person("ana"), entered=True)
            incident = commands.declare(tx, **OUTAGE)
        with app.database.work(SYSTEM) as tx:  # the work can't begin while its incident is somebody else's
            tx.run(text("select id from incident where id = :id for update"), {"id": incident.id})
            began = time.monotonic()
            answer = asked(server, slack, "note #1 the disk is full")
            assert (answer.status_code, answer.text) == (200, "") and time.monotonic() - began < 3
            server.kill()
        assert (notes(app.database, incident), left(app.database)) == ([], 1)
        server.start()
        wait_until(lambda: notes(app.database, incident), what="the note")
        wait_until(lambda: not left(app.database), what="the end of the request")
        assert notes(app.database, incident) == ["the disk is full"]
        app.database.dispose()


def asked(server: Server, slack: Workspace, words: str) -> httpx2.Response:
    body = urlencode(sends.command(slack, slack.person("ana"), words)).encode()
    headers = sends.signed(body, SystemClock().now().timestamp())
    return httpx2.post(f"{server.url}/in/slack/command", content=body, headers=headers, timeout=5, verify=NO_TLS)
