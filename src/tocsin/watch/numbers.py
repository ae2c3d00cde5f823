"""Numbers out of what an address answered: a Prometheus text, a JSON document, or a Prometheus's answer to a query.

A counter that is not there has not counted yet, and is 0. But where the document is another one than was asked for,
nothing is 0: it can't be read. Nothing here touches the network or a clock.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from prometheus_client.parser import text_string_to_metric_families

from tocsin.kit.text import clip
from tocsin.plan import selectors
from tocsin.plan.selectors import Selector
from tocsin.plan.watching import Measure, Reads
from tocsin.watch.outcomes import Reading

QUERY = "/api/v1/query?query="
MOST_MARKS = 100
BEGAN = "began"
"""The mark by which processes are told apart for certain."""
_DEEPEST = 4
_BEGAN = "process_start_time_seconds"
_SHOWN = 80
_HEAD = {Reads.PROMETHEUS: "text/plain;version=0.0.4", Reads.JSON: "application/json", Reads.PROMQL: "application/json"}

Numbers = tuple[float, ...]


class Unreadable(ValueError):
    """Something answered, and not with the numbers that were asked for."""


class NotThere(ValueError):
    """It answered as it should, and has no such number at present."""


def path(measure: Measure) -> str:
    """What is asked at the address."""
    return f"{QUERY}{quote(_wanted(measure)[0], safe='')}" if measure.reads is Reads.PROMQL else ""


def accept(measure: Measure) -> str:
    return _HEAD[measure.reads]


def read(measure: Measure, reading: Reading) -> Numbers:
    """The counters in their order, or the one number. Raises Unreadable or NotThere, with a sentence."""
    wanted, may_be_missing = _wanted(measure), bool(measure.counters)
    match measure.reads:
        case Reads.PROMETHEUS:
            found = _of_text(reading.body, [selectors.selector(one) for one in wanted])
        case Reads.JSON:
            found = _of_json(_parsed(reading.body), [selectors.keys(one) for one in wanted])
        case Reads.PROMQL:
            found = [_of_query(_parsed(reading.body))]
    for written, number in zip(wanted, found, strict=True):
        if number is not None and not math.isfinite(number):
            raise NotThere(f"{clip(written, _SHOWN)} is {number} at present")
        if number is None and not may_be_missing:
            raise NotThere(f"{clip(written, _SHOWN)} is not there")
    numbers = tuple(number or 0.0 for number in found)
    # The average since the start, over so many, is their sum: it grows like one.
    return (numbers[0] * numbers[1], numbers[1]) if measure.average is not None else numbers


def marks(measure: Measure, reading: Reading) -> dict[str, float]:
    """By what several processes behind one address are told apart: when each began, where it says so, and otherwise
    every figure of its document. To be read after `read`, of the same document."""
    if measure.workers == 1:
        return {}
    if measure.reads is Reads.PROMETHEUS:
        began = _of_text(reading.body, [selectors.selector(_BEGAN)])[0]
        return {} if began is None else {BEGAN: began}
    return dict(islice(_figures(_parsed(reading.body), ""), MOST_MARKS))


def _figures(inside: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every number of a document, with where it stands. What is nested deeper than documents of figures is left out."""
    if path.count(".") > _DEEPEST or not isinstance(inside, dict):
        return
    for key, one in sorted(inside.items()):
        if isinstance(one, int | float) and not isinstance(one, bool):
            yield f"{path}{key}", float(one)
        else:
            yield from _figures(one, f"{path}{key}.")


def _wanted(measure: Measure) -> Sequence[str]:
    return measure.counters or [measure.error_rate or measure.number or ""]


def _of_text(body: bytes, wanted: Sequence[Selector]) -> list[float | None]:
    """Only the lines of what is wanted are parsed: a large process has tens of thousands of others."""
    text = body.decode("utf-8", "replace")
    names = tuple({one.name for one in wanted})
    lines = text.splitlines()
    if not any(_is_sample(line) for line in lines):
        raise Unreadable("it is no text of metrics")
    near = "\n".join(line for line in lines if line.startswith(names))
    found: list[float | None] = [None] * len(wanted)
    try:
        samples = [one for family in text_string_to_metric_families(f"{near}\n") for one in family.samples]
    except (ValueError, IndexError, KeyError) as why:
        raise Unreadable(f"its metrics can't be read: {clip(str(why), _SHOWN)}") from None
    for sample in samples:
        for place, one in enumerate(wanted):
            if one.takes(sample.name, sample.labels):
                found[place] = (found[place] or 0.0) + float(sample.value)
    return found


def _is_sample(line: str) -> bool:
    """Whether it has the shape `name value` or `name{…} value`: a web page and a JSON document have no such line."""
    if not line or line[0] in "#<{[ \t":
        return False
    words = line.rpartition("}")[2].split() if "}" in line else line.split()[1:]
    try:
        return bool(words) and len(words) <= 2 and float(words[0]) is not None
    except ValueError:
        return False


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("it is no JSON") from None


def _of_json(document: Any, wanted: Iterable[tuple[str, ...]]) -> list[float | None]:
    return [_at(document, keys) for keys in wanted]


def _at(document: Any, keys: tuple[str, ...]) -> float | None:
    """The number at the end of these keys. What leads there must be there, or it is another document."""
    for place, key in enumerate(keys[:-1]):
        inner = _step(document, key)
        if inner is None and place:
            return None
        if not isinstance(inner, dict | list):
            raise Unreadable(f'nothing stands there under "{clip(key, _SHOWN)}"')
        document = inner
    number = _step(document, keys[-1])
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise Unreadable(f"{clip('.'.join(keys), _SHOWN)} is no number")
    return float(number)


def _step(inside: Any, key: str) -> Any:
    if isinstance(inside, dict):
        return inside.get(key)
    if isinstance(inside, list) and key.isdecimal() and int(key) < len(inside):
        return inside[int(key)]
    return None


def _of_query(answer: Any) -> float | None:
    """The value of a query: a scalar, or a vector of one series. Prometheus writes numbers as text."""
    if not isinstance(answer, Mapping) or answer.get("status") not in ("success", "error"):
        raise Unreadable("it is no answer of a Prometheus")
    if answer["status"] == "error":
        raise Unreadable(f"Prometheus refuses the query: {clip(str(answer.get('error')), _SHOWN)}")
    data = answer.get("data")
    kind, result = (data.get("resultType"), data.get("result")) if isinstance(data, Mapping) else (None, None)
    if kind == "vector" and isinstance(result, list):
        if len(result) > 1:
            raise Unreadable(f"the query gives {len(result)} series; add them up in it, so that it gives one")
        if not result:
            return None
        result = result[0].get("value") if isinstance(result[0], Mapping) else None
    elif kind != "scalar":
        raise Unreadable(f"the query gives a {clip(str(kind), _SHOWN)}, and no number")
    try:
        return float(result[1]) if isinstance(result, list) else None
    except (TypeError, ValueError, IndexError):
        raise Unreadable("it is no answer of a Prometheus") from None
