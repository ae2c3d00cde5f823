"""An answer leaves in one piece.

The server writes an answer's head and its body one after the other, and its event loop hands each over to the system
at once: two calls for every answer, and two wake-ups for whoever waits for it. Here what is written in one turn of the
loop goes out together at the end of that turn.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

AT_ONCE = 65_536  # bytes; more than that is no answer of one piece, and must not pile up here


class JoiningProtocol(HttpToolsProtocol):
    """The server's protocol, on a transport that joins what is written in one turn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        joining = _Joining(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", joining))


class _Joining:
    """A transport whose writes wait for the end of the turn; whatever else it is asked, the transport answers."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > AT_ONCE:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts:
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
