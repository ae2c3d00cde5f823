"""Planned maintenance as the public reads of it: what was written for it, when, and how far it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.kit.text import harmless
from tocsin.signals.silencing import Silence


class Progress(StrEnum):
    """How far it is, in the words of the Statuspage API."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


@dataclass(frozen=True, kw_only=True)
class PublicMaintenance:
    """`components` are ids of the page's components; `steps` are how it came so far, newest first."""

    id: str
    name: str
    text: str
    progress: Progress
    components: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    updated_at: datetime
    steps: tuple[tuple[Progress, datetime], ...]

    @property
    def is_over(self) -> bool:
        return self.progress is Progress.COMPLETED


def public_maintenance(one: Silence, components: tuple[str, ...], now: datetime) -> PublicMaintenance | None:
    """What is planned, goes on, or is over. None for what was called off before it began: it promises nothing."""
    if not one.is_window or one.over_at <= one.starts_at:
        return None
    all_steps = (
        (Progress.SCHEDULED, one.made_at),
        (Progress.IN_PROGRESS, one.starts_at),
        (Progress.COMPLETED, one.over_at),
    )
    steps = tuple((progress, max(at, one.made_at)) for progress, at in all_steps if at <= now)
    progress, updated_at = steps[-1]
    return PublicMaintenance(
        id=one.id,
        name=harmless(one.title),
        text=harmless(one.text),
        progress=progress,
        components=components,
        starts_at=one.starts_at,
        ends_at=one.over_at,
        created_at=one.made_at,
        updated_at=max(updated_at, one.extended_at or updated_at),
        steps=steps[::-1],
    )
