"""Numbers that divide and measure: bands of error rates, and the figures by which a team judges its response."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from tocsin.kit.text import listed, span
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.measures import Band, Moment
from tocsin.plan.model import Plan

_ALL = Decimal(100)
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|per cent|percent)", re.IGNORECASE)
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*%?\s*(?:-|–|to|and)\s*(\d+(?:\.\d+)?)\s*(?:%|per cent|percent)", re.IGNORECASE)
_ERRORS = re.compile(r"\berrors?\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Reach:
    """From where to where a severity's band goes, and whether the borders belong to it."""

    level: str
    low: Decimal
    has_low: bool
    high: Decimal
    has_high: bool

    @property
    def path(self) -> str:
        return f"severities.{self.level}.error_rate"


def _bands(plan: Plan) -> list[_Reach]:
    """The bands that hold something, from the lowest rate to the highest."""
    found = [_reach(level, one.error_rate) for level, one in plan.severities.items() if one.error_rate]
    return sorted((one for one in found if one.low <= one.high), key=lambda one: (one.low, not one.has_low, one.high))


def _reach(level: str, band: Band) -> _Reach:
    low = band.at_least if band.above is None else band.above
    high = band.at_most if band.below is None else band.below
    return _Reach(level, low or Decimal(0), band.above is None, _ALL if high is None else high, band.below is None)


@check(
    "bands-touch",
    Level.WARNING,
    "One error rate belongs to two severities.",
    mend="Let one of the two bands end before it: write `below` or `above` there.",
)
def bands_touch(plan: Plan) -> Iterator[Remark]:
    for lower, upper in pairwise(_bands(plan)):
        if lower.high == upper.low and lower.has_high and upper.has_low:
            yield Remark(lower.path, f"exactly {lower.high:f} % is both {lower.level} and {upper.level}")


@check(
    "bands-overlap",
    Level.WARNING,
    "A range of error rates belongs to two severities.",
    mend="Let one band end where the next begins.",
)
def bands_overlap(plan: Plan) -> Iterator[Remark]:
    for lower, upper in pairwise(_bands(plan)):
        if lower.high > upper.low:
            end = min(lower.high, upper.high)
            yield Remark(lower.path, f"{upper.low:f} to {end:f} % is both {lower.level} and {upper.level}")


@check(
    "band-hole",
    Level.WARNING,
    "Some error rates belong to no severity.",
    mend="Let the bands meet, or say that such a rate is no incident.",
)
def band_hole(plan: Plan) -> Iterator[Remark]:
    bands = _bands(plan)
    for lower, upper in pairwise(bands):
        if lower.high < upper.low:
            reason = f"nothing holds {lower.high:f} to {upper.low:f} %, between {lower.level} and {upper.level}"
            yield Remark(lower.path, reason)
        elif lower.high == upper.low and not lower.has_high and not upper.has_low:
            yield Remark(lower.path, f"nothing holds exactly {lower.high:f} %: {lower.level} ends below it")
    if bands and bands[0].low > 0:
        yield Remark(bands[0].path, f"nothing holds a rate below {bands[0].low:f} %, and nobody says that it is well")
    highest = max(bands, key=lambda one: one.high, default=None)
    if highest and highest.high < _ALL:
        yield Remark(highest.path, f"nothing holds a rate above {highest.high:f} %")


@check(
    "bands-out-of-order",
    Level.WARNING,
    "A worse severity has a lower band of error rates.",
    mend="Put the bands in the order of the severities.",
)
def bands_out_of_order(plan: Plan) -> Iterator[Remark]:
    ranked = [_reach(level, one.error_rate) for level, one in plan.severities.items() if one.error_rate]
    for worse, lesser in pairwise(ranked):
        if worse.low < lesser.low:
            yield Remark(worse.path, f"{worse.level} begins at {worse.low:f} %, the lesser {lesser.level} higher up")


@check(
    "rate-differs",
    Level.WARNING,
    "A sentence names an error rate at which no band of its severity begins or ends.",
    mend="Make the sentence and the band say the same.",
)
def rate_differs(plan: Plan) -> Iterator[Remark]:
    bands = {one.level: one for one in _bands(plan)}
    for level, band in bands.items():
        for number, text in enumerate(plan.severities[level].examples, start=1):
            for rate in _rates(text):
                if rate not in (band.low, band.high):
                    reason = f"{rate:f} % is said here, and {plan.severities[level].error_rate} is {level}"
                    yield Remark(f"severities.{level}.examples.{number}", reason)
    lowest = min((one.low for one in bands.values()), default=None)
    for key, one in plan.types.items():
        for text in one.symptoms if lowest is not None else ():
            if (rates := _rates(text)) and lowest not in rates:
                reason = f'"{text}", and an error rate counts from {lowest:f} % on'
                yield Remark(f"types.{key}.symptoms", reason)


def _rates(text: str) -> list[Decimal]:
    """The error rates that a sentence names, if it speaks of errors."""
    if not _ERRORS.search(text):
        return []
    ranges = [number for found in _RANGE.findall(text) for number in found]
    return [Decimal(one) for one in dict.fromkeys([*ranges, *_RATE.findall(text)])]


@check(
    "metric-twice",
    Level.WARNING,
    "One name stands for two figures.",
    mend="Give each figure a name and an abbreviation of its own.",
)
def metric_twice(plan: Plan) -> Iterator[Remark]:
    known: dict[str, str] = {}
    for key, metric in plan.metrics.items():
        for place, name in (("name", metric.name), ("short", metric.short)):
            if name and known.setdefault(name.lower(), key) != key:
                reason = f'"{name}" is also what {known[name.lower()]} is called'
                yield Remark(f"metrics.{key}.{place}", reason)


@check(
    "metrics-alike",
    Level.NOTE,
    "Two figures measure the same.",
    mend="Keep one of them.",
)
def metrics_alike(plan: Plan) -> Iterator[Remark]:
    known: dict[tuple[object, ...], str] = {}
    for key, metric in plan.metrics.items():
        measured = (metric.since, metric.until, metric.count_by)
        if known.setdefault(measured, key) != key:
            yield Remark(f"metrics.{key}", f"it measures what {known[measured]} does")


@check(
    "metric-target-differs",
    Level.WARNING,
    "The target of a figure is not the time that the severity promises.",
    mend="Make the two the same, or take the target out of the figure.",
)
def metric_target_differs(plan: Plan) -> Iterator[Remark]:
    promised = {Moment.ACKNOWLEDGED: "acknowledge_within", Moment.RESOLVED: "resolve_within"}
    for key, metric in plan.metrics.items():
        for level, target in metric.targets.items():
            severity = plan.severities.get(level)
            if severity and metric.until in promised and metric.since is not Moment.ACKNOWLEDGED:
                time = getattr(severity, promised[metric.until])
                if time != target:
                    reason = f"{level}: the target is {span(target)}, and {span(time)} is promised"
                    yield Remark(f"metrics.{key}.targets.{level}", reason)


@check(
    "target-without-watch",
    Level.WARNING,
    "The target to recover leaves no time for the watch after the fix.",
    mend="Count the watch in: the target to recover is the one to resolve, and the watch on top.",
)
def target_without_watch(plan: Plan) -> Iterator[Remark]:
    watch = plan.recovery.watch_for
    for key, metric in plan.metrics.items():
        for level, target in metric.targets.items() if metric.until is Moment.RECOVERED else ():
            severity = plan.severities.get(level)
            if severity and target < severity.resolve_within + watch:
                needed = f"{span(severity.resolve_within)} to resolve and {span(watch)} of watching"
                yield Remark(f"metrics.{key}.targets.{level}", f"{level}: {span(target)} are less than {needed}")


@check(
    "target-missing",
    Level.NOTE,
    "A figure has a target at some severities and none at others.",
    mend="Give it a target at every severity, or say why one has none.",
)
def target_missing(plan: Plan) -> Iterator[Remark]:
    for key, metric in plan.metrics.items():
        missing = [level for level in plan.severities if level not in metric.targets]
        if metric.targets and missing:
            yield Remark(f"metrics.{key}.targets", f"no target at {listed(missing)}")


CHECKS: tuple[Check, ...] = (
    bands_touch,
    bands_overlap,
    band_hole,
    bands_out_of_order,
    rate_differs,
    metric_twice,
    metrics_alike,
    metric_target_differs,
    target_without_watch,
    target_missing,
)
