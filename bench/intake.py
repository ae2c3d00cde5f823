"""How many signals a second are on the disk when their senders are answered."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import floors, installation, load, postgres
from bench.installation import Installation, Server
from bench.load import Load, Sent
from bench.measure import Measured
from tests.support.postgres import fresh_database
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.settings import Settings
from tocsin.signals import store as signals

SENDERS = 32
BATCH_SENDERS = 8
BATCH = 100  # alerts in one webhook body
SECONDS = 5.0
FLOOR_SECONDS = 1.0  # before and again after, since the machine is not the same from minute to minute
DECIDE_WITHIN = 1.0


def singles() -> list[Measured]:
    """Single signals of 32 senders, on SQLite."""
    return _on_sqlite("intake", signals_each=1, senders=SENDERS, times_floor=1.5)


def batches() -> list[Measured]:
    """Alertmanager's bodies of a hundred alerts, on SQLite."""
    return _on_sqlite("intake-batch", signals_each=BATCH, senders=BATCH_SENDERS, times_floor=0.5)


def _on_sqlite(name: str, *, signals_each: int, senders: int, times_floor: float) -> list[Measured]:
    with installation.folder() as folder:
        before = floors.sqlite_rows(folder, signals_each, FLOOR_SECONDS)
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        with installation.server(made, folder / "log") as server:
            sent, decided = _loaded(made, [server], signals_each, senders)
        after = floors.sqlite_rows(folder, signals_each, FLOOR_SECONDS)
    return _measured(name, sent, decided, (before + after) / 2, times_floor)


def on_postgresql() -> list[Measured]:
    """The same on PostgreSQL, with one node and with two."""
    found: list[Measured] = []
    with postgres.durable_server(), installation.folder() as folder:
        for nodes in (1, 2):
            for signals_each, senders in ((1, SENDERS), (BATCH, BATCH_SENDERS)):
                found += _on_nodes(folder, nodes, signals_each, senders)
    return found


def _on_nodes(folder: Path, nodes: int, signals_each: int, senders: int) -> list[Measured]:
    name = f"intake-pg-{'batch-' if signals_each > 1 else ''}{nodes}"
    with fresh_database() as url, ExitStack() as servers:
        made = installation.prepared(url, installation.plan())
        before = floors.postgresql_commits(url, FLOOR_SECONDS)
        started = [servers.enter_context(installation.server(made, folder / "log")) for _ in range(nodes)]
        sent, decided = _loaded(made, started, signals_each, senders, SECONDS / 2)
        servers.close()
        after = floors.postgresql_commits(url, FLOOR_SECONDS)
    return _measured(name, sent, decided, (before + after) / 2, 1.0)


def _loaded(
    made: Installation, servers: Sequence[Server], signals_each: int, senders: int, seconds: float = SECONDS
) -> tuple[Sent, float]:
    """What the senders saw, and how many signals a second were decided from the first to the last of them."""
    began = stopwatch()
    ports = [server.port for server in servers]
    sent = load.run(Load(ports, made.token, seconds, senders, signals_each))
    app = App(Settings(database_url=made.database_url), SystemClock())  # it only reads
    left = _wait_for_decisions(app)
    took = stopwatch() - began
    _check_nothing_was_lost(app, sent)
    app.database.dispose()
    return sent, (sent.accepted_ever - left) / took


def _wait_for_decisions(app: App) -> int:
    """How many signals are still undecided after a while; usually none."""
    until = stopwatch() + DECIDE_WITHIN
    while True:
        with app.database.read(SYSTEM) as tx:
            left = signals.backlog(tx)
        if not left or stopwatch() > until:
            return left
        time.sleep(0.05)


def _check_nothing_was_lost(app: App, sent: Sent) -> None:
    with app.database.read(SYSTEM) as tx:
        # One statement, so that a batch on its way from the inbox to its signals is seen in one place or the other.
        here = "select (select coalesce(sum(count), 0) from signal) + (select coalesce(sum(signals), 0) from inbox)"
        kept = int(tx.connection.exec_driver_sql(here).scalar() or 0)
    if kept != sent.accepted_ever:
        raise RuntimeError(f"{sent.accepted_ever} signals were accepted and {kept} are in the database")


def _measured(name: str, sent: Sent, decided: float, floor: float, times_floor: float) -> list[Measured]:
    about = {"statuses": sent.statuses, "p50_ms": round(sent.p50_ms, 1), "p99_ms": round(sent.p99_ms, 1)}
    rate = sent.accepted / sent.seconds
    return [
        Measured(name=name, value=rate, unit="signals/s", floor=floor, target=times_floor * floor, about=about),
        Measured(name=f"{name}: decided", value=decided, unit="signals/s"),
    ]
