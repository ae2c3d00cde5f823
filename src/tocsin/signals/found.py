"""Signals as others find them: by their words, by whose they are, and by who sent them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, bindparam, func, select

from tocsin.db import fulltext, sight
from tocsin.db.columns import MOST, Instant, bound, fixed
from tocsin.db.engine import Tx
from tocsin.kit import search
from tocsin.signals import reporting
from tocsin.signals.model import State
from tocsin.signals.silences import silenced
from tocsin.signals.store import TO_BE_FOUND, Disposition, Signal, of_row, table

BELONGS = (table.c.id, table.c.incident_id)  # whose a signal is: it may come to another incident at any time
LATELY = 500  # signals, the last seen first, among which it is looked when a source was last heard
LETTERS = 1000  # signals, the last seen first, of which titles and keys are looked through letter by letter
NAMED_MOST = 1000  # signals with the same words that are all looked through
SAID_MOST = 4000  # characters of what came with a signal that are indexed


class Firing(NamedTuple):
    """A signal that fires, as far as its words go; `said` are all of them."""

    source: str
    title: str
    said: str


def firing(tx: Tx, limit: int) -> list[Firing]:
    """Signals that fire now, the last seen first."""
    found = sight.rows(tx, _FIRING, table.c.incident_id, {"most": limit})
    return [Firing(one.source, one.title, words_of(one.title, one.why, one.labels)) for one in found]


def words_of(title: str, why: str, labels: Mapping[str, str]) -> str:
    """All that a signal says, and what became of it, to be searched for a name."""
    return " ".join((title, why, *labels.values()))


_FIRING = (
    select(table.c.source, table.c.title, table.c.why, table.c.labels)
    .where(table.c.state == fixed(State.FIRING))
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
    """Which signals somebody asks for; what is empty is not asked.

    `words` are looked for as in every search, by the index of words; and in the titles and keys of the latest signals,
    as they were typed: those may not be in the index yet.
    """

    words: str = ""
    state: str = ""
    became: str = ""
    source: str = ""
    silence: str = ""  # that held it back, now or once
    incident: str = ""


class Listing(NamedTuple):
    """Signals, the last seen first. `of_many`: so many have the words that only those with the latest news are here."""

    signals: list[Signal]
    of_many: bool = False


def listing(
    tx: Tx, asked: Asked, limit: int, before: datetime | None = None, below: str = "", named_most: int = NAMED_MOST
) -> Listing:
    """Signals, the last seen first: those seen before an instant, and those seen in it whose id is `below` another.

    Of more than `named_most` that have the words, half as many are looked through: those with the latest news."""
    if not asked.words:
        return Listing(_listed(tx, asked, limit, before, below))
    soon = _listed(tx, asked, limit, before, below)
    named, of_many = _with_words(tx, asked.words, named_most)
    ids = {one.id for one in soon}
    places = sorted(_places(tx, asked, named - ids, before, below), reverse=True)[:limit]
    found = [*soon, *glimpse(tx, [signal_id for _, signal_id in places]).values()]
    return Listing(sorted(found, key=lambda one: (one.last_at, one.id), reverse=True)[:limit], of_many)


def _listed(tx: Tx, asked: Asked, limit: int, before: datetime | None, below: str) -> list[Signal]:
    """The same; those with words are looked for one by one, and so among the latest alone."""
    wanted = _listing(_given(asked), is_later=before is not None, splits=bool(below))
    return [of_row(row) for row in sight.rows(tx, wanted, table.c.incident_id, _told(asked, limit, before, below))]


def _with_words(tx: Tx, words: str, most: int) -> tuple[set[str], bool]:
    """The signals that the index of words knows by these, and whether they are only the latest of many."""
    terms = search.read(words, ()).terms
    if not terms:
        return set(), False
    part = fulltext.Part(TO_BE_FOUND, (), terms, None, BELONGS)
    found, is_all = fulltext.all_or_latest(tx, part, most, most // 2)
    return {one.place.subject for one in found}, not is_all


def _places(
    tx: Tx, asked: Asked, named: Collection[str], before: datetime | None, below: str
) -> list[tuple[datetime, str]]:
    """Where those of the named that fit stand in the order. In whole they are read only as far as they are shown."""
    if not named:
        return []
    given = replace(asked, words="")
    wanted = _standing(_given(given), is_later=before is not None, splits=bool(below))
    told = {**_told(given, len(named), before, below), "named": sorted(named)}
    return [(row.last_at, row.id) for row in tx.all(wanted, told)]


def _given(asked: Asked) -> frozenset[str]:
    return frozenset(name for name, value in vars(asked).items() if value)


def _told(asked: Asked, limit: int, before: datetime | None, below: str) -> dict[str, Any]:
    words = "%" + _SIGNS.sub(r"/\g<0>", asked.words) + "%"
    return {**vars(asked), "words": words, "most": limit, "before": before, "below": below}


@lru_cache(maxsize=100)
def _listing(asked: frozenset[str], *, is_later: bool, splits: bool) -> Select[Any]:
    wanted = _narrowed(select(table), asked, is_later=is_later, splits=splits)
    return wanted.order_by(table.c.last_at.desc(), table.c.id.desc()).limit(MOST)


@lru_cache(maxsize=100)
def _standing(asked: frozenset[str], *, is_later: bool, splits: bool) -> Select[Any]:
    named = table.c.id.in_(bindparam("named", expanding=True))
    wanted = select(table.c.last_at, table.c.id).where(named)
    return _narrowed(wanted, asked, is_later=is_later, splits=splits)


def _narrowed(wanted: Select[Any], asked: frozenset[str], *, is_later: bool, splits: bool) -> Select[Any]:
    wanted = wanted.where(*(_CONDITIONS[name] for name in sorted(asked)))
    if not is_later:
        return wanted
    earlier = table.c.last_at < bindparam("before", type_=Instant)
    same = (table.c.last_at == bindparam("before", type_=Instant)) & (table.c.id < bindparam("below", type_=Text))
    return wanted.where(earlier | same if splits else earlier)


def _is(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    return column == bindparam(name, type_=Text)


_SIGNS = re.compile("[%_/]")  # which mean something in a pattern
_WORDS = bindparam("words", type_=Text)
_LAST = select(table.c.last_at).order_by(table.c.last_at.desc()).limit(fixed(1)).offset(fixed(LETTERS - 1))
_LATELY = table.c.last_at >= func.coalesce(_LAST.scalar_subquery(), fixed(0))
_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "words": _LATELY & (table.c.title.ilike(_WORDS, escape="/") | table.c.key.ilike(_WORDS, escape="/")),
    "state": _is(table.c.state, "state"),
    "became": _is(table.c.disposition, "became"),
    "source": _is(table.c.source, "source"),
    "silence": table.c.id.in_(select(silenced.c.signal_id).where(_is(silenced.c.silence_id, "silence"))),
    "incident": _is(table.c.incident_id, "incident"),
}


def count_on(tx: Tx, incident_id: str, read: Sequence[Signal] | None = None) -> tuple[int, int]:
    """How many signals are on the record of an incident, and how many of them have not cleared. Where all of them are
    `read`, nobody is asked."""
    if read is not None:
        return len(read), sum(one.state is not State.RESOLVED for one in read)
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
