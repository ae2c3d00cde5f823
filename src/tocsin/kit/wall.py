"""The clock on the wall of a zone: the only module that knows how a zone's clocks change.

A local time is a count of seconds that the clock shows, from 1 January 1970 on, as if no clock ever changed: a day is
86,400 of them, and nine o'clock is always nine o'clock.

One rule stands for both changes of the clocks: a local time is reached **when the clock first shows it, or a later
one**. What the spring change skips is therefore reached at the change itself, and what the autumn change repeats is
reached the first time. The order of local times is the order in which they are reached, whatever a zone has done.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import accumulate, pairwise

from whenever import Instant, ZonedDateTime

DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_EVER = -(10**11)  # before any instant
_FIRST, _LAST = Instant.from_utc(1969, 1, 1), Instant.from_utc(2202, 1, 1)  # a plan's days lie in between


def local_of(day: date, at: time) -> int:
    """A day and a time of day as a local time."""
    return (day.toordinal() - _EPOCH) * DAY + at.hour * 3600 + at.minute * 60


def midnight(day: int) -> int:
    """The local time at which a day begins; days are counted from 1 January 1970, a Thursday."""
    return day * DAY


def weekday(day: int) -> int:
    """0 is a Monday."""
    return (day + 3) % 7


def reached_at(zone: str, local: int) -> datetime:
    """The instant at which the zone's clock first shows this local time, or a later one."""
    changes = _changes(zone)
    place = bisect_right(changes.ends_before, local)
    return datetime.fromtimestamp(max(changes.begins[place], local - changes.offsets[place]), UTC)


def shown_at(zone: str, instant: datetime) -> int:
    """What the zone's clock shows at an instant."""
    changes = _changes(zone)
    seconds = int(instant.timestamp() // 1)
    return seconds + changes.offsets[bisect_right(changes.begins, seconds) - 1]


def is_skipped(zone: str, local: int) -> bool:
    """Whether the zone's clock never shows this local time, since it is put forward over it."""
    return shown_at(zone, reached_at(zone, local)) != local


def offset_if_twice(zone: str, instant: datetime) -> str:
    """`UTC+2`, where the zone's clock shows this time twice and nothing else tells the two apart; else empty."""
    changes = _changes(zone)
    seconds = int(instant.timestamp() // 1)
    place = bisect_right(changes.begins, seconds) - 1
    shown = seconds + changes.offsets[place]
    others = (one for one in (place - 1, place + 1) if 0 <= one < len(changes.begins))
    twice = any(one == bisect_right(changes.begins, shown - changes.offsets[one]) - 1 for one in others)
    return _written(changes.offsets[place]) if twice else ""


def _written(offset: int) -> str:
    """`UTC+2`, `UTC+10:30`."""
    hours, rest = divmod(abs(offset), 3600)
    minutes = f":{rest // 60:02}" if rest else ""
    return f"UTC{'-' if offset < 0 else '+'}{hours}{minutes}"


@dataclass(frozen=True)
class _Changes:
    """Stretches of constant offset, in order. A stretch shows local times before `ends_before`, none from there on;
    where a clock was put back, that is what the stretches before it had come to."""

    begins: tuple[int, ...]
    offsets: tuple[int, ...]
    ends_before: tuple[int, ...]


@lru_cache(maxsize=1024)
def _changes(zone: str) -> _Changes:
    stretches = [_FIRST.to_tz(zone)]
    while (change := stretches[-1].next_transition()) is not None and change.to_instant() < _LAST:
        stretches.append(change)
    begins = [_EVER, *(one.timestamp() for one in stretches[1:])]
    offsets = [_offset(one) for one in stretches]
    ends = [end + offset for (_, end), offset in zip(pairwise(begins), offsets, strict=False)]
    return _Changes(tuple(begins), tuple(offsets), tuple(accumulate(ends, max)))


def _offset(one: ZonedDateTime) -> int:
    return int(one.offset.total("seconds"))
