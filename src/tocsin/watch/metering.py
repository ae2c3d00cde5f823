"""Counting: what counters grew by between readings, however often they begin anew and however many count. Pure.

Several workers behind one address each count for themselves, and every reading may be of another one. A reading goes
on from the worker whose last reading it can go on from, and of whose other figures most still stand as they were: what
one worker counted is no news because another is heard. One that goes on from none is of a worker not
known before, and then whatever was counted until now may have been wrong, and is dropped. While not all of them are
known, nothing is said, at most for a window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tocsin.kit.text import span
from tocsin.plan.watching import Measure
from tocsin.watch.numbers import BEGAN, Numbers

_ROUNDING = 1e-6  # of a sum that was multiplied out of an average
_RARE = 20  # times as unlikely is a failure as a call that went well
PLACES = Decimal("0.0001")


@dataclass(frozen=True)
class Count:
    """What was counted between two readings: a part of a whole, or a sum over a count."""

    at: datetime
    part: float
    whole: float


@dataclass(frozen=True)
class Worker:
    """The last reading of one process: its counters, and what else it showed by which it is told from others."""

    numbers: Numbers
    marks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Meter:
    """What is remembered of a measure: of which counters; each worker's last reading, the one heard longest ago first;
    what was counted in the last window; and what is usual, as it was learned last."""

    of: str = ""
    workers: tuple[Worker, ...] = ()
    found_at: datetime | None = None
    counts: tuple[Count, ...] = ()
    usual: float | None = None
    learned_at: datetime | None = None


@dataclass(frozen=True)
class Figure:
    """What a measure comes to, or in `said` why nothing can be said."""

    value: Decimal | None
    said: str


def advance(
    meter: Meter, measure: Measure, numbers: Numbers, now: datetime, marks: Mapping[str, float] | None = None
) -> tuple[Meter, Count | None]:
    """Take one more reading of the counters, and say what was counted since the last, if that is known."""
    of = f"{measure.url} {' '.join(measure.counters)}"
    if meter.of != of:  # other counters go on from none of these
        meter = replace(meter, of=of, workers=(), counts=())
    heard = Worker(numbers, dict(marks or {}))
    growth, workers = _growth(measure, meter.workers, heard)
    if growth is None:
        return replace(meter, workers=workers, found_at=now, counts=()), None
    count = Count(now, *_parted(measure, growth))
    kept = tuple(one for one in meter.counts if one.at > now - measure.window)
    return replace(meter, workers=workers, counts=(*kept, count)), count


def _growth(measure: Measure, known: tuple[Worker, ...], heard: Worker) -> tuple[Numbers | None, tuple[Worker, ...]]:
    """By how much the counters grew, None if nobody can say; and the workers from now on."""
    near = [one for one in known if _goes_on(measure, one, heard)]
    if near:
        before = min(near, key=lambda one: _distance(measure, one, heard))
        rest = tuple(one for one in known if one is not before)
        return _less(heard.numbers, before.numbers), (*rest, heard)
    if known and measure.workers == 1:
        return heard.numbers, (heard,)  # it began anew: all that it counts by now is news
    if len(known) < measure.workers:
        return None, (*known, heard)
    return None, (heard,)  # one of them began anew, and nobody can say which


def _goes_on(measure: Measure, before: Worker, heard: Worker) -> bool:
    """Whether one process can have shown both: nothing shrank, and no more failed than there was."""
    grew = all(new >= old - _ROUNDING * abs(old) for old, new in zip(before.numbers, heard.numbers, strict=True))
    began = heard.marks.get(BEGAN) == before.marks.get(BEGAN)
    part, whole = _parted(measure, _less(heard.numbers, before.numbers))
    return grew and began and (not measure.errors or part <= whole)


def _distance(measure: Measure, before: Worker, heard: Worker) -> tuple[float, float]:
    """How unlikely it is that this is the same process: how many of its figures changed, and then all that it would
    have done in between. Each worker has its own slowest and its own fastest answer, and keeps them for long."""
    part, whole = _parted(measure, _less(heard.numbers, before.numbers))
    names = {*heard.marks, *before.marks}
    changed = sum(heard.marks.get(name) != before.marks.get(name) for name in names)
    return changed, _RARE * part + whole if measure.errors else whole


def _less(after: Numbers, before: Numbers) -> Numbers:
    return tuple(max(0.0, new - old) for old, new in zip(before, after, strict=True))


def _parted(measure: Measure, growth: Numbers) -> tuple[float, float]:
    at = len(measure.errors) or 1
    return sum(growth[:at]), sum(growth[at:])


def is_settled(meter: Meter, measure: Measure, now: datetime) -> bool:
    """Whether it is known of each worker what it counted, or long enough nobody new was heard."""
    if measure.workers == 1 or len(meter.workers) >= measure.workers:
        return True
    return meter.found_at is not None and now - meter.found_at >= measure.window


def figure(meter: Meter, measure: Measure, now: datetime) -> Figure:
    """What the counters of the last window come to: an error rate in per cent, or a mean."""
    if not is_settled(meter, measure, now):
        return Figure(None, f"{len(meter.workers)} of {measure.workers} workers have been heard")
    counts = [one for one in meter.counts if one.at > now - measure.window]
    part, whole = sum(one.part for one in counts), sum(one.whole for one in counts)
    return _rate(measure, part, whole) if measure.errors else _mean(measure, part, whole)


def _rate(measure: Measure, part: float, whole: float) -> Figure:
    window = span(measure.window)
    if whole < measure.least and part > 0:
        return Figure(None, f"{part:g} of {whole:g} failed in {window}; of fewer than {measure.least} nothing is said")
    if part == 0:
        return Figure(Decimal(0), f"none of {whole:g} failed in {window}")
    value = exact(100.0 if part >= whole else part / whole * 100)
    return Figure(value, f"{part:g} of {whole:g} failed in {window}: {shown(value)} %")


def _mean(measure: Measure, part: float, whole: float) -> Figure:
    window = span(measure.window)
    if whole < measure.least:
        return Figure(None, f"{whole:g} in {window}; of fewer than {measure.least} nothing is said")
    value = exact(part / whole)
    return Figure(value, f"the mean of {whole:g} in {window} is {amount(value, measure.unit)}")


def exact(number: float) -> Decimal:
    """A number as it is compared and told, so that what is said is what decides."""
    return Decimal(repr(number)).quantize(PLACES, ROUND_HALF_UP) if abs(number) < 1e15 else Decimal(repr(number))


def shown(number: Decimal) -> str:
    """For people: two digits after the point, where they say anything."""
    return (
        f"{number.quantize(Decimal('0.01'), ROUND_HALF_UP).normalize():f}" if abs(number) < 10**15 else f"{number:.3e}"
    )


def amount(number: Decimal, unit: str) -> str:
    return f"{shown(number)} {unit}".rstrip()


# --- What is usual ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """What was measured from `at` for a span: how many readings, their mean and the highest; and what was counted."""

    at: datetime
    span: timedelta
    count: int
    mean: float
    most: float
    failed: float
    counted: float
    is_usual: bool = True

    @property
    def error_rate(self) -> float | None:
        """In per cent."""
        return min(100.0, self.failed / self.counted * 100) if self.counted else None


def median(samples: Sequence[Sample], least: int = 1) -> float | None:
    """The middle of the means, each of as much weight as it has readings; None of fewer readings than `least`."""
    weighed = sorted((one.mean, one.count) for one in samples if one.count > 0)
    whole, passed = sum(count for _, count in weighed), 0
    if whole < max(1, least):
        return None
    for mean, count in weighed:
        passed += count
        if 2 * passed >= whole:
            return mean
    return None


def slowdown(usual: float | None, recent: float | None, ignore: Decimal | None) -> Decimal | None:
    """By how many per cent more than usual it is; None where nothing is usual, or nothing to speak of differs."""
    if usual is None or recent is None or usual <= 0 or recent <= usual:
        return None
    if ignore is not None and recent - usual < float(ignore):
        return None
    return exact((recent / usual - 1) * 100)
