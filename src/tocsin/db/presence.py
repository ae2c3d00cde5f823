"""Which nodes are there: one that is killed is known to be gone at once, and what it had taken is free for others.

On PostgreSQL a node holds a lock for as long as it lives. The lock belongs to a connection, which the kernel closes
with the process. On SQLite there is one server process for one file, so that every other one is gone.
"""

import logging
import os
import secrets
import socket
import zlib

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tocsin.db.engine import Database, Tx

log = logging.getLogger(__name__)

_KIND = 7267048  # of lock: apart from those of migrations and of deciding


class Presence:
    """This node, known to others by its name. The machine and the process stand in it for whoever reads the log."""

    def __init__(self, database: Database) -> None:
        self.name: str | None = None  # while it is not held nothing is taken under a name
        self._database = database
        self._connection: Connection | None = None
        self._is_told = False  # that it can't be held: once, for the database may be away for long

    def hold(self) -> None:
        """Be there: take the lock. Where its connection has died, be there under another name: whether the database
        has noticed that is not known, and nobody waits to learn it.

        Where it can't be had, as with too many connections, this node has no name: its messages go out all the same,
        and what it leaves behind waits for the end of its lease.
        """
        if self._database.is_sqlite:
            self.name = self.name or _new_name()
        elif not self._is_held():
            self.leave()
            try:
                self._take()
                self._is_told = False
            except DBAPIError as error:
                self.leave()
                if not self._is_told:
                    log.warning("this node can't say that it is there: %s", type(error).__name__)
                self._is_told = True

    def _take(self) -> None:
        name, self._connection = _new_name(), self._database.connect_apart()
        if self._connection.scalar(text("select pg_try_advisory_lock(:kind, :node)"), _lock(name)):
            self.name = name

    def _is_held(self) -> bool:
        if self._connection is None or self.name is None:
            return False
        try:
            self._connection.execute(text("select 1"))
        except DBAPIError:
            return False
        return True

    def leave(self) -> None:
        """Be gone; what this node had taken is free."""
        self.name = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_gone(tx: Tx, name: str) -> bool:
    """Whether another node is not there any more. One that is cut off from the database counts as gone."""
    lock = text("select pg_try_advisory_xact_lock(:kind, :node)")
    return not tx.is_postgresql or bool(tx.scalar(lock, _lock(name)))


def _new_name() -> str:
    return f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"


def _lock(name: str) -> dict[str, int]:
    number = zlib.crc32(name.encode())
    return {"kind": _KIND, "node": number - (1 << 32) if number >= 1 << 31 else number}
