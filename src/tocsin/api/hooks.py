"""Where signals come in. A sender is answered once its signals are on the disk, and not before.

Here they are decoded, wait for the group commit, and are answered for. What they mean is decided afterwards.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from tocsin.api import mapped, otlp, packing, pinging, problems, refusing, senders, sentrysdk, taking, wire
from tocsin.api.keys import Keys, NoToken, any_secret, sender_secret
from tocsin.api.problems import Problem
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.changes import commands as changing
from tocsin.kit import redaction
from tocsin.kit.actor import SYSTEM
from tocsin.kit.allowance import Allowance
from tocsin.kit.errors import Forbidden, TocsinError
from tocsin.kit.ids import new_key
from tocsin.people import access
from tocsin.people.model import Token
from tocsin.response import beating
from tocsin.signals import alertmanager, formats, pagerduty, pagerduty_generic
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.senders import opsgenie, prometheus
from tocsin.signals.senders.table import SENDERS
from tocsin.watch import heartbeats

log = logging.getLogger(__name__)

EVENT_MOST = 512_000  # bytes; what PagerDuty takes, and what its clients cut to
UNAUTHENTICATED = "unauthenticated"
BY_PATH = "/in/alertmanager/"  # and then the token
BY_NAME = re.compile(r"/in/opsgenie(?:/([^/]+))?/v2/heartbeats/(.+)/ping/?")  # a heartbeat of Opsgenie's clients
BY_PING = "/in/heartbeat/"  # and then the secret of the heartbeat, and what it says

E = TypeVar("E")
Take = Callable[[App, Scope, Receive], Awaitable[Reply]]
Shape = Callable[[Problem], Reply]


class Front:
    """The addresses for signals, in front of the rest of the application: on them nothing is done twice.

    What the framework does for each request costs as much again as taking a signal in.
    """

    def __init__(self, app: App, rest: ASGIApp) -> None:
        intake = Intake()
        self._app = app
        self._rest = rest
        self._hooks: dict[str, tuple[Take, Shape]] = {
            "/api/v1/signals": (intake.generic, _problem),
            "/api/v1/signals/alertmanager": (intake.alertmanager, _problem),
            "/v2/enqueue": (intake.enqueue, _event_refused),
            "/v2/change/enqueue": (intake.change, _event_refused),
            "/generic/2010-04-15/create_event.json": (intake.generic_event, _event_refused),
        }
        self._by_path = (intake.alertmanager_by_path, _problem)
        self._by_ping = (intake.ping, _problem)
        self._mapped = (intake.mapped, _problem)
        self._by_library = (intake.sentry_sdk, sentrysdk.refused)
        self._by_name = (intake.ping_by_name, _heartbeat_refused)
        roads = {name: senders.Road(name, sender, intake.keys) for name, sender in SENDERS.items()}
        self._senders = {name: _hook_of(road) for name, road in roads.items()}
        self._roads = roads
        self._hooks[otlp.PATH] = (otlp.Logs(intake.keys).take, otlp.refused)
        self._hooks["/in/alertmanager"] = (intake.alertmanager, _problem)
        self._hooks["/api/v2/alerts"] = self._senders[prometheus.SOURCE]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hook = self._hook(scope.get("path", ""))  # the application's own beginning and end have none
        if hook is None:
            await self._rest(scope, receive, send)
        elif answer := self._asked(scope):
            await wire.send_reply(scope, send, answer)
        else:
            await _answer(self._app, *hook, scope, receive, send)

    def _asked(self, scope: Scope) -> Reply | None:
        """The answer to a sender that asks beforehand whether it may send."""
        if scope.get("method") != "OPTIONS":
            return None
        road = self._roads.get(senders.named(scope["path"]))
        return road.asked(scope) if road else None

    def _hook(self, path: str) -> tuple[Take, Shape] | None:
        if found := self._hooks.get(path):
            return found
        if path.startswith(BY_PING):
            return self._by_ping
        if path.startswith(BY_PATH):
            return self._by_path
        if path.startswith(mapped.ROOT):
            return self._mapped
        if path.startswith(sentrysdk.ROOT):
            return self._by_library
        if BY_NAME.fullmatch(path):
            return self._by_name
        if path.startswith(senders.ROOT):
            return self._senders.get(senders.named(path))
        return self._hooks.get(path.rstrip("/"))


def _hook_of(road: senders.Road) -> tuple[Take, Shape]:
    return road.take, lambda problem: road.refused(problem, _problem(problem))


async def _answer(app: App, take: Take, shape: Shape, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whatever happens: an error that got out of here would answer for nobody."""
    if scope["type"] != ScopeType.HTTP:
        await wire.hang_up(send)
        return
    try:
        reply = await _reply(app, take, shape, scope, receive)
    except wire.SenderGone:
        return
    await wire.send_reply(scope, send, reply)


async def _reply(app: App, take: Take, shape: Shape, scope: HTTPScope, receive: Receive) -> Reply:
    if scope["method"] != "POST" and (refusal := _refused(scope["path"], scope["method"])):
        return shape(refusal)
    try:
        return await take(app, scope, receive)
    except TocsinError as error:
        refusing.note(app, scope, error, about=_road(scope["path"]))
        return shape(problems.of_error(error))
    except wire.SenderGone:
        raise
    except Exception:
        log.exception("a signal could not be taken in")
        return shape(problems.BUG)


def _road(path: str) -> str:
    """An address without what follows the name of its sender, for that may be a secret."""
    return "/".join(path.split("/")[:3]) if path.startswith(senders.ROOT) else path.rstrip("/")


def _refused(path: str, method: str) -> Problem | None:
    """Why this address is not asked this way, if it is not; each is with POST."""
    if path.startswith(BY_PING):
        return None if method in PING_METHODS else NOT_A_PING
    if BY_NAME.fullmatch(path):
        return None if method in NAMED_PING_METHODS else NOT_A_NAMED_PING
    methods = _methods(path)
    if method in methods:
        return None
    detail = f"Signals are sent here with {' or '.join(methods)}."
    return replace(NOT_POST, detail=detail, headers={"Allow": ", ".join(methods)})


def _methods(path: str) -> tuple[str, ...]:
    sender = SENDERS.get(senders.named(path)) if path.startswith(senders.ROOT) else None
    return sender.methods if sender else ("POST",)


NOT_POST = Problem(
    type="about:blank",
    title="Method Not Allowed",
    status=405,
    detail="Signals are sent here with POST.",
    headers={"Allow": "POST"},
)

PING_METHODS = ("GET", "HEAD", "POST")
NOT_A_PING = replace(
    NOT_POST, detail="A sign of life is sent with GET, HEAD or POST.", headers={"Allow": ", ".join(PING_METHODS)}
)


NAMED_PING_METHODS = ("GET", "POST", "PUT", "PATCH")
NOT_A_NAMED_PING = replace(
    NOT_POST,
    detail="A sign of life is sent with GET, POST, PUT or PATCH.",
    headers={"Allow": ", ".join(NAMED_PING_METHODS)},
)


class Intake:
    """What the addresses for signals share: who is known, and how much of what strangers send is kept."""

    def __init__(self) -> None:
        self.keys = Keys()
        self._strangers = Allowance(each=10, overall=60)

    async def generic(self, app: App, scope: Scope, receive: Receive) -> Reply:
        sender = await self._sender(app, any_secret(scope))
        body = await packing.body_of(scope, receive, taking.BODY_MOST)
        arrivals = await taking.take(app, "generic", formats.generic, sender, body)
        return Reply(202, _receipt(arrivals))

    async def alertmanager(self, app: App, scope: Scope, receive: Receive) -> Reply:
        return await self._alertmanager(app, any_secret(scope), scope, receive)

    async def alertmanager_by_path(self, app: App, scope: Scope, receive: Receive) -> Reply:
        return await self._alertmanager(app, scope["path"].removeprefix(BY_PATH).strip("/"), scope, receive)

    async def _alertmanager(self, app: App, secret: str, scope: Scope, receive: Receive) -> Reply:
        sender = await self._sender(app, secret)
        body = await packing.body_of(scope, receive, taking.BODY_MOST)
        count = await taking.read(_countable, body, len(body))
        if count is None:
            count = len(await taking.take(app, alertmanager.SOURCE, alertmanager.read, sender, body))
        elif count:
            await app.intake.accept([signals.Envelope(alertmanager.SOURCE, count, body.decode())])
        return Reply(200, _encoder.encode(_Count(count)))

    async def mapped(self, app: App, scope: Scope, receive: Receive) -> Reply:
        return await mapped.take(app, self.keys, scope, receive)

    async def sentry_sdk(self, app: App, scope: Scope, receive: Receive) -> Reply:
        return await sentrysdk.take(app, self.keys, scope, receive)

    async def ping(self, app: App, scope: Scope, receive: Receive) -> Reply:
        """A sign of life. It is answered once it is kept."""
        secret, _, said = scope["path"].removeprefix(BY_PING).rstrip("/").partition("/")
        ping = await pinging.read(scope, receive, said)
        await asyncio.to_thread(_hear, app, secret, ping)
        return Reply(200, b"OK", b"text/plain", pinging.HEADERS)

    async def ping_by_name(self, app: App, scope: Scope, receive: Receive) -> Reply:
        """A sign of life as Opsgenie's clients send it: by the name of the heartbeat, with a token."""
        began = app.database.now()
        found = BY_NAME.fullmatch(scope["path"])
        secret, name = found.groups() if found else (None, "")
        await taking.sender(app, self.keys, secret or sender_secret(scope))
        await asyncio.to_thread(_hear_named, app, formats.storable(name), heartbeats.Ping(heartbeats.Word.SUCCESS))
        took = (app.database.now() - began).total_seconds()
        return Reply(202, opsgenie.heard(senders.request_id(), took))

    async def enqueue(self, app: App, scope: Scope, receive: Receive) -> Reply:
        """An event for PagerDuty: the token travels in the body."""
        event = await self._event(app, scope, receive, lambda sent: pagerduty.read(sent, new_key))
        await self._sender(app, event.routing_key)
        await taking.accept(app, [event.arrival])
        return Reply(202, pagerduty.accepted(event.arrival.key))

    async def generic_event(self, app: App, scope: Scope, receive: Receive) -> Reply:
        """The same as PagerDuty's clients sent it before version 2."""
        event = await self._event(app, scope, receive, lambda sent: pagerduty_generic.read(sent, new_key))
        await self._sender(app, event.routing_key)
        await taking.accept(app, [event.arrival])
        return Reply(200, pagerduty_generic.accepted(event.arrival.key))

    async def change(self, app: App, scope: Scope, receive: Receive) -> Reply:
        """A change event for PagerDuty: it goes into the register, and pages nobody."""
        event = await self._event(app, scope, receive, pagerduty.read_change)
        sender = access.bearer(await self._sender(app, event.routing_key))
        report = replace(event.report, at=_not_ahead(event.report.at, app.database.now()))
        await asyncio.to_thread(app.database.run, sender, lambda tx: changing.tell(tx, report))
        return Reply(202, pagerduty.change_accepted())

    async def _event(self, app: App, scope: Scope, receive: Receive, read: Callable[[bytes], E]) -> E:
        """What the body says; one that can't be read is kept for people to see."""
        body = await packing.body_of(scope, receive, EVENT_MOST)
        try:
            return await taking.read(read, body, len(body))
        except formats.Unreadable as error:
            await self._keep_event(app, scope, body, error)
            raise

    async def _keep_event(self, app: App, scope: Scope, body: bytes, error: formats.Unreadable) -> None:
        """Keep an event that can't be read: always if it names a key that is known, else within bounds."""
        sender = UNAUTHENTICATED
        try:
            sender = (await self._sender(app, _routing_key(body))).name
        except Forbidden:
            if not self._strangers.take(wire.address(scope), app.database.now()):
                return
        await taking.keep(app, "pagerduty", sender, error, body, taking.addressed(scope["path"]))

    async def _sender(self, app: App, secret: str) -> Token:
        return await taking.sender(app, self.keys, secret)


def _countable(body: bytes) -> int | None:
    """How many alerts are in a body that can be kept as it came; None if it must be read, or may hold a secret."""
    count = alertmanager.size(body)
    return None if count and redaction.may_hold(body.decode()) else count


def _hear(app: App, secret: str, ping: heartbeats.Ping) -> None:
    with app.database.read(SYSTEM) as tx:  # whoever guesses secrets holds no writer up
        beat = beating.known(tx, secret)
    app.database.run(SYSTEM, lambda tx: beating.hear(tx, beat, ping))


def _hear_named(app: App, name: str, ping: heartbeats.Ping) -> None:
    with app.database.read(SYSTEM) as tx:
        beat = beating.named(tx, name)
    app.database.run(SYSTEM, lambda tx: beating.hear(tx, beat, ping))


def _heartbeat_refused(problem: Problem) -> Reply:
    plain = _problem(problem)
    body = opsgenie.refused(problem.detail, senders.request_id(), 0.0)
    return Reply(plain.status, body, wire.JSON, plain.headers)


def _not_ahead(at: datetime | None, now: datetime) -> datetime | None:
    """A stamp that lies ahead of us costs its sender no change: it is taken as now."""
    return None if at is None or at > now else at


class _Named(msgspec.Struct):
    routing_key: Any = None
    service_key: Any = None


_NAMED = msgspec.json.Decoder(_Named)


def _routing_key(body: bytes) -> str:
    """The key in an event that is otherwise unreadable. Raises NoToken if there is none."""
    try:
        named = _NAMED.decode(body)
        key = named.routing_key or named.service_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        key = None
    if not isinstance(key, str):
        raise NoToken
    return key


# ---- Answers ----


class _Doubt(msgspec.Struct):
    key: str
    detail: str


class _Count(msgspec.Struct):
    accepted: int


class _Receipt(msgspec.Struct):
    accepted: int
    keys: list[str]
    warnings: list[_Doubt]


_encoder = msgspec.json.Encoder()


def _receipt(arrivals: Sequence[Arrival]) -> bytes:
    doubts = [_Doubt(one.key, warning) for one in arrivals for warning in one.warnings]
    return _encoder.encode(_Receipt(len(arrivals), [one.key for one in arrivals], doubts))


def _problem(problem: Problem) -> Reply:
    return Reply(problem.status, problem.body(), problems.MEDIA_TYPE.encode(), _headers(problem))


def _headers(problem: Problem) -> tuple[wire.Header, ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in problem.headers.items())


def _event_refused(problem: Problem) -> Reply:
    """A refusal in PagerDuty's shape, and with statuses that make its clients do the right thing.

    They drop an event on 400 and come again on 503; an unknown key is a mistake in the event.
    """
    match problem.status:
        case 401 | 403:
            return Reply(400, pagerduty.invalid(["Invalid routing key"]))
        case 400 if problem.type.endswith(":not-json"):
            return Reply(400, pagerduty.unrecognised())
        case 400:
            return Reply(400, pagerduty.invalid([str(one["detail"]) for one in problem.errors] or [problem.detail]))
        case 503:
            again = replace(problem, headers={**problem.headers, "ratelimit-reset": "1"})
            return Reply(503, _said(again), headers=_headers(again))
        case _:
            return Reply(problem.status, _said(problem), headers=_headers(problem))


def _said(problem: Problem) -> bytes:
    return _encoder.encode({"status": problem.title, "message": problem.detail, "errors": [problem.detail]})
