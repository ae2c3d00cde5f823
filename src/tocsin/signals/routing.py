"""What a signal means: the plan's rules, in their order of precedence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tocsin.kit.text import clip, listed
from tocsin.plan.measures import rate
from tocsin.plan.model import Plan, Rule
from tocsin.signals.model import Arrival

REMEMBERED = 1000  # kinds of signals of which the rule is known


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


class Check(NamedTuple):
    """A condition of a rule, asked of a signal. With nothing `wanted`, it asks for a rate in some severity's band."""

    name: str
    wanted: tuple[str, ...]
    found: str | None  # None: the signal does not have it
    holds: bool


class Tried(NamedTuple):
    """A rule, asked of a signal. It fits when every condition holds and it gives a severity."""

    rule: Rule
    checks: tuple[Check, ...]
    severity: str | None
    fits: bool


def route(plan: Plan, arrival: Arrival) -> Route | Unrouted:
    """What one signal means; whoever has many to ask about makes `Rules` once."""
    return Rules(plan).route(arrival)


def is_one_of(value: str, wanted: tuple[str, ...]) -> bool:
    """Whether a value is one of these words, as a rule asks: in any case, with `*` and `/…/`."""
    return _test("", wanted).holds(value, value.casefold())


class Rules:
    """The rules of a plan, made ready to be asked about many signals."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._rules = [(rule, [_test(*condition) for condition in _conditions(rule)]) for rule in plan.ranked_rules()]
        self._asked = tuple(dict.fromkeys(name for rule, _ in self._rules for name in _asks(rule)))
        self._found: dict[tuple[str | None, ...], tuple[Rule, str] | None] = {}

    def route(self, arrival: Arrival) -> Route | Unrouted:
        """The first rule whose every condition holds decides."""
        words = words_of(arrival)
        found = self._decides(words)
        return _route(*found, arrival, words) if found else Unrouted()

    def _decides(self, words: dict[str, str]) -> tuple[Rule, str] | None:
        """The rule and its severity. Signals that are alike in all that rules ask of them are asked about once."""
        heard = tuple(map(words.get, self._asked))
        if heard not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[heard] = self._first(words)
        return self._found[heard]

    def _first(self, words: dict[str, str]) -> tuple[Rule, str] | None:
        folded = {name: word.casefold() for name, word in words.items()}
        for rule, tests in self._rules:
            if all(test.met(words, folded) for test in tests) and (severity := self._severity(rule, words)):
                return rule, severity
        return None

    def tried(self, arrival: Arrival) -> list[Tried]:
        """Every rule and every condition, by the tests that `route` asks: the first that fits is the one it takes."""
        words = words_of(arrival)
        folded = {name: word.casefold() for name, word in words.items()}
        return [self._tried(rule, tests, words, folded) for rule, tests in self._rules]

    def _tried(self, rule: Rule, tests: "list[_Test]", words: dict[str, str], folded: dict[str, str]) -> Tried:
        checks = [Check(one.name, one.wanted, words.get(one.name), one.met(words, folded)) for one in tests]
        severity = self._severity(rule, words)
        if rule.severity is None and rule.measured is not None:
            checks.append(Check(rule.measured, (), words.get(rule.measured), severity is not None))
        fits = bool(severity) and all(check.holds for check in checks)
        return Tried(rule, tuple(checks), severity, fits)

    def _severity(self, rule: Rule, words: dict[str, str]) -> str | None:
        """The one that the rule names, or the one whose band holds the number that the signal gives."""
        if rule.severity is not None:
            return rule.severity
        measured = rate(words.get(rule.measured or "", ""))
        if measured is None:
            return None
        return self.plan.banded(measured) if rule.band_of else self.plan.slowed(measured)


@dataclass(frozen=True, slots=True)
class _Test:
    """One condition of a rule: plain words, expressions, or any value at all."""

    name: str
    wanted: tuple[str, ...]
    plain: frozenset[str]
    expressions: tuple[re.Pattern[str], ...]
    anything: bool

    def met(self, words: dict[str, str], folded: dict[str, str]) -> bool:
        return self.name in words and self.holds(words[self.name], folded[self.name])

    def holds(self, word: str, folded: str) -> bool:
        if folded in self.plain or (self.anything and word):
            return True
        return any(expression.search(word) for expression in self.expressions)


def _test(name: str, wanted: tuple[str, ...]) -> _Test:
    spelled = {one for one in wanted if len(one) > 2 and one[0] == one[-1] == "/"}
    plain = frozenset(one.casefold() for one in wanted if one not in spelled and one != "*")
    expressions = tuple(_expression(one[1:-1]) for one in wanted if one in spelled)
    return _Test(name, wanted, plain, expressions, "*" in wanted)


def _route(rule: Rule, severity: str, arrival: Arrival, words: dict[str, str]) -> Route:
    evidence = listed(f"{name} is {clip(words[name], 120)}" for name in _asks(rule))
    reason = arrival.details.get("reason")
    because = "; ".join(filter(None, (evidence, reason if isinstance(reason, str) else "")))
    return Route(
        rule=rule.name,
        type=rule.type,
        severity=severity,
        service=rule.service or arrival.labels.get("service"),
        components=rule.components,
        title=rule.title or arrival.title,
        why=f"{severity}, by the rule \u201c{rule.name}\u201d{': ' if because else ''}{because}.",
    )


def words_of(arrival: Arrival) -> dict[str, str]:
    """What rules may ask about; the signal's own fields win over labels of the same name."""
    own = {"source": arrival.source, "trigger": str(arrival.trigger), "title": arrival.title}
    severity = {"severity": arrival.severity} if arrival.severity else {}
    return {**arrival.labels, **own, **severity}


def _asks(rule: Rule) -> Iterable[str]:
    """What a rule asks of a signal, by name: its conditions, and the number that it measures."""
    return dict.fromkeys([*rule.when, *([rule.measured] if rule.measured else [])])


def _conditions(rule: Rule) -> Iterable[tuple[str, tuple[str, ...]]]:
    return [(name, (wanted,) if isinstance(wanted, str) else wanted) for name, wanted in rule.when.items()]


@lru_cache(maxsize=512)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
