"""Text messages through any provider that takes JSON: a second one to fall back on, or a modem in the cellar."""

from collections.abc import Callable

import aiohttp
import msgspec

from tocsin.delivery.channel import Delivered, Message, Result
from tocsin.delivery.http import judge, unreached


class _Taken(msgspec.Struct):
    id: str | int = ""


class HttpSms:
    """POSTs `{"id", "to", "text"}` with a bearer token; the answer may name an `id` of its own."""

    def __init__(self, session: Callable[[], aiohttp.ClientSession], url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def send(self, message: Message) -> Result:
        sent = {"id": message.dedup_key, "to": message.address, "text": message.body.strip()}
        try:
            async with self._session().post(
                self._url, json=sent, headers=self._headers, allow_redirects=False
            ) as answer:
                result = judge(answer.status, answer.headers.get("Retry-After", ""))
                return Delivered(_id(await answer.read())) if isinstance(result, Delivered) else result
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreached(error)


def _id(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=_Taken).id)
    except msgspec.DecodeError:
        return ""
