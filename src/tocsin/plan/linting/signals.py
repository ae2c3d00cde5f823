"""What signals mean: rules that hide each other, and severities and types that none declares."""

from collections.abc import Iterator, Mapping

from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan, Rule

ANY = "*"
OWN = "json/"  # before the name of a sender of the plan, in the source of its signals


@check(
    "rule-shadowed",
    Level.WARNING,
    "An earlier rule takes every signal of a later one.",
    mend="Put the more particular rule first.",
)
def rule_shadowed(plan: Plan) -> Iterator[Remark]:
    places = {id(rule): number for number, rule in enumerate(plan.rules, start=1)}
    # Each earlier rule stands under the words of one of its conditions, so that few are compared with a later one.
    known: dict[tuple[str, str] | None, list[tuple[int, Rule, Mapping[str, set[str]]]]] = {}
    for rank, rule in enumerate(plan.ranked_rules()):
        words = {key: _words(rule, key) for key in rule.when}
        near = (one for word in _handles(words) for one in known.get(word, ()))
        taking = min((one for one in near if _takes(one[2], words)), default=None, key=lambda one: one[0])
        if taking is not None and not taking[1].when.items() <= rule.when.items():
            # Of those with the same conditions the check of the plan speaks already.
            reason = f'the rule "{taking[1].name}" takes every signal that fits here'
            yield Remark(f"rules.{places[id(rule)]}.when", reason)
        if rule.measured is None:  # one that goes by a rate lets pass what no band holds
            key = next(iter(words), None)
            for word in [None] if key is None else [(key, it) for it in words[key]]:
                known.setdefault(word, []).append((rank, rule, words))


def _handles(words: Mapping[str, set[str]]) -> Iterator[tuple[str, str] | None]:
    """Under what a rule stands that may take these words: one of them, or any."""
    yield None
    for key, narrow in words.items():
        yield key, ANY
        yield from ((key, one) for one in list(narrow)[:1] if one != ANY)


def _takes(earlier: Mapping[str, set[str]], later: Mapping[str, set[str]]) -> bool:
    for key, wide in earlier.items():  # asked of every pair of rules, so it stops at the first difference
        narrow = later.get(key)
        if narrow is None or not (narrow <= wide or ANY in wide):
            return False
    return True


def _words(rule: Rule, key: str) -> set[str]:
    wanted = rule.when[key]
    words = (wanted,) if isinstance(wanted, str) else wanted
    # An expression matches as it is written; a plain word in any case.
    return {word if word.startswith("/") else word.lower() for word in words}


@check(
    "rule-without-precedence",
    Level.WARNING,
    "Some rules have a precedence, and one has none: it comes after all of them.",
    mend="Give the rule a precedence, or none to any of them, so that they stand in their order.",
)
def rule_without_precedence(plan: Plan) -> Iterator[Remark]:
    for number, rule in enumerate(plan.rules, start=1):
        if rule.precedence is None and any(one.precedence is not None for one in plan.rules):
            yield Remark(f"rules.{number}", f'"{rule.name}" has no precedence, and comes last wherever it stands')


@check(
    "severity-without-rule",
    Level.NOTE,
    "A severity that no rule gives; only a person can choose it.",
    mend="Write a rule for the signals that mean it, if there are such signals.",
)
def severity_without_rule(plan: Plan) -> Iterator[Remark]:
    given = {rule.severity for rule in plan.rules}
    if any(rule.band_of for rule in plan.rules):
        given |= {key for key, one in plan.severities.items() if one.error_rate}
    if any(rule.slowdown_of for rule in plan.rules):
        given |= {key for key, one in plan.severities.items() if one.slowdown}
    for key in plan.severities:
        if plan.rules and key not in given:
            yield Remark(f"severities.{key}", f"no signal becomes a {key} by itself")


@check(
    "type-without-rule",
    Level.NOTE,
    "A type that no rule gives; only a person can choose it.",
    mend="Write a rule for the signals that mean it, if there are such signals.",
)
def type_without_rule(plan: Plan) -> Iterator[Remark]:
    given = {rule.type for rule in plan.rules}
    for key, one in plan.types.items():
        if plan.rules and key not in given:
            yield Remark(f"types.{key}", f'no signal is taken for "{one.name}" by itself')


@check(
    "sender-misnamed",
    Level.WARNING,
    "A rule asks for a source that is a sender of the plan by half its name, or is no sender of it.",
    mend="Write the source as `json/` and the name under `senders`.",
)
def sender_misnamed(plan: Plan) -> Iterator[Remark]:
    for number, rule in enumerate(plan.rules, start=1):
        for word in _words(rule, "source") if "source" in rule.when else ():
            if word in plan.senders:
                yield Remark(f"rules.{number}.when.source", f'signals of the sender "{word}" come from json/{word}')
            elif word.startswith(OWN) and word.removeprefix(OWN) not in plan.senders:
                yield Remark(f"rules.{number}.when.source", f'the plan has no sender "{word.removeprefix(OWN)}"')


CHECKS: tuple[Check, ...] = (
    rule_shadowed,
    rule_without_precedence,
    severity_without_rule,
    type_without_rule,
    sender_misnamed,
)
