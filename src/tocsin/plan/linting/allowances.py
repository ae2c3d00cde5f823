"""Findings that somebody accepts, in the plan's own file: `# tocsin: allow CODE because …`.

Such a comment stands at the end of a line, or alone above it, and holds for that line and for everything under its key.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tocsin.plan import parts
from tocsin.plan.parse import Document, called

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARK = re.compile(r"#\s*tocsin\s*:", re.IGNORECASE)
_ALLOW = re.compile(r"#\s*tocsin\s*:\s*allow\s+([a-z0-9]+(?:-[a-z0-9]+)*)\s+because\s+(\S.*?)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Allowance:
    """One such comment: what it allows and why, and the line that it speaks of. No code: it cannot be read."""

    line: int
    column: int
    code: str
    reason: str
    target: int
    file: str = ""

    def covers(self, code: str, line: "Line", path: str, heads: "Mapping[Line, str]") -> bool:
        target = (self.file, self.target)
        head = heads.get(target)
        under = head is not None and (path == head or path.startswith(f"{head}."))
        return code == self.code and (line == target or under)


Line = tuple[str, int]
"""A line of one of the plan's files."""


def allowances(text: str, name: str = "plan.yaml") -> list[Allowance]:
    """Every comment of a readable plan that is meant for us, file by file, in order."""
    if not _MARK.search(text):
        return []
    return [one for part in parts.split(text) for one in _allowances(part.text, called(name, part.name))]


def _allowances(text: str, file: str) -> list[Allowance]:
    lines = text.splitlines()
    inside = list(_scalars(text))
    starts, ends = [start for start, _ in inside], [end for _, end in inside]
    found = []
    for number, line in enumerate(lines, start=1):
        for mark in _MARK.finditer(line):
            if not _within((number, mark.start() + 1), starts, ends):
                allow = _ALLOW.match(line, mark.start())
                code, reason = (allow[1].lower(), allow[2]) if allow else ("", "")
                target = _target(lines, number) if not line[: mark.start()].strip() else number
                found.append(Allowance(number, mark.start() + 1, code, reason, target, file))
                break
    return found


def heads(document: Document) -> dict[Line, str]:
    """For each line, the outermost path that begins on it."""
    found: dict[Line, str] = {}
    for path, place in document.places.items():
        line = (called(document.name, place[2]), place[0])
        if line not in found or path.count(".") < found[line].count("."):
            found[line] = path
    return found


def _target(lines: list[str], number: int) -> int:
    """The first line below that is neither empty nor a comment."""
    below = enumerate(lines[number:], start=number + 1)
    return next((at for at, line in below if line.strip() and not line.lstrip().startswith("#")), number)


_At = tuple[int, int]


def _scalars(text: str) -> Iterator[tuple[_At, _At]]:
    """Where values begin and end, in order: what looks like a comment inside one is text."""
    for token in yaml.scan(text, Loader=_Loader):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark, token.end_mark
            yield (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)


def _within(at: _At, starts: Sequence[_At], ends: Sequence[_At]) -> bool:
    place = bisect_right(starts, at)
    return place > 0 and at < ends[place - 1]
