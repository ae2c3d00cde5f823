"""Events on the disk: written with what happened, numbered afterwards, and kept for a month.

An event is written in the unit of work that makes it happen, so that there is one exactly if it did. Its position is
given to it later, by one node at a time: positions appear in their order, and whoever reads on from one misses nothing.
"""

import itertools
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Row, Table, Text, bindparam, delete, func, select

from tocsin.db import sight
from tocsin.db.columns import Instant, Json, bound, metadata
from tocsin.db.engine import Tx
from tocsin.events.model import KEPT_FOR, Event, EventType
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id

table = Table(
    "event",
    metadata,
    Column("id", Text, primary_key=True),
    Column("position", BigInteger),
    Column("type", Text),
    Column("incident_id", Text),
    Column("at", Instant),
    Column("data", Json),
)
head = Table("event_head", metadata, Column("id", BigInteger, primary_key=True), Column("position", BigInteger))

THINNED_AT_ONCE = 2000
_told = itertools.count()  # parts what happens within the same millisecond
_HERE = new_id("", 6)[1:]  # parts what happens in several nodes


class NoSuchEvent(NotFound):
    """There is no such event, or it is more than a month old."""


def tell(tx: Tx, event_type: EventType, data: Mapping[str, Any], incident_id: str | None = None) -> str:
    """Write down that something happened. Ids stand in the order in which one node told of things."""
    event_id = f"evt_{to_millis(tx.now):014d}{next(_told) % 1_000_000:06d}{_HERE}"
    row = {"id": event_id, "position": None, "type": str(event_type), "incident_id": incident_id, "at": tx.now}
    tx.add(table, {**row, "data": msgspec.Raw(msgspec.json.encode(data))})
    tx.wakes = True
    return event_id


def is_new(tx: Tx) -> bool:
    """Whether something has no position yet."""
    return tx.first(select(table.c.id).where(table.c.position.is_(None)).limit(1)) is not None


def number(tx: Tx, limit: int) -> range:
    """Give the next events their positions, and return those. Whoever does that at the same time waits until this is
    written."""
    tx.run(head.update().values(position=head.c.position))
    first = last_position(tx) + 1
    count = tx.run(_NUMBER, {"last": first - 1, "limit": limit}).rowcount
    if count:
        tx.run(head.update().values(position=first + count - 1))
    return range(first, first + count)


_next = (
    select(table.c.id, func.row_number().over(order_by=table.c.id).label("place"))
    .where(table.c.position.is_(None))
    .order_by(table.c.id)
    .limit(bound("limit"))
    .subquery()
)
_NUMBER = (
    table.update().where(table.c.id == _next.c.id).values(position=bindparam("last", type_=BigInteger) + _next.c.place)
)


def at(tx: Tx, positions: range) -> list[Event]:
    """Those with these positions, in their order."""
    wanted = select(table).where(table.c.position.between(positions.start, positions.stop - 1))
    return [_event(row) for row in tx.all(wanted.order_by(table.c.position))]


def last_position(tx: Tx) -> int:
    return int(tx.scalar(select(head.c.position)) or 0)


def forgotten(tx: Tx) -> int:
    """The position up to which events were forgotten."""
    first = tx.scalar(select(func.min(table.c.position)))
    return last_position(tx) if first is None else int(first) - 1


def after(tx: Tx, position: int, limit: int, types: Collection[str] = ()) -> list[Event]:
    """What was told after a position, as far as whoever asks may see it."""
    wanted = select(table).where(table.c.position > position, table.c.type != EventType.TEST)
    wanted = wanted.where(table.c.type.in_(sorted(types))) if types else wanted
    seen = sight.within(tx, wanted, table.c.incident_id).order_by(table.c.position).limit(limit)
    return [_event(row) for row in tx.all(seen)]


def before(tx: Tx, instant: datetime) -> int:
    """The position after which everything happened at this instant or later."""
    found = tx.scalar(select(func.min(table.c.position)).where(table.c.at >= instant))
    return last_position(tx) if found is None else int(found) - 1


def since(tx: Tx, instant: datetime, types: Collection[str], limit: int) -> list[Event]:
    """What happened from an instant on and was told to everybody."""
    wanted = select(table).where(table.c.at >= instant, table.c.position.is_not(None), table.c.type != EventType.TEST)
    wanted = wanted.where(table.c.type.in_(sorted(types))) if types else wanted
    return [_event(row) for row in tx.all(wanted.order_by(table.c.position).limit(limit))]


def load(tx: Tx, event_id: str) -> Event:
    row = tx.first(select(table).where(table.c.id == event_id))
    if row is None:
        raise NoSuchEvent
    return _event(row)


def load_many(tx: Tx, event_ids: Collection[str]) -> dict[str, Event]:
    if not event_ids:
        return {}
    return {row.id: _event(row) for row in tx.all(select(table).where(table.c.id.in_(sorted(event_ids))))}


def thin(tx: Tx) -> None:
    """Forget what is more than a month old, a part of it at a time."""
    old = select(table.c.id).where(table.c.at < tx.now - KEPT_FOR).limit(THINNED_AT_ONCE)
    tx.run(delete(table).where(table.c.id.in_(old)))


def _event(row: Row[Any]) -> Event:
    return Event(**{**row._mapping, "type": EventType(row.type)})
