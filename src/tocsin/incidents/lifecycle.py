"""The rules of an incident: what each verb adds to its record.

Pure functions. A verb returns the entries to append, none if it would change nothing, or raises a refusal.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import assert_never

from tocsin.incidents import completing
from tocsin.incidents.model import (
    WORKING,
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Incident,
    Mitigated,
    Noted,
    ObligationWaived,
    Recovered,
    Renamed,
    Reopened,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    Status,
    TypeChanged,
    Updated,
)
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


def rename(incident: Incident, title: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Whatever state it is in: a title that misleads does so in the post-mortem too."""
    require_here(incident)
    title = said(title, "title", TITLE_MOST)
    return [] if title == incident.title else [Renamed(at=now, by=by, title=title, before=incident.title)]


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
    return [] if incident.acknowledged_at else [Acknowledged(at=now, by=by, through=WORKING)]


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
