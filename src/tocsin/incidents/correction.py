"""The entry by which a person says when something really happened. What was written before stays where it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.incidents.entry import Entry


class Moment(StrEnum):
    """What of an incident may have happened at another time than it was written down."""

    STARTED = "started"
    DETECTED = "detected"
    ACKNOWLEDGED = "acknowledged"  # for the first time
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    RECOVERED = "recovered"


@dataclass(frozen=True, kw_only=True)
class TimeCorrected(Entry):
    """`instant` is when it really was, `before` what the record said until now."""

    moment: Moment
    instant: datetime
    before: datetime
    because: str


FIELD = {
    Moment.STARTED: "started_at",
    Moment.DETECTED: "detected_at",
    Moment.ACKNOWLEDGED: "first_acknowledged_at",
    Moment.MITIGATED: "mitigated_at",
    Moment.RESOLVED: "resolved_at",
    Moment.RECOVERED: "recovered_at",
}
"""What the fold calls each of them."""
