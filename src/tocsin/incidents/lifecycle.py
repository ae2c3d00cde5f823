"""The rules of an incident: what each verb adds to its record, and how the record is read.

Pure functions. A verb returns the entries to append, none if it would change nothing, or raises a refusal.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, assert_never

from tocsin.incidents import completing, relation, silence, work
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
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.obligations.model import Obligation
from tocsin.plan.model import RESPONDERS, Condition, Need, Plan, Stage


class AlreadyResolved(Refused):
    """The incident is resolved; reopen it first."""


class AlreadyClosed(Refused):
    """The incident is closed; reopen it first."""


class MergedAway(Refused):
    """The incident was merged into another one; go on there."""


class NotResolved(Refused):
    """The incident is not resolved yet."""


class NotOpenAgain(Refused):
    """The incident is open; there is nothing to reopen."""


class StillOwed(Refused):
    """The plan requires more before this incident is closed."""


class HeldByAnother(Refused):
    """Somebody else holds the role by now."""


class UnknownWord(Invalid):
    """The plan knows no such word."""


class TooLong(Invalid):
    """The record takes no more words than this."""


class Empty(Invalid):
    """Say something: the record needs the words."""


def acknowledge(incident: Incident, *, by: str, now: datetime, through: str = "web") -> list[AnyEntry]:
    require_unresolved(incident)
    return [Acknowledged(at=now, by=by, through=through)] if incident.awaits_answer else []


def assign(
    plan: Plan, incident: Incident, role: str, person: str, *, by: str, now: datetime, seen: str | None = None
) -> list[AnyEntry]:
    """`seen` is whom they saw holding it when they decided so, empty for nobody; None where they did not look."""
    require_open(incident)
    known("role", role, plan.roles)
    known("person", person, plan.people)
    before = incident.roles.get(role)
    if before == person:
        return []
    if seen is not None and seen != (before or ""):
        raise HeldByAnother(_held_by_now(plan, role, before))
    return [RoleAssigned(at=now, by=by, role=role, person=person, before=before)]


def _held_by_now(plan: Plan, role: str, holder: str | None) -> str:
    who = "Nobody" if holder is None else plan.people[holder].name if holder in plan.people else holder
    change = "took it since you looked" if holder else "holds it any more"
    return f"{plan.roles[role].name}: {who} {change}. Nothing was changed; do it again if you still mean it."


def change_severity(
    plan: Plan, incident: Incident, severity: str, because: str, *, by: str, now: datetime
) -> list[AnyEntry]:
    require_open(incident)
    known("severity", severity, plan.severities)
    if severity == incident.severity:
        return []
    raised = plan.worse(severity, incident.severity)
    before = incident.severity
    return [
        SeverityChanged(
            at=now, by=by, severity=severity, before=before, raised=raised, because=said(because, "because")
        )
    ]


def change_type(plan: Plan, incident: Incident, kind: str, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    require_open(incident)
    known("type", kind, plan.types)
    if kind == incident.type:
        return []
    return [TypeChanged(at=now, by=by, type=kind, before=incident.type, because=said(because, "because"))]


def note(incident: Incident, text: str, *, by: str, now: datetime) -> list[AnyEntry]:
    require_here(incident)
    return [Noted(at=now, by=by, text=said(text))]


def decide(
    incident: Incident,
    decision: str,
    because: str,
    *,
    by: str,
    now: datetime,
    decider: str = "",
    options: Iterable[str] = (),
    basis: str = "",
) -> list[AnyEntry]:
    require_here(incident)
    decided = Decided(
        at=now,
        by=by,
        decision=said(decision, "decision"),
        because=said(because, "because"),
        decider="" if decider == by else decider,
        options=tuple(one.strip() for one in options if one.strip()),
        basis=basis.strip(),
    )
    return [decided]


def tell(
    incident: Incident,
    *,
    audience: str,
    text: str,
    stage: Stage | None,
    fields: Mapping[str, str],
    recipients: tuple[str, ...],
    counts: bool = True,
    notice: bool = False,
    by: str,
    now: datetime,
) -> list[Updated]:
    """Post an update. The public is not told that it is resolved while it is not."""
    require_open(incident)
    if stage in (Stage.MONITORING, Stage.RESOLVED) and not incident.is_resolved:
        raise NotResolved(f"The incident is not resolved; the public can't be told that it is {stage}.")
    updated = Updated(
        at=now,
        by=by,
        audience=audience,
        text=said(text),
        counts=counts,
        stage=stage,
        fields=dict(fields),
        recipients=recipients,
        notice=notice,
    )
    return [updated]


def waive(incident: Incident, duty: Obligation, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Say that something owed need not be done this time. One that is overdue may be waived, and the record says so."""
    reason = said(because, "because")
    return [ObligationWaived(at=now, by=by, key=duty.key, what=duty.what, because=reason, due_at=duty.due_at)]


def mitigate(incident: Incident, how: str, *, by: str, now: datetime) -> list[AnyEntry]:
    require_unresolved(incident)
    return [*_acknowledged_by_working(incident, by, now), Mitigated(at=now, by=by, how=said(how, "how"))]


def resolve(
    incident: Incident, how: str, *, by: str, now: datetime, unverified: tuple[str, ...] = (), because: str = ""
) -> list[AnyEntry]:
    """The fix is in. What of the plan's verification may be passed over, and why, is decided in `working`."""
    require_unresolved(incident)
    resolved = Resolved(at=now, by=by, how=said(how, "how"), unverified=unverified, because=because)
    return [*_acknowledged_by_working(incident, by, now), resolved]


def recover(incident: Incident, *, by: str, now: datetime) -> list[AnyEntry]:
    """The watch has passed without a regression."""
    if incident.status is not Status.WATCHING or incident.resolved_at is None:
        return []
    watched = now - incident.resolved_at
    return [Recovered(at=now, by=by, watched_minutes=int(watched.total_seconds()) // 60)]


def reopen(incident: Incident, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    require_here(incident)
    if not incident.is_resolved:
        raise NotOpenAgain
    return [Reopened(at=now, by=by, because=said(because, "because"))]


def schedule_review(plan: Plan, incident: Incident, meeting_at: datetime, *, by: str, now: datetime) -> list[AnyEntry]:
    require_here(incident)
    if not incident.is_resolved:
        raise NotResolved("A post-mortem is scheduled once the incident is resolved.")
    if meeting_at < now:
        raise Invalid("The meeting would lie in the past.", field="meeting_at")
    return [ReviewScheduled(at=now, by=by, meeting_at=meeting_at, attendees=_attendees(plan, incident))]


def _attendees(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """The people whom the plan wants at the meeting: by name, by team, by the role they held, or as responders."""
    found: dict[str, None] = {}
    for name in plan.review.attendees:
        if name == RESPONDERS:
            acknowledged = (incident.acknowledged_by,) if incident.acknowledged_by in plan.people else ()
            found.update(dict.fromkeys([*incident.roles.values(), *(one for one in acknowledged if one)]))
        elif name in plan.roles:
            found.update(dict.fromkeys([incident.roles[name]] if name in incident.roles else []))
        else:
            found.update(dict.fromkeys(plan.members((name,))))
    return tuple(found)


def hold_review(incident: Incident, *, by: str, now: datetime) -> list[AnyEntry]:
    require_here(incident)
    if not incident.is_resolved:
        raise NotResolved("A post-mortem is held once the incident is resolved.")
    return [] if incident.review_held_at else [ReviewHeld(at=now, by=by)]


def close(plan: Plan, incident: Incident, open_duties: Iterable[str], *, by: str, now: datetime) -> list[AnyEntry]:
    """Close, or refuse and name everything that is missing. `open_duties` are the duties still open, in words."""
    require_here(incident)
    if incident.status is Status.CLOSED:
        return []
    missing = missing_before_close(plan, incident, open_duties)
    if missing:
        raise StillOwed(f"Not yet: {listed(missing)}.")
    return [Closed(at=now, by=by)]


def missing_before_close(plan: Plan, incident: Incident, open_duties: Iterable[str]) -> list[str]:
    """What the plan requires before closing and the record does not show, in words, in the plan's order."""
    missing: list[str] = []
    for condition in plan.recovery.close_requires:
        missing += unmet(condition, plan, incident, open_duties)
    return missing


def unmet(condition: Condition, plan: Plan, incident: Incident, open_duties: Iterable[str] = ()) -> list[str]:
    """What one condition for closing lacks, in words."""
    severity = plan.severities[incident.severity]
    match condition:
        case Condition.RECOVERED:
            if not incident.is_resolved:
                return ["the incident is not resolved"]
            return [] if incident.recovered_at else ["the watch after the fix has not passed"]
        case Condition.FINAL_PUBLIC_UPDATE:
            told = incident.stage is Stage.RESOLVED
            return [] if told or not owes_public(plan, incident) else ["the final public update (stage resolved)"]
        case Condition.REVIEW_SCHEDULED:
            required = severity.post_mortem is Need.REQUIRED and "review" not in incident.waived
            planned = incident.review_at or incident.review_held_at
            return ["the post-mortem is not scheduled"] if required and planned is None else []
        case Condition.DUTIES_SETTLED:
            return [f"still owed: {what}" for what in open_duties]
        case Condition.RESOLUTION_NOTICE:
            wanted = plan.recovery.notice is not None and owes_public(plan, incident)
            return ["the notice to users of how it ended"] if wanted and incident.notice_at is None else []
        case Condition.RECOVERY_CONFIRMED | Condition.TICKET_COMPLETE | Condition.TEAM_THANKED:
            return completing.unmet(condition, plan, incident)
    assert_never(condition)


def owes_public(plan: Plan, incident: Incident) -> bool:
    public = [audience for audience in plan.communication.audiences.values() if audience.public]
    if incident.confidential_at or plan.types[incident.type].private:
        return False
    return incident.stage is not None or any(incident.severity in audience.cadence for audience in public)


def _acknowledged_by_working(incident: Incident, by: str, now: datetime) -> list[AnyEntry]:
    """Whoever mitigates or resolves has plainly answered."""
    return [] if incident.acknowledged_at else [Acknowledged(at=now, by=by, through="working on it")]


def require_here(incident: Incident) -> None:
    """Let pass, unless the work goes on in another incident."""
    if incident.merged_into is not None and incident.confidential_at:
        raise MergedAway  # whoever reads the one need not read the other
    if incident.merged_into is not None:
        raise MergedAway(f"This incident was merged into {incident.merged_into}; go on there.")


def require_open(incident: Incident) -> None:
    require_here(incident)
    if not incident.is_open:
        raise AlreadyClosed


def require_unresolved(incident: Incident) -> None:
    require_open(incident)
    if incident.is_resolved:
        raise AlreadyResolved


def known(what: str, word: str, words: Iterable[str]) -> None:
    """Let a word of the plan pass. Raises UnknownWord, which lists the words there are."""
    if word not in words:
        raise UnknownWord(f"The plan has no {what} called '{word}'; it has {listed(words)}.", field=what)


TEXT_MOST = 20_000  # characters
TITLE_MOST = 1_000


def said(text: str, field: str = "text", most: int = TEXT_MOST) -> str:
    """The words, or a refusal of saying nothing, or too much."""
    if not text.strip():
        raise Empty(field=field)
    if len(text.strip()) > most:
        raise TooLong(f"This is longer than {most} characters.", field=field)
    return text.strip()


def not_after(instant: datetime | None, now: datetime) -> datetime | None:
    """An instant at which something has happened already. Raises Invalid for one that is still to come."""
    if instant is not None and instant > now:
        raise Invalid("This would be in the future.", field="started_at")
    return instant


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
        case TypeChanged():
            return incident.changed(type=entry.type)
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
    return incident.changed(**level, spent=(), silent_at={}, steps_paged=steps)


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
