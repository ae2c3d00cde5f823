"""Incidents on the record: entries that are only ever added, and each incident's fold saved beside them for lists."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    false,
    func,
    select,
    tuple_,
    type_coerce,
    union_all,
)

from tocsin.db import fulltext, sight
from tocsin.db.columns import MOST, Decoded, Instant, Json, fixed, metadata
from tocsin.db.engine import Tx
from tocsin.events import store as events
from tocsin.incidents import chain, confidential, folding, indexed, veil
from tocsin.incidents import events as told
from tocsin.incidents.model import AnyEntry, Declared, Incident, Numbered, Status
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation

table = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer),
    Column("title", Text),
    Column("severity", Text),
    Column("status", Text),
    Column("type", Text),
    Column("service", Text),
    Column("declared_at", Instant),
    Column("updated_at", Instant),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("fold", Json),
)
entries = Table(
    "entry",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text),
    Column("at", Instant),
    Column("by", Text),
    Column("body", Text),  # the whole entry as JSON, exactly as it was hashed
    Column("hash", Text),
)

STATE = cast(table.c.fold, Decoded(Incident)).label("fold")


def news_of(incident_id: str) -> str:
    """The name under which whoever watches one incident hears of it."""
    return f"incident/{incident_id}"


class NoSuchIncident(NotFound):
    """There is no such incident."""


def begin(tx: Tx, declared: Declared) -> Incident:
    """Write the first entry of a new incident."""
    incident_id = new_id("inc", 8)
    row = _sealed(chain.genesis(incident_id), incident_id, 1, declared)
    incident = folding.begun(incident_id, Numbered(number=1, entry=declared, hash=row["hash"]))
    tx.add(table, {"id": incident_id, **_row(incident)})
    tx.add(entries, row)
    _tell(tx, None, incident, [Numbered(number=1, entry=declared, hash=row["hash"])])
    tx.tell(news_of(incident_id))
    tx.memo.pop("open like", None)
    _to_be_found(tx, incident_id, 1)
    return _remember(tx, incident)


def append(tx: Tx, incident: Incident, more: Iterable[AnyEntry]) -> Incident:
    """Add entries to a timeline and save the fold.

    `(incident, number)` is the lock: whoever writes the same number second is refused with `Overtaken`.
    """
    before, head, added = incident, incident.head, []
    for number, entry in enumerate(more, start=incident.entries + 1):
        row = _sealed(head, incident.id, number, entry)
        head = row["hash"]
        added.append(Numbered(number=number, entry=entry, hash=head))
        tx.add(entries, row)
    incident = folding.follow(incident, added)
    if (before.status, before.type) != (incident.status, incident.type):
        tx.memo.pop("open like", None)
    tx.put_late(table, incident.id, partial(_row, incident))
    tx.tell(news_of(incident.id))
    _keep_readers(tx, before, incident)
    _tell(tx, before, incident, added)
    if any(indexed.changes_words(one.entry) for one in added):
        _to_be_found(tx, incident.id, added[0].number)
    return _remember(tx, incident)


def _tell(tx: Tx, before: Incident | None, after: Incident, added: Sequence[Numbered]) -> None:
    """Let other programs hear of it, in the same unit of work."""
    for kind, data in told.of_entries(before, after, added) if added else ():
        events.tell(tx, kind, data, after.id)


def tell_missed(tx: Tx, incident: Incident, one: Obligation) -> None:
    """Let other programs hear of a promise that was not kept."""
    kind, data = told.missed(incident, one.key, one.what, one.due_at)
    events.tell(tx, kind, data, incident.id)


def _to_be_found(tx: Tx, incident_id: str, number: int) -> None:
    """Have the entries indexed from this one on; once in a unit of work is enough."""
    known: set[str] = tx.memo.setdefault("to be found", set())
    if incident_id not in known:
        known.add(incident_id)
        fulltext.changed(tx, TO_BE_FOUND, [[incident_id, number]])


TO_BE_FOUND = "incident"  # how the index calls them


def _keep_readers(tx: Tx, before: Incident, after: Incident) -> None:
    """Write down who may see it from here on."""
    known, wanted = confidential.readers(before), confidential.readers(after)
    if before.confidential_at is None and after.confidential_at:
        sight.hide(tx, after.id)
    if before.confidential_at and after.confidential_at is None:
        sight.show(tx, after.id)
    elif known != wanted:
        sight.write(tx, after.id, known, wanted)
    for gone in known.keys() - wanted.keys():
        tx.tell(f"person/{gone}")  # for whom there is no such incident any more


def load(tx: Tx, incident_id: str) -> Incident:
    """An incident as this unit of work knows it. Raises NoSuchIncident."""
    found = load_many(tx, [incident_id])
    if not found:
        raise NoSuchIncident(f"There is no incident {incident_id}.")
    return found[0]


def load_among(tx: Tx, incident_id: str, read: Iterable[Incident]) -> Incident:
    """The same, only to be shown, without a statement if it is among those that this view has read already."""
    found = next((one for one in read if one.id == incident_id), None)
    return _remember(tx, found) if found else load(tx, incident_id)


def load_many(tx: Tx, incident_ids: Collection[str]) -> list[Incident]:
    """Several incidents in one statement, locked against other nodes in a fixed order."""
    known: dict[str, Incident] = tx.memo.setdefault("incidents", {})
    unknown = [one for one in dict.fromkeys(incident_ids) if one not in known]
    if unknown:
        wanted = _TO_WRITE if tx.writes else _TO_READ
        found = [row.fold for row in sight.rows(tx, wanted, table.c.id, {"ids": unknown})]
        for one in found if tx.writes else as_seen(tx, found):
            _remember(tx, one)
    return [known[one] for one in dict.fromkeys(incident_ids) if one in known]


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_TO_READ = select(STATE).where(table.c.id.in_(_IDS)).order_by(table.c.id)
_TO_WRITE = _TO_READ.with_for_update()


def as_seen(tx: Tx, found: Sequence[Incident]) -> list[Incident]:
    """The incidents as they may be shown to whoever asks: with no tie to one that they may not see.

    What is read to be written again stays whole; it is shown through this.
    """
    unseen = sight.unseen(tx, {other for one in found for other in one.relations})
    return [veil.of_incident(one, unseen) for one in found]


def glimpse(tx: Tx, incident_ids: Collection[str]) -> list[Incident]:
    """Several incidents, only to be shown: they are neither locked nor remembered."""
    if not incident_ids:
        return []
    rows = sight.rows(tx, _GLIMPSED, table.c.id, {"ids": list(incident_ids)})
    return as_seen(tx, [row.fold for row in rows])


_GLIMPSED = select(STATE).where(table.c.id.in_(_IDS)).order_by(table.c.number.desc())


def standing_of(tx: Tx, incident_ids: Collection[str]) -> dict[str, tuple[str, int]]:
    """The severity and the number of each, for whoever sorts them and shows nothing else of them."""
    wanted = select(table.c.id, table.c.severity, table.c.number).where(table.c.id.in_(sorted(incident_ids)))
    return {row.id: (row.severity, row.number) for row in tx.all(wanted)}


def survivor(tx: Tx, incident: Incident) -> Incident:
    """The incident in which the work on this one goes on: itself, unless it was merged away."""
    while incident.merged_into is not None:
        incident = load(tx, incident.merged_into)
    return incident


DUTIES_EACH = 10  # of an incident fall due together, in a storm
CLAIMANTS = 4  # nodes at once: who comes second looks past what the first holds


def claim_due(tx: Tx, limit: int) -> list[Incident]:
    """The incidents with which time has something to do, those first that wait longest, locked.

    Other nodes pass over locked incidents. Nobody else changes what is owed for one that this unit of work has locked.
    """
    due = obligations.first_due(tx.now, limit * DUTIES_EACH * CLAIMANTS)
    wanted = select(STATE).join(due, due.c.incident_id == table.c.id).order_by(due.c.act_at).limit(limit)
    return [_remember(tx, row.fold) for row in tx.all(wanted.with_for_update(of=table, skip_locked=True))]


def timeline(tx: Tx, incident_id: str) -> list[Numbered]:
    """Every entry, in order, as whoever asks may read it."""
    found = [_numbered(row) for row in sealed(tx, incident_id)]
    unseen = sight.unseen(tx, veil.names(found))
    return [veil.covered(one, unseen) for one in found]


def timelines(tx: Tx, incident_ids: Sequence[str], kinds: Collection[type[AnyEntry]] = ()) -> dict[str, list[Numbered]]:
    """The entries of several incidents, or of those what is of these kinds."""
    if not incident_ids:
        return {}
    found: dict[str, list[Numbered]] = {one: [] for one in incident_ids}
    asked = {"ids": list(incident_ids)} | ({"kinds": [one.__name__ for one in kinds]} if kinds else {})
    for row in sight.rows(tx, _OF_KINDS if kinds else _TIMELINES, entries.c.incident_id, asked):
        found[row.incident_id].append(_numbered(row))
    unseen = sight.unseen(tx, {name for record in found.values() for name in veil.names(record)})
    return {one: [veil.covered(entry, unseen) for entry in record] for one, record in found.items()}


def entries_from(tx: Tx, incident_id: str, number: int, limit: int) -> list[Numbered]:
    """Some entries of a timeline, from one on, as they stand there."""
    from_there = (entries.c.incident_id == incident_id) & (entries.c.number >= number)
    rows = tx.all(select(*_READ).where(from_there).order_by(entries.c.number).limit(limit))
    return [_numbered(row) for row in rows]


def single_entries(tx: Tx, named: Collection[tuple[str, int]]) -> dict[tuple[str, int], Numbered]:
    """Entries by their incident and number, as whoever asks may read them."""
    if not named:
        return {}
    wanted = select(*_READ).where(tuple_(entries.c.incident_id, entries.c.number).in_(sorted(named)))
    rows = tx.all(sight.within(tx, wanted, entries.c.incident_id))
    found = {(row.incident_id, row.number): _numbered(row) for row in rows}
    unseen = sight.unseen(tx, veil.names(found.values()))
    return {key: veil.covered(one, unseen) for key, one in found.items()}


def ids_after(tx: Tx, after: str, limit: int) -> list[str]:
    """The ids of all incidents, some at a time."""
    return [row.id for row in tx.all(select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(limit))]


_READ = (entries.c.incident_id, entries.c.number, entries.c.kind, entries.c.body, entries.c.hash)
_TIMELINES = select(*_READ).where(entries.c.incident_id.in_(_IDS)).order_by(entries.c.number)
_OF_KINDS = _TIMELINES.where(entries.c.kind.in_(bindparam("kinds", expanding=True)))


def listing(
    tx: Tx,
    *,
    statuses: Collection[Status] | None = None,
    before: datetime | None = None,
    since: datetime | None = None,
    below: int | None = None,
    only: Mapping[str, str] | None = None,
    limit: int = 50,
) -> list[Incident]:
    """Incidents, last declared first: declared from `since` up to `before`; `below` a number pages on.

    `only` asks for those of a severity, a type or a service, by the name of the column.
    """
    states = None if statuses is None else tuple(sorted(str(one) for one in statuses))
    named = {f"listed_{name}": value for name, value in (only or {}).items()}
    asked = {"listed_below": below, "listed_before": before, "listed_since": since, **named}
    bounds = {name: bound for name, bound in asked.items() if bound is not None}
    wanted = _listing(sight.eyes(tx), states, frozenset(bounds))
    found = [row.fold for row in tx.all(wanted, {**sight.given(tx), **bounds, "most": limit})]
    return found if tx.writes else as_seen(tx, found)


@lru_cache(maxsize=200)
def _listing(eyes: sight.Eyes, statuses: tuple[str, ...] | None, bounds: frozenset[str]) -> Select[Any]:
    """The statement of a list, which is built once for each kind of question."""
    limits = {
        "listed_below": table.c.number < bindparam("listed_below", type_=Integer),
        "listed_before": table.c.declared_at < bindparam("listed_before", type_=Instant),
        "listed_since": table.c.declared_at >= bindparam("listed_since", type_=Instant),
        **{f"listed_{name}": table.c[name] == bindparam(f"listed_{name}") for name in ("severity", "type", "service")},
    }
    latest = select(table.c.number).where(*(limits[one] for one in sorted(bounds)))
    seen = sight.through(eyes, latest, table.c.id).order_by(table.c.number.desc()).limit(MOST)
    wanted = select(STATE).where(table.c.number.in_(_of_statuses(seen, statuses)))
    return wanted.order_by(table.c.number.desc()).limit(MOST)


def resolved(tx: Tx, start: datetime, end: datetime, limit: int) -> list[Incident]:
    """Those that were resolved from `start` up to `end`, the last first."""
    within = (table.c.resolved_at >= start) & (table.c.resolved_at < end)
    wanted = sight.within(tx, select(STATE).where(within), table.c.id)
    return as_seen(tx, [row.fold for row in tx.all(wanted.order_by(table.c.resolved_at.desc()).limit(limit))])


def resolved_until(tx: Tx, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """Id of each that was resolved by then, and when it was; and when something last happened to it."""
    columns = select(table.c.id, table.c.resolved_at, table.c.updated_at).where(table.c.resolved_at < end)
    rows = tx.all(sight.within(tx, columns, table.c.id).order_by(table.c.resolved_at, table.c.id))
    return [(row.id, row.resolved_at, row.updated_at) for row in rows]


def _of_statuses(seen: Select[tuple[int]], statuses: Collection[str] | None) -> Select[tuple[int]]:
    """The numbers of a list, the latest of each status by itself: the whole list of one need not be sorted."""
    if statuses is None:
        return select(seen.subquery().c.number)
    each = [select(seen.where(table.c.status == fixed(one)).subquery().c.number) for one in statuses]
    return select(union_all(*each).subquery().c.number) if each else select(table.c.number).where(false())


class LastChanged(NamedTuple):
    """When an incident was last changed."""

    at: datetime
    id: str


def last_changed(tx: Tx) -> tuple[LastChanged, ...]:
    """The two that were changed last, whoever may see them: they change with every change of the record."""
    return tuple(LastChanged._make(row) for row in tx.all(_LAST_CHANGED))


_LAST_CHANGED = select(table.c.updated_at, table.c.id).order_by(table.c.updated_at.desc()).limit(2)


class Heading(NamedTuple):
    """What an incident is called, and why it was declared."""

    id: str
    number: int
    title: str
    why: str


def open_headings(tx: Tx, statuses: Collection[Status], limit: int) -> list[Heading]:
    """What the incidents of these statuses are called, the last declared first."""
    asked = {"statuses": sorted(str(status) for status in statuses), "most": limit}
    return [Heading._make(row) for row in sight.rows(tx, _HEADINGS, table.c.id, asked)]


def titles(tx: Tx, since: datetime, limit: int) -> dict[str, str]:
    """What the incidents are called that were declared since an instant, by id, the last declared first."""
    return {row.id: row.title for row in sight.rows(tx, _TITLES, table.c.id, {"since": since, "most": limit})}


_TITLES = (
    select(table.c.id, table.c.title)
    .where(table.c.declared_at >= bindparam("since", type_=Instant))
    .order_by(table.c.number.desc())
    .limit(MOST)
)
_STATUSES: BindParameter[Any] = bindparam("statuses", expanding=True)
_HEADINGS = (
    select(table.c.id, table.c.number, table.c.title, table.c.fold["why"].as_string().label("why"))
    .where(table.c.status.in_(_STATUSES))
    .order_by(table.c.number.desc())
    .limit(MOST)
)


def id_of(tx: Tx, name: str) -> str:
    """The id of an incident that somebody names by it or by its number: `inc_…`, `12`, `#12`. Raises NoSuchIncident."""
    number = name.removeprefix("#")
    if not (number.isascii() and number.isdecimal()):
        return name
    found = tx.scalar(sight.within(tx, select(table.c.id).where(table.c.number == int(number[:9])), table.c.id))
    if found is None:
        raise NoSuchIncident(f"There is no incident number {number}.")
    return str(found)


def latest_ids(tx: Tx, limit: int) -> list[str]:
    wanted = sight.within(tx, select(table.c.id), table.c.id).order_by(table.c.number.desc()).limit(limit)
    return [row.id for row in tx.all(wanted)]


def next_number(tx: Tx) -> int:
    """One more than the highest, whether or not whoever asks may see that one."""
    return int(tx.scalar(_HIGHEST) or 0) + 1


_HIGHEST = select(func.max(table.c.number))


def _remember(tx: Tx, incident: Incident) -> Incident:
    tx.memo.setdefault("incidents", {})[incident.id] = incident
    if incident.confidential_at:
        sight.let_in(tx, incident.id)
    return incident


_COLUMNS = tuple(column.name for column in table.columns if column.name not in ("id", "fold"))


def _row(incident: Incident) -> dict[str, Any]:
    columns = {name: getattr(incident, name) for name in _COLUMNS}
    return {**columns, "fold": msgspec.to_builtins(incident)}


def _sealed(previous: str, incident_id: str, number: int, entry: AnyEntry) -> dict[str, Any]:
    kind, body = type(entry).__name__, chain.write(entry)
    return {
        "incident_id": incident_id,
        "number": number,
        "kind": kind,
        "at": entry.at,
        "by": entry.by,
        "body": body,
        "hash": chain.seal(previous, incident_id, number, kind, to_millis(entry.at), entry.by, body),
    }


def _numbered(row: Row[Any] | chain.Sealed) -> Numbered:
    return Numbered(number=row.number, entry=chain.read(row.kind, row.body), hash=row.hash)


# ---- As it is kept, for whoever examines the record ------------------------------------------------------------------


class Saved(NamedTuple):
    """What is kept beside a timeline: the columns as they are, and what the fold says if it can be read."""

    id: str
    number: int
    columns: dict[str, Any]
    fold: Incident | None

    def columns_of(self, incident: Incident) -> dict[str, Any]:
        """What the columns would be for this state."""
        found = {name: getattr(incident, name) for name in self.columns}
        return {name: to_millis(one) if isinstance(one, datetime) else one for name, one in found.items()}


def saved(tx: Tx, *, after: str = "", limit: int) -> list[Saved]:
    """What is saved of incidents, by id."""
    wanted = select(*_AS_KEPT).where(table.c.id > after).order_by(table.c.id).limit(limit)
    return [_saved(row) for row in tx.all(sight.within(tx, wanted, table.c.id))]


def saved_one(tx: Tx, incident_id: str) -> Saved:
    """Raises NoSuchIncident."""
    found = sight.rows(tx, _ONE_AS_KEPT, table.c.id, {"incident": incident_id})
    if not found:
        raise NoSuchIncident(f"There is no incident {incident_id}.")
    return _saved(found[0])


def sealed(tx: Tx, incident_id: str) -> Sequence[chain.Sealed]:
    """The entries of an incident as they are kept. Who shows a timeline and proves it reads it once."""
    known: tuple[Any, list[chain.Sealed]] = tx.memo.get("sealed", (None, []))
    asked = incident_id, sight.eyes(tx)
    if asked != known[0] or tx.writes:
        found = sight.rows(tx, _TIMELINE, entries.c.incident_id, {"incident": incident_id})
        known = tx.memo["sealed"] = asked, [chain.Sealed._make(row) for row in found]
    record: Sequence[chain.Sealed] = known[1]
    return record


def sealed_between(tx: Tx, after: str, until: str | None) -> Iterator[chain.Sealed]:
    """The entries of all incidents whose ids lie in a range, by id and number; without `until` to the end."""
    above = entries.c.incident_id > after
    which = above if until is None else above & (entries.c.incident_id <= until)
    wanted = select(*_SEALED).where(which).order_by(entries.c.incident_id, entries.c.number)
    seen = sight.within(tx, wanted, entries.c.incident_id)
    with tx.run(seen.execution_options(yield_per=AT_A_TIME)) as rows:
        yield from map(chain.Sealed._make, rows)


def _saved(row: Row[Any]) -> Saved:
    columns = {name: row._mapping[name] for name in _SAVED}
    try:
        fold = _fold_reader.decode(row.fold)
    except (msgspec.MsgspecError, ValueError):
        fold = None
    return Saved(row.id, row.number, columns, fold)


AT_A_TIME = 2000
_SAVED = ("id", *_COLUMNS)
_fold_reader = msgspec.json.Decoder(Incident)


def _plain(column: Column[Any]) -> ColumnElement[Any]:
    """The column's value as the database has it: an instant as milliseconds, JSON as text."""
    if isinstance(column.type, Instant):
        return type_coerce(column, BigInteger).label(column.name)
    return cast(column, Text).label(column.name) if column.name == "fold" else column


_AS_KEPT = [_plain(column) for column in table.columns]
_SEALED = [_plain(entries.c[name]) for name in chain.Sealed._fields]
_ONE_AS_KEPT = select(*_AS_KEPT).where(table.c.id == bindparam("incident"))
_TIMELINE = select(*_SEALED).where(entries.c.incident_id == bindparam("incident")).order_by(entries.c.number)
