"""Reports of users, as long as they count together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Column, Table, Text, delete, select, text

from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.signals import store
from tocsin.signals.model import Arrival

user_report = Table(
    "user_report",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Instant),
    Column("by", Text),
    Column("said", Text),
    Column("arrival", Text),
    Column("many", Boolean),
)

REPORTS_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Counted:
    """A report, while it counts: who it is by, what tells that it says the same as another, and its signal."""

    id: str
    at: datetime
    by: str
    said: str
    arrival: Arrival
    many: bool


def lately(tx: Tx, since: datetime) -> list[Counted]:
    """The reports since then. Whoever asks is the only one who counts until the end of this unit of work."""
    if tx.is_postgresql:
        tx.scalar(text("select pg_advisory_xact_lock(7267048)"))
    rows = tx.all(select(user_report).where(user_report.c.at > since).order_by(user_report.c.at, user_report.c.id))
    return [Counted(**{**row._mapping, "arrival": store.decode_one(row.arrival)}) for row in rows]


def count(tx: Tx, one: Counted) -> None:
    tx.run(delete(user_report).where(user_report.c.at < tx.now - REPORTS_KEPT))
    tx.run(user_report.insert().values({**vars(one), "arrival": store.encode(one.arrival).body}))


def raise_all(tx: Tx, ids: Sequence[str]) -> None:
    """Write down that these are among many."""
    tx.run(user_report.update().where(user_report.c.id.in_(ids)).values(many=True))
