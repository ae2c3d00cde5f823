"""Shifts out of a calendar or a table of others: what each line says, or why it cannot be understood; and what of it is
not so already. Nothing is guessed: a line that names nobody, or two people, is a mistake with its number."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tocsin.kit import wall
from tocsin.kit.errors import Invalid
from tocsin.kit.later import later
from tocsin.kit.text import clip, listed, utc
from tocsin.oncall import arranging
from tocsin.oncall.model import Turn
from tocsin.oncall.schedule import Rotas

if TYPE_CHECKING:
    import icalendar
    import recurring_ical_events
else:
    icalendar, recurring_ical_events = later("icalendar"), later("recurring_ical_events")

MOST_SHIFTS = 1000
MOST_MISTAKES = 100
AHEAD = timedelta(days=366)  # as far as what repeats is followed
COLUMNS = ("start", "end", "person")

_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what the libraries make of rubbish
_BEGINS = re.compile(r"^BEGIN:VEVENT[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_OFTEN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH"}
_RULES = {"DAILY": _OFTEN, "WEEKLY": _OFTEN}
_RULES |= dict.fromkeys(("MONTHLY", "YEARLY"), _OFTEN | {"BYMONTHDAY", "BYSETPOS"})


@dataclass(frozen=True)
class Wanted:
    """A shift as the file has it."""

    line: int
    person: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Mistake:
    line: int
    message: str


class NotUnderstood(Invalid):
    """Not every line can be understood; nothing was changed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        named = sorted(mistakes, key=lambda one: one.line)
        first = f" The first {MOST_MISTAKES} of {len(named)}:" if len(named) > MOST_MISTAKES else ""
        super().__init__(f"{self.__doc__}{first}")
        self.mistakes = tuple(named[:MOST_MISTAKES])


class _Fault(Exception):
    """Why one line cannot be understood."""


def read(text: str, names: Mapping[str, str], zone: str, now: datetime) -> list[Wanted]:
    """The shifts of a calendar or of a table, in order. `names` are those of the people, by handle; times without a
    zone are those of `zone`. Raises NotUnderstood with every line that is wrong."""
    text = text.removeprefix("\ufeff")
    is_calendar = text.lstrip()[:15].upper() == "BEGIN:VCALENDAR"
    found: list[Wanted] = []
    mistakes: list[Mistake] = []
    for one in (_calendar if is_calendar else _table)(text, names, zone, now):
        if isinstance(one, Mistake):
            mistakes.append(one)
            continue
        found.append(one)
        if len(found) > MOST_SHIFTS:
            raise Invalid(f"At most {MOST_SHIFTS} shifts at once; import a part of it.", field="text")
    found.sort(key=lambda one: (one.starts_at, one.ends_at))
    mistakes += _overlapping(found)
    if mistakes:
        raise NotUnderstood(mistakes)
    if not found:
        raise Invalid("There is no shift in it.", field="text")
    return found


def _overlapping(found: Sequence[Wanted]) -> Iterator[Mistake]:
    for one, other in pairwise(found):
        if other.starts_at < one.ends_at:
            yield Mistake(other.line, f"it overlaps line {one.line}; only one person can be on call by an import")


def _wanted(line: int, person: str, start: datetime, end: datetime, skipped: str) -> Wanted:
    if end == start and skipped:
        raise _Fault(f"nothing is left of it: {skipped}, and it begins and ends at {utc(start)}")
    if end <= start:
        raise _Fault(f"it ends at {utc(end)}, not later than it begins")
    if end - start > arranging.LONGEST:
        raise _Fault("it lasts longer than a year; that belongs into the plan")
    return Wanted(line, person, start, end)


def _person(said: str, names: Mapping[str, str]) -> str:
    """Whom a text means: it is a handle or a name, or one and only one stands in it."""
    plain = said.strip().casefold()
    if not plain:
        raise _Fault("it names nobody")
    for by in (names, {name: handle for handle, name in names.items()}):
        exact = [one for one in by if one.casefold() == plain]
        if len(exact) == 1:
            return exact[0] if by is names else by[exact[0]]
    for which in (lambda handle: names[handle], lambda handle: handle):
        meant = [handle for handle in names if _stands_in(which(handle).casefold(), plain)]
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise _Fault(f"'{clip(said, 60)}' may mean {listed(meant, 'or')}")
    raise _Fault(f"'{clip(said, 60)}' names nobody of the plan; there is {listed(names)}")


def _stands_in(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _instant(said: object, zone: str) -> datetime:
    """An instant; without an offset it is when the clock of the zone first shows it, or a later time."""
    if isinstance(said, datetime):
        if not 1970 <= said.year < 2200:
            raise _Fault(f"the year {said.year} is out of reach")
        if said.tzinfo is not None:
            return said.astimezone(UTC)
        return wall.reached_at(zone, wall.local_of(said.date(), said.time()) + said.second)
    if isinstance(said, date):
        return _instant(datetime.combine(said, datetime.min.time()), zone)
    raise _Fault("it has no time")


def _skipped(said: Iterable[object], zone: str) -> str:
    """Which of these times the clock of the zone never shows, since it is put forward over them; else empty."""
    local = [one for one in said if isinstance(one, datetime) and one.tzinfo is None]
    over = [one for one in local if wall.is_skipped(zone, wall.local_of(one.date(), one.time()) + one.second)]
    return f"the clock in {zone} skips {listed(f'{one:%Y-%m-%d %H:%M}' for one in over)}" if over else ""


# ---- A table ---------------------------------------------------------------------------------------------------------


def _table(text: str, names: Mapping[str, str], zone: str, _: datetime) -> Iterator[Wanted | Mistake]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        head = [one.strip().lower() for one in next(rows, [])]
        if sorted(head) != sorted(COLUMNS):
            yield Mistake(1, f"the first line must name the columns {','.join(COLUMNS)}")
            return
        for row in rows:
            if any(cell.strip() for cell in row):
                yield _row(rows.line_num, head, row, names, zone)
    except csv.Error as why:
        yield Mistake(rows.line_num, f"this is no row of a table: {why}")


def _row(line: int, head: list[str], row: list[str], names: Mapping[str, str], zone: str) -> Wanted | Mistake:
    if len(row) != len(head):
        return Mistake(line, f"it has {len(row)} columns instead of {len(head)}")
    said = dict(zip(head, row, strict=True))
    try:
        typed = [_typed(said[name]) for name in ("start", "end")]
        start, end = (_instant(one, zone) for one in typed)
        return _wanted(line, _person(said["person"], names), start, end, _skipped(typed, zone))
    except _Fault as why:
        return Mistake(line, str(why))


def _typed(said: str) -> datetime:
    try:
        return datetime.fromisoformat(said.strip())
    except ValueError:
        raise _Fault(f"'{clip(said.strip(), 40)}' is no time; write it like 2026-12-01T09:00") from None


# ---- A calendar ------------------------------------------------------------------------------------------------------


def _calendar(text: str, names: Mapping[str, str], zone: str, now: datetime) -> Iterator[Wanted | Mistake]:
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except _MALFORMED as why:
        yield Mistake(1, f"this is no calendar: {clip(str(why), 200)}")
        return
    lines = [text.count("\n", 0, found.start()) + 1 for found in _BEGINS.finditer(text)]
    events = [(one, event) for one in calendars for event in one.walk("VEVENT")]
    if len(events) != len(lines):
        yield Mistake(lines[-1] if lines else 1, "the calendar is cut off: not every appointment has its end")
        return
    series: dict[str, list[tuple[int, Any, Any]]] = {}
    for line, (calendar, event) in zip(lines, events, strict=True):
        series.setdefault(str(event.get("UID", f"of line {line}")), []).append((line, calendar, event))
    for parts in series.values():
        yield from _series(parts, names, zone, now)


def _series(
    parts: Sequence[tuple[int, Any, Any]], names: Mapping[str, str], zone: str, now: datetime
) -> Iterator[Wanted | Mistake]:
    """One appointment, or one that repeats with what was changed of it."""
    line = parts[0][0]
    try:
        broken = [(each, fault) for each, _, event in parts for fault in _faults(event)]
        for each, fault in broken:
            yield Mistake(each, fault)
        for event in _occurrences(parts, now) if not broken else ():
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield _of_event(line, event, names, zone)
    except _MALFORMED as why:
        yield Mistake(line, f"this appointment can't be read: {clip(str(why), 200)}")


def _faults(event: Any) -> Iterator[str]:
    for name, why in event.errors:
        yield f"{name} can't be read: {clip(str(why), 200)}"
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = str(next(iter(rule.get("FREQ", [""]))))
        if often not in _RULES:
            yield f"it repeats {often.lower() or 'somehow'}; a shift repeats daily, weekly, monthly or yearly"
        elif unknown := sorted({str(key).upper() for key in rule} - _RULES[often]):
            yield f"it repeats by {listed(unknown)}, which is not understood here"
        elif any(int(one) < 1 for one in rule.get("INTERVAL", [1])):
            yield "it repeats after less than one step"


def _occurrences(parts: Sequence[tuple[int, Any, Any]], now: datetime) -> Iterable[Any]:
    repeats = any(name in event for _, _, event in parts for name in ("RRULE", "RDATE", "RECURRENCE-ID"))
    if not repeats:
        return [event for _, _, event in parts]
    alone = icalendar.Calendar()
    calendars = {id(calendar): calendar for _, calendar, _ in parts}.values()
    for component in (
        *(zone for one in calendars for zone in one.walk("VTIMEZONE")),
        *(event for _, _, event in parts),
    ):
        alone.add_component(component)
    found: list[Any] = recurring_ical_events.of(alone).between(now, now + AHEAD)
    return found


def _of_event(line: int, event: Any, names: Mapping[str, str], zone: str) -> Wanted | Mistake:
    try:
        start, end = _instant(event.start, zone), _instant(event.end, zone)
        skipped = _skipped((event.start, event.end), zone)
        return _wanted(line, _person(str(event.get("SUMMARY", "")), names), start, end, skipped)
    except _Fault as why:
        return Mistake(line, str(why))


# ---- What is not so already ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Somebody is put on call where somebody else would be, or nobody."""

    line: int
    turn: Turn
    person: str
    instead_of: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """What an import does: whom it puts on call, how many shifts are so already, and how many are over."""

    changes: tuple[Change, ...]
    as_it_is: int
    over: int


def changes(rotas: Rotas, rotation: str, wanted: Iterable[Wanted], now: datetime) -> Changes:
    found: list[Change] = []
    as_it_is = over = 0
    for one in wanted:
        if one.ends_at <= now:
            over += 1
            continue
        turn = Turn(rotation=rotation, starts_at=max(one.starts_at, now), ends_at=one.ends_at)
        arranging.place(rotas, turn, one.person, None)
        if _holds_already(rotas, turn, one.person):
            as_it_is += 1
        else:
            off = (each for each in arranging.displaced(rotas, turn, None) if each != one.person)
            found.append(Change(one.line, turn, one.person, tuple(off)))
    return Changes(tuple(found), as_it_is, over)


def _holds_already(rotas: Rotas, turn: Turn, person: str) -> bool:
    held = rotas.clipped(turn.rotation, turn.starts_at, turn.ends_at)
    is_theirs = all(one.people == (person,) for one in held)
    return is_theirs and not rotas.gaps(turn.rotation, turn.starts_at, turn.ends_at)
