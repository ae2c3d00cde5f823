"""Where two plans differ: a walk over both, which misses nothing.

A rule and a layer are known by their names, an action by its words, and whatever else stands in a list by its place,
counted from 1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from tocsin.plan.model import Rule
from tocsin.plan.procedure import Action, Activity, Tool
from tocsin.plan.rotas import Layer

Path = tuple[str, ...]


class Absence(Enum):
    """What stands in place of something that one of the plans does not have."""

    ABSENT = "absent"


ABSENT = Absence.ABSENT

RANKED = frozenset(
    {"severities", "phases", "rules", "sections", "actions", "items", "layers"}
)  # where the order of the file has a meaning


@dataclass(frozen=True)
class Order:
    """The order of what stands in both plans."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """Something that one plan says and the other says otherwise, or not at all (`ABSENT`)."""

    path: Path
    before: object
    after: object


def walk(path: Path, before: object, after: object) -> Iterator[Difference]:
    """Every place in which two parts of a plan differ, in the order of the file; `path` is where they stand."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _walk_named(path, before, after)
    elif is_dataclass(before) and type(before) is type(after):
        for one in fields(before):
            yield from walk((*path, one.name), getattr(before, one.name), getattr(after, one.name))
    elif isinstance(before, tuple) and isinstance(after, tuple) and any(map(is_dataclass, before + after)):
        yield from _walk_named(path, _by_name(before), _by_name(after))
    elif before != after:
        yield Difference(path, before, after)


def _walk_named(path: Path, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name, ABSENT), after.get(name, ABSENT)
        if one is ABSENT or other is ABSENT:
            yield Difference((*path, str(name)), one, other)
        else:
            yield from walk((*path, str(name)), one, other)
    orders = [Order(tuple(name for name in one if name in other)) for one, other in ((before, after), (after, before))]
    if path[-1] in RANKED and orders[0] != orders[1]:
        yield Difference(path, *orders)


def _by_name(items: tuple[object, ...]) -> dict[str, object]:
    """What has words of its own by them, so that a new one does not seem to change all that follow; else by place."""
    found: dict[str, object] = {}
    for place, item in enumerate(items, 1):
        name = _called(item) or str(place)
        found[name if name not in found else f"{name} ({place})"] = item
    return found


def _called(item: object) -> str:
    match item:
        case Rule() | Tool() | Layer():
            return item.name
        case Action():
            return item.do
        case Activity():
            return item.title
        case _:
            return ""
