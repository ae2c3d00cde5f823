"""The stand-in on its address: it speaks for Rose over real sockets, and is broken and mended while it runs."""

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.kit.clock import Clock
from tocsin.rehearsal.listener import Listener, Receive, Scope, Send
from tocsin.rehearsal.process import Process
from tocsin.rehearsal.rose import MOST_BODY, Answer, Call, Mode, Switches, answer

CALLS_KEPT = 50
FAULTS_THAT_END_BY_RESTART = {Mode.DOWN, Mode.HANGING}


@dataclass(frozen=True)
class Heard:
    """One call that reached the stand-in, and the status it was given; none when it got no answer."""

    at: datetime
    method: str
    path: str
    status: int | None


class StandIn:
    """Rose, as far as anyone who calls her can tell."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self._listener, self._clock = listener, clock
        self._switching = asyncio.Lock()
        self.url = listener.url
        self.switches = Switches()
        self.since = clock.now()
        self.process = Process(self.since)
        self.calls: deque[Heard] = deque(maxlen=CALLS_KEPT)
        self.calls_heard = 0

    async def open(self) -> None:
        await self._listener.open(self)

    async def close(self) -> None:
        await self._listener.close()

    async def switch(self, wanted: Switches) -> None:
        """Break or mend. When this returns, the next caller meets the new state."""
        async with self._switching:
            before, self.switches, self.since = self.switches, wanted, self._clock.now()
            if before.mode in FAULTS_THAT_END_BY_RESTART and wanted.mode != before.mode:
                self._restart()
            if wanted.mode is Mode.DOWN:
                await self._listener.shut()
            else:
                await self._listener.open(self)

    def _restart(self) -> None:
        self.process = Process(self._clock.now())
        self._listener.hang_up()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application on Rose's address."""
        body = await _read_body(receive) if _is_read(scope, self.switches) else b""
        if body is None:
            return
        call = self._call(scope, body)
        reply = answer(self.switches, call, self.process)
        self._note(call, reply)
        if await _stays(receive, reply):
            await _send(send, reply)

    def _call(self, scope: Scope, body: bytes) -> Call:
        return Call(
            method=scope["method"],
            path=scope["path"],
            at=self._clock.now(),
            request_id=str(uuid.uuid4()),
            client=scope["client"][0] if scope.get("client") else "unknown",
            query=scope["query_string"].decode("latin-1"),
            content_type=_headers(scope).get("content-type", ""),
            body=body,
        )

    def _note(self, call: Call, reply: Answer) -> None:
        self.calls_heard += 1
        self.calls.appendleft(Heard(call.at, call.method, call.path, reply.status or None))


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_read(scope: Scope, switches: Switches) -> bool:
    # A Rose that hangs does not read either: the caller meets a full pipe, not a swallowed body.
    return scope["method"] not in {"GET", "HEAD"} and switches.mode is not Mode.HANGING


async def _read_body(receive: Receive) -> bytes | None:
    """The body, cut just above the size that Rose refuses; None when the caller left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")[: MOST_BODY + 1 - len(body)]
        if not message.get("more_body"):
            return bytes(body)


async def _stays(receive: Receive, reply: Answer) -> bool:
    """Wait as long as the answer takes. Tells whether the caller is still there, and is to be answered."""
    never = reply.drop or reply.delay_s == float("inf")
    try:
        async with asyncio.timeout(None if never else reply.delay_s):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return True
    return False


async def _send(send: Send, reply: Answer) -> None:
    lines = [*reply.headers, ("content-length", str(len(reply.body)))]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
