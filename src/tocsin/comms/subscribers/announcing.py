"""What subscribers are told of: a public update, or how far planned maintenance is. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.comms import statuspage
from tocsin.comms.maintenance import Progress
from tocsin.comms.statuspage import PublicIncident
from tocsin.plan.model import Plan
from tocsin.signals.silencing import Silence

NEWS_FOR = timedelta(hours=1)  # what happened longer ago is not told any more, as after a long standstill
CALLED_OFF = "called_off"


class Kind(StrEnum):
    UPDATE = "update"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """`about` is the incident or the window; `parts` are the services and components that are touched, by key, and
    `affects` are their names. `path` is where it stands on the status page. `corrects` is what was announced before and
    does not hold any more: whoever was told that is told this, and nobody else."""

    id: str
    kind: Kind
    about: str
    name: str
    stage: str
    text: str
    parts: tuple[str, ...]
    affects: tuple[str, ...]
    path: str
    at: datetime
    corrects: str = ""


def of_update(plan: Plan, incident_id: str, public: PublicIncident) -> Announcement:
    """The last update of an incident."""
    last = public.updates[0]
    return Announcement(
        id=last.id,
        kind=Kind.UPDATE,
        about=incident_id,
        name=public.name,
        stage=last.stage,
        text=last.body,
        parts=_parts(plan, public.components),
        affects=_names(plan, public.components),
        path=f"/status/i/{public.id}",
        at=last.at,
    )


def of_window(plan: Plan, window: Silence, told: frozenset[str], now: datetime) -> Announcement | None:
    """What is new of a maintenance window and not among what was `told`; None if there is nothing."""
    for stage, at in _steps(window, now):
        own_id = announcement_id(window.id, stage)
        if own_id in told or now - at > NEWS_FOR:
            continue
        if stage == CALLED_OFF and announcement_id(window.id, Progress.SCHEDULED) not in told:
            continue
        components = statuspage.components_of(plan, window.service or "", window.components)
        return Announcement(
            id=own_id,
            kind=Kind.MAINTENANCE,
            about=window.id,
            name=window.title,
            stage=stage,
            text=window.text,
            parts=_parts(plan, components),
            affects=_names(plan, components),
            path=f"/status#{statuspage.stable_id('maintenance', window.id)}",
            at=max(at, window.made_at),
        )
    return None


def announcement_id(window_id: str, stage: str) -> str:
    return statuspage.stable_id("maintenance told", window_id, stage)


def _steps(window: Silence, now: datetime) -> Iterator[tuple[str, datetime]]:
    """How far it is, and since when; the last step alone, since nobody needs to hear of what is behind."""
    if window.over_at <= window.starts_at:
        yield CALLED_OFF, window.ended_at or window.over_at
    elif now >= window.over_at:
        yield Progress.COMPLETED, window.over_at
    elif now >= window.starts_at:
        yield Progress.IN_PROGRESS, max(window.starts_at, window.made_at)
    else:
        yield Progress.SCHEDULED, window.made_at


def _touched(plan: Plan, components: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Service, component and name of what these ids of the page stand for."""
    for service, one in plan.services.items():
        named = {key: part.name for key, part in one.components.items()} or {"": one.name}
        for key, name in named.items():
            if statuspage.component_id(service, key) in components:
                yield service, key, name


def _parts(plan: Plan, components: tuple[str, ...]) -> tuple[str, ...]:
    """Each component as `rose/voice`, and its service, so that whoever wants to hear of that does."""
    found: dict[str, None] = {}
    for service, key, _ in _touched(plan, components):
        found[service] = None
        if key:
            found[f"{service}/{key}"] = None
    return tuple(found)


def _names(plan: Plan, components: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for _, _, name in _touched(plan, components))
