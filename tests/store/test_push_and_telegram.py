"""Pushes through ntfy and messages of a Telegram bot, to servers here that are as strict as the real ones."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiohttp

from tests.support import pushing
from tests.support.pushing import Pushed
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.ntfy import NtfyChannel
from tocsin.delivery.telegram import TelegramChannel

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ANSWER = "https://tocsin.example.org/a/pag_1.sig.0"
PUSH = Message(
    id="msg_7KQ2M4XW9A2B",
    dedup_key="pag_1-0",
    channel="ntfy",
    address="ana-4f9c2e7d",
    subject="[P1] Stimme hängt 🔥 (#12)",
    body=f"[P1] Stimme hängt 🔥 (#12)\n{ANSWER}\n",
    created_at=NOW,
    send_at=NOW,
    actions={"answer": ANSWER, "room": "https://tocsin.example.org/incidents/i"},
)
CHAT = replace(PUSH, channel="telegram", address="-100123")
Prepare = Callable[[Pushed], None]


def push(
    message: Message = PUSH, prepare: Prepare = lambda _: None, token: str = pushing.TOKEN
) -> tuple[Result, Pushed]:
    async def story() -> tuple[Result, Pushed]:
        async with pushing.ntfy() as server, aiohttp.ClientSession() as http:
            prepare(server)
            return await NtfyChannel(lambda: http, server.url, token).send(message), server

    return asyncio.run(story())


def chat(message: Message = CHAT, prepare: Prepare = lambda _: None, token: str = pushing.BOT) -> tuple[Result, Pushed]:
    async def story() -> tuple[Result, Pushed]:
        async with pushing.telegram() as server, aiohttp.ClientSession() as http:
            prepare(server)
            return await TelegramChannel(lambda: http, server.url, token).send(message), server

    return asyncio.run(story())


def test_a_page_is_pushed_with_its_buttons_at_the_highest_priority() -> None:
    result, server = push()
    assert result == Delivered("ntfy1", "ntfy")
    (taken,) = server.taken
    assert (taken["topic"], taken["title"], taken["priority"], taken["click"]) == (
        PUSH.address,
        PUSH.subject,
        5,
        ANSWER,
    )
    assert [one["url"] for one in taken["actions"]] == [ANSWER, f"{ANSWER}/escalate", f"{ANSWER}/decline"]
    assert {one["method"] for one in taken["actions"]} == {"POST"}


def test_a_page_that_may_wait_is_pushed_below_the_highest_priority() -> None:
    _, server = push(replace(PUSH, urgency="low"))
    assert server.taken[0]["priority"] == 4


def test_what_is_no_page_is_pushed_quietly_and_what_is_long_is_cut() -> None:
    result, server = push(replace(PUSH, actions=None, body="ä" * 10_000))
    assert result == Delivered("ntfy1", "ntfy")
    assert server.taken[0]["priority"] == 3
    assert "actions" not in server.taken[0]


def test_ntfy_says_why_it_refuses() -> None:
    busy = (429, {"code": 42901, "http": 429, "error": "limit reached: too many requests"}, {"Retry-After": "5"})
    result, _ = push(prepare=lambda server: server.refusals.append(busy))
    assert result == Retry("HTTP 429: limit reached: too many requests", timedelta(seconds=5))
    result, _ = push(replace(PUSH, address="no topic"))
    assert isinstance(result, Dead)
    result, _ = push(token="wrong")
    assert result == Retry("HTTP 401: unauthorized", down=True)


def test_a_page_is_a_message_with_buttons_under_it() -> None:
    result, server = chat()
    assert result == Delivered("1", "telegram")
    (taken,) = server.taken
    assert (taken["chat_id"], taken["text"]) == (-100123, CHAT.body.strip())
    (row,) = taken["reply_markup"]["inline_keyboard"]
    assert [one["callback_data"] for one in row] == [
        f"{one}:{CHAT.id}" for one in ("acknowledge", "escalate", "decline")
    ]
    _, server = chat(replace(CHAT, actions=None, body="x" * 9000))
    assert "reply_markup" not in server.taken[0]


def test_telegram_says_when_to_come_again_and_whom_it_will_never_reach() -> None:
    busy = (429, {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 7}}, {})
    result, _ = chat(prepare=lambda server: server.refusals.append(busy))
    assert result == Retry("HTTP 429: Too Many Requests", timedelta(seconds=7))
    blocked = (403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}, {})
    result, _ = chat(prepare=lambda server: server.refusals.append(blocked))
    assert result == Dead("HTTP 403: Forbidden: bot was blocked by the user")
    result, _ = chat(token="wrong")
    assert result == Retry("HTTP 401: Unauthorized", down=True)


def test_no_secret_stands_in_what_is_kept_of_a_failure() -> None:
    async def story() -> Result:
        async with aiohttp.ClientSession() as http:
            return await TelegramChannel(lambda: http, "http://127.0.0.1:1", "s3cret-token").send(CHAT)

    result = asyncio.run(story())
    assert isinstance(result, Retry)
    assert result.down
    assert "s3cret" not in result.reason
