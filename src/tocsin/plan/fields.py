"""How spans, times of day, dates, zones and per cents are written in a plan file."""

import re
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, WithJsonSchema

from tocsin.kit import text

STRICT = {"extra": "forbid"}  # of every class of a plan: an unknown key is a mistake
LONGEST_SPAN = timedelta(days=3660)  # longer ones would leave the calendar when they are added to an instant


def _span(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"'{value}' is not a span of time; write it like 15 min or 4 h")
    try:
        length = text.parse_span(value)
    except OverflowError:
        length = timedelta.max
    if not length:
        raise ValueError("a span must be longer than nothing; write it like 15 min or 4 h")
    if length > LONGEST_SPAN:
        raise ValueError(f"'{text.clip(value, 40)}' is longer than ten years")
    return length


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    # YAML 1.1 reads an unquoted 09:00 as the number 540: minutes, in base sixty.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(value // 60, value % 60)
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"'{value}' is not a time of day; write it like 09:00")
    return time(int(found[1]), int(found[2]))


def _zone(value: object) -> str:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{value}' is not a time zone; write it like Europe/Berlin or UTC") from None
    return str(value)


def _percent(value: object) -> Decimal:
    """A number as it is written, so that a border is where its author put it."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,12})?) ?%?", str(value), re.ASCII)
    if found is None or Decimal(found[1]) > 100:
        raise ValueError(f"'{text.clip(str(value), 40)}' is not from 0 to 100 per cent; write it like 5 or 2.5")
    return Decimal(found[1])


def _number(value: object) -> Decimal:
    """A number as it is written. YAML has read it by now; its shortest spelling is what stood there."""
    found = re.fullmatch(r"-?\d{1,15}(?:\.\d{1,12})?", str(value), re.ASCII)
    if found is None or isinstance(value, bool):
        raise ValueError(f"'{text.clip(str(value), 40)}' is not a number; write it like 10 or 2.5")
    return Decimal(found[0])


def _colour(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch("#[0-9A-Fa-f]{6}", value) is None:
        raise ValueError(f"'{text.clip(str(value), 40)}' is not a colour; write it like \"#1858a8\"")
    return value.lower()


def _text(value: object) -> object:
    """Prose may be folded over lines in YAML; it is one paragraph."""
    return value.strip() if isinstance(value, str) else value


Span = Annotated[
    timedelta,
    BeforeValidator(_span),
    WithJsonSchema({"type": "string", "description": "a span of time", "examples": ["15 min", "4 h", "1 w"]}),
]
TimeOfDay = Annotated[
    time, BeforeValidator(_time_of_day), WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d$"})
]
Zone = Annotated[str, BeforeValidator(_zone)]
Text = Annotated[str, BeforeValidator(_text)]
Percent = Annotated[
    Decimal,
    BeforeValidator(_percent),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": r"^\d{1,3}(\.\d+)? ?%?$"},
            ]
        }
    ),
]

Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Several = BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])
"""Lets a text by itself stand for a list of one."""


def Short(key: str, kind: type) -> Any:  # noqa: N802 - it stands where a type's metadata stands
    """Lets a text by itself stand for the class of which nothing but `key` is said."""

    def spelled_out(value: object) -> object:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(spelled_out, json_schema_input_type=str | kind)


Colour = Annotated[str, BeforeValidator(_colour), WithJsonSchema({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})]
