"""What the end of an incident still wants of people: checks after the fix, confirmations, the ticket, thanks. Pure."""

import re
from typing import Literal, assert_never

from tocsin.incidents.model import Incident
from tocsin.incidents.work import Result
from tocsin.plan.model import Condition, Plan

TICKET = "incident_ticket"  # the template by which a plan words its ticket

Completing = Literal[Condition.RECOVERY_CONFIRMED, Condition.TICKET_COMPLETE, Condition.TEAM_THANKED]


def unverified(plan: Plan, incident: Incident) -> list[str]:
    """The plan's checks that nobody has seen pass since the last fix, nor called not applicable: their keys."""
    return [key for key in plan.resolution.verification if not _holds(incident.work.checks.get(key))]


def unconfirmed(plan: Plan, incident: Incident) -> list[str]:
    """The plan's confirmations of full recovery that are still to be given: their keys."""
    return [key for key in plan.recovery.confirm if not _holds(incident.work.confirmations.get(key))]


def _holds(result: Result | None) -> bool:
    return result in (Result.PASSED, Result.NOT_APPLICABLE)


def unmet(condition: Completing, plan: Plan, incident: Incident) -> list[str]:
    """What this condition for closing lacks, in words."""
    match condition:
        case Condition.RECOVERY_CONFIRMED:
            return [f"not confirmed: {_small(plan.recovery.confirm[key])}" for key in unconfirmed(plan, incident)]
        case Condition.TICKET_COMPLETE:
            return [f"the ticket lacks {what}" for what in _lacking(plan, incident)]
        case Condition.TEAM_THANKED:
            return [] if incident.work.thanked_at else ["the team is not thanked"]
    assert_never(condition)


def _lacking(plan: Plan, incident: Incident) -> list[str]:
    """What the plan's ticket shows and only people can say."""
    asked = set(re.findall(r"\{(\w+)\}", plan.templates.get(TICKET, "")))
    lacking = []
    if asked & {"impact", "users", "functions"} and not (incident.assessed or incident.impact):
        lacking.append("the impact")
    if "cause" in asked and not incident.work.causes:
        lacking.append("the root cause")
    return lacking


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
