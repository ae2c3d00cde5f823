"""What is measured: error rates and the severities they mean, and the figures by which a team judges its response."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from tocsin.plan.fields import STRICT, Percent, Span, Text

_RATE = re.compile(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*%?\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Band:
    """A range of error rates, in per cent of requests. Each border says whether it belongs to the band."""

    __pydantic_config__ = STRICT
    above: Percent | None = None
    at_least: Percent | None = None
    below: Percent | None = None
    at_most: Percent | None = None

    def holds(self, rate: Decimal) -> bool:
        return (
            (self.above is None or rate > self.above)
            and (self.at_least is None or rate >= self.at_least)
            and (self.below is None or rate < self.below)
            and (self.at_most is None or rate <= self.at_most)
        )

    def __str__(self) -> str:
        borders = (
            ("above", self.above),
            ("from", self.at_least),
            ("to below", self.below),
            ("to", self.at_most),
        )
        return " ".join(f"{word} {rate:f} %" for word, rate in borders if rate is not None) or "any error rate"


def rate(written: str) -> Decimal | None:
    """The error rate that a label spells in per cent, such as `7.5` or `7.5 %`; None if it spells none."""
    found = _RATE.fullmatch(written)
    return Decimal(found[1]) if found else None


class Moment(StrEnum):
    """The moments of an incident between which time is measured."""

    STARTED = "started"
    DETECTED = "detected"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    RECOVERED = "recovered"
    CLOSED = "closed"


class Count(StrEnum):
    """By what incidents are counted."""

    MONTH = "month"
    SEVERITY = "severity"
    TYPE = "type"
    ROOT_CAUSE = "root_cause"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure: the mean time between two moments, with a target by severity, or a number of incidents."""

    __pydantic_config__ = STRICT
    name: Text
    short: Text = ""
    meaning: Text = ""
    since: Moment | None = None
    until: Moment | None = None
    count_by: Count | None = None
    targets: Mapping[str, Span] = field(default_factory=dict)
