"""What a signal means: the plan's rules, in their order of precedence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from tocsin.kit.text import clip, listed
from tocsin.plan.model import Plan, Rule
from tocsin.signals.model import Arrival


@dataclass(frozen=True)
class Route:
    """A signal that calls for an incident, and why."""

    rule: str
    type: str
    severity: str
    service: str | None
    components: tuple[str, ...]
    title: str
    why: str


@dataclass(frozen=True)
class Unrouted:
    """No rule matches: the signal waits for a person."""

    why: str = "No rule of the plan matches it."


def route(plan: Plan, arrival: Arrival) -> Route | Unrouted:
    """The first rule whose every condition holds decides."""
    words = _words(arrival)
    for rule in plan.rules:
        if all(_holds(words.get(name), wanted) for name, wanted in _conditions(rule)):
            return _route(rule, arrival, words)
    return Unrouted()


def _route(rule: Rule, arrival: Arrival, words: dict[str, str]) -> Route:
    evidence = listed(f"{name} is {clip(words[name], 120)}" for name, _ in _conditions(rule))
    reason = arrival.details.get("reason")
    because = "; ".join(filter(None, (evidence, reason if isinstance(reason, str) else "")))
    return Route(
        rule=rule.name,
        type=rule.type,
        severity=rule.severity,
        service=rule.service or arrival.labels.get("service"),
        components=rule.components,
        title=rule.title or arrival.title,
        why=f"{rule.severity}, by the rule \u201c{rule.name}\u201d{': ' if because else ''}{because}.",
    )


def _words(arrival: Arrival) -> dict[str, str]:
    """What rules may ask about; the signal's own fields win over labels of the same name."""
    own = {"source": arrival.source, "trigger": str(arrival.trigger), "title": arrival.title}
    severity = {"severity": arrival.severity} if arrival.severity else {}
    return {**arrival.labels, **own, **severity}


def _conditions(rule: Rule) -> Iterable[tuple[str, tuple[str, ...]]]:
    return [(name, (wanted,) if isinstance(wanted, str) else wanted) for name, wanted in rule.when.items()]


def _holds(word: str | None, wanted: tuple[str, ...]) -> bool:
    return word is not None and any(_matches(word, one) for one in wanted)


def _matches(word: str, wanted: str) -> bool:
    if wanted == "*":
        return bool(word)
    if len(wanted) > 2 and wanted[0] == wanted[-1] == "/":
        return _expression(wanted[1:-1]).search(word) is not None
    return word.casefold() == wanted.casefold()


@lru_cache(maxsize=512)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
