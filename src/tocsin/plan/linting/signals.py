"""What signals mean: rules that hide each other, and severities and types that none declares."""

from collections.abc import Iterator, Mapping

from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan, Rule

ANY = "*"


@check(
    "rule-shadowed",
    Level.WARNING,
    "An earlier rule takes every signal of a later one.",
    mend="Put the more particular rule first.",
)
def rule_shadowed(plan: Plan) -> Iterator[Remark]:
    words = {id(rule): {key: _words(rule, key) for key in rule.when} for rule in plan.rules}
    places = {id(rule): number for number, rule in enumerate(plan.rules, start=1)}
    ranked = plan.ranked_rules()
    for rank, rule in enumerate(ranked):
        for earlier in ranked[:rank]:
            if earlier.band_of is not None:
                continue  # it lets pass what no band holds
            if not _takes(words[id(earlier)], words[id(rule)]):
                continue
            if not earlier.when.items() <= rule.when.items():  # of those the check of the plan speaks already
                yield Remark(
                    f"rules.{places[id(rule)]}.when", f'the rule "{earlier.name}" takes every signal that fits here'
                )
            break


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


CHECKS: tuple[Check, ...] = (rule_shadowed, rule_without_precedence, severity_without_rule, type_without_rule)
