"""Which incidents are like another, or about the same: whether what comes now belongs to one that stands, and what was
seen before."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, case, select

from tocsin.db import sight
from tocsin.db.columns import MOST
from tocsin.db.engine import Tx
from tocsin.incidents.model import UNRESOLVED, Incident, Status
from tocsin.incidents.store import STATE, load, survivor, table


class Kin(NamedTuple):
    """An incident, as far as it takes to see whether another is like it."""

    id: str
    type: str
    service: str | None
    components: tuple[str, ...]
    merged_into: str | None
    declared_at: datetime


def kin(tx: Tx, kind: str, limit: int) -> list[Kin]:
    """The latest incidents of a type."""
    rows = sight.rows(tx, _KIN_OF, table.c.id, {"kind": kind, "most": limit})
    return [Kin._make(row)._replace(components=tuple(row.components or ())) for row in rows]


_FOLD = {name: table.c.fold[name] for name in ("components", "merged_into")}
_KIN = (
    *(table.c.id, table.c.type, table.c.service, _FOLD["components"].label("components")),
    *(_FOLD["merged_into"].as_string().label("merged_into"), table.c.declared_at),
)
_KIN_OF = select(*_KIN).where(table.c.type == bindparam("kind")).order_by(table.c.number.desc()).limit(MOST)


def alike_before(tx: Tx, incident: Incident, among: int) -> list[str]:
    """Those of its type and service among the last that were declared before it, the latest first."""
    rows = sight.rows(tx, _BEFORE, table.c.id, {"before": incident.declared_at, "most": among})
    return [row.id for row in rows if (row.type, row.service) == (incident.type, incident.service)]


_EARLIER = select(table.c.id, table.c.type, table.c.service).where(table.c.declared_at < bindparam("before"))
_BEFORE = _EARLIER.order_by(table.c.number.desc()).limit(MOST)


def open_like(tx: Tx, kind: str, service: str | None) -> Incident | None:
    """The latest incident of this type and service that still watches for the same trouble."""
    found: dict[Any, str] = tx.memo.setdefault("open like", {})
    if (kind, service) not in found:
        rows = tx.all(_ALIKE, {"kind": kind, "service": service, "most": 1 + MERGED_LOOKED_AT})
        latest = next((row.id for row in rows if row.status in _PRESENT), None) or _went_on(tx, rows)
        if latest is None:
            return None
        found[kind, service] = latest
    return load(tx, found[kind, service])


MERGED_LOOKED_AT = 20  # duplicates, the latest first
_PRESENT = [str(status) for status in (*UNRESOLVED, Status.WATCHING)]

# Those that watch for trouble come first, and before them all the latest.
_IS_MERGED = case((table.c.status == Status.MERGED, 1), else_=0)
_ALIKE = (
    select(table.c.id, table.c.status)
    .where(table.c.type == bindparam("kind"), table.c.service.is_not_distinct_from(bindparam("service")))
    .where(table.c.status.in_([*_PRESENT, str(Status.MERGED)]))
    .order_by(_IS_MERGED, table.c.declared_at.desc())
    .limit(MOST)
)


def about_others(tx: Tx, kind: str, services: tuple[str, ...], limit: int) -> dict[str, str]:
    """The latest incidents of this type that still watch for trouble and are about other services than these, as ids
    by service."""
    found: dict[Any, Any] = tx.memo.setdefault("open like", {})
    if (kind, services) not in found:
        others = table.c.service.is_not(None) & table.c.service.not_in(services) & table.c.status.in_(_PRESENT)
        wanted = select(table.c.service, table.c.id).where((table.c.type == kind) & others)
        rows = tx.all(wanted.order_by(table.c.declared_at.desc(), table.c.number.desc()).limit(limit))
        found[kind, services] = {row.service: row.id for row in rows}
    latest: dict[str, str] = found[kind, services]
    return latest


def is_troubled(tx: Tx, service: str) -> bool:
    """Whether an incident of this service is not over yet, whoever may see it."""
    known: dict[str, bool] = tx.memo.setdefault("troubled services", {})
    if service not in known:
        present = (table.c.service == service) & table.c.status.in_(_PRESENT)
        known[service] = tx.scalar(select(table.c.id).where(present).limit(1)) is not None
    return known[service]


def unresolved_of(tx: Tx, services: Collection[str]) -> list[Incident]:
    """The incidents of these services that people still work on, the first declared first."""
    working = [str(status) for status in UNRESOLVED]
    of_these = table.c.service.in_(sorted(services)) & table.c.status.in_(working)
    rows = tx.all(select(STATE).where(of_these).order_by(table.c.number).limit(OPEN_LOOKED_AT))
    return [row.fold for row in rows]


OPEN_LOOKED_AT = 50


def _went_on(tx: Tx, merged: Sequence[Row[Any]]) -> str | None:
    """Where these duplicates went on, the latest first, if that still watches for trouble."""
    if not merged:
        return None
    these = table.c.id.in_([row.id for row in merged])
    gone = tx.all(select(STATE).where(these).order_by(table.c.declared_at.desc()))
    survivors = (survivor(tx, row.fold) for row in gone)
    return next((one.id for one in survivors if str(one.status) in _PRESENT), None)
