"""What is confidential: who reads it, who may be told of it, and how that changes.

An incident is confidential from the entry that says so until the entry that discloses it. In between it exists for its
readers alone: those who declared or answered it, hold or held a role, were paged, were added, or are named by the plan
for its type or its service; and, for a while and on the record, an administrator who broke the glass.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from tocsin.incidents.lifecycle import said
from tocsin.incidents.model import (
    AnyEntry,
    Disclosed,
    GlassBroken,
    Incident,
    MadeConfidential,
    ResponderAdded,
    ResponderRemoved,
)
from tocsin.kit.errors import Refused
from tocsin.kit.text import listed
from tocsin.plan.model import Audience, Plan

HEADING = "Confidential incident"  # what a message says instead of the title
GLASS_LASTS = timedelta(hours=4)  # how long an administrator reads on before it must be broken again


class AlreadyConfidential(Refused):
    """The incident is confidential already."""


class NotConfidential(Refused):
    """The incident is not confidential."""


class TypeIsConfidential(Refused):
    """The plan keeps incidents of this type confidential; change the type first."""


class HoldsRole(Refused):
    """Whoever holds a role responds; hand the role over first."""


class NotAResponder(Refused):
    """They are no responder of this incident."""


class NotForThisAudience(Refused):
    """This audience may not be told of a confidential incident."""


# ---- Who reads ----


def is_confidential(plan: Plan, incident: Incident) -> bool:
    """Whether it is, or under this plan would be, there for its readers alone."""
    kind = plan.types.get(incident.type)
    return incident.confidential_at is not None or (kind is not None and kind.private)


def readers(incident: Incident) -> Mapping[str, datetime | None]:
    """Who may read it while it is confidential, and until when if not for good; nobody by name while it is open."""
    if incident.confidential_at is None:
        return {}
    return {**incident.guests, **dict.fromkeys(incident.responders)}


def reading(incident: Incident, now: datetime) -> Mapping[str, datetime | None]:
    """Who reads it now by name: without those who broke the glass and whose time has passed."""
    return {one: until for one, until in readers(incident).items() if until is None or until > now}


def named(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """Whom the plan names as readers of such an incident: of its type, and of its service."""
    service = plan.services.get(incident.service or "")
    return plan.members((*plan.types[incident.type].readers, *(service.readers if service else ())))


def heading(incident: Incident) -> str:
    """How a message that leaves the house calls the incident."""
    return HEADING if incident.confidential_at else incident.title


# ---- Who is told ----


def owed_to(plan: Plan, incident: Incident) -> Iterator[tuple[str, Audience]]:
    """The audiences to which the incident owes updates as far as secrecy goes, whatever their cadence."""
    secret = is_confidential(plan, incident)
    for name, audience in plan.communication.audiences.items():
        if not secret or (audience.confidential and not audience.public):
            yield name, audience


def may_be_told(plan: Plan, incident: Incident, audience: Audience) -> bool:
    return not _why_not(plan, incident, audience)


def require_may_be_told(plan: Plan, incident: Incident, audience: Audience) -> None:
    """Raises NotForThisAudience, which names who is not a reader."""
    if why := _why_not(plan, incident, audience):
        raise NotForThisAudience(f"{audience.name} may not be told of a confidential incident: {why}.")


def recipients(plan: Plan, incident: Incident, audience: Audience) -> tuple[str, ...]:
    """Who of an audience receives an update: of a confidential incident its readers alone."""
    people = plan.members(audience.to)
    if not is_confidential(plan, incident):
        return people
    return tuple(one for one in people if one in readers(incident))


def _why_not(plan: Plan, incident: Incident, audience: Audience) -> str:
    if not is_confidential(plan, incident):
        return ""
    if audience.public:
        return "it is the public"
    people, known = plan.members(audience.to), readers(incident)
    strangers = [one for one in people if one not in known]
    if audience.confidential and len(strangers) < len(people):
        return ""  # the plan lets it be told; who is no reader receives nothing
    if not people or strangers:
        who = listed(plan.people[one].name for one in strangers) or "nobody whom the plan names"
        return f"{who} may not read it; add them as responders first"
    return ""


# ---- The verbs ----


def by_plan(plan: Plan, incident: Incident, *, by: str, now: datetime) -> list[AnyEntry]:
    """What the plan says of the type: confidential from this moment. It never makes anything open."""
    kind = plan.types[incident.type]
    if not kind.private or incident.confidential_at:
        return []
    return [_made(plan, incident, f"the plan keeps the type {kind.name} confidential", by, now)]


def make_confidential(plan: Plan, incident: Incident, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """A person says that only the readers may see it."""
    if incident.confidential_at:
        raise AlreadyConfidential
    return [_made(plan, incident, said(because, "because"), by, now)]


def _made(plan: Plan, incident: Incident, because: str, by: str, now: datetime) -> MadeConfidential:
    withdrawn = incident.stage is not None
    return MadeConfidential(at=now, by=by, because=because, readers=named(plan, incident), withdrawn=withdrawn)


def disclose(plan: Plan, incident: Incident, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """A person opens it to everybody. Nothing opens it by itself, and nothing that was taken down comes back."""
    if incident.confidential_at is None:
        raise NotConfidential
    if plan.types[incident.type].private:
        raise TypeIsConfidential
    return [Disclosed(at=now, by=by, because=said(because, "because"))]


def add_responder(incident: Incident, person: str, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    reason = said(because, "because")
    if person in incident.responders:
        return []
    return [ResponderAdded(at=now, by=by, person=person, because=reason)]


def add_team(
    incident: Incident, name: str, members: Iterable[str], because: str, *, by: str, now: datetime
) -> list[ResponderAdded]:
    """Bring in those of a team, each with an entry of their own. Who joins the team later does not come in by it."""
    reason = f"with the team {name}: {said(because, 'because')}"
    new = [one for one in dict.fromkeys(members) if one not in incident.responders]
    return [ResponderAdded(at=now, by=by, person=one, because=reason) for one in new]


def remove_responder(incident: Incident, person: str, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Take someone off. Whoever holds a role stays until it is handed over."""
    reason = said(because, "because")
    if person in incident.roles.values():
        raise HoldsRole
    if person not in incident.responders and person not in incident.guests:
        raise NotAResponder(f"{person} is no responder of this incident.")
    return [ResponderRemoved(at=now, by=by, person=person, because=reason)]


def break_glass(incident: Incident, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """An administrator reads what is confidential, for some hours, and the record says so and why."""
    reason = said(because, "because")
    until = readers(incident).get(by, now)
    if incident.confidential_at is None or until is None or until > now:
        return []
    return [GlassBroken(at=now, by=by, because=reason, until=now + GLASS_LASTS)]
