"""The turns of one layer of a rotation, computed for any stretch of time; no job turns them.

Turns, windows and holidays begin and end on the wall clock (`wall`), so two layers whose windows meet on the clock meet
to the second, whatever the clock does.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from operator import itemgetter

from tocsin.kit import wall
from tocsin.oncall.model import Shift
from tocsin.plan.rotas import Holiday, Layer, Rotation, Weekday, Window

Span = tuple[datetime, datetime]
_WEEK = 7
_AROUND = _WEEK + 1  # days in which the longest row of windows that touch begins and ends
_EVER, _FOREVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Turns:
    """A layer with everything filled in. Local times are those of `wall`."""

    name: str
    people: tuple[str, ...]
    together: int
    zone: str
    first: int  # the local time of the first handoff
    length: int  # of a turn, in seconds of the wall clock
    windows: tuple[tuple[int, int, int], ...]  # weekday, begin and end within that day or the next; none: always
    holidays: tuple[Holiday, ...]
    applies_from: datetime | None
    applies_until: datetime | None

    def starts_at(self, turn: int) -> datetime:
        return wall.reached_at(self.zone, self.first + turn * self.length)

    def turn_at(self, instant: datetime) -> int:
        """The last turn to have begun. Before the first handoff, turns are counted backwards."""
        turn = (wall.shown_at(self.zone, instant) - self.first) // self.length
        while self.starts_at(turn) > instant:
            turn -= 1
        while self.starts_at(turn + 1) <= instant:
            turn += 1
        return turn

    @cached_property
    def circle(self) -> tuple[tuple[str, ...], ...]:
        """Who holds one turn after the other, until it begins again."""
        count = len(self.people)
        return tuple(
            tuple(self.people[(turn * self.together + place) % count] for place in range(self.together))
            for turn in range(count)
        )


@lru_cache(maxsize=1024)
def layers(rotation: Rotation) -> tuple[Turns, ...]:
    """The layers of a rotation, the lowest first."""
    return (_lowest(rotation), *(_layer(rotation, one) for one in rotation.layers))


def _lowest(rotation: Rotation) -> Turns:
    return Turns(
        name="",
        people=rotation.people,
        together=rotation.together,
        zone=rotation.zone,
        first=wall.local_of(first_day(rotation.starts_on, rotation.handoff_on), rotation.handoff),
        length=_length(rotation.days, rotation.hours),
        windows=_windows(rotation.during),
        holidays=rotation.holidays,
        applies_from=None,
        applies_until=None,
    )


def _layer(rotation: Rotation, layer: Layer) -> Turns:
    zone, handoff = layer.zone or rotation.zone, layer.handoff or rotation.handoff
    begin = layer.starts_on or layer.from_on or rotation.starts_on

    def handed_over(day: date | None) -> datetime | None:
        return wall.reached_at(zone, wall.local_of(day, handoff)) if day else None

    return Turns(
        name=layer.name,
        people=layer.people,
        together=layer.together,
        zone=zone,
        first=wall.local_of(first_day(begin, layer.handoff_on), handoff),
        length=_length(layer.days, layer.hours),
        windows=_windows(layer.during),
        holidays=layer.holidays,
        applies_from=handed_over(layer.from_on),
        applies_until=handed_over(layer.until_on),
    )


def first_day(day: date, on: Weekday | None) -> date:
    """The day itself, or the first of a weekday from it on."""
    if on is None:
        return day
    return day + timedelta(days=(list(Weekday).index(on) - day.weekday()) % _WEEK)


def _length(days: int, hours: int | None) -> int:
    return hours * 3600 if hours is not None else days * wall.DAY


def _windows(during: Sequence[Window]) -> tuple[tuple[int, int, int], ...]:
    """None if they leave nothing out."""
    found = sorted(
        (list(Weekday).index(day), begin, end if end > begin else end + wall.DAY)
        for one in during
        for begin, end in [
            (one.begins.hour * 3600 + one.begins.minute * 60, one.ends.hour * 3600 + one.ends.minute * 60)
        ]
        for day in one.weekdays or tuple(Weekday)
    )
    return () if _fill_the_week(found) else tuple(found)


def _fill_the_week(windows: Sequence[tuple[int, int, int]]) -> bool:
    """Whether each moment of a week is in one of them. The week before is looked at too: a window passes midnight."""
    reached = 0
    twice = sorted((wall.DAY * (day + week), begin, end) for week in (-_WEEK, 0) for day, begin, end in windows)
    for day, begin, end in twice:
        if day + end <= 0:
            continue
        if day + begin > reached:
            return False
        reached = max(reached, day + end)
    return reached >= _WEEK * wall.DAY


# ---- Stretches -------------------------------------------------------------------------------------------------------


def stretches(turns: Turns, start: datetime, end: datetime) -> list[Shift]:
    """The turns of a layer where it applies, in order: every one that overlaps a span of time, whole.

    What falls on holidays is left out.
    """
    found = list(_turns(turns, start, end))
    if turns.windows:
        found = within(found, _openings(turns, start, end))
    if turns.applies_from or turns.applies_until:
        found = within(found, [(turns.applies_from or _EVER, turns.applies_until or _FOREVER)])
    if turns.holidays:
        found = _without(found, [(one, other) for one, other, _ in holidays(turns)])
    return [one for one in found if one.ends_at > start and one.starts_at < end]


def _turns(turns: Turns, start: datetime, end: datetime) -> Iterator[Shift]:
    turn, circle = turns.turn_at(start), turns.circle
    begins = turns.starts_at(turn)
    while begins < end:
        ends = turns.starts_at(turn + 1)
        if begins < ends:  # a turn that the clock skipped is nobody's
            yield Shift(begins, ends, circle[turn % len(circle)], turns.name)
        turn, begins = turn + 1, ends


def _openings(turns: Turns, start: datetime, end: datetime) -> list[Span]:
    """When the layer's windows are open around a span of time. Those that touch are one."""
    first = wall.shown_at(turns.zone, start) // wall.DAY - _AROUND
    last = wall.shown_at(turns.zone, end) // wall.DAY + _AROUND
    found: list[Span] = []
    for monday in range(first - wall.weekday(first), last + 1, _WEEK):
        for weekday, begin, close in turns.windows:
            day = wall.midnight(monday + weekday)
            opens, closes = wall.reached_at(turns.zone, day + begin), wall.reached_at(turns.zone, day + close)
            if found and opens <= found[-1][1]:
                found[-1] = found[-1][0], max(found[-1][1], closes)
            elif opens < closes:
                found.append((opens, closes))
    return found


@lru_cache(maxsize=1024)
def holidays(turns: Turns) -> tuple[tuple[datetime, datetime, Holiday], ...]:
    """The layer's days off, in order: from when, until when, and as what."""
    found = []
    for one in turns.holidays:
        for day in one.days:
            midnight = wall.local_of(day, datetime.min.time())
            begin, end = wall.reached_at(turns.zone, midnight), wall.reached_at(turns.zone, midnight + wall.DAY)
            if begin < end:
                found.append((begin, end, one))
    return tuple(sorted(found, key=itemgetter(0, 1)))


# ---- Cutting ---------------------------------------------------------------------------------------------------------


def within(shifts: Iterable[Shift], spans: Sequence[Span]) -> list[Shift]:
    """The parts of shifts that lie in spans of time. Both are in order and overlap nothing of their own kind."""
    found: list[Shift] = []
    place = 0
    for shift in shifts:
        starts_at, ends_at = shift.starts_at, shift.ends_at
        while place < len(spans) and spans[place][1] <= starts_at:
            place += 1
        at = place
        while at < len(spans) and spans[at][0] < ends_at:
            found.append(cut(shift, spans[at][0], spans[at][1]))
            at += 1
    return found


def _without(shifts: Iterable[Shift], spans: Sequence[Span]) -> list[Shift]:
    """The parts of shifts that lie in none of the spans."""
    found: list[Shift] = []
    for shift in shifts:
        rest = shift
        for begin, end in spans:
            if end <= rest.starts_at or begin >= rest.ends_at:
                continue
            if begin > rest.starts_at:
                found.append(cut(rest, rest.starts_at, begin))
            rest = rest._replace(starts_at=min(end, rest.ends_at))
        if rest.starts_at < rest.ends_at:
            found.append(rest)
    return found


def cut(shift: Shift, start: datetime, end: datetime) -> Shift:
    """The part of a shift that lies in a span of time which it overlaps."""
    begins, ends, people, layer, overrides = shift
    if start <= begins and ends <= end:
        return shift
    return Shift(max(begins, start), min(ends, end), people, layer, overrides)


def covered(under: Sequence[Shift], over: Sequence[Shift]) -> list[Shift]:
    """Shifts with others laid over them. Nothing is merged: what is covered in part leaves its rest on each side."""
    if not over:
        return list(under)
    rest = _without_shifts(under, over)
    return sorted([*rest, *over], key=itemgetter(0))


def _without_shifts(under: Sequence[Shift], over: Sequence[Shift]) -> Iterator[Shift]:
    ends = [one.ends_at for one in over]
    for shift in under:
        at = bisect_right(ends, shift.starts_at)
        rest: datetime | None = shift.starts_at
        while rest is not None and at < len(over) and over[at].starts_at < shift.ends_at:
            if over[at].starts_at > rest:
                yield cut(shift, rest, over[at].starts_at)
            rest = over[at].ends_at if over[at].ends_at < shift.ends_at else None
            at += 1
        if rest is not None:
            yield cut(shift, rest, shift.ends_at)
