"""The only place that reads a clock. Everything else takes the instant as an argument."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, in UTC, to the millisecond (the database keeps no more)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)  # exact: a float holds it to 0.2 µs


class ManualClock:
    """A clock that moves only when told: for stories and for playing a plan ahead of time."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance_to(self, instant: datetime) -> None:
        if instant < self._now:
            raise ValueError("a clock never runs backwards")
        self._now = instant


def stopwatch() -> float:
    """Monotonic seconds, for measuring how long something took; never for instants."""
    return time.perf_counter()


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_millis(instant: datetime) -> int:
    """Milliseconds since 1970 in UTC; the form in which instants are stored."""
    return (instant - EPOCH) // _MILLISECOND


_WITHIN_A_FLOAT = 2**42  # up to the year 2109 a number of seconds tells microseconds apart, with room to spare


def from_millis(millis: int) -> datetime:
    if 0 <= millis < _WITHIN_A_FLOAT:
        return datetime.fromtimestamp(millis / 1000, UTC)  # in a third of the time; a page shows hundreds
    return EPOCH + timedelta(milliseconds=millis)
