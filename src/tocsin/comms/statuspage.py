"""The public page: what was posted in public, and which components it touches.

Pure. Only public updates and the plan's own names come out of here; nothing internal has a way in.
"""

import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.incidents import confidential
from tocsin.incidents.model import (
    AnyEntry,
    Declared,
    Disclosed,
    Incident,
    MadeConfidential,
    Numbered,
    Reopened,
    SeverityChanged,
    TypeChanged,
    Updated,
)
from tocsin.incidents.relation import Merged
from tocsin.incidents.telling import UpdateCorrected, UpdateWithdrawn
from tocsin.kit.text import clip, harmless
from tocsin.plan.model import Plan, Stage
from tocsin.plan.services import Service

OPERATIONAL = "operational"
UNDER_MAINTENANCE = "under_maintenance"
MAINTENANCE = "maintenance"  # the indicator while nothing worse goes on
LONGEST_NAME = 120  # letters of an incident's public name

COMPONENT_STATUS = {
    "critical": "major_outage",
    "major": "partial_outage",
    "minor": "degraded_performance",
    "none": OPERATIONAL,
}
"""What an incident of this impact does to a component; worst first."""

STATUSES = ("major_outage", "partial_outage", "degraded_performance", UNDER_MAINTENANCE, OPERATIONAL)
"""The states of a component; worst first."""

_DIGITS = string.digits + string.ascii_lowercase
_ID_LENGTH = 12


@dataclass(frozen=True, kw_only=True)
class PublicUpdate:
    """`impact` is that of the severity when it was posted; `changed_at` is when it was put right, if it was."""

    id: str
    stage: Stage
    body: str
    at: datetime
    impact: str
    changed_at: datetime | None = None

    @property
    def news(self) -> str:
        """What was posted, without a first line that only says again what stands above it: the time and the stage."""
        whole = self.body.replace("\r\n", "\n").strip()
        first, _, rest = whole.partition("\n")
        is_said = f"{self.at.astimezone(UTC):%H:%M}" in first and self.stage.capitalize() in first
        return rest.strip() if is_said and rest.strip() else whole


@dataclass(frozen=True, kw_only=True)
class PublicIncident:
    """`components` are ids of the page's components; `updates` stand newest first, and there is at least one.

    `course` is how bad it was and from when on, oldest first: it begins when the trouble did, with what the public was
    told first.
    """

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
    course: tuple[tuple[datetime, str], ...] = ()

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
    group: str | None = None  # the id of the group that it stands in


@dataclass(frozen=True, kw_only=True)
class PublicGroup:
    """A heading over components. `components` are their ids, and there is at least one."""

    id: str
    name: str
    components: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PublicPage:
    """`incidents` stand newest first, those that are over among them; `maintenances` by their start, the last first.

    `groups` stand in the order of their first components. `began_at` is when the page began to tell.
    """

    id: str
    name: str
    url: str
    components: tuple[PublicComponent, ...]
    incidents: tuple[PublicIncident, ...]
    began_at: datetime
    updated_at: datetime
    maintenances: tuple[PublicMaintenance, ...] = ()
    groups: tuple[PublicGroup, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OldMonth:
    """A month of what is over, as `2026-05`. `mark` is another one when something of it has changed."""

    path: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class PublicMonth:
    """What ended in a month, the last first."""

    incidents: tuple[PublicIncident, ...] = ()
    maintenances: tuple[PublicMaintenance, ...] = ()


def month_of(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """Its first instant, and that of the next."""
    year, number = map(int, month.split("-"))
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def months_between(first: str, last: str) -> list[str]:
    """Every month from the first to the last, the last before all others."""
    found = [last]
    while found[-1] > first:
        found.append(month_of(bounds(found[-1])[0] - timedelta(days=1)))
    return found


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
        updated_at=max(one.changed_at or one.at for one in told.updates),
        monitoring_at=told.monitoring_at,
        resolved_at=told.resolved_at,
        course=_begun(told.course, incident.started_at),
    )


def _begun(course: tuple[tuple[datetime, str], ...], started_at: datetime) -> tuple[tuple[datetime, str], ...]:
    """The public is told after the trouble began; how bad it was first counts from its beginning."""
    (first_at, impact), *rest = course
    return ((min(started_at, first_at), impact), *rest)


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
    words = " ".join(harmless(issue).split()).rstrip(".") or plan.types[incident.type].name
    return clip(words[0].upper() + words[1:], LONGEST_NAME)


def shows(plan: Plan, entry: AnyEntry) -> bool:
    """Whether the public page may look otherwise for this entry."""
    match entry:
        case Updated(audience=audience):
            return plan.communication.audiences[audience].public
        case SeverityChanged() | TypeChanged() | Reopened() | MadeConfidential() | Disclosed() | Merged():
            return True
        case _:
            return False  # nothing else is public


@dataclass(frozen=True)
class _Told:
    """What the public was told, oldest first, and since when it has been told of a fix and of its success."""

    updates: tuple[PublicUpdate, ...] = ()
    monitoring_at: datetime | None = None
    resolved_at: datetime | None = None
    course: tuple[tuple[datetime, str], ...] = ()

    def after(self, update: PublicUpdate) -> "_Told":
        bad = "none" if update.stage is Stage.RESOLVED else update.impact
        told = replace(self.at_impact(update.at, bad), updates=(*self.updates, update))
        match update.stage:
            case Stage.INVESTIGATING | Stage.IDENTIFIED:
                return replace(told, monitoring_at=None, resolved_at=None)
            case Stage.MONITORING:
                return replace(told, monitoring_at=self.monitoring_at or update.at, resolved_at=None)
            case Stage.RESOLVED:
                return replace(told, resolved_at=self.resolved_at or update.at)
        assert_never(update.stage)

    def at_impact(self, at: datetime, impact: str) -> "_Told":
        """From this instant on it is so bad."""
        is_news = not self.course or self.course[-1][1] != impact
        return replace(self, course=(*self.course, (at, impact))) if is_news else self

    def changed(self, at: datetime, impact: str) -> "_Told":
        """So bad from now on, if the public knows of it and was not told that it is over."""
        return self.at_impact(at, impact) if self.updates and self.resolved_at is None else self

    def put_right(self, update_id: str, at: datetime) -> "_Told":
        changed = (replace(one, changed_at=at) if one.id == update_id else one for one in self.updates)
        return replace(self, updates=tuple(changed))

    def reopened(self, at: datetime, impact: str) -> "_Told":
        told = replace(self, monitoring_at=None, resolved_at=None)
        return told.changed(at, impact)


def _told(plan: Plan, incident_id: str, entries: Iterable[Numbered]) -> _Told:
    public = {name for name, audience in plan.communication.audiences.items() if audience.public}
    told, impact = _Told(), ""
    for numbered in entries:
        match numbered.entry:
            case Declared(severity=level) | SeverityChanged(severity=level):
                impact = plan.severities[level].public_impact
                told = told.changed(numbered.entry.at, impact)
            case Reopened(at=at):
                told = told.reopened(at, impact)
            case MadeConfidential():
                told = _Told()  # what was taken down stays down
            case Updated(audience=audience, stage=Stage() as stage, text=body, at=at) if audience in public:
                update_id = stable_id("update", incident_id, str(numbered.number))
                told = told.after(PublicUpdate(id=update_id, stage=stage, body=harmless(body), at=at, impact=impact))
            case UpdateCorrected(update=number, at=at) | UpdateWithdrawn(update=number, at=at):
                told = told.put_right(stable_id("update", incident_id, str(number)), at)
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
    groups = tuple(_groups(plan))
    return PublicPage(
        id=stable_id("page", url.rstrip("/")),
        name=name,
        url=url.rstrip("/"),
        components=tuple(_components(plan, newest_first, planned, since, groups)),
        incidents=newest_first,
        began_at=since,
        updated_at=max([since, *(one.updated_at for one in newest_first), *(one.updated_at for one in planned)]),
        maintenances=planned,
        groups=groups,
    )


def components_of(plan: Plan, service: str, keys: Sequence[str]) -> tuple[str, ...]:
    """The ids of these components, or without any of all that the service has; none of a service that is gone."""
    known = plan.services.get(service)
    return tuple(component_id(service, key) for key in keys or _parts(known)) if known else ()


def _groups(plan: Plan) -> Iterator[PublicGroup]:
    """As the plan says; or each service that names components, once there is more than one service."""
    if plan.public.groups:
        for name, members in plan.public.groups.items():
            yield PublicGroup(id=stable_id("group", name), name=name, components=tuple(_members(plan, members)))
    elif len(plan.services) > 1:
        for key, service in plan.services.items():
            if service.components:
                yield PublicGroup(
                    id=stable_id("group", key), name=service.name, components=components_of(plan, key, ())
                )


def _members(plan: Plan, members: Iterable[str]) -> Iterator[str]:
    """The ids of what stands under a heading: whole services, or components as `service.component`."""
    for member in members:
        service, _, key = member.partition(".")
        yield from components_of(plan, service, (key,) if key else ())


def _components(
    plan: Plan,
    incidents: Sequence[PublicIncident],
    planned: Sequence[PublicMaintenance],
    since: datetime,
    groups: Sequence[PublicGroup],
) -> Iterator[PublicComponent]:
    group_of = {one: group.id for group in groups for one in group.components}
    worked_on = {key for one in planned if one.progress is Progress.IN_PROGRESS for key in one.components}
    listed = [(key, *part) for key, service in plan.services.items() for part in _parts(service).items()]
    for position, (service, key, (name, description)) in enumerate(listed, start=1):
        found = component_id(service, key)
        touching = [one for one in incidents if found in one.components]
        yield PublicComponent(
            id=found,
            name=name,
            status=_component_status(worst_impact(touching), is_worked_on=found in worked_on),
            description=description,
            position=position,
            created_at=since,
            updated_at=max([since, *(one.updated_at for one in touching)]),
            group=group_of.get(found),
        )


def _component_status(impact: str, *, is_worked_on: bool) -> str:
    status = COMPONENT_STATUS[impact]
    return UNDER_MAINTENANCE if is_worked_on and status == OPERATIONAL else status


def worst_impact(incidents: Iterable[PublicIncident]) -> str:
    """The worst impact among the incidents that are not over."""
    present = {one.impact for one in incidents if not one.is_over}
    return next((impact for impact in COMPONENT_STATUS if impact in present), "none")


def indicator(page: PublicPage) -> str:
    """The worst impact of the incidents that are not over, whether or not they name a component."""
    worst = worst_impact(page.incidents)
    goes_on = any(one.progress is Progress.IN_PROGRESS for one in page.maintenances)
    return MAINTENANCE if worst == "none" and goes_on else worst


def worst_status(components: Iterable[PublicComponent]) -> str:
    """The worst state among these; maintenance only where nothing is broken."""
    found = {one.status for one in components}
    return next((one for one in STATUSES if one in found), OPERATIONAL)


def shortlink(page: PublicPage, incident: PublicIncident) -> str:
    return f"{page.url}/i/{incident.id}"


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-24T03:34:19.000Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
