"""What was measured, mostly around an incident, as small graphs: drawn in the page itself, and read without colour."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.incidents import assessment_words
from tocsin.incidents.model import Incident
from tocsin.plan.model import Plan
from tocsin.watch import courses
from tocsin.watch.courses import Course
from tocsin.web import present

WIDTH, HEIGHT = 600, 64  # of the drawing; the page stretches it
ROOM = 4  # above the highest point, so that its line is seen whole

# Where nobody looked for a while the line is broken: for three times as long as usually passes between two looks, but
# not for a look that came late, and of few looks nobody knows what is usual.
TIMES_APART, LEAST_APART, APART, FEW = 3, timedelta(minutes=3), timedelta(minutes=20), 4


@dataclass(frozen=True)
class Graph:
    title: str
    said: str
    spoken: str  # what is seen in the picture, for whoever does not see it
    lines: tuple[str, ...]  # points of polylines
    began_x: str
    zero_y: str
    top: str
    bottom: str  # where it went below zero
    first: str
    last: str


def graphs(plan: Plan, incident: Incident, found: Sequence[Course], now: datetime) -> list[Graph]:
    """One for each course, all over the same time."""
    first = min((one.points[0][0] for one in found), default=now)
    last = max((one.points[-1][0] for one in found), default=now)
    began_at = incident.started_at
    return [
        _graph(assessment_words.course_title(plan, one), courses.said(one), one, (first, last), began_at, now)
        for one in found
    ]


def drawn(title: str, course: Course, now: datetime) -> Graph:
    """One course over all of its time, whatever began meanwhile."""
    lately = courses.figure(course, course.points[-1][1])
    return _graph(title, f"{lately} lately", course, (course.points[0][0], course.points[-1][0]), None, now)


def _graph(
    title: str, said: str, course: Course, over: tuple[datetime, datetime], began_at: datetime | None, now: datetime
) -> Graph:
    first, last = over
    highest, lowest = max(value for _, value in course.points), min(value for _, value in course.points)
    base = min(0.0, lowest)
    height = max(0.0, highest) - base or 1.0
    whole = max((last - first) / timedelta(seconds=1), 1.0)

    def x(at: datetime) -> float:
        return (at - first) / timedelta(seconds=1) / whole * WIDTH

    def y(value: float) -> float:
        return HEIGHT - (value - base) / height * (HEIGHT - ROOM)

    return Graph(
        title=title,
        said=said,
        spoken=_spoken(course, began_at if began_at and first <= began_at <= last else None, now),
        lines=tuple(_line([(x(at), y(value)) for at, value in stretch]) for stretch in _stretches(course.points)),
        began_x=f"{x(began_at):.1f}" if began_at and first <= began_at <= last else "",
        zero_y=f"{y(0.0):.1f}",
        top=courses.figure(course, highest),
        bottom=courses.figure(course, lowest) if lowest < 0 else "",
        first=present.moment(first, now),
        last=present.moment(last, now),
    )


def _spoken(course: Course, began_at: datetime | None, now: datetime) -> str:
    """`Graph from 03:00:00 to 03:20:00: first 90 ms, highest 2.3 s at 03:11:00, last 110 ms; it began at 03:10:04`."""
    (first_at, first), (last_at, last) = course.points[0], course.points[-1]
    highest_at, highest = max(course.points, key=lambda point: point[1])
    parts = [f"first {courses.figure(course, first)}", f"last {courses.figure(course, last)}"]
    parts.insert(1, f"highest {courses.figure(course, highest)} at {present.moment(highest_at, now)}")
    began = f"; it began at {present.moment(began_at, now)}" if began_at else ""
    return f"Graph from {present.moment(first_at, now)} to {present.moment(last_at, now)}: {', '.join(parts)}{began}"


def _stretches(points: tuple[tuple[datetime, float], ...]) -> list[list[tuple[datetime, float]]]:
    found = [[points[0]]]
    between = sorted(after - before for (before, _), (after, _) in itertools.pairwise(points))
    apart = max(LEAST_APART, TIMES_APART * between[len(between) // 2]) if len(points) >= FEW else APART
    for before, point in itertools.pairwise(points):
        if point[0] - before[0] > apart:
            found.append([])
        found[-1].append(point)
    return found


def _line(points: list[tuple[float, float]]) -> str:
    """A single point is drawn as a short stroke."""
    if len(points) == 1:
        ((x, y),) = points
        points = [(x - 1, y), (x + 1, y)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
