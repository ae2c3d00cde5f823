"""The audit log. Rows are added, and the database itself refuses to change or to remove one."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, Table, Text, select

from tocsin.audit.model import SUBJECTS, Act, Deed, Filter
from tocsin.audit.refusals import Refusal
from tocsin.db import sight
from tocsin.db.columns import AutoKey, Instant, metadata
from tocsin.db.engine import Tx

audit = Table(
    "audit",
    metadata,
    Column("number", AutoKey, primary_key=True),
    Column("at", Instant),
    Column("deed", Text),
    Column("actor", Text),
    Column("about", Text),
    Column("detail", Text),
    Column("source", Text),
    Column("count", Integer),
)
_INCIDENT = "incident"


def record(tx: Tx, deed: Deed, about: str = "", detail: str = "") -> None:
    """Write down what the actor of this unit of work did. It is there if the deed is, and not if that fails."""
    row = {"at": tx.now, "deed": deed, "actor": tx.actor.handle, "about": about, "detail": detail}
    tx.run(audit.insert().values(**row, source=tx.actor.source, count=1))


def keep_refused(tx: Tx, gathered: Iterable[Refusal]) -> None:
    for one in gathered:
        row = {"at": one.at, "deed": one.deed, "actor": one.actor, "about": one.about, "detail": ""}
        tx.run(audit.insert().values(**row, source=one.source, count=one.count))


def listing(tx: Tx, asked: Filter, *, before: int | None = None, limit: int) -> list[Act]:
    """The latest first. Of a confidential incident only its readers learn which one it was, and whom it was about."""
    wanted = select(audit).where(*_conditions(asked)).order_by(audit.c.number.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(audit.c.number < before)
    if asked.about:  # what may not be known may not be asked for either
        wanted = sight.within(tx, wanted, audit.c.about)
    found = [_act(row) for row in tx.all(wanted)]
    hidden = sight.unseen(tx, {one.about for one in found if one.deed.subject == _INCIDENT})
    return [replace(one, about="", detail="") if one.about in hidden else one for one in found]


def _conditions(asked: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.deed in SUBJECTS:
        found.append(audit.c.deed.in_([str(one) for one in Deed if one.subject == asked.deed]))
    elif asked.deed:
        found.append(audit.c.deed == asked.deed)
    for column, value in ((audit.c.actor, asked.actor), (audit.c.about, asked.about), (audit.c.source, asked.source)):
        if value:
            found.append(column == value)
    if asked.since:
        found.append(audit.c.at >= asked.since)
    if asked.until:
        found.append(audit.c.at < asked.until)
    return found


def _act(row: Any) -> Act:
    return Act(
        number=row.number,
        at=row.at,
        deed=Deed(row.deed),
        actor=row.actor,
        about=row.about,
        detail=row.detail,
        source=row.source,
        count=row.count,
    )
