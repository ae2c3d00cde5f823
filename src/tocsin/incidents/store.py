"""Incidents on the record: entries that are only ever added, and each incident's fold saved beside them for lists."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, get_args

import msgspec
from sqlalchemy import Column, Integer, Row, Table, Text, func, select

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.incidents import lifecycle
from tocsin.incidents.model import UNRESOLVED, AnyEntry, Declared, Incident, Numbered, Status
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id

table = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer),
    Column("title", Text),
    Column("severity", Text),
    Column("status", Text),
    Column("type", Text),
    Column("service", Text),
    Column("declared_at", Instant),
    Column("updated_at", Instant),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("fold", Json),
)
entries = Table(
    "entry",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text),
    Column("at", Instant),
    Column("by", Text),
    Column("body", Json),
)

KINDS: dict[str, type[AnyEntry]] = {kind.__name__: kind for kind in get_args(AnyEntry)}


class NoSuchIncident(NotFound):
    """There is no such incident."""


def begin(tx: Tx, declared: Declared) -> Incident:
    """Write the first entry of a new incident."""
    incident_id = new_id("inc", 8)
    numbered = Numbered(number=1, entry=declared)
    incident = lifecycle.follow(None, incident_id, numbered)
    tx.add(table, {"id": incident_id, **_row(incident)})
    tx.add(entries, _entry_row(incident_id, numbered))
    tx.memo.pop("open like", None)
    return _remember(tx, incident)


def append(tx: Tx, incident: Incident, more: Iterable[AnyEntry]) -> Incident:
    """Add entries to a timeline and save the fold.

    `(incident, number)` is the lock: whoever writes the same number second is refused with `Overtaken`.
    """
    before = incident
    for entry in more:
        numbered = Numbered(number=incident.entries + 1, entry=entry)
        incident = lifecycle.follow(incident, incident.id, numbered)
        tx.add(entries, _entry_row(incident.id, numbered))
    if (before.status, before.type) != (incident.status, incident.type):
        tx.memo.pop("open like", None)
    tx.put_late(table, incident.id, partial(_row, incident))
    return _remember(tx, incident)


def load(tx: Tx, incident_id: str) -> Incident:
    """An incident as this unit of work knows it. Raises NoSuchIncident."""
    found = load_many(tx, [incident_id])
    if not found:
        raise NoSuchIncident(f"There is no incident {incident_id}.")
    return found[0]


def load_many(tx: Tx, incident_ids: Collection[str]) -> list[Incident]:
    """Several incidents in one statement, locked against other nodes in a fixed order."""
    known: dict[str, Incident] = tx.memo.setdefault("incidents", {})
    unknown = [one for one in dict.fromkeys(incident_ids) if one not in known]
    if unknown:
        wanted = select(table.c.fold).where(table.c.id.in_(unknown)).order_by(table.c.id)
        rows = tx.all(wanted.with_for_update() if tx.writes else wanted)
        for row in rows:
            _remember(tx, _incident(row))
    return [known[one] for one in dict.fromkeys(incident_ids) if one in known]


def timeline(tx: Tx, incident_id: str) -> list[Numbered]:
    """Every entry, in order."""
    wanted = select(entries).where(entries.c.incident_id == incident_id).order_by(entries.c.number)
    return [_numbered(row) for row in tx.all(wanted)]


def timelines(tx: Tx, incident_ids: Sequence[str]) -> dict[str, list[Numbered]]:
    found: dict[str, list[Numbered]] = {one: [] for one in incident_ids}
    wanted = select(entries).where(entries.c.incident_id.in_(list(incident_ids))).order_by(entries.c.number)
    for row in tx.all(wanted) if incident_ids else []:
        found[row.incident_id].append(_numbered(row))
    return found


def listing(
    tx: Tx,
    *,
    statuses: Collection[Status] | None = None,
    before: datetime | None = None,
    since: datetime | None = None,
    below: int | None = None,
    limit: int = 50,
) -> list[Incident]:
    """Incidents, last declared first: declared from `since` up to `before`; `below` a number pages on."""
    wanted = select(table.c.fold).order_by(table.c.number.desc()).limit(limit)
    if below is not None:
        wanted = wanted.where(table.c.number < below)
    if statuses is not None:
        wanted = wanted.where(table.c.status.in_([str(status) for status in statuses]))
    if before is not None:
        wanted = wanted.where(table.c.declared_at < before)
    if since is not None:
        wanted = wanted.where(table.c.declared_at >= since)
    return [_incident(row) for row in tx.all(wanted)]


def open_like(tx: Tx, kind: str, service: str | None) -> Incident | None:
    """The latest incident of this type and service that still watches for the same trouble."""
    found: dict[tuple[str, str | None], str] = tx.memo.setdefault("open like", {})
    if (kind, service) not in found:
        alike = (table.c.type == kind) & table.c.service.is_not_distinct_from(service) & table.c.status.in_(_PRESENT)
        latest = tx.scalar(select(table.c.id).where(alike).order_by(table.c.declared_at.desc()).limit(1))
        if latest is None:
            return None
        found[kind, service] = latest
    return load(tx, found[kind, service])


_PRESENT = [str(status) for status in (*UNRESOLVED, Status.WATCHING)]


def next_number(tx: Tx) -> int:
    return int(tx.scalar(select(func.coalesce(func.max(table.c.number), 0))) or 0) + 1


def _remember(tx: Tx, incident: Incident) -> Incident:
    tx.memo.setdefault("incidents", {})[incident.id] = incident
    return incident


def _row(incident: Incident) -> dict[str, Any]:
    columns = ("number", "title", "severity", "status", "type", "service", "declared_at", "updated_at", "resolved_at")
    saved = {name: getattr(incident, name) for name in (*columns, "closed_at")}
    return {**saved, "fold": msgspec.to_builtins(incident)}


def _incident(row: Row[Any]) -> Incident:
    return msgspec.convert(row.fold, Incident)


def _entry_row(incident_id: str, numbered: Numbered) -> dict[str, Any]:
    entry = numbered.entry
    body = msgspec.to_builtins(entry)
    del body["at"], body["by"]
    return {
        "incident_id": incident_id,
        "number": numbered.number,
        "kind": type(entry).__name__,
        "at": entry.at,
        "by": entry.by,
        "body": body,
    }


def _numbered(row: Row[Any]) -> Numbered:
    kind = KINDS[row.kind]
    return Numbered(number=row.number, entry=msgspec.convert({**row.body, "at": row.at, "by": row.by}, kind))
