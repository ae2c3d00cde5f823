"""An address on which something answers, and which can really go away: closed means connection refused."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from tocsin.kit.errors import Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[..., Awaitable[None]]  # libraries spell an ASGI application in too many ways to say more

MOST_CONNECTIONS = 64


class PortTaken(Refused):
    """Another program already listens on this port."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(f"Port {port} on {host} is already in use; stop what uses it, or choose another {setting}")


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Take a port without listening yet, so that callers are refused. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        # Reuse got us past old connections; left on, it would let another program share the port that we hold.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError as why:
        held.close()
        raise PortTaken(host, port, setting) from why
    held.setblocking(False)
    return held


def listen(held: socket.socket, setting: str) -> None:
    """Let callers in at a port that `bind` took."""
    # Connections inherit reuse, and one that lingers without it would bar our own way back to the port.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    host, port = held.getsockname()[:2]
    try:
        held.listen()
    except OSError as why:
        held.close()
        raise PortTaken(host, port, setting) from why


class _Server(uvicorn.Server):
    """Uvicorn that says when it listens, and leaves the signals to whoever runs the loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )


class Listener:
    """A host and port that is ours from the first moment, and answers while it is open."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        self.host, self._setting = host, setting
        self._held: socket.socket | None = bind(host, port, setting)
        self.port: int = self._held.getsockname()[1]
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def open(self, app: App) -> None:
        """Answer with the app. Returns when the next caller will be heard."""
        if self._server is not None:
            return
        held, self._held = self._held or bind(self.host, self.port, self._setting), None
        listen(held, self._setting)
        self._server = _Server(_config(app))
        self._serving = asyncio.create_task(self._server.serve(sockets=[held]))
        await self._server.listening.wait()

    def hang_up(self) -> None:
        """Cut every open connection without another word."""
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                if connection.transport is not None:
                    connection.transport.abort()

    async def shut(self) -> None:
        """Hang up and refuse callers, but keep the port for `open`."""
        await self._stop()
        with contextlib.suppress(PortTaken):  # then `open` says so, if it still is by then
            self._held = self._held or bind(self.host, self.port, self._setting)

    async def close(self) -> None:
        """Hang up and give the port back."""
        await self._stop()
        if self._held is not None:
            self._held.close()
            self._held = None

    async def _stop(self) -> None:
        server, serving = self._server, self._serving
        if server is None or serving is None:
            return
        for listening in server.servers:
            listening.close()
        self.hang_up()
        server.should_exit = True
        await serving
        self._server = self._serving = None
