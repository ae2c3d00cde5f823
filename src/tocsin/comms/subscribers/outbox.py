"""Messages to subscribers, apart from those that wake somebody: however many wait here, no page stands behind them.

An announcement is spread in chunks. Its row holds how far that came, so that whoever goes on after a crash goes on
there; a message is named by its announcement and its subscriber, so that nobody can be told twice. A message holds no
address: that is looked up when it leaves, and whoever has left meanwhile is told nothing more.
"""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, ColumnElement, Integer, Row, Table, Text, and_, func, select

from tocsin.comms.subscribers import store
from tocsin.comms.subscribers.announcing import Announcement, Kind
from tocsin.comms.subscribers.model import Note, State, Subscriber, concerns
from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Overtaken, Tx
from tocsin.delivery.channel import Dead, Delivered, MessageState, Result, Retry
from tocsin.delivery.outbox import GIVE_UP_AFTER, backoff
from tocsin.plan.model import Way

CHUNK = 500  # subscribers that one unit of work looks at
LEASE = timedelta(seconds=90)  # longer than a message may travel
KEPT_FOR = timedelta(days=30)  # of what was sent, that it was
THINNED_AT_ONCE = 2000

announcements = Table(
    "announcement",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text),
    Column("about", Text),
    Column("name", Text),
    Column("stage", Text),
    Column("text", Text),
    Column("parts", Json),
    Column("affects", Text),
    Column("path", Text),
    Column("at", Instant),
    Column("corrects", Text),
    Column("reached", Text),
    Column("told", Integer),
    Column("done_at", Instant),
)

table = Table(
    "subscriber_message",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subscriber_id", Text),
    Column("announcement_id", Text),
    Column("kind", Text),
    Column("lane", Text),
    Column("created_at", Instant),
    Column("send_at", Instant),
    Column("state", Text),
    Column("attempts", Integer),
    Column("last_error", Text),
    Column("sent_at", Instant),
    Column("leased_by", Text),
)


@dataclass(frozen=True, kw_only=True)
class Due:
    """A message that leaves now. `id` is its dedup key, the same at each attempt."""

    id: str
    kind: Note
    announcement_id: str | None
    lane: str
    created_at: datetime
    attempts: int
    subscriber: Subscriber


@dataclass(frozen=True)
class Kept:
    """A message of the last weeks, as its subscriber may have it exported."""

    id: str
    kind: str
    announcement_id: str | None
    state: str
    created_at: datetime
    sent_at: datetime | None
    last_error: str


# ---- Announcing ----


def announce(tx: Tx, one: Announcement) -> None:
    """Begin to tell subscribers: who they are is looked up afterwards, a chunk at a time."""
    lists = {"parts": list(one.parts), "affects": "\n".join(one.affects)}
    row = {**vars(one), **lists, "reached": "", "told": 0, "done_at": None}
    tx.run(announcements.insert().values(row))
    tx.wakes = True


def announced(tx: Tx, about: str) -> frozenset[str]:
    """What was announced of an incident or a window."""
    return frozenset(row.id for row in tx.all(select(announcements.c.id).where(announcements.c.about == about)))


def announcement(tx: Tx, announcement_id: str) -> Announcement | None:
    row = tx.first(select(announcements).where(announcements.c.id == announcement_id))
    return _announcement(row) if row else None


def spread(tx: Tx, ways: Collection[Way], known: Collection[str], chunk: int = CHUNK) -> bool:
    """Queue what is announced for the next chunk of subscribers. `ways` are those of the plan, `known` its parts.
    Returns whether there was anything to do."""
    undone = select(announcements).where(announcements.c.done_at.is_(None))
    # What is corrected goes before what corrects it, even in one instant: whoever gets the first is known by then.
    row = tx.first(undone.order_by(announcements.c.at, announcements.c.corrects != "").limit(1))
    if row is None:
        return False
    found = _next_chunk(tx, row, ways, chunk)
    told = [one for one in found if row.corrects or concerns(one, row.parts, known)]
    reached = found[-1].id if found else row.reached
    values = {"reached": reached, "told": row.told + len(told)}
    if len(found) < chunk:
        values["done_at"] = tx.now
    # Whoever spreads this chunk at the same time has moved the mark first: then this one is run again, further on.
    still = (
        (announcements.c.id == row.id) & (announcements.c.reached == row.reached) & announcements.c.done_at.is_(None)
    )
    if tx.run(announcements.update().where(still).values(values)).rowcount != 1:
        raise Overtaken
    for one in told:
        _queue(tx, one, f"{row.id}-{one.id}", Note.TOLD, row.id)
    return True


def has_news(tx: Tx) -> bool:
    """Whether something is to be spread."""
    return tx.first(select(announcements.c.id).where(announcements.c.done_at.is_(None)).limit(1)) is not None


def _next_chunk(tx: Tx, row: Row[Any], ways: Collection[Way], chunk: int) -> list[Subscriber]:
    """Those who had confirmed when it was announced; whoever came later reads the page. Of a correction: those who were
    told, or will be, what it corrects."""
    those = (store.table.c.state == State.ACTIVE) & (store.table.c.id > row.reached)
    those &= store.table.c.way.in_(list(ways)) & (store.table.c.confirmed_at <= row.at)
    if row.corrects:
        first = (table.c.announcement_id == row.corrects) & (table.c.state != MessageState.DEAD)
        those &= store.table.c.id.in_(select(table.c.subscriber_id).where(first))
    chosen = select(store.table).where(those).order_by(store.table.c.id).limit(chunk)
    return [store.subscriber(one) for one in tx.all(chosen)]


def take_back(tx: Tx, about: str) -> None:
    """Nobody is to hear of this any more: what has not left stays, and the words are kept no longer."""
    of_this = select(announcements.c.id).where(announcements.c.about == about)
    tx.run(table.delete().where((table.c.state == MessageState.QUEUED) & table.c.announcement_id.in_(of_this)))
    concerned = announcements.c.about == about
    tx.run(announcements.update().where(concerned & announcements.c.done_at.is_(None)).values(done_at=tx.now))
    tx.run(announcements.update().where(concerned).values(name="", text="", affects=""))


def notify(tx: Tx, one: Subscriber, kind: Note, mark: str) -> None:
    """Queue a message about the subscription itself, once for each `mark`."""
    _queue(tx, one, f"{one.id}-{kind}-{mark}", kind, None)
    tx.wakes = True


def _queue(tx: Tx, one: Subscriber, key: str, kind: Note, announcement_id: str | None) -> None:
    row = {
        "id": key,
        "subscriber_id": one.id,
        "announcement_id": announcement_id,
        "kind": kind,
        "lane": lane_of(one),
        "created_at": tx.now,
        "send_at": tx.now,
        "state": MessageState.QUEUED,
        "attempts": 0,
        "last_error": "",
        "sent_at": None,
        "leased_by": None,
    }
    tx.add(table, row)


def lane_of(one: Subscriber) -> str:
    """Whom a message waits for: the mail server, or the host that it goes to. The webhooks of one host belong to people
    who don't know each other: each is a lane of its own there."""
    if one.way is Way.EMAIL:
        return one.way
    host = f"{one.way} {urlsplit(one.address).hostname}"
    return f"{host} {one.id}" if one.way is Way.WEBHOOK else host


def host_of(lane: str) -> str:
    """The way and the host of a lane, which others may share with it."""
    return " ".join(lane.split(" ", 2)[:2])


@dataclass(frozen=True)
class Held:
    """Lanes that nothing leaves by now, and hosts that enough is on its way to already."""

    lanes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def others(self) -> ColumnElement[bool]:
        full = (table.c.lane.startswith(f"{host} ", autoescape=True) for host in self.hosts)
        return and_(table.c.lane.not_in(self.lanes), *(~one for one in full))


# ---- Leaving ----


def due_lanes(tx: Tx, limit: int, held: Held) -> list[str]:
    due = (table.c.state == MessageState.QUEUED) & (table.c.send_at <= tx.now) & held.others()
    return [row.lane for row in tx.all(select(table.c.lane).where(due).distinct().limit(limit))]


def claim(tx: Tx, lane: str, limit: int, by: str | None) -> list[Due]:
    """Lease messages that are due, the oldest first. If we die before `record`, they fall due again."""
    due = (table.c.state == MessageState.QUEUED) & (table.c.send_at <= tx.now) & (table.c.lane == lane)
    joined = table.join(store.table, store.table.c.id == table.c.subscriber_id)
    columns = [table.c.id.label("message_id"), table.c.kind, table.c.announcement_id, table.c.lane, table.c.attempts]
    chosen = select(*columns, table.c.created_at, store.table).select_from(joined).where(due)
    rows = tx.all(chosen.order_by(table.c.send_at).limit(limit).with_for_update(skip_locked=True, of=table))
    for row in rows:
        leased = {"send_at": tx.now + LEASE, "attempts": row.attempts + 1, "leased_by": by}
        tx.put(table, row.message_id, leased)
    return [_due(row) for row in rows]


def record(tx: Tx, one: Due, result: Result) -> bool:
    """Write down what came of an attempt. True if it will never arrive."""
    match result:
        case Delivered():
            tx.put(table, one.id, {"state": MessageState.SENT, "sent_at": tx.now, "last_error": "", "leased_by": None})
            return False
        case Retry() if tx.now - one.created_at < GIVE_UP_AFTER:
            wait = result.after or backoff(one.attempts, zlib.crc32(one.id.encode()) / 2**32)
            tx.put(table, one.id, {"send_at": tx.now + wait, "last_error": result.reason, "leased_by": None})
            return False
        case Retry() | Dead():
            tx.put(table, one.id, {"state": MessageState.DEAD, "last_error": result.reason, "leased_by": None})
            return True


def put_back(tx: Tx, one: Due) -> None:
    """Let a leased message fall due again without having tried it."""
    tx.put(table, one.id, {"send_at": tx.now, "attempts": one.attempts - 1, "leased_by": None})


def drop(tx: Tx, subscriber_id: str) -> None:
    """Nothing more goes there, and nothing is known of what did."""
    tx.run(table.delete().where(table.c.subscriber_id == subscriber_id))


def withhold(tx: Tx, subscriber_id: str) -> None:
    """Nothing more goes there for now."""
    tx.run(table.delete().where((table.c.subscriber_id == subscriber_id) & (table.c.state == MessageState.QUEUED)))


def holders(tx: Tx) -> list[str]:
    leased = (table.c.state == MessageState.QUEUED) & table.c.leased_by.is_not(None)
    return [str(row.leased_by) for row in tx.all(select(table.c.leased_by).where(leased).distinct())]


def free(tx: Tx, holder: str) -> int:
    """Let what a node that is gone had leased fall due now, under the keys that it had."""
    held: ColumnElement[bool] = (table.c.state == MessageState.QUEUED) & (table.c.leased_by == holder)
    return tx.run(table.update().where(held).values(send_at=tx.now, leased_by=None)).rowcount


def next_due(tx: Tx, held: Held) -> datetime | None:
    """When there is something to spread, or to send where nothing is held."""
    at: datetime | None = tx.scalar(select(func.min(announcements.c.at)).where(announcements.c.done_at.is_(None)))
    queued = (table.c.state == MessageState.QUEUED) & held.others()
    soonest: datetime | None = tx.scalar(select(func.min(table.c.send_at)).where(queued))
    return min((one for one in (at, soonest) if one), default=None)


def waiting(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(table).where(table.c.state == MessageState.QUEUED)) or 0)


def sent_to(tx: Tx, subscriber_id: str) -> Sequence[Kept]:
    wanted = select(table).where(table.c.subscriber_id == subscriber_id).order_by(table.c.created_at, table.c.id)
    return [
        Kept(row.id, row.kind, row.announcement_id, row.state, row.created_at, row.sent_at, row.last_error)
        for row in tx.all(wanted)
    ]


def thin(tx: Tx) -> int:
    """Forget what was sent some weeks ago, a few rows at a time."""
    old = (table.c.created_at < tx.now - KEPT_FOR) & (table.c.state != MessageState.QUEUED)
    few = select(table.c.id).where(old).limit(THINNED_AT_ONCE)
    return tx.run(table.delete().where(table.c.id.in_(few))).rowcount


def _due(row: Row[Any]) -> Due:
    return Due(
        id=row.message_id,
        kind=Note(row.kind),
        announcement_id=row.announcement_id,
        lane=row.lane,
        created_at=row.created_at,
        attempts=row.attempts + 1,
        subscriber=store.subscriber(row),
    )


def _announcement(row: Row[Any]) -> Announcement:
    named = {name: row._mapping[name] for name in ("id", "about", "name", "stage", "text", "path", "at", "corrects")}
    affects = tuple(row.affects.split("\n")) if row.affects else ()
    return Announcement(**named, kind=Kind(row.kind), parts=tuple(row.parts), affects=affects)
