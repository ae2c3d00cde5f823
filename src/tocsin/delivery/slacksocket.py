"""Slack's Socket Mode: we call Slack, and it brings what people do over that connection. No public address is needed.

Slack ends each connection after some hours, and says so before: the next one is open by then. Several nodes have one
each, and Slack brings a thing to any of them. Each thing is answered within three seconds, or it is brought again.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from tocsin.delivery.outbox import backoff
from tocsin.kit.clock import stopwatch

log = logging.getLogger(__name__)

Answer = Callable[[Mapping[str, Any]], Awaitable[None]]
Brought = Callable[[str, Mapping[str, Any], Answer], Awaitable[None]]

OPEN_WITHIN = timedelta(seconds=10)
SIGN_OF_LIFE_EVERY = 20.0  # seconds; a connection that gives none is given up
LASTS = 5.0  # seconds, from which on a connection counts as one that works
OLD_ONE_LASTS = timedelta(seconds=30)  # beside the one that takes its place
LONGEST = 1_000_000  # bytes of one thing that is brought


class NotOpened(Exception):
    """Slack gives no connection. The argument is its own word for why, and nothing secret."""


class _Envelope(msgspec.Struct):
    type: str = ""
    envelope_id: str = ""
    payload: dict[str, Any] = {}
    accepts_response_payload: bool = False
    reason: str = ""


class Socket:
    """The ear of one node. `brought` is given what kind of thing it is, the thing, and a way to answer."""

    def __init__(self, token: str, api_url: str, brought: Brought) -> None:
        self._token = token
        self._api_url = api_url
        self._brought = brought
        self._work: set[asyncio.Task[None]] = set()
        self._links: set[asyncio.Task[None]] = set()

    async def listen(self, stopped: asyncio.Event) -> None:
        """Listen until stopped. What is being done then is cut off, and brought again."""
        listening, end = asyncio.create_task(self._go_on()), asyncio.create_task(stopped.wait())
        try:
            await asyncio.wait([listening, end], return_when=asyncio.FIRST_COMPLETED)
        finally:
            everything = [listening, end, *self._links, *self._work]
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def _go_on(self) -> None:
        """Open one connection after another; less and less often, while none lasts."""
        timeout = aiohttp.ClientTimeout(total=None, connect=OPEN_WITHIN.total_seconds())
        failed = 0
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                began, greeted = stopwatch(), False
                try:
                    greeted = await self._one(session)
                except NotOpened as why:
                    log.warning("Slack gives no socket: %s", why)
                except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:  # which may hold the address
                    log.warning("Slack's socket can't be opened: %s", type(error).__name__)
                lasted = greeted and stopwatch() - began >= LASTS
                failed = 0 if lasted else failed + 1
                if failed:
                    await asyncio.sleep(backoff(failed, random.random()).total_seconds())  # noqa: S311 - no secret

    async def _one(self, session: aiohttp.ClientSession) -> bool:
        """One connection, until it ends or is about to. Returns whether Slack greeted us on it."""
        async with asyncio.timeout(OPEN_WITHIN.total_seconds()):
            url = await address(session, self._token, self._api_url)
            link = _Link(await session.ws_connect(url, heartbeat=SIGN_OF_LIFE_EVERY, max_msg_size=LONGEST))
        reading = asyncio.create_task(self._read(link))
        self._links.add(reading)
        reading.add_done_callback(self._links.discard)
        leaving = asyncio.create_task(link.leaving.wait())
        try:
            await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        return link.greeted

    async def _read(self, link: "_Link") -> None:
        try:
            async for message in link.socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(link, message.data)
                if link.leaving.is_set():
                    link.ends_within(OLD_ONE_LASTS)
        except (aiohttp.ClientError, OSError) as error:
            log.warning("Slack's socket broke: %s", type(error).__name__)
        finally:
            with suppress(aiohttp.ClientError, OSError):
                await link.socket.close()

    def _take(self, link: "_Link", data: str) -> None:
        try:
            envelope = msgspec.json.decode(data, type=_Envelope)
        except msgspec.DecodeError:
            return  # nothing that Slack sends
        match envelope.type:
            case "hello":
                link.greeted = True
            case "disconnect":
                link.leaving.set()
            case kind if envelope.envelope_id:
                work = asyncio.create_task(self._hear(link, kind, envelope))
                self._work.add(work)
                work.add_done_callback(self._work.discard)
            case _:
                pass

    async def _hear(self, link: "_Link", kind: str, envelope: _Envelope) -> None:
        async def answer(said: Mapping[str, Any]) -> None:
            about: dict[str, Any] = {"envelope_id": envelope.envelope_id}
            if said and envelope.accepts_response_payload:
                about["payload"] = said
            with suppress(aiohttp.ClientError, OSError):  # then it is brought again, by another connection
                await link.socket.send_str(msgspec.json.encode(about).decode())

        try:
            await self._brought(kind, envelope.payload, answer)
        except Exception:  # one thing that can't be done must not end the others
            log.exception("what came through Slack's socket could not be done")


class _Link:
    """A connection: whether Slack has greeted us on it, and whether it will end soon."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.greeted = False
        self.leaving = asyncio.Event()
        self._is_timed = False

    def ends_within(self, span: timedelta) -> None:
        if not self._is_timed:
            self._is_timed = True
            loop = asyncio.get_running_loop()
            loop.call_later(span.total_seconds(), lambda: loop.create_task(self.socket.close()))


async def address(session: aiohttp.ClientSession, token: str, api_url: str) -> str:
    """Where to connect: good once, and for a short while. Raises NotOpened."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{api_url}apps.connections.open", headers=headers, allow_redirects=False) as answer:
        if answer.status == 429 or answer.status >= 500:
            raise NotOpened(f"HTTP {answer.status}")
        try:
            said = msgspec.json.decode(await answer.read(), type=dict[str, Any])
        except msgspec.DecodeError:
            raise NotOpened(f"HTTP {answer.status}") from None
    if not said.get("ok"):
        raise NotOpened(str(said.get("error", f"HTTP {answer.status}"))[:100])
    url = str(said.get("url", ""))
    wanted = "wss" if urlsplit(api_url).scheme == "https" else "ws"
    if urlsplit(url).scheme != wanted:
        raise NotOpened("the address that Slack gave can't be used")
    return url


async def ask(token: str, api_url: str) -> None:
    """Whether Slack would give us a connection. Raises NotOpened."""
    timeout = aiohttp.ClientTimeout(total=OPEN_WITHIN.total_seconds())
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await address(session, token, api_url)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NotOpened(type(error).__name__) from None
