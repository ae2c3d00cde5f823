"""An answer leaves in one piece, and a request comes within bounds.

The server writes an answer's head and its body one after the other, and its event loop hands each over to the system
at once: two calls for every answer, and two wake-ups for whoever waits for it. Here what is written in one turn of the
loop goes out together at the end of that turn.

An answer that is known whole can be given in one call, by what a request carries among its extensions: the server looks
through each header of each answer twice, and asks for the head and the body one after the other. For a signal's receipt
that is a tenth of all its work.

A request's head is read up to a bound, and what has not come whole in time is not waited for. The server knows no such
bounds by itself: it keeps whatever a stranger sends, and holds a connection as long as the stranger likes. No request
has a timer: every few seconds all connections are looked at. Whoever has sent a whole request is left alone, however
long the answer takes or is read.
"""

import asyncio
import math
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

if sys.platform != "win32":
    import resource

MOST_HEAD = 65_536  # bytes of a request's first line and headers, counted as they arrive
AT_ONCE = 65_536  # bytes; more than that is no answer of one piece, and must not pile up here

WHOLE = (
    "tocsin.whole"  # the extension, and what it is: a status, the lines of the head and the body; True if it is given
)
Whole = Callable[[int, bytes, bytes], bool]

LOOKED_AT_EVERY = 5  # seconds
HEAD_WITHIN = 30.0  # seconds, from when it is first seen to be waited for
BODY_SILENT_FOR = 60.0
BODY_WITHIN = 600.0

FILES_FOR_OTHERS = 200  # open files that pages, mails and the database need, whoever knocks
REFUSED_AT_ONCE = 50  # that many are told that there is no room; the rest of a flood is told nothing
MOST_CONNECTIONS = 10_000  # where the system sets no lower bound


def most_connections() -> int:
    """How many connections a process may hold open and still reach those whom it pages."""
    return max(50, int(min(_files() - FILES_FOR_OTHERS - REFUSED_AT_ONCE, MOST_CONNECTIONS)))


def _files() -> float:
    """How many files the system lets a process have open; on Windows a connection is none."""
    if sys.platform == "win32":
        return math.inf
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if files == resource.RLIM_INFINITY else files


class Awaited(Enum):
    """How much of a request is still to come: once it is whole, all of the next."""

    ALL = "all"
    HEAD = "head"
    BODY = "body"


class JoiningProtocol(HttpToolsProtocol):
    """The server's protocol, on a transport that joins what is written in one turn.

    `limit_concurrency` bounds the connections here, and not the requests: who listens to a stream is no burden.
    """

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._most, self.limit_concurrency = config.limit_concurrency, None
        self._awaited = Awaited.ALL
        self._came = 0  # bytes, since the last request began
        self._since: float | None = None  # from when what is awaited is waited for, as far as it was looked at
        self._came_then, self._came_at = 0, 0.0
        self._is_turned_away = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        joining = _Joining(cast("asyncio.Transport", transport), self.loop)
        super().connection_made(cast("asyncio.Transport", joining))
        if self._most is not None and len(self.connections) > self._most:
            self._turn_away(len(self.connections) - self._most)

    def data_received(self, data: bytes) -> None:
        if self._is_turned_away:
            self.transport.close()  # not before it has spoken: to close upon unread bytes would take the answer away
            return
        self._came += len(data)
        super().data_received(data)
        if self._awaited is Awaited.HEAD and self._came > MOST_HEAD:
            self._refuse("431 Request Header Fields Too Large", "The headers of this request are too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited, self._came, self._since = Awaited.HEAD, 0, None

    def on_headers_complete(self) -> None:
        self._awaited, self._since = Awaited.BODY, None
        super().on_headers_complete()
        scope: Any = self.scope
        scope["extensions"] = {WHOLE: partial(_answer, self.cycle)}

    def on_message_complete(self) -> None:
        self._awaited = Awaited.ALL
        super().on_message_complete()

    def look(self, now: float) -> None:
        """End what a request is waited for on too long. `now` is in seconds, of a clock that never goes back."""
        if self._is_turned_away:
            self.transport.close()
        elif not self._is_waiting():
            self._since = None
        elif self._since is None:
            self._since, self._came_then, self._came_at = now, self._came, now
        elif self._is_late(now - self._since, now):
            self._give_up()

    def _is_waiting(self) -> bool:
        """Whether it is the other side's turn, and nothing of the server's own looks after that."""
        if self.transport.is_closing() or self.flow.read_paused:
            return False
        if self._awaited is Awaited.BODY:
            return not self.cycle.waiting_for_100_continue
        last = self._last()
        return (last is None or last.response_complete) and self.timeout_keep_alive_task is None

    def _is_late(self, waited: float, now: float) -> bool:
        if self._came != self._came_then:
            self._came_then, self._came_at = self._came, now
        if self._awaited is Awaited.BODY:
            return waited > BODY_WITHIN or now - self._came_at > BODY_SILENT_FOR
        return waited > HEAD_WITHIN

    def _give_up(self) -> None:
        if self._awaited is Awaited.ALL:
            self.transport.close()  # without a word: nothing was asked
        else:
            self._refuse("408 Request Timeout", "This request took too long to arrive.")

    def _refuse(self, status: str, why: str) -> None:
        if self.transport.is_closing():
            return
        if not self._is_answering():
            self.transport.write(_plain(status, why))
        if last := self._last():
            last.disconnected = True  # whoever still works on an answer must not write after the end
            last.message_event.set()
        self.transport.close()

    def _is_answering(self) -> bool:
        """Whether what is written now would stand in the midst of an answer, or be taken for one."""
        last = self._last()
        if last is None or self._awaited is Awaited.BODY:
            return last is not None and last.response_started
        return not last.response_complete

    def _last(self) -> RequestResponseCycle | None:
        """The last request that has a head, and its answer."""
        return self.cycle

    def _turn_away(self, too_many: int) -> None:
        self._is_turned_away = True
        if too_many > REFUSED_AT_ONCE:
            self.transport.abort()
            return
        why = "Too many connections are open; come again in a second."
        self.transport.write(_plain("503 Service Unavailable", why, "retry-after: 1\r\n"))
        self.transport.write_eof()


def look_at(connections: Iterable[object], now: float) -> None:
    """End those of a server's connections on which a request is waited for too long."""
    for one in list(connections):
        if isinstance(one, JoiningProtocol):
            one.look(now)


def _plain(status: str, why: str, more: str = "") -> bytes:
    about = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(why) + 1}\r\nconnection: close\r\n"
    return f"HTTP/1.1 {status}\r\n{more}{about}\r\n{why}\n".encode()


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

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts:
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
