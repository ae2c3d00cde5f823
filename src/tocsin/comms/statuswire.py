"""The public page as JSON, in the shapes of the Statuspage API, version 2, so that whatever reads such pages reads this
one. Every key is always present."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise

import msgspec

from tocsin.comms import statuspage
from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.comms.statuspage import PublicComponent, PublicGroup, PublicIncident, PublicPage, PublicUpdate
from tocsin.plan.model import Stage

MONTHS = "api/v2/history"
LATEST = 50  # incidents that a list goes back

DESCRIPTION = {
    "critical": "Major Service Outage",
    "major": "Partial System Outage",
    "minor": "Minor Service Outage",
    statuspage.MAINTENANCE: "Service Under Maintenance",
    "none": "All Systems Operational",
}
"""The sentence beside each indicator; worst first."""


class _Page(msgspec.Struct, frozen=True):
    id: str
    name: str
    url: str
    time_zone: str
    updated_at: str


class _Status(msgspec.Struct, frozen=True):
    indicator: str
    description: str


class _Component(msgspec.Struct, frozen=True):
    id: str
    name: str
    status: str
    created_at: str
    updated_at: str
    position: int
    description: str | None
    start_date: str
    page_id: str
    showcase: bool = True
    group_id: str | None = None
    group: bool = False
    only_show_if_degraded: bool = False


class _Group(_Component, frozen=True, kw_only=True):
    components: list[str]


class _Affected(msgspec.Struct, frozen=True):
    code: str
    name: str
    old_status: str
    new_status: str


class _Update(msgspec.Struct, frozen=True):
    id: str
    status: str
    body: str
    incident_id: str
    created_at: str
    updated_at: str
    display_at: str
    affected_components: list[_Affected]
    deliver_notifications: bool = True
    custom_tweet: str | None = None
    tweet_id: str | None = None


class _Incident(msgspec.Struct, frozen=True):
    id: str
    name: str
    status: str
    impact: str
    created_at: str
    updated_at: str
    started_at: str
    monitoring_at: str | None
    resolved_at: str | None
    shortlink: str
    page_id: str
    incident_updates: list[_Update]
    components: list[_Component]


class _Maintenance(_Incident, frozen=True):
    scheduled_for: str
    scheduled_until: str


def summary_json(page: PublicPage) -> bytes:
    """The page, its components, the incidents that are not over, and the state of everything in one word."""
    return _json(
        page,
        components=_wire_components(page),
        incidents=[_wire_incident(page, one) for one in page.incidents if not one.is_over],
        scheduled_maintenances=_wire_maintenances(page, Progress.SCHEDULED, Progress.IN_PROGRESS),
        status=_wire_status(page),
    )


def months_json(page: PublicPage, months: Iterable[str]) -> bytes:
    """The months of what is over, the last first, each with where its incidents stand."""
    found = [{"month": one, "url": f"{page.url}/{MONTHS}/{one}.json"} for one in months]
    return _json(page, months=found)


def month_json(page: PublicPage, incidents: Iterable[PublicIncident]) -> bytes:
    return _json(page, incidents=[_wire_incident(page, one) for one in incidents])


def status_json(page: PublicPage) -> bytes:
    return _json(page, status=_wire_status(page))


def components_json(page: PublicPage) -> bytes:
    return _json(page, components=_wire_components(page))


def incidents_json(page: PublicPage) -> bytes:
    """The latest incidents, those that are over among them."""
    return _json(page, incidents=[_wire_incident(page, one) for one in page.incidents[:LATEST]])


def unresolved_json(page: PublicPage) -> bytes:
    return _json(page, incidents=[_wire_incident(page, one) for one in page.incidents if not one.is_over])


def maintenances_json(page: PublicPage) -> bytes:
    """Planned maintenance, what is over among it."""
    return _json(page, scheduled_maintenances=_wire_maintenances(page, *Progress)[:LATEST])


def upcoming_json(page: PublicPage) -> bytes:
    return _json(page, scheduled_maintenances=_wire_maintenances(page, Progress.SCHEDULED))


def active_json(page: PublicPage) -> bytes:
    return _json(page, scheduled_maintenances=_wire_maintenances(page, Progress.IN_PROGRESS))


def _json(page: PublicPage, **parts: object) -> bytes:
    about = _Page(page.id, page.name, page.url, "Etc/UTC", statuspage.instant(page.updated_at))
    return msgspec.json.encode({"page": about, **parts})


def _wire_status(page: PublicPage) -> _Status:
    return _Status(statuspage.indicator(page), DESCRIPTION[statuspage.indicator(page)])


def _wire_components(page: PublicPage) -> list[_Component]:
    """Every component, each group before its first one."""
    groups = {group.components[0]: group for group in page.groups}
    found: list[_Component] = []
    for one in page.components:
        if one.id in groups:
            found.append(_wire_group(page, groups[one.id], one.position))
        found.append(_wire_component(page, one))
    return found


def _wire_group(page: PublicPage, group: PublicGroup, position: int) -> _Group:
    members = [one for one in page.components if one.id in group.components]
    created_at = min(one.created_at for one in members)
    return _Group(
        id=group.id,
        name=group.name,
        status=statuspage.worst_status(members),
        created_at=statuspage.instant(created_at),
        updated_at=statuspage.instant(max(one.updated_at for one in members)),
        position=position,
        description=None,
        start_date=created_at.astimezone(UTC).date().isoformat(),
        page_id=page.id,
        group=True,
        components=[one.id for one in members],
    )


def _wire_component(page: PublicPage, component: PublicComponent) -> _Component:
    return _Component(
        id=component.id,
        name=component.name,
        status=component.status,
        created_at=statuspage.instant(component.created_at),
        updated_at=statuspage.instant(component.updated_at),
        position=component.position,
        description=component.description or None,
        start_date=component.created_at.astimezone(UTC).date().isoformat(),
        page_id=page.id,
        group_id=component.group,
    )


def _wire_incident(page: PublicPage, incident: PublicIncident) -> _Incident:
    return _Incident(
        id=incident.id,
        name=incident.name,
        status=incident.stage,
        impact=incident.impact,
        created_at=statuspage.instant(incident.created_at),
        updated_at=statuspage.instant(incident.updated_at),
        started_at=statuspage.instant(incident.started_at),
        monitoring_at=statuspage.instant(incident.monitoring_at) if incident.monitoring_at else None,
        resolved_at=statuspage.instant(incident.resolved_at) if incident.resolved_at else None,
        shortlink=statuspage.shortlink(page, incident),
        page_id=page.id,
        incident_updates=_wire_updates(page, incident),
        components=[_wire_component(page, one) for one in page.components if one.id in incident.components],
    )


def _wire_maintenances(page: PublicPage, *progress: Progress) -> list[_Maintenance]:
    return [_wire_maintenance(page, one) for one in page.maintenances if one.progress in progress]


def _wire_maintenance(page: PublicPage, one: PublicMaintenance) -> _Maintenance:
    components = [each for each in page.components if each.id in one.components]
    names = {each.id: each.name for each in components}
    return _Maintenance(
        id=statuspage.stable_id("maintenance", one.id),
        name=one.name,
        status=one.progress,
        impact="maintenance",
        created_at=statuspage.instant(one.created_at),
        updated_at=statuspage.instant(one.updated_at),
        started_at=statuspage.instant(one.starts_at),
        monitoring_at=None,
        resolved_at=statuspage.instant(one.ends_at) if one.is_over else None,
        shortlink=f"{page.url}#{statuspage.stable_id('maintenance', one.id)}",
        page_id=page.id,
        incident_updates=[_wire_step(one, progress, at, names) for progress, at in one.steps],
        components=[_wire_component(page, each) for each in components],
        scheduled_for=statuspage.instant(one.starts_at),
        scheduled_until=statuspage.instant(one.ends_at),
    )


def _wire_step(one: PublicMaintenance, progress: Progress, at: datetime, names: Mapping[str, str]) -> _Update:
    new = statuspage.UNDER_MAINTENANCE if progress is Progress.IN_PROGRESS else statuspage.OPERATIONAL
    old = statuspage.UNDER_MAINTENANCE if progress is Progress.COMPLETED else statuspage.OPERATIONAL
    said = statuspage.instant(at)
    return _Update(
        id=statuspage.stable_id("step", one.id, progress),
        status=progress,
        body=one.text or one.name,
        incident_id=statuspage.stable_id("maintenance", one.id),
        created_at=said,
        updated_at=said,
        display_at=said,
        affected_components=[_Affected(code, name, old, new) for code, name in names.items()],
    )


def _wire_updates(page: PublicPage, incident: PublicIncident) -> list[_Update]:
    names = {one.id: one.name for one in page.components if one.id in incident.components}
    statuses = [
        *(_brings(update) for update in incident.updates),
        statuspage.OPERATIONAL,
    ]  # before the first, all was well
    changes = zip(incident.updates, pairwise(statuses), strict=True)
    return [_wire_update(incident, update, names, old, new) for update, (new, old) in changes]


def _brings(update: PublicUpdate) -> str:
    return statuspage.OPERATIONAL if update.stage is Stage.RESOLVED else statuspage.COMPONENT_STATUS[update.impact]


def _wire_update(
    incident: PublicIncident, update: PublicUpdate, names: Mapping[str, str], old: str, new: str
) -> _Update:
    at = statuspage.instant(update.at)
    return _Update(
        id=update.id,
        status=update.stage,
        body=update.body,
        incident_id=incident.id,
        created_at=at,
        updated_at=statuspage.instant(update.changed_at or update.at),
        display_at=at,
        affected_components=[_Affected(code, name, old, new) for code, name in names.items()],
    )


FORMS: Mapping[str, Callable[[PublicPage], bytes]] = {
    "summary.json": summary_json,
    "status.json": status_json,
    "components.json": components_json,
    "incidents.json": incidents_json,
    "incidents/unresolved.json": unresolved_json,
    "scheduled-maintenances.json": maintenances_json,
    "scheduled-maintenances/upcoming.json": upcoming_json,
    "scheduled-maintenances/active.json": active_json,
}
"""Every document there is, by its name below `/api/v2/`."""
