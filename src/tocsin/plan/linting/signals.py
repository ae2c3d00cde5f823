"""What signals mean: rules that hide each other, and severities and types that none declares."""

from collections.abc import Iterator

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
    for number, rule in enumerate(plan.rules, start=1):
        for earlier in plan.rules[: number - 1]:
            if earlier.when.items() <= rule.when.items():
                break  # the check of the plan says so already
            if all(key in rule.when and _takes(earlier, rule, key) for key in earlier.when):
                yield Remark(f"rules.{number}.when", f'the rule "{earlier.name}" takes every signal that fits here')
                break


def _takes(earlier: Rule, later: Rule, key: str) -> bool:
    wide, narrow = _words(earlier, key), _words(later, key)
    return ANY in wide or narrow <= wide


def _words(rule: Rule, key: str) -> set[str]:
    wanted = rule.when[key]
    words = (wanted,) if isinstance(wanted, str) else wanted
    # An expression matches as it is written; a plain word in any case.
    return {word if word.startswith("/") else word.lower() for word in words}


@check(
    "severity-without-rule",
    Level.NOTE,
    "A severity that no rule gives; only a person can choose it.",
    mend="Write a rule for the signals that mean it, if there are such signals.",
)
def severity_without_rule(plan: Plan) -> Iterator[Remark]:
    given = {rule.severity for rule in plan.rules}
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


CHECKS: tuple[Check, ...] = (rule_shadowed, severity_without_rule, type_without_rule)
