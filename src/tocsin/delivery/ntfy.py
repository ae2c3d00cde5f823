"""Push to a telephone through an ntfy server, with buttons that answer. A contact method is a topic there."""

from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from tocsin.delivery.channel import Delivered, Message, Result, Retry
from tocsin.delivery.http import judge, unreached
from tocsin.kit.text import clip

LONGEST = 1000  # characters; the server takes 4096 bytes
URGENT, PRESSING, USUAL = 5, 4, 3  # an urgent one sounds until it is seen, a pressing one once


class NtfyChannel:
    def __init__(self, session: Callable[[], aiohttp.ClientSession], url: str, token: str) -> None:
        self._session = session
        self._url = url.rstrip("/") + "/"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, message: Message) -> Result:
        try:
            async with self._session().post(
                self._url, json=published(message), headers=self._headers, allow_redirects=False
            ) as answer:
                body = await answer.read()
                if answer.status in (401, 403):  # what an administrator can mend
                    return Retry(f"HTTP {answer.status}: {_said(body)}", down=True)
                result = judge(answer.status, answer.headers.get("Retry-After", ""), _said(body))
                return Delivered(_id(body), "ntfy") if isinstance(result, Delivered) else result
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreached(error)


def published(message: Message) -> dict[str, Any]:
    """The message as the server takes it. JSON and not headers, because titles hold any letters."""
    about: dict[str, Any] = {
        "topic": message.address,
        "title": clip(message.subject, 250),
        "message": clip(message.body.strip(), LONGEST),
        "priority": USUAL,
    }
    if message.actions:
        answer = message.actions["answer"]
        priority = PRESSING if message.urgency == "low" else URGENT
        about |= {"priority": priority, "tags": ["test_tube" if message.is_test else "rotating_light"], "click": answer}
        buttons = [("Acknowledge", answer), ("Next step", f"{answer}/escalate"), ("I can't", f"{answer}/decline")]
        buttons = [("It has reached me", answer)] if message.is_test else buttons
        about["actions"] = [
            {"action": "http", "label": label, "url": url, "method": "POST", "clear": True} for label, url in buttons
        ]
    return about


class _Published(msgspec.Struct):
    id: str = ""
    error: str = ""


def _read(body: bytes) -> _Published:
    try:
        return msgspec.json.decode(body, type=_Published)
    except msgspec.DecodeError:
        return _Published()


def _id(body: bytes) -> str:
    return _read(body).id


def _said(body: bytes) -> str:
    return clip(_read(body).error, 200)
