"""A plain answer held against what the plan expects of it, where a service gives no health report. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.kit.text import listed
from tocsin.plan.watching import Expects
from tocsin.signals import routing

_MISSING = object()


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
