"""An incoming webhook of Slack: an address that posts into one channel, and is a secret as a whole."""

from collections.abc import Callable

import aiohttp
import msgspec

from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.http import NotPublic, PublicResolver, check_literal, judge, unreached
from tocsin.kit.text import clip

LONGEST = 3000  # letters; Slack cuts what is much longer
JSON = {"Content-Type": "application/json"}
SAID_MOST = 80  # of Slack's own word for what went wrong, such as no_service


class SlackHook:
    def __init__(self, session: Callable[[], aiohttp.ClientSession], resolver: PublicResolver) -> None:
        self._session = session
        self._resolver = resolver

    async def send(self, message: Message) -> Result:
        to = message.secret or ""
        try:
            check_literal(self._resolver, to)
            sent = msgspec.json.encode({"text": clip(escaped(message.body), LONGEST), "unfurl_links": False})
            async with self._session().post(to, data=sent, headers=JSON, allow_redirects=False) as answer:
                said = "" if answer.status < 300 else (await answer.content.read(SAID_MOST)).decode("utf-8", "replace")
                result = judge(answer.status, answer.headers.get("Retry-After", ""), " ".join(said.split()))
                return Delivered(provider="slack") if isinstance(result, Delivered) else result
        except NotPublic as error:
            return Dead(str(error))
        except (aiohttp.NonHttpUrlClientError, ValueError):
            return Dead("the address can't be used")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            result = unreached(error)
            # The address may stand in the error.
            return Retry(f"not reached: {type(error).__name__}", down=True) if isinstance(result, Retry) else result


def escaped(text: str) -> str:
    """Words as Slack shows them as they are: nobody's update calls a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
