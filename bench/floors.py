"""What this machine's disk and database give to a program that does nothing else: the measure of everything above."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from pysqlite3 import dbapi2

from tocsin.kit.clock import stopwatch

BODY = "x" * 420  # about the length of an arrival as the inbox keeps it
CONNECTIONS = 8


def sqlite_rows(folder: Path, rows_per_commit: int, seconds: float) -> float:
    """Rows a second into a SQLite file with write-ahead log and synchronous=FULL, so many in each transaction."""
    path = folder / f"floor-{rows_per_commit}.db"
    with closing(dbapi2.connect(str(path), isolation_level=None)) as connection:
        for pragma in ("journal_mode=wal", "synchronous=full"):
            connection.execute(f"pragma {pragma}")
        connection.execute("create table if not exists inbox (id integer primary key, at integer, body text)")
        return _commit_for(connection, rows_per_commit, seconds)


def _commit_for(connection: Any, rows_per_commit: int, seconds: float) -> float:
    rows = [(1_800_000_000_000, BODY)] * rows_per_commit
    written, began = 0, stopwatch()
    while stopwatch() - began < seconds:
        connection.execute("begin immediate")
        connection.executemany("insert into inbox (at, body) values (?, ?)", rows)
        connection.execute("commit")
        written += rows_per_commit
    return written / (stopwatch() - began)


def postgresql_commits(url: str, seconds: float) -> float:
    """Single-row commits a second on eight connections at once."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "create table if not exists floor (id bigint generated always as identity primary key, at bigint, "
            "body text)"
        )
    written = [0] * CONNECTIONS
    until = stopwatch() + seconds

    def commit(place: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while stopwatch() < until:
                connection.execute("insert into floor (at, body) values (%s, %s)", (1_800_000_000_000, BODY))
                written[place] += 1

    threads = [threading.Thread(target=commit, args=(place,)) for place in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written) / seconds
