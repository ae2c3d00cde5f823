"""A request names the host that it asks, once and in a form that can be one; else it is refused (RFC 9112, 3.2)."""

import re
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from tocsin.web.board import send_all

LONGEST = 300
MOST_PORT = 65_535
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_REFUSED = b"The header Host names no host, or more than one.\n"
_ABOUT = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(_REFUSED)).encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Hosts:
    """Stands before the pages and the API, which put addresses together from what a request names."""

    def __init__(self, rest: ASGIApp) -> None:
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and not _names_one(scope):
            await send_all(scope, send, 400, _ABOUT, _REFUSED)
            return
        await self._rest(scope, receive, send)


def _names_one(scope: Any) -> bool:
    """Two could be read as the first by a proxy and as the second by us. Only HTTP/1.0 lets a request name none."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    return all(map(is_host, named)) and (len(named) == 1 or (not named and scope.get("http_version") == "1.0"))


def is_host(named: bytes) -> bool:
    found = _HOST.fullmatch(named) if len(named) <= LONGEST else None
    return found is not None and int(found[1] or 0) <= MOST_PORT
