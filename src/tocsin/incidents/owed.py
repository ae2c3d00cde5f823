"""What the plan owes for an incident at this point of its record.

One pure function derives every duty, so that re-deriving after a change of severity, a miss or an update is the same
act as deriving at the declaration. Due times are computed from the record, never advanced.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from tocsin.incidents import confidential, silence
from tocsin.incidents.model import Incident, Status
from tocsin.incidents.work import DutiesChanged
from tocsin.kit.text import span
from tocsin.obligations.model import WAITS, Duty, Kind, Obligation
from tocsin.plan.model import ON_CALL, Audience, Need, Plan, Severity


def owed(plan: Plan, incident: Incident) -> dict[str, Duty]:
    """The duties that should be open now, by key."""
    if incident.status is Status.MERGED:
        return {}  # what is owed is owed for the incident that it was merged into
    if incident.status is Status.CLOSED:
        found = _review(plan, incident)
    elif incident.is_resolved:
        found = _after_the_fix(plan, incident)
    else:
        found = _until_resolved(plan, incident)
    return {duty.key: duty for duty in found if duty.key not in incident.spent}


def difference(
    before: Iterable[Obligation], after: Iterable[Obligation], because: str, *, by: str, now: datetime
) -> list[DutiesChanged]:
    """What changed between two states of what is open, as an entry; none if nothing did. Waits aside."""
    old, new = ({one.key: one for one in those if one.kind not in WAITS} for those in (before, after))
    changed = DutiesChanged(
        at=now,
        by=by,
        because=because[0].upper() + because[1:],
        ended=tuple(old[key].what for key in old if key not in new),
        begun=tuple(f"{one.what}, due {_clock(one.due_at, now)}" for key, one in new.items() if key not in old),
        moved=tuple(
            f"{one.what}, due {_clock(one.due_at, now)} instead of {_clock(old[key].due_at, now)}"
            for key, one in new.items()
            if key in old and _clock(old[key].due_at, now) != _clock(one.due_at, now)  # some seconds are no news
        ),
    )
    return [changed] if changed.ended or changed.begun or changed.moved else []


def _clock(at: datetime, now: datetime) -> str:
    at = at.astimezone(UTC)
    return at.strftime("%H:%M UTC" if at.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC")


def _warn_within(plan: Plan, kind: Kind) -> timedelta | None:
    return plan.reminders.before.get(kind)


def _until_resolved(plan: Plan, incident: Incident) -> Iterator[Duty]:
    severity = plan.severities[incident.severity]
    if not incident.acknowledged_at:
        yield Duty(
            key="acknowledge",
            kind=Kind.ACKNOWLEDGE,
            what=f"Acknowledge within {span(severity.acknowledge_within)}",
            clause=plan.clauses.get(Kind.ACKNOWLEDGE, ""),
            due_at=incident.level_at + severity.acknowledge_within,
            owner=ON_CALL,
            warn_within=_warn_within(plan, Kind.ACKNOWLEDGE),
        )
    yield from _words(plan, incident, severity)
    yield from _roles(plan, incident, severity)
    yield from _updates(plan, incident)
    yield Duty(
        key="resolve",
        kind=Kind.RESOLVE,
        what=f"Resolve within {span(severity.resolve_within)}",
        clause=plan.clauses.get(Kind.RESOLVE, ""),
        due_at=incident.level_at + severity.resolve_within,
        owner=plan.recovery.owner or ON_CALL,
        warn_within=_warn_within(plan, Kind.RESOLVE),
    )


def _words(plan: Plan, incident: Incident, severity: Severity) -> Iterator[Duty]:
    """That whoever answers for it is heard of; or, while they snooze it, that they are asked again at the end."""
    due_at = silence.word_due_at(incident, severity.silent_after) if severity.silent_after else None
    if due_at is not None:
        yield Duty(
            key="progress",
            kind=Kind.PROGRESS,
            what=f"Say how it goes, at least every {span(severity.silent_after)}" if severity.silent_after else "",
            clause=plan.clauses.get(Kind.PROGRESS, ""),
            due_at=due_at,
            owner=ON_CALL,
            warn_within=_warn_within(plan, Kind.PROGRESS),
        )
    if incident.snoozed_until is not None:
        yield Duty(
            key="snooze",
            kind=Kind.SNOOZE,
            what="Ask again whoever snoozed it",
            clause=plan.clauses.get(Kind.SNOOZE, ""),
            due_at=incident.snoozed_until,
            owner=ON_CALL,
        )


def _roles(plan: Plan, incident: Incident, severity: Severity) -> Iterator[Duty]:
    for role, within in severity.roles_within.items():
        if role not in incident.roles:
            yield Duty(
                key=f"role:{role}",
                kind=Kind.ROLE,
                what=f"Name the {plan.roles[role].name.lower()}",
                clause=plan.clauses.get(Kind.ROLE, ""),
                due_at=incident.level_at + within,
                owner=ON_CALL,
                warn_within=_warn_within(plan, Kind.ROLE),
            )


def _updates(plan: Plan, incident: Incident) -> Iterator[Duty]:
    for name, audience in _told(plan, incident):
        cadence = audience.cadence[incident.severity]
        told_at = incident.told_at.get(name)
        what = f"{audience.name}: update"
        if told_at is None or told_at < incident.level_at:  # a raised level wants a first word of its own
            yield _update(plan, name, what, incident.level_at + cadence.first_within)
        else:
            due_at = incident.silent_at.get(name, told_at + cadence.every)
            yield _update(plan, name, what, due_at, due_at + cadence.every)


def _after_the_fix(plan: Plan, incident: Incident) -> Iterator[Duty]:
    if incident.resolved_at is None:
        return
    for name, audience in _told(plan, incident):
        last = incident.told_at.get(name)
        if last is None or last < incident.resolved_at:
            due_at = incident.resolved_at + audience.cadence[incident.severity].every
            yield _update(plan, name, f"{audience.name}: say that it is resolved", due_at)
    if incident.status is Status.WATCHING:
        yield Duty(
            key="watch",
            kind=Kind.WATCH,
            what=f"Watch for {span(plan.recovery.watch_for)} without a regression",
            clause=plan.clauses.get(Kind.WATCH, ""),
            due_at=incident.resolved_at + plan.recovery.watch_for,
            owner=ON_CALL,
        )
    yield from _review(plan, incident)


def _review(plan: Plan, incident: Incident) -> Iterator[Duty]:
    required = plan.severities[incident.severity].post_mortem is Need.REQUIRED
    if required and incident.resolved_at and not incident.review_held_at:
        yield Duty(
            key="review",
            kind=Kind.REVIEW,
            what=f"Hold the post-mortem within {span(plan.review.meeting_within)}",
            clause=plan.clauses.get(Kind.REVIEW, ""),
            due_at=incident.resolved_at + plan.review.meeting_within,
            owner=plan.review.owner or ON_CALL,
            warn_within=_warn_within(plan, Kind.REVIEW),
        )


def _told(plan: Plan, incident: Incident) -> Iterator[tuple[str, Audience]]:
    for name, audience in confidential.owed_to(plan, incident):
        if incident.severity in audience.cadence:
            yield name, audience


def _update(plan: Plan, name: str, what: str, due_at: datetime, given_up_at: datetime | None = None) -> Duty:
    """The first word and the last are owed until they are said; one in between, until the next is due."""
    audience = plan.communication.audiences[name]
    return Duty(
        key=f"update:{name}",
        kind=Kind.UPDATE,
        what=what,
        clause=audience.clause,
        due_at=due_at,
        audience=name,
        owner=audience.owner,
        warn_within=_warn_within(plan, Kind.UPDATE),
        given_up_at=given_up_at,
    )
