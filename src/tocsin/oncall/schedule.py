"""Who is on call at any instant: the rotations of a plan, and over them what people have arranged.

This is the one answer to that question; paging, roles, chasing, pages and proofs all come here. Nothing is kept and no
job turns a rota: the answer follows from plan, overrides and instant. An override holds from when it was made, until it
ends or is cancelled, so what is said of the past is what was so.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter, itemgetter

from tocsin.oncall.model import Gap, Override, Shift
from tocsin.oncall.rotation import MOMENT, covered, holidays, layers, stretches, within
from tocsin.plan.rotas import Rotation

AHEAD = timedelta(days=400)  # how far the end of a gap is looked for


@dataclass(frozen=True)
class Rotas:
    """The rotations of a plan, and the overrides that were ever made, as far as they touch the time one asks about."""

    rotations: Mapping[str, Rotation]
    overrides: tuple[Override, ...] = ()

    def at(self, instant: datetime) -> dict[str, tuple[str, ...]]:
        """Who holds each rotation at this instant."""
        return {rotation: self.holders(rotation, instant) for rotation in self.rotations}

    def holders(self, rotation: str, instant: datetime) -> tuple[str, ...]:
        """Who holds a rotation at this instant, each once; nobody, in a gap."""
        if (rotation, instant) not in self._held:
            found = self._overridden(rotation, instant, instant + MOMENT)
            held = next((one for one in found if one.starts_at <= instant < one.ends_at), None)
            self._held[rotation, instant] = tuple(dict.fromkeys(held.people)) if held else ()
        return self._held[rotation, instant]

    def shift_at(self, rotation: str, instant: datetime) -> Shift | None:
        """The shift that holds this instant, whole; None in a gap."""
        near = self._overridden(rotation, instant, instant + MOMENT)
        held = next((one for one in near if one.starts_at <= instant < one.ends_at), None)
        if held is None:
            return None
        # What could cut it shorter begins or ends within it.
        span = (rotation, held.starts_at, held.ends_at)
        if span not in self._whole:
            self._whole[span] = self._overridden(*span)
        return next(one for one in self._whole[span] if one.starts_at <= instant < one.ends_at)

    def shifts(self, rotation: str, start: datetime, end: datetime) -> list[Shift]:
        """The shifts that overlap a span of time, in order, whole."""
        found = self.clipped(rotation, start, end)
        if found and found[0].starts_at == start:
            found[0] = self.shift_at(rotation, start) or found[0]
        if found and found[-1].ends_at == end:
            found[-1] = self.shift_at(rotation, end - MOMENT) or found[-1]
        return found

    def clipped(self, rotation: str, start: datetime, end: datetime) -> list[Shift]:
        """The parts of shifts that lie in a span of time, in order."""
        return within(self._overridden(rotation, start, end), [(start, end)]) if start < end else []

    def gaps(self, rotation: str, start: datetime, end: datetime) -> list[Gap]:
        """The parts of a span of time in which nobody holds a rotation, in order."""
        found, at = [], start
        for shift in self.clipped(rotation, start, end):
            if shift.starts_at > at:
                found.append(Gap(at, shift.starts_at))
            at = shift.ends_at
        return [*found, Gap(at, end)] if at < end else found

    def next_shift(self, rotation: str, instant: datetime) -> Shift | None:
        """The first shift that begins at this instant or later; None if there is none for a long time."""
        for ahead in (AHEAD / 50, AHEAD):
            later = (one for one in self.shifts(rotation, instant, instant + ahead) if one.starts_at >= instant)
            if found := next(later, None):
                return found
        return None

    # ---- How it is put together ----

    @cached_property
    def _held(self) -> dict[tuple[str, datetime], tuple[str, ...]]:
        """What was answered before: who asks for an instant asks many times."""
        return {}

    @cached_property
    def _whole(self) -> dict[tuple[str, datetime, datetime], list[Shift]]:
        """The shifts within one that was planned, for whoever goes through all of them."""
        return {}

    @cached_property
    def _by_rotation(self) -> dict[str, list[tuple[datetime, datetime, Override]]]:
        """From when until when each override holds, in the order in which they lie over one another."""
        found: dict[str, list[tuple[datetime, datetime, Override]]] = {}
        for one in sorted(self.overrides, key=attrgetter("made_at", "id")):
            begin, end = one.holds_from, one.holds_until
            if begin < end:
                found.setdefault(one.rotation, []).append((begin, end, one))
        return found

    def _overridden(self, rotation: str, start: datetime, end: datetime) -> list[Shift]:
        """The shifts around a span of time; what lies outside of it may be covered by something not looked at."""
        found = self._planned(rotation, start, end)
        for begin, until, one in self._by_rotation.get(rotation, ()):
            if begin < end and until > start:
                _take_over(found, one)
        return found

    def _planned(self, rotation: str, start: datetime, end: datetime) -> list[Shift]:
        found: list[Shift] = []
        for turns in layers(self.rotations[rotation]):
            over = stretches(turns, start, end)
            if turns.holidays:
                away = [(begin, until, one.rotation) for begin, until, one in holidays(turns) if one.rotation]
                others = (self._instead(other, begin, until, start, end) for begin, until, other in away)
                over = sorted([*over, *(shift for each in others for shift in each)], key=itemgetter(0))
            found = covered(found, over)
        return found

    def _instead(
        self, rotation: str | None, begin: datetime, until: datetime, start: datetime, end: datetime
    ) -> Iterable[Shift]:
        """Who holds another rotation on a holiday, as far as the holiday is near the span of time."""
        if rotation is None or until <= start or begin >= end:
            return ()
        return within(self._overridden(rotation, begin, until), [(begin, until)])


def _take_over(shifts: list[Shift], one: Override) -> None:
    """Put an override over shifts that are in order. It has its own begin and end, and each rest keeps its own."""
    begin, end = one.holds_from, one.holds_until
    first = bisect_right(shifts, begin, key=attrgetter("ends_at"))
    last = bisect_left(shifts, end, key=attrgetter("starts_at"))
    under = shifts[first:last]
    if one.instead_of is None:
        over = [Shift(begin, end, (one.person,), overrides=(one.id,))]
    else:
        held = [each for each in under if one.instead_of in each.people]
        over = [_replaced(each, one) for each in within(held, [(begin, end)])]
    shifts[first:last] = covered(under, over)


def _replaced(shift: Shift, one: Override) -> Shift:
    people = tuple(one.person if each == one.instead_of else each for each in shift.people)
    return shift._replace(people=people, overrides=(*shift.overrides, one.id))
