"""How much one token may ask in a minute, and the headers that say what is left of it.

The headers are those of the IETF's draft on rate limits, `RateLimit-Policy` and `RateLimit`. Each node counts for
itself.
"""

import math
from datetime import datetime
from threading import Lock

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.kit.allowance import Bucket
from tocsin.kit.errors import Overloaded

LEFT = "tocsin.left"
TOKENS_MOST = 1000


class TooMany(Overloaded):
    """This token has asked too much in the last minute; ask again in a second."""


class Limits:
    """A bucket for each token that asked lately."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._lock = Lock()

    def take(self, token: str, a_minute: int, now: datetime) -> str:
        """Count one more of a token. Returns what the header says of the rest; raises TooMany."""
        with self._lock:
            bucket = self._buckets.pop(token, None) or Bucket(a_minute, now)
            self._buckets[token] = bucket  # the token seen last stands last, and the first is forgotten
            while len(self._buckets) > TOKENS_MOST:
                del self._buckets[next(iter(self._buckets))]
            bucket.fill(now)
            if bucket.is_dry():
                raise TooMany
            bucket.draw()
            return f'"token";r={int(bucket.left)};t={math.ceil((a_minute - bucket.left) * 60 / a_minute)}'


def policy(a_minute: int) -> str:
    return f'"token";q={a_minute};w=60'


def counted(app: ASGIApp) -> ASGIApp:
    """Says in each answer how much the token may still ask."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and (known := scope["state"].get(LEFT)):
                said = [(b"ratelimit-policy", known[0].encode()), (b"ratelimit", known[1].encode())]
                message["headers"] = [*message["headers"], *said]
            await send(message)

        await app(scope, receive, sending)

    return wrapped
