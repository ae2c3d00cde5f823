"""What an incident depends on: the services and vendors without which its service does not work. Pure."""

from collections.abc import Container, Iterator
from itertools import chain

from tocsin.incidents.model import Incident
from tocsin.plan.model import Plan
from tocsin.plan.services import Service, Vendor

MEASURED_MOST = 8  # probes and measures


def services(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """The incident's service and every other service of ours without which it does not work; all if none is named."""
    if incident.service is None:
        return tuple(plan.services)
    return tuple(one for one in _needs(plan, incident.service) if one in plan.services)


def vendors(plan: Plan, incident: Incident) -> dict[str, Vendor]:
    """The vendors on which the service depends, directly or by way of another; all of the plan if none is named."""
    if incident.service is None:
        return dict(plan.vendors)
    return {one: plan.vendors[one] for one in _needs(plan, incident.service) if one in plan.vendors}


def is_watched(plan: Plan, incident: Incident) -> bool:
    """Whether anything looks at what it is about."""
    return any(name for one in services(plan, incident) for name in watched(plan.services[one]))


def watched(service: Service) -> Iterator[str]:
    """The names of what is looked at of a service."""
    return chain(service.probes, service.measures, service.logs, service.journeys)


def _needs(plan: Plan, service: str) -> list[str]:
    """The service and all that it needs, each once, the nearest first."""
    found = {service: None}
    waiting = [service]
    while waiting:
        known = plan.services.get(waiting.pop(0))
        parts = known.components.values() if known else ()
        needed = [*(known.depends_on if known else ()), *(name for part in parts for name in part.depends_on)]
        fresh = [one for one in dict.fromkeys(needed) if one not in found]
        found.update(dict.fromkeys(fresh))
        waiting += fresh
    return list(found)


def measured(plan: Plan, incident: Incident, spoke: Container[str] = ()) -> list[str]:
    """The names under which something is measured of what it is about: first those of which it has signals."""
    return sorted(every_measured(plan, incident), key=lambda one: one not in spoke)[:MEASURED_MOST]


def every_measured(plan: Plan, incident: Incident) -> Iterator[str]:
    """The same, all of them, as the plan has them."""
    known = ((one, plan.services[one]) for one in services(plan, incident))
    return (f"{key}/{name}" for key, one in known for name in (*one.probes, *one.measures))
