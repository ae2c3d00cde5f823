"""The rules of answering a page with anything but yes: what each answer adds to the record."""

from datetime import datetime

from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.lifecycle import require_unresolved
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.kit.errors import Refused
from tocsin.plan.model import Plan


class NothingToClimb(Refused):
    """The plan pages nobody at this severity; raise the severity, or call somebody."""


def ask_escalation(
    plan: Plan, incident: Incident, step: int | None, *, by: str, now: datetime, through: str, because: str = ""
) -> list[AnyEntry]:
    """Ask for the next step. `step` is the one whose page is answered: once the ladder is past it, nothing is left to
    ask, and nobody is paged twice for the same press of a button."""
    require_unresolved(incident)
    if plan.severities[incident.severity].escalation is None:
        raise NothingToClimb
    last = incident.steps_paged - 1
    if step is not None and step < last:
        return []
    return [EscalationAsked(at=now, by=by, step=last, through=through, because=because.strip())]


def decline(
    incident: Incident, step: int, *, by: str, now: datetime, through: str, because: str = ""
) -> list[AnyEntry]:
    """Say that one cannot. Once somebody has answered there is nothing to decline."""
    require_unresolved(incident)
    if not incident.awaits_answer:
        return []
    return [Declined(at=now, by=by, step=step, through=through, because=because.strip())]
