"""kill -9 at random instants while people are paged: nothing is lost, and what comes again comes under its first key.

`KILLS=30` kills less often than 300 times in each kind of installation, `SEED=7` plays a night again. The three nights
pass at the same time: for the most part each waits for a server to start.
"""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
from pysqlite3 import dbapi2

from bench import installation, postgres
from bench.measure import Measured, percentile
from bench.night import Night, escalating
from bench.survived import Survived
from tests.support.postgres import fresh_database

KILLS = 300
SEED = 20261128
INSTALLATIONS = (("sqlite", 1), ("postgresql", 1), ("one of two nodes", 2))
MOST_NAMED = 20  # of what is wrong
TAKEN_OVER_WITHIN = 5.0  # seconds; what a node that is gone was sending, by the one that lives


class LostOrDoubled(Exception):
    """Something was lost, or came twice as if it were another thing."""


def nights() -> list[Measured]:
    """On SQLite, on PostgreSQL, and one of two nodes on PostgreSQL."""
    kills, seed = int(os.environ.get("KILLS", KILLS)), int(os.environ.get("SEED", SEED))
    print(f"{kills} kills each, seed {seed}", flush=True)
    with ExitStack() as stack:
        stack.enter_context(postgres.durable_server())
        prepared = [_prepared(stack, *one, seed + place) for place, one in enumerate(INSTALLATIONS)]
        with ThreadPoolExecutor(len(prepared)) as pool:
            for running in [pool.submit(night.run, kills) for night in prepared]:
                running.result()
        survived = [Survived(night) for night in prepared]
        if wrong := [difference for one in survived for difference in one.differences()]:
            raise LostOrDoubled("\n".join(["", *wrong[:MOST_NAMED], *_more(len(wrong) - MOST_NAMED)]))
        return [row for one in survived for row in _measured(one)]


def _prepared(stack: ExitStack, name: str, nodes: int, seed: int) -> Night:
    folder = stack.enter_context(installation.folder())
    file = folder / "tocsin.db"
    url = f"sqlite:///{file}" if name == "sqlite" else stack.enter_context(fresh_database())
    made = installation.prepared(url, installation.plan(escalating))
    if name == "sqlite":
        return Night(name, made, lambda sql: _sqlite(file, sql), lambda sql: _sqlite_copy(file, sql), folder, seed)
    ask = lambda sql: _postgresql(url, sql)  # noqa: E731
    return Night(name, made, ask, ask, folder, seed, nodes)


def _sqlite(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(dbapi2.connect(str(file), timeout=10)) as connection:
        return list(connection.execute(sql).fetchall())


def _sqlite_copy(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """From a copy: whoever opens the file itself would recover it, and the next server is to do that."""
    with tempfile.TemporaryDirectory(dir=file.parent) as copy:
        for one in file.parent.glob(f"{file.name}*"):
            if not one.name.endswith("-shm"):
                shutil.copy(one, copy)
        return _sqlite(Path(copy) / file.name, sql)


def _postgresql(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _measured(survived: Survived) -> list[Measured]:
    night = survived.night
    about: dict[str, object] = {
        "seed": night.seed,
        "kills": len(night.kills),
        "kills_while_sending": sum(1 for kill in night.kills if kill.taken),
        "signals_taken": sum(night.told.taken.values()),
        "incidents": len(night.told.taken),
        "answered": len(night.told.answered),
        "pages": len(survived.by_key),
    }
    name = f"{len(night.kills)} kills, {night.name}"
    return [
        Measured(name=f"{name}: lost", value=0, unit="pages", target=0, less_is_better=True, about=about),
        Measured(name=f"{name}: repeated", value=survived.repeats, unit="pages"),
        *_taken_over(name, survived.taken_over(), TAKEN_OVER_WITHIN if night.nodes > 1 else None),
    ]


def _taken_over(name: str, took: list[float], target: float | None) -> list[Measured]:
    """How long what was being sent had to wait for whoever sent it then; for one node, for its start too."""
    if not took:
        return []
    half, longest = f"{name}: taken over, p50", f"{name}: taken over, longest"
    return [
        Measured(name=half, value=percentile(took, 50), unit="s"),
        Measured(name=longest, value=max(took), unit="s", target=target, less_is_better=True),
    ]
