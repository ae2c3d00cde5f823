"""Messages from a Telegram bot, with buttons under them. A contact method is a chat with the bot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import unreached
from tocsin.kit.text import clip

LONGEST = 4096
BUTTONS = (("Acknowledge", "acknowledge"), ("Next step", "escalate"), ("I can't", "decline"))
OF_A_TEST = (("It has reached me", "acknowledge"),)


class TelegramChannel:
    def __init__(self, session: Callable[[], aiohttp.ClientSession], api_url: str, token: str) -> None:
        self._session = session
        self._address = f"{api_url.rstrip('/')}/bot{token}/sendMessage"
        self._token = token

    async def send(self, message: Message) -> Result:
        try:
            async with self._session().post(self._address, json=sent(message), allow_redirects=False) as answer:
                return _judge(answer.status, _read(await answer.read()))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            result = unreached(error)
            # The token stands in the address, and the address may stand in the error.
            return Retry(result.reason.replace(self._token, "…"), down=True) if isinstance(result, Retry) else result


def sent(message: Message) -> dict[str, Any]:
    about: dict[str, Any] = {"chat_id": int(message.address), "text": clip(message.body.strip(), LONGEST)}
    if message.actions:
        offered = OF_A_TEST if message.is_test else BUTTONS
        buttons = [{"text": label, "callback_data": f"{answer}:{message.id}"} for label, answer in offered]
        about["reply_markup"] = {"inline_keyboard": [buttons]}
    return about


class _Parameters(msgspec.Struct):
    retry_after: int = 0


class _Message(msgspec.Struct):
    message_id: int = 0


class _Answer(msgspec.Struct):
    ok: bool = False
    result: _Message | None = None
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


def _read(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError:
        return _Answer()


def _judge(status: int, answer: _Answer) -> Result:
    if answer.ok and answer.result is not None:
        return Delivered(str(answer.result.message_id), "telegram")
    reason = f"HTTP {status}: {clip(answer.description, 200)}" if answer.description else f"HTTP {status}"
    if status in (400, 403):  # no such chat, or its owner has shut the bot out
        return Dead(reason)
    wait = min(answer.parameters.retry_after, 3600)
    return Retry(reason, timedelta(seconds=wait) if wait else None, down=status != 429)
