"""Messages in Microsoft Teams, through a workflow that somebody made there and that posts what it gets to their chat.

The address of the workflow is where a person says and a secret as a whole, so it is called as a webhook is, and stands
in no log. A workflow says that it has taken a card, and never whether that was read; nothing comes back from a card
that could be proven, so its button opens the link that answers the page.
"""

from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from tocsin.delivery.channel import Linked, Message, Result
from tocsin.delivery.http import PublicResolver, post_in_secret
from tocsin.delivery.parts import parts
from tocsin.kit.text import clip

CHANNEL = "teams_dm"
LONGEST_TITLE = 250
LONGEST = 4000  # letters; a card may have 28 KB
KIND = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


class TeamsMessages:
    def __init__(self, session: Callable[[], aiohttp.ClientSession], resolver: PublicResolver) -> None:
        self._session = session
        self._resolver = resolver

    async def send(self, message: Message) -> Result:
        body = msgspec.json.encode(envelope(message))
        return await post_in_secret(self._session(), self._resolver, message.secret or "", body, "teams")


def envelope(message: Message) -> dict[str, Any]:
    """The card as a workflow takes it. Runs of text and not blocks of it: those would read marks as formatting, and so
    let somebody's words hide an address."""
    said = parts(message)
    return card(said.title, said.text, _buttons(message, said.link))


def card(title: str, text: str, buttons: list[dict[str, str]]) -> dict[str, Any]:
    body = [_run(clip(title, LONGEST_TITLE), weight="Bolder", size="Medium")]
    if text:
        body.append(_run(clip(text, LONGEST)))
    content = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.2",
        "msteams": {"width": "full"},
        "body": body,
        "actions": buttons,
    }
    return {"type": "message", "attachments": [{"contentType": KIND, "contentUrl": None, "content": content}]}


def _run(text: str, **looks: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **looks}]}


def _buttons(message: Message, link: str) -> list[dict[str, str]]:
    if isinstance(message, Linked) and message.links:
        return [button(title, url) for title, url in message.links]
    if message.actions and message.is_test:
        return [button("It has reached me", link)]
    if message.actions:
        return [button("Answer", link), button("The incident", message.actions["room"])]
    return [button("Open", link)] if link else []


def button(title: str, url: str) -> dict[str, str]:
    return {"type": "Action.OpenUrl", "title": title, "url": url}
