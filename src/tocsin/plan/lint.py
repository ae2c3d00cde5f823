"""The examination of a plan: its mistakes, its contradictions, holes and dead ends, and what somebody accepted of them.

`check` says what would make a plan fail when it is run. The checks of `linting` say what would make the people fail
who follow it. Both are told in one form.
"""

from collections.abc import Iterable, Iterator

from tocsin.kit.text import sparingly
from tocsin.plan import check
from tocsin.plan.linting import (
    afterwards,
    bodies,
    expressions,
    figures,
    links,
    reach,
    secrets,
    signals,
    telling,
    times,
    wording,
)
from tocsin.plan.linting.allowances import Allowance, allowances, heads
from tocsin.plan.linting.findings import Around, Check, Finding, Kind, Level, Remark, Report
from tocsin.plan.model import Plan
from tocsin.plan.parse import Document, Problem, build, called, read

CHECKS: tuple[Check, ...] = (
    *times.CHECKS,
    *figures.CHECKS,
    *reach.CHECKS,
    *signals.CHECKS,
    *secrets.CHECKS,
    *bodies.CHECKS,
    *expressions.CHECKS,
    *telling.CHECKS,
    *afterwards.CHECKS,
    *wording.CHECKS,
    *links.CHECKS,
)

FORM = Kind(
    "form",
    Level.ERROR,
    "The file is not written as a plan is.",
    "Write what the message asks for; the reference of the plan file has every key.",
)
REFERENCE = Kind(
    "reference",
    Level.ERROR,
    "A name leads nowhere, or a value cannot be used.",
    "Write what the message asks for, or add what is referred to.",
)
STAGE = Kind(
    "stage-without-words",
    Level.ERROR,
    "A stage of which the public is told has no template.",
    "Write a template for it, and name that under `communication.stages`.",
)
FIELD = Kind(
    "field-nothing-fills",
    Level.ERROR,
    "A template asks for something that neither the record nor a person fills in.",
    "Use one of the fields that the reference of the plan file lists.",
)
NOBODY = Kind(
    "ends-in-nobody",
    Level.ERROR,
    "There is nobody where somebody is paged, told, asked or invited.",
    "Name people, or a team or rotation in which there are some.",
)
HIDDEN = Kind(
    "rule-hidden",
    Level.ERROR,
    "No signal comes as far as a rule: an earlier one asks for no more than it does.",
    "Put the more particular rule first, or take this one out.",
)
PRECEDENCE = Kind(
    "same-precedence",
    Level.ERROR,
    "Two rules have the same precedence.",
    "Give each rule a precedence of its own.",
)
BAD_ALLOWANCE = Kind(
    "bad-allowance",
    Level.WARNING,
    "A comment for Tocsin that it cannot read, or a code that there is not.",
    "Write: # tocsin: allow CODE because REASON",
)
UNUSED_ALLOWANCE = Kind(
    "unused-allowance",
    Level.WARNING,
    "A comment accepts a finding that there is not.",
    "Take the comment out, or put it where the finding is.",
)

MISTAKES: tuple[Kind, ...] = (FORM, REFERENCE, STAGE, FIELD, NOBODY, HIDDEN, PRECEDENCE)
"""What keeps a plan from being run. Nobody can accept it."""

KINDS: tuple[Kind, ...] = (*MISTAKES, BAD_ALLOWANCE, UNUSED_ALLOWANCE, *(one.kind for one in CHECKS))

ACCEPTABLE = frozenset(one.kind.code for one in CHECKS)
_OF_CHECK = {kind.code: kind for kind in MISTAKES}

NOWHERE = Around()


def examine(text: str, name: str = "plan.yaml", around: Around = NOWHERE) -> Report:
    """Everything that is to be said about the text of a plan. Never raises, whatever the text."""
    with sparingly(check.MOST_GUESSED):
        return _examined(text, name, around)


def _examined(text: str, name: str, around: Around) -> Report:
    document = read(text, name)
    if isinstance(document, list):
        return Report(name, _mistakes(document, FORM), None)
    plan = build(document)
    if isinstance(plan, list):
        return Report(name, _mistakes(plan, FORM), None)
    found = [*_of_check(document, plan), *(_placed(document, kind, one) for kind, one in lint(plan, around))]
    unasked = {one.kind.code for one in CHECKS if not one.can_be_asked(around)}
    accepted, remarks = _accepted(document, found, [it for it in allowances(text, name) if it.code not in unasked])
    return Report(name, tuple(sorted({*accepted, *remarks})), plan, _unchecked(around))


def ungathered(name: str, problems: Iterable[Problem]) -> Report:
    """What is said of a plan whose files cannot be gathered."""
    return Report(name, _mistakes(problems, FORM), None)


def lint(plan: Plan, around: Around = NOWHERE) -> Iterator[tuple[Kind, Remark]]:
    """What every check has to say about a plan. References that lead nowhere are passed over."""
    for one in CHECKS:
        for remark in one.find(plan, around) if one.can_be_asked(around) else ():
            yield one.kind, remark


def _mistakes(problems: Iterable[Problem], kind: Kind) -> tuple[Finding, ...]:
    return tuple(
        Finding(one.line, one.column, one.path, kind.code, one.message, kind.level, kind.mend, one.name)
        for one in sorted(problems)
    )


def _of_check(document: Document, plan: Plan) -> Iterator[Finding]:
    for one in check.check(plan):
        yield _placed(document, _OF_CHECK[one.code], Remark(one.path, one.message))


def _placed(document: Document, kind: Kind, remark: Remark) -> Finding:
    place = document.place(remark.path)
    file = called(document.name, place.name)
    return Finding(place.line, place.column, remark.path, kind.code, remark.reason, kind.level, kind.mend, file)


def _accepted(
    document: Document, found: list[Finding], allowed: list[Allowance]
) -> tuple[list[Finding], list[Finding]]:
    """The findings, some of them accepted; and what is to be said about the comments that accept them."""
    at = heads(document) if allowed else {}
    used: set[Allowance] = set()
    told: list[Finding] = []
    for one in found:
        by = (
            [it for it in allowed if it.covers(one.code, (one.file, one.line), one.path, at)]
            if one.code in ACCEPTABLE
            else []
        )
        used.update(by)
        told.append(one.accept(by[0].reason) if by else one)
    return told, [_of_allowance(document, it) for it in allowed if it not in used]


def _of_allowance(document: Document, one: Allowance) -> Finding:
    if not one.code:
        kind, reason = BAD_ALLOWANCE, "this comment is not understood; a finding is accepted by its code, with a reason"
    elif one.code not in ACCEPTABLE:
        kind, reason = BAD_ALLOWANCE, f"there is no finding {one.code} that can be accepted"
    else:
        kind, reason = UNUSED_ALLOWANCE, f"there is no {one.code} here to accept"
    return Finding(one.line, one.column, "", kind.code, reason, kind.level, kind.mend, one.file or document.name)


def _unchecked(around: Around) -> tuple[str, ...]:
    """What nobody looked at, so that silence about it is not taken for praise."""
    missing = (
        (around.documents is None, "whether the files are there that the plan links to"),
        (around.reachable is None, "whether everybody can be reached"),
    )
    return tuple(what for is_missing, what in missing if is_missing)
