"""What is found in a plan, as its page shows it: what is open, and what somebody has accepted."""

from dataclasses import dataclass

from tocsin.plan.commands import BadPlan
from tocsin.plan.linting.findings import Finding, Level, Report

MARKS = {Level.ERROR: "missed", Level.WARNING: "due", Level.NOTE: "open"}


@dataclass(frozen=True)
class FindingLine:
    mark: str
    level: str
    code: str
    where: str  # "line 31, escalation.shop.rounds"
    reason: str
    more: str  # how to mend it, or why it is accepted


@dataclass(frozen=True)
class Found:
    summary: str
    pressing: tuple[FindingLine, ...]  # errors and warnings
    notes: tuple[FindingLine, ...]
    accepted: tuple[FindingLine, ...]


MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class Mistake:
    """Why a text is no sound plan."""

    where: str
    message: str


def mistakes(why: BadPlan) -> tuple[Mistake, ...]:
    return tuple(
        Mistake(f"Line {one.line}, {one.path}" if one.path else f"Line {one.line}", one.message)
        for one in why.problems[:MISTAKES_SHOWN]
    )


def found(report: Report) -> Found:
    pressing = report.at_least(Level.WARNING)
    return Found(
        summary=_summary(report),
        pressing=tuple(_line(one) for one in sorted(pressing, key=lambda one: (one.level.rank, one))),
        notes=tuple(_line(one) for one in report.open if one.level is Level.NOTE),
        accepted=tuple(_line(one) for one in report.accepted),
    )


def _summary(report: Report) -> str:
    counts = ((report.count(level), level.value) for level in (Level.ERROR, Level.WARNING))
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count]
    return ", ".join(said) or "nothing open"


def _line(one: Finding) -> FindingLine:
    where = f"line {one.line}, {one.path}" if one.path else f"line {one.line}"
    more = one.mend if one.accepted is None else f"Accepted, because {one.accepted}"
    mark = MARKS[one.level] if one.accepted is None else "waived"
    return FindingLine(mark, one.level.capitalize(), one.code, where, one.reason, more)
