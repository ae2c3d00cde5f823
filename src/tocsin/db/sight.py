"""Whose eyes a unit of work has: a confidential incident exists for its readers alone.

Stores pass what they read through `within`. The unit of work's actor decides what comes out: the program itself sees
everything, a person what is confidential only as a reader of it, a token only with the right that says so by name, and
a stranger nothing. So what a reader may not see is left out where rows are chosen, before anything is counted, paged or
shown, and an incident that may not be seen can't be told from one that does not exist.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, Text, bindparam, delete, exists, or_, select, true

from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.actor import CONFIDENTIAL, ActorKind

confidential = Table("confidential", metadata, Column("incident_id", Text, primary_key=True))
reader = Table(
    "reader",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("handle", Text, primary_key=True),
    Column("until", Instant),  # NULL: for good
)

_LET_IN, _SEES_ALL, _STRANGERS = "let in", "sees all", "as strangers see"


def within(tx: Tx, wanted: Select[Any], incident_id: ColumnElement[Any]) -> Select[Any]:
    """The statement, for those of its rows that the actor may see. What belongs to no incident is for everybody."""
    those = eyes(tx)
    return wanted if those.sees_all else wanted.where(_seen(those, incident_id, tx.actor.handle, tx.now))


@dataclass(frozen=True)
class Eyes:
    """What a unit of work may see, as far as that shapes its statements."""

    sees_all: bool
    reads: bool  # what is confidential, as a reader of it
    let_in: frozenset[str]


def eyes(tx: Tx) -> Eyes:
    is_stranger = _STRANGERS in tx.memo
    known: set[str] = set() if is_stranger else tx.memo.get(_LET_IN, set())
    reads = tx.actor.kind is ActorKind.PERSON and not is_stranger
    return Eyes(True, False, frozenset()) if _sees_all(tx) else Eyes(False, reads, frozenset(known))


def through(those: Eyes, wanted: Select[Any], incident_id: ColumnElement[Any]) -> Select[Any]:
    """The statement for everybody with such eyes: it can be built once, and is run with what `given` says."""
    return wanted if those.sees_all else wanted.where(_seen(those, incident_id, *_ASKING))


_ASKING = bindparam("eyes_of", type_=Text), bindparam("eyes_at", type_=Instant)


def given(tx: Tx) -> dict[str, Any]:
    return {"eyes_of": tx.actor.handle, "eyes_at": tx.now}


def rows(
    tx: Tx, wanted: Select[Any], incident_id: ColumnElement[Any], parameters: Mapping[str, Any] | None = None
) -> list[Row[Any]]:
    """What the actor may see of the rows of a statement that is a constant: what every page asks is built once."""
    return tx.all(_standing(eyes(tx), wanted, incident_id), {**given(tx), **(parameters or {})})


@lru_cache(maxsize=200)
def _standing(those: Eyes, wanted: Select[Any], incident_id: ColumnElement[Any]) -> Select[Any]:
    return through(those, wanted, incident_id)


def unseen(tx: Tx, incident_ids: Collection[str]) -> set[str]:
    """Those of these incidents that the actor may not see."""
    if not incident_ids or _sees_all(tx):
        return set()
    hidden = hidden_of(tx, incident_ids)
    if _STRANGERS in tx.memo:
        return hidden
    if hidden and tx.actor.kind is ActorKind.PERSON:
        mine = reader.c.incident_id.in_(sorted(hidden)) & (reader.c.handle == tx.actor.handle) & _in_time(tx)
        hidden -= {row.incident_id for row in tx.all(select(reader.c.incident_id).where(mine))}
    known: set[str] = tx.memo.get(_LET_IN, set())
    return hidden - known


def all_unseen(tx: Tx) -> frozenset[str]:
    """Every incident that the actor may not see: who share them see the same record."""
    those = eyes(tx)
    if those.sees_all:
        return frozenset()
    known = _UNSEEN_BY[those.reads]
    return frozenset(row.incident_id for row in tx.all(known, given(tx) if those.reads else {})) - those.let_in


def hidden_of(tx: Tx, incident_ids: Collection[str]) -> set[str]:
    """Those of these incidents that are there for their readers alone, whoever asks."""
    these = confidential.c.incident_id.in_(sorted(incident_ids))
    return {row.incident_id for row in tx.all(select(confidential.c.incident_id).where(these))}


def let_in(tx: Tx, incident_id: str) -> None:
    """This unit of work has the incident before it already: what belongs to it may be read with it."""
    tx.memo.setdefault(_LET_IN, set()).add(incident_id)


def see_everything(tx: Tx) -> None:
    """For the rest of this unit of work nothing is hidden: only for what shows nobody what it sees."""
    tx.memo[_SEES_ALL] = True


@contextmanager
def of_strangers(tx: Tx) -> Iterator[None]:
    """For as long as the block lasts nothing confidential is seen, whoever acts: for what anybody may come to read."""
    tx.memo[_STRANGERS] = True
    try:
        yield
    finally:
        del tx.memo[_STRANGERS]


def seen_by(tx: Tx, handles: Collection[str]) -> dict[str, frozenset[str]]:
    """What of the confidential each of these people may see at this instant."""
    found: dict[str, set[str]] = {handle: set() for handle in handles}
    mine = reader.c.handle.in_(sorted(found)) & _in_time(tx)
    for row in tx.all(select(reader.c.incident_id, reader.c.handle).where(mine)) if found else ():
        found[row.handle].add(row.incident_id)
    return {handle: frozenset(ids) for handle, ids in found.items()}


def write(
    tx: Tx, incident_id: str, before: Mapping[str, datetime | None], after: Mapping[str, datetime | None]
) -> None:
    """Make the readers of a confidential incident those of `after`; `before` are those who are written already."""
    gone = [handle for handle, until in before.items() if handle not in after or after[handle] != until]
    if gone:
        tx.run(delete(reader).where((reader.c.incident_id == incident_id) & reader.c.handle.in_(gone)))
    for handle, until in after.items():
        if handle not in before or handle in gone:
            tx.add(reader, {"incident_id": incident_id, "handle": handle, "until": until})


def hide(tx: Tx, incident_id: str) -> None:
    """From here on the incident is there for its readers alone."""
    tx.add(confidential, {"incident_id": incident_id})


def show(tx: Tx, incident_id: str) -> None:
    """From here on everybody may see the incident."""
    for table in (reader, confidential):
        tx.run(delete(table).where(table.c.incident_id == incident_id))


def is_hidden(tx: Tx, incident_id: str) -> bool:
    return tx.first(select(confidential.c.incident_id).where(confidential.c.incident_id == incident_id)) is not None


def _sees_all(tx: Tx) -> bool:
    actor = tx.actor
    if _STRANGERS in tx.memo:
        return False
    by_right = actor.kind is ActorKind.TOKEN and CONFIDENTIAL in actor.rights
    return actor.kind is ActorKind.SYSTEM or by_right or _SEES_ALL in tx.memo


def _seen(those: Eyes, incident_id: ColumnElement[Any], handle: Any, at: Any) -> ColumnElement[bool]:
    hidden = (confidential.c.incident_id == incident_id) & _hidden_from(those, handle, at)
    seen = ~exists(select(confidential.c.incident_id).where(hidden).correlate(incident_id.table))
    return or_(seen, incident_id.in_(sorted(those.let_in))) if those.let_in else seen


def _hidden_from(those: Eyes, handle: Any, at: Any) -> ColumnElement[bool]:
    """Of what is confidential, whatever such eyes do not see."""
    if not those.reads:
        return true()
    mine = (reader.c.incident_id == confidential.c.incident_id) & (reader.c.handle == handle)
    is_reader = mine & (reader.c.until.is_(None) | (reader.c.until > at))
    return ~exists(select(reader.c.handle).where(is_reader).correlate(confidential))


def _in_time(tx: Tx) -> ColumnElement[bool]:
    return reader.c.until.is_(None) | (reader.c.until > tx.now)


_UNSEEN_BY = {
    reads: select(confidential.c.incident_id).where(_hidden_from(Eyes(False, reads, frozenset()), *_ASKING))
    for reads in (False, True)
}
