"""Silences on the record, and which signals they hold back."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, Table, Text, bindparam, case, func, select, tuple_

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.signals import store
from tocsin.signals.silencing import Matcher, Means, Silence, held_back

signal = store.table
silence = Table(
    "silence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matchers", Json),
    Column("service", Text),
    Column("components", Json),
    Column("title", Text),
    Column("text", Text),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("because", Text),
    Column("made_by", Text),
    Column("made_at", Instant),
    Column("ended_at", Instant),
    Column("ended_by", Text),
    Column("extended_at", Instant),
    Column("extended_by", Text),
)
silenced = Table(
    "silenced",
    metadata,
    Column("silence_id", Text, primary_key=True),
    Column("signal_id", Text, primary_key=True),
    Column("at", Instant),
)


class NoSuchSilence(NotFound):
    """There is no such silence."""


def add(tx: Tx, one: Silence) -> None:
    """Put it on the record, where it stays."""
    matchers = [[each.name, each.means, each.value] for each in one.matchers]
    tx.add(silence, {**vars(one), "matchers": matchers, "components": list(one.components)})


def end(tx: Tx, silence_id: str) -> None:
    """It ends now, and what it holds back is decided at once."""
    tx.put(silence, silence_id, {"ended_at": tx.now, "ended_by": tx.actor.handle})
    tx.wakes = True


def extend(tx: Tx, one: Silence, ends_at: datetime) -> None:
    """It ends later, and so does what it holds back now, which says so."""
    tx.put(silence, one.id, {"ends_at": ends_at, "extended_at": tx.now, "extended_by": tx.actor.handle})
    holds = (signal.c.silence_id == one.id) & signal.c.held_until.is_not(None)
    why = func.replace(signal.c.why, held_back(one), held_back(replace(one, ends_at=ends_at)))
    tx.run(signal.update().where(holds).values(held_until=ends_at, why=why))
    tx.wakes = True


def load(tx: Tx, silence_id: str) -> Silence:
    row = tx.first(select(silence).where(silence.c.id == silence_id))
    if row is None:
        raise NoSuchSilence(f"There is no silence {silence_id}.")
    return _silence(row)


def in_force(tx: Tx, at: datetime) -> list[Silence]:
    """Those that are in force at this instant."""
    return [_silence(row) for row in tx.all(_RUNNING, {"at": at})]


_AT = bindparam("at", type_=silence.c.starts_at.type)
_RUNNING = select(silence).where(
    (silence.c.starts_at <= _AT) & (silence.c.ends_at > _AT) & silence.c.ended_at.is_(None)
)


def listing(
    tx: Tx, *, since: datetime, until: datetime | None = None, windows_only: bool = False, limit: int = 200
) -> list[Silence]:
    """Those that are not over, or ended since then; what ends last comes first. `until`: that ended before it."""
    over_at = case((silence.c.ended_at < silence.c.ends_at, silence.c.ended_at), else_=silence.c.ends_at)
    wanted = select(silence).where(over_at > since).order_by(silence.c.ends_at.desc(), silence.c.id)
    if until is not None:
        wanted = wanted.where(over_at < until)
    if windows_only:
        wanted = wanted.where(silence.c.service.is_not(None))
    return [_silence(row) for row in tx.all(wanted.limit(limit))]


def note_silenced(tx: Tx, found: Mapping[tuple[str, str], datetime]) -> None:
    """Keep which signals were held back by which silence, and since when: each pair once."""
    pair = tuple_(silenced.c.silence_id, silenced.c.signal_id)
    known = select(silenced.c.silence_id, silenced.c.signal_id).where(pair.in_(sorted(found)))
    noted = {(row.silence_id, row.signal_id) for row in tx.all(known)} if found else set()
    for (silence_id, signal_id), at in found.items():
        if (silence_id, signal_id) not in noted:
            tx.add(silenced, {"silence_id": silence_id, "signal_id": signal_id, "at": at})


def held_by(tx: Tx, silence_ids: Iterable[str]) -> dict[str, int]:
    """How many signals each of these held back so far."""
    counted = func.count().label("held")
    wanted = select(silenced.c.silence_id, counted).where(silenced.c.silence_id.in_(list(silence_ids)))
    return {row.silence_id: int(row.held) for row in tx.all(wanted.group_by(silenced.c.silence_id))}


# What is held back is due when its silence is over, whoever ended that and while whatever was being decided.
_HELD = signal.join(silence, silence.c.id == signal.c.silence_id)
_DUE_AT = case((silence.c.ended_at < signal.c.held_until, silence.c.ended_at), else_=signal.c.held_until)


def next_due(tx: Tx) -> datetime | None:
    """When the next signal that is held back is decided after all."""
    wanted = select(func.min(_DUE_AT)).select_from(_HELD).where(signal.c.held_until.is_not(None))
    soonest: datetime | None = tx.scalar(wanted)
    return soonest


def take_released(tx: Tx, limit: int) -> list[store.Signal]:
    """Signals whose silence is over, for whoever decides them now; one unit of work at a time."""
    if not store.may_decide(tx):
        return []
    wanted = select(signal).select_from(_HELD).where(signal.c.held_until.is_not(None) & (tx.now >= _DUE_AT))
    return [store.of_row(row) for row in tx.all(wanted.order_by(_DUE_AT, signal.c.id).limit(limit))]


def _silence(row: Row[Any]) -> Silence:
    matchers = tuple(Matcher(name, Means(means), value) for name, means, value in row.matchers)
    return Silence(**{**row._mapping, "matchers": matchers, "components": tuple(row.components)})
