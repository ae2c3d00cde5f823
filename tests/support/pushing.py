"""An ntfy server and Telegram, as far as we speak to them: strict about credentials, fields and limits."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "tk_abcdef0123456789"
BOT = "123456:AAbot-token"


@dataclass
class Pushed:
    """What was taken, and what to refuse next: a status, a body, and headers."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)

    def refusal(self) -> web.Response | None:
        if not self.refusals:
            return None
        status, body, headers = self.refusals.pop(0)
        return web.json_response(body, status=status, headers=headers)


Take = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def _serving(here: Pushed, path: str, take: Take) -> AsyncIterator[Pushed]:
    application = web.Application()
    application.router.add_post(path, take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()


def _ntfy_error(status: int, code: int, error: str) -> web.Response:
    return web.json_response({"code": code, "http": status, "error": error}, status=status)


@asynccontextmanager
async def ntfy() -> AsyncIterator[Pushed]:
    here = Pushed()

    async def take(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _ntfy_error(401, 40101, "unauthorized")
        if refused := here.refusal():
            return refused
        sent = await request.json()
        known = {"topic", "title", "message", "priority", "tags", "click", "actions"}
        if set(sent) - known or not re.fullmatch(r"[-_A-Za-z0-9]{1,64}", sent.get("topic", "")):
            return _ntfy_error(400, 40024, "invalid request: body must be valid JSON")
        if len(sent["message"].encode()) > 4096 or sent["priority"] not in range(1, 6):
            return _ntfy_error(413, 41303, "message too large")
        for one in sent.get("actions", []):
            if one["action"] != "http" or not one["label"] or not one["url"].startswith("https://"):
                return _ntfy_error(400, 40018, "invalid request: actions invalid")
        if len(sent.get("actions", [])) > 3:
            return _ntfy_error(400, 40018, "invalid request: only 3 actions allowed")
        here.taken.append(sent)
        return web.json_response({"id": f"ntfy{len(here.taken)}", "event": "message", "topic": sent["topic"]})

    async with _serving(here, "/", take) as one:
        yield one


def _telegram_error(status: int, description: str, **parameters: int) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body | ({"parameters": parameters} if parameters else {}), status=status)


@asynccontextmanager
async def telegram() -> AsyncIterator[Pushed]:
    here = Pushed()

    async def take(request: web.Request) -> web.Response:
        if request.match_info["bot"] != f"bot{BOT}":
            return _telegram_error(401, "Unauthorized")
        if refused := here.refusal():
            return refused
        sent = await request.json()
        if not isinstance(sent.get("chat_id"), int):
            return _telegram_error(400, "Bad Request: chat not found")
        if not 0 < len(sent.get("text", "")) <= 4096:
            return _telegram_error(400, "Bad Request: message is too long")
        for row in sent.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64 or not button["text"]:
                    return _telegram_error(400, "Bad Request: BUTTON_DATA_INVALID")
        here.taken.append(sent)
        return web.json_response(
            {"ok": True, "result": {"message_id": len(here.taken), "chat": {"id": sent["chat_id"]}}}
        )

    async with _serving(here, "/{bot}/sendMessage", take) as one:
        yield one
