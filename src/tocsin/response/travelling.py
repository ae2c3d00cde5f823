"""Work that is on its way when a server stops."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any


async def cut_off(tasks: Collection[asyncio.Task[Any]], within: timedelta) -> None:
    """Give what is under way a little time, and end what is left. Returns once nothing of it runs."""
    left = list(tasks)
    if left:
        await asyncio.wait(left, timeout=within.total_seconds())
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
