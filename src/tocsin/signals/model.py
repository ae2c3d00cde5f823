"""What reaches us, whatever its sender speaks."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Trigger(StrEnum):
    """The trigger sources of an incident-response plan; kept on every incident."""

    MONITORING_ALERT = "monitoring_alert"
    HEALTH_CHECK = "health_check"
    USER_REPORT = "user_report"
    EXTERNAL_NOTICE = "external_notice"
    OBSERVATION = "observation"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One message about one signal, decoded.

    `key` is the sender's own stable name for the signal: arrivals with the same `(source, key)` are the same
    signal, seen again. `severity` is the sender's word, not the plan's. `labels` are what routing rules match.
    `warnings` say what had to be coerced to read it.
    """

    source: str
    key: str
    state: State = State.FIRING
    title: str
    trigger: Trigger = Trigger.MONITORING_ALERT
    severity: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    link: str | None = None
    started_at: datetime | None = None
    warnings: tuple[str, ...] = ()
