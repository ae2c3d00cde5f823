"""Slack's side of Socket Mode on this machine: tickets that work once, envelopes that must be answered in time."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.support.slack import Workspace

PATIENCE = 3.0  # seconds in which each envelope is answered
TICKET_LASTS = 30.0


class NotAnswered(AssertionError):
    """Three seconds have passed."""


@dataclass
class Sockets:
    """The connections that stand, and what was answered on them."""

    loop: asyncio.AbstractEventLoop
    port: int = 0
    tickets: dict[str, float] = field(default_factory=dict)
    open: list[web.WebSocketResponse] = field(default_factory=list)
    opened: int = 0
    silent: bool = False  # whether it greets nobody
    _waiting: dict[str, Future[dict[str, Any]]] = field(default_factory=dict)
    _numbered: int = 0

    def ticket(self) -> str:
        made = f"t{len(self.tickets)}"
        self.tickets[made] = time.monotonic()
        return f"ws://127.0.0.1:{self.port}/link?ticket={made}"

    def bring(self, kind: str, payload: dict[str, Any], *, through: int = -1, accepts: bool | None = None) -> Any:
        """Bring something through one of the connections. Returns the payload of the answer, which comes in time."""
        self._numbered += 1
        envelope = f"e{self._numbered}"
        about = {"envelope_id": envelope, "type": kind, "payload": payload}
        about["accepts_response_payload"] = kind != "events_api" if accepts is None else accepts
        self._waiting[envelope] = found = Future()
        self.do(self.open[through].send_json(about))
        try:
            answer = found.result(PATIENCE)
        except TimeoutError:
            raise NotAnswered from None
        assert answer.keys() <= {"envelope_id", "payload"}
        assert "payload" not in answer or about["accepts_response_payload"]
        return answer.get("payload")

    def say(self, text: str, through: int = -1) -> None:
        self.do(self.open[through].send_str(text))

    def announce_end(self, reason: str, through: int = -1) -> None:
        self.do(self.open[through].send_json({"type": "disconnect", "reason": reason, "debug_info": {}}))

    def end(self, through: int = -1) -> None:
        self.do(self.open[through].close(code=WSCloseCode.GOING_AWAY))

    def cut(self, through: int = -1) -> None:
        """End a connection without a word."""

        async def cut() -> None:
            transport = self.open[through]._req.transport  # type: ignore[union-attr]
            assert transport is not None
            transport.abort()

        self.do(cut())

    def do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(5)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        since = self.tickets.pop(request.query.get("ticket", ""), None)
        if since is None or time.monotonic() - since > TICKET_LASTS:
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open.append(socket)
        self.opened += 1
        if not self.silent:
            await socket.send_json({"type": "hello", "num_connections": len(self.open), "connection_info": {}})
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = json.loads(message.data)
                    if (waiting := self._waiting.pop(answer["envelope_id"], None)) is not None:
                        waiting.set_result(answer)
        finally:
            self.open.remove(socket)
        return socket


@contextmanager
def sockets(slack: Workspace) -> Iterator[Sockets]:
    """From here on this workspace gives connections."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    here = Sockets(loop)

    async def begin() -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/link", here.serve)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        here.port = runner.addresses[0][1]
        return runner

    runner = here.do(begin())
    slack.links = here.ticket
    try:
        yield here
    finally:
        slack.links = None

        async def end() -> None:
            for one in list(here.open):
                await one.close()
            await runner.cleanup()

        here.do(end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
