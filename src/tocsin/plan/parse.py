"""From the text of a plan file to a `Plan`, or to everything that is wrong with the file, line by line.

A path such as `escalation.primary.steps.2.page` names a place in the file; items of a list count from 1.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from yaml.constructor import SafeConstructor

from tocsin.kit import text as words
from tocsin.plan import parts
from tocsin.plan.events import (
    MAPPING,
    MAX_DEPTH,
    MAX_NODES,
    SCALAR,
    SEQUENCE,
    TAG,
    TOO_MANY,
    At,
    Event,
    Stop,
    Stream,
    stream,
)
from tocsin.plan.model import Plan

MAX_LETTERS = 2_000_000
_LONGEST_NUMBER = 40  # reading a number of a million digits takes minutes

_PLAN = TypeAdapter(Plan)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake, with its place. Lines and columns count from 1."""

    line: int
    column: int
    path: str
    message: str
    name: str = "plan.yaml"

    def render(self, name: str | None = None) -> str:
        """`plan.yaml:14  severities.P1.acknowledge_withn   unknown key; did you mean acknowledge_within?`"""
        where = f"{name or self.name}:{self.line}"
        return f"{where}  {self.path}   {self.message}" if self.path else f"{where}  {self.message}"

    def __str__(self) -> str:
        return self.render()


@dataclass(frozen=True)
class Place:
    line: int
    column: int
    name: str = ""  # of the included file; nothing for the plan's own


@dataclass(frozen=True)
class Document:
    """A file that YAML can read: its content, where everything stands, how scalars were written, and what is amiss."""

    name: str
    content: dict[str, object] = field(default_factory=dict)
    places: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # as in `Place`, which `place` gives
    written: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: str) -> Place:
        """Where a path stands, or the nearest thing around it that does stand in the file."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return Place(*self.places.get(path, (1, 1, "")))

    def problem(self, path: str, message: str, at: Place | None = None) -> Problem:
        place = at or self.place(path)
        return Problem(place.line, place.column, path, message, called(self.name, place.name))

    def sorted(self, problems: Iterable[Problem]) -> list[Problem]:
        """File by file, the plan's own first, in the order of their lines."""
        return sorted(problems, key=lambda one: (one.name != self.name, one.name, one))


def parse(text: str, name: str = "plan.yaml") -> Plan | list[Problem]:
    """The plan that a text spells, or all its problems by line. Never raises, whatever the text."""
    document = read(text, name)
    return document if isinstance(document, list) else build(document)


# --- From text to a document ------------------------------------------------------------------------------------------


def read(text: str, name: str = "plan.yaml", *, is_alone: bool = True) -> Document | list[Problem]:
    """The file with what it includes as YAML has it, or the problem that makes it unreadable.

    One that is not alone may include files whose texts do not stand in it.
    """
    if len(text) > MAX_LETTERS:
        return [Problem(1, 1, "", f"a plan has at most {MAX_LETTERS} letters; this file has {len(text)}", name)]
    files = parts.split(text)
    reader = _Reader(Document(name))
    for part in files:
        if problem := _take_in(reader, part):
            return [problem]
    found = reader.document
    if is_alone:
        found.problems.extend(_absent(found, {part.name for part in files[1:]}))
    return found


def _take_in(reader: "_Reader", part: parts.Part) -> Problem | None:
    """Read one file into the whole; the problem that makes it unreadable, if there is one."""
    name = called(reader.document.name, part.name)
    try:
        reader.add(stream(part.text), part.name)
    except Stop as stop:
        return Problem(stop.at.line, stop.at.column, "", stop.message, name)
    except yaml.YAMLError as error:
        place, message = _syntax(error, part.text)
        return Problem(place.line, place.column, "", message, name)
    return None


def called(plan: str, part: str) -> str:
    """The name of an included file, as seen from where the plan is named."""
    return posixpath.join(posixpath.dirname(plan), part) if part else plan


def _absent(document: Document, given: set[str]) -> Iterable[Problem]:
    """Files that are included, and whose text nobody brought along."""
    included = document.content.get("include")
    for number, one in enumerate(included if isinstance(included, list) else (), start=1):
        if isinstance(one, str) and posixpath.normpath(one) not in given:
            message = f"the text of {one} does not stand here; `tocsin plan bundle` writes a plan and its files as one"
            yield document.problem(f"include.{number}", message)


class _Reader:
    """Turns the events of one file after the other into plain values, remembering where they stood."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._file = ""
        self._stream = Stream((), {}, {})
        self._nodes = 0

    def add(self, found: Stream, file: str) -> None:
        """Take in what a file says; the first one is the plan's own."""
        kind, begins = "a plan", "begins with tocsin: 1"
        if file:
            kind, begins = "a part of a plan", "has keys such as services"
        if not found.events:
            raise Stop(At(1, 1), f"the file is empty; {kind} {begins}")
        if found.events[0][0] is not MAPPING:
            raise Stop(self._at(found.events[0]), f"{kind} is a mapping of keys to values, and {begins}")
        self._file, self._stream = file, found
        self.mapping(0, "", 1, self.document.content)

    def value(self, place: int, path: str, depth: int, known: object = None) -> object:
        """The value at a place. Where several files may say something, `known` is what earlier ones have said."""
        self._nodes += 1
        place = self._stream.meant(place)
        event = self._stream.events[place]
        if self._nodes > MAX_NODES:
            raise Stop(self._at(event), TOO_MANY)
        if depth > MAX_DEPTH:
            raise Stop(self._at(event), "this alias stands inside what it stands for")
        if event[0] is SCALAR:
            return self.scalar(event, path)
        if event[0] is MAPPING:
            return self.mapping(place, path, depth, known if isinstance(known, dict) else {})
        return self.sequence(place, path, depth, known if isinstance(known, list) else [])

    def mapping(self, start: int, path: str, depth: int, found: dict[str, object]) -> dict[str, object]:
        events, meant, places = self._stream.events, self._stream.meant, self.document.places
        self._expect_tag(events[start], path, "map")
        here_before: set[str] = set()
        both = self._stream.children(start)
        for place, child in zip(both, both, strict=True):
            # Keys are names, read as they are written: in YAML 1.1 the key `on` would be a truth value.
            key = events[meant(place)]
            name = key[3]
            here = _join(path, name) if key[0] is SCALAR else path
            if key[0] is not SCALAR:
                self._complain(path, "a key must be a plain word", key)
            elif key[4] == TAG + "merge":
                self._complain(here, "merge keys are not read here; write the keys out", key)
            elif name not in found:
                places[here] = (key[1], key[2], self._file)
                found[name] = self.value(child, here, depth + 1)
            elif here not in here_before and _go_together(here, found[name], events[meant(child)]):
                self.value(child, here, depth + 1, found[name])
            else:
                self._complain(here, self._twice(here), key)
            here_before.add(here)
        return found

    def _twice(self, path: str) -> str:
        first = Place(*self.document.places[path])
        if first.name == self._file:
            return f"this key stands here twice; first on line {first.line}"
        return f"this stands already in {called(self.document.name, first.name)}:{first.line}"

    def sequence(self, start: int, path: str, depth: int, found: list[object]) -> list[object]:
        events, meant = self._stream.events, self._stream.meant
        self._expect_tag(events[start], path, "seq")
        for number, child in enumerate(self._stream.children(start), start=len(found) + 1):
            here = _join(path, str(number))
            event = events[meant(child)]
            self.document.places[here] = (event[1], event[2], self._file)
            found.append(self.value(child, here, depth + 1))
        return found

    def scalar(self, event: Event, path: str) -> object:
        """The value of a scalar; its text where it has none, with a problem on record."""
        written, tag = event[3], event[4]
        self.document.written[path] = written
        kind = tag.removeprefix(TAG)
        if kind in ("str", "value", "merge", "!"):
            return written
        read = _READERS.get(kind)
        if read is None:
            self._complain(path, f"the tag {tag} is not understood; write a plain value", event)
            return written
        try:
            if len(written) > _LONGEST_NUMBER:
                raise ValueError(written)
            return read(yaml.ScalarNode(tag, written))
        except (ValueError, KeyError, IndexError, AttributeError, OverflowError):
            shown = words.clip(written, _LONGEST_NUMBER)
            message = f"'{shown}' is not a {_KINDS[kind]} that exists; put it in quotes if it is text"
            self._complain(path, message, event)
            return written

    def _expect_tag(self, event: Event, path: str, kind: str) -> None:
        if event[4] != TAG + kind:
            self._complain(path, f"the tag {event[4]} is not understood; write a plain value", event)

    def _complain(self, path: str, message: str, event: Event) -> None:
        place = Place(event[1], event[2], self._file)
        self.document.problems.append(self.document.problem(path, message, place))

    def _at(self, event: Event) -> At:
        return At(event[1], event[2])


_SCALARS_OF_YAML = SafeConstructor()
_READERS = {
    "null": _SCALARS_OF_YAML.construct_yaml_null,
    "bool": _SCALARS_OF_YAML.construct_yaml_bool,
    "int": _SCALARS_OF_YAML.construct_yaml_int,
    "float": _SCALARS_OF_YAML.construct_yaml_float,
    "timestamp": _SCALARS_OF_YAML.construct_yaml_timestamp,
}
_KINDS = {"null": "value", "bool": "truth value", "int": "number", "float": "number", "timestamp": "date"}


def _join(path: str, part: str) -> str:
    return f"{path}.{part}" if path else part


def _go_together(path: str, known: object, event: Event) -> bool:
    """Whether two files may both say something under this path, and do."""
    both = isinstance(known, dict) and event[0] is MAPPING
    return path in _SHARED and (both or (isinstance(known, list) and event[0] is SEQUENCE))


def _shared(kind: Any, path: str) -> Iterable[str]:
    """The paths under which several files may each say something: what the plan collects, and its sections."""
    for name, hint in get_type_hints(kind).items():
        here = _join(path, name)
        if get_origin(hint) in (Mapping, tuple):
            yield here
        elif is_dataclass(hint):
            yield here
            yield from _shared(hint, here)


_SHARED = frozenset(_shared(Plan, ""))


_SYNTAX = (
    ("mapping values are not allowed", "a colon stands where none is expected; put the text in quotes"),
    ("could not find expected ':'", "a key needs a colon and a space after it"),
    ("quoted scalar", "a quotation mark is opened and never closed"),
    ("block end", "this line is not indented like the lines it belongs to"),
    ("block mapping", "this line is not indented like the lines it belongs to"),
    ("document start", "this line is not indented like the lines it belongs to"),
    ("flow", "a bracket is opened and not closed, or a comma is missing"),
    ("undefined alias", "no anchor of this name stands above"),
    ("single document", "a plan is one document; take out the line of dashes"),
    ("cannot start any token", "a letter stands here that must be in quotes"),
    ("duplicate anchor", "an anchor of this name stands above"),
)


def _syntax(error: yaml.YAMLError, text: str) -> tuple[Place, str]:
    """Where YAML gave up, and why, in words for someone who does not know its grammar."""
    said = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '')}"
    at_problem, at_context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    # What is never closed is noticed at the end of the file; its author wants to know where it was opened.
    opened = at_context if "quoted scalar" in said or "flow" in said else None
    mark = opened or at_problem or at_context
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return place, "a tab; YAML is indented with spaces"
    hint = next((hint for phrase, hint in _SYNTAX if phrase in said), "this is not YAML that can be read")
    return place, hint


# --- From a document to a plan ----------------------------------------------------------------------------------------


def build(document: Document) -> Plan | list[Problem]:
    """The plan in a document, or all its problems by line."""
    try:
        plan = _PLAN.validate_python(document.content)
    except ValidationError as error:
        return document.sorted([*document.problems, *_translated(document, error.errors(include_url=False))])
    return document.sorted(document.problems) or plan


@dataclass(frozen=True)
class _Complaint:
    """What pydantic says about one path, with the value that stands there."""

    path: str
    value: object
    error: ErrorDetails


def _translated(document: Document, errors: Iterable[ErrorDetails]) -> list[Problem]:
    """One problem for each path that has none yet, without keys that are missing because they are misspelt."""
    complaints = [found for error in errors if (found := _located(document.content, error))]
    misspelt = {_join(_parent(one.path), _meant(one)) for one in complaints if _is_unknown(one)}
    spoken = {problem.path for problem in document.problems}
    problems: list[Problem] = []
    for one in complaints:
        missing_for_a_slip = one.error["type"] == "missing" and one.path in misspelt
        if one.path not in spoken and not missing_for_a_slip:
            spoken.add(one.path)
            problems.append(document.problem(one.path, _message(one, document.written.get(one.path, ""))))
    return problems


def _located(content: object, error: ErrorDetails) -> _Complaint | None:
    """Follow a location into the file. None if it lies in the branch of a choice that the value never meant."""
    path, value = "", content
    for part in error["loc"]:
        if isinstance(value, dict) and part in value:
            path, value = _join(path, str(part)), value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path, value = _join(path, str(part + 1)), value[part]
        elif (part == "str" and isinstance(value, list)) or (part == "tuple[str, ...]" and not isinstance(value, list)):
            return None
    if error["type"] == "missing":
        path = _join(path, str(error["loc"][-1]))
    return _Complaint(path, value, error)


def _is_unknown(complaint: _Complaint) -> bool:
    return complaint.error["type"] == "unexpected_keyword_argument"


def _meant(complaint: _Complaint) -> str:
    """The key that an unknown key was probably meant to be, or nothing."""
    *parents, key = complaint.error["loc"]
    return words.nearest(str(key), _keys_at(parents)) or ""


def _keys_at(location: Iterable[int | str]) -> list[str]:
    kind: Any = Plan
    for part in location:
        arguments = get_args(kind)
        kind = get_type_hints(kind)[str(part)] if is_dataclass(kind) else arguments[arguments[-1] is not Ellipsis]
        if get_origin(kind) in (Union, UnionType):
            kind = next(one for one in get_args(kind) if one is not NoneType)
    return [one.name for one in fields(kind)]


def _message(complaint: _Complaint, written: str) -> str:
    error, value = complaint.error, complaint.value
    kind = error["type"]
    if kind == "missing":
        return "this key is missing"
    if _is_unknown(complaint):
        meant = _meant(complaint)
        return f"unknown key; did you mean {meant}?" if meant else "unknown key"
    of_key = error["loc"][-1] == "[key]"
    if kind in ("enum", "literal_error") and (of_key or value is not None):
        return _choice(str(error["loc"][-2]) if of_key else written, str(error["ctx"]["expected"]))
    if value is None:
        return "nothing stands here; give it a value or take the key out"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "string_type" and not isinstance(value, list | dict):
        return f'YAML reads {written} as {_what(value)}; put it in quotes: "{written}"'
    expected = _EXPECTED.get(kind.partition("_")[0])
    if expected in _SCALARS and not isinstance(value, list | dict):
        return f"'{words.clip(written, 60)}' is not {expected}"
    return f"this must be {expected}, not {_what(value)}" if expected else "this value does not fit here"


_EXPECTED = {
    "string": "text",
    "tuple": "a list",
    "dict": "a mapping of keys to values",
    "dataclass": "a mapping of keys to values",
    "int": "a whole number",
    "bool": "true or false",
    "date": "a date like 2026-11-23",
}
_SCALARS = (_EXPECTED["int"], _EXPECTED["bool"], _EXPECTED["date"])


def _choice(written: str, expected: str) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    if not choices:
        return f"this must be {expected}"
    meant = words.nearest(written, choices)
    hint = f"; did you mean {meant}?" if meant else ""
    return f"'{words.clip(written, 60)}' is not {words.listed(choices, 'or')}{hint}"


def _what(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case date():
            return "a date"
        case _:
            return "nothing"


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
