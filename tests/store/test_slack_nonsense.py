"""What answers in Slack's place with something else than Slack documents is trouble of a kind that passes: tried again
later, with words that say what was missing, and never a traceback."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from tocsin.delivery.chat import Busy
from tocsin.delivery.slack import Slack

Asked = Callable[[Slack], Awaitable[Any]]


def asked(ask: Asked, answer: Any) -> Any:
    """What our client makes of a server that gives the same answer to everything."""

    async def story() -> Any:
        async def say(_: web.Request) -> web.Response:
            return web.json_response(answer) if not isinstance(answer, str) else web.Response(text=answer)

        app = web.Application()
        app.router.add_route("*", "/{method}", say)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            slack = Slack("xoxb-1", f"http://127.0.0.1:{runner.addresses[0][1]}/", timedelta(seconds=5))
            return await ask(slack)
        finally:
            await runner.cleanup()

    return asyncio.run(story())


def opens(slack: Slack) -> Awaitable[Any]:
    return slack.open("inc-1", private=False, purpose="Voice hangs")


@pytest.mark.parametrize(
    ("ask", "answer", "lacks"),
    [
        (opens, {"ok": True}, "user_id"),
        (opens, {"ok": True, "user_id": "U1", "url": 7}, "url"),
        (opens, {"ok": True, "user_id": "U1", "url": "https://rose.slack.com/", "channel": "C1"}, "channel.id"),
        (lambda slack: slack.account("ana@rose.example"), {"ok": True, "user": None}, "user.id"),
        (lambda slack: slack.account("ana@rose.example"), {"ok": True, "user": ["U1"]}, "user.id"),
        (lambda slack: slack.post("C1", "Words"), {"ok": True, "ts": None}, "ts"),
        (lambda slack: slack.tell("U1", "Words", ""), {"ok": True, "ts": "1.2"}, "channel"),
    ],
)
def test_an_answer_without_what_we_need_is_asked_for_again_later(ask: Asked, answer: Any, lacks: str) -> None:
    with pytest.raises(Busy, match=f"lacks {lacks}$"):
        asked(ask, answer)


@pytest.mark.parametrize("answer", ["<html>Sign in</html>", "", [], {"ok": False}, 7])
def test_what_is_no_answer_of_slacks_is_trouble_that_passes(answer: Any) -> None:
    with pytest.raises(Busy):
        asked(lambda slack: slack.post("C1", "Words"), answer)


@pytest.mark.parametrize("user", [None, [], "U1", {"profile": None, "real_name": 7}])
def test_whoever_has_no_name_there_is_called_by_their_account(user: Any) -> None:
    assert asked(lambda slack: slack.person("U1"), {"ok": True, "user": user}) == "U1"


@pytest.mark.parametrize("messages", [None, 7, ["x"], [{"ts": None}]])
def test_a_message_that_is_not_to_be_found_is_gone(messages: Any) -> None:
    assert asked(lambda slack: slack.message("C1", "1.2"), {"ok": True, "messages": messages}) is None
