"""Direct messages in Slack, with buttons that answer. A contact method is somebody's member ID there.

They go out beside the channels of incidents and share nothing with those: neither a lane, nor the patience that Slack
asks for a channel.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.chat import Busy, ChatTrouble, NotLetIn
from tocsin.kit.text import clip

CHANNEL = "slack_dm"
BUTTONS = (("Acknowledge", "acknowledge"), ("Next step", "escalate"), ("I can't", "decline"))
OF_A_TEST = (("It has reached me", "acknowledge"),)
LONGEST = 3000  # letters in one part of a message
FRESH = timedelta(minutes=5)  # how old a request of Slack's may be
MEND_WITHIN = timedelta(minutes=1)  # before a token that was refused is tried again


class Tells(Protocol):
    """What a workspace must be able to do for this; each call raises `ChatTrouble` and nothing else."""

    async def tell(self, account: str, text: str, blocks: str) -> str: ...

    async def retell(self, place: str, text: str, blocks: str) -> None: ...


class SlackMessages:
    """`answered`: whether Slack brings back what is pressed; if not, the link in the text is the only answer."""

    def __init__(self, workspace: Tells, *, answered: bool) -> None:
        self._workspace = workspace
        self._answered = answered

    async def send(self, message: Message) -> Result:
        text, blocks = clip(message.body.strip(), LONGEST), json.dumps(written(message, buttons=self._answered))
        try:
            if message.replaces:
                await self._workspace.retell(message.replaces, text, blocks)
                return Delivered(message.replaces, "slack")
            return Delivered(await self._workspace.tell(message.address, text, blocks), "slack")
        except Busy as busy:
            return Retry(busy.reason, busy.after, down=busy.down)
        except NotLetIn as closed:  # what an administrator can mend
            return Retry(closed.reason, MEND_WITHIN, down=True)
        except ChatTrouble as never:
            return Dead(never.reason)


def written(message: Message, *, buttons: bool) -> list[Mapping[str, Any]]:
    """The message as parts: its words exactly as they stand, and the buttons under them."""
    words = {"type": "plain_text", "text": clip(message.body.strip(), LONGEST), "emoji": False}
    parts: list[Mapping[str, Any]] = [{"type": "section", "text": words}]
    if message.actions and buttons:
        offered = OF_A_TEST if message.is_test else BUTTONS
        pressed = [_button(label, answer, message.id) for label, answer in offered]
        parts.append({"type": "actions", "block_id": "answer", "elements": pressed})
    return parts


def _button(label: str, answer: str, message_id: str) -> Mapping[str, Any]:
    words = {"type": "plain_text", "text": label, "emoji": False}
    about = {"type": "button", "text": words, "action_id": answer, "value": message_id}
    return {**about, "style": "primary"} if answer == "acknowledge" else about


def is_signed(secret: str, sent_at: str, body: bytes, signature: str, now: datetime) -> bool:
    """Whether a request comes from Slack, and just now: HMAC-SHA256 over `v0:timestamp:body`."""
    if not (
        sent_at.isascii() and sent_at.isdigit() and abs(now.timestamp() - int(sent_at[:12])) <= FRESH.total_seconds()
    ):
        return False
    signed = f"v0:{sent_at}:".encode() + body
    known = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(known.encode(), signature.encode())
