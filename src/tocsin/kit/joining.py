"""An answer leaves in one piece.

The server writes an answer's head and its body one after the other, and its event loop hands each over to the system
at once: two calls for every answer, and two wake-ups for whoever waits for it. Here what is written in one turn of the
loop goes out together at the end of that turn.

An answer that is known whole can be given in one call, by what a request carries among its extensions: the server looks
through each header of each answer twice, and asks for the head and the body one after the other. For a signal's receipt
that is a tenth of all its work.

A request's head is read up to a bound. The server knows none by itself, and keeps whatever a stranger sends.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

MOST_HEAD = 65_536  # bytes of a request's first line and headers, counted as they arrive
TOO_LARGE = b"The headers of this request are too large.\n"
AT_ONCE = 65_536  # bytes; more than that is no answer of one piece, and must not pile up here

WHOLE = (
    "tocsin.whole"  # the extension, and what it is: a status, the lines of the head and the body; True if it is given
)
Whole = Callable[[int, bytes, bytes], bool]


class JoiningProtocol(HttpToolsProtocol):
    """The server's protocol, on a transport that joins what is written in one turn."""

    _is_in_head = False
    _head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        joining = _Joining(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", joining))

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self._is_in_head and self._head > MOST_HEAD and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head = True, 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
        scope: Any = self.scope
        scope["extensions"] = {WHOLE: partial(_answer, self.cycle)}

    def _refuse_head(self) -> None:
        size = str(len(TOO_LARGE)).encode()
        about = b"content-type: text/plain; charset=utf-8\r\ncontent-length: " + size + b"\r\nconnection: close\r\n\r\n"
        self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + about + TOO_LARGE)
        self.transport.close()


def _answer(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """Give the answer as the server would, unless it has to wait, or one is begun: then nothing is done."""
    if cycle.flow.write_paused or cycle.response_started or cycle.scope["method"] == "HEAD":
        return False
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.disconnected:
        own = [b"%b: %b\r\n" % one for one in cycle.default_headers]
        size = b"content-length: %d\r\n" % len(body)
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        cycle.transport.write(b"".join((STATUS_LINE[status], *own, head, size, close, b"\r\n", body)))
        if not cycle.keep_alive:
            cycle.transport.close()
    cycle.on_response()
    return True


class _Joining:
    """A transport whose writes wait for the end of the turn; whatever else it is asked, the transport answers."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self.is_closing = transport.is_closing  # asked more often than the others
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
