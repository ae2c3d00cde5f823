"""Webhooks as they really leave: to a web server of this machine, signed, and never into a private network."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import NotPublic, PublicResolver, WebhookChannel, open_session, signature
from tocsin.delivery.public import networks
from tocsin.kit.clock import ManualClock

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
BODY = '{"type":"incident.opened","timestamp":"2026-09-21T14:13:20Z","data":{"id":"inc_01"}}'
VECTOR = "v1,rEtVWcLD7xJTmotK5VU3zWH9btDGkWpBCb+ttgrcy3s="
MESSAGE = Message(
    id="msg_1",
    dedup_key="msg_7Qk2",
    channel="webhook",
    address="",
    subject="Voice replies hang",
    body=BODY,
    secret=SECRET,
    created_at=NOW,
    send_at=NOW,
)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(status: int, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


@dataclass
class Heard:
    """What the other side heard of one call."""

    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Story:
    result: Result
    heard: list[Heard] = field(default_factory=list)


def post(
    answer: Answer,
    message: Message = MESSAGE,
    *,
    host: str = "127.0.0.1",
    allow_private: bool = True,
    timeout: timedelta = timedelta(seconds=20),
) -> Story:
    """Send a message to a web server that answers like this."""
    heard: list[Heard] = []

    async def hear(request: web.Request) -> web.StreamResponse:
        heard.append(Heard(request.path, dict(request.headers), await request.text()))
        return await answer(request)

    async def story() -> Result:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", hear)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        resolver = PublicResolver(allow_private=allow_private)
        try:
            async with open_session(resolver, timeout) as session:
                channel = WebhookChannel(lambda: session, resolver, ManualClock(NOW))
                return await channel.send(replace(message, address=message.address or f"http://{host}:{port}/hook"))
        finally:
            await runner.cleanup()

    return Story(asyncio.run(story()), heard)


def test_the_signature_is_that_of_the_standard() -> None:
    assert signature(SECRET, "msg_7Qk2", NOW, BODY.encode()) == VECTOR


def test_a_secret_that_is_no_base64_signs_as_it_is_written() -> None:
    assert signature("plain words", "msg_1", NOW, b"{}") != signature("other words", "msg_1", NOW, b"{}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_what_is_taken_is_delivered_signed_and_as_it_was_written(status: int) -> None:
    story = post(answering(status))
    assert story.result == Delivered()
    (heard,) = story.heard
    assert (heard.path, heard.body) == ("/hook", BODY)
    assert heard.headers["webhook-id"] == "msg_7Qk2"
    assert heard.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert heard.headers["webhook-signature"] == VECTOR
    assert heard.headers["Content-Type"] == "application/json"
    assert json.loads(heard.body)["data"] == {"id": "inc_01"}


def test_without_a_secret_nothing_is_signed() -> None:
    (heard,) = post(answering(200), replace(MESSAGE, secret=None)).heard
    assert "webhook-signature" not in heard.headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final(status: int) -> None:
    assert post(answering(status)).result == Dead(f"HTTP {status}")


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_a_failure_is_tried_again(status: int) -> None:
    assert post(answering(status)).result == Retry(f"HTTP {status}", down=status >= 500)


@pytest.mark.parametrize(
    ("wait", "after"),
    [
        ("90", timedelta(seconds=90)),
        ("999999", timedelta(hours=1)),  # no longer than an hour, whatever the other side says
        ("0", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_who_is_busy_may_say_when_to_come_again(wait: str, after: timedelta | None) -> None:
    assert post(answering(429, **{"Retry-After": wait})).result == Retry("HTTP 429", after)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    story = post(answering(status, Location="/elsewhere"))
    assert isinstance(story.result, Dead)
    assert [one.path for one in story.heard] == ["/hook"]


def test_who_never_answers_is_left_after_a_while() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    assert isinstance(post(never, timeout=timedelta(seconds=0.3)).result, Retry)


def test_who_is_not_there_is_tried_again() -> None:
    assert isinstance(post(answering(200), replace(MESSAGE, address="http://127.0.0.1:1/hook")).result, Retry)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "2130706433", "127.1", "[::ffff:127.0.0.1]"]
)
def test_an_address_inside_the_network_is_refused_unless_it_is_allowed(host: str) -> None:
    story = post(answering(200), host=host, allow_private=False)
    assert isinstance(story.result, Dead), story
    assert "TOCSIN_ALLOW_PRIVATE_WEBHOOKS" in story.result.reason or "not a canonical" in story.result.reason
    assert story.heard == []


def test_a_name_of_this_machine_is_reached_where_that_is_allowed() -> None:
    assert post(answering(200), host="localhost").result == Delivered()


@pytest.mark.parametrize(
    "address",
    ["http://", "http://[::1/hook", "nonsense", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"],
)
def test_an_address_that_can_not_be_used_is_final(address: str) -> None:
    assert isinstance(post(answering(200), replace(MESSAGE, address=address)).result, Dead)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("172.16.4.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds keep their credentials
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),  # 10.0.0.1 behind a translator
        ("64:ff9b::5db8:d822", True),
        ("2002:a00:1::", False),  # 10.0.0.1 in a tunnel
        ("2001:0:a00:1::", False),  # in another
        ("::a00:1", False),  # the oldest way to write it
        ("::ffff:0:a00:1", False),  # for another translator
        ("64:ff9b:1::a00:1", False),  # for a translator of one's own network
        ("fec0::1", False),
        ("224.0.0.1", False),
        ("ff0e::1", False),
        ("192.0.0.8", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    async def check() -> None:
        PublicResolver(allow_private=False).check(address)

    if public:
        asyncio.run(check())
    else:
        with pytest.raises(NotPublic):
            asyncio.run(check())


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::a01:203", True),
        ("fd12::5", True),
        ("93.184.216.34", True),
        ("10.2.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
    ],
)
def test_a_network_of_our_own_may_be_named_and_no_other_opens(address: str, reached: bool) -> None:
    async def check() -> None:
        PublicResolver(allow_private=False, also=networks("10.1.0.0/16 fd12::/16")).check(address)

    if reached:
        asyncio.run(check())
    else:
        with pytest.raises(NotPublic, match="TOCSIN_PRIVATE_NETWORKS"):
            asyncio.run(check())


def test_the_address_counts_that_a_name_leads_to_when_it_is_called() -> None:
    """Whatever the name led to when it was entered: it is resolved here for the one connection that is then made."""
    story = post(answering(200), host="localhost", allow_private=False)
    assert isinstance(story.result, Dead) and story.heard == []
