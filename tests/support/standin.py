"""The rehearsal's stand-in for Rose and its mail catcher, on free ports of this machine."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.support.world import ROSE
from tocsin.kit.clock import SystemClock
from tocsin.rehearsal.serve import Addresses, RehearsalSettings, serve


@contextmanager
def stand_in() -> Iterator[Addresses]:
    """The stand-in for Rose on free ports, in a thread of its own."""
    told: dict[str, Any] = {}
    ready = threading.Event()

    async def run() -> None:
        told["stop"], told["loop"] = asyncio.Event(), asyncio.get_running_loop()

        def announce(at: Addresses) -> None:
            told["at"] = at
            ready.set()

        await serve(RehearsalSettings(control_port=0, rose_port=0, smtp_port=0), SystemClock(), told["stop"], announce)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(30)
    try:
        yield told["at"]
    finally:
        told["loop"].call_soon_threadsafe(told["stop"].set)
        thread.join()


def quick_plan(rose: str) -> str:
    """Rose's plan, pointed at this stand-in, and looking often so that the story is short."""
    plan = ROSE.replace("http://127.0.0.1:8801", rose)
    return re.sub(r"every: 5 s\b", "every: 1 s", plan)


def switch(at: Addresses, mode: str) -> None:
    httpx2.put(f"{at.control}/switch", json={"mode": mode}).raise_for_status()
