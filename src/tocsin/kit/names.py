"""Looking up the addresses behind names, so that one that hangs holds up nothing else.

The event loop has four threads for all lookups and, with some loops, for every new connection as well. A few names
whose server is silent fill them for many seconds, and then nothing is reached any more, not even by its address. Here
each name that is asked for has a thread of its own, and whoever asks for the same name meanwhile waits for the same.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

MOST = 64  # names that are looked up at a time; the others wait for their turn

Found = tuple[socket.AddressFamily, str]
"""An address, and of which kind it is."""


class Names:
    """Looks names up as this machine does. `ask` is what asks, and may take as long as it likes."""

    def __init__(self, ask: Callable[..., list[tuple[Any, ...]]] = socket.getaddrinfo, most: int = MOST) -> None:
        self._ask = ask
        self._room = asyncio.Semaphore(most)
        self._asked: dict[tuple[str, int], asyncio.Task[list[Found]]] = {}

    async def look_up(self, host: str, family: int = socket.AF_UNSPEC) -> list[Found]:
        """The addresses behind a name, each once, in the order to try them. Raises what asking raised."""
        asked = self._asked.get((host, family))
        if asked is None:
            asked = self._asked[host, family] = asyncio.create_task(self._find(host, family))
            asked.add_done_callback(lambda task: self._answered((host, family), task))
        return await asyncio.shield(asked)  # others may wait for it too

    def _answered(self, key: tuple[str, int], task: asyncio.Task[list[Found]]) -> None:
        self._asked.pop(key, None)
        if not task.cancelled():
            task.exception()  # nobody may be waiting any more, and then it is no news

    async def _find(self, host: str, family: int) -> list[Found]:
        async with self._room:
            found = await self._in_a_thread(host, family)
        return list(dict.fromkeys((kind, _address(place)) for kind, _, _, _, place in found))

    def _in_a_thread(self, host: str, family: int) -> "asyncio.Future[list[tuple[Any, ...]]]":
        loop = asyncio.get_running_loop()
        waits: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()

        def run() -> None:
            found: list[tuple[Any, ...]] | Exception
            try:
                # Of a kind that this machine has no address of itself, none leads anywhere.
                found = self._ask(host, None, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            except Exception as error:  # noqa: BLE001 - it is for whoever asked
                found = error
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(_settle, waits, found)

        # A daemon: the program may end while a name server is still silent.
        threading.Thread(target=run, name=f"name {host}", daemon=True).start()
        return waits


def of_this_loop() -> Names:
    """What all that runs in this event loop may share."""
    return _of_loops.setdefault(asyncio.get_running_loop(), Names())


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Names] = WeakKeyDictionary()


def _settle(waits: "asyncio.Future[list[tuple[Any, ...]]]", found: list[tuple[Any, ...]] | Exception) -> None:
    if waits.done():
        return
    if isinstance(found, Exception):
        waits.set_exception(found)
    else:
        waits.set_result(found)


def _address(place: tuple[Any, ...]) -> str:
    """The address, with the interface through which it is reached where it is one of a single link."""
    is_of_a_link = len(place) == 4 and place[3] and "%" not in place[0]
    return f"{place[0]}%{place[3]}" if is_of_a_link else str(place[0])
