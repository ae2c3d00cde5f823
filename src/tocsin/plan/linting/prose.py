"""Times, rhythms and subjects of which the sentences of a plan speak. Only English is read; the rest is no finding."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

from tocsin.plan.model import Plan, Severity

_NUMBERS = {
    word: number
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), start=1
    )
} | {"a": 1, "an": 1}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(
    rf"\b(?:(\d{{1,6}})[ -]?|({'|'.join(_NUMBERS)})[ -])(s|secs?|seconds?|mins?|minutes?|h|hours?|d|days?|w|weeks?)\b",
    re.IGNORECASE,
)
_EVERY = re.compile(r"\bevery\s+$", re.IGNORECASE)
_ADVERB = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_RHYTHM = re.compile(r"\b(hourly|daily|weekly)\b|\bevery (hour|day|week)\b", re.IGNORECASE)

AS_NEEDED = re.compile(
    r"\b(as|if|when|where) (?:it is |they are )?(needed|necessary|required|appropriate)\b|\bat need\b", re.IGNORECASE
)
VAGUE = re.compile(
    r"\b(as soon as possible|asap|immediate(ly)?|at once|promptly|timely|regular(ly)?|when(ever)? possible"
    r"|(in the )?next release|if applicable|as (?:it is |they are )?(needed|necessary|required|appropriate))\b",
    re.IGNORECASE,
)
NO_UPDATES = re.compile(r"\bno (status |public |further )?updates\b", re.IGNORECASE)
UPDATES = re.compile(r"\b(updates?|post|inform|tell|notif\w+|status page)\b", re.IGNORECASE)

_ENDINGS = re.compile(r"(ications?|ations?|icates?|ating|ates?|ings?|ies|ers?|ed|es|y|e|s)$")


def times(text: str) -> Iterator[tuple[timedelta, str]]:
    """Each length of time that a text names, but for those after `every`, with the words that name it."""
    yield from ((length, words) for length, words, is_rhythm in _spans(text) if not is_rhythm)


def rhythms(text: str) -> Iterator[tuple[timedelta, str]]:
    """Each rhythm that a text names: `every 15 minutes`, `hourly`."""
    yield from ((length, words) for length, words, is_rhythm in _spans(text) if is_rhythm)
    for found in _RHYTHM.finditer(text):
        unit = found[1] or {"hour": "hourly", "day": "daily", "week": "weekly"}[found[2].lower()]
        yield _ADVERB[unit.lower()], found[0]


def _spans(text: str) -> Iterator[tuple[timedelta, str, bool]]:
    for found in _SPAN.finditer(text):
        count = int(found[1]) if found[1] else _NUMBERS[found[2].lower()]
        seconds = count * _UNITS[found[3][0].lower()]
        if seconds <= _UNITS["d"] * 3660:
            every = _EVERY.search(text[: found.start()])
            start = every.start() if every else found.start()
            yield timedelta(seconds=seconds), text[start : found.end()], every is not None


@lru_cache(maxsize=8192)  # one sentence is held against many
def subjects(text: str) -> frozenset[str]:
    """The words of a text that carry its meaning, without their endings."""
    found = (word for word in re.findall(r"[a-z]{3,}", text.lower()) if not _EMPTY.fullmatch(word))
    return frozenset(_stem(word) for word in found)


_EMPTY = re.compile(r"(the|and|for|with|all|any|each|from|into|that|what|when|who|are|has|have|its|our|not)")


def _stem(word: str) -> str:
    ending = _ENDINGS.search(word, 3)
    return word[: ending.start()] if ending else word


def demands(severity: Severity, key: str) -> Iterator[tuple[str, str]]:
    """What a severity says in words about what is expected of people, each sentence with its path."""
    if severity.response:
        yield f"severities.{key}.response", severity.response
    for number, line in enumerate(severity.requires, start=1):
        yield f"severities.{key}.requires.{number}", line


def phase_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    for key, phase in plan.phases.items():
        for number, activity in enumerate(phase.actions, start=1):
            path = f"phases.{key}.actions.{number}"
            yield path, activity.line
            for place, item in enumerate(activity.items, start=1):
                at = item.severities or activity.severities
                yield f"{path}.items.{place}", replace(item, severities=at).line


def type_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    for key, one in plan.types.items():
        for number, action in enumerate(one.actions, start=1):
            yield f"types.{key}.actions.{number}", action.do


def duties(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """What each role is for: the role, the path, the words."""
    for key, role in plan.roles.items():
        yield key, f"roles.{key}.purpose", role.purpose
        for number, line in enumerate(role.duties, start=1):
            yield key, f"roles.{key}.duties.{number}", line
