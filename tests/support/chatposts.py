"""Mattermost and Discord on this machine: what they take at a secret address, and whom a message would call."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MATTERMOST, DISCORD = "/hooks/xxx-s3cret-xxx", "/api/webhooks/1/s3cret"
_CALLS = re.compile(
    r"(?<!\w)@(?:all|channel|here|everyone|[a-z][a-z0-9._-]+)|<!(?:all|channel|here)>|<@\w+>", re.IGNORECASE
)


@dataclass
class Chats:
    url: str = ""
    posted: list[dict[str, Any]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)  # whom the messages mention
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: int = 0

    async def mattermost(self, request: web.Request) -> web.Response:
        sent = await self._read(request, {"text"})
        if isinstance(sent, web.Response):
            return sent
        if not 0 < len(sent["text"]) <= 4000:
            return web.Response(status=400)
        return self._take(sent, sent["text"], web.Response(text="ok"))

    async def discord(self, request: web.Request) -> web.Response:
        sent = await self._read(request, {"content", "allowed_mentions", "flags"})
        if isinstance(sent, web.Response):
            return sent
        if not 0 < len(sent["content"]) <= 2000 or sent.get("flags", 0) not in (0, 4):
            return web.Response(status=400)
        calls = "" if sent.get("allowed_mentions", {}).get("parse") == [] else sent["content"]
        return self._take(sent, calls, web.Response(status=204))

    async def _read(self, request: web.Request, known: set[str]) -> dict[str, Any] | web.Response:
        self.asked += 1
        if self.refusals:
            status, headers = self.refusals.pop(0)
            return web.Response(status=status, headers=headers)
        if request.content_type != "application/json":
            return web.Response(status=400)
        sent: dict[str, Any] = json.loads(await request.read())
        return sent if sent.keys() <= known else web.Response(status=400)

    def _take(self, sent: dict[str, Any], said: str, answer: web.Response) -> web.Response:
        self.posted.append(sent)
        self.called += _CALLS.findall(said)
        return answer


@asynccontextmanager
async def chats() -> AsyncIterator[Chats]:
    here = Chats()
    application = web.Application()
    application.router.add_post(MATTERMOST, here.mattermost)
    application.router.add_post(DISCORD, here.discord)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()
