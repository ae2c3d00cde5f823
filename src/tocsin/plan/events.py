"""The events of a YAML text as bare tuples, checked to be harmless before anybody reads values from them.

A text of a few hundred lines has tens of thousands of events. Tuples of words and numbers cost the collector of garbage
nothing, and a tree of nodes costs more than all the rest of reading a plan.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

MAX_NODES = 50_000  # with every alias written out: a few lines of aliases can stand for billions of nodes
MAX_DEPTH = 30
TOO_MANY = f"with its aliases written out, the file holds more than {MAX_NODES} values"
STRANGE = "the letter U+{:04X} cannot stand in a plan"
TAG = "tag:yaml.org,2002:"

# The reader written in C is ten times faster, and not built everywhere.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IMPLICIT: Mapping[str, Sequence[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers

MAPPING, SEQUENCE, SCALAR, ALIAS, END = "mapping", "sequence", "scalar", "alias", "end"

Event = tuple[str, int, int, str, str]
"""Kind, line, column, value and tag. Lines and columns count from 1."""


class At(NamedTuple):
    line: int
    column: int


class Stop(Exception):
    """Reading on would be dangerous or pointless."""

    def __init__(self, at: At, message: str) -> None:
        super().__init__(message)
        self.at = at
        self.message = message


@dataclass(frozen=True)
class Stream:
    """One document. `ends` says where a collection ends, `targets` for what an alias stands."""

    events: Sequence[Event]
    ends: Mapping[int, int]
    targets: Mapping[int, int]

    def children(self, start: int) -> Iterator[int]:
        """The places of what stands directly in a collection; of a mapping, key and value by turns."""
        events, ends = self.events, self.ends
        place = start + 1
        while events[place][0] is not END:
            yield place
            place = ends.get(place, place) + 1

    def meant(self, place: int) -> int:
        """The place of what is meant there: for an alias, of what it stands for."""
        return self.targets.get(place, place)


def stream(text: str) -> Stream:
    """The events of a text. Raises `Stop`, or what YAML raises for a text that it cannot read."""
    if strange := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        column = strange.start() - text.rfind("\n", 0, strange.start())
        raise Stop(At(line, column), STRANGE.format(ord(strange[0])))
    taking = _Taking()
    for event in yaml.parse(text, Loader=Loader):
        taking.take(event)
    return Stream(taking.events, taking.ends, taking.targets)


class _Taking:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ends: dict[int, int] = {}
        self.targets: dict[int, int] = {}
        self._anchors: dict[str, int] = {}
        self._open: list[int] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.ScalarEvent):
            self._anchor(event.anchor, line, column)
            if "\0" in event.value:  # written as an escape; no database takes it everywhere
                raise Stop(At(line, column), STRANGE.format(0))
            self.events.append((SCALAR, line, column, event.value, _tag(event)))
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._opens(event, line, column)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.ends[self._open.pop()] = len(self.events)
            self.events.append((END, line, column, "", ""))
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, line, column)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Stop(At(line, column), "a plan is one document; take out the line of dashes")
        if len(self.events) > 3 * MAX_NODES:  # a value is at most three events: its key, its beginning and its end
            raise Stop(At(line, column), TOO_MANY)

    def _opens(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int, column: int) -> None:
        self._anchor(event.anchor, line, column)
        self._open.append(len(self.events))
        kind, plain = (MAPPING, "map") if isinstance(event, yaml.MappingStartEvent) else (SEQUENCE, "seq")
        tag = event.tag if event.tag and event.tag != "!" else TAG + plain
        self.events.append((kind, line, column, "", tag))
        if len(self._open) > MAX_DEPTH:
            raise Stop(At(line, column), f"this is nested more than {MAX_DEPTH} levels deep")

    def _anchor(self, name: str | None, line: int, column: int) -> None:
        if name is None:
            return
        if name in self._anchors:
            raise Stop(At(line, column), "an anchor of this name stands above")
        self._anchors[name] = len(self.events)

    def _alias(self, name: str | None, line: int, column: int) -> None:
        if name is None or name not in self._anchors:
            raise Stop(At(line, column), "no anchor of this name stands above")
        self.targets[len(self.events)] = self._anchors[name]
        self.events.append((ALIAS, line, column, "", ""))


def _tag(event: yaml.ScalarEvent) -> str:
    """What kind of value a scalar is: as its tag says, or as it is written."""
    if event.tag and event.tag != "!":
        return str(event.tag)
    value = event.value
    if event.implicit[0]:
        for tag, pattern in _IMPLICIT.get(value[:1], ()):
            if pattern.match(value):
                return tag
    return TAG + "str"
