"""What became of each message, step by step: rows that are only ever added."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Integer, Row, Table, Text, func, select, union_all

from tocsin.db import sight
from tocsin.db.columns import AutoKey, Instant, metadata
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import TEST, Dead, Delivered, Message, MessageState, Result, Retry

table = Table(
    "receipt",
    metadata,
    Column("id", AutoKey, primary_key=True),
    Column("message_id", Text),
    Column("page_id", Text),
    Column("at", Instant),
    Column("kind", Text),
    Column("provider", Text),
    Column("provider_id", Text),
    Column("detail", Text),
    Column("took", Integer),
)


class ReceiptKind(StrEnum):
    SENT = "sent"  # the provider has taken it
    DEFERRED = "deferred"  # an attempt that failed, or was not made; it is tried again
    FAILED = "failed"  # it never will arrive
    DELIVERED = "delivered"  # the provider says that it has arrived
    UNDELIVERED = "undelivered"  # the provider took it and could not bring it there
    OPENED = "opened"  # its link was looked at: by the person, or by whatever looks at links in mails
    ANSWERED = "answered"  # somebody acted through it
    RESENT = "resent"  # a person had it sent again


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """`took` is how long the attempt lasted."""

    message_id: str
    page_id: str | None = None
    at: datetime
    kind: ReceiptKind
    provider: str = ""
    provider_id: str = ""
    detail: str = ""
    took: timedelta | None = None


def add(tx: Tx, message: Message, kind: ReceiptKind, detail: str = "", **about: Any) -> None:
    """Note what happened to a message now."""
    took: timedelta | None = about.pop("took", None)
    row = {
        "message_id": message.id,
        "page_id": message.page_id,
        "at": tx.now,
        "kind": kind,
        "provider": "",
        "provider_id": "",
        "detail": detail,
        "took": None if took is None else took // timedelta(milliseconds=1),
        **about,
    }
    tx.run(table.insert().values(row))


def attempted(tx: Tx, message: Message, result: Result, took: timedelta, *, gave_up: bool) -> None:
    """Note what came of an attempt."""
    match result:
        case Delivered():
            about = {"provider": result.provider or message.channel, "provider_id": result.provider_id}
            add(tx, message, ReceiptKind.SENT, took=took, **about)
        case Retry() if not gave_up:
            add(tx, message, ReceiptKind.DEFERRED, result.reason, took=took)
        case Retry() | Dead():
            add(tx, message, ReceiptKind.FAILED, result.reason, took=took)


def of_messages(tx: Tx, message_ids: Collection[str]) -> dict[str, list[Receipt]]:
    """What became of each of these messages, the oldest first."""
    found: dict[str, list[Receipt]] = defaultdict(list)
    if message_ids:
        wanted = select(table).where(table.c.message_id.in_(list(message_ids))).order_by(table.c.id)
        for row in tx.all(wanted):
            found[row.message_id].append(_receipt(row))
    return found


def _receipt(row: Row[Any]) -> Receipt:
    took = None if row.took is None else timedelta(milliseconds=row.took)
    named = {name: row._mapping[name] for name in ("message_id", "page_id", "at", "provider", "provider_id", "detail")}
    return Receipt(kind=ReceiptKind(row.kind), took=took, **named)


# ---- What was sent, with what became of it ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A message of a page or of a test, without what it says. `has_failed` if it never will arrive."""

    id: str
    page_id: str
    person: str
    channel: str
    is_test: bool
    created_at: datetime
    meant_at: datetime
    has_failed: bool
    receipts: Sequence[Receipt]


def sent_for_pages(tx: Tx, start: datetime, end: datetime) -> list[Sent]:
    """What was to leave for somebody in a period, as far as the reader may know of it, the first first; but for what
    was withdrawn before it left."""
    columns = outbox.table.c
    when = func.coalesce(columns.meant_at, columns.created_at, type_=Instant)
    these = columns.page_id.is_not(None) & columns.person.is_not(None)
    left = columns.withdrawn_at.is_(None) | columns.sent_at.is_not(None)
    about = (columns.id, columns.page_id, columns.person, columns.channel, columns.audience, columns.created_at)
    chosen = select(*about, columns.state, columns.withdrawn_at, when.label("meant_at")).where(these & left)
    seen = sight.within(tx, chosen, columns.incident_id)
    # Not by `when`, and not in one: each of the two is found by the index.
    meant = seen.where((columns.meant_at >= start) & (columns.meant_at < end))
    at_once = seen.where(columns.meant_at.is_(None) & (columns.created_at >= start) & (columns.created_at < end))
    rows = tx.all(union_all(meant, at_once).order_by("created_at", "id"))
    kept: dict[str, list[Receipt]] = defaultdict(list)
    for row in tx.all(select(table).where(table.c.page_id.is_not(None) & (table.c.at >= start)).order_by(table.c.id)):
        kept[row.message_id].append(_receipt(row))
    return [_sent(row, kept.get(row.id, [])) for row in rows]


def _sent(row: Row[Any], receipts: Sequence[Receipt]) -> Sent:
    return Sent(
        id=row.id,
        page_id=row.page_id,
        person=row.person,
        channel=row.channel,
        is_test=row.audience == TEST,
        created_at=row.created_at,
        meant_at=row.meant_at,
        has_failed=row.state == MessageState.DEAD and row.withdrawn_at is None,
        receipts=receipts,
    )
