"""What arrived and could not be read, or not be decided: a person sees it, and may have it read again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Table, Text, bindparam, delete, select

from tocsin.db import sight
from tocsin.db.columns import MOST, AutoKey, Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit import redaction
from tocsin.kit.errors import NotFound
from tocsin.signals import formats, store

table = Table(
    "quarantine",
    metadata,
    Column("id", AutoKey, primary_key=True),
    Column("at", Instant),
    Column("source", Text),
    Column("sender", Text),
    Column("reason", Text),
    Column("size", Integer),
    Column("body", Text),
    Column("asked", Json),
    Column("read_at", Instant),
    Column("read_by", Text),
    Column("result", Text),
)

MOST_KEPT = 1000  # bodies; the oldest go first
TELLING = 6  # characters that a key or title has at least, to be taken for the name of a signal
LONGEST_BODY = 64 * 1024  # characters of each that are kept


@dataclass(frozen=True)
class Quarantined:
    id: int
    at: datetime
    source: str
    sender: str
    reason: str
    size: int
    body: str
    asked: dict[str, Any] | None = None  # how the request was addressed, as far as its reader asks
    read_at: datetime | None = None  # when it was read after all
    read_by: str | None = None
    result: str | None = None  # how reading it again went last


class NoSuchBody(NotFound):
    """There is no such body in quarantine."""


def set_aside(tx: Tx, reason: str) -> int:
    """Put the oldest signal of the inbox here, undecided. Returns how many there were: one or none."""
    found = store.take_undecidable(tx)
    for source, body in found:
        keep(tx, source=source, sender="inbox", reason=reason, body=body)
    return len(found)


def keep(tx: Tx, *, source: str, sender: str, reason: str, body: bytes, asked: dict[str, Any] | None = None) -> None:
    """Keep a body that could not be read, but for its secrets, so that a person sees it and has it read again."""
    shown = body.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")[:LONGEST_BODY]
    row = {
        "at": tx.now,
        "source": source,
        "sender": sender,
        "reason": formats.storable(redaction.in_text(reason)),
        "size": len(body),
        "body": redaction.in_body(shown),
        "asked": {**(asked or {}), "is_whole": shown.encode() == body},
    }
    tx.run(table.insert().values(row))
    newest = select(table.c.id).order_by(table.c.id.desc()).offset(MOST_KEPT).limit(1)
    oldest_kept = tx.scalar(newest)
    if oldest_kept is not None:
        tx.run(delete(table).where(table.c.id <= oldest_kept))


def listed(tx: Tx, limit: int = 50, below: int | None = None, source: str = "") -> list[Quarantined]:
    """The latest bodies that could not be read, of all senders or of one. One that names a signal of a confidential
    incident is its readers'."""
    found, below = list[Quarantined](), ID_MOST if below is None else below
    while len(found) < limit:
        rows = tx.all(_OF_SOURCE if source else _LISTED, {"below": below, "most": limit, "source": source})
        found += _telling_nothing(tx, [Quarantined(**row._mapping) for row in rows])
        if len(rows) < limit:
            break
        below = rows[-1].id
    return found[:limit]


def _telling_nothing(tx: Tx, kept: Sequence[Quarantined]) -> list[Quarantined]:
    bodies = "\n".join(one.body for one in kept)  # most words stand in none of them
    told = [word for word in _hidden_words(tx) if word in bodies] if bodies else []
    return [one for one in kept if not any(word in one.body for word in told)]


ID_MOST = 2**63 - 1  # more the database can't even be asked for
_LAST_BELOW = select(table).where(table.c.id < bindparam("below")).order_by(table.c.id.desc())
_LISTED = _LAST_BELOW.limit(MOST)
_OF_SOURCE = _LAST_BELOW.where(table.c.source == bindparam("source")).limit(MOST)


def load(tx: Tx, quarantine_id: int) -> Quarantined:
    """One of them, as far as whoever asks may see it."""
    row = tx.first(select(table).where(table.c.id == min(quarantine_id, ID_MOST)))
    if row is None or any(word in row.body for word in _hidden_words(tx)):
        raise NoSuchBody
    return Quarantined(**row._mapping)


def note_reading(tx: Tx, quarantine_id: int, result: str, *, is_read: bool) -> None:
    """Write down how reading it again went. Who comes second to read it is refused."""
    done = {"read_at": tx.now, "read_by": tx.actor.handle} if is_read else {}
    still = (table.c.id == quarantine_id) & table.c.read_at.is_(None)
    if tx.run(table.update().where(still).values(result=result, **done)).rowcount != 1:
        raise NoSuchBody


def _hidden_words(tx: Tx) -> set[str]:
    """The keys and titles by which a body would name a signal that the actor may not see."""
    unseen = sight.all_unseen(tx)
    words = {word for row in tx.all(_NAMED, {"unseen": list(unseen)}) for word in row} if unseen else set()
    return {word for word in words if len(word) >= TELLING}


_NAMED = select(store.table.c.key, store.table.c.title).where(
    store.table.c.incident_id.in_(bindparam("unseen", expanding=True))
)
