"""Whether anybody still works on it: an acknowledgement holds only as long as its giver is heard of. Pure.

An entry that a person makes counts as a word; what programs, signals and time write does not. The plan says for each
severity how long the silence may be, and how long at the most somebody may say beforehand that they will be silent.
"""

from datetime import datetime, timedelta

from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.model import (
    AnyEntry,
    Closed,
    Escalated,
    FellDue,
    Incident,
    Paged,
    Reopened,
    Resolved,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Undelivered,
)
from tocsin.incidents.relation import Merged
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.work import DutiesChanged
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import span
from tocsin.plan.model import Plan

AGAIN = -1  # the step at which somebody is asked again; the ladder's own begin at 0

_NOBODYS = frozenset[type[AnyEntry]](
    (
        *(SignalAttached, SignalCleared, SignalFlapped, SignalsGathered, Paged, Escalated, Undelivered),
        *(FellDue, DutiesChanged, AskedAgain),
        *(EscalationAsked, Declined),  # a person's, who says that they do not answer
    )
)


class NotAcknowledged(Refused):
    """Nobody has acknowledged it yet; acknowledge first."""


class NotTheirIncident(Refused):
    """Only somebody who responds to the incident snoozes it."""


class NotSnoozed(Refused):
    """Nobody has snoozed it, or the snooze has ended already."""


class NoSnooze(Refused):
    """The plan lets nobody snooze an incident of this severity."""


def is_word(entry: AnyEntry) -> bool:
    """Whether a person made this entry."""
    if type(entry) in _NOBODYS or entry.by == SYSTEM.handle or entry.by.startswith("token:"):
        return False
    return getattr(entry, "through", None) != entry.by  # else the tool that sent the signal, in its own name


def after(incident: Incident, entry: AnyEntry) -> Incident:
    """What an entry says about silence, of the incident as it is after it."""
    match entry:
        case AskedAgain():
            return incident.changed(asked_again_at=entry.at, snoozed_until=None, snoozed_by=None, steps_paged=AGAIN + 1)
        case Snoozed():
            return incident.changed(
                heard_at=entry.at, asked_again_at=None, snoozed_until=entry.until, snoozed_by=entry.by
            )
        case SnoozeEnded() | Resolved() | Reopened() | Closed() | Merged():
            return incident.changed(heard_at=entry.at, asked_again_at=None, snoozed_until=None, snoozed_by=None)
        case SeverityChanged() if entry.raised:
            awake = incident.changed(snoozed_until=None, snoozed_by=None)
            return awake.changed(heard_at=entry.at, asked_again_at=None) if is_word(entry) else awake
        case _ if is_word(entry):
            return incident.changed(heard_at=entry.at, asked_again_at=None)
        case _:
            return incident


def word_due_at(incident: Incident, silent_after: timedelta) -> datetime | None:
    """When the next word is due from whoever answered; None while none is."""
    if incident.acknowledged_at is None or incident.asked_again_at or incident.snoozed_until:
        return None
    return max(incident.heard_at or incident.acknowledged_at, incident.level_at) + silent_after


def snooze(plan: Plan, incident: Incident, until: datetime, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Say that one will be silent until then. The plan says for how long at the most."""
    most = plan.severities[incident.severity].snooze_most
    if incident.acknowledged_at is None:
        raise NotAcknowledged
    if by not in incident.responders:
        raise NotTheirIncident
    if most is None:
        raise NoSnooze(f"The plan lets nobody snooze a {incident.severity}.")
    if until <= now:
        raise Invalid("That is over already.", field="until")
    if until - now > most:
        raise Invalid(f"The plan allows {span(most)} at the most for a {incident.severity}.", field="until")
    if not because.strip():
        raise Invalid("Say why; whoever waits wants to know.", field="because")
    return [Snoozed(at=now, by=by, until=until, because=because.strip())]


def wake(incident: Incident, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """End the snooze before its time: whoever answers for it is to be heard of again."""
    if incident.snoozed_until is None:
        raise NotSnoozed
    if by not in incident.responders:
        raise NotTheirIncident("Only somebody who responds to the incident ends its snooze.")
    return [SnoozeEnded(at=now, by=by, until=incident.snoozed_until, because=because.strip())]


def asked(incident: Incident, because: str, *, now: datetime) -> list[AnyEntry]:
    """Whoever snoozed it, or else whoever answered for it, is asked again."""
    person = incident.snoozed_by or incident.acknowledged_by
    if person is None or incident.is_resolved:
        return []
    return [AskedAgain(at=now, by=SYSTEM.handle, person=person, because=because)]
