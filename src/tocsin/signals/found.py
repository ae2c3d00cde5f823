"""Signals as others find them: by their words, by whose they are, and by who sent them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, bindparam, func, literal, select

from tocsin.db import sight
from tocsin.db.columns import MOST, Instant, bound
from tocsin.db.engine import Tx
from tocsin.signals import reporting
from tocsin.signals.model import State
from tocsin.signals.silences import silenced
from tocsin.signals.store import Disposition, Signal, of_row, table

BELONGS = (table.c.id, table.c.incident_id)  # whose a signal is: it may come to another incident at any time
LATELY = 500  # signals, the last seen first, among which it is looked when a source was last heard
SAID_MOST = 4000  # characters of what came with a signal that are indexed


class Firing(NamedTuple):
    """A signal that fires, as far as its words go."""

    source: str
    title: str
    why: str
    labels: dict[str, str]
    last_at: datetime


def firing(tx: Tx, limit: int) -> list[Firing]:
    """Signals that fire now, the last seen first."""
    return [Firing._make(row) for row in sight.rows(tx, _FIRING, table.c.incident_id, {"most": limit})]


_FIRING = (
    select(*(table.c[name] for name in Firing._fields))
    .where(table.c.state == literal(State.FIRING, literal_execute=True))
    .order_by(table.c.last_at.desc())
    .limit(MOST)
)


def glimpse(tx: Tx, signal_ids: Collection[str]) -> dict[str, Signal]:
    """Several signals by their ids, as far as whoever asks may see them."""
    if not signal_ids:
        return {}
    wanted = select(table).where(table.c.id.in_(sorted(signal_ids)))
    return {row.id: of_row(row) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))}


def of_source(tx: Tx, source: str, limit: int, among: int = LATELY) -> list[Signal]:
    """The signals of a source that were heard last, if they are `among` the latest of all."""
    seen = sight.within(tx, select(table), table.c.incident_id)
    latest = seen.order_by(table.c.last_at.desc()).limit(among).subquery()
    mine = select(latest).where(latest.c.source == source).order_by(latest.c.last_at.desc()).limit(limit)
    return [of_row(row) for row in tx.all(mine)]


def last_heard(tx: Tx, sources: Collection[str], among: int = LATELY) -> dict[str, datetime | None]:
    """When each of these sources was last heard, if that is `among` the latest signals, and else None. One that never
    was heard is left out."""
    lately = _lately(sight.eyes(tx))
    heard = {row.source: row.at for row in tx.all(lately, {**sight.given(tx), "among": among})}
    others = sorted(set(sources) - set(heard))
    found = {source: heard[source] for source in sources if source in heard}
    return {**found, **dict.fromkeys(_known(tx, others))}


@lru_cache(maxsize=20)
def _lately(eyes: sight.Eyes) -> Select[Any]:
    """Whose eyes they are is asked of the latest alone: else PostgreSQL asks it of one after the other."""
    read = select(table.c.source, table.c.last_at, table.c.incident_id)
    latest = read.order_by(table.c.last_at.desc()).limit(bound("among")).subquery()
    seen = sight.through(eyes, select(latest.c.source, func.max(latest.c.last_at).label("at")), latest.c.incident_id)
    return seen.group_by(latest.c.source)


def _known(tx: Tx, sources: Sequence[str]) -> list[str]:
    """Those of which there is a signal at all that whoever asks may see."""
    there = {row.source for row in tx.all(_EVER)} & set(sources) if sources else set()
    if not there:
        return []
    named = {f"source_{place}": source for place, source in enumerate(sorted(there))}
    (row,) = tx.all(_first_of_each(sight.eyes(tx), len(there)), {**sight.given(tx), **named})
    return [source for source, first in zip(sorted(there), row, strict=True) if first is not None]


def _ever() -> Select[Any]:
    """Every source that there is a signal of, from one to the next by the index."""
    source = table.c.source
    there = select(func.min(source).label("source")).cte("there", recursive=True)
    after = select(func.min(source)).where(source > there.c.source).scalar_subquery()
    return select(there.union_all(select(after).where(there.c.source.is_not(None))).c.source)


_EVER = _ever()


@lru_cache(maxsize=20)
def _first_of_each(eyes: sight.Eyes, count: int) -> Select[Any]:
    """The first signal of each source by the index, and not whether there is one: of a source that it has not met,
    PostgreSQL would believe that half of all signals are its own, and read all of them for want of one."""
    named = (bindparam(f"source_{place}", type_=Text) for place in range(count))
    mine = (select(table.c.id).where(table.c.source == one).order_by(table.c.key).limit(1) for one in named)
    asked = (sight.through(eyes, one, table.c.incident_id).scalar_subquery() for one in mine)
    return select(*(one.label(f"of_{place}") for place, one in enumerate(asked)))


def first_link(tx: Tx, incident_id: str) -> str | None:
    """The link of the first signal of an incident that has one."""
    linked = (table.c.incident_id == incident_id) & table.c.link.is_not(None)
    found: str | None = tx.scalar(select(table.c.link).where(linked).order_by(table.c.first_at).limit(1))
    return found


@dataclass(frozen=True)
class Asked:
    """Which signals somebody asks for; what is empty is not asked. `words` stand in the title or in the key."""

    words: str = ""
    state: str = ""
    became: str = ""
    source: str = ""
    silence: str = ""  # that held it back, now or once
    incident: str = ""


def listing(tx: Tx, asked: Asked, limit: int, before: datetime | None = None, below: str = "") -> list[Signal]:
    """Signals, the last seen first: those seen before an instant, and those seen in it whose id is `below` another."""
    given = {name: value for name, value in vars(asked).items() if value}
    wanted = _listing(frozenset(given), is_later=before is not None, splits=bool(below))
    if asked.words:
        given["words"] = "%" + _SIGNS.sub(r"/\g<0>", asked.words) + "%"
    told = {**given, "most": limit, "before": before, "below": below}
    return [of_row(row) for row in sight.rows(tx, wanted, table.c.incident_id, told)]


@lru_cache(maxsize=100)
def _listing(asked: frozenset[str], *, is_later: bool, splits: bool) -> Select[Any]:
    wanted = select(table).where(*(_CONDITIONS[name] for name in sorted(asked)))
    if is_later:
        earlier = table.c.last_at < bindparam("before", type_=Instant)
        same = (table.c.last_at == bindparam("before", type_=Instant)) & (table.c.id < bindparam("below", type_=Text))
        wanted = wanted.where(earlier | same if splits else earlier)
    return wanted.order_by(table.c.last_at.desc(), table.c.id.desc()).limit(MOST)


def _is(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    return column == bindparam(name, type_=Text)


_SIGNS = re.compile("[%_/]")  # which mean something in a pattern
_WORDS = bindparam("words", type_=Text)
_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "words": table.c.title.ilike(_WORDS, escape="/") | table.c.key.ilike(_WORDS, escape="/"),
    "state": _is(table.c.state, "state"),
    "became": _is(table.c.disposition, "became"),
    "source": _is(table.c.source, "source"),
    "silence": table.c.id.in_(select(silenced.c.signal_id).where(_is(silenced.c.silence_id, "silence"))),
    "incident": _is(table.c.incident_id, "incident"),
}


def count_on(tx: Tx, incident_id: str) -> tuple[int, int]:
    """How many signals are on the record of an incident, and how many of them have not cleared."""
    (row,) = tx.all(_COUNTED, {"incident": incident_id})
    return int(row.many), int(row.lasting)


def all_quiet(tx: Tx, incident_id: str) -> int:
    """How many signals are on the record of an incident, if all of them have cleared and none flaps; else none. What a
    person dismissed is not counted: it calls for nothing, whatever it says."""
    (row,) = tx.all(_QUIET, {"incident": incident_id})
    return 0 if row.loud else int(row.many)


_LASTING = func.count().filter(table.c.state != State.RESOLVED).label("lasting")
_COUNTED = select(func.count().label("many"), _LASTING).where(_is(table.c.incident_id, "incident"))
_LOUD = func.count().filter((table.c.state != State.RESOLVED) | table.c.flapping_since.is_not(None)).label("loud")
_CALLS = _is(table.c.incident_id, "incident") & (table.c.disposition != Disposition.DISMISSED)
_QUIET = select(func.count().label("many"), _LOUD).where(_CALLS)


def sources(tx: Tx, among: int = LATELY) -> list[str]:
    """Who sent the latest signals."""
    lately = _lately(sight.eyes(tx))
    return sorted(row.source for row in tx.all(lately, {**sight.given(tx), "among": among}))


def ids_after(tx: Tx, after: str, limit: int) -> list[str]:
    """The ids of all signals, some at a time."""
    return [row.id for row in tx.all(select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(limit))]


def text(signal: Signal) -> str:
    """What a signal says besides its title. Where to ask a user back is nobody's to find."""
    if signal.source == reporting.SOURCE:
        return str(signal.details.get("words", ""))[:SAID_MOST]
    labels = (f"{name}: {value}" for name, value in signal.labels.items())
    about = [f"From {signal.source}, {signal.key}", *labels, *_said(signal.details)]
    return ". ".join(about)[:SAID_MOST]


def _said(value: Any) -> Iterator[str]:
    """Every text in what came with a signal."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _said(one)
    elif isinstance(value, list):
        for one in value:
            yield from _said(one)
