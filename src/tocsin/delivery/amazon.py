"""What Amazon SNS asks of whoever receives: its certificates looked up, and a subscription confirmed."""

from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from tocsin.delivery.http import PublicResolver, open_session
from tocsin.kit.errors import Overloaded

CERTIFICATES_KEPT = 20
ANSWER_MOST = 64 * 1024  # bytes


class NotFromAmazon(Overloaded):
    """Amazon gave no certificate, or confirmed nothing; send this again in a while."""


class Amazon:
    """Asks Amazon's own hosts, as whoever calls has seen to. `instead` takes the place of them all."""

    def __init__(self, instead: str, timeout: timedelta) -> None:
        self._instead = instead.rstrip("/")
        self._timeout = timeout
        self._certificates: dict[str, bytes] = {}

    async def certificate(self, url: str) -> bytes:
        """The certificate at this address; asked for once, for Amazon gives each a name of its own."""
        if url not in self._certificates:
            self._certificates[url] = await self._get(url)
            while len(self._certificates) > CERTIFICATES_KEPT:
                del self._certificates[next(iter(self._certificates))]
        return self._certificates[url]

    async def confirm(self, url: str) -> None:
        await self._get(url)

    async def _get(self, url: str) -> bytes:
        """What stands there. A redirection is not followed: it could lead anywhere."""
        resolver = PublicResolver(allow_private=bool(self._instead))
        try:
            async with (
                open_session(resolver, self._timeout) as session,
                session.get(self._address(url), allow_redirects=False) as answer,
            ):
                body = await _bounded(answer.content)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NotFromAmazon(f"Amazon could not be asked: {type(error).__name__}.") from error
        if answer.status != 200:
            raise NotFromAmazon(f"Amazon answered {answer.status} where its certificate or confirmation should be.")
        return body

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        return f"{self._instead}{parts.path}?{parts.query}".rstrip("?") if self._instead else url


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = b""
    while len(body) < ANSWER_MOST and (more := await content.read(ANSWER_MOST - len(body))):
        body += more
    return body
