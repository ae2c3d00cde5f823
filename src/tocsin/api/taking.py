"""What every address for signals does with a body: read it, have it kept, and answer only then."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tocsin.api.keys import Keys
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Overloaded, TocsinError
from tocsin.people import access
from tocsin.people.model import Token
from tocsin.signals import formats, quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.senders.sent import Sent

BODY_MOST = 1_000_000  # bytes
TELLING = ("ce-", "content-type", "x-github-event", "sentry-hook-resource")  # headers that say what is in a body
TELLING_QUERY = ("identifierType",)  # and what of an address does
LONG_BODY = 32_000  # bytes; reading more than that would hold up everybody else
MANY = 100  # signals; to make more of them ready would do so too

S = TypeVar("S")
T = TypeVar("T")


async def sender(app: App, keys: Keys, secret: str) -> Token:
    """The token with this secret, if it may send signals."""
    token = keys.known(app, secret) or await keys.token(app, secret)
    if access.SIGNAL_WRITE not in token.rights:
        access.require(access.bearer(token), access.SIGNAL_WRITE)
    return token


async def take(
    app: App, source: str, form: Callable[[bytes], list[Arrival]], token: Token, body: bytes
) -> list[Arrival]:
    """Read the body's signals and accept them; a body that can't be read is kept for people to see."""
    return await accept(app, await read_or_keep(app, source, form, token, body, body))


async def read_or_keep(app: App, source: str, form: Callable[[S], T], token: Token, sent: S, body: bytes) -> T:
    """What the reader makes of it; a body that can't be read is kept for people to see."""
    try:
        return form(sent) if len(body) <= LONG_BODY else await asyncio.to_thread(form, sent)
    except formats.Unreadable as error:
        await keep(app, source, token.name, error, body, _asked(sent))
        raise


def _asked(sent: object) -> dict[str, Any] | None:
    """How a request was addressed, for reading it again: what says what is in it, not what proves who sent it."""
    if not isinstance(sent, Sent):
        return None
    headers = {name: value for name, value in sent.headers.items() if name.startswith(TELLING)}
    query = {name: value for name, value in sent.query.items() if name in TELLING_QUERY}
    return {"path": list(sent.path), "headers": headers, "query": query}


def addressed(path: str) -> dict[str, Any]:
    """The same for a request of which only the path says what is in it."""
    return {"path": path.strip("/").split("/")}


async def read(form: Callable[[S], T], sent: S, size: int) -> T:
    return form(sent) if size <= LONG_BODY else await asyncio.to_thread(form, sent)


async def accept(app: App, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """The signals as they are kept, without their secrets, once they are."""
    if len(arrivals) > MANY:
        kept = await asyncio.to_thread(_all_kept, arrivals)
    else:
        kept = _all_kept(arrivals)
    if kept:
        await app.intake.accept([envelope for _, envelope in kept])
    return [arrival for arrival, _ in kept]


def _all_kept(arrivals: Sequence[Arrival]) -> list[tuple[Arrival, signals.Envelope]]:
    return [signals.kept(arrival) for arrival in arrivals]


async def keep(
    app: App, source: str, name: str, error: formats.Unreadable, body: bytes, asked: dict[str, Any] | None = None
) -> None:
    about: dict[str, Any] = {"source": source, "sender": name, "reason": error.message, "body": body, "asked": asked}

    def put_away() -> None:
        app.database.run(SYSTEM, lambda tx: quarantine.keep(tx, **about))

    try:
        await asyncio.to_thread(put_away)
    except TocsinError as refusal:
        raise Overloaded("The body can't be read, nor kept now; send it again in a second.") from refusal
