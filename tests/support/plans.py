"""The plans that ship with Tocsin, and every value of a plan with its path."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from tocsin.plan import check
from tocsin.plan.model import Plan

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "examples").glob("*.yaml"), *(ROOT / "src/tocsin/plans").glob("*.yaml")])


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


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
