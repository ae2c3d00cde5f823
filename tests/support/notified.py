"""A web service that Apprise posts its JSON to: strict about what it sends, and refusing or silent on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

USER, PASSWORD = "ana", "s3cret"


@dataclass
class Notified:
    """`statuses` are given instead of taking the next messages; `hanging` answers nothing at all."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hanging: bool = False
    asked: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.hanging:
            await asyncio.sleep(30)
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        if request.headers.get("Authorization") is None:
            return web.Response(status=401)
        sent = await request.json()
        if not sent.keys() >= {"version", "title", "message", "type"} or not sent["message"]:
            return web.Response(status=400)
        self.taken.append(sent)
        return web.Response()


@asynccontextmanager
async def service() -> AsyncIterator[Notified]:
    here = Notified()
    application = web.Application()
    application.router.add_post("/page", here.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"json://{USER}:{PASSWORD}@127.0.0.1:{runner.addresses[0][1]}/page"
    try:
        yield here
    finally:
        await runner.cleanup()
