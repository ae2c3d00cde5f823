"""`/v1/logs`: where OpenTelemetry sends logs. Only what the plan's patterns ask for leaves a trace here."""

import asyncio
import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from litestar.types import Receive, Scope

from tocsin.api import packing, problems, taking, wire
from tocsin.api.keys import Keys, any_secret
from tocsin.api.problems import Problem
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import TocsinError
from tocsin.plan import store as plans
from tocsin.response import listening
from tocsin.watch import otlp

PATH = "/v1/logs"
PROTOBUF = b"application/x-protobuf"  # what every exporter sends that is not told otherwise
BODY_MOST = 4_000_000  # bytes, and the same unpacked; collectors send batches of some thousand records
_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 503: 14}  # of gRPC, which the protocol's errors carry

UNKNOWN_KIND = Problem(
    type="about:blank",
    title="Unsupported Media Type",
    status=415,
    detail="Logs are read as application/x-protobuf or application/json; say in Content-Type which of them it is.",
)
NO_PROTOBUF = Problem(
    type="about:blank",
    title="Unsupported Media Type",
    status=415,
    detail="This server can't read protobuf: its extra tocsin[otlp] is not installed. Install it, or tell the exporter "
    "to send http/json instead of http/protobuf.",
)


class Form(Protocol):
    """How logs travel: in JSON, or in protobuf. The answer travels as they did."""

    def read(self, body: bytes) -> dict[str, list[str]]: ...

    def answer(self, rejected: int, said: str) -> bytes: ...


class Logs:
    """The address for logs: whoever may send signals may send logs."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def take(self, app: App, scope: Scope, receive: Receive) -> Reply:
        kind = (wire.header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
        try:
            return await self._take(app, scope, receive, kind)
        except TocsinError as error:
            return refused(problems.of_error(error), kind)

    async def _take(self, app: App, scope: Scope, receive: Receive, kind: bytes) -> Reply:
        await taking.sender(app, self._keys, any_secret(scope))
        if kind not in (wire.JSON, PROTOBUF):
            return refused(UNKNOWN_KIND)
        form = otlp if kind == wire.JSON else await asyncio.to_thread(_protobuf)
        if form is None:
            return refused(NO_PROTOBUF, kind)
        body = await packing.body_of(scope, receive, BODY_MOST)
        sent = await asyncio.to_thread(form.read, body)
        unknown = await asyncio.to_thread(_take_in, app, sent)
        return Reply(200, _answer(form, sent, unknown), kind)


def _protobuf() -> Form | None:
    """The reader of protobuf, whose library is an extra and is loaded by the first body that needs it."""
    try:
        return cast(Form, importlib.import_module("tocsin.watch.otlp_wire"))
    except ModuleNotFoundError:
        return None


def _take_in(app: App, sent: Mapping[str, Sequence[str]]) -> list[str]:
    """Take what the plan asks for. Returns the names of senders that no log of the plan has."""
    with app.database.read(SYSTEM) as tx:
        known = listening.heard_by(plans.current(tx))
        is_news = any(listening.is_first(tx, known[name]) for name in sent if name in known)
    if is_news or any(name in known and listening.is_news(known[name], records) for name, records in sent.items()):
        app.database.run(SYSTEM, lambda tx: listening.take_in(tx, sent))
    return [name for name in sent if name not in known]


def _answer(form: Form, sent: Mapping[str, Sequence[str]], unknown: Sequence[str]) -> bytes:
    rejected = sum(len(sent[name]) for name in unknown)
    return form.answer(rejected, f"No log of the plan has the sender {', '.join(sorted(unknown))[:200]}.")


def refused(problem: Problem, kind: bytes = wire.JSON) -> Reply:
    """A refusal in the protocol's own shape, of which exporters log the message, in the form in which they sent."""
    code = _CODES.get(problem.status, 13)
    again = ((b"retry-after", b"1"),) if problem.status == 503 else ()
    if kind == PROTOBUF:
        return Reply(problem.status, _status(code, problem.detail), PROTOBUF, again)
    return Reply(problem.status, json.dumps({"code": code, "message": problem.detail}).encode(), headers=again)


def _status(code: int, message: str) -> bytes:
    """A `google.rpc.Status`: field 1 is a number, field 2 a text. It is written here, for it must be even where the
    library is missing."""
    said = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(said)) + said


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the eighth set."""
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))
