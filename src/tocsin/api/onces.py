"""`Idempotency-Key`: a request that is sent again under the same key is not carried out again, and answered the same.

A refusal changed nothing, so it is not remembered: the same key may be tried again.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from tocsin.api import problems, store, wire
from tocsin.api.keys import Keys, bearer_secret
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, Refused, TocsinError

BODY_MOST = 5_000_000
ASKED = "tocsin.once"
_KEY = re.compile(r'"?([\x21-\x7e]{1,255}?)"?')
_KEPT = (b"content-type", b"etag", b"cache-control", b"location", b"vary")


class BadKey(Invalid):
    """Idempotency-Key holds 1 to 255 visible characters of ASCII."""


class StillAtIt(Refused):
    """A request with this Idempotency-Key is being carried out; ask again in a second.

    If it is refused for longer, the server stopped before its answer was kept: look whether it was carried out.
    """


@dataclass
class Asked:
    """A request with a key, and whether it was carried out."""

    row_id: str
    request: str
    is_begun: bool = False


class _Answer(msgspec.Struct):
    headers: list[tuple[str, str]]
    body: bytes


def begin(call: Request[Any, Any, Any], tx: Any) -> None:
    """Write down, with what a request changes, that it was carried out. Raises store.KeyReused, StillAtIt."""
    asked: Asked | None = call.scope["state"].get(ASKED)
    if asked is None or asked.is_begun:
        return
    if (known := store.find(tx, asked.row_id)) is not None:
        store.check(known, asked.request)
        raise StillAtIt
    store.begin(tx, asked.row_id, asked.request)


def begun(call: Request[Any, Any, Any]) -> None:
    """What a request changes is on the disk, and its key with it."""
    asked: Asked | None = call.scope["state"].get(ASKED)
    if asked is not None:
        asked.is_begun = True


def once(app: ASGIApp) -> ASGIApp:
    """Carries a POST with a key out once."""
    keys = Keys()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        key = wire.header(scope, b"idempotency-key")
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST" or key is None:
            await app(scope, receive, send)
            return
        try:
            await _once(app, keys, scope, receive, send, key.decode("latin-1"))
        except TocsinError as error:
            await _refuse(scope, send, error)

    return wrapped


async def _once(app: ASGIApp, keys: Keys, scope: HTTPScope, receive: Receive, send: Send, shown: str) -> None:
    found = _KEY.fullmatch(shown.strip())
    if found is None:
        raise BadKey
    key, secret = found[1], bearer_secret(scope)
    here: App = scope["litestar_app"].state["tocsin"]
    await keys.fresh(here, secret)  # whoever may not ask any more is told nothing again
    body = await wire.body_of(receive, BODY_MOST)
    asked = Asked(store.name(secret, key), _print(scope, body))
    known = await asyncio.to_thread(_find, here, asked)
    if known is not None:
        await _replay(send, known, secret, key)
        return
    scope["state"][ASKED] = asked
    kept = _Kept()
    await app(scope, _again(body, receive), kept)
    if asked.is_begun and 200 <= kept.status < 300:
        sealed = store.sealed(secret, key, msgspec.msgpack.encode(kept.answer()))
        finish = partial(store.finish, row_id=asked.row_id, status=kept.status, answer=sealed)
        await asyncio.to_thread(here.database.run, SYSTEM, finish)
    for message in kept.messages:
        await send(message)


def _print(scope: HTTPScope, body: bytes) -> str:
    address = b"\0".join([scope["path"].encode(), scope["query_string"], body])
    return hashlib.sha256(address).hexdigest()


def _find(here: App, asked: Asked) -> store.Given | None:
    with here.database.read(SYSTEM) as tx:
        known = store.find(tx, asked.row_id)
    if known is not None:
        store.check(known, asked.request)
        if known.status is None:
            raise StillAtIt
    return known


async def _replay(send: Send, known: store.Given, secret: str, key: str) -> None:
    answer = msgspec.msgpack.decode(store.opened(secret, key, known.answer or ""), type=_Answer)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    headers += [(b"content-length", str(len(answer.body)).encode()), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": known.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


class _Kept:
    """Holds an answer back until it is written down."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return next((one["status"] for one in self.messages if one["type"] == "http.response.start"), 0)

    def answer(self) -> _Answer:
        starts = (one for one in self.messages if one["type"] == "http.response.start")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for start in starts
            for name, value in start["headers"]
            if name.lower() in _KEPT
        ]
        bodies = (one["body"] for one in self.messages if one["type"] == "http.response.body")
        return _Answer(headers, b"".join(bodies))


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read already, to be read by the handler."""
    left = [body]

    async def receiving() -> Any:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return receiving


async def _refuse(scope: Scope, send: Send, error: TocsinError) -> None:
    found = problems.of_error(error)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in found.headers.items())
    await wire.send_reply(scope, send, wire.Reply(found.status, found.body(), problems.MEDIA_TYPE.encode(), headers))
