"""What changed, for whoever watches: told after each unit of work, and on PostgreSQL to the other nodes as well.

A unit of work knows the tables that it writes, and what its commands name with `Tx.tell`. Those who watch say once
which tables they care for; nothing else is told. On PostgreSQL the word goes with the transaction, by NOTIFY, so that
it is heard when the change can be read, and not heard of what was rolled back.
"""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterable

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

EVERYTHING = "*"  # nobody knows what was missed
CHANNEL = "tocsin_news"
LONGEST = 7000  # bytes of a NOTIFY; PostgreSQL takes 8000
LISTEN_FOR = 1.0  # seconds between two looks whether to go on
LISTEN_AGAIN = 1.0  # seconds after a connection was lost

Heard = Callable[[frozenset[str]], object]


class Watching:
    """Who wants to hear of what."""

    def __init__(self) -> None:
        self.node = secrets.token_hex(6)
        self.tables: frozenset[str] = frozenset()
        self._callbacks: list[Heard] = []

    def ask_for(self, tables: Iterable[str]) -> None:
        self.tables |= frozenset(tables)

    def on_news(self, callback: Heard) -> None:
        """Call back, from whichever thread, after a unit of work that changed something of what was asked for."""
        self._callbacks.append(callback)

    def forget(self) -> None:
        self._callbacks.clear()

    def told(self, changed: set[str]) -> frozenset[str]:
        """What of it somebody asked for. A name with a slash was given by a command, for just this."""
        return frozenset(one for one in changed if one in self.tables or "/" in one)

    def hear(self, told: frozenset[str]) -> None:
        if told:
            for callback in self._callbacks:
                callback(told)


def send(connection: Connection, watching: Watching, told: frozenset[str]) -> None:
    """Tell the other nodes, once this transaction is committed."""
    names = ",".join(sorted(told))
    message = f"{watching.node}:{names if len(names) <= LONGEST else EVERYTHING}"
    connection.execute(text("select pg_notify(:channel, :message)"), {"channel": CHANNEL, "message": message})


class Ear:
    """Hears what other nodes changed, for as long as it is open. After a lost connection anything may have changed."""

    def __init__(self, connect: Callable[[], Connection], watching: Watching) -> None:
        self._connect = connect
        self._watching = watching
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="news of other nodes", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=2 * LISTEN_FOR)

    def _listen(self) -> None:
        is_first, is_deaf = True, False
        while not self._closing.is_set():
            try:
                with contextlib.closing(self._connect()) as connection:
                    connection.execute(text(f"listen {CHANNEL}"))
                    if not is_first:
                        self._watching.hear(frozenset({EVERYTHING}))
                    is_first, is_deaf = False, False
                    self._hear_all(connection)
            except (SQLAlchemyError, OSError) as error:
                if not is_deaf:  # once: the database may be away for long
                    log.warning("what other nodes change can't be heard: %s; it is tried again", type(error).__name__)
                is_deaf = True
                self._closing.wait(LISTEN_AGAIN)

    def _hear_all(self, connection: Connection) -> None:
        driver = connection.connection.driver_connection
        while driver is not None and not self._closing.is_set():
            try:
                for one in driver.notifies(timeout=LISTEN_FOR):
                    self._hear(one.payload)
            except driver.Error as error:
                raise OSError(str(error)) from error

    def _hear(self, payload: str) -> None:
        node, _, names = payload.partition(":")
        if node != self._watching.node:
            self._watching.hear(frozenset(names.split(",")))
