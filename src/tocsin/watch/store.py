"""What our own looks have seen last, and what they measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Column, Float, Integer, Select, Table, Text, case, func, select

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.clock import from_millis, to_millis
from tocsin.watch import heartbeats
from tocsin.watch.logs import Tail
from tocsin.watch.metering import Meter, Sample
from tocsin.watch.outcomes import Kind, Outcome, Run

table = Table(
    "probe",
    metadata,
    Column("name", Text, primary_key=True),
    Column("run", Json),
    Column("confirmed", Json),
    Column("outcome", Json),
    Column("looked_at", Instant),
    Column("meter", Json),
    Column("tail", Json),
    Column("runs", Json),
)


@dataclass(frozen=True)
class Agreed:
    """The last change that enough looks in a row agreed on."""

    kind: Kind
    components: tuple[str, ...]
    grade: str = ""


@dataclass(frozen=True)
class Standing:
    """How a probe stands: its present run of like outcomes, what was last confirmed, and the last outcome itself."""

    name: str
    run: Run | None
    confirmed: Agreed | None
    outcome: Outcome | None
    looked_at: datetime | None
    meter: Meter | None = None
    tail: Tail | None = None
    runs: tuple[heartbeats.Run, ...] = ()  # of a job that sends signs of life, the newest first


def load(tx: Tx, name: str) -> Standing:
    """How a probe stands, for whoever is about to change that."""
    return _loaded(tx, name, select(table).where(table.c.name == name).with_for_update())


def seen(tx: Tx, name: str) -> Standing:
    """How a probe stands, for whoever only wants to know: others may change it meanwhile."""
    return _loaded(tx, name, select(table).where(table.c.name == name))


def _loaded(tx: Tx, name: str, wanted: Select[Any]) -> Standing:
    found = tx.first(wanted)
    return _standing(found._mapping) if found else Standing(name, None, None, None, None)


def save(tx: Tx, standing: Standing) -> None:
    values: dict[str, Any] = {
        "run": msgspec.to_builtins(standing.run),
        "confirmed": msgspec.to_builtins(standing.confirmed),
        "outcome": msgspec.to_builtins(standing.outcome),
        "looked_at": standing.looked_at,
        "meter": msgspec.to_builtins(standing.meter),
        "tail": msgspec.to_builtins(standing.tail),
        "runs": msgspec.to_builtins(standing.runs) or None,
    }
    if not tx.run(table.update().where(table.c.name == standing.name).values(values)).rowcount:
        tx.run(table.insert().values(name=standing.name, **values))


def forget(tx: Tx, name: str) -> None:
    tx.run(table.delete().where(table.c.name == name))


def standings(tx: Tx) -> dict[str, Standing]:
    return {row.name: _standing(row._mapping) for row in tx.all(select(table))}


def _standing(row: Any) -> Standing:
    return Standing(
        name=row["name"],
        run=msgspec.convert(row["run"], Run | None),
        confirmed=msgspec.convert(row["confirmed"], Agreed | None),
        outcome=msgspec.convert(row["outcome"], Outcome | None),
        looked_at=row["looked_at"],
        meter=msgspec.convert(row["meter"], Meter | None),
        tail=msgspec.convert(row["tail"], Tail | None),
        runs=msgspec.convert(row["runs"] or (), tuple[heartbeats.Run, ...]),
    )


# --- What was measured ------------------------------------------------------------------------------------------------

MINUTE, QUARTER = timedelta(minutes=1), timedelta(minutes=15)
MINUTES_KEPT, KEPT = timedelta(hours=6), timedelta(days=28)
AT_ONCE = 8  # quarters that are gathered in one go

sampled = Table(
    "sample",
    metadata,
    Column("name", Text, primary_key=True),
    Column("span_s", Integer, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("count", Integer),
    Column("total", Float),
    Column("most", Float),
    Column("failed", Float),
    Column("counted", Float),
    Column("usual", Integer),
)


def add_sample(tx: Tx, name: str, value: float | None, failed: float, counted: float, *, is_usual: bool) -> None:
    """Keep what a look measured, with the rest of its minute. A minute with anything unusual in it is not usual."""
    columns, one = sampled.c, 0 if value is None else 1
    at = from_millis(to_millis(tx.now) // 60_000 * 60_000)
    this = (columns.name == name) & (columns.span_s == 60) & (columns.at == at)
    added = {
        "count": columns.count + one,
        "total": columns.total + (value or 0.0),
        "most": case((columns.most < (value or 0.0), value or 0.0), else_=columns.most),
        "failed": columns.failed + failed,
        "counted": columns.counted + counted,
        "usual": columns.usual if is_usual else 0,
    }
    if not tx.run(sampled.update().where(this).values(added)).rowcount:
        figures = {"count": one, "total": value or 0.0, "most": value or 0.0, "failed": failed, "counted": counted}
        tx.run(sampled.insert().values(name=name, span_s=60, at=at, usual=int(is_usual), **figures))


def samples(tx: Tx, name: str, since: datetime) -> list[Sample]:
    """What was measured of a probe or a measure, `service/name`, the oldest first: latencies in seconds, or the
    numbers themselves; and how many looks or requests failed of how many."""
    wanted = select(sampled).where(sampled.c.name == name, sampled.c.at >= since)
    return [_sample(row) for row in tx.all(wanted.order_by(sampled.c.at, sampled.c.span_s.desc()))]


def latest_samples(tx: Tx, name: str, limit: int, before: datetime | None = None) -> list[Sample]:
    """The last of them that began before an instant, the latest first."""
    wanted = select(sampled).where(sampled.c.name == name)
    if before is not None:
        wanted = wanted.where(sampled.c.at < before)
    return [_sample(row) for row in tx.all(wanted.order_by(sampled.c.at.desc(), sampled.c.span_s).limit(limit))]


def samples_around(tx: Tx, names: Sequence[str], since: datetime, until: datetime) -> dict[str, list[Sample]]:
    """The same for several in one statement, up to an instant."""
    found: dict[str, list[Sample]] = {}
    wanted = select(sampled).where(sampled.c.name.in_(names), sampled.c.at >= since, sampled.c.at <= until)
    for row in tx.all(wanted.order_by(sampled.c.at, sampled.c.span_s.desc())) if names else []:
        found.setdefault(row.name, []).append(_sample(row))
    return found


def _sample(row: Any) -> Sample:
    return Sample(
        at=row.at,
        span=timedelta(seconds=row.span_s),
        count=row.count,
        mean=row.total / row.count if row.count else 0.0,
        most=row.most,
        failed=row.failed,
        counted=row.counted,
        is_usual=bool(row.usual),
    )


def thin(tx: Tx) -> None:
    """Gather what is older than some hours into quarters of an hour, and forget what is older than four weeks."""
    columns = sampled.c
    tx.run(sampled.delete().where(columns.span_s == 900, columns.at < tx.now - KEPT))
    for _ in range(AT_ONCE):
        oldest = tx.scalar(select(func.min(columns.at)).where(columns.span_s == 60))
        if oldest is None:
            return
        begins = from_millis(to_millis(oldest) // 900_000 * 900_000)
        if begins + QUARTER > tx.now - MINUTES_KEPT:
            return
        _gather(tx, begins)


def _gather(tx: Tx, begins: datetime) -> None:
    columns = sampled.c
    minutes = (columns.span_s == 60) & (columns.at >= begins) & (columns.at < begins + QUARTER)
    figures = [func.sum(columns[name]).label(name) for name in ("count", "total", "failed", "counted")]
    worst = [func.max(columns.most).label("most"), func.min(columns.usual).label("usual")]
    found = tx.all(select(columns.name, *figures, *worst).where(minutes).group_by(columns.name))
    tx.run(sampled.delete().where(minutes))
    for row in found:
        tx.add(sampled, {**row._mapping, "span_s": 900, "at": begins})
