"""What the API answers, as far as a program usually asks. Fields that it has besides are passed over."""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class Incident(Struct, kw_only=True):
    id: str
    number: int
    title: str
    status: str
    severity: str
    type: str
    service: str | None
    components: list[str]
    impact: str
    why: str
    roles: dict[str, str]
    started_at: datetime
    detected_at: datetime
    declared_at: datetime
    declared_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime
    merged_into: str | None
    confidential_at: datetime | None


class IncidentInFull(Incident, kw_only=True):
    """`to_close` says what it still lacks."""

    to_close: list[str]


class Incidents(Struct):
    incidents: list[Incident]
    next: str | None


class Entry(Struct):
    """An entry of the record: `text` is its sentence, `body` what it holds."""

    number: int
    kind: str
    at: datetime
    by: str
    text: str
    body: dict[str, Any]


class Timeline(Struct):
    entries: list[Entry]
    next: str | None


class Obligation(Struct, kw_only=True):
    id: str
    key: str
    kind: str
    what: str
    clause: str
    owner: str
    state: str
    opened_at: datetime
    due_at: datetime
    overdue_at: datetime | None
    settled_at: datetime | None
    evidence: str
    late_by_seconds: float | None


class Obligations(Struct):
    obligations: list[Obligation]
    next: str | None = None


class Shift(Struct):
    rotation: str
    name: str
    person: str
    person_name: str
    starts_at: datetime
    ends_at: datetime


class OnCall(Struct):
    """`nobody` names the rotations in which nobody is on call now."""

    at: datetime
    shifts: list[Shift]
    nobody: list[str]


class Seen(Struct, kw_only=True):
    """What the last look saw; `measured` are the labels by which a rule of the plan can ask for it."""

    outcome: str
    reason: str
    components: list[str]
    states: dict[str, str]
    latency_seconds: float
    path: str
    measured: dict[str, str]


class Agreed(Struct):
    """What enough looks agreed on."""

    outcome: str
    components: list[str]


class Probe(Struct, kw_only=True):
    """Something that is looked at, such as `rose/health`; nothing is `seen` before the first look. `health` is
    `trouble`, `unknown` or `well`."""

    name: str
    sort: str
    service: str
    health: str
    every_seconds: float
    looked_at: datetime | None
    due_at: datetime | None
    seen: Seen | None
    agreed: Agreed | None
    looks: int
    since: datetime | None


class ProbeInFull(Probe, kw_only=True):
    """`signal_id` is there if there was ever trouble to tell of."""

    signal_id: str | None


class Probes(Struct):
    probes: list[Probe]
    next: str | None


class Measured(Struct, kw_only=True):
    """The looks of a stretch of `seconds`: the mean and the highest of those `timed`; `failed` of `counted` failed."""

    at: datetime
    seconds: int
    timed: int
    mean: float | None
    highest: float | None
    failed: float
    counted: float
    is_usual: bool


class Looks(Struct):
    """`unit` is that of the mean and the highest."""

    name: str
    unit: str
    looks: list[Measured]
    next: str | None


class Receipt(Struct):
    """What became of signals that were sent."""

    accepted: int
    keys: list[str]
    warnings: list[dict[str, str]] = field(default_factory=list)


class Change(Struct):
    id: str
    what: str
    kind: str
    service: str | None
    at: datetime
    by: str


class Revision(Struct):
    id: str
    name: str
    version: str
    reason: str
    applied_by: str
    applied_at: datetime


class Plan(Struct):
    revision: Revision
    text: str


class Webhook(Struct, kw_only=True):
    """`secret` is there once, in the answer that made it. `warning` says why nothing will go to its address."""

    id: str
    url: str
    description: str
    types: list[str]
    confidential: bool
    disabled_at: datetime | None
    disabled_because: str
    warning: str = ""
    secret: str = ""


class Event(Struct, kw_only=True):
    """Something that happened. Give `position` back as `since` to go on behind it."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    position: int = 0
