"""Plan revisions: immutable, named by their hash, one of them current."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Engine, Row, Table, Text, bindparam, select

from tocsin.db import settings as kept
from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound, Refused
from tocsin.plan import check, printing
from tocsin.plan.model import Plan

table = Table(
    "plan_revision",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("version", Text),
    Column("text", Text),
    Column("reason", Text),
    Column("applied_by", Text),
    Column("applied_at", Instant),
)

CURRENT = "plan.current"


class NoPlan(Refused):
    """No plan is applied yet: run `tocsin plan apply FILE`."""


class NoSuchRevision(NotFound):
    """There is no such revision of the plan."""


class UnreadableRevision(Refused):
    """A stored revision of the plan can no longer be read by this release."""


@dataclass(frozen=True)
class Revision:
    id: str
    name: str
    version: str
    text: str
    reason: str
    applied_by: str
    applied_at: datetime


def revision_id(text: str) -> str:
    """The name of a plan's text: the first twelve hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def save(tx: Tx, plan: Plan, text: str, reason: str) -> Revision:
    """Store this text as a revision, if it is new, and make it the current one."""
    revision = Revision(revision_id(text), plan.name, plan.version, text, reason, tx.actor.handle, tx.now)
    if tx.first(select(table.c.id).where(table.c.id == revision.id)) is None:
        tx.add(table, dict(vars(revision)))
    kept.write(tx, CURRENT, revision.id)
    tx.memo.pop("plan", None)
    tx.wakes = True
    return revision


def current_id(tx: Tx) -> str:
    found = kept.read(tx, CURRENT)
    if found is None:
        raise NoPlan
    return found


def current(tx: Tx) -> Plan:
    """The plan in force. Raises NoPlan before the first is applied."""
    if "plan" not in tx.memo:
        tx.memo["plan"] = load(tx, current_id(tx))
    plan: Plan = tx.memo["plan"]
    return plan


def load(tx: Tx, revision: str) -> Plan:
    """The plan of one revision; read once per process, since a revision never changes."""
    if revision not in _read:
        _read[revision] = _parsed(_row(tx, revision).text)
        while len(_read) > KEPT_IN_MEMORY:
            _read.popitem(last=False)
    return _read[revision]


def document(tx: Tx, revision: str) -> str:
    """The plan of one revision as people read it; written once per process."""
    if revision not in _printed:
        _printed[revision] = printing.document(load(tx, revision), revision)
        while len(_printed) > PRINTED_IN_MEMORY:
            _printed.popitem(last=False)
    return _printed[revision]


def text(tx: Tx, revision: str) -> str:
    """The text of one revision, as it was put into force."""
    return _row(tx, revision).text


def current_revision(tx: Tx) -> Revision:
    """The revision in force, as every page names it: read once by each process, for it never changes."""
    name, known = current_id(tx), _current.get(tx.connection.engine)
    if known is None or known.id != name:
        known = _row(tx, name)
        if not tx.writes:  # what a unit of work has written may yet be undone
            _current[tx.connection.engine] = known
    return known


def revisions(tx: Tx) -> list[Revision]:
    """Every revision ever applied, the latest first."""
    return [_revision(row) for row in tx.all(select(table).order_by(table.c.applied_at.desc()))]


KEPT_IN_MEMORY = 16
PRINTED_IN_MEMORY = 4
_read: OrderedDict[str, Plan] = OrderedDict()
_printed: OrderedDict[str, str] = OrderedDict()
_current: WeakKeyDictionary[Engine, Revision] = WeakKeyDictionary()  # by the database that it is in force in


_ONE = select(table).where(table.c.id == bindparam("revision"))


def _row(tx: Tx, revision: str) -> Revision:
    row = tx.first(_ONE, {"revision": revision})
    if row is None:
        raise NoSuchRevision(f"There is no revision {revision} of the plan.")
    return _revision(row)


def _revision(row: Row[Any]) -> Revision:
    return Revision(**row._mapping)


def _parsed(text: str) -> Plan:
    plan = check.load(text, "plan")
    if isinstance(plan, Plan):
        return plan
    raise UnreadableRevision(f"Revision {revision_id(text)} of the plan can't be read: {plan[0].message}")
