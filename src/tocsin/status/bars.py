"""Ninety days as ninety bars. A bad day is filled from below by how long it was bad, so that it is told by its shape
too."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from tocsin.comms.uptime import DAYS, ONE_DAY, Day, Uptime

WIDTH, BAR, HEIGHT = 5, 4, 32  # of a day with its gap, of its bar, and of all of them
LEAST = 0.4  # of the height, that a bad day has at the least: what happened must be seen
KINDS = {"critical": "down", "major": "partial", "minor": "degraded"}


@dataclass(frozen=True)
class Bars:
    """Drawn in one box of 450 by 32: `measured` is where the line of good days begins, `bad` are (class, x, height)."""

    label: str
    measured: int
    bad: list[tuple[str, int, int]]
    width: int = DAYS * WIDTH


def drawn(uptime: Uptime, label: str) -> Bars:
    first = next((place for place, day in enumerate(uptime.days) if day.impact is not None), DAYS)
    return Bars(label, first * WIDTH, list(_bad(uptime.days)))


def _bad(days: Iterable[Day]) -> Iterable[tuple[str, int, int]]:
    for place, day in enumerate(days):
        if day.impact in KINDS:
            yield KINDS[day.impact], place * WIDTH, round(HEIGHT * max(LEAST, _share(day.troubled)))


def _share(length: timedelta) -> float:
    return min(1.0, length / ONE_DAY)
