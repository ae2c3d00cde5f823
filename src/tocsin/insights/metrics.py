"""How long it took, how often, and whether the plan was kept. Pure.

Durations are skewed: a mean says little and few of them say less, so each summary carries its count, its median and
its ninth decile, and says when it stands on too few. A time that an incident has not reached is left out, not guessed.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Any

from tocsin.incidents.durations import Durations, durations
from tocsin.incidents.model import Incident
from tocsin.insights import facts
from tocsin.insights.facts import Measured, Owed
from tocsin.obligations.model import Kind
from tocsin.plan.model import Plan, Severity

__all__ = [
    "Counts",
    "Durations",
    "Kept",
    "Measured",
    "Missed",
    "Repeat",
    "Report",
    "Summary",
    "Target",
    "Times",
    "as_json",
    "durations",
    "report",
    "summary",
]

TOO_FEW = 20  # below this, a median moves widely with every incident
REPEATED_WITHIN = timedelta(days=30)

PlanOf = Callable[[str], Plan]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """`p90` is the smallest of the values that nine in ten do not exceed. Nothing is known of no values."""

    n: int
    mean: timedelta | None
    median: timedelta | None
    p90: timedelta | None
    few: bool


@dataclass(frozen=True, kw_only=True)
class Times:
    """The four times of the plan, over `incidents` incidents; each summary's `n` says how many had reached it."""

    incidents: int
    detect: Summary
    acknowledge: Summary
    resolve: Summary
    recover: Summary


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Months are `2026-11`, in UTC, every month of the period among them. `open` are those not resolved."""

    total: int
    open: int
    by_month: Mapping[str, int]
    by_severity: Mapping[str, int]
    by_type: Mapping[str, int]
    by_month_and_severity: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True)
class Missed:
    incident_id: str
    number: int
    title: str
    took: timedelta
    within: timedelta


@dataclass(frozen=True, kw_only=True)
class Target:
    """A severity's promise, kept in `held` of the `of` incidents that got so far. `within` is the newest plan's."""

    severity: str
    within: timedelta
    held: int
    of: int
    missed: tuple[Missed, ...]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How the obligations of one kind ended. Updates are told apart by their audience."""

    kind: Kind
    audience: str
    met: int
    late: int
    missed: int
    waived: int


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Incidents of one cause, or candidates for it: of one type on one service, thirty days apart at the most.

    The type and the service are those of the last.
    """

    type: str
    service: str | None
    incidents: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """`repeats` had the same cause, as people have said of them; `repeat_candidates` share a type and a service, and
    whether they share a cause is for people to say.
    """

    period_start: datetime
    period_end: datetime
    overall: Times
    by_severity: Mapping[str, Times]
    counts: Counts
    resolve_targets: tuple[Target, ...]
    acknowledge_targets: tuple[Target, ...]
    obligations: tuple[Kept, ...]
    repeats: tuple[Repeat, ...]
    repeat_candidates: tuple[Repeat, ...]
    incidents: tuple[Measured, ...]


def report(
    plan_of: PlanOf | Plan,
    incidents: Iterable[Incident | Measured],
    obligations: Iterable[Owed],
    period_start: datetime,
    period_end: datetime,
    tied: Iterable[Incident] = (),
) -> Report:
    """The incidents declared and the obligations opened from `period_start` up to, not at, `period_end`.

    `plan_of` gives the plan of a revision: an incident is held to the targets that it was declared under. An earlier
    incident counts only as the beginning of a repeat, however long ago it was if it is among those `tied` to one.
    """
    known = sorted(map(_measured, incidents), key=attrgetter("declared_at"))
    known = known[: bisect_left(known, period_end, key=attrgetter("declared_at"))]
    measured = known[bisect_left(known, period_start, key=attrgetter("declared_at")) :]
    severities = _severities(plan_of, measured)
    by_severity = _grouped(severities, ((one.severity, one) for one in measured))
    promises = {
        level: [(_plan(plan_of, one).severities[level], one) for one in those] for level, those in by_severity.items()
    }
    return Report(
        period_start=period_start,
        period_end=period_end,
        overall=_times(measured),
        by_severity={level: _times(those) for level, those in by_severity.items()},
        counts=_counts(measured, severities, period_start, period_end),
        resolve_targets=_targets(promises, _to_resolve),
        acknowledge_targets=_targets(promises, _to_acknowledge),
        obligations=tuple(_kept(one for one in obligations if period_start <= one.opened_at < period_end)),
        repeats=tuple(_same_cause([*known, *map(_measured, tied)], period_start, period_end)),
        repeat_candidates=tuple(_repeats(known, period_start)),
        incidents=tuple(measured),
    )


def summary(values: Iterable[timedelta]) -> Summary:
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        return Summary(n=0, mean=None, median=None, p90=None, few=True)
    return Summary(
        n=n,
        mean=sum(ordered, timedelta()) / n,
        median=(ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        p90=ordered[-(-9 * n // 10) - 1],  # the rank is nine tenths of n, rounded up
        few=n < TOO_FEW,
    )


def _measured(one: Incident | Measured) -> Measured:
    return one if isinstance(one, Measured) else facts.measured(one)


def _plan(plan_of: PlanOf | Plan, incident: Measured) -> Plan:
    return plan_of if isinstance(plan_of, Plan) else plan_of(incident.plan_revision)


def _severities(plan_of: PlanOf | Plan, incidents: Sequence[Measured]) -> tuple[str, ...]:
    """Every level that counts here, worst first, the newest plan's order before that of older ones."""
    if isinstance(plan_of, Plan):
        return tuple(plan_of.severities)
    revisions = dict.fromkeys(one.plan_revision for one in reversed(incidents))
    return tuple(dict.fromkeys(level for revision in revisions for level in plan_of(revision).severities))


def _grouped(names: Iterable[str], found: Iterable[tuple[str, Measured]]) -> dict[str, list[Measured]]:
    """What was found by name; each of these names is there."""
    groups: dict[str, list[Measured]] = {name: [] for name in names}
    for name, one in found:
        groups.setdefault(name, []).append(one)
    return groups


def _times(measured: Sequence[Measured]) -> Times:
    return Times(
        incidents=len(measured),
        detect=_over(measured, lambda took: took.detect),
        acknowledge=_over(measured, lambda took: took.acknowledge),
        resolve=_over(measured, lambda took: took.resolve),
        recover=_over(measured, lambda took: took.recover),
    )


def _over(measured: Sequence[Measured], time: Callable[[Durations], timedelta | None]) -> Summary:
    times = (time(one.took) for one in measured)
    return summary(length for length in times if length is not None)


def _counts(measured: Sequence[Measured], severities: Sequence[str], start: datetime, end: datetime) -> Counts:
    by_month = _grouped(_months(start, end), ((_month(one.declared_at), one) for one in measured))
    return Counts(
        total=len(measured),
        open=sum(not one.is_resolved for one in measured),
        by_month={month: len(those) for month, those in by_month.items()},
        by_severity=_by_severity(measured, severities),
        by_type=_tally(one.type for one in measured),
        by_month_and_severity={month: _by_severity(those, severities) for month, those in by_month.items()},
    )


def _by_severity(measured: Sequence[Measured], severities: Sequence[str]) -> dict[str, int]:
    found = Counter(one.severity for one in measured)
    return {level: found[level] for level in severities}


def _tally(words: Iterable[str]) -> dict[str, int]:
    """How often each word occurs, the most frequent first and equals by name."""
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _month(instant: datetime) -> str:
    there = instant.astimezone(UTC)
    return f"{there.year:04}-{there.month:02}"


def _months(start: datetime, end: datetime) -> Iterator[str]:
    day = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield _month(day)
        day = (day + timedelta(days=31)).replace(day=1)


def _to_resolve(severity: Severity, took: Durations) -> tuple[timedelta, timedelta | None]:
    return severity.resolve_within, took.resolve


def _to_acknowledge(severity: Severity, took: Durations) -> tuple[timedelta, timedelta | None]:
    return severity.acknowledge_within, took.acknowledge


def _targets(
    promises: Mapping[str, Sequence[tuple[Severity, Measured]]],
    read: Callable[[Severity, Durations], tuple[timedelta, timedelta | None]],
) -> tuple[Target, ...]:
    """One target per severity that an incident of the period had, in the order of the plan."""
    return tuple(
        _target(level, [(one, *read(severity, one.took)) for severity, one in those])
        for level, those in promises.items()
        if those
    )


def _target(level: str, those: Sequence[tuple[Measured, timedelta, timedelta | None]]) -> Target:
    ended = [(one, within, took) for one, within, took in those if took is not None]
    missed = tuple(
        Missed(incident_id=one.incident_id, number=one.number, title=one.title, took=took, within=within)
        for one, within, took in ended
        if took > within
    )
    newest = those[-1][1]
    return Target(severity=level, within=newest, held=len(ended) - len(missed), of=len(ended), missed=missed)


def _kept(obligations: Iterable[Owed]) -> Iterator[Kept]:
    """What ended, in the order of the kinds; what is open or no longer owed is neither kept nor broken."""
    found = Counter((one.kind, one.audience, one.state) for one in obligations)
    kinds = list(Kind)
    ended = {(kinds.index(Kind(kind)), audience) for kind, audience, state in found if state in facts.ENDED}
    for place, audience in sorted(ended):
        kind = kinds[place]
        yield Kept(kind=kind, audience=audience, **{state: found[kind, audience, state] for state in facts.ENDED})


def _same_cause(incidents: Iterable[Measured], period_start: datetime, period_end: datetime) -> Iterator[Repeat]:
    """Groups that people have tied as of the same cause, whose last lies in the period, in the order of their first."""
    known = {one.incident_id: one for one in incidents}
    seen: set[str] = set()
    for start in sorted((one for one in known.values() if one.same_cause), key=_in_time):
        group = _group(known, start.incident_id, seen)
        seen.update(group)
        those = sorted((known[one] for one in group), key=_in_time)
        last = those[-1] if those else start
        if len(those) > 1 and period_start <= last.declared_at < period_end:
            yield Repeat(type=last.type, service=last.service, incidents=tuple(those))


def _in_time(one: Measured) -> tuple[datetime, str]:
    return one.declared_at, one.incident_id


def _group(known: Mapping[str, Measured], start: str, seen: Collection[str]) -> set[str]:
    """All that are of the same cause as this one, directly or by way of another; none if they were found before."""
    found: set[str] = set()
    waiting = [] if start in seen else [start]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += {other for other in known[one].same_cause if other in known} - found
    return found


def _repeats(measured: Sequence[Measured], period_start: datetime) -> Iterator[Repeat]:
    """Chains whose last incident lies in the period, in the order of their first."""
    alike: dict[tuple[str, str | None], list[Measured]] = {}
    for one in measured:
        alike.setdefault((one.type, one.service), []).append(one)
    for (kind, service), those in alike.items():
        for chain in _chains(those):
            if len(chain) > 1 and chain[-1].declared_at >= period_start:
                yield Repeat(type=kind, service=service, incidents=tuple(chain))


def _chains(measured: Sequence[Measured]) -> Iterator[list[Measured]]:
    chain = list(measured[:1])
    for before, after in pairwise(measured):
        if after.declared_at - before.declared_at > REPEATED_WITHIN:
            yield chain
            chain = []
        chain.append(after)
    yield chain


# ---- As plain values, with the unit in every name ----


def as_json(found: Report) -> dict[str, Any]:
    """The report as strings, numbers, lists and mappings. Spans are seconds, instants RFC 3339 in UTC."""
    return {
        "period_start": _instant(found.period_start),
        "period_end": _instant(found.period_end),
        "times": _times_json(found.overall),
        "times_by_severity": {level: _times_json(times) for level, times in found.by_severity.items()},
        "counts": _counts_json(found.counts),
        "resolve_targets": [_target_json(target) for target in found.resolve_targets],
        "acknowledge_targets": [_target_json(target) for target in found.acknowledge_targets],
        "obligations": [_kept_json(kept) for kept in found.obligations],
        "repeats": [_repeat_json(repeat) for repeat in found.repeats],
        "repeat_candidates": [_repeat_json(repeat) for repeat in found.repeat_candidates],
        "incidents": [_measured_json(one) for one in found.incidents],
    }


def _times_json(times: Times) -> dict[str, Any]:
    return {
        "incidents": times.incidents,
        "time_to_detect": _summary_json(times.detect),
        "time_to_acknowledge": _summary_json(times.acknowledge),
        "time_to_resolve": _summary_json(times.resolve),
        "time_to_recover": _summary_json(times.recover),
    }


def _summary_json(found: Summary) -> dict[str, Any]:
    return {
        "n": found.n,
        "mean_seconds": _seconds(found.mean),
        "median_seconds": _seconds(found.median),
        "p90_seconds": _seconds(found.p90),
        "few": found.few,
    }


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {
        "total": counts.total,
        "open": counts.open,
        "by_month": dict(counts.by_month),
        "by_severity": dict(counts.by_severity),
        "by_type": dict(counts.by_type),
        "by_month_and_severity": {month: dict(levels) for month, levels in counts.by_month_and_severity.items()},
    }


def _target_json(target: Target) -> dict[str, Any]:
    return {
        "severity": target.severity,
        "within_seconds": _seconds(target.within),
        "held": target.held,
        "of": target.of,
        "missed": [_missed_json(one) for one in target.missed],
    }


def _missed_json(missed: Missed) -> dict[str, Any]:
    return {
        "incident_id": missed.incident_id,
        "number": missed.number,
        "title": missed.title,
        "took_seconds": _seconds(missed.took),
        "within_seconds": _seconds(missed.within),
    }


def _kept_json(kept: Kept) -> dict[str, Any]:
    return {
        "kind": str(kept.kind),
        "audience": kept.audience or None,
        "met": kept.met,
        "late": kept.late,
        "missed": kept.missed,
        "waived": kept.waived,
    }


def _repeat_json(repeat: Repeat) -> dict[str, Any]:
    return {
        "type": repeat.type,
        "service": repeat.service,
        "incidents": [
            {"incident_id": one.incident_id, "number": one.number, "declared_at": _instant(one.declared_at)}
            for one in repeat.incidents
        ],
    }


def _measured_json(one: Measured) -> dict[str, Any]:
    return {
        "incident_id": one.incident_id,
        "number": one.number,
        "title": one.title,
        "severity": one.severity,
        "type": one.type,
        "service": one.service,
        "declared_at": _instant(one.declared_at),
        "is_resolved": one.is_resolved,
        "detect_seconds": _seconds(one.took.detect),
        "acknowledge_seconds": _seconds(one.took.acknowledge),
        "mitigate_seconds": _seconds(one.took.mitigate),
        "resolve_seconds": _seconds(one.took.resolve),
        "recover_seconds": _seconds(one.took.recover),
        "user_impact_seconds": _seconds(one.took.user_impact),
        "total_seconds": _seconds(one.took.total),
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
