"""How long the parts of an incident took, as the plan reads them.

What has not happened yet, and what two clocks contradict each other about, is None: unknown, never nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from tocsin.incidents.model import Incident


class Durations(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`detect` runs from the start; `acknowledge`, `mitigate`, `resolve` and `recover` run from the detection.

    `user_impact` is from the start to full recovery, `total` from the start until the incident was closed.
    """

    detect: timedelta | None
    acknowledge: timedelta | None
    mitigate: timedelta | None
    resolve: timedelta | None
    recover: timedelta | None
    user_impact: timedelta | None
    total: timedelta | None


class Timed(Protocol):
    """What has these moments: an incident, or what is read of one for the sake of them."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def detected_at(self) -> datetime: ...
    @property
    def first_acknowledged_at(self) -> datetime | None: ...
    @property
    def mitigated_at(self) -> datetime | None: ...
    @property
    def resolved_at(self) -> datetime | None: ...
    @property
    def recovered_at(self) -> datetime | None: ...
    @property
    def closed_at(self) -> datetime | None: ...


def durations(incident: Timed) -> Durations:
    """The times of one incident. After a reopening they run to the last resolution, which is the true one."""
    started, detected = incident.started_at, incident.detected_at
    return Durations(
        detect=between(started, detected),
        acknowledge=between(detected, incident.first_acknowledged_at),
        mitigate=between(detected, incident.mitigated_at),
        resolve=between(detected, incident.resolved_at),
        recover=between(detected, incident.recovered_at),
        user_impact=between(started, incident.recovered_at),
        total=between(started, incident.closed_at),
    )


@dataclass(frozen=True, kw_only=True)
class Times:
    """What is kept of the times of an incident: four moments and two durations, which run on until they have ended."""

    started_at: datetime
    detected_at: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    total: timedelta
    is_over: bool
    user_impact: timedelta
    is_recovered: bool

    @property
    def total_seconds(self) -> float:
        return self.total.total_seconds()

    @property
    def user_impact_seconds(self) -> float:
        return self.user_impact.total_seconds()


def times(incident: Incident, now: datetime) -> Times:
    """The times as they stand at an instant: what has not ended is counted up to it."""
    started = incident.started_at
    return Times(
        started_at=started,
        detected_at=incident.detected_at,
        responded_at=incident.first_acknowledged_at,
        resolved_at=incident.resolved_at,
        total=max(timedelta(0), (incident.closed_at or now) - started),
        is_over=incident.closed_at is not None,
        user_impact=max(timedelta(0), (incident.recovered_at or now) - started),
        is_recovered=incident.recovered_at is not None,
    )


def between(start: datetime | None, end: datetime | None) -> timedelta | None:
    """The time from one instant to a later one; None if either is unknown or they stand the wrong way round."""
    if start is None or end is None or end < start:
        return None
    return end - start
