"""Two at once: threads that start together, and a way to see that one of them waits for another."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import text

from tocsin.db.engine import Database
from tocsin.kit.actor import SYSTEM

T = TypeVar("T")
PATIENCE = 30.0  # seconds; generous, since a machine under test may be slow


def together(*calls: Callable[[], T]) -> list[T]:
    """What these calls return when they start at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(len(calls))

    def start(call: Callable[[], T]) -> T:
        barrier.wait(PATIENCE)
        return call()

    pool = ThreadPoolExecutor(len(calls))
    try:
        return [one.result(PATIENCE) for one in [pool.submit(start, call) for call in calls]]
    finally:
        pool.shutdown(wait=False)  # one that waits for a lock of ours would wait for us


def in_background(call: Callable[[], T]) -> "Future[T]":
    pool = ThreadPoolExecutor(1)
    found = pool.submit(call)
    pool.shutdown(wait=False)
    return found


def wait_until_blocked(database: Database) -> None:
    """Return once some connection of this PostgreSQL database waits for a lock that another holds."""
    waiting = text(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        with database.read(SYSTEM) as tx:
            if tx.scalar(waiting):
                return
        pause.wait(0.02)
    raise AssertionError("nobody waits for a lock")
