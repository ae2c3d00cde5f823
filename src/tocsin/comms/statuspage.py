"""The public page: what was posted in public, and which components it touches, as JSON and as a feed.

Pure. Only public updates and the plan's own names come out of here; nothing internal has a way in. The JSON has the
shapes of the Statuspage API, version 2, so that whatever reads such pages reads this one.
"""

import hashlib
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import assert_never
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import msgspec

from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.incidents import confidential
from tocsin.incidents.model import Declared, Incident, MadeConfidential, Numbered, Reopened, SeverityChanged, Updated
from tocsin.kit.text import clip
from tocsin.plan.model import Plan, Service, Stage

OPERATIONAL = "operational"
UNDER_MAINTENANCE = "under_maintenance"
MAINTENANCE = "maintenance"  # the indicator while nothing worse goes on
LONGEST_NAME = 120  # letters of an incident's public name
LATEST = 50  # incidents that a list or a feed goes back

COMPONENT_STATUS = {
    "critical": "major_outage",
    "major": "partial_outage",
    "minor": "degraded_performance",
    "none": OPERATIONAL,
}
"""What an incident of this impact does to a component; worst first."""

DESCRIPTION = {
    "critical": "Major Service Outage",
    "major": "Partial System Outage",
    "minor": "Minor Service Outage",
    MAINTENANCE: "Service Under Maintenance",
    "none": "All Systems Operational",
}
"""The sentence beside each indicator; worst first."""

_DIGITS = string.digits + string.ascii_lowercase
_ID_LENGTH = 12
_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class PublicUpdate:
    """`impact` is that of the severity when it was posted."""

    id: str
    stage: Stage
    body: str
    at: datetime
    impact: str


@dataclass(frozen=True, kw_only=True)
class PublicIncident:
    """`components` are ids of the page's components; `updates` stand newest first, and there is at least one."""

    id: str
    name: str
    impact: str
    stage: Stage
    components: tuple[str, ...]
    updates: tuple[PublicUpdate, ...]
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.stage is Stage.RESOLVED


@dataclass(frozen=True, kw_only=True)
class PublicComponent:
    id: str
    name: str
    status: str
    description: str
    position: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class PublicPage:
    """`incidents` stand newest first, those that are over among them; `maintenances` by their start, the last first."""

    id: str
    name: str
    url: str
    components: tuple[PublicComponent, ...]
    incidents: tuple[PublicIncident, ...]
    updated_at: datetime
    maintenances: tuple[PublicMaintenance, ...] = ()


def stable_id(*parts: str) -> str:
    """Twelve letters and digits that are the same for the same parts, always."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()
    number, letters = int.from_bytes(digest, "big"), ""
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        letters += _DIGITS[digit]
    return letters


# ---- From the record to the page ----


def public_incident(plan: Plan, incident: Incident, entries: Iterable[Numbered]) -> PublicIncident | None:
    """The public side of an incident; None while nothing public was posted, and always for a confidential one."""
    if confidential.is_confidential(plan, incident) or incident.stage is None:
        return None
    entries = list(entries)
    told = _told(plan, incident.id, entries)
    if not told.updates:
        return None
    return PublicIncident(
        id=stable_id("incident", incident.id),
        name=_public_name(plan, incident, entries),
        impact=plan.severities[incident.severity].public_impact,
        stage=incident.stage,
        components=_touched(plan, incident),
        updates=told.updates[::-1],
        started_at=incident.started_at,
        created_at=told.updates[0].at,
        updated_at=told.updates[-1].at,
        monitoring_at=told.monitoring_at,
        resolved_at=told.resolved_at,
    )


def _public_name(plan: Plan, incident: Incident, entries: Iterable[Numbered]) -> str:
    """What the public reads as the incident's name: the issue in the words of the first public update.

    The title is for those who work on it, and may come from a signal; it never goes out by itself.
    """
    public = {name for name, audience in plan.communication.audiences.items() if audience.public}
    issue = ""
    for numbered in entries:
        match numbered.entry:
            case MadeConfidential():
                issue = ""
            case Updated(audience=audience, fields=fields) if audience in public:
                issue = issue or fields.get("issue", "")
            case _:
                pass  # nothing else is public
    words = " ".join(issue.split()).rstrip(".") or plan.types[incident.type].name
    return clip(words[0].upper() + words[1:], LONGEST_NAME)


@dataclass(frozen=True)
class _Told:
    """What the public was told, oldest first, and since when it has been told of a fix and of its success."""

    updates: tuple[PublicUpdate, ...] = ()
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None

    def after(self, update: PublicUpdate) -> "_Told":
        updates = (*self.updates, update)
        match update.stage:
            case Stage.INVESTIGATING | Stage.IDENTIFIED:
                return _Told(updates)
            case Stage.MONITORING:
                return _Told(updates, self.monitoring_at or update.at)
            case Stage.RESOLVED:
                return _Told(updates, self.monitoring_at, self.resolved_at or update.at)
        assert_never(update.stage)


def _told(plan: Plan, incident_id: str, entries: Iterable[Numbered]) -> _Told:
    public = {name for name, audience in plan.communication.audiences.items() if audience.public}
    told, severity = _Told(), ""
    for numbered in entries:
        match numbered.entry:
            case Declared(severity=level) | SeverityChanged(severity=level):
                severity = level
            case Reopened():
                told = _Told(told.updates)
            case MadeConfidential():
                told = _Told()  # what was taken down stays down
            case Updated(audience=audience, stage=Stage() as stage, text=body, at=at) if audience in public:
                update_id = stable_id("update", incident_id, str(numbered.number))
                impact = plan.severities[severity].public_impact
                told = told.after(PublicUpdate(id=update_id, stage=stage, body=body, at=at, impact=impact))
            case _:
                pass  # nothing else is public
    return told


def _touched(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """The components that the incident names, or else every component of its service."""
    services = {key: one for key, one in plan.services.items() if incident.service in (None, key)}
    named = tuple(
        component_id(service, key)
        for service, one in services.items()
        for key in one.components
        if key in incident.components
    )
    if named or incident.service not in services:
        return named
    service = incident.service
    return tuple(component_id(service, key) for key in _parts(services[service]))


def component_id(service: str, component: str) -> str:
    return stable_id("component", service, component)


def _parts(service: Service) -> Mapping[str, tuple[str, str]]:
    """Name and description by key. A service that names no components is its own only one, under an empty key."""
    if not service.components:
        return {"": (service.name, service.description)}
    return {key: (one.name, one.description) for key, one in service.components.items()}


def public_page(
    plan: Plan,
    name: str,
    url: str,
    incidents: Iterable[PublicIncident],
    since: datetime,
    maintenances: Iterable[PublicMaintenance] = (),
) -> PublicPage:
    """The page as of these incidents. `since` is when the page began: the age of a component never in trouble."""
    newest_first = tuple(sorted(incidents, key=lambda one: (one.created_at, one.id), reverse=True))
    planned = tuple(sorted(maintenances, key=lambda one: (one.starts_at, one.id), reverse=True))
    return PublicPage(
        id=stable_id("page", url.rstrip("/")),
        name=name,
        url=url.rstrip("/"),
        components=tuple(_components(plan, newest_first, planned, since)),
        incidents=newest_first,
        updated_at=max([since, *(one.updated_at for one in newest_first), *(one.updated_at for one in planned)]),
        maintenances=planned,
    )


def components_of(plan: Plan, service: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The ids of these components, or without any of all that the service has; none of a service that is gone."""
    known = plan.services.get(service)
    return tuple(component_id(service, key) for key in keys or _parts(known)) if known else ()


def _components(
    plan: Plan, incidents: Sequence[PublicIncident], planned: Sequence[PublicMaintenance], since: datetime
) -> Iterator[PublicComponent]:
    worked_on = {key for one in planned if one.progress is Progress.IN_PROGRESS for key in one.components}
    listed = [(key, *part) for key, service in plan.services.items() for part in _parts(service).items()]
    for position, (service, key, (name, description)) in enumerate(listed, start=1):
        found = component_id(service, key)
        touching = [one for one in incidents if found in one.components]
        yield PublicComponent(
            id=found,
            name=name,
            status=_component_status(_worst(touching), is_worked_on=found in worked_on),
            description=description,
            position=position,
            created_at=since,
            updated_at=max([since, *(one.updated_at for one in touching)]),
        )


def _component_status(impact: str, *, is_worked_on: bool) -> str:
    status = COMPONENT_STATUS[impact]
    return UNDER_MAINTENANCE if is_worked_on and status == OPERATIONAL else status


def _worst(incidents: Iterable[PublicIncident]) -> str:
    """The worst impact among the incidents that are not over."""
    present = {one.impact for one in incidents if not one.is_over}
    return next((impact for impact in COMPONENT_STATUS if impact in present), "none")


# ---- The shapes on the wire: every key always present ----


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


def indicator(page: PublicPage) -> str:
    """The worst impact of the incidents that are not over, whether or not they name a component."""
    worst = _worst(page.incidents)
    goes_on = any(one.progress is Progress.IN_PROGRESS for one in page.maintenances)
    return MAINTENANCE if worst == "none" and goes_on else worst


def shortlink(page: PublicPage, incident: PublicIncident) -> str:
    return f"{page.url}/i/{incident.id}"


def _json(page: PublicPage, **parts: object) -> bytes:
    about = _Page(page.id, page.name, page.url, "Etc/UTC", instant(page.updated_at))
    return msgspec.json.encode({"page": about, **parts})


def _wire_status(page: PublicPage) -> _Status:
    return _Status(indicator(page), DESCRIPTION[indicator(page)])


def _wire_components(page: PublicPage) -> list[_Component]:
    return [_wire_component(page, one) for one in page.components]


def _wire_component(page: PublicPage, component: PublicComponent) -> _Component:
    return _Component(
        id=component.id,
        name=component.name,
        status=component.status,
        created_at=instant(component.created_at),
        updated_at=instant(component.updated_at),
        position=component.position,
        description=component.description or None,
        start_date=component.created_at.astimezone(UTC).date().isoformat(),
        page_id=page.id,
    )


def _wire_incident(page: PublicPage, incident: PublicIncident) -> _Incident:
    return _Incident(
        id=incident.id,
        name=incident.name,
        status=incident.stage,
        impact=incident.impact,
        created_at=instant(incident.created_at),
        updated_at=instant(incident.updated_at),
        started_at=instant(incident.started_at),
        monitoring_at=instant(incident.monitoring_at) if incident.monitoring_at else None,
        resolved_at=instant(incident.resolved_at) if incident.resolved_at else None,
        shortlink=shortlink(page, incident),
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
        id=stable_id("maintenance", one.id),
        name=one.name,
        status=one.progress,
        impact="maintenance",
        created_at=instant(one.created_at),
        updated_at=instant(one.updated_at),
        started_at=instant(one.starts_at),
        monitoring_at=None,
        resolved_at=instant(one.ends_at) if one.is_over else None,
        shortlink=f"{page.url}#{stable_id('maintenance', one.id)}",
        page_id=page.id,
        incident_updates=[_wire_step(one, progress, at, names) for progress, at in one.steps],
        components=[_wire_component(page, each) for each in components],
        scheduled_for=instant(one.starts_at),
        scheduled_until=instant(one.ends_at),
    )


def _wire_step(one: PublicMaintenance, progress: Progress, at: datetime, names: Mapping[str, str]) -> _Update:
    new = UNDER_MAINTENANCE if progress is Progress.IN_PROGRESS else OPERATIONAL
    old = UNDER_MAINTENANCE if progress is Progress.COMPLETED else OPERATIONAL
    said = instant(at)
    return _Update(
        id=stable_id("step", one.id, progress),
        status=progress,
        body=one.text or one.name,
        incident_id=stable_id("maintenance", one.id),
        created_at=said,
        updated_at=said,
        display_at=said,
        affected_components=[_Affected(code, name, old, new) for code, name in names.items()],
    )


def _wire_updates(page: PublicPage, incident: PublicIncident) -> list[_Update]:
    names = {one.id: one.name for one in page.components if one.id in incident.components}
    statuses = [*(_brings(update) for update in incident.updates), OPERATIONAL]  # before the first, all was well
    changes = zip(incident.updates, pairwise(statuses), strict=True)
    return [_wire_update(incident, update, names, old, new) for update, (new, old) in changes]


def _brings(update: PublicUpdate) -> str:
    return OPERATIONAL if update.stage is Stage.RESOLVED else COMPONENT_STATUS[update.impact]


def _wire_update(
    incident: PublicIncident, update: PublicUpdate, names: Mapping[str, str], old: str, new: str
) -> _Update:
    at = instant(update.at)
    return _Update(
        id=update.id,
        status=update.stage,
        body=update.body,
        incident_id=incident.id,
        created_at=at,
        updated_at=at,
        display_at=at,
        affected_components=[_Affected(code, name, old, new) for code, name in names.items()],
    )


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-24T03:34:19.000Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


# ---- The feed ----


def atom(page: PublicPage) -> bytes:
    """One entry per incident. Ids never depend on a title, so that a reader does not announce an incident twice."""
    feed = ET.Element("feed", xmlns=_ATOM)
    _element(feed, "id", f"{page.url}/history.atom")
    _element(feed, "title", f"{page.name} status")
    _element(feed, "updated", instant(page.updated_at))
    _element(feed, "link", rel="self", type="application/atom+xml", href=f"{page.url}/history.atom")
    _element(feed, "link", rel="alternate", type="text/html", href=f"{page.url}/")
    _element(ET.SubElement(feed, "author"), "name", page.name)
    for incident in page.incidents[:LATEST]:
        _entry(feed, page, incident)
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(feed: ET.Element, page: PublicPage, incident: PublicIncident) -> None:
    entry = ET.SubElement(feed, "entry")
    authority, year = urlsplit(page.url).hostname or "localhost", incident.created_at.astimezone(UTC).year
    _element(entry, "id", f"tag:{authority},{year}:Incident/{incident.id}")
    _element(entry, "title", incident.name)
    _element(entry, "published", instant(incident.created_at))
    _element(entry, "updated", instant(incident.updated_at))
    _element(entry, "link", rel="alternate", type="text/html", href=shortlink(page, incident))
    _element(entry, "content", "".join(_paragraph(update) for update in incident.updates), type="html")


def _paragraph(update: PublicUpdate) -> str:
    at, body = update.at.astimezone(UTC), escape(update.body).replace("\n", "<br>")
    return f"<p><small>{at:%Y-%m-%d %H:%M} UTC</small><br><strong>{update.stage.capitalize()}</strong>: {body}</p>"


def _element(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> None:
    # XML has no way to write most control characters, not even escaped; a feed with one in it is not well-formed.
    ET.SubElement(parent, tag, attributes).text = _NOT_XML.sub("", text) if text is not None else None
