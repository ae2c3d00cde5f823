"""The plans that ship with Tocsin, and every value of a plan with its path."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from tocsin.plan import check, parse
from tocsin.plan.files import gathered
from tocsin.plan.model import Plan

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "src/tocsin/plans").glob("*.yaml")])


def text(file: Path) -> str:
    """A plan with the files that it includes."""
    found = gathered(file, file.read_text(encoding="utf-8"))
    assert isinstance(found, str), "\n".join(map(str, found))
    return found


def load(file: Path) -> Plan:
    found = check.load(text(file), file.name)
    assert isinstance(found, Plan), "\n".join(map(str, found))
    return found


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every single value below this one. Items of a list count from 1, as in the paths of `parse`."""
    for key, one in _parts(value):
        here = f"{path}.{key}" if path else key
        if is_dataclass(one) or isinstance(one, Mapping | tuple):
            yield from leaves(one, here)
        else:
            yield here, one


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        yield from ((str(key), one) for key, one in value.items())
    elif isinstance(value, tuple):
        yield from ((str(number), one) for number, one in enumerate(value, start=1))
    elif is_dataclass(value):
        yield from ((one.name, getattr(value, one.name)) for one in fields(value))


def multiplied(text: str, factor: int) -> str:
    """A plan so many times the size of this one: each named thing again under other names, and rules of their own."""
    document = parse.read(text)
    assert isinstance(document, parse.Document)
    whole = deepcopy(document.content)
    for copy in range(2, factor + 1):
        _add(whole, document.content, copy)
    return str(yaml.dump(whole, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True))


_COLLECTED = ("people", "teams", "roles", "services", "vendors", "severities", "rotations", "escalation", "phases")


def _add(whole: dict[str, Any], one: dict[str, Any], copy: int) -> None:
    places = [(whole[key], one[key]) for key in (*_COLLECTED, "types", "templates", "metrics", "links")]
    places += [(whole[key][part], one[key][part]) for key, part in _SECTIONS]
    for found, named in places:
        found.update({f"{key}_{copy}": deepcopy(value) for key, value in named.items()})
    for rule in one["rules"]:
        own = {
            "name": f"{rule['name']} {copy}",
            "precedence": rule["precedence"] - copy * 10_000,
        }  # before those that ask for less
        whole["rules"].append({**deepcopy(rule), **own, "when": {**rule["when"], "copy": str(copy)}})


_SECTIONS = (
    ("communication", "audiences"),
    ("resolution", "strategies"),
    ("resolution", "verification"),
    ("recovery", "confirm"),
    ("review", "sections"),
    ("review", "horizons"),
)
