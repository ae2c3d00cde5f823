"""Obligations on the record. What ends one is a conditional update, so that each ends once.

`act_at` is the only timer there is: the instant at which the tick next has something to do with an open obligation.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Integer,
    Row,
    Select,
    Subquery,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    select,
)

from tocsin.db import sight
from tocsin.db.columns import MOST, Instant, fixed, metadata
from tocsin.db.engine import Tx
from tocsin.kit.frozen import made
from tocsin.kit.ids import new_id
from tocsin.obligations.model import ANSWER_PREFIX, WAITS, Duty, Kind, Obligation, State, first_act

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
    Column("cause", Integer),
    Column("opened_at", Instant),
    Column("warned_at", Instant),
    Column("due_at", Instant),
    Column("overdue_at", Instant),
    Column("given_up_at", Instant),
    Column("act_at", Instant),
    Column("state", Text),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    Column("evidence", Text),
    Column("proof", Integer),
)
_COLUMNS = frozenset(table.c.keys())
_IS_OPEN = table.c.state == fixed(State.OPEN)


def open_duty(tx: Tx, incident_id: str | None, duty: Duty, cause: int | None = None) -> None:
    """Put a duty on the record, open; `cause` is the entry that asks for it.

    Opening a key that is open already is a mistake of the caller.
    """
    row = {
        "id": new_id("obl", 12),
        "incident_id": incident_id,
        "key": duty.key,
        "kind": duty.kind,
        "what": duty.what,
        "clause": duty.clause,
        "audience": duty.audience,
        "owner": duty.owner,
        "cause": cause,
        "opened_at": tx.now,
        "warned_at": None,
        "due_at": duty.due_at,
        "overdue_at": None,
        "given_up_at": duty.given_up_at,
        "act_at": first_act(duty, tx.now),
        "state": State.OPEN,
        "settled_at": None,
        "settled_by": "",
        "evidence": "",
        "proof": None,
    }
    tx.add(table, row)
    tx.wakes = True  # a sleeping engine may have to rise earlier


def open_successor(tx: Tx, before: Obligation, cause: int) -> Obligation:
    """Put the next of a series on the record, when the one before is given up: it is due at once, and overdue."""
    due_at = before.given_up_at or before.due_at
    given_up_at = due_at + (due_at - before.due_at)
    after = replace(
        before,
        id=new_id("obl", 12),
        cause=cause,
        opened_at=tx.now,
        warned_at=None,
        due_at=due_at,
        overdue_at=tx.now,
        given_up_at=given_up_at,
        act_at=given_up_at,
    )
    tx.add(table, {name: value for name, value in vars(after).items() if name in _COLUMNS})
    tx.wakes = True
    return after


def settle(tx: Tx, obligation_id: str, state: State, evidence: str, proof: int | None = None) -> bool:
    """Settle an open obligation. The first caller gets True, everyone after gets False."""
    still_open = (table.c.id == obligation_id) & _IS_OPEN
    change = table.update().where(still_open).values(**_end(tx, state, evidence, proof))
    return tx.run(change).rowcount == 1


def meet(tx: Tx, incident_id: str, keys: Collection[str], evidence: str, proof: int) -> None:
    """What was owed under these keys is done: in time, or late."""
    if keys:
        of_these = _open(incident_id) & table.c.key.in_(keys)
        in_time = case((table.c.due_at < tx.now, State.LATE), else_=State.MET)
        ended = {**_end(tx, State.MET, evidence, proof), "state": in_time}
        tx.run(table.update().where(of_these).values(**ended))


def postpone(tx: Tx, incident_id: str, duty: Duty) -> bool:
    """Let an open duty that is not overdue fall due at another time; False if there is none."""
    standing = _open(incident_id) & (table.c.key == duty.key) & table.c.overdue_at.is_(None)
    values = {"due_at": duty.due_at, "act_at": first_act(duty, tx.now), "warned_at": None}
    tx.wakes = True
    return tx.run(table.update().where(standing).values(**values)).rowcount > 0


def settle_answers(tx: Tx, incident_id: str, state: State, evidence: str, proof: int) -> None:
    """Settle every open wait for an answer to a page of one incident."""
    waits = _open(incident_id) & (table.c.kind == Kind.ANSWER)
    tx.run(table.update().where(waits).values(**_end(tx, state, evidence, proof)))


def settle_quiet(tx: Tx, incident_id: str, evidence: str, proof: int) -> None:
    """The incident does not resolve itself any more."""
    waits = _open(incident_id) & (table.c.kind == Kind.QUIET)
    tx.run(table.update().where(waits).values(**_end(tx, State.VOID, evidence, proof)))


def hurry_answer(tx: Tx, incident_id: str, step: int) -> None:
    """Nobody can answer this step's page any more: let its wait fall due now."""
    wait = _open(incident_id) & (table.c.key == f"{ANSWER_PREFIX}{step}")
    tx.run(table.update().where(wait).values(due_at=tx.now, act_at=tx.now))
    tx.wakes = True


def answer_due(tx: Tx, incident_id: str, step: int) -> datetime | None:
    """Until when this step waits for an answer; None where it does not wait any more."""
    wait = _open(incident_id) & (table.c.key == f"{ANSWER_PREFIX}{step}")
    due_at: datetime | None = tx.scalar(select(table.c.due_at).where(wait))
    return due_at


# ---- What time does -------------------------------------------------------------------------------------------------
# These change rows that the unit of work has locked, or whose incident it has.


def end(tx: Tx, obligation_id: str, state: State, evidence: str, proof: int | None = None) -> None:
    tx.put(table, obligation_id, _end(tx, state, evidence, proof))


def warned(tx: Tx, obligation: Obligation) -> None:
    """Its owner is reminded now; next, it falls due."""
    tx.put(table, obligation.id, {"warned_at": tx.now, "act_at": obligation.due_at})


def hold(tx: Tx, obligation: Obligation, until: datetime) -> None:
    """Its owner is not reminded before this instant; when it is due does not change."""
    tx.put(table, obligation.id, {"act_at": min(until, obligation.due_at)})


def release(tx: Tx, incident_id: str, until: datetime) -> None:
    """What was held until then need not wait any more."""
    held = _open(incident_id) & (table.c.act_at == until) & (table.c.due_at > until) & table.c.warned_at.is_(None)
    tx.run(table.update().where(held).values(act_at=tx.now))
    tx.wakes = True


def fell_due(tx: Tx, obligation: Obligation) -> None:
    """It is overdue, and stays open until it is done, given up, or cannot be done any more."""
    tx.put(table, obligation.id, {"overdue_at": tx.now, "act_at": obligation.given_up_at})


def first_due(now: datetime, limit: int) -> Subquery:
    """The incidents with which time has something to do, and since when; the soonest, from so many obligations."""
    due = _IS_OPEN & (table.c.act_at <= now) & table.c.incident_id.is_not(None)
    some = select(table.c.incident_id, table.c.act_at).where(due).order_by(table.c.act_at).limit(limit).subquery()
    first = func.min(some.c.act_at, type_=Instant).label("act_at")
    return select(some.c.incident_id, first).group_by(some.c.incident_id).subquery()


def due_of(tx: Tx, incident_ids: Collection[str]) -> dict[str, list[Obligation]]:
    """What is due of incidents that this unit of work has locked, soonest first."""
    found: dict[str, list[Obligation]] = {}
    if incident_ids:
        due = _IS_OPEN & (table.c.act_at <= tx.now) & table.c.incident_id.in_(list(incident_ids))
        for row in tx.all(select(table).where(due).order_by(table.c.due_at, table.c.key)):
            found.setdefault(row.incident_id, []).append(_obligation(row))
    return found


def claim_looks(tx: Tx, limit: int) -> list[Obligation]:
    """What belongs to no incident and is due now: looks, mostly. Soonest first, locked until this unit of work ends.

    Other nodes pass over locked rows, so that two nodes never take the same one.
    """
    due = _IS_OPEN & (table.c.act_at <= tx.now) & table.c.incident_id.is_(None)
    wanted = select(table).where(due).order_by(table.c.act_at).limit(limit).with_for_update(skip_locked=True)
    return [_obligation(row) for row in tx.all(wanted)]


def of_keys(tx: Tx, keys: Collection[str]) -> list[Obligation]:
    """Those of these keys that belong to no incident, however they stand."""
    these = table.c.incident_id.is_(None) & table.c.key.in_(list(keys))
    return [_obligation(row) for row in tx.all(select(table).where(these))] if keys else []


def hurry(tx: Tx, kind: Kind) -> None:
    """What is looked at again and again is looked at now: something that it looks at has changed."""
    standing = (table.c.kind == kind) & _IS_OPEN
    tx.run(table.update().where(standing).values(due_at=tx.now, act_at=tx.now))
    tx.wakes = True


def renew(tx: Tx, obligation: Obligation, due_at: datetime) -> None:
    """Move on an obligation that recurs and that `claim_due` has locked."""
    tx.put(table, obligation.id, {"due_at": due_at, "act_at": due_at})


def next_due(tx: Tx) -> datetime | None:
    """When time next has something to do with an open obligation."""
    soonest: datetime | None = tx.scalar(_NEXT)
    return soonest


_NEXT = select(func.min(table.c.act_at)).where(_IS_OPEN)


# ---- Reading --------------------------------------------------------------------------------------------------------


def for_incident(tx: Tx, incident_id: str) -> list[Obligation]:
    """The whole ledger of an incident: open ones by due time, then settled ones, latest first."""
    return [_obligation(row) for row in sight.rows(tx, _LEDGER, table.c.incident_id, {"incident": incident_id})]


_LEDGER = (
    select(table)
    .where(table.c.incident_id == bindparam("incident", type_=Text))
    .order_by(case((_IS_OPEN, 0), else_=1), table.c.settled_at.desc(), table.c.due_at)
)


def open_for(tx: Tx, incident_id: str) -> list[Obligation]:
    return [_obligation(row) for row in sight.rows(tx, _OPEN_FOR, table.c.incident_id, {"incident": incident_id})]


_OPEN_FOR = select(table).where(table.c.incident_id == bindparam("incident"), _IS_OPEN).order_by(table.c.due_at)


def open_for_all(tx: Tx, incident_ids: Collection[str]) -> list[Obligation]:
    """What is owed on several incidents, soonest first."""
    owed = table.c.incident_id.in_(list(incident_ids)) & _IS_OPEN
    return _read(tx, select(table).where(owed).order_by(table.c.due_at)) if incident_ids else []


def open_soonest(tx: Tx, incident_ids: Collection[str], limit: int, worst: str = "") -> list[Obligation]:
    """What is owed next for incidents that whoever asks has before them; looks and waits are not shown here. What the
    worst of them has overdue comes first: something long forgotten elsewhere does not stand before it."""
    asked = {"incidents": list(incident_ids), "most": limit, "worst": worst, "now": tx.now}
    return [_obligation(row) for row in tx.all(_SOONEST, asked)] if incident_ids else []


_THESE: BindParameter[Any] = bindparam("incidents", expanding=True)
_IS_LATE_OF_WORST = and_(
    table.c.incident_id == bindparam("worst", type_=Text), table.c.due_at < bindparam("now", type_=Instant)
)
_SOONEST = (
    select(table)
    .where(table.c.incident_id.in_(_THESE), _IS_OPEN)
    .where(table.c.kind.not_in([Kind.LOOK, Kind.CANARY, Kind.COVER, Kind.TURN, Kind.HANDOFF, *WAITS]))
    .order_by(case((_IS_LATE_OF_WORST, 0), else_=1), table.c.due_at)
    .limit(MOST)
)


def count_open(tx: Tx, kind: Kind) -> int:
    """How many of a kind are owed, as far as whoever asks may see them."""
    (counted,) = sight.rows(tx, _OPEN_OF_KIND, table.c.incident_id, {"kind": kind})
    return int(counted[0])


_OPEN_OF_KIND = select(func.count()).select_from(table).where(table.c.kind == bindparam("kind", type_=Text), _IS_OPEN)


def of_incidents(tx: Tx, incident_ids: Collection[str]) -> list[Obligation]:
    """The ledgers of several incidents."""
    if not incident_ids:
        return []
    rows = sight.rows(tx, _OF_INCIDENTS, table.c.incident_id, {"incidents": list(incident_ids)})
    return [_obligation(row) for row in rows]


_OF_INCIDENTS = select(table).where(table.c.incident_id.in_(_THESE))


def broken_since(tx: Tx, incident_ids: Collection[str], instant: datetime) -> list[Obligation]:
    """Those of several incidents that were missed or met late after an instant, the last first."""
    if not incident_ids:
        return []
    asked = {"incidents": list(incident_ids), "since": instant}
    return [_obligation(row) for row in sight.rows(tx, _BROKEN_SINCE, table.c.incident_id, asked)]


_BROKEN_SINCE = _OF_INCIDENTS.where(
    table.c.state.in_([State.MISSED, State.LATE]), table.c.settled_at > bindparam("since", type_=Instant)
).order_by(table.c.settled_at.desc(), table.c.id)


def open_looks(tx: Tx) -> list[Obligation]:
    return open_of(tx, Kind.LOOK)


def open_of(tx: Tx, kind: Kind) -> list[Obligation]:
    """Those of a kind, on whichever incident and on none: for whoever knows which of them may be seen."""
    standing = (table.c.kind == kind) & _IS_OPEN
    return [_obligation(row) for row in tx.all(select(table).where(standing))]


def opened_since(tx: Tx, kind: Kind, instant: datetime) -> list[Obligation]:
    """Those of a kind that belongs to no incident, however they stand."""
    these = (table.c.kind == kind) & table.c.incident_id.is_(None) & (table.c.opened_at >= instant)
    return [_obligation(row) for row in tx.all(select(table).where(these))]


def neglected(tx: Tx, before: datetime) -> int:
    """How many open obligations had to be seen to before this instant; above zero, nobody lets time pass."""
    late = _IS_OPEN & (table.c.act_at < before)
    return int(tx.scalar(select(func.count()).select_from(table).where(late)) or 0)


def _read(tx: Tx, wanted: Select[Any]) -> list[Obligation]:
    """Those of the rows that the actor may see."""
    return [_obligation(row) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))]


def _open(incident_id: str) -> Any:
    return (table.c.incident_id == incident_id) & _IS_OPEN


def _end(tx: Tx, state: State, evidence: str, proof: int | None) -> dict[str, Any]:
    by = tx.actor.handle
    return {"state": state, "settled_at": tx.now, "settled_by": by, "evidence": evidence, "proof": proof}


_NAMES = tuple(table.c.keys())
_KINDS, _STATES = {kind.value: kind for kind in Kind}, {state.value: state for state in State}


def _obligation(row: Row[Any]) -> Obligation:
    """A row of the whole table as an obligation; thousands fall due together."""
    values = dict(zip(_NAMES, row, strict=True))
    values["kind"], values["state"] = _KINDS[values["kind"]], _STATES[values["state"]]
    return made(Obligation, values)
