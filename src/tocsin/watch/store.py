"""What our own looks at health addresses have seen last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, Table, Text, select

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.watch.outcomes import Kind, Outcome, Run

table = Table(
    "probe",
    metadata,
    Column("name", Text, primary_key=True),
    Column("run", Json),
    Column("confirmed", Json),
    Column("outcome", Json),
    Column("looked_at", Instant),
)


@dataclass(frozen=True)
class Agreed:
    """The last change that enough looks in a row agreed on."""

    kind: Kind
    components: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How a probe stands: its present run of like outcomes, what was last confirmed, and the last outcome itself."""

    name: str
    run: Run | None
    confirmed: Agreed | None
    outcome: Outcome | None
    looked_at: datetime | None


def load(tx: Tx, name: str) -> Standing:
    found = tx.first(select(table).where(table.c.name == name).with_for_update())
    return _standing(found._mapping) if found else Standing(name, None, None, None, None)


def save(tx: Tx, standing: Standing) -> None:
    values: dict[str, Any] = {
        "run": msgspec.to_builtins(standing.run),
        "confirmed": msgspec.to_builtins(standing.confirmed),
        "outcome": msgspec.to_builtins(standing.outcome),
        "looked_at": standing.looked_at,
    }
    if not tx.run(table.update().where(table.c.name == standing.name).values(values)).rowcount:
        tx.run(table.insert().values(name=standing.name, **values))


def standings(tx: Tx) -> dict[str, Standing]:
    return {row.name: _standing(row._mapping) for row in tx.all(select(table))}


def _standing(row: Any) -> Standing:
    return Standing(
        name=row["name"],
        run=msgspec.convert(row["run"], Run | None),
        confirmed=msgspec.convert(row["confirmed"], Agreed | None),
        outcome=msgspec.convert(row["outcome"], Outcome | None),
        looked_at=row["looked_at"],
    )
