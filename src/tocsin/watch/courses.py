"""How what is measured went around the beginning of an incident: what was usual before, and the worst since. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.watch.metering import Sample

BEFORE, AFTER = timedelta(hours=1), timedelta(hours=3)  # around the beginning of the trouble
MANY = 1e12  # from here on a number is read by its power of ten: in full it would be wider than a phone
FEWEST = 2  # samples of which something can be said


@dataclass(frozen=True, kw_only=True)
class Course:
    """One thing measured, over time: `before` is the middle of what it was, `worst` the highest since it began."""

    name: str  # the probe or the measure: `rose/health`
    what: str  # `errors` in per cent, `latency` in seconds, or `value` in the measure's own unit
    points: tuple[tuple[datetime, float], ...]
    before: float | None
    worst: float | None
    unit: str = ""  # of a `value`


def courses(
    name: str, samples: Sequence[Sample], began: datetime, level: str | None, unit: str = ""
) -> Iterator[Course]:
    """What can be told of these samples: how long answers took (`latency`) or the numbers themselves (`value`), where
    they are more than how many failed; and how many failed, if any did."""
    if level is not None:
        yield from _course(name, level, samples, began, lambda one: one.mean if one.count else None, unit)
    if level is None or any(one.failed for one in samples):
        yield from _course(name, "errors", samples, began, lambda one: one.error_rate)


def _course(
    name: str,
    what: str,
    samples: Iterable[Sample],
    began: datetime,
    figure: Callable[[Sample], float | None],
    unit: str = "",
) -> Iterator[Course]:
    found = [(one.at, one.span, value) for one in samples if (value := figure(one)) is not None]
    if len(found) < FEWEST:
        return
    earlier = sorted(value for at, span, value in found if at + span <= began)
    later = [value for at, span, value in found if at + span > began]
    yield Course(
        name=name,
        what=what,
        points=tuple((at, value) for at, _, value in found),
        before=earlier[len(earlier) // 2] if earlier else None,
        worst=max(later, default=None),
        unit=unit,
    )


def figure(course: Course, value: float) -> str:
    """`35 %`, `120 ms`, `2.3 s`, `14`, `14 tokens`."""
    if course.what == "errors":
        return f"{value:.3g} %"
    if course.what == "latency":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"
    shown = f"{value:,.0f}" if 1000 <= abs(value) < MANY else f"{value:.3g}"
    return f"{shown} {course.unit}" if course.unit else shown


_NAMED = {"errors": "failures", "latency": "answers take", "value": "value"}


def said(course: Course) -> str:
    """`answers take 120 ms before it began, 2.3 s at the worst since`. Alone, the latter says since what."""
    parts = []
    if course.before is not None:
        parts.append(f"{figure(course, course.before)} before it began")
    if course.worst is not None:
        since = "since" if parts else "since it began"
        parts.append(f"{figure(course, course.worst)} at the worst {since}")
    return f"{_NAMED[course.what]} {', '.join(parts)}"
