"""Raw requests and replies, for the few addresses that must be cheap: nothing between the socket and the answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from litestar.types import HTTPRequestEvent, Receive, Scope, Send

from tocsin.kit.errors import Invalid
from tocsin.kit.joining import WHOLE, Whole

JSON = b"application/json"

Header = tuple[bytes, bytes]

GUARDS: tuple[Header, ...] = (  # for a browser that was led to an answer for machines: it does nothing with it
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)
BY_TLS: Header = (b"strict-transport-security", b"max-age=31536000")


class TooLarge(Invalid):
    """The body is too large."""


class SenderGone(Exception):
    """The sender went away before the whole of its body arrived; nobody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    kind: bytes = JSON
    headers: tuple[Header, ...] = ()


async def body_of(receive: Receive, most: int) -> bytes:
    """The whole body, as long as it has at most so many bytes; what is larger is not read to its end."""
    first = await _chunk(receive)
    body = first.get("body", b"")
    if not first.get("more_body"):
        return _fitting(body, most)
    return await _rest(receive, body, most)


async def _rest(receive: Receive, body: bytes, most: int) -> bytes:
    parts, size, more = [_fitting(body, most)], len(body), True
    while more:
        chunk = await _chunk(receive)
        size += len(chunk.get("body", b""))
        if size > most:
            raise _too_large(most)
        parts.append(chunk.get("body", b""))
        more = chunk.get("more_body", False)
    return b"".join(parts)


async def _chunk(receive: Receive) -> HTTPRequestEvent:
    message = await receive()
    if message["type"] != "http.request":
        raise SenderGone
    return message


async def beginning_of(receive: Receive, most: int, read_most: int = 1_000_000) -> bytes:
    """So many bytes of the body at the most. What is longer is heard to its end, within bounds, and let go."""
    found, size, more = b"", 0, True
    while more and size <= read_most:
        chunk = await _chunk(receive)
        part = chunk.get("body", b"")
        found, size = found + part[: most - len(found)], size + len(part)
        more = chunk.get("more_body", False)
    return found


def _fitting(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body has more than {most:,} bytes; send less at a time.")


def header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a header, by its name in lower case."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for known, value in headers:
        if known == name:
            return value
    return None


def address(scope: Scope) -> str:
    """Where a request comes from."""
    client = scope.get("client")
    return client[0] if client else ""


async def send_reply(scope: Scope, send: Send, reply: Reply) -> None:
    by_tls = scope.get("scheme") == "https"
    if not reply.headers and _at_once(scope, reply, by_tls):
        return
    size = (b"content-length", str(len(reply.body)).encode())
    headers = [*_always(reply.kind, by_tls), size, *reply.headers]
    body = b"" if scope.get("method") == "HEAD" else reply.body
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _at_once(scope: Scope, reply: Reply, by_tls: bool) -> bool:
    """Whether the server took the answer as it is; what is the same in every receipt is written down once."""
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    whole: Whole | None = extensions.get(WHOLE)
    return whole is not None and whole(reply.status, _lines(reply.kind, by_tls), reply.body)


@cache
def _lines(kind: bytes, by_tls: bool) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in _always(kind, by_tls))


def _always(kind: bytes, by_tls: bool) -> tuple[Header, ...]:
    return ((b"content-type", kind), *GUARDS, *((BY_TLS,) if by_tls else ()))


async def hang_up(send: Send) -> None:
    """Refuse a websocket: nothing raw speaks that."""
    await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})
