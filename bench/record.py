"""The record at length: a long incident folded and worked on, a year under another plan, the chain proven."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from bench import floors, installation
from bench.installation import ROOT, Plan
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.db.engine import Database
from tocsin.incidents import folding
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    AnyEntry,
    Decided,
    Declared,
    FellDue,
    Incident,
    Noted,
    RoleAssigned,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    Updated,
)
from tocsin.incidents.work import Result
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock, stopwatch
from tocsin.plan import store as plans
from tocsin.response import commands, intake, tick, verification, working
from tocsin.settings import Settings
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State, Trigger

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)
LONG = 10_000  # entries of one incident
TIMES = 7
COMMANDS = 100

NIGHTS = 1000
EVERY = timedelta(hours=8)
TEAMS = 40  # whose names no other signal has
CHANGES = (("P1", "P2"), ("P2", "P1"))

CHAINED = 1_000_000  # entries of all incidents
EACH = 1000  # of one
CHECKED_IN = 3


# ---- One long incident -----------------------------------------------------------------------------------------------


def fold() -> list[Measured]:
    """The fold of a long timeline that is in memory, and a note on that incident, from the command to the disk."""
    with installation.folder() as folder:
        clock, database = _database(folder)
        with database.work(SYSTEM) as tx:
            incident = incidents.append(tx, _begun(tx, 1), _work(LONG - 1, clock.now()))
        with database.read(SYSTEM) as tx:
            began = stopwatch()
            timeline = incidents.timeline(tx, incident.id)
            read = stopwatch() - began
        folds = [_seconds(lambda: folding.fold(incident.id, timeline)) for _ in range(TIMES)]
        if folding.fold(incident.id, timeline) != incident:
            raise RuntimeError("the incident is not what its timeline folds to")
        told = _commands(database, clock, incident.id)
        floor = 1000 / floors.sqlite_rows(folder, 1, 1.0)
        database.dispose()
    about: dict[str, object] = {"entries": LONG, "read_ms": read * 1000, "worst_ms": max(folds) * 1000}
    return [
        _milliseconds("fold, 10,000 entries", percentile(folds, 50), 30, about=about),
        _milliseconds("a command on them", percentile(told, 99), 10, floor, {"p50_ms": percentile(told, 50) * 1000}),
    ]


def _commands(database: Database, clock: ManualClock, incident_id: str) -> list[float]:
    def command(number: int) -> float:
        clock.advance_to(clock.now() + timedelta(seconds=1))
        note = f"This is note number {number}"
        return _seconds(lambda: database.run(SYSTEM, lambda tx: commands.note(tx, incident_id, note)))

    command(-1)  # the plan is parsed once
    return [command(number) for number in range(COMMANDS)]


def _work(count: int, begin: datetime) -> Iterator[AnyEntry]:
    """What a very long night adds to a record."""
    kinds = cycle(_KINDS)
    for number in range(count):
        yield next(kinds)(begin + timedelta(seconds=number), number)


_KINDS: tuple[Callable[[datetime, int], AnyEntry], ...] = (
    lambda at, n: Noted(at=at, by="ana", text=f"Looked at shard {n}: the same picture as before, and no new errors."),
    lambda at, n: SignalAttached(at=at, by="tocsin", signal_id=f"sig_{n}", title="Memory is slow", source="generic"),
    lambda at, n: Noted(at=at, by="ben", text=f"Restarted worker {n}; it answers within two seconds now."),
    lambda at, n: RoleAssigned(at=at, by="ana", role="scribe", person="ana" if n % 2 else "ben"),
    lambda at, n: Updated(
        at=at, by="lucia", audience="internal", text=f"We know more ({n}).", fields={"impact": "some"}
    ),
    lambda at, n: SignalCleared(at=at, by="tocsin", signal_id=f"sig_{n - 4}", title="Memory is slow"),
    lambda at, n: Decided(at=at, by="ana", decision=f"Move shard {n}", because="it is the slowest of all"),
    lambda at, n: FellDue(at=at, by="tocsin", key="update:public", what="Public: update", due_at=at),
    lambda at, n: SeverityChanged(at=at, by="ana", severity="P0", before="P1", raised=True, because="worse"),
    lambda at, n: SeverityChanged(at=at, by="ana", severity="P1", before="P0", raised=False, because="better"),
)


# ---- A year under another plan ---------------------------------------------------------------------------------------


def replay() -> list[Measured]:
    """`tocsin plan diff` over a thousand incidents that signals declared and people worked on."""
    with installation.folder() as folder:
        old, new = installation.plan(_teams), installation.plan(_otherwise)
        (folder / "old.yaml").write_text(old, encoding="utf-8")
        (folder / "new.yaml").write_text(new, encoding="utf-8")
        _live_through(folder, old)
        without = _diff(folder, "--no-record")
        told = [_diff(folder, "--record", "--days", "1200") for _ in range(3)]
    about: dict[str, object] = {"incidents": NIGHTS, "sentences": told[0][1]}
    return [
        Measured(
            name="plan diff, 1,000 incidents",
            value=percentile([one[0] for one in told], 50),
            unit="s",
            floor=without[0],
            target=5,
            less_is_better=True,
            about=about,
        )
    ]


def _teams(plan: Plan) -> None:
    for number in range(TEAMS):
        rule = {"name": f"team {number}", "when": {"team": f"team-{number}"}, "type": "service_outage"}
        plan["rules"].insert(0, {**rule, "severity": "P1" if number % 2 else "P2"})


def _otherwise(plan: Plan) -> None:
    """Every second team is ranked another way, and every deadline of a P1 moves."""
    _teams(plan)
    other = dict(CHANGES)
    for rule in plan["rules"][: TEAMS // 2]:
        rule["severity"] = other[rule["severity"]]
    severity = plan["severities"]["P1"]
    severity["acknowledge_within"] = "11 min"
    severity["roles_within"] = {**copy.deepcopy(severity.get("roles_within", {})), "scribe": "7 min"}


def _live_through(folder: Path, text: str) -> None:
    clock, database = _database(folder, text)
    for night in range(NIGHTS):
        arrival = Arrival(
            source="generic",
            key=f"night-{night}",
            title=f"The graph of team {night % TEAMS} is red",
            trigger=Trigger.MONITORING_ALERT,
            severity="warning",
            labels={"team": f"team-{night % TEAMS}", "alertname": "Red"},
        )
        with database.work(SYSTEM) as tx:
            signals.accept(tx, [signals.encode(arrival)])
            intake.decide(tx, signals.take(tx, 1))
            _work_on(tx, incidents.listing(tx, limit=1)[0])
        clock.advance_to(clock.now() + EVERY)
        while database.run(SYSTEM, tick.settle_due)[0]:
            pass
    with database.read(SYSTEM) as tx:
        if incidents.next_number(tx) != NIGHTS + 1:
            raise RuntimeError("not every night declared an incident of its own")
    database.dispose()


def _work_on(tx: Any, incident: Incident) -> None:
    commands.acknowledge(tx, incident.id)
    commands.assign(tx, incident.id, "scribe", next(iter(plans.current(tx).people)))
    for number in range(5):
        commands.note(tx, incident.id, f"Looked at part {number}")
    commands.decide(tx, incident.id, "Restart it", "nothing else helps")
    for check in plans.current(tx).resolution.verification:
        working.verify(tx, incident.id, check, Result.PASSED)
    commands.resolve(tx, incident.id, "It runs again")
    signal = signals.of_incident(tx, incident.id)[0]
    cleared = Arrival(source=signal.source, key=signal.key, title=signal.title, state=State.RESOLVED)
    signals.accept(tx, [signals.encode(cleared)])
    intake.decide(tx, signals.take(tx, 1))


def _diff(folder: Path, *words: str) -> tuple[float, int]:
    """Seconds from the command to its end, and how many sentences it printed."""
    environment = {**os.environ, "TOCSIN_DATABASE_URL": f"sqlite:///{folder / 'tocsin.db'}"}
    plans_of = (str(folder / "old.yaml"), str(folder / "new.yaml"))
    command = (sys.executable, "-m", "tocsin", "plan", "diff", *plans_of, *words)
    began = stopwatch()
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return stopwatch() - began, len(ended.stdout.splitlines())


# ---- The chain -------------------------------------------------------------------------------------------------------


def verify() -> list[Measured]:
    """Every entry of a large installation read, hashed and folded; the floor only reads them."""
    with installation.folder() as folder:
        clock, database = _database(folder)
        for number in range(1, CHAINED // EACH + 1):
            with database.work(SYSTEM) as tx:
                incidents.append(tx, _begun(tx, number), _work(EACH - 1, clock.now()))
        with database.read(SYSTEM) as tx:
            taken = [_seconds(lambda: _all_hold(tx)) for _ in range(CHECKED_IN)]
            reading = [_seconds(lambda: _read(tx)) for _ in range(CHECKED_IN)]
        size = (folder / "tocsin.db").stat().st_size
        database.dispose()
    return [
        Measured(
            name="verify, 1,000,000 entries",
            value=min(taken),
            unit="s",
            floor=min(reading),
            target=10,
            less_is_better=True,
            about={"worst_s": max(taken), "bytes": size},
        )
    ]


def _all_hold(tx: Any) -> None:
    found = list(verification.verify_all(tx))
    if any(one.fault for one in found) or sum(one.entries for one in found) != CHAINED:
        raise RuntimeError("the record that was just written does not hold")


def _read(tx: Any) -> None:
    if sum(1 for _ in incidents.sealed_between(tx, "", None)) != CHAINED:
        raise RuntimeError("not every entry was read")


# ---- Common ----------------------------------------------------------------------------------------------------------


def _database(folder: Path, text: str | None = None) -> tuple[ManualClock, Database]:
    clock = ManualClock(BEGAN)
    made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", text or installation.plan(), clock=clock)
    return clock, App(Settings(database_url=made.database_url), clock).database


def _begun(tx: Any, number: int) -> Incident:
    declared = Declared(
        at=tx.now,
        by=SYSTEM.handle,
        title=f"A long night, number {number}",
        severity="P1",
        type="service_outage",
        service="rose",
        source="generic",
        trigger=Trigger.MONITORING_ALERT,
        started_at=tx.now,
        detected_at=tx.now,
        plan_revision=plans.current_id(tx),
        number=number,
    )
    return incidents.begin(tx, declared)


def _seconds(do: Callable[[], object]) -> float:
    began = stopwatch()
    do()
    return stopwatch() - began


def _milliseconds(
    name: str, seconds: float, target: float, floor: float | None = None, about: dict[str, object] | None = None
) -> Measured:
    return Measured(
        name=name,
        value=seconds * 1000,
        unit="ms",
        floor=floor,
        target=target,
        less_is_better=True,
        about=about or {},
    )
