"""An incoming webhook of Slack: an address that posts into one channel, and is a secret as a whole."""

from collections.abc import Callable

import aiohttp
import msgspec

from tocsin.delivery.channel import Message, Result
from tocsin.delivery.http import PublicResolver, post_in_secret
from tocsin.kit.text import clip

LONGEST = 3000  # letters; Slack cuts what is much longer


class SlackHook:
    def __init__(self, session: Callable[[], aiohttp.ClientSession], resolver: PublicResolver) -> None:
        self._session = session
        self._resolver = resolver

    async def send(self, message: Message) -> Result:
        sent = msgspec.json.encode({"text": clip(escaped(message.body), LONGEST), "unfurl_links": False})
        return await post_in_secret(self._session(), self._resolver, message.secret or "", sent, "slack")


def escaped(text: str) -> str:
    """Words as Slack shows them as they are: nobody's update calls a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
