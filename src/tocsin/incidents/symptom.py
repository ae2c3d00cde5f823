"""Trouble that only shows what is broken elsewhere: by the plan, it depends on what an open incident is about."""

from collections.abc import Collection, Iterable, Mapping

from tocsin.incidents import confidential
from tocsin.incidents.model import UNRESOLVED, Incident
from tocsin.kit.text import listed
from tocsin.plan.model import Plan


def needed(plan: Plan, service: str | None) -> set[str]:
    """The services of the plan without which this one does not work, however far down; never itself."""
    found = _below({key: one.depends_on for key, one in plan.services.items()}, [service] if service else [])
    return found & set(plan.services) - {service}


def may_have_cause(plan: Plan, service: str | None, components: Collection[str]) -> set[str]:
    """The services whose open incidents may be the cause of trouble here; empty where nothing depends on anything."""
    return needed(plan, service) | ({service} if service and _needed_parts(plan, service, components) else set())


def cause(
    plan: Plan, open_ones: Iterable[Incident], *, service: str | None, components: Collection[str], kind: str
) -> Incident | None:
    """The worst of these that this trouble is a symptom of, and of these the first. What is confidential is neither
    cause nor symptom."""
    if kind in plan.types and plan.types[kind].private:
        return None
    upstream = [one for one in open_ones if why(plan, one, service, components)]
    return min(upstream, key=lambda one: (_rank(plan, one), one.declared_at, one.number), default=None)


def _rank(plan: Plan, incident: Incident) -> int:
    """0 is the worst; an incident may be of a severity that the plan in force does not have."""
    return plan.rank(incident.severity) if incident.severity in plan.severities else len(plan.severities)


def why(plan: Plan, incident: Incident, service: str | None, components: Collection[str]) -> str:
    """Why trouble there is a symptom of this incident, in a sentence; empty if it is none."""
    if incident.status not in UNRESOLVED or confidential.is_confidential(plan, incident) or service is None:
        return ""
    if incident.service in needed(plan, service):
        return f"A symptom: {service} depends on {incident.service}, of which #{incident.number} is open."
    if incident.service == service and _is_below(plan, service, components, incident.components):
        parts, below = listed(components), listed(incident.components)
        return f"A symptom: {parts} of {service} depends on {below}, of which #{incident.number} is open."
    return ""


def _is_below(plan: Plan, service: str, components: Collection[str], broken: Collection[str]) -> bool:
    """Whether each of these components depends on one that is broken, or is broken itself, and not all of them are."""
    known = set(broken)
    each = [one in known or _needed_parts(plan, service, [one]) & known for one in components]
    return bool(components) and bool(known) and all(each) and not set(components) <= known


def _needed_parts(plan: Plan, service: str, components: Collection[str]) -> set[str]:
    """The components of the service on which these depend, however far down."""
    if service not in plan.services:
        return set()
    parts = plan.services[service].components
    return _below({key: one.depends_on for key, one in parts.items()}, components) & set(parts)


def _below(depends_on: Mapping[str, Collection[str]], begin: Iterable[str]) -> set[str]:
    """Everything that is reached from there; what depends on itself in the end is seen once."""
    found: set[str] = set()
    ahead = [one for key in begin for one in depends_on.get(key, ())]
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += depends_on.get(one, ())
    return found
