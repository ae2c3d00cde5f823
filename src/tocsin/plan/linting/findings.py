"""What an examination of a plan finds: its shape, and the kinds that there are."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tocsin.plan.model import Plan


class Level(StrEnum):
    """How much a finding matters, the worst first."""

    ERROR = "error"  # the plan cannot be run, or a promise of it cannot be kept
    WARNING = "warning"  # it contradicts itself or leaves a hole: somebody has to decide
    NOTE = "note"  # worth knowing

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Level).index(self)

    def reaches(self, other: "Level") -> bool:
        return self.rank <= other.rank


@dataclass(frozen=True)
class Kind:
    """A kind of finding. The code is for good: it stands in plan files, where people accept findings by it."""

    code: str
    level: Level
    what: str  # what is wrong, in a sentence without the plan's own words
    mend: str  # what to do about it


@dataclass(frozen=True)
class Remark:
    """One finding as its check makes it. The path is that of `parse`: items of a list count from 1."""

    path: str
    reason: str


@dataclass(frozen=True)
class Around:
    """What a plan is held against, where that is known. None: nobody looked."""

    documents: Mapping[str, frozenset[str] | None] | None = None  # the files that there are, with their anchors
    reachable: frozenset[str] | None = None  # the handles of people who can be reached


@dataclass(frozen=True)
class Check:
    kind: Kind
    find: Callable[[Plan, Around], Iterable[Remark]]
    needs: str = ""  # what it wants to know of what is around the plan

    def can_be_asked(self, around: Around) -> bool:
        return not self.needs or getattr(around, self.needs) is not None


def check(code: str, level: Level, what: str, *, mend: str) -> Callable[[Callable[[Plan], Iterator[Remark]]], Check]:
    """Make a check of a function from a plan to remarks."""

    def made(find: Callable[[Plan], Iterator[Remark]]) -> Check:
        return Check(Kind(code, level, what, mend), lambda plan, _: find(plan))

    return made


def check_around(
    code: str, level: Level, what: str, *, mend: str, needs: str
) -> Callable[[Callable[[Plan, Around], Iterator[Remark]]], Check]:
    """The same for a function that also needs something that is around the plan."""

    def made(find: Callable[[Plan, Around], Iterator[Remark]]) -> Check:
        return Check(Kind(code, level, what, mend), find, needs)

    return made


@dataclass(frozen=True, order=True)
class Finding:
    """A finding at its place. Lines and columns count from 1."""

    line: int
    column: int
    path: str
    code: str
    reason: str
    level: Level = field(compare=False)
    mend: str = field(compare=False)
    file: str = "plan.yaml"
    accepted: str | None = None  # why somebody accepts it

    @property
    def fingerprint(self) -> str:
        """The same for the same finding after lines have moved."""
        return hashlib.sha256(f"{self.code}\n{self.path}\n{self.reason}".encode()).hexdigest()[:32]

    def accept(self, reason: str) -> "Finding":
        return replace(self, accepted=reason)


@dataclass(frozen=True)
class Report:
    """All findings in a plan's text, by line. There is a plan unless the text cannot be read as one."""

    file: str
    findings: tuple[Finding, ...]
    plan: Plan | None
    unchecked: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Finding, ...]:
        """What nobody has accepted."""
        return tuple(one for one in self.findings if one.accepted is None)

    @property
    def accepted(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.accepted is not None)

    def count(self, level: Level) -> int:
        return sum(one.level is level for one in self.open)

    def at_least(self, level: Level) -> tuple[Finding, ...]:
        return tuple(one for one in self.open if one.level.reaches(level))
