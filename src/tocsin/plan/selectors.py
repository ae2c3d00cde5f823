"""How a plan points at numbers: at samples of a Prometheus text by name and labels, in JSON by the keys to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf"\s*({_NAME})\s*(?:\{{(.*)\}})?\s*", re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")
LOOKED_INTO = 1024  # letters of a label that an expression is held against; a longer one fits none


@dataclass(frozen=True)
class Matcher:
    label: str
    how: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.label, "")
        if self.how.endswith("~"):
            fits = len(found) <= LOOKED_INTO and re.fullmatch(self.value, found) is not None
        else:
            fits = found == self.value
        return fits is not self.how.startswith("!")


@dataclass(frozen=True)
class Selector:
    """A metric's name, and what its labels are to be. As in PromQL, a label that is not there is empty."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def takes(self, name: str, labels: Mapping[str, str]) -> bool:
        return name == self.name and all(one.holds(labels) for one in self.matchers)


def selector(written: str) -> Selector:
    """Read `http_requests_total{code=~"5.."}`. Raises ValueError with a sentence for the user."""
    found = _SAMPLE.fullmatch(written)
    if found is None:
        raise ValueError(f"'{written}' is not the name of a metric; write it like http_requests_total{{code=\"500\"}}")
    rest, matchers = found[2] or "", []
    while rest.strip():
        label = _LABEL.match(rest)
        if label is None:
            raise ValueError(f"the labels of '{written}' can't be read; write them like {{code=\"500\"}}")
        matchers.append(_matcher(label[1], label[2], _ESCAPED.sub(r"\1", label[3])))
        rest = rest[label.end() :]
    return Selector(found[1], tuple(matchers))


def _matcher(label: str, how: str, value: str) -> Matcher:
    if how.endswith("~"):
        try:
            re.compile(value)
        except re.error as why:
            raise ValueError(f"'{value}' is not a regular expression: {why}") from None
    return Matcher(label, how, value)


def expressions(written: str) -> list[str]:
    """The expressions that a selector holds values against; none where it can't be read."""
    try:
        return [one.value for one in selector(written).matchers if one.how.endswith("~")]
    except ValueError:
        return []


def keys(written: str) -> tuple[str, ...]:
    """Read `counters.voice_failure`. Raises ValueError with a sentence for the user."""
    found = tuple(written.split("."))
    if not all(found):
        raise ValueError(f"'{written}' is no way into JSON; write the keys with dots between them")
    return found
