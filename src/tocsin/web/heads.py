"""What is read with GET can be asked for with HEAD: the same answer without its body (RFC 9110, 9.3.2).

No route says so itself. It is answered as GET would be, and over as soon as its head is known: a stream that is asked
for so ends at once.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_MARK = "tocsin.is_head"


def is_head(scope: Any) -> bool:
    """Whether only the head is asked for: nobody looks at the answer then."""
    return bool(scope.get(_MARK))


def _without_body(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    """The headers without what is said of a body: whatever came with it is not looked at, and so not waited for."""
    return ((name, value) for name, value in headers if name not in (b"content-type", b"content-length"))


def _named(scope: Any, send: Send) -> Send:
    """The answer to OPTIONS with every method of the address: the framework names those of one route alone."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and "path_template" in scope:
            here = [one for one in scope["litestar_app"].routes if one.path_format == scope["path_template"]]
            methods = {str(each) for one in here for each in one.methods}
            methods |= {"HEAD"} if "GET" in methods else set()
            others = [one for one in message["headers"] if one[0].lower() != b"allow"]
            message = {**message, "headers": [*others, (b"allow", ", ".join(sorted(methods)).encode())]}
        await send(message)

    return sending


class Heads:
    """Stands around the pages and the API."""

    def __init__(self, rest: ASGIApp) -> None:
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD":
            await self._rest(scope, receive, _named(scope, send) if scope.get("method") == "OPTIONS" else send)
            return
        asked: Any = {**scope, "method": "GET", "headers": list(_without_body(scope["headers"])), _MARK: True}
        answered = asyncio.Event()

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start" and not answered.is_set():
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                answered.set()

        is_read = False

        async def received() -> Any:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await answered.wait()
            return {"type": "http.disconnect"}

        await self._rest(asked, received, without_body)
