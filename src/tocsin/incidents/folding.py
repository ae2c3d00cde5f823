"""How the record of an incident is read: its timeline, folded into what it comes to.

Pure functions. What each verb adds to the record, and refuses, is in `lifecycle`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

from tocsin.incidents import relation, silence, work
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.correction import FIELD, Moment, TimeCorrected
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    Disclosed,
    Escalated,
    FellDue,
    GlassBroken,
    Incident,
    MadeConfidential,
    Mitigated,
    Noted,
    Numbered,
    ObligationWaived,
    Paged,
    Recovered,
    Renamed,
    Reopened,
    Resolved,
    ResponderAdded,
    ResponderRemoved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    Secrecy,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Status,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, MessageKept, PlaceEntry
from tocsin.incidents.relation import Absorbed, Linked, Merged, RelationEntry, SplitFrom, SplitOff, Unlinked
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.telling import Telling
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Verified,
    Work,
)
from tocsin.kit.actor import SYSTEM
from tocsin.plan.model import Stage


def fold(incident_id: str, entries: Iterable[Numbered]) -> Incident:
    """Read a timeline. The first entry is `Declared`; anything else is a damaged record and raises ValueError."""
    record = iter(entries)
    first = next(record, None)
    if first is None:
        raise ValueError(f"{incident_id} has no entries")
    return follow(begun(incident_id, first), record)


def follow(incident: Incident, more: Iterable[Numbered]) -> Incident:
    """The incident after these entries, in one go: no rule asks how long the record is."""
    draft: Incident = incident.draft()
    last: Numbered | None = None
    for number, last in enumerate(more, start=incident.entries + 1):
        if last.number != number:
            raise ValueError(f"the record of {incident.id} has no entry {number}")
        draft = silence.after(_after(draft, last.entry), last.entry)
    return incident if last is None else Incident.changed(draft, **_up_to(last))


def begun(incident_id: str, first: Numbered) -> Incident:
    """The incident as its first entry declares it."""
    if not isinstance(first.entry, Declared) or first.number != 1:
        raise ValueError(f"the record of {incident_id} does not begin with its declaration")
    return _begin(incident_id, first.entry).changed(**_up_to(first))


def _up_to(last: Numbered) -> dict[str, Any]:
    return {"entries": last.number, "head": last.hash, "updated_at": last.entry.at}


def _begin(incident_id: str, entry: Declared) -> Incident:
    return Incident(
        id=incident_id,
        entries=1,
        number=entry.number,
        title=entry.title,
        status=Status.INVESTIGATING,
        severity=entry.severity,
        type=entry.type,
        service=entry.service,
        components=entry.components,
        source=entry.source,
        trigger=entry.trigger,
        why=entry.why,
        impact=entry.impact,
        plan_revision=entry.plan_revision,
        started_at=entry.started_at,
        detected_at=entry.detected_at,
        declared_at=entry.at,
        level_at=entry.at,
        declared_by=entry.by,
        responders=() if entry.by == SYSTEM.handle else (entry.by,),
        severity_by=entry.by,
        updated_at=entry.at,
    )


def _after(incident: Incident, entry: AnyEntry) -> Incident:
    match entry:
        case Declared():
            raise ValueError(f"{incident.id} is declared twice")
        case Noted() | Decided() | SignalAttached() | SignalCleared() | SignalsGathered() | Escalated() | Undelivered():
            return incident  # first: most entries are of these kinds
        case SignalFlapped() | EscalationAsked() | Declined() | Snoozed() | SnoozeEnded() | AskedAgain() | Telling():
            return incident  # whom that pages is an entry of its own; what is said of silence `silence` reads
        case Paged():
            return incident.changed(steps_paged=entry.step + 1, responders=_with(incident, *entry.people))
        case Acknowledged():
            first = incident.first_acknowledged_at or entry.at
            # Through a tool of its own name it was the tool, not a person.
            responders = incident.responders if entry.through == entry.by else _with(incident, entry.by)
            answered = {"acknowledged_by": entry.by, "first_acknowledged_at": first, "responders": responders}
            # Asked again, they answer once more: since when somebody answers for it does not change.
            return incident.changed(acknowledged_at=incident.acknowledged_at or entry.at, **answered)
        case RoleAssigned():
            roles = {**incident.roles, entry.role: entry.person}
            return incident.changed(roles=roles, responders=_with(incident, entry.person))
        case SeverityChanged():
            return _at_new_level(incident, entry)
        case TypeChanged() | Renamed():
            return _otherwise(incident, entry)
        case Updated():
            last = {**incident.last_update_at, entry.audience: entry.at}
            told = _heard(incident, entry.audience, entry.at) if entry.counts else incident
            noticed = entry.at if entry.notice else incident.notice_at
            return told.changed(last_update_at=last, stage=entry.stage or incident.stage, notice_at=noticed)
        case Mitigated():
            status = Status.MITIGATING
            return incident.changed(status=status, mitigated_at=incident.mitigated_at or entry.at)
        case Resolved():
            return incident.changed(status=Status.WATCHING, resolved_at=entry.at, silent_at={})
        case Recovered():
            return incident.changed(status=Status.RESOLVED, recovered_at=entry.at)
        case Reopened():
            return _again(incident, entry)
        case Closed():
            return incident.changed(status=Status.CLOSED, closed_at=entry.at)
        case ReviewScheduled():
            return incident.changed(review_at=entry.meeting_at)
        case ReviewHeld():
            return incident.changed(review_held_at=entry.at)
        case FellDue():
            kind, _, audience = entry.key.partition(":")
            silent = {**incident.silent_at, audience: entry.due_at}
            return incident.changed(silent_at=silent) if kind == "update" else incident
        case ObligationWaived():
            return _waived(incident, entry)
        case MadeConfidential() | Disclosed() | ResponderAdded() | ResponderRemoved() | GlassBroken():
            return _read_by(incident, entry)
        case ImpactAssessed():
            return incident.changed(assessed=entry)
        case TimeCorrected():
            return _corrected(incident, entry)
        case (
            Found()
            | StrategyChosen()
            | Deployed()
            | Verified()
            | RecoveryConfirmed()
            | Thanked()
            | ItemTicked()
            | ItemUnticked()
            | DutiesChanged()
            | SupportContacted()
        ):
            return incident.changed(work=work.after(incident.work, entry))
        case Merged() | Absorbed() | Linked() | Unlinked() | SplitOff() | SplitFrom():
            return _tied(incident, entry)
        case ChannelOpened() | ChannelFailed() | ChannelLeft() | CallOpened() | MessageKept():
            return _meeting(incident, entry)
    assert_never(entry)


def _otherwise(incident: Incident, entry: TypeChanged | Renamed) -> Incident:
    return incident.changed(type=entry.type) if isinstance(entry, TypeChanged) else incident.changed(title=entry.title)


def _meeting(incident: Incident, entry: PlaceEntry) -> Incident:
    match entry:
        case ChannelOpened():
            return incident.changed(channel=entry)
        case CallOpened():
            return incident.changed(call=entry.link)
        case _:
            return incident


def _corrected(incident: Incident, entry: TimeCorrected) -> Incident:
    changed = {FIELD[entry.moment]: entry.instant}
    if entry.moment is Moment.ACKNOWLEDGED and incident.acknowledged_at == incident.first_acknowledged_at:
        changed["acknowledged_at"] = entry.instant  # it was the answer that still holds
    return incident.changed(**changed)


def _tied(incident: Incident, entry: RelationEntry) -> Incident:
    tied = incident.changed(relations=relation.after(incident.relations, entry))
    match entry:
        case Merged():
            return tied.changed(status=Status.MERGED, merged_into=entry.into)
        case Absorbed():
            return tied.changed(components=tuple(dict.fromkeys((*incident.components, *entry.components))))
        case _:
            return tied


def _read_by(incident: Incident, entry: Secrecy) -> Incident:
    match entry:
        case MadeConfidential():
            named = _with(incident, *entry.readers, *(() if entry.by == SYSTEM.handle else (entry.by,)))
            return incident.changed(confidential_at=entry.at, responders=named, stage=None, notice_at=None)
        case Disclosed():
            return incident.changed(confidential_at=None, guests={})
        case ResponderAdded():
            return incident.changed(responders=_with(incident, entry.person))
        case ResponderRemoved():
            responders = tuple(one for one in incident.responders if one != entry.person)
            guests = {one: until for one, until in incident.guests.items() if one != entry.person}
            return incident.changed(responders=responders, guests=guests)
        case GlassBroken():
            return incident.changed(guests={**incident.guests, entry.by: entry.until})
    assert_never(entry)


def _with(incident: Incident, *people: str) -> tuple[str, ...]:
    """The responders, with these among them."""
    return tuple(dict.fromkeys([*incident.responders, *people]))


def _at_new_level(incident: Incident, entry: SeverityChanged) -> Incident:
    """A raised level starts its clocks now; a lowered one counts from the declaration, so lowering gains time only."""
    level_at = entry.at if entry.raised else incident.reopened_at or incident.declared_at
    steps = 0 if entry.raised else incident.steps_paged
    level = {"severity": entry.severity, "severity_by": entry.by, "level_at": level_at}
    return incident.changed(**level, level_because=entry.because, spent=(), silent_at={}, steps_paged=steps)


def _again(incident: Incident, entry: Reopened) -> Incident:
    return incident.changed(
        status=Status.INVESTIGATING,
        reopened_at=entry.at,
        level_at=entry.at,
        acknowledged_at=None,
        acknowledged_by=None,
        mitigated_at=None,
        resolved_at=None,
        recovered_at=None,
        closed_at=None,
        review_at=None,
        review_held_at=None,
        stage=Stage.INVESTIGATING if incident.stage else None,
        notice_at=None,
        steps_paged=0,
        told_at={},
        silent_at={},
        spent=(),
        waived=(),
        work=Work(causes=incident.work.causes, cause_at=incident.work.cause_at),
    )


def _waived(incident: Incident, entry: ObligationWaived) -> Incident:
    """A waived update lets its cadence begin anew; any other obligation is not owed again at this level."""
    kind, _, audience = entry.key.partition(":")
    waived = incident.changed(waived=(*incident.waived, entry.key))
    if kind == "update":
        return _heard(waived, audience, entry.at)
    return waived.changed(spent=(*incident.spent, entry.key))


def _heard(incident: Incident, audience: str, at: datetime) -> Incident:
    """From here the cadence of this audience counts; whatever was overdue is done with."""
    silent = {one: due_at for one, due_at in incident.silent_at.items() if one != audience}
    return incident.changed(told_at={**incident.told_at, audience: at}, silent_at=silent)
