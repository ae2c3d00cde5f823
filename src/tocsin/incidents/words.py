"""How the record names things: people, levels, states, instants, and the impact, as a reader would write them."""

from datetime import UTC, datetime

from tocsin.incidents.model import Incident, Status
from tocsin.incidents.relation import Relation
from tocsin.incidents.work import ImpactAssessed
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import ended, listed
from tocsin.plan.model import Plan

_STATUS = {
    Status.INVESTIGATING: "Investigating",
    Status.MITIGATING: "Mitigating",
    Status.WATCHING: "Resolved, being watched",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
    Status.MERGED: "Merged",
}


def status(state: Status) -> str:
    """How a status reads: `Resolved, being watched`."""
    return _STATUS[state]


def name(plan: Plan, handle: str) -> str:
    """The person's name, `Tocsin` for the program itself, or the handle of someone the plan does not know."""
    if handle in plan.people:
        return plan.people[handle].name
    return "Tocsin" if handle == SYSTEM.handle else handle


def severity_name(plan: Plan, severity: str) -> str:
    """`P1, High`: the level and its name; just the level where the plan says no more."""
    known = plan.severities.get(severity)
    return f"{severity}, {known.name}" if known and known.name != severity else severity


def type_name(plan: Plan, incident_type: str) -> str:
    known = plan.types.get(incident_type)
    return known.name if known else spaced(incident_type)


def role_name(plan: Plan, role: str) -> str:
    known = plan.roles.get(role)
    return known.name if known else spaced(role)


def audience_name(plan: Plan, audience: str) -> str:
    known = plan.communication.audiences.get(audience)
    return known.name if known else spaced(audience)


def service_name(plan: Plan, service: str) -> str:
    known = plan.services.get(service)
    return known.name if known else spaced(service)


def vendor_name(plan: Plan, vendor: str) -> str:
    known = plan.vendors.get(vendor)
    return known.name if known else spaced(vendor)


def affected(plan: Plan, incident: Incident) -> list[str]:
    """What is broken, by name: the components that the record names, or else the service."""
    services = [one for key, one in plan.services.items() if incident.service in (None, key)]
    named = {key: part.name for one in services for key, part in one.components.items()}
    whole = [service_name(plan, incident.service)] if incident.service else []
    return [named.get(key, spaced(key)) for key in incident.components] or whole


def spaced(word: str) -> str:
    """A name of the program as a reader would write it: `health_check` is `health check`."""
    return word.replace("_", " ")


def one_line(text: str) -> str:
    return " ".join(text.split())


def day_and_minute(instant: datetime) -> str:
    """An instant as people are told it: `2026-11-24 03:34 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day_and_second(instant: datetime) -> str:
    """The same to the second, for what is measured: `2026-11-24 03:34:19 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def assessed(entry: ImpactAssessed) -> str:
    """An assessment in a line: who is touched, which functions, revenue and reputation as far as they are known."""
    source = f" ({entry.source})" if entry.source else ""
    users = listed(_users(entry))
    revenue = f"revenue: {entry.revenue}" if entry.revenue else ""
    reputation = f"reputation: {entry.reputation}" if entry.reputation else ""
    return "; ".join(one for one in (f"{users}{source}" if users else "", entry.functions, revenue, reputation) if one)


def users_affected(entry: ImpactAssessed | None) -> str:
    """`120 users and 40 % of users (Grafana)`; nothing where nobody has counted."""
    users = listed(_users(entry)) if entry else ""
    return f"{users} ({entry.source})" if entry and users and entry.source else users


def _users(entry: ImpactAssessed) -> list[str]:
    counted = [] if entry.users is None else [f"{entry.users:,} {'user' if entry.users == 1 else 'users'}"]
    return counted if entry.percent is None else [*counted, f"{entry.percent:g} % of users"]


def why(plan: Plan, incident: Incident) -> str:
    """Why it has its level, and if that is another than at first, why it was declared."""
    because = incident.level_because
    if not because:
        return incident.why
    said = because if incident.severity_by == SYSTEM.handle else f"{name(plan, incident.severity_by)}: {because}"
    return f"{ended(said)} At first: {incident.why}" if incident.why else said


def impact(incident: Incident) -> str:
    """The impact as it was last assessed, or else as it was declared."""
    return (assessed(incident.assessed) if incident.assessed else "") or incident.impact


def relation(kind: Relation) -> str:
    """`caused by`, `same cause as`."""
    return spaced(kind)


def strategy_name(plan: Plan, strategy: str) -> str:
    known = plan.resolution.strategies.get(strategy)
    return known.name if known else spaced(strategy)


def check_name(plan: Plan, check: str) -> str:
    return plan.resolution.verification.get(check) or spaced(check).capitalize()


def confirmation_name(plan: Plan, confirmation: str) -> str:
    return plan.recovery.confirm.get(confirmation) or spaced(confirmation).capitalize()


def more(text: str) -> str:
    """A further sentence, where there is something to say."""
    return f" {ended(text)}" if text.strip() else ""
