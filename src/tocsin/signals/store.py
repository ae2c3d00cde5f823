"""Signals on the record: the inbox that makes an arrival durable, and one row per signal beside it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Integer, Row, Select, Table, Text, bindparam, delete, func, select, text, tuple_

from tocsin.db import fulltext, sight
from tocsin.db.columns import MOST, AutoKey, Instant, Json, fixed, metadata
from tocsin.db.engine import Database, Tx
from tocsin.kit import redaction
from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import NotFound
from tocsin.kit.frozen import made
from tocsin.kit.ids import new_id
from tocsin.signals import alertmanager, history, redacting, reporting
from tocsin.signals.flapping import Turns
from tocsin.signals.formats import Unreadable
from tocsin.signals.model import Arrival, State, Trigger

inbox = Table(
    "inbox",
    metadata,
    Column("id", AutoKey, primary_key=True),
    Column("at", Instant),
    Column("form", Text),
    Column("signals", Integer),
    Column("body", Text),
)
table = Table(
    "signal",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text),
    Column("key", Text),
    Column("state", Text),
    Column("title", Text),
    Column("trigger", Text),
    Column("severity", Text),
    Column("labels", Json),
    Column("details", Json),
    Column("warnings", Json),
    Column("link", Text),
    Column("started_at", Instant),
    Column("first_at", Instant),
    Column("last_at", Instant),
    Column("count", Integer),
    Column("disposition", Text),
    Column("why", Text),
    Column("incident_id", Text),
    Column("decided_at", Instant),
    Column("plan_revision", Text),
    Column("silence_id", Text),
    Column("held_until", Instant),
    Column("turns", Json),
    Column("flapping_since", Instant),
    Column("calm_at", Instant),
    Column("history", Json),
)

# One statement whatever the size of the batch: the whole of it travels as one JSON parameter.
_ACCEPT = {
    "sqlite": text(
        "insert into inbox (at, form, signals, body) select :at, json_extract(value, '$[0]'), "
        "json_extract(value, '$[1]'), json_extract(value, '$[2]') from json_each(:rows)"
    ),
    "postgresql": text(
        "insert into inbox (at, form, signals, body) select :at, value ->> 0, cast(value ->> 1 as integer), "
        "value ->> 2 from jsonb_array_elements(cast(:rows as jsonb))"
    ),
}
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Arrival)


class NoSuchSignal(NotFound):
    """There is no such signal."""


class Disposition(StrEnum):
    """What became of a signal."""

    WAITING = "waiting"  # no rule matched; a person may declare
    DECLARED = "declared"
    ATTACHED = "attached"
    CLEARED = "cleared"  # it was over before it called for anything
    DISMISSED = "dismissed"
    SILENCED = "silenced"  # held back, until the silence ends


@dataclass(frozen=True, kw_only=True)
class Signal:
    id: str
    source: str
    key: str
    state: State
    title: str
    trigger: Trigger
    severity: str | None
    labels: dict[str, str]
    details: dict[str, Any]
    warnings: list[str]
    link: str | None
    started_at: datetime | None
    first_at: datetime
    last_at: datetime
    count: int
    disposition: Disposition
    why: str
    incident_id: str | None
    decided_at: datetime | None = None  # when the rules last decided
    plan_revision: str | None = None  # of which revision of the plan they were
    silence_id: str | None = None  # what held it back, or did last
    held_until: datetime | None = None  # when it is decided after all
    turns: list[int] = field(default_factory=list)  # when it changed last, in milliseconds, as far as the plan counts
    flapping_since: datetime | None = None
    calm_at: datetime | None = None  # when it flaps no more, unless it changes before
    history: list[list[Any]] = field(default_factory=list)  # what it said before, and what became of it


class Envelope(NamedTuple):
    """What the inbox keeps of one delivery: an encoded arrival, or a whole body that is sure to be readable.

    A body of many signals is kept as it came and taken apart when they are decided, so that its sender is answered
    sooner.
    """

    form: str  # how `body` is read, by its name in `_READERS`
    signals: int
    body: str


ARRIVAL = "arrival"
ARRIVALS = "arrivals"  # what is left of a body whose first signals could not be decided
_READERS: Mapping[str, Callable[[str], list[Arrival]]] = {
    ARRIVAL: lambda body: [_decoder.decode(body)],
    ARRIVALS: msgspec.json.Decoder(list[Arrival]).decode,
    alertmanager.SOURCE: lambda body: alertmanager.read(body.encode()),
}


@dataclass(frozen=True)
class Taken:
    """An arrival on its way from the inbox to its signal."""

    inbox_id: int
    at: datetime
    arrival: Arrival


def encode(arrival: Arrival) -> Envelope:
    """An arrival as the inbox keeps it."""
    return kept(arrival)[1]


def kept(arrival: Arrival) -> tuple[Arrival, Envelope]:
    """An arrival without its secrets, if it has any, and as the inbox keeps it."""
    body = _encoder.encode(arrival).decode()
    if redaction.may_hold(body):
        arrival = redacting.redacted(arrival)
        body = _encoder.encode(arrival).decode()
    return arrival, Envelope(ARRIVAL, 1, body)


def accept(tx: Tx, envelopes: Sequence[Envelope]) -> None:
    """Put deliveries into the inbox. Once this unit of work is committed, their senders may be answered."""
    tx.run(_ACCEPT[tx.dialect], _rows(envelopes, tx.now))
    tx.wakes = True


def accept_alone(database: Database, envelopes: Sequence[Envelope]) -> None:
    """The same as a unit of work of its own that wakes nobody. Once this returns, their senders may be answered."""
    database.run_alone(_ACCEPT, _rows(envelopes, database.now()))


def _rows(envelopes: Sequence[Envelope], now: datetime) -> dict[str, Any]:
    return {"at": to_millis(now), "rows": _encoder.encode(envelopes).decode()}


def take(tx: Tx, limit: int) -> list[Taken]:
    """Take the oldest deliveries out of the inbox, in order: some of at most so many signals, or the first alone.

    Only one unit of work at a time decides, on whichever node: a signal's clearing must not overtake its firing.
    """
    return [Taken(row.id, row.at, arrival) for row in _take_rows(tx, limit) for arrival in _READERS[row.form](row.body)]


def take_first(tx: Tx) -> list[Taken]:
    """Take the oldest signal alone, if there is one; what came with it stays where it is."""
    found = []
    for row in _oldest(tx):
        first, *rest = _READERS[row.form](row.body)
        _leave(tx, row, rest)
        found.append(Taken(row.id, row.at, first))
    return found


def take_undecidable(tx: Tx) -> list[tuple[str, bytes]]:
    """Take the oldest signal out of the inbox, if there is one: from where it is, and its body.

    It may be that it can't even be decoded, for an inbox can outlast the release that wrote it; then the whole of what
    came with it goes along.
    """
    found = []
    for row in _oldest(tx):
        try:
            first, *rest = _READERS[row.form](row.body)
            source, body = first.source, _encoder.encode(first)
        except (msgspec.MsgspecError, Unreadable, LookupError):
            rest, source, body = [], "unknown", row.body.encode()
        _leave(tx, row, rest)
        found.append((source, body))
    return found


def _oldest(tx: Tx) -> list[Row[Any]]:
    return tx.all(_OLDEST, {"most": 1}) if may_decide(tx) else []


def _leave(tx: Tx, row: Row[Any], arrivals: list[Arrival]) -> None:
    """Keep what is left of a delivery in its place."""
    this = inbox.c.id == row.id
    if arrivals:
        body = _encoder.encode(arrivals).decode()
        tx.run(inbox.update().where(this).values(form=ARRIVALS, signals=len(arrivals), body=body))
    else:
        tx.run(delete(inbox).where(this))


def _take_rows(tx: Tx, limit: int) -> list[Row[Any]]:
    if not may_decide(tx):
        return []
    rows = _as_many_as_hold(limit, tx.all(_OLDEST, {"most": limit}))
    if rows:
        tx.run(_TAKEN, {"ids": [row.id for row in rows]})
    return rows


_OLDEST = select(inbox).order_by(inbox.c.id).limit(MOST)
_TAKEN = delete(inbox).where(inbox.c.id.in_(bindparam("ids", expanding=True)))


def may_decide(tx: Tx) -> bool:
    """Whether this unit of work is the one that decides, until its end."""
    return not tx.is_postgresql or bool(tx.scalar(text("select pg_try_advisory_xact_lock(7267047)")))


def _as_many_as_hold(limit: int, rows: list[Row[Any]]) -> list[Row[Any]]:
    held = list(accumulate(row.signals for row in rows))
    return rows[: max(1, bisect_right(held, limit))]


class Waiting(NamedTuple):
    """A delivery that is accepted and not decided yet."""

    inbox_id: int
    arrivals: list[Arrival]


def newest(tx: Tx, after: int, limit: int, behind: int) -> list[Waiting]:
    """The deliveries that came last, the latest first, as far as they can be read, of so many signals: none unless so
    many deliveries are before them.

    `after` is the last that was looked at before."""
    latest = select(inbox.c.id, inbox.c.signals).where(inbox.c.id > after).order_by(inbox.c.id.desc()).limit(limit)
    ids = [row.id for row in _as_many_as_hold(limit, tx.all(latest))]
    oldest = tx.scalar(select(func.min(inbox.c.id)))
    if not ids or ids[0] - oldest < behind:
        return []
    rows = tx.all(select(inbox).where(inbox.c.id >= ids[-1], inbox.c.id <= ids[0]).order_by(inbox.c.id.desc()))
    return [Waiting(row.id, _read_row(row)) for row in rows]


def _read_row(row: Row[Any]) -> list[Arrival]:
    try:
        return _READERS[row.form](row.body)
    except (msgspec.MsgspecError, Unreadable, LookupError):
        return []  # whoever decides it puts it into quarantine


def take_early(tx: Tx, inbox_id: int, key: str) -> list[Taken]:
    """Take a delivery out of the inbox before its turn, and with it all before it that name the same key: a signal's
    clearing must not overtake its firing. None if the delivery itself does not name its key as it stands."""
    if not may_decide(tx):
        return []
    named = inbox.c.body.contains(_encoder.encode(key).decode()[1:-1], autoescape=True)
    rows = tx.all(select(inbox).where((inbox.c.id <= inbox_id) & named).order_by(inbox.c.id))
    if not rows or rows[-1].id != inbox_id:
        return []
    tx.run(delete(inbox).where(inbox.c.id.in_([row.id for row in rows])))
    return [Taken(row.id, row.at, arrival) for row in rows for arrival in _READERS[row.form](row.body)]


def is_waiting(tx: Tx) -> bool:
    """Whether anything is accepted and not decided yet."""
    return tx.first(select(inbox.c.id).limit(1)) is not None


def backlog(tx: Tx) -> int:
    """How many signals are accepted and not decided yet."""
    return int(tx.scalar(select(func.sum(inbox.c.signals))) or 0)


def known(tx: Tx, arrivals: Iterable[Arrival]) -> dict[tuple[str, str], Signal]:
    """The signals that these arrivals are about, as far as they were seen before."""
    keys = sorted({(arrival.source, arrival.key) for arrival in arrivals})
    if not keys:
        return {}
    return {(row.source, row.key): of_row(row) for row in tx.all(_KNOWN, {"keys": keys})}


_KNOWN = select(table).where(tuple_(table.c.source, table.c.key).in_(bindparam("keys", expanding=True)))


def first_seen(arrival: Arrival, at: datetime) -> Signal:
    """A signal at its first arrival, not yet on the record."""
    return Signal(
        id=new_id("sig"),
        **_said(arrival),
        first_at=at,
        last_at=at,
        count=1,
        disposition=Disposition.WAITING,
        why="",
        incident_id=None,
    )


def seen_again(signal: Signal, arrival: Arrival, at: datetime) -> Signal:
    """A signal after one more arrival. A signal that clears keeps its title and labels: the news is only its end."""
    if arrival.state is State.FIRING:
        return replace(signal, **_said(arrival), last_at=at, count=signal.count + 1)
    return replace(signal, state=arrival.state, last_at=at)


def remembered(signal: Signal, at: datetime) -> Signal:
    """The signal with what it says, and what became of it, in its history."""
    said = history.Said(at, signal.state, signal.severity, signal.disposition, signal.why, signal.count)
    return replace(signal, history=history.told(signal.history, said))


def as_arrival(signal: Signal) -> Arrival:
    """The signal as a message, for rules to be asked about it again."""
    said = {name: getattr(signal, name) for name in Arrival.__struct_fields__}
    return Arrival(**{**said, "warnings": tuple(signal.warnings)})


def _said(arrival: Arrival) -> dict[str, Any]:
    return {**msgspec.structs.asdict(arrival), "warnings": list(arrival.warnings)}


def add_all(tx: Tx, signals: Sequence[Signal]) -> None:
    for signal in signals:
        tx.add(table, dict(vars(signal)))
    to_be_found(tx, signals)


def to_be_found(tx: Tx, signals: Iterable[Signal]) -> None:
    """Have these signals indexed by their words."""
    fulltext.changed(tx, TO_BE_FOUND, [[one.id] for one in signals])


TO_BE_FOUND = "signal"  # how the index calls them


def save_all(tx: Tx, signals: Iterable[Signal]) -> None:
    for signal in signals:
        values = dict(vars(signal))
        del values["id"]
        tx.put(table, signal.id, values)


def dispose(tx: Tx, signal: Signal, disposition: Disposition, why: str, incident_id: str | None) -> None:
    """Write down what became of a signal."""
    known = remembered(replace(signal, disposition=disposition, why=why), tx.now).history
    said = {"disposition": disposition, "why": why, "incident_id": incident_id, "held_until": None, "history": known}
    tx.put(table, signal.id, said)


def move(tx: Tx, from_incident: str, to_incident: str) -> None:
    """Put every signal of one incident on another."""
    tx.run(table.update().where(table.c.incident_id == from_incident).values(incident_id=to_incident))


def load(tx: Tx, signal_id: str) -> Signal:
    found = seen(tx, signal_id)
    if found is None:
        raise NoSuchSignal(f"There is no signal {signal_id}.")
    return found


def seen(tx: Tx, signal_id: str) -> Signal | None:
    """The signal, as far as whoever asks may see it."""
    return next(iter(_read(tx, _ONE, {"signal": signal_id})), None)


def recent(tx: Tx, limit: int = 100, before: datetime | None = None) -> list[Signal]:
    return _read(tx, _RECENT[before is not None], {"most": limit, "before": before})


def waiting(tx: Tx, limit: int = 20, before: datetime | None = None) -> list[Signal]:
    """Signals that fire, match no rule, and that nobody has looked at."""
    return _read(tx, _WAITING[before is not None], {"most": limit, "before": before})


_ONE = select(table).where(table.c.id == bindparam("signal", type_=Text))
_LATEST = select(table).order_by(table.c.last_at.desc()).limit(MOST)
_RECENT = _LATEST, _LATEST.where(table.c.last_at < bindparam("before", type_=Instant))
_STILL_WAITING = (
    table.c.disposition == fixed(Disposition.WAITING),
    table.c.state == fixed(State.FIRING),
)
_WAITING = [one.where(*_STILL_WAITING) for one in _RECENT]


def of_incident(tx: Tx, incident_id: str) -> list[Signal]:
    return _read(tx, _OF_INCIDENT, {"incident": incident_id})


_OF_INCIDENT = select(table).where(table.c.incident_id == bindparam("incident", type_=Text)).order_by("first_at")


def _read(tx: Tx, wanted: Select[Any], asked: Mapping[str, Any]) -> list[Signal]:
    """Those of the rows that the actor may see: the signals of a confidential incident are its readers'."""
    return [of_row(row) for row in sight.rows(tx, wanted, table.c.incident_id, asked)]


def still_fire(tx: Tx, incident_id: str) -> bool:
    """Whether any signal on this incident has not cleared."""
    lasting = table.c.source != reporting.SOURCE  # what a user says is of a moment, and nobody says when it is over
    on_it = (table.c.incident_id == incident_id) & (table.c.state != State.RESOLVED) & lasting
    return tx.first(select(table.c.id).where(on_it).limit(1)) is not None


# ---- Flapping ----


def turns_of(signal: Signal) -> Turns:
    """What is remembered of its changes."""
    return Turns(tuple(from_millis(one) for one in signal.turns), signal.flapping_since, signal.calm_at)


def with_turns(signal: Signal, turns: Turns) -> Signal:
    kept = [to_millis(one) for one in turns.at]
    return replace(signal, turns=kept, flapping_since=turns.flapping_since, calm_at=turns.calm_at)


def is_loud(signal: Signal) -> bool:
    """Whether it fires, or flaps and may do so at any moment."""
    return signal.state is not State.RESOLVED or signal.flapping_since is not None


def still_flap(tx: Tx, incident_id: str) -> bool:
    """Whether any signal on this incident may fire again at any moment, though it has cleared."""
    on_it = (table.c.incident_id == incident_id) & (table.c.calm_at > tx.now)
    return tx.first(select(table.c.id).where(on_it).limit(1)) is not None


def next_calm(tx: Tx) -> datetime | None:
    """When the next signal that flaps is calm, unless it changes before."""
    soonest: datetime | None = tx.scalar(select(func.min(table.c.calm_at)))
    return soonest


def take_calm(tx: Tx, limit: int) -> list[Signal]:
    """Signals that flapped and are calm, for whoever says so now; one unit of work at a time."""
    if not may_decide(tx):
        return []
    due = select(table).where(table.c.calm_at <= tx.now).order_by(table.c.calm_at, table.c.id).limit(limit)
    return [of_row(row) for row in tx.all(due)]


def decode_one(body: str) -> Arrival:
    """An arrival that was encoded alone."""
    return _decoder.decode(body)


_NAMES, _STATES = tuple(table.c.keys()), {one.value: one for one in State}
_TRIGGERS, _DISPOSITIONS = {one.value: one for one in Trigger}, {one.value: one for one in Disposition}


def of_row(row: Row[Any]) -> Signal:
    """A row of the whole table as a signal."""
    values = dict(zip(_NAMES, row, strict=True))
    values["state"], values["trigger"] = _STATES[values["state"]], _TRIGGERS[values["trigger"]]
    values["disposition"] = _DISPOSITIONS[values["disposition"]]
    values["turns"] = values["turns"] or []  # there is none where an earlier release wrote
    values["history"] = values["history"] or []
    return made(Signal, values)
