"""A sign of life to somebody outside, who tells people when it fails to come: a dead server tells nobody itself."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta

import aiohttp

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
AGAIN_AFTER = timedelta(seconds=1)  # while there is no life to tell of


async def beat(
    session: aiohttp.ClientSession,
    url: str,
    is_alive: Callable[[], bool],
    stopping: asyncio.Event,
    every: timedelta = EVERY,
) -> None:
    """Send a sign of life again and again until told to stop, and none while there is none to tell of."""
    while not stopping.is_set():
        alive = is_alive()
        if alive:
            await _send(session, url)
        pause = every if alive else min(every, AGAIN_AFTER)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause.total_seconds())


async def _send(session: aiohttp.ClientSession, url: str) -> None:
    """One that is lost is no harm: the next follows. The address is a secret, and stands in no log."""
    try:
        async with session.get(url, allow_redirects=False) as answer:
            if answer.status >= 400:
                log.warning("the watchdog refused the heartbeat with %d", answer.status)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("the heartbeat did not reach the watchdog: %s", type(error).__name__)
