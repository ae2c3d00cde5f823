"""Subscribers as rows, and what was done with them. An address stands in one row only: erasing that erases it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, Row, Table, Text, func, select

from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.db.columns import SEALED, AutoKey, Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.plan.model import Way

UNCONFIRMED_FOR = timedelta(days=2)

table = Table(
    "subscriber",
    metadata,
    Column("id", Text, primary_key=True),
    Column("place", Text),
    Column("way", Text),
    Column("address", Text),
    Column("secret", Text, info=SEALED),
    Column("parts", Json),
    Column("language", Text),
    Column("state", Text),
    Column("made_at", Instant),
    Column("made_by", Text),
    Column("consent", Text),
    Column("confirmed_at", Instant),
    Column("asked_at", Instant),
    Column("asked", Integer),
    Column("failures", Integer),
    Column("failed_at", Instant),
    Column("last_error", Text),
    Column("off_at", Instant),
)

acts = Table(
    "subscriber_act",
    metadata,
    Column("id", AutoKey, primary_key=True),
    Column("at", Instant),
    Column("by", Text),
    Column("what", Text),
    Column("subscriber_id", Text),
    Column("detail", Text),
)


_COLUMNS = tuple(column.name for column in table.columns)


class NoSuchSubscriber(NotFound):
    """There is no such subscriber; they may have left, or were erased."""


@dataclass(frozen=True)
class Act:
    """Something that was done with a subscriber. It holds no address."""

    at: datetime
    by: str
    what: str
    subscriber_id: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which subscribers a list is to show. `text` stands in the address; `after` is the last id of the page before."""

    state: State | None = None
    way: Way | None = None
    text: str = ""
    after: str = ""
    limit: int = 50


def place_of(way: Way, where: str) -> str:
    """The same for the same place, however often somebody asks for it."""
    return hashlib.sha256(f"{way}\0{where}".encode()).hexdigest()


def add(tx: Tx, one: Subscriber, place: str) -> None:
    tx.add(table, {**vars(one), "parts": list(one.parts), "place": place})


def put(tx: Tx, subscriber_id: str, **values: Any) -> None:
    tx.put(table, subscriber_id, values)


def load(tx: Tx, subscriber_id: str) -> Subscriber:
    """Raises NoSuchSubscriber."""
    row = tx.first(select(table).where(table.c.id == subscriber_id))
    if row is None:
        raise NoSuchSubscriber
    return subscriber(row)


def at_place(tx: Tx, place: str) -> Subscriber | None:
    row = tx.first(select(table).where(table.c.place == place))
    return subscriber(row) if row else None


def known_places(tx: Tx, places: Sequence[str]) -> set[str]:
    return {row.place for row in tx.all(select(table.c.place).where(table.c.place.in_(list(places))))}


def remove(tx: Tx, subscriber_id: str) -> bool:
    """Erase somebody. The first caller gets True."""
    return tx.run(table.delete().where(table.c.id == subscriber_id)).rowcount == 1


def forget_unconfirmed(tx: Tx) -> int:
    """Whoever never said yes may never have asked: their address is not kept."""
    last = func.coalesce(table.c.asked_at, table.c.made_at, type_=Instant)
    old = (table.c.state == State.UNCONFIRMED) & (last < tx.now - UNCONFIRMED_FOR)
    return tx.run(table.delete().where(old)).rowcount


def counts(tx: Tx) -> dict[tuple[Way, State], int]:
    grouped = select(table.c.way, table.c.state, func.count().label("count")).group_by(table.c.way, table.c.state)
    return {(Way(row.way), State(row.state)): int(row._mapping["count"]) for row in tx.all(grouped)}


def unconfirmed(tx: Tx) -> int:
    waiting = select(func.count()).select_from(table).where(table.c.state == State.UNCONFIRMED)
    return int(tx.scalar(waiting) or 0)


def listing(tx: Tx, wanted: Wanted) -> list[Subscriber]:
    """A page of them, by id."""
    chosen: ColumnElement[bool] = table.c.id > wanted.after
    if wanted.state:
        chosen &= table.c.state == wanted.state
    if wanted.way:
        chosen &= table.c.way == wanted.way
    if wanted.text:
        chosen &= func.lower(table.c.address).contains(wanted.text.lower(), autoescape=True)
    return [subscriber(row) for row in tx.all(select(table).where(chosen).order_by(table.c.id).limit(wanted.limit))]


def subscriber(row: Row[Any]) -> Subscriber:
    named = {name: row._mapping[name] for name in _COLUMNS if name not in ("place", "parts", "way", "state")}
    return Subscriber(**named, parts=tuple(row.parts), way=Way(row.way), state=State(row.state))


# ---- What was done ----


def note(tx: Tx, subscriber_id: str, what: str, by: str, detail: str = "") -> None:
    values = {"at": tx.now, "by": by, "what": what, "subscriber_id": subscriber_id, "detail": detail}
    tx.run(acts.insert().values(values))


def acts_of(tx: Tx, subscriber_id: str) -> list[Act]:
    wanted = select(acts).where(acts.c.subscriber_id == subscriber_id).order_by(acts.c.id)
    return [Act(row.at, row.by, row.what, row.subscriber_id, row.detail) for row in tx.all(wanted)]


def latest_acts(tx: Tx, limit: int) -> list[Act]:
    wanted = select(acts).order_by(acts.c.id.desc()).limit(limit)
    return [Act(row.at, row.by, row.what, row.subscriber_id, row.detail) for row in tx.all(wanted)]
