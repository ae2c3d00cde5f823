"""`/v1/logs`: where OpenTelemetry sends logs. Only what the plan's patterns ask for leaves a trace here."""

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence

from litestar.types import Receive, Scope

from tocsin.api import taking, wire
from tocsin.api.keys import Keys, any_secret
from tocsin.api.problems import Problem
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.plan import store as plans
from tocsin.response import listening
from tocsin.watch import otlp

PATH = "/v1/logs"
BODY_MOST = 4_000_000  # bytes, and the same unpacked; collectors send batches of some thousand records
_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 503: 14}  # of gRPC, which the protocol's errors carry

UNKNOWN_KIND = Problem(
    type="about:blank",
    title="Unsupported Media Type",
    status=415,
    detail="Logs are read in JSON here; tell the exporter to send http/json instead of http/protobuf.",
)


class Logs:
    """The address for logs: whoever may send signals may send logs."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def take(self, app: App, scope: Scope, receive: Receive) -> Reply:
        await taking.sender(app, self._keys, any_secret(scope))
        if (wire.header(scope, b"content-type") or b"").partition(b";")[0].strip().lower() != wire.JSON:
            return refused(UNKNOWN_KIND)
        body = _unpacked(wire.header(scope, b"content-encoding"), await wire.body_of(receive, BODY_MOST))
        sent = await asyncio.to_thread(otlp.read, body)
        unknown = await asyncio.to_thread(_take_in, app, sent)
        return Reply(200, _answer(sent, unknown))


def _take_in(app: App, sent: Mapping[str, Sequence[str]]) -> list[str]:
    """Take what the plan asks for. Returns the names of senders that no log of the plan has."""
    with app.database.read(SYSTEM) as tx:
        known = listening.heard_by(plans.current(tx))
    if any(name in known and listening.is_news(known[name], records) for name, records in sent.items()):
        app.database.run(SYSTEM, lambda tx: listening.take_in(tx, sent))
    return [name for name in sent if name not in known]


def _answer(sent: Mapping[str, Sequence[str]], unknown: Sequence[str]) -> bytes:
    rejected = sum(len(sent[name]) for name in unknown)
    if not rejected:
        return b"{}"
    said = f"No log of the plan has the sender {', '.join(sorted(unknown))[:200]}."
    return json.dumps({"partialSuccess": {"rejectedLogRecords": str(rejected), "errorMessage": said}}).encode()


def _unpacked(encoding: bytes | None, body: bytes) -> bytes:
    if encoding is None or encoding.lower() == b"identity":
        return body
    if encoding.lower() != b"gzip":
        raise otlp.NotLogs("The body is packed in a way that is not known here; send gzip, or nothing.")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(body, BODY_MOST)
    except zlib.error:
        raise otlp.NotLogs("The body is not gzip, as its header says.") from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise wire.TooLarge(f"The body has more than {BODY_MOST:,} bytes, or does not end; send less at a time.")
    return found


def refused(problem: Problem) -> Reply:
    """A refusal in the protocol's own shape, of which exporters log the message."""
    said = {"code": _CODES.get(problem.status, 13), "message": problem.detail}
    again = ((b"retry-after", b"1"),) if problem.status == 503 else ()
    return Reply(problem.status, json.dumps(said).encode(), headers=again)
