"""The register of changes: rows that are only ever added."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Table, Text, bindparam, func, select

from tocsin.changes.model import Change, Kind
from tocsin.db.columns import MOST, Instant, bound, metadata
from tocsin.db.engine import Tx

table = Table(
    "change",
    metadata,
    Column("id", Text, primary_key=True),
    Column("what", Text),
    Column("kind", Text),
    Column("service", Text),
    Column("place", Text),
    Column("at", Instant),
    Column("by", Text),
    Column("link", Text),
    Column("source", Text),
    Column("key", Text),
    Column("told_at", Instant),
    Column("told_by", Text),
)


def add(tx: Tx, change: Change) -> None:
    tx.add(table, dict(vars(change)))


def by_key(tx: Tx, source: str, key: str) -> Change | None:
    """The change that this sender told of under this key."""
    found = tx.first(select(table).where((table.c.source == source) & (table.c.key == key)))
    return _change(found) if found else None


def listing(tx: Tx, *, service: str | None = None, before: datetime | None = None, limit: int = 50) -> list[Change]:
    """Changes, the last made first."""
    wanted = select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
    if service is not None:
        wanted = wanted.where(table.c.service == service)
    if before is not None:
        wanted = wanted.where(table.c.at < before)
    return [_change(row) for row in tx.all(wanted)]


def last_told(tx: Tx, among: int) -> dict[str, datetime]:
    """When each source last told of one of the latest changes."""
    return {row.source: row.at for row in tx.all(_LAST_TOLD, {"among": among})}


_LATEST = (
    select(table.c.source, table.c.told_at)
    .order_by(table.c.at.desc(), table.c.id.desc())
    .limit(bound("among"))
    .subquery()
)
_LAST_TOLD = select(_LATEST.c.source, func.max(_LATEST.c.told_at, type_=Instant).label("at")).group_by(_LATEST.c.source)


def made_between(
    tx: Tx, since: datetime, until: datetime, services: Collection[str] | None, limit: int
) -> list[Change]:
    """What was changed in a span of time, the last first: in these services, or with none named; all if None."""
    span = {"since": since, "until": until, "most": limit}
    if services is None:
        return [_change(row) for row in tx.all(_BETWEEN, span)]
    return [_change(row) for row in tx.all(_BETWEEN_OF, {**span, "services": sorted(services)})]


_BETWEEN = (
    select(table)
    .where((table.c.at >= bindparam("since")) & (table.c.at <= bindparam("until")))
    .order_by(table.c.at.desc(), table.c.id.desc())
    .limit(MOST)
)
_BETWEEN_OF = _BETWEEN.where(table.c.service.in_(bindparam("services", expanding=True)) | table.c.service.is_(None))


def _change(row: Row[Any]) -> Change:
    return Change(**{**row._mapping, "kind": Kind(row.kind)})
