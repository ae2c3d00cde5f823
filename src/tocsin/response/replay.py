"""An incident as it stood at an instant: its state, what was owed, and who knew what. Nothing is computed but from what
was written down, so that a replay of the present is the present.

Only entries up to the instant are read. An obligation stood as its own instants say; a message had arrived if it was
sent by then. `under` reads the same record by the rules of another plan.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, MessageState
from tocsin.incidents import folding
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Declined
from tocsin.incidents.model import Acknowledged, Incident, Numbered, Paged, Resolved, Undelivered, Updated
from tocsin.kit.errors import Invalid
from tocsin.kit.text import utc
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Kind, Obligation, State
from tocsin.people import access
from tocsin.plan.model import Stage


class NotYetDeclared(Invalid):
    """At that instant the incident was not declared yet."""


class StillToCome(Invalid):
    """That instant is still to come."""


@dataclass(frozen=True)
class Told:
    """An update that went to an audience."""

    entry: int
    at: datetime
    audience: str
    stage: Stage | None
    text: str


@dataclass(frozen=True)
class Heard:
    """An update that was sent to somebody; `reached_at` is when the other side had taken it, if it had."""

    entry: int
    audience: str
    sent_at: datetime
    reached_at: datetime | None


@dataclass(frozen=True)
class Person:
    """What somebody knew: since when paged and reached, when they answered, what they did and were told."""

    handle: str
    roles: tuple[str, ...]
    paged_at: datetime | None
    reached_at: datetime | None
    answered_at: datetime | None
    wrote: int  # entries
    heard: tuple[Heard, ...]


@dataclass(frozen=True)
class Moment:
    """How an incident stood. `before_at` and `after_at` are the neighbouring instants of its record."""

    at: datetime
    incident: Incident
    entries: tuple[Numbered, ...]
    ledger: tuple[Obligation, ...]
    messages: tuple[Message, ...]
    before_at: datetime | None
    after_at: datetime | None
    of: int  # entries in the whole record

    @property
    def standing(self) -> tuple[Obligation, ...]:
        """What was open, soonest first."""
        return tuple(sorted((one for one in self.ledger if one.state is State.OPEN), key=lambda one: one.due_at))

    @property
    def told(self) -> tuple[Told, ...]:
        """Every update so far, in order."""
        found = ((one.number, one.entry) for one in self.entries)
        return tuple(
            Told(number, entry.at, entry.audience, entry.stage, entry.text)
            for number, entry in found
            if isinstance(entry, Updated)
        )

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody whom the record has to do with, in the order in which it met them."""
        handles: dict[str, None] = {}
        for numbered in self.entries:
            handles.update(dict.fromkeys(_handles(numbered)))
        handles.pop("tocsin", None)
        return tuple(_person(self, handle) for handle in handles)


def load(tx: Tx, incident_id: str, at: datetime | None) -> Moment:
    """The incident at an instant; as it is, without one. Raises NotYetDeclared and StillToCome."""
    access.require(tx.actor, access.INCIDENT_READ)
    if at is not None and at > tx.now:
        raise StillToCome(field="at")
    incidents.load(tx, incident_id)  # who may not see it learns nothing of it
    return moment(
        incident_id,
        incidents.timeline(tx, incident_id),
        obligations.for_incident(tx, incident_id),
        outbox.for_incident(tx, incident_id),
        at or tx.now,
    )


def instant_of(tx: Tx, incident_id: str, number: int) -> datetime:
    """When an entry was written; of a number that is out of range, the nearest."""
    incidents.load(tx, incident_id)
    entries = incidents.timeline(tx, incident_id)
    return entries[min(max(number, 1), len(entries)) - 1].entry.at


def moment(
    incident_id: str,
    record: Sequence[Numbered],
    ledger: Iterable[Obligation],
    messages: Iterable[Message],
    at: datetime,
) -> Moment:
    """What was so at an instant, of what is known now."""
    entries = tuple(takewhile(lambda one: one.entry.at <= at, record))
    if not entries:
        raise NotYetDeclared(f"The incident was declared at {utc(record[0].entry.at)}.", field="at")
    later = record[len(entries) :]
    before_at = max((one.entry.at for one in entries if one.entry.at < at), default=None)
    return Moment(
        at=at,
        incident=folding.fold(incident_id, entries),
        entries=entries,
        ledger=tuple(_then(one, entries, at) for one in ledger if one.opened_at <= at),
        messages=tuple(_message_then(one, record, at) for one in messages if one.created_at <= at),
        before_at=before_at,
        after_at=later[0].entry.at if later else None,
        of=len(record),
    )


# ---- What was owed ---------------------------------------------------------------------------------------------------


def _then(one: Obligation, entries: Sequence[Numbered], at: datetime) -> Obligation:
    """An obligation as it stood: without what was written onto its row later."""
    due_at = _answer_by(one, entries) if one.kind is Kind.ANSWER and at < one.due_at else one.due_at
    was_open = one.settled_at is not None and one.settled_at > at
    later: dict[str, Any] = {
        field.name: field.default for field in fields(one) if _is_of_later(field.name, one, at, was_open=was_open)
    }
    return replace(one, due_at=due_at, state=State.OPEN if was_open else one.state, **later)


def _is_of_later(name: str, one: Obligation, at: datetime, *, was_open: bool) -> bool:
    if name in OF_THE_END:
        return was_open
    value = getattr(one, name)
    return name in ON_THE_WAY and value is not None and value > at


OF_THE_END = ("settled_at", "settled_by", "evidence", "proof")
ON_THE_WAY = ("warned_at", "overdue_at")  # instants that come to a row before its end, as far as it keeps them


def _answer_by(one: Obligation, entries: Sequence[Numbered]) -> datetime:
    """Until when a page was to be answered, before it was known that nobody could answer it any more."""
    paged = (each.entry for each in entries if isinstance(each.entry, Paged) and each.entry.at == one.opened_at)
    said = [entry.answer_by for entry in paged if one.key == f"{ANSWER_PREFIX}{entry.step}"]
    return one.due_at if one.due_at in said else next(reversed(said), one.due_at)


# ---- What had left and arrived ---------------------------------------------------------------------------------------


def _message_then(message: Message, record: Sequence[Numbered], at: datetime) -> Message:
    if message.sent_at is not None:
        arrived = message.sent_at <= at
        return message if arrived else replace(message, state=MessageState.QUEUED, sent_at=None, last_error="")
    died_at = _died_at(message, record) if message.state is MessageState.DEAD else None
    if died_at is not None and died_at > at:
        return replace(message, state=MessageState.QUEUED, last_error="")
    return message


def _died_at(message: Message, record: Sequence[Numbered]) -> datetime | None:
    """When a page was given up or withdrawn, as the record tells; for other messages it does not."""
    if message.page_id is None:
        return None
    for numbered in record:
        entry = numbered.entry
        if entry.at < message.created_at:
            continue
        lost = isinstance(entry, Undelivered) and entry.to == (message.person or message.address)
        declined = isinstance(entry, Declined) and entry.by == message.person
        if lost or declined or isinstance(entry, Acknowledged | Resolved):
            return entry.at
    return None


# ---- Who knew what ---------------------------------------------------------------------------------------------------


def _handles(numbered: Numbered) -> Iterator[str]:
    entry = numbered.entry
    yield entry.by
    match entry:
        case Paged(people=people, unreachable=unreachable):
            yield from people
            yield from unreachable
        case Updated(recipients=recipients):
            yield from recipients
        case _:
            yield from (str(handle) for handle in [getattr(entry, "person", None)] if handle)


def _person(moment: Moment, handle: str) -> Person:
    mine = [one for one in moment.messages if one.person == handle]
    paged = [one.entry.at for one in moment.entries if isinstance(one.entry, Paged) and handle in one.entry.people]
    reached = [one.sent_at for one in mine if one.page_id and one.sent_at]
    answered = (one.entry for one in moment.entries if isinstance(one.entry, Acknowledged))
    return Person(
        handle=handle,
        roles=tuple(role for role, holder in moment.incident.roles.items() if holder == handle),
        paged_at=min(paged, default=None),
        reached_at=min(reached, default=None),
        answered_at=next((entry.at for entry in answered if entry.by == handle), None),
        wrote=sum(one.entry.by == handle for one in moment.entries),
        heard=tuple(_heard(moment.entries, mine)),
    )


def _heard(entries: Sequence[Numbered], mine: Sequence[Message]) -> Iterator[Heard]:
    """An update and its message are of one unit of work, and carry its instant."""
    sent: Mapping[tuple[str, datetime], Message] = {(one.audience, one.created_at): one for one in mine}
    for numbered in entries:
        entry = numbered.entry
        if isinstance(entry, Updated) and (message := sent.get((entry.audience, entry.at))):
            yield Heard(numbered.number, entry.audience, entry.at, message.sent_at)
