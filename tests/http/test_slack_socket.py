"""Slack's socket: the same work without a public address, through connections that end and are opened again."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import slacksends as sends
from tests.support.slack import APP_TOKEN, TOKEN, Workspace, workspace
from tests.support.slacksocket import Sockets, sockets
from tests.support.terminal import Terminal
from tocsin import settings
from tocsin.app import App
from tocsin.delivery import slackapp
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Noted
from tocsin.incidents.places import MessageKept
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import store as people
from tocsin.response import commands
from tocsin.settings import BadSetting, Settings

OUTAGE: dict[str, Any] = {"title": "Voice hangs", "severity": "P1", "type": "service_outage", "service": "rose"}


@pytest.fixture
def slack() -> Iterator[Workspace]:
    with workspace() as one:
        one.person("ana")
        yield one


@pytest.fixture
def socket(slack: Workspace) -> Iterator[Sockets]:
    with sockets(slack) as one:
        yield one


def eventually(happened: Callable[[], Any], seconds: float = 8.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
    return found


def running(url: str, slack: Workspace, story: Callable[[App], None], nodes: int = 1, token: str = APP_TOKEN) -> None:
    """Play a story while so many servers run, engine and all."""
    about: dict[str, Any] = {"slack_bot_token": TOKEN, "slack_app_token": token, "slack_api_url": slack.url}
    apps = [App(Settings(database_url=url, **about), SystemClock()) for _ in range(nodes)]
    for app in apps:
        app.prepare()
    with apps[0].database.work(SYSTEM) as tx:
        people.keep_chat_account(tx, "slack", "ana", slack.person("ana"), entered=True)

    async def all_of_them() -> None:
        async with AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.running())
            await asyncio.to_thread(story, apps[0])

    try:
        asyncio.run(all_of_them())
    finally:
        for app in apps:
            app.database.dispose()


def declared(app: App) -> Incident:
    return app.database.run(SYSTEM, lambda tx: commands.declare(tx, **OUTAGE))


def entries(app: App, incident: Incident, kind: type[Any]) -> list[Any]:
    with app.database.read(SYSTEM) as tx:
        return [one.entry for one in incidents.timeline(tx, incident.id) if isinstance(one.entry, kind)]


def test_the_command_a_form_and_a_mark_come_through_it(sqlite_url: str, slack: Workspace, socket: Sockets) -> None:
    ana = slack.person("ana")

    def story(app: App) -> None:
        eventually(lambda: socket.open)
        incident = declared(app)
        channel = eventually(lambda: next((one for one in slack.channels.values() if one.messages), None))
        assert "room_acknowledge" in channel.messages[0].buttons  # nothing but the socket brings what is pressed
        assert socket.bring("slash_commands", sends.command(slack, ana, "ack", channel.id)) is None
        eventually(lambda: slack.whispered(ana) == ["[P1] Voice hangs (#1): acknowledged by Ana Okafor."])
        socket.bring("slash_commands", sends.command(slack, ana, "note", channel.id))
        form = eventually(lambda: slack.forms and slack.forms[-1])
        wrong = socket.bring("interactive", sends.submitted(form, text=" "))
        assert wrong == {
            "response_action": "errors",
            "errors": {"text": "Say something: the record needs the words."},
        }
        assert socket.bring("interactive", sends.submitted(form, text="The disk is full")) is None
        assert [one.text for one in entries(app, incident, Noted)] == ["The disk is full"]
        ts = slack.write(channel.id, ana, "It was the disk")
        socket.bring("events_api", sends.reacted(slack, ana, channel.id, ts))
        eventually(lambda: entries(app, incident, MessageKept))

    running(sqlite_url, slack, story)
    assert socket.open == []


def test_it_is_opened_again_when_it_ends_is_cut_or_is_about_to_end(
    sqlite_url: str, slack: Workspace, socket: Sockets
) -> None:
    ana = slack.person("ana")

    def story(app: App) -> None:
        eventually(lambda: socket.opened == 1)
        socket.announce_end("warning")
        eventually(lambda: socket.opened == 2)
        assert len(socket.open) == 2  # until the old one ends it is heard as well
        incident = declared(app)
        for through in (0, 1):
            socket.bring("slash_commands", sends.command(slack, ana, f"note #1 by {through}"), through=through)
        eventually(lambda: len(entries(app, incident, Noted)) == 2)
        socket.end(0)
        socket.cut()
        eventually(lambda: socket.opened == 3 and len(socket.open) == 1, 12)
        socket.bring("slash_commands", sends.command(slack, ana, "note #1 and on"))
        eventually(lambda: len(entries(app, incident, Noted)) == 3)

    running(sqlite_url, slack, story)


def test_what_two_nodes_hear_is_done_once(postgresql_url: str, slack: Workspace, socket: Sockets) -> None:
    ana = slack.person("ana")

    def story(app: App) -> None:
        eventually(lambda: len(socket.open) == 2)
        incident = declared(app)
        said = sends.command(slack, ana, "note #1 once")
        for through in (0, 1, 0):
            socket.bring("slash_commands", said, through=through)
        eventually(lambda: slack.whispered(ana))
        time.sleep(0.3)
        assert len(entries(app, incident, Noted)) == 1 and len(slack.whispered(ana)) == 1

    running(postgresql_url, slack, story, nodes=2)


def test_what_can_not_be_read_ends_nothing(sqlite_url: str, slack: Workspace, socket: Sockets) -> None:
    def story(app: App) -> None:
        eventually(lambda: socket.open)
        for text in ("{", "[]", '"hello"', json.dumps({"type": "what comes one day"})):
            socket.say(text)
        for kind, payload in (("slash_commands", {"text": "x"}), ("interactive", {}), ("what comes one day", {})):
            assert socket.bring(kind, payload) is None
        declared(app)
        socket.bring("slash_commands", sends.command(slack, slack.person("ana"), "ack #1"))
        eventually(lambda: slack.whispered(slack.person("ana")))
        assert socket.opened == 1

    running(sqlite_url, slack, story)


def test_a_server_stops_at_once_while_slack_gives_no_socket(
    sqlite_url: str, slack: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    running(
        sqlite_url, slack, lambda app: eventually(lambda: "apps.connections.open" in slack.calls), token="xapp-2-no"
    )
    assert time.monotonic() - began < 8
    assert "Slack gives no socket: invalid_auth" in caplog.text and "xapp-2" not in caplog.text


def test_the_app_and_the_check_know_of_it(
    tmp_path: Path,
    slack: Workspace,
    socket: Sockets,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    about = {"TOCSIN_DATABASE_URL": f"sqlite:///{tmp_path / 'tocsin.db'}", "TOCSIN_SLACK_BOT_TOKEN": TOKEN}
    terminal = Terminal(
        monkeypatch, capsys, {**about, "TOCSIN_SLACK_API_URL": slack.url, "TOCSIN_SLACK_APP_TOKEN": APP_TOKEN}
    )
    printed = terminal("slack", "manifest", "--json").json
    assert printed["settings"]["socket_mode_enabled"]
    assert printed["settings"]["interactivity"] == {"is_enabled": True}
    assert "url" not in printed["features"]["slash_commands"][0]
    assert "request_url" not in printed["settings"]["event_subscriptions"]
    assert not slackapp.manifest("https://a.example", "/incident", socket=False)["settings"]["socket_mode_enabled"]
    assert "All is well" in terminal.done("slack", "check")
    terminal.set("TOCSIN_SLACK_APP_TOKEN", "xapp-2-another")
    deaf = terminal("slack", "check")
    assert deaf.code == 1 and "Slack gives no socket: invalid_auth." in deaf.out and "xapp-2" not in deaf.out
    assert terminal("slack", "check", "--json").out.count("invalid_auth") == 1
    with pytest.raises(BadSetting, match="begins with xapp-"):
        settings.read({"TOCSIN_SLACK_BOT_TOKEN": TOKEN, "TOCSIN_SLACK_APP_TOKEN": TOKEN})
    with pytest.raises(BadSetting, match="TOCSIN_SLACK_BOT_TOKEN"):
        settings.read({"TOCSIN_SLACK_APP_TOKEN": APP_TOKEN})
