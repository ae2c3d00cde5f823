"""Ten thousand of a hundred thousand open obligations fall due in one second: how late is each seen to?"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from pysqlite3 import dbapi2
from sqlalchemy import Table, text

from bench import floors, installation, postgres
from bench.installation import Plan
from bench.measure import Measured, percentile
from tests.support.postgres import fresh_database
from tocsin.app import App
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import EPOCH, ManualClock, SystemClock, stopwatch, to_millis
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans
from tocsin.response import commands
from tocsin.settings import Settings
from tocsin.signals.model import Trigger

INCIDENTS = 1000  # whose obligations fall due in the storm
OBLIGATIONS = 10_000
COPIES = 9  # of each incident: what they owe waits beside the storm, and falls due after it
WITHIN = timedelta(minutes=15)  # every duty of the bench's plan has this long
DECLARED_TOGETHER = 10
SPREAD = timedelta(seconds=1)
AFTER_THE_STORM = timedelta(minutes=2)
BEFORE_THE_STORM = timedelta(seconds=45)  # to prepare it, and for the servers to come up and fall asleep
SETTLE_WITHIN = 8.0
BATCH = 500
ROWS_EACH = 2.5  # its own, its entry, a share of its incident and of what is owed next

# Milliseconds since 1970, from a connection that sees what is committed.
Rows = Callable[[str, Sequence[int]], list[tuple[Any, ...]]]


def lateness() -> list[Measured]:
    """A thousand incidents that nobody answered, among ten thousand, and servers that wake to all they owe."""
    with installation.folder() as folder:
        floor = OBLIGATIONS * ROWS_EACH / floors.sqlite_rows(folder, BATCH, 1.0) * 1000
        path = folder / "tocsin.db"
        found = [_stormed(f"sqlite:///{path}", folder, 1, lambda: _sqlite_rows(path), "due sqlite", 300, floor)]
        with postgres.durable_server():
            for nodes in (1, 2):
                with fresh_database() as url:
                    name = f"due postgresql, {nodes} node{'s' if nodes > 1 else ''}"
                    ask = lambda url=url: _postgresql_rows(url)  # noqa: E731
                    found.append(_stormed(url, folder, nodes, ask, name, 600, floor))
    return found


def _stormed(
    database_url: str,
    folder: Path,
    nodes: int,
    connected: Callable[[], Any],
    name: str,
    target: float,
    floor: float,
) -> Measured:
    storm_at = SystemClock().now() + BEFORE_THE_STORM
    made = installation.prepared(database_url, installation.plan(all_at_once))
    declare(made.database_url, storm_at - WITHIN)
    _let_others_wait(made.database_url)
    with ExitStack() as servers, connected() as ask:
        for _ in range(nodes):
            servers.enter_context(installation.server(made, folder / "log"))
        if SystemClock().now() > storm_at - timedelta(seconds=1):
            raise RuntimeError("this machine was too slow to prepare the storm before it fell due")
        late = _watch(ask, storm_at)
    about: dict[str, object] = {"p50_ms": percentile(late, 50), "worst_ms": max(late)}
    return Measured(
        name=f"{name}, p99",
        value=percentile(late, 99),
        unit="ms",
        floor=floor,
        target=target,
        less_is_better=True,
        about=about,
    )


@contextmanager
def _sqlite_rows(path: Path) -> Iterator[Rows]:
    with closing(dbapi2.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        yield lambda sql, values: connection.execute(sql, values).fetchall()


@contextmanager
def _postgresql_rows(url: str) -> Iterator[Rows]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda sql, values: connection.execute(sql.replace("?", "%s"), values).fetchall()


def all_at_once(plan: Plan) -> None:
    """Give everything that a P1 owes the same time, ten things."""
    plan["communication"]["audiences"]["customer_success"]["cadence"].pop("P1")
    severity = plan["severities"]["P1"]
    span = f"{WITHIN // timedelta(minutes=1)} min"
    severity.update(acknowledge_within=span, resolve_within=span, escalation="bench")
    severity["roles_within"] = {role: span for role in plan["roles"]}
    for audience in plan["communication"]["audiences"].values():
        if "P1" in audience["cadence"]:
            audience["cadence"]["P1"] = {"first_within": span, "every": "4 h"}
    plan["reminders"] = {"overdue_to": "incident_commander"}  # they would have come before the storm
    plan["paging"]["singly"] = 1000  # each page by itself, as each wait is
    plan["escalation"]["bench"] = {"steps": [{"page": ["on_call"], "wait": span}]}


def _let_others_wait(database_url: str) -> None:
    """Put nine copies of each incident beside it, with all that it owes, due some minutes later."""
    later = to_millis(EPOCH + AFTER_THE_STORM)
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        for copy in range(1, COPIES + 1):
            named = {"id": f"id || '-{copy}'", "number": f"number + {INCIDENTS * copy}"}
            _copy(tx, incidents.table, named)
            moved = {name: f"{name} + {later}" for name in ("due_at", "act_at", "given_up_at")}
            owed = {"id": f"id || '-{copy}'", "incident_id": f"incident_id || '-{copy}'", **moved}
            _copy(tx, obligations.table, owed, "and state = 'open' and incident_id is not null")
    app.database.dispose()


def _copy(tx: Any, table: Table, changed: dict[str, str], which: str = "") -> None:
    names = [column.name for column in table.columns]
    values = ", ".join(changed.get(name, name) for name in names)
    rows = f"select {values} from {table.name} where id not like '%-%' {which}"
    tx.run(text(f"insert into {table.name} ({', '.join(names)}) {rows}"))


def declare(database_url: str, from_instant: datetime, count: int = INCIDENTS) -> None:
    """Declare incidents, spread over one second, through the program's own commands at those instants."""
    clock = ManualClock(from_instant)
    app = App(Settings(database_url=database_url), clock)
    for first in range(0, count, DECLARED_TOGETHER):
        clock.advance_to(from_instant + SPREAD * first / count)
        app.database.run(SYSTEM, partial(_declare_some, first=first))
    app.database.dispose()


def _declare_some(tx: Any, first: int) -> None:
    plan = plans.current(tx)
    for number in range(first, first + DECLARED_TOGETHER):
        commands.open_incident(
            tx,
            plan,
            title=f"Outage number {number:04}",
            severity="P1",
            type="service_outage",
            service=f"service-{number}",
            components=(),
            source="generic",
            trigger=Trigger.MONITORING_ALERT,
            why="P1, by the rule “bench”.",
            started_at=None,
            detected_at=tx.now,
        )


def _watch(ask: Rows, storm_at: datetime) -> list[float]:
    """Milliseconds from when each obligation was due until somebody else could read what came of it.

    A page that nobody answered is missed and the next step is paged; everything else is overdue, on the timeline and
    in a message to the next in line. All of that is one unit of work, so who sees the row sees the rest.
    """
    begin, end = to_millis(storm_at), to_millis(storm_at + SPREAD)
    [(count,)] = ask("select count(*) from obligation where state = 'open' and due_at between ? and ?", (begin, end))
    if count != OBLIGATIONS:
        raise RuntimeError(f"the storm has {count} obligations instead of {OBLIGATIONS}")
    time.sleep(max(0.0, (storm_at - SystemClock().now()).total_seconds() - 0.1))
    seen: dict[str, float] = {}
    last, until = 0, stopwatch() + SETTLE_WITHIN
    while len(seen) < OBLIGATIONS and stopwatch() < until:
        # Two nodes need not commit in the order in which they began: what is new is looked for a little way back.
        rows = ask(
            "select id, due_at, coalesce(settled_at, overdue_at) from obligation "
            "where coalesce(settled_at, overdue_at) > ? and due_at between ? and ?",
            (max(0, last - 1000), begin, end),
        )
        now = to_millis(SystemClock().now())
        for identity, due_at, seen_at in rows:
            seen.setdefault(identity, now - due_at)
            last = max(last, seen_at)
        time.sleep(0.005)
    if len(seen) < OBLIGATIONS:
        raise RuntimeError(f"{OBLIGATIONS - len(seen)} of {OBLIGATIONS} obligations were not seen to in time")
    return list(seen.values())
