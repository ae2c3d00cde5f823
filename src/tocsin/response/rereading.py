"""Reading again what could not be read, after its reader was mended or the plan was.

What is read goes the way of everything that arrives: changes into the register, signals into the inbox.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from tocsin.changes import commands as changing
from tocsin.changes.model import Report
from tocsin.db.engine import Tx
from tocsin.kit.errors import Refused, TocsinError
from tocsin.kit.ids import new_id
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.signals import alertmanager, formats, mapping, pagerduty, pagerduty_generic, quarantine, sentryevents
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.quarantine import Quarantined
from tocsin.signals.senders.sent import Sent, Told
from tocsin.signals.senders.table import SENDERS

MOST = 100  # bodies read in one unit of work
PAGERDUTY = "pagerduty"
INBOX = "inbox"
UNAUTHENTICATED = "unauthenticated"


class ReadAlready(Refused):
    """It was read again already; its signals are in the inbox, or have been decided."""


@dataclass(frozen=True)
class Reread:
    """How reading a body again went. `problem` is empty where it went well."""

    id: int
    signals: int
    changes: int
    problem: str

    @property
    def said(self) -> str:
        if self.problem:
            return self.problem
        counts = ((self.signals, "signal"), (self.changes, "change"))
        parts = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
        return f"Read: {' and '.join(parts) or 'it says nothing'}."


class CanNotBeRead(Refused):
    """It can't be read again."""


def read_again(tx: Tx, quarantine_id: int) -> Reread:
    """Read one body again, and write down how that went. A body that still can't be read stays where it is."""
    access.require(tx.actor, access.SIGNAL_WRITE)
    access.require(tx.actor, access.INCIDENT_READ)
    kept = quarantine.load(tx, quarantine_id)
    if kept.read_at is not None:
        raise ReadAlready
    return _again(tx, kept)


def read_all_again(tx: Tx) -> list[Reread]:
    """Read every body again that could not be read so far, the oldest first, as many as fit into one unit of work."""
    access.require(tx.actor, access.SIGNAL_WRITE)
    access.require(tx.actor, access.INCIDENT_READ)
    unread = [one for one in quarantine.listed(tx, quarantine.MOST_KEPT) if one.read_at is None]
    return [_again(tx, one) for one in unread[::-1][:MOST]]


def _again(tx: Tx, kept: Quarantined) -> Reread:
    try:
        told = _told(tx, kept)
    except TocsinError as error:
        quarantine.note_reading(tx, kept.id, error.message, is_read=False)
        return Reread(kept.id, 0, 0, error.message)
    arrivals = [one for one in told if isinstance(one, Arrival)]
    reports = [one for one in told if isinstance(one, Report)]
    signals.accept(tx, [signals.encode(one) for one in arrivals])
    for report in reports:
        changing.tell(tx, report)
    found = Reread(kept.id, len(arrivals), len(reports), "")
    quarantine.note_reading(tx, kept.id, found.said, is_read=True)
    return found


def _as_kept(body: str) -> list[Arrival]:
    """A signal as the inbox kept it. Raises Unreadable where this release can't read it either."""
    try:
        return [signals.decode_one(body)]
    except msgspec.MsgspecError as error:
        raise formats.Unreadable([f"This release can't read it either: {error}"]) from None


def _told(tx: Tx, kept: Quarantined) -> Sequence[Told]:
    """What the body says, by the reader of its sender as that is now. Raises TocsinError."""
    if kept.sender == UNAUTHENTICATED:
        raise CanNotBeRead("It came with a key that nobody knows, so nobody answers for it; it has to be sent again.")
    body = kept.body.encode()
    if not (kept.asked or {}).get("is_whole", len(body) == kept.size):
        raise CanNotBeRead("Only a part of it was kept, or not its very bytes: it has to be sent again.")
    if kept.sender == INBOX:
        return _as_kept(kept.body)
    if kept.source in SENDERS and SENDERS[kept.source].seal is not None:
        raise CanNotBeRead("Its seal can't be checked again: it has to be sent again.")
    if kept.source in SENDERS:
        return SENDERS[kept.source].read(_sent(tx, kept, body))
    if kept.source == PAGERDUTY:
        return _event(kept, body, tx.now)
    if kept.source.startswith(mapping.PREFIX):
        return _of_the_plan(tx, kept.source.removeprefix(mapping.PREFIX), body)
    if kept.source in _READERS:
        return _READERS[kept.source](body)
    raise CanNotBeRead(f"Nothing reads bodies of {kept.source} any more.")


def _sent(tx: Tx, kept: Quarantined, body: bytes) -> Sent:
    asked = kept.asked or {}
    return Sent(
        body=body,
        now=tx.now,
        path=tuple(asked.get("path", ())),
        query=dict(asked.get("query", {})),
        headers=dict(asked.get("headers", {})),
    )


def _event(kept: Quarantined, body: bytes, now: datetime) -> list[Told]:
    """What goes to PagerDuty: an event, one of the older generic kind, or a change, by the address it came to."""
    match (kept.asked or {}).get("path", ()):
        case [*_, "change", "enqueue"]:
            report = pagerduty.read_change(body).report
            return [replace(report, at=min(report.at, now) if report.at else None)]
        case ["generic", *_]:
            return [pagerduty_generic.read(body, _new_key).arrival]
        case _:
            return [pagerduty.read(body, _new_key).arrival]


def _new_key() -> str:
    return new_id("key")


def _of_the_plan(tx: Tx, name: str, body: bytes) -> list[Arrival]:
    sender = plans.current(tx).senders.get(name)
    if sender is None:
        raise CanNotBeRead(f"The plan has no sender called {name}; write it under `senders`, and read this again.")
    return mapping.read(name, sender, body)


_READERS: Mapping[str, Callable[[bytes], list[Arrival]]] = {
    "generic": formats.generic,
    alertmanager.SOURCE: alertmanager.read,
    sentryevents.SOURCE: lambda body: sentryevents.read(sentryevents.project(body), body),
}
