"""Posting an event to an endpoint, signed as Standard Webhooks 1.0 describes, and what it answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import aiohttp

from tocsin.delivery.http import NotPublic, PublicResolver, check_literal, signature, unreached
from tocsin.kit.clock import Clock, stopwatch

ANSWER_READ = 2000  # bytes
WITHIN = timedelta(seconds=15)
UNREADABLE = "what it said beside this can't be read"
RETRY_AFTER_MOST = 24 * 3600


@dataclass(frozen=True)
class Answer:
    """What came back. Without a status nothing did, and `said` tells why."""

    status: int | None
    said: str
    took: float
    retry_after: timedelta | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == 410


Post = Callable[[str, str, Sequence[str], bytes], Awaitable[Answer]]


def poster(
    session: Callable[[], aiohttp.ClientSession], resolver: PublicResolver, clock: Clock, within: timedelta = WITHIN
) -> Post:
    """What posts a body with an id to an address, signed with each of these secrets."""

    limit = aiohttp.ClientTimeout(total=within.total_seconds())

    async def post(url: str, event_id: str, secrets: Sequence[str], body: bytes) -> Answer:
        now, began = clock.now(), stopwatch()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signature(one, event_id, now, body) for one in secrets),
        }
        try:
            check_literal(resolver, url)
            request = session().post(url, data=body, headers=headers, allow_redirects=False, timeout=limit)
            async with request as answer:
                after = _seconds(answer.headers.get("Retry-After", ""))
                return Answer(answer.status, await _beginning(answer), stopwatch() - began, after)
        except NotPublic as error:
            return Answer(None, str(error), stopwatch() - began)
        except (aiohttp.NonHttpUrlClientError, ValueError) as error:
            return Answer(None, f"the address can't be used: {error}", stopwatch() - began)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = getattr(unreached(error), "reason", "") or type(error).__name__
            return Answer(None, reason, stopwatch() - began)

    return post


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """What it says beside its status. The status has decided: words that can't be read change nothing."""
    try:
        return (await answer.content.read(ANSWER_READ)).decode("utf-8", "replace")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return UNREADABLE


def _seconds(retry_after: str) -> timedelta | None:
    """How long it asks us to wait; it may be a date, and then we know better."""
    is_number = retry_after.isascii() and retry_after.isdigit()
    return (
        timedelta(seconds=min(int(retry_after[:9]), RETRY_AFTER_MOST)) if is_number and int(retry_after[:9]) else None
    )
