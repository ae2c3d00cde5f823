"""Every address that somebody can enter, and what keeps it from leading inside this network, or people to another site.

entered                                         guard
a contact method: webhook, teams_dm, push       PublicResolver, no redirection followed             (here)
a contact method: apprise                       a process of its own that reaches public addresses  (test_notifyall)
a contact method: any other                     no address: a number, a topic, a member, a mailbox  (here, by its form)
who subscribes: webhook, slack, teams, push     PublicResolver, no redirection followed             (here)
an endpoint that is told of events              PublicResolver, no redirection followed             (here)
what Amazon SNS says where to confirm           Amazon's own hosts alone                            (test_cloudwatch)
where Slack's socket is                         Slack's own hosts alone                             (test_slack_socket)
`next=` and every other way on                  `local_path`                                        (here, test_guards)
an address of the plan, and of the settings     none: whoever changes those may look anywhere, and that is
                                                what they are for; no redirection is followed        (test_probe_fetch)
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.support.webpush import Browser
from tocsin.app import App
from tocsin.delivery import channel as channels
from tocsin.delivery import hookposts
from tocsin.delivery.channel import Dead, Delivered, Message
from tocsin.delivery.http import PublicResolver, WebhookChannel, open_session
from tocsin.delivery.public import networks
from tocsin.kit.clock import ManualClock
from tocsin.kit.errors import Invalid
from tocsin.people import addresses
from tocsin.people.model import Channel
from tocsin.plan.model import Way
from tocsin.settings import Settings

NOW = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
CHANNELS = {Channel.WEBHOOK, Channel.TEAMS, Channel.PUSH}
APART = {Channel.APPRISE}
NO_ADDRESS = {Channel.SMS, Channel.VOICE, Channel.NTFY, Channel.TELEGRAM, Channel.SLACK, Channel.EMAIL}
INSIDE = ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433")

Send = Callable[[str], Awaitable[Any]]


@dataclass
class There:
    """A web server of this machine that hears more than it should if a guard is open."""

    port: int
    heard: list[str] = field(default_factory=list)


@contextmanager
def app_of(url: str) -> Iterator[App]:
    app = App(
        Settings(database_url=url, base_url="https://tocsin.example.org", push_contact="mailto:ops@rose.example"),
        ManualClock(NOW),
    )
    app.prepare()
    yield app
    app.database.dispose()


async def told(app: App, allow_private: bool, tell: Callable[[dict[str, Send], There], Awaitable[None]]) -> There:
    """Tell with everything that leads where people say, wired as the engine wires it."""
    there = There(0)

    async def hear(request: web.Request) -> web.StreamResponse:
        there.heard.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", hear)
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.port = runner.addresses[0][1]
    resolver = PublicResolver(allow_private=allow_private)
    try:
        async with open_session(resolver, timedelta(seconds=5)) as http:
            await tell(senders(app, http, resolver), there)
    finally:
        await runner.cleanup()
    return there


def message(**about: Any) -> Message:
    known = {"address": "", "created_at": NOW, "send_at": NOW, **about}
    return Message(id="msg_1", dedup_key="k", channel="any", subject="s", body="{}", **known)


def same(http: aiohttp.ClientSession) -> aiohttp.ClientSession:
    return http


def senders(app: App, http: aiohttp.ClientSession, resolver: PublicResolver) -> dict[str, Send]:
    channels = app._channels(http, resolver, http)
    ways = app._post(channels, http, resolver).channels
    hooks = hookposts.poster(lambda: http, resolver, app.clock)
    found: dict[str, Send] = {"an endpoint": lambda url: hooks(url, "evt_1", ["whsec_c2VjcmV0"], b"{}")}
    for name, channel in [*((f"contact {one}", channels[one]) for one in CHANNELS), *ways.items()]:
        found[name] = through(channel)
    return found


def through(channel: channels.Channel) -> Send:
    is_push = "push" in channel.__class__.__name__.lower()
    return lambda url: channel.send(message(address=url, secret=Browser(url).secret if is_push else url))


def test_every_channel_has_its_line(sqlite_url: str) -> None:
    assert set(Channel) == CHANNELS | APART | NO_ADDRESS
    with app_of(sqlite_url) as app:

        async def ways_of() -> set[Way]:
            resolver = PublicResolver(allow_private=False)
            async with open_session(resolver, timedelta(seconds=5)) as http:
                return {*app._post({}, http, resolver).channels}

        ways = asyncio.run(ways_of())
        assert {*ways, Way.WEBHOOK, Way.TEAMS, Way.PUSH, Way.EMAIL} == set(Way)


def test_none_of_them_leads_inside(sqlite_url: str) -> None:
    async def tell(ways: dict[str, Send], there: There) -> None:
        assert len(ways) == 8, sorted(ways)
        for name, send in ways.items():
            for host in INSIDE:
                answer = await send(f"http://{host}:{there.port}/hook")
                assert not isinstance(answer, Delivered) and not getattr(answer, "is_taken", False), (name, host)

    with app_of(sqlite_url) as app:
        assert asyncio.run(told(app, False, tell)).heard == []


def test_none_of_them_follows_a_redirection(sqlite_url: str) -> None:
    async def tell(ways: dict[str, Send], there: There) -> None:
        for send in ways.values():
            await send(f"http://127.0.0.1:{there.port}/hook")

    with app_of(sqlite_url) as app:
        assert asyncio.run(told(app, True, tell)).heard == ["/hook"] * 8


class Turning(AbstractResolver):
    """A name of somebody who lets it lead elsewhere once it was looked at."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = list(hosts)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        led = self._hosts.pop(0) if len(self._hosts) > 1 else self._hosts[0]
        return [ResolveResult(hostname=host, host=led, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        pass


def test_what_is_connected_to_is_what_was_looked_at() -> None:
    """127.0.0.2 stands for an address that may be reached, 127.0.0.1 for one inside."""
    came: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        assert request.transport is not None
        came.append(request.transport.get_extra_info("sockname")[0])
        return web.Response()

    async def story() -> list[object]:
        server = web.Application()
        server.router.add_post("/", hear)
        runner = web.AppRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.2", 0).start()
        port = runner.addresses[0][1]
        await web.TCPSite(runner, "127.0.0.1", port).start()
        turning = Turning("127.0.0.2", "127.0.0.1")
        results: list[object] = []
        resolver = PublicResolver(allow_private=False, also=networks("127.0.0.2/32"), inner=turning)
        try:
            for _ in range(2):  # a session of its own each, so that nothing remembers the first answer
                async with open_session(resolver, timedelta(seconds=5), anew=True) as http:
                    channel = WebhookChannel(partial(same, http), resolver, ManualClock(NOW))
                    results.append(await channel.send(message(address=f"http://turning.example:{port}/")))
        finally:
            await runner.cleanup()
        return results

    first, second = asyncio.run(story())
    assert first == Delivered() and isinstance(second, Dead) and came == ["127.0.0.2"]


@pytest.mark.parametrize("channel", sorted(NO_ADDRESS))
def test_what_is_no_address_can_not_be_one(channel: Channel) -> None:
    for typed in ("http://169.254.169.254/", "//evil.example", "x/../../admin"):
        with pytest.raises(Invalid):
            addresses.checked(channel, typed)
