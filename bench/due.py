"""Ten thousand obligations that fall due in one second: how late is each seen to, as seen from outside?"""

import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

from bench import floors, installation
from bench.installation import Plan
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock, SystemClock, stopwatch, to_millis
from tocsin.plan import store as plans
from tocsin.response import commands
from tocsin.settings import Settings
from tocsin.signals.model import Trigger

INCIDENTS = 1000
OBLIGATIONS = 10_000
WITHIN = timedelta(minutes=15)  # every duty of the bench's plan has this long
DECLARED_TOGETHER = 10
SPREAD = timedelta(seconds=1)
BEFORE_THE_STORM = timedelta(seconds=30)  # to prepare it, and for the server to come up and fall asleep
SETTLE_WITHIN = 8.0
BATCH = 500
ROWS_EACH = 2.5  # its own, its entry, a share of its incident and of what is owed next


def lateness() -> list[Measured]:
    """A thousand incidents that nobody answered, declared within a second, and a server that wakes to all they owe."""
    with installation.folder() as folder:
        storm_at = SystemClock().now() + BEFORE_THE_STORM
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan(all_at_once))
        declare(made.database_url, storm_at - WITHIN)
        with installation.server(made, folder / "log"):
            if SystemClock().now() > storm_at - timedelta(seconds=1):
                raise RuntimeError("this machine was too slow to prepare the storm before it fell due")
            late = _watch(folder / "tocsin.db", storm_at)
        floor = OBLIGATIONS * ROWS_EACH / floors.sqlite_rows(folder, BATCH, 1.0) * 1000
    return _measured(late, floor)


def all_at_once(plan: Plan) -> None:
    """Give everything that a P1 owes the same time."""
    severity = plan["severities"]["P1"]
    span = f"{WITHIN // timedelta(minutes=1)} min"
    severity.update(acknowledge_within=span, resolve_within=span, escalation="bench")
    severity["roles_within"] = {role: span for role in plan["roles"]}
    for audience in plan["communication"]["audiences"].values():
        if "P1" in audience["cadence"]:
            audience["cadence"]["P1"] = {"first_within": span, "every": "4 h"}
    plan["reminders"] = {"overdue_to": "incident_commander"}  # they would have come before the storm
    plan["escalation"]["bench"] = {"steps": [{"page": ["on_call"], "wait": span}]}


def declare(database_url: str, from_instant: datetime, count: int = INCIDENTS) -> None:
    """Declare incidents, spread over one second, through the program's own commands at those instants."""
    clock = ManualClock(from_instant)
    app = App(Settings(database_url=database_url), clock)
    for first in range(0, count, DECLARED_TOGETHER):
        clock.advance_to(from_instant + SPREAD * first / count)
        app.database.run(SYSTEM, lambda tx, first=first: _declare_some(tx, first))  # type: ignore[misc]
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


def _watch(path: Path, storm_at: datetime) -> list[float]:
    """Milliseconds from when each obligation was due until somebody else could read what came of it.

    A page that nobody answered is missed and the next step is paged; everything else is overdue, on the timeline and
    in a message to the next in line. All of that is one unit of work, so who sees the row sees the rest.
    """
    begin, end = to_millis(storm_at), to_millis(storm_at + SPREAD)
    seen: dict[str, float] = {}
    with closing(dbapi2.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        _expect(connection, begin, end)
        version, last, until = -1, 0, stopwatch() + (storm_at - SystemClock().now()).total_seconds() + SETTLE_WITHIN
        while len(seen) < OBLIGATIONS and stopwatch() < until:
            (changed,) = connection.execute("pragma data_version").fetchone()
            if changed == version:
                time.sleep(0.002)
                continue
            version = changed
            rows = connection.execute(
                "select id, due_at, coalesce(settled_at, overdue_at) as seen_at from obligation "
                "where due_at between ? and ? and coalesce(settled_at, overdue_at) > ?",
                (begin, end, last),
            ).fetchall()
            now = to_millis(SystemClock().now())
            for identity, due_at, seen_at in rows:
                seen.setdefault(identity, now - due_at)
                last = max(last, seen_at)
    if len(seen) < OBLIGATIONS:
        raise RuntimeError(f"{OBLIGATIONS - len(seen)} of {OBLIGATIONS} obligations were not seen to in time")
    return list(seen.values())


def _expect(connection: Any, begin: int, end: int) -> None:
    owed = "select count(*) from obligation where state = 'open' and due_at between ? and ?"
    (count,) = connection.execute(owed, (begin, end)).fetchone()
    if count != OBLIGATIONS:
        raise RuntimeError(f"the storm has {count} obligations instead of {OBLIGATIONS}")


def _measured(late: list[float], floor: float) -> list[Measured]:
    """The floor is how long so many rows take when they are only written."""
    about: dict[str, object] = {"p50_ms": percentile(late, 50), "worst_ms": max(late)}
    return [
        Measured(
            name="due p99",
            value=percentile(late, 99),
            unit="ms",
            floor=floor,
            target=500,
            less_is_better=True,
            about=about,
        )
    ]
