"""What the sentences of a plan say, held against what it promises."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import combinations

from tocsin.kit.text import clip, listed, span
from tocsin.plan.linting import prose
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan

_GRADED = {
    "speed": re.compile(r"\b(performance|slow\w*|latenc\w+|response times?|timeouts?)\b", re.IGNORECASE),
    "errors": re.compile(r"\b(error rate|errors?)\b", re.IGNORECASE),
}
_MEASURED = re.compile(r"\d|\bhalf\b|\bthird\b|\bquarter\b|\bdouble\b|\btwice\b", re.IGNORECASE)
_TEAM = re.compile(r"\b([a-z]+(?:[ -][a-z]+)?) team\b", re.IGNORECASE)
_ANY_TEAM = re.compile(
    r"the|an?|your|our|this|that|each|every|other|whole|right|same|response|one|no|core|full"
    r"|assemble|gather|form|convene|brief|thank|notify|tell|incident"  # what is done with it is not what it is called
)


@check(
    "words-differ",
    Level.WARNING,
    "A sentence names a time that the plan promises nowhere.",
    mend="Write the time where it is promised, or make the sentence say what is promised.",
)
def words_differ(plan: Plan) -> Iterator[Remark]:
    for key, severity in plan.severities.items():
        kept = _promised(plan, [key])
        for path, text in prose.demands(severity, key):
            yield from _unkept(path, text, kept, f"at {key}")
    kept = _promised(plan, plan.severities)
    for path, text in prose.phase_lines(plan):
        yield from _unkept(path, text, kept, "in the plan")


def _promised(plan: Plan, levels: Iterable[str]) -> set[timedelta]:
    """Every length of time that is promised at these severities, or at all of them alike."""
    found = {
        plan.recovery.watch_for,
        plan.review.meeting_within,
        *(one.within for one in plan.review.horizons.values()),
    }
    found |= {one.within for one in plan.phases.values() if one.within}
    found |= {step.wait for policy in plan.escalation.values() for step in policy.steps}
    for level in levels:
        severity = plan.severities[level]
        found |= {severity.acknowledge_within, severity.resolve_within, *severity.roles_within.values()}
        for audience in plan.communication.audiences.values():
            if cadence := audience.cadence.get(level):
                found |= {cadence.first_within, cadence.every}
    return found


def _unkept(path: str, text: str, kept: set[timedelta], where: str) -> Iterator[Remark]:
    for length, words in prose.times(text):
        if length not in kept:
            yield Remark(path, f'"{words}" is said here, and nothing {where} is due within {span(length)}')


@check(
    "vague-time",
    Level.NOTE,
    "A sentence says when, and nobody can tell whether it was kept.",
    mend="Give a time, or leave the word out where a time is promised already.",
)
def vague_time(plan: Plan) -> Iterator[Remark]:
    said = [one for key, severity in plan.severities.items() for one in prose.demands(severity, key)]
    said += [(path, text) for _, path, text in prose.duties(plan)]
    for path, text in (*said, *prose.phase_lines(plan)):
        if found := prose.VAGUE.search(text):
            yield Remark(path, f'"{found[0]}" is no time: nobody can keep it, and nobody can miss it')


@check(
    "unknown-team",
    Level.WARNING,
    "A sentence speaks of a team that the plan does not have.",
    mend="Add the team with its members, or name somebody whom the plan knows.",
)
def unknown_team(plan: Plan) -> Iterator[Remark]:
    known = " ".join((*plan.teams, *(one.name for one in plan.teams.values()))).lower()
    said = [one for key, severity in plan.severities.items() for one in prose.demands(severity, key)]
    said += [(path, text) for _, path, text in prose.duties(plan)]
    for path, text in (*said, *prose.phase_lines(plan), *prose.type_lines(plan)):
        for found in _TEAM.finditer(text):
            word = found[1].split()[-1].lower()
            if not _ANY_TEAM.fullmatch(word) and word not in known:
                yield Remark(path, f'"{found[0].lower()}": the plan has no such team, so nobody would be told')


@check(
    "role-without-time",
    Level.NOTE,
    "A phase calls for a role at every severity, and some severities never ask for it.",
    mend="Ask for the role at those severities, or say in the phase at which ones it is called for.",
)
def role_without_time(plan: Plan) -> Iterator[Remark]:
    limits = re.compile(rf"\b(?:{'|'.join(map(re.escape, plan.severities))})\b")
    missing = {
        role.name.lower(): [level for level, one in plan.severities.items() if key not in one.roles_within]
        for key, role in plan.roles.items()
        if role.name
    }
    for path, text in prose.phase_lines(plan):
        said = text.lower()
        called = [(name, levels) for name, levels in missing.items() if levels and name in said]
        for name, levels in called if called and not limits.search(text) else ():
            yield Remark(path, f"calls for the {name}, whom {listed(levels)} never ask for")


@check(
    "two-owners",
    Level.WARNING,
    "Two roles have the same duty.",
    mend="Give the duty to one of the two, and say what the other adds.",
)
def two_owners(plan: Plan) -> Iterator[Remark]:
    said = [(role, path, text, prose.subjects(text)) for role, path, text in prose.duties(plan)]
    for (role, _, words, one), (other, path, text, two) in combinations(said, 2):
        if role != other and min(len(one), len(two)) > 1 and (one <= two or two <= one):
            first, second = plan.roles[role].name.lower(), plan.roles[other].name.lower()
            reason = f'"{clip(text, 60)}" is the {second}\'s, and "{clip(words, 60)}" the {first}\'s'
            yield Remark(path, reason)


@check(
    "no-border",
    Level.WARNING,
    "Two severities have examples of one kind, and no number divides them.",
    mend="Give each example a number, so that two people choose the same severity.",
)
def no_border(plan: Plan) -> Iterator[Remark]:
    for subject, pattern in _GRADED.items():
        graded = [
            (level, f"severities.{level}.examples.{number}", text)
            for level, severity in plan.severities.items()
            for number, text in enumerate(severity.examples, start=1)
            if pattern.search(text)
        ]
        others = {level: [one for one, _, _ in graded if one != level] for level, _, _ in graded}
        for level, path, text in graded:
            if others[level] and not _MEASURED.search(text):
                where = listed(dict.fromkeys(others[level]))
                yield Remark(path, f'"{clip(text, 60)}" ({subject}) has no number that divides it from {where}')


CHECKS: tuple[Check, ...] = (
    words_differ,
    vague_time,
    unknown_team,
    role_without_time,
    two_owners,
    no_border,
)
