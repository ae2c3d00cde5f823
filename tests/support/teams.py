"""A workflow of Teams that posts what it gets to somebody's chat: strict about the envelope, the card and its size."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MOST = 28 * 1024
PATH, SIGNATURE = "/powerautomate/automations/direct/workflows/f1/triggers/manual/paths/invoke", "s1gnature"
KNOWN = {"$schema", "type", "version", "body", "actions", "msteams"}


@dataclass
class Workflow:
    """`refusals` are statuses, with headers, that are given instead of taking the next card."""

    url: str = ""
    cards: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if request.query.get("sig") != SIGNATURE or request.query.get("api-version") != "1":
            return web.Response(status=401)
        if self.refusals:
            status, headers = self.refusals.pop(0)
            return web.Response(status=status, headers=headers)
        body = await request.read()
        if len(body) > MOST or request.content_type != "application/json":
            return web.Response(status=400)
        sent = json.loads(body)
        if not _is_envelope(sent):
            return web.Response(status=400)
        self.cards.append(sent["attachments"][0]["content"])
        return web.Response(status=202)


def _is_envelope(sent: dict[str, Any]) -> bool:
    if sent.keys() != {"type", "attachments"} or sent["type"] != "message" or len(sent["attachments"]) != 1:
        return False
    (one,) = sent["attachments"]
    if one.keys() != {"contentType", "contentUrl", "content"} or one["contentUrl"] is not None:
        return False
    return one["contentType"] == "application/vnd.microsoft.card.adaptive" and _is_card(one["content"])


def _is_card(card: dict[str, Any]) -> bool:
    if not card.keys() <= KNOWN or (card["type"], card["version"]) != ("AdaptiveCard", "1.2") or not card["body"]:
        return False
    runs = [run for one in card["body"] if one["type"] == "RichTextBlock" for run in one["inlines"]]
    is_text = len(runs) == len(card["body"]) and all(run["type"] == "TextRun" and run["text"] for run in runs)
    actions = card.get("actions", [])
    return is_text and all(one["type"] == "Action.OpenUrl" and one["title"] and _is_url(one["url"]) for one in actions)


def _is_url(text: str) -> bool:
    return text.startswith("https://")


def said(card: dict[str, Any]) -> list[str]:
    return [run["text"] for one in card["body"] for run in one["inlines"]]


@asynccontextmanager
async def workflow() -> AsyncIterator[Workflow]:
    here = Workflow()
    application = web.Application()
    application.router.add_post(PATH, here.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}?api-version=1&sp=%2Ftriggers&sig={SIGNATURE}"
    try:
        yield here
    finally:
        await runner.cleanup()
