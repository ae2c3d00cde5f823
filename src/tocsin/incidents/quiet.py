"""When an incident resolves itself: what declared it has cleared, and stays so for as long as the plan says.

Only where the plan has it for the severity, and only as long as no person has taken the incident into their hands.
"""

from datetime import datetime, timedelta

from tocsin.incidents.model import AnyEntry, Incident, Resolved
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import span, utc
from tocsin.obligations.model import Duty, Kind
from tocsin.plan.model import Plan

KEY = "quiet"


def lasts(plan: Plan, incident: Incident) -> timedelta | None:
    """For how long all of its signals have to be clear; None where its end is a person's word.

    An acknowledgement says that somebody looks, not that there is more to do than wait. A role, a level, a mitigation
    or a circle of readers is a person's, and so is the end then.
    """
    if incident.is_resolved or incident.confidential_at or incident.mitigated_at or incident.roles:
        return None
    if not incident.declared_by == incident.severity_by == SYSTEM.handle:
        return None
    return plan.severities[incident.severity].resolves_itself_after


def wait(length: timedelta, now: datetime) -> Duty:
    """The wait that begins when the last signal that fired is none of it any more: mostly since it has cleared."""
    what = "Resolve itself, unless a signal comes back or somebody takes a role"
    return Duty(key=KEY, kind=Kind.QUIET, what=what, clause="", due_at=now + length)


def resolve(plan: Plan, incident: Incident, signals: int, due_at: datetime, *, now: datetime) -> list[AnyEntry]:
    """The end of a wait that was due then; nothing if a person has taken it into their hands, or no signal is clear."""
    length = lasts(plan, incident)
    if length is None or not signals:
        return []
    return [Resolved(at=now, by=SYSTEM.handle, how=_why(signals, due_at - length, length))]


def _why(signals: int, since: datetime, length: timedelta) -> str:
    since_then = f"since {utc(since)}, for {span(length)}"
    if signals == 1:
        return f"Its signal has cleared, and has not fired {since_then}"
    return f"Its {signals} signals have all cleared, and none has fired {since_then}"


def foretold(signals: int, due_at: str) -> str:
    """What the incident's page says meanwhile."""
    cleared = "Its signal has cleared" if signals == 1 else f"All {signals} signals have cleared"
    return f"{cleared}; it resolves itself at {due_at} unless one comes back or somebody takes a role."
