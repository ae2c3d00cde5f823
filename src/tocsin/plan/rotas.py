"""People who take turns: the part of a plan that says who is on call, and when.

A rotation is its own first layer. Each layer after it covers those before it wherever it applies; where no layer
applies, nobody is on call. Everything is read on the wall clock of a zone.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tocsin.plan.fields import STRICT, Span, Text, TimeOfDay, Zone


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of some days. One that does not end later than it begins ends on the next day."""

    __pydantic_config__ = STRICT
    weekdays: tuple[Weekday, ...] = ()  # on which it begins; none: every day
    begins: TimeOfDay
    ends: TimeOfDay


@dataclass(frozen=True, kw_only=True)
class Holiday:
    """Whole days on which a layer does not apply, or another rotation takes over from it."""

    __pydantic_config__ = STRICT
    name: Text = ""
    days: tuple[date, ...]
    rotation: str | None = None


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Other people who take turns over those before them. What it does not say of its clock, the rotation does."""

    __pydantic_config__ = STRICT
    name: Text
    people: tuple[str, ...]
    together: int = 1
    starts_on: date | None = None
    handoff_on: Weekday | None = None
    handoff: TimeOfDay | None = None
    zone: Zone | None = None
    days: int = 7
    hours: int | None = None
    during: tuple[Window, ...] = ()
    from_on: date | None = None
    until_on: date | None = None
    holidays: tuple[Holiday, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HandingOver:
    """When each change of who is on call is handed over: made ready, then written, then accepted."""

    __pydantic_config__ = STRICT
    opened_before: Span
    written_before: Span
    accepted_within: Span


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """People who take turns. A turn begins at `handoff` on a wall clock in `zone`, every `days` days."""

    __pydantic_config__ = STRICT
    name: Text = ""
    people: tuple[str, ...]
    together: int = 1  # so many in each turn, side by side
    starts_on: date
    handoff_on: Weekday | None = None  # the first of these days counts; without it, the day given
    handoff: TimeOfDay
    zone: Zone = "UTC"
    days: int = 7
    hours: int | None = None  # a turn of hours instead of days
    during: tuple[Window, ...] = ()  # none: day and night
    holidays: tuple[Holiday, ...] = ()
    layers: tuple[Layer, ...] = ()
    duties: tuple[Text, ...] = ()
    handed_over: tuple[Text, ...] = ()
    handing_over: HandingOver | None = None  # without it, nothing is owed at a handoff

    @property
    def everyone(self) -> tuple[str, ...]:
        """Whoever has a turn in any of its layers, each once."""
        return tuple(dict.fromkeys([*self.people, *(one for layer in self.layers for one in layer.people)]))

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """The rotations that take over on holidays."""
        holidays = [*self.holidays, *(one for layer in self.layers for one in layer.holidays)]
        return tuple(dict.fromkeys(one.rotation for one in holidays if one.rotation is not None))
