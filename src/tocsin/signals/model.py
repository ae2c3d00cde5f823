"""What reaches us, whatever its sender speaks."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


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


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one signal, decoded. Thousands come in a second: a struct is made in a tenth of the time.

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
    labels: dict[str, str] = {}
    details: dict[str, Any] = {}
    link: str | None = None
    started_at: datetime | None = None
    warnings: tuple[str, ...] = ()
