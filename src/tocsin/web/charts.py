"""The numbers as figures, small drawings and tables. Drawings are attributes only: percentages and plain pixels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from tocsin.incidents import words
from tocsin.incidents.durations import Durations
from tocsin.insights.metrics import TOO_FEW, Counts, Kept, Measured, Missed, Repeat, Report, Summary, Target
from tocsin.kit.text import short_span, span
from tocsin.obligations.model import Kind
from tocsin.plan.model import Plan
from tocsin.web import present

DOT_TOP, DOT_BASE = 6, 38  # pixels between which the dots of a figure lie
BAR_BASE, BAR_HEIGHT = 160, 144
TARGET_AT = 66.7  # per cent of the width at which a target's line stands

DRAWN = 200  # dots of one chart, the latest: more of them show nothing more
NAMED = 20  # incidents that missed one target, or are of one cause


class Dot(NamedTuple):
    x: str
    y: str
    is_late: bool


@dataclass(frozen=True)
class Figure:
    short: str
    long: str
    what: str
    value: str
    note: str
    few: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Bar:
    x: str
    width: str
    y: int
    height: int
    fill: str


@dataclass(frozen=True)
class Month:
    label: str
    bars: tuple[Bar, ...]
    middle: str
    top: int
    total: int
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Scale:
    y: int
    label: str


@dataclass(frozen=True)
class TargetLine:
    severity: present.Severity
    promise: str
    mark: str
    word: str
    score: str
    dots: tuple[Dot, ...]
    missed: tuple[tuple[str, str, str], ...]  # address, title, how late


@dataclass(frozen=True)
class KeptLine:
    name: str
    met: int
    late: int
    missed: int
    waived: int
    met_width: str
    late_x: str
    late_width: str
    missed_x: str
    missed_width: str
    waived_x: str
    waived_width: str


@dataclass(frozen=True)
class Unknown:
    title: str
    text: str


@dataclass(frozen=True)
class RepeatLine:
    title: str
    text: str
    times: int


@dataclass(frozen=True)
class Insights:
    total: int
    open: int
    figures: tuple[Figure, ...]
    levels: tuple[tuple[present.Severity, int], ...]
    months: tuple[Month, ...]
    scale: tuple[Scale, ...]
    types: tuple[tuple[str, int, str], ...]
    resolve: tuple[TargetLine, ...]
    acknowledge: tuple[TargetLine, ...]
    kept: tuple[KeptLine, ...]
    kept_total: str
    same_cause: tuple[RepeatLine, ...]
    repeats: tuple[RepeatLine, ...]
    unknown: tuple[Unknown, ...]


def _repeat(plan: Plan, one: Repeat) -> RepeatLine:
    """The latest of them, and how many there were before."""
    before = len(one.incidents) - NAMED
    said = ", ".join(f"#{incident.number} {present.day(incident.declared_at)}" for incident in one.incidents[-NAMED:])
    return RepeatLine(
        words.type_name(plan, one.type) + (f", {words.service_name(plan, one.service)}" if one.service else ""),
        f"{before} before, {said}" if before > 0 else said,
        len(one.incidents),
    )


def insights(plan: Plan, found: Report, now: datetime) -> Insights:
    counts = found.counts
    return Insights(
        total=counts.total,
        open=counts.open,
        figures=tuple(_figures(found)),
        levels=tuple((present.severity(plan, level), number) for level, number in counts.by_severity.items()),
        months=_months(plan, counts),
        scale=_scale(_highest(counts)),
        types=_types(plan, counts),
        resolve=tuple(_target(plan, one, "resolved", found, _resolve) for one in found.resolve_targets),
        acknowledge=tuple(_target(plan, one, "answered", found, _acknowledge) for one in found.acknowledge_targets),
        kept=tuple(_kept(plan, one) for one in found.obligations),
        kept_total=_kept_total(found.obligations),
        same_cause=tuple(_repeat(plan, one) for one in found.repeats),
        repeats=tuple(_repeat(plan, one) for one in found.repeat_candidates),
        unknown=tuple(_unknown(found)),
    )


# ---- Times ----


def _detect(took: Durations) -> timedelta | None:
    return took.detect


def _acknowledge(took: Durations) -> timedelta | None:
    return took.acknowledge


def _resolve(took: Durations) -> timedelta | None:
    return took.resolve


def _recover(took: Durations) -> timedelta | None:
    return took.recover


Read = Callable[[Durations], timedelta | None]


def _figures(found: Report) -> Iterable[Figure]:
    late_to_answer = {one.incident_id for target in found.acknowledge_targets for one in target.missed}
    late_to_resolve = {one.incident_id for target in found.resolve_targets for one in target.missed}
    times = found.overall
    none: set[str] = set()
    yield _figure("MTTD", "Mean time to detect", "start to detection", times.detect, found, _detect, none)
    yield _figure(
        "MTTA",
        "Mean time to acknowledge",
        "detection to answer",
        times.acknowledge,
        found,
        _acknowledge,
        late_to_answer,
    )
    yield _figure(
        "MTTR resolve", "Mean time to resolve", "detection to fix", times.resolve, found, _resolve, late_to_resolve
    )
    yield _figure("MTTR recover", "Mean time to recover", "detection to recovery", times.recover, found, _recover, none)


def _figure(short: str, long: str, what: str, summary: Summary, found: Report, read: Read, late: set[str]) -> Figure:
    few = f"Only {summary.n}: fewer than {TOO_FEW} say little." if summary.few and summary.n else ""
    if summary.mean is None or summary.median is None or summary.p90 is None:
        return Figure(short, long, what, "none yet", f"0 of {found.counts.total} known", "", ())
    note = f"median {short_span(summary.median)} · nine in ten within {short_span(summary.p90)}"
    known = f"{summary.n} of {found.counts.total} known"
    if summary.n > DRAWN:
        known = f"{known}, the last {DRAWN} drawn"
    return Figure(
        short, long, what, short_span(summary.mean), f"{note} · {known}", few, _dots(found.incidents, read, late)
    )


def _dots(measured: Sequence[Measured], read: Read, late: set[str]) -> tuple[Dot, ...]:
    ended = ((one, length) for one in reversed(measured) if (length := read(one.took)) is not None)
    known = list(islice(ended, DRAWN))[::-1]
    longest = max((length.total_seconds() for _, length in known), default=0) or 1
    step = 92 / max(1, len(known) - 1)
    return tuple(
        Dot(
            f"{4 + place * step if len(known) > 1 else 50:.1f}%",
            f"{DOT_BASE - length.total_seconds() / longest * (DOT_BASE - DOT_TOP):.1f}",
            one.incident_id in late,
        )
        for place, (one, length) in enumerate(known)
    )


# ---- Targets ----


def _target(plan: Plan, target: Target, verb: str, found: Report, read: Read) -> TargetLine:
    missed = {one.incident_id for one in target.missed}
    dots = []
    these = (one for one in reversed(found.incidents) if one.severity == target.severity)
    for one in list(islice(these, DRAWN))[::-1]:
        length = read(one.took)
        if length is not None:
            place = min(length / target.within * TARGET_AT, 98.0)
            dots.append(Dot(f"{max(place, 1.5):.1f}%", "13", one.incident_id in missed))
    held = not target.missed
    mark, word = ("met", "Kept") if held and target.of else ("missed", "Missed") if target.missed else ("open", "Open")
    return TargetLine(
        severity=present.severity(plan, target.severity),
        promise=f"{verb} within {span(target.within)}",
        mark=mark,
        word=word,
        score=f"{target.held} of {target.of}",
        dots=tuple(dots),
        missed=tuple(_missed(target.missed)),
    )


def _missed(missed: Sequence[Missed]) -> Iterator[tuple[str, str, str]]:
    """The latest that missed a target, and how many more there are."""
    for one in missed[-NAMED:]:
        yield f"/incidents/{one.incident_id}", one.title, f"{short_span(one.took - one.within)} over"
    if len(missed) > NAMED:
        yield "/incidents", "All incidents", f"{len(missed) - NAMED} more"


# ---- Counts ----


def _highest(counts: Counts) -> int:
    """The top of the scale: the next even number above the busiest month."""
    most = max(counts.by_month.values(), default=0)
    return max(2, most + most % 2)


def _scale(highest: int) -> tuple[Scale, ...]:
    return tuple(Scale(round(BAR_BASE - BAR_HEIGHT * part), f"{highest * part:g}") for part in (0, 0.5, 1.0))


def _months(plan: Plan, counts: Counts) -> tuple[Month, ...]:
    highest, months = _highest(counts), list(counts.by_month_and_severity.items())
    slot = 94 / max(1, len(months))
    width = min(slot * 0.66, 12.0)
    found = []
    for place, (month, levels) in enumerate(months):
        left = 6 + place * slot + (slot - width) / 2
        bars, top = _stack(plan, levels.items(), left, width, highest)
        label = datetime.strptime(month, "%Y-%m").strftime("%b")  # noqa: DTZ007 - a month's name has no zone
        middle = f"{left + width / 2:.2f}%"
        found.append(Month(label, bars, middle, top - 6, sum(levels.values()), tuple(levels.values())))
    return tuple(found)


def _stack(
    plan: Plan, levels: Iterable[tuple[str, int]], left: float, width: float, highest: int
) -> tuple[tuple[Bar, ...], int]:
    """The bars of one month from the mildest up, and where they end."""
    bars, base = [], BAR_BASE
    for level, number in reversed(list(levels)):
        height = round(BAR_HEIGHT * number / highest)
        if height:
            fill = f"f-{present.severity(plan, level).rank.lower()}"
            bars.append(Bar(f"{left:.2f}%", f"{width:.2f}%", base - height + 1, max(2, height - 2), fill))
            base -= height
    return tuple(bars), base


def _types(plan: Plan, counts: Counts) -> tuple[tuple[str, int, str], ...]:
    most = max(counts.by_type.values(), default=1)
    return tuple((words.type_name(plan, key), n, f"{n / most * 100:.1f}%") for key, n in counts.by_type.items())


# ---- Obligations ----

_KINDS = {
    Kind.ACKNOWLEDGE: "Acknowledge in time",
    Kind.ANSWER: "Page answered before the next step",
    Kind.ROLE: "Role filled",
    Kind.QUIET: "Resolved by itself",
    Kind.RESOLVE: "Resolved in time",
    Kind.WATCH: "Watched after the fix",
    Kind.REVIEW: "Post-mortem held",
}


def _kept(plan: Plan, kept: Kept) -> KeptLine:
    counts = (kept.met, kept.late, kept.missed, kept.waived)
    met, late, missed, waived = (number / max(1, sum(counts)) * 100 for number in counts)
    audience = words.audience_name(plan, kept.audience) if kept.audience else ""
    name = f"{audience} update" if kept.kind is Kind.UPDATE else _KINDS.get(kept.kind, kept.kind.capitalize())
    return KeptLine(
        name=name,
        met=kept.met,
        late=kept.late,
        missed=kept.missed,
        waived=kept.waived,
        met_width=_width(met),
        late_x=f"{met + 0.4:.1f}%" if late else "0",
        late_width=_width(late),
        missed_x=f"{met + late + 0.4:.1f}%" if missed else "0",
        missed_width=_width(missed),
        waived_x=f"{met + late + missed + 0.4:.1f}%" if waived else "0",
        waived_width=_width(waived),
    )


def _width(share: float) -> str:
    return f"{max(0.0, share - 0.4):.1f}%"


def _kept_total(kept: Sequence[Kept]) -> str:
    met, whole = sum(one.met for one in kept), sum(one.met + one.late + one.missed for one in kept)
    return f"{met} of {whole}, {met * 100 // whole} %" if whole else "none ended yet"


# ---- What is not known ----


def _unknown(found: Report) -> Iterable[Unknown]:
    total, times = found.counts.total, found.overall
    if running := total - times.recover.n:
        yield Unknown(
            "Not yet recovered", f"{running} of {total} have not recovered. They are left out of MTTR recover."
        )
    if unseen := total - times.detect.n:
        yield Unknown("Start not known", f"{unseen} of {total}. They are left out of MTTD.")
    if unanswered := total - times.acknowledge.n:
        yield Unknown("Never acknowledged", f"{unanswered} of {total}. They are left out of MTTA.")
