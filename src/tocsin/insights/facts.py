"""What the numbers need to know of an incident and of what was owed for it: a tenth of the whole. Pure.

A report reads thousands of them, and many stay in memory from one to the next. They hold nothing that holds them, so
that the collector of garbage passes them by.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from tocsin.incidents.durations import Durations, durations
from tocsin.incidents.model import UNRESOLVED, Incident, Status
from tocsin.incidents.relation import Relation
from tocsin.incidents.work import Tick


class Measured(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One incident and its times. `same_cause` are those that people have tied to it so."""

    incident_id: str
    number: int
    title: str
    severity: str
    type: str
    service: str | None
    declared_at: datetime
    is_resolved: bool
    took: Durations
    plan_revision: str
    is_merged: bool
    same_cause: tuple[str, ...]
    ticks: Mapping[str, Tick]


class Found(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is done on it."""

    ticks: dict[str, Tick] = {}


class Fold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An incident as it is saved, without what belongs to no number."""

    id: str
    number: int
    title: str
    status: Status
    severity: str
    type: str
    service: str | None
    plan_revision: str
    started_at: datetime
    detected_at: datetime
    declared_at: datetime
    first_acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    relations: dict[str, Relation] = {}
    merged_into: str | None = None
    work: Found = Found()

    @property
    def is_resolved(self) -> bool:
        return self.status not in UNRESOLVED


def measured(incident: Incident | Fold) -> Measured:
    return Measured(
        incident_id=incident.id,
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        type=incident.type,
        service=incident.service,
        declared_at=incident.declared_at,
        is_resolved=incident.is_resolved,
        took=durations(incident),
        plan_revision=incident.plan_revision,
        is_merged=incident.merged_into is not None,
        same_cause=tuple(other for other, relation in incident.relations.items() if relation is Relation.SAME_CAUSE_AS),
        ticks=incident.work.ticks,
    )


class Owed(Protocol):
    """Something that was owed for an incident, as far as the numbers ask: an obligation, or what is kept of one."""

    @property
    def incident_id(self) -> str | None: ...
    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def audience(self) -> str: ...
    @property
    def opened_at(self) -> datetime: ...
    @property
    def due_at(self) -> datetime: ...
    @property
    def state(self) -> str: ...
    @property
    def settled_at(self) -> datetime | None: ...
    @property
    def evidence(self) -> str: ...


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How an obligation ended."""

    incident_id: str
    key: str
    kind: str
    what: str
    audience: str
    opened_at: datetime
    due_at: datetime
    state: str
    settled_at: datetime | None
    evidence: str


ENDED = ("met", "late", "missed", "waived")
"""The states of what was kept or broken; what is open or no longer owed is neither."""
