"""Being on call as appointments of a calendar: what each is called for ever, what became of it, and what is gone.

A calendar that fetches a feed again must know each appointment again. So an appointment is called by what put the
person there: the turn of the plan, or the override. What happens beside it, or cuts it, changes its times and not its
name.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from tocsin.oncall.model import Override, Shift
from tocsin.oncall.schedule import Rotas
from tocsin.plan.rotas import Rotation

BACK = timedelta(days=30)
AHEAD = timedelta(days=366)
LONGEST = timedelta(days=400)  # no turn and no override is longer; whatever began before has ended


@dataclass(frozen=True)
class Appointment:
    """One person is on call in one rotation, from when until when. `key` never changes; `changes` counts up."""

    key: str
    rotation: str
    person: str
    starts_at: datetime
    ends_at: datetime
    layer: str = ""
    override: str | None = None  # by which the person is there
    instead_of: str | None = None
    changes: int = 0
    changed_at: datetime | None = None  # by people; None for what is as the plan says
    is_cancelled: bool = False


def appointments(rotas: Rotas, rotation: str, start: datetime, end: datetime) -> list[Appointment]:
    """What overlaps a span of time, in order. `rotas` must know every override that ends after `since(start)`.

    What an override took away since the span began stands there too, as cancelled.
    """
    made = _Made(rotas, rotation, since(start), end)
    found = (*made.standing(start, end), *made.gone(start, end))
    return sorted(found, key=attrgetter("starts_at", "ends_at", "key", "is_cancelled"))


def since(start: datetime) -> datetime:
    """From when on overrides must be known, so that whatever reaches into the span has its true length."""
    return start - LONGEST


def of_person(rotas: Rotas, rotations: Iterable[str], person: str, start: datetime, end: datetime) -> list[Appointment]:
    """All of one person's, in whichever rotation."""
    mine = (one for name in rotations for one in appointments(rotas, name, start, end) if one.person == person)
    return sorted(mine, key=attrgetter("starts_at", "key"))


def bearing_on(rotations: Mapping[str, Rotation], rotation: str) -> tuple[str, ...]:
    """The rotation, and those that stand in for it on holidays."""
    found, left = [rotation], [rotation]
    while left:
        for one in rotations[left.pop()].stand_ins:
            if one in rotations and one not in found:
                found.append(one)
                left.append(one)
    return tuple(found)


Origin = tuple[str, str]  # the override, and the turn that it took; the one or the other may be empty


@dataclass(frozen=True)
class _Place:
    """Where somebody was put: the whole of a turn, or of what an override asked for."""

    origin: Origin
    person: str
    starts_at: datetime
    ends_at: datetime
    layer: str = ""
    by: Override | None = None


class _Made:
    """One rotation, laid out: the turns of the plan, what holds, and the overrides in between."""

    def __init__(self, rotas: Rotas, rotation: str, begin: datetime, end: datetime) -> None:
        self._rotation = rotation
        self._turns = Rotas(rotas.rotations).shifts(rotation, begin, end)
        self._starts = [one.starts_at for one in self._turns]
        self._held = rotas.shifts(rotation, begin, end)
        touching = bearing_on(rotas.rotations, rotation)
        known = [one for one in rotas.overrides if one.rotation in touching]
        self._overrides = sorted(known, key=attrgetter("made_at", "id"))
        self._by_id = {one.id: one for one in self._overrides}
        self._spans = self._gathered()

    def _gathered(self) -> dict[_Place, list[tuple[datetime, datetime]]]:
        """When each place is really held: a place that somebody cut has several spans."""
        found: dict[_Place, list[tuple[datetime, datetime]]] = {}
        for shift in self._held:
            for person in dict.fromkeys(shift.people):
                spans = found.setdefault(self._place(shift, person), [])
                if spans and spans[-1][1] == shift.starts_at:
                    spans[-1] = spans[-1][0], shift.ends_at  # only somebody beside them changed
                else:
                    spans.append((shift.starts_at, shift.ends_at))
        return found

    def _place(self, shift: Shift, person: str) -> _Place:
        """What put a person there: the last override that did, or the turn."""
        by: Override | None = None
        for one in (self._by_id[each] for each in shift.overrides):
            if one.person == person or one.instead_of is None:
                by = one if one.person == person else None
        turn = self._turn_at(shift.starts_at)
        if by is None:
            return self._of_turn(turn or shift, person)
        return self._of_override(by, turn)

    def _turn_at(self, instant: datetime) -> Shift | None:
        place = bisect_right(self._starts, instant) - 1
        return self._turns[place] if place >= 0 and instant < self._turns[place].ends_at else None

    @staticmethod
    def _of_turn(turn: Shift, person: str) -> _Place:
        return _Place(("", _stamp(turn.starts_at)), person, turn.starts_at, turn.ends_at, turn.layer)

    @staticmethod
    def _of_override(one: Override, turn: Shift | None) -> _Place:
        """In somebody's place it is theirs, turn by turn; otherwise it is one, whatever it covers."""
        if one.instead_of is None or turn is None:
            return _Place((one.id, ""), one.person, max(one.starts_at, one.made_at), one.ends_at, by=one)
        begin, end = max(one.starts_at, one.made_at, turn.starts_at), min(one.ends_at, turn.ends_at)
        return _Place((one.id, _stamp(turn.starts_at)), one.person, begin, end, turn.layer, one)

    def standing(self, start: datetime, end: datetime) -> Iterator[Appointment]:
        for place, spans in self._spans.items():
            for number, (begins, ends) in enumerate(spans):
                if ends > start and begins < end:
                    whole = self._appointment(place)
                    key = f"{whole.key}/{_stamp(begins)}" if number else whole.key
                    yield replace(whole, key=key, starts_at=begins, ends_at=ends)

    def gone(self, start: datetime, end: datetime) -> Iterator[Appointment]:
        """What the plan or an override had promised, and nobody holds any more, as far as that is news."""
        for place in self._promised():
            if place not in self._spans and place.ends_at > start and place.starts_at < end:
                one = self._appointment(place)
                if one.changed_at is not None and one.changed_at > start:
                    yield replace(one, is_cancelled=True)

    def _promised(self) -> Iterator[_Place]:
        for turn in self._turns:
            for person in dict.fromkeys(turn.people):
                yield self._of_turn(turn, person)
        for one in self._overrides:
            if one.rotation != self._rotation:
                continue
            if one.instead_of is None:
                yield self._of_override(one, None)
                continue
            for turn in self._overlapped(one):
                if one.instead_of in turn.people:
                    yield self._of_override(one, turn)

    def _overlapped(self, one: Override) -> Sequence[Shift]:
        begin, end = max(one.starts_at, one.made_at), one.ends_at
        first = bisect_right(self._turns, begin, key=attrgetter("ends_at"))
        return self._turns[first : max(first, bisect_left(self._starts, end))]

    def _appointment(self, place: _Place) -> Appointment:
        count, latest = self._changes(place)
        return Appointment(
            key="/".join((self._rotation, place.person, *(part for part in place.origin if part))),
            rotation=self._rotation,
            person=place.person,
            starts_at=place.starts_at,
            ends_at=place.ends_at,
            layer=place.layer,
            override=place.by.id if place.by else None,
            instead_of=place.by.instead_of if place.by else None,
            changes=count,
            changed_at=latest,
        )

    def _changes(self, place: _Place) -> tuple[int, datetime | None]:
        """How often people have changed it, and when last. What was arranged is never deleted, so it counts up."""
        count, latest = 0, place.by.made_at if place.by else None
        for one in self._overrides:
            if one.ends_at <= place.starts_at or one.starts_at >= place.ends_at:
                continue
            if place.by is not None and (one.made_at, one.id) < (place.by.made_at, place.by.id):
                continue
            if one is not place.by and one.instead_of not in (None, place.person) and one.person != place.person:
                continue
            if one is not place.by:
                count, latest = count + 1, max(latest or one.made_at, one.made_at)
            if one.cancelled_at is not None:
                count, latest = count + 1, max(latest or one.cancelled_at, one.cancelled_at)
        return count, latest


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")
