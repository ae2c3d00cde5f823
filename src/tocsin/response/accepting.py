"""Accepting arrivals: whoever is answered has what it brought on the disk.

Requests that come at the same time share one transaction, and each is answered only after it. What becomes of the
arrivals is decided later, in `intake`.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tocsin.db.engine import Database, StorageUnavailable
from tocsin.kit.errors import Overloaded
from tocsin.signals import store as signals
from tocsin.signals.store import Envelope

log = logging.getLogger(__name__)

GROUP = 500  # arrivals written in one transaction
WAITING_LIMIT = 10_000  # arrivals that may wait for their transaction before senders are asked to come again


class GroupCommit:
    """Durable acceptance: whoever waits here together is committed together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = ThreadPoolExecutor(1, "tocsin-intake")  # its own: pages must not keep senders waiting
        self._guard = threading.Lock()  # of what follows, which both the loop and the writer change
        self._queue: deque[_Waiting] = deque()
        self._writes = False
        self._waiting = 0
        self.brought = 0  # signals so far, by senders who were answered or wait to be
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_busy(self) -> bool:
        """Whether senders wait to be answered."""
        return self._waiting > 0

    async def accept(self, envelopes: Sequence[Envelope]) -> None:
        """Return once these are on the disk. Raises Overloaded, and then nothing was kept."""
        size = sum(envelope.signals for envelope in envelopes)
        if self._waiting + size > max(WAITING_LIMIT, size):
            raise Overloaded("Too many signals are waiting; send this one again in a second.")
        loop = self._own_loop()
        one = _Waiting(envelopes, size, loop.create_future())
        self._waiting += size
        self.brought += size
        with self._guard:
            self._queue.append(one)
            begins, self._writes = not self._writes, True
        if begins:
            self._writer.submit(self._write_all, loop)
        await one.done

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that all senders are served by. Python asks the system whenever it is asked which one that is."""
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _write_all(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits until nothing does. The writer goes on by itself: it does not wait for the loop to have
        answered those before."""
        while group := self._next_group():
            refusal: Exception | None = None
            try:
                signals.accept_alone(self._database, [envelope for one in group for envelope in one.envelopes])
            except Exception as error:
                refusal = error if isinstance(error, Overloaded) else StorageUnavailable()
                if refusal is not error:
                    log.exception("arrivals could not be written")
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(self._end, group, refusal)

    def _next_group(self) -> list["_Waiting"]:
        group: list[_Waiting] = []
        size = 0
        with self._guard:
            while self._queue and (not group or size + self._queue[0].size <= GROUP):
                group.append(self._queue.popleft())
                size += group[-1].size
            self._writes = bool(group)
        return group

    def _end(self, group: Sequence["_Waiting"], refusal: Exception | None) -> None:
        """Let those of a group be answered, and what they brought be decided."""
        if refusal is None:
            self._database.wake()
        for one in group:
            self._waiting -= one.size
            if one.done.done():  # the sender has gone away
                continue
            if refusal is None:
                one.done.set_result(None)
            else:
                one.done.set_exception(refusal)


class _Waiting(NamedTuple):
    """A request that is answered when what it brought is on the disk."""

    envelopes: Sequence[Envelope]
    size: int
    done: asyncio.Future[None]
