"""The reference of the plan format says what the format is: every key, its type and its default."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from tocsin.kit.text import listed, span
from tocsin.plan import (
    check,
    check_work,
    measures,
    model,
    procedure,
    publicpage,
    reviewing,
    rotas,
    services,
    watching,
)
from tocsin.plan.bodies import BodySchema
from tocsin.plan.fields import Colour, Number, Percent, Span, Text, TimeOfDay, Zone

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "plan.md"
CLASSES = list(
    dict.fromkeys(
        one
        for module in (model, measures, procedure, publicpage, reviewing, rotas, services, watching)
        for one in vars(module).values()
        if is_dataclass(one) and isinstance(one, type)
    )
)
SIMPLE = {
    Span: "[span](#spans)",
    Text: "text",
    TimeOfDay: "time of day",
    Zone: "time zone",
    Percent: "per cent",
    Number: "number",
    Colour: "colour",
    BodySchema: "[schema](#schemas)",
    str: "text",
    int: "whole number",
    bool: "true or false",
    date: "date",
}


def in_words(kind: Any) -> str:
    if kind in SIMPLE:
        return SIMPLE[kind]
    if is_dataclass(kind) and isinstance(kind, type):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return listed((f"`{one}`" for one in kind), "or")
    arguments = get_args(kind)
    if get_origin(kind) is Annotated:
        return in_words(arguments[0])
    if get_origin(kind) is Literal:
        return listed((f"`{one}`" for one in arguments), "or")
    if get_origin(kind) is tuple:
        return f"list of {in_words(arguments[0])}"
    if get_origin(kind) is Mapping:
        return f"mapping of {in_words(arguments[0]).replace('text', 'names')} to {in_words(arguments[1])}"
    assert get_origin(kind) in (Union, UnionType), kind
    return " or ".join(in_words(one) for one in arguments if one is not NoneType)


def default_in_words(one: Field[Any]) -> str:
    value = one.default_factory() if one.default_factory is not MISSING else one.default
    match value:
        case _ if value is MISSING:
            return "required"
        case None | "" | () | {} | model.Reminders():
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case timedelta():
            return f"`{span(value)}`"
        case _ if is_dataclass(value) and value == type(value)():
            return "none"
        case StrEnum():
            return f"`{value}`"
        case tuple():
            return listed(f"`{part}`" if part else '`""`' for part in value)
        case _:
            return f"`{value}`"


def expected(cls: type) -> list[tuple[str, str, str]]:
    hints = get_type_hints(cls, include_extras=True)
    assert is_dataclass(cls)
    return [(f"`{one.name}`", in_words(hints[one.name]), default_in_words(one)) for one in fields(cls)]


def rows(heading: str) -> list[list[str]]:
    """The cells of every table row under a heading, without the table's own head."""
    _, found, rest = REFERENCE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    assert found, f"no section {heading}"
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_key_stands_in_the_reference_with_its_type_and_default(cls: type) -> None:
    written = rows(cls.__name__)
    assert [tuple(row[:3]) for row in written] == expected(cls)
    assert all(row[3] for row in written)


def test_the_reference_describes_nothing_else() -> None:
    lines = REFERENCE.read_text(encoding="utf-8").splitlines()
    headings = {line.removeprefix("## ") for line in lines if line.startswith("## ")}
    assert headings == {cls.__name__ for cls in CLASSES} | {
        "Several files",
        "Spans",
        "Schemas",
        "Template fields",
        "Channel fields",
        "Facts",
        "Names",
    }


def test_every_field_of_a_template_is_listed() -> None:
    assert [tuple(row) for row in rows("Template fields")] == [
        (f"`{{{name}}}`", meaning) for name, meaning in check.KNOWN_FIELDS.items()
    ]


def test_every_field_of_a_channel_is_listed() -> None:
    assert [tuple(row) for row in rows("Channel fields")] == [
        (f"`{{{name}}}`", meaning) for name, meaning in check_work.CALL_FIELDS.items()
    ]


def test_every_kind_of_facts_is_listed() -> None:
    assert [row[0] for row in rows("Facts")] == [f"`{name}`" for name in check.FACTS]
