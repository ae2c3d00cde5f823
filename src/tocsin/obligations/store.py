"""Obligations on the record. What ends one is a conditional update, so that each ends once."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Select, Table, Text, case, func, select

from tocsin.db import sight
from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.ids import new_id
from tocsin.obligations.model import ANSWER_PREFIX, Duty, Kind, Obligation, State

table = Table(
    "obligation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text),
    Column("key", Text),
    Column("kind", Text),
    Column("what", Text),
    Column("clause", Text),
    Column("audience", Text),
    Column("owner", Text),
    Column("opened_at", Instant),
    Column("due_at", Instant),
    Column("state", Text),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    Column("evidence", Text),
)


def open_duty(tx: Tx, incident_id: str | None, duty: Duty) -> None:
    """Put a duty on the record, open. Opening a key that is open already is a mistake of the caller."""
    row = {
        "id": new_id("obl", 12),
        "incident_id": incident_id,
        "key": duty.key,
        "kind": duty.kind,
        "what": duty.what,
        "clause": duty.clause,
        "audience": duty.audience,
        "owner": duty.owner,
        "opened_at": tx.now,
        "due_at": duty.due_at,
        "state": State.OPEN,
        "settled_by": "",
        "evidence": "",
    }
    tx.add(table, row)
    tx.wakes = True  # a sleeping engine may have to rise earlier


def settle(tx: Tx, obligation_id: str, state: State, evidence: str) -> bool:
    """Settle an open obligation. The first caller gets True, everyone after gets False."""
    still_open = (table.c.id == obligation_id) & (table.c.state == State.OPEN)
    change = table.update().where(still_open).values(**_end(tx, state, evidence))
    return tx.run(change).rowcount == 1


def settle_keys(tx: Tx, incident_id: str, keys: Collection[str], state: State, evidence: str) -> None:
    """Settle the open obligations with these keys of one incident."""
    if keys:
        of_these = _open(incident_id) & table.c.key.in_(keys)
        tx.run(table.update().where(of_these).values(**_end(tx, state, evidence)))


def settle_answers(tx: Tx, incident_id: str, state: State, evidence: str) -> None:
    """Settle every open wait for an answer to a page of one incident."""
    waits = _open(incident_id) & (table.c.kind == Kind.ANSWER)
    tx.run(table.update().where(waits).values(**_end(tx, state, evidence)))


def hurry_answer(tx: Tx, incident_id: str, step: int) -> None:
    """Nobody can answer this step's page any more: let its wait fall due now."""
    wait = _open(incident_id) & (table.c.key == f"{ANSWER_PREFIX}{step}")
    tx.run(table.update().where(wait).values(due_at=tx.now))
    tx.wakes = True


def settle_many(tx: Tx, obligations: Iterable[Obligation], state: State, evidence: str) -> None:
    """Settle obligations that this unit of work has locked with `claim_due`."""
    for obligation in obligations:
        tx.put(table, obligation.id, _end(tx, state, evidence))


def claim_due(tx: Tx, limit: int) -> list[Obligation]:
    """The open obligations that are due, soonest first, locked until this unit of work ends.

    Other nodes pass over locked rows, so that two nodes never settle the same one.
    """
    due = select(table).where((table.c.state == State.OPEN) & (table.c.due_at <= tx.now))
    return [
        _obligation(row) for row in tx.all(due.order_by(table.c.due_at).limit(limit).with_for_update(skip_locked=True))
    ]


def renew(tx: Tx, obligation: Obligation, due_at: datetime) -> None:
    """Move on an obligation that recurs and that `claim_due` has locked."""
    tx.put(table, obligation.id, {"due_at": due_at})


def next_due(tx: Tx) -> datetime | None:
    """When the next open obligation falls due."""
    soonest: datetime | None = tx.scalar(select(func.min(table.c.due_at)).where(table.c.state == State.OPEN))
    return soonest


def for_incident(tx: Tx, incident_id: str) -> list[Obligation]:
    """The whole ledger of an incident: open ones by due time, then settled ones, latest first."""
    rank = case((table.c.state == State.OPEN, 0), else_=1)
    order = (rank, table.c.settled_at.desc(), table.c.due_at)
    return _read(tx, select(table).where(table.c.incident_id == incident_id).order_by(*order))


def open_for(tx: Tx, incident_id: str) -> list[Obligation]:
    return _read(tx, select(table).where(_open(incident_id)).order_by(table.c.due_at))


def open_soonest(tx: Tx, limit: int) -> list[Obligation]:
    """What is owed next over all incidents; looks at health addresses and waits for answers are not shown here."""
    owed = (table.c.state == State.OPEN) & table.c.kind.not_in([Kind.LOOK, Kind.ANSWER])
    return _read(tx, select(table).where(owed).order_by(table.c.due_at).limit(limit))


def of_incidents(tx: Tx, incident_ids: Collection[str]) -> list[Obligation]:
    """The ledgers of several incidents."""
    if not incident_ids:
        return []
    return _read(tx, select(table).where(table.c.incident_id.in_(list(incident_ids))))


def open_looks(tx: Tx) -> list[Obligation]:
    looks = (table.c.kind == Kind.LOOK) & (table.c.state == State.OPEN)
    return [_obligation(row) for row in tx.all(select(table).where(looks))]


def overdue(tx: Tx, before: datetime) -> int:
    """How many obligations are open though due before this instant; above zero, nobody is settling them."""
    late = (table.c.state == State.OPEN) & (table.c.due_at < before)
    return int(tx.scalar(select(func.count()).select_from(table).where(late)) or 0)


def _read(tx: Tx, wanted: Select[Any]) -> list[Obligation]:
    """Those of the rows that the actor may see."""
    return [_obligation(row) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))]


def _open(incident_id: str) -> Any:
    return (table.c.incident_id == incident_id) & (table.c.state == State.OPEN)


def _end(tx: Tx, state: State, evidence: str) -> dict[str, Any]:
    return {"state": state, "settled_at": tx.now, "settled_by": tx.actor.handle, "evidence": evidence}


def _obligation(row: Row[Any]) -> Obligation:
    values = dict(row._mapping)
    return Obligation(**{**values, "kind": Kind(values["kind"]), "state": State(values["state"])})
