"""An answer held against what the plan expects of it: words of its own, and the schema of its JSON. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.kit.later import later
from tocsin.kit.text import listed
from tocsin.plan import misfits
from tocsin.plan.bodies import BodySchema
from tocsin.plan.watching import Expects
from tocsin.signals import routing

if TYPE_CHECKING:
    import jsonschema_rs
else:
    jsonschema_rs = later("jsonschema_rs")

_MISSING = object()
_NAMED = 3  # places of a body that are named
_MOST_HELD = 10_000  # values times schemas; beyond, naming more than the first place takes too long


@dataclass(frozen=True)
class Wrong:
    """What is not as the plan says. `states` are the values of the JSON that say otherwise, by their place."""

    said: str
    states: Mapping[str, str] = field(default_factory=dict)


def wrong(expects: Expects, status: int, headers: Mapping[str, str], body: bytes) -> Wrong | None:
    """The first thing in which an answer is not what the plan expects; None if there is none."""
    if status not in expects.status:
        return Wrong(f"{status}, not {listed(map(str, expects.status), 'or')}")
    found = next(_headers(expects, headers), None)
    if found is not None:
        return found
    if expects.says is not None and not re.search(expects.says, body.decode("utf-8", "replace")):
        return Wrong(f"{status} without what it should say")
    return _json(expects, status, body) if expects.json else None


def _headers(expects: Expects, headers: Mapping[str, str]) -> Iterator[Wrong]:
    sent = {name.lower(): value for name, value in headers.items()}
    for name, words in expects.headers.items():
        value = sent.get(name.lower())
        if value is None:
            yield Wrong(f"no header {name.lower()}")
        elif not routing.is_one_of(value, words):
            yield Wrong(f"the header {name.lower()} is {value}")


def _json(expects: Expects, status: int, body: bytes) -> Wrong | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not text, or nested to blow the stack
        return Wrong(f"{status} but the body is not JSON")
    found = {place: _at(content, place) for place in expects.json}
    missing = [place for place, value in found.items() if value is _MISSING]
    if missing:
        return Wrong(f"{status} without {listed(missing, 'and')}")
    said = {place: value if isinstance(value, str) else json.dumps(value) for place, value in found.items()}
    bad = {place: said[place] for place, words in expects.json.items() if not routing.is_one_of(said[place], words)}
    return Wrong(f"{status} with {listed(f'{one} {value}' for one, value in bad.items())}", bad) if bad else None


def _at(content: Any, place: str) -> Any:
    """The value at a place such as `checks.0.state`; a key that has a dot in it is found as well."""
    if isinstance(content, dict) and place in content:
        return content[place]
    first, dot, rest = place.partition(".")
    match content:
        case dict() if first in content:
            inner = content[first]
        case list() if first.isdecimal() and int(first[:6]) < len(content):
            inner = content[int(first)]
        case _:
            return _MISSING
    return _at(inner, rest) if dot else inner


def misfit(schema: BodySchema, body: bytes) -> str:
    """In what a body does not fit a schema: a few places, and what is wrong with each. Nothing where it fits."""
    try:
        content = json.loads(body, parse_constant=_no_number)
        if schema.validator.is_valid(content):
            return ""
        found = _errors(schema, content, body)
    except (ValueError, RecursionError):  # besides what is not JSON: half a letter
        return "the body is not JSON"
    said = [*dict.fromkeys(map(misfits.told, found[:_NAMED]))]
    return "; ".join([*said, *([f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else [])])


def _errors(schema: BodySchema, content: Any, body: bytes) -> list["jsonschema_rs.ValidationError"]:
    values = sum(map(body.count, (b",", b":", b"[", b"{"))) + 1
    if values * schema.size <= _MOST_HELD:
        return [*schema.validator.iter_errors(content)]
    try:
        schema.validator.validate(content)
    except jsonschema_rs.ValidationError as first:
        return [first]
    return []


def _no_number(name: str) -> None:
    raise ValueError(name)  # Python reads NaN, which JSON does not know
