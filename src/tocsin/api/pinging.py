"""Signs of life as jobs send them: what stands behind the secret in the address, beside it, and in the body."""

from dataclasses import replace
from urllib.parse import parse_qs

from litestar.types import Receive, Scope

from tocsin.api import wire
from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip
from tocsin.watch import heartbeats
from tocsin.watch.heartbeats import OUTPUT_READ, Ping

HEADERS = ((b"ping-body-limit", str(OUTPUT_READ).encode()), (b"access-control-allow-origin", b"*"))


class UnknownPing(Invalid):
    """This is no sign of life."""


async def read(scope: Scope, receive: Receive, said: str) -> Ping:
    """What the job says of itself. Raises UnknownPing."""
    ping = heartbeats.read(said)
    if ping is None:
        raise UnknownPing(f"'{clip(said, 40)}' is not start, fail, or the status of a program, from 0 to 255.")
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    written = asked.get("rid", [""])[0]
    run = heartbeats.run_id(written)
    if run is None:
        raise UnknownPing(f"'{clip(written, 40)}' is no UUID; rid tells a run apart from others at the same time.")
    body = await wire.beginning_of(receive, OUTPUT_READ)
    return replace(ping, run=run, said=heartbeats.output(body))
