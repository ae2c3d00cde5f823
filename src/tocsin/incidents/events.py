"""Of what entries other programs are told, and what they are told of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from tocsin.events.model import EventType
from tocsin.incidents.answer import Answer, Declined
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Declared,
    Escalated,
    FellDue,
    Incident,
    Numbered,
    Paged,
    Renamed,
    Reopened,
    Resolved,
    RoleAssigned,
    SeverityChanged,
    TypeChanged,
    Updated,
)

Told = tuple[EventType, dict[str, Any]]


def of_entries(before: Incident | None, after: Incident, entries: Sequence[Numbered]) -> list[Told]:
    """What is told of entries, and of the status that they brought about."""
    told = [(kind, {"by": one.entry.by, **data}) for one in entries for kind, data in _of(one.number, one.entry)]
    if before is not None and before.status != after.status:
        by = entries[-1].entry.by
        told.append((EventType.PHASE_CHANGED, {"by": by, "before": before.status, "status": after.status}))
    about = msgspec.Raw(msgspec.json.encode(summary(after))) if told else None  # once, however much is told of it
    return [(kind, {"incident": about, **data}) for kind, data in told]


def missed(incident: Incident, key: str, what: str, due_at: datetime) -> Told:
    """What is told of a promise that was not kept."""
    about = {"incident": summary(incident), "key": key, "what": what, "due_at": due_at}
    return EventType.OBLIGATION_MISSED, about


def summary(incident: Incident) -> dict[str, Any]:
    """An incident in short."""
    names = ("id", "number", "title", "severity", "status", "type", "service", "declared_at")
    return {name: getattr(incident, name) for name in names}


def _of(number: int, entry: AnyEntry) -> list[Told]:
    match entry:
        case Declared():
            return [(EventType.INCIDENT_DECLARED, {})]
        case Acknowledged():
            return [
                (EventType.INCIDENT_ACKNOWLEDGED, {}),
                (EventType.PAGE_ANSWERED, {"answer": Answer.ACKNOWLEDGE}),
            ]
        case Declined():
            return [(EventType.PAGE_ANSWERED, {"answer": Answer.DECLINE})]
        case Paged(people=people, unreachable=unreachable):
            about = {"step": entry.step, "people": people, "unreachable": unreachable, "answer_by": entry.answer_by}
            return [(EventType.PAGE_SENT, about)]
        case Escalated():
            return [(EventType.PAGE_UNANSWERED, {"step": entry.step, "why": entry.why})]
        case SeverityChanged():
            about = {"severity": entry.severity, "before": entry.before, "raised": entry.raised}
            return [(EventType.SEVERITY_CHANGED, {**about, "because": entry.because})]
        case Renamed():
            return [(EventType.TITLE_CHANGED, {"title": entry.title, "before": entry.before})]
        case TypeChanged():
            return [(EventType.TYPE_CHANGED, {"type": entry.type, "before": entry.before, "because": entry.because})]
        case RoleAssigned():
            return [(EventType.ROLE_TAKEN, {"role": entry.role, "person": entry.person, "before": entry.before})]
        case Updated():
            said = {"audience": entry.audience, "text": entry.text, "stage": entry.stage, "number": number}
            return [(EventType.UPDATE_PUBLISHED, said)]
        case FellDue():
            return [(EventType.OBLIGATION_DUE, {"key": entry.key, "what": entry.what, "due_at": entry.due_at})]
        case Resolved():
            return [(EventType.INCIDENT_RESOLVED, {"how": entry.how})]
        case Reopened():
            return [(EventType.INCIDENT_REOPENED, {"because": entry.because})]
        case Closed():
            return [(EventType.INCIDENT_CLOSED, {})]
        case _:
            return []
