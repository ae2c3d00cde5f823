"""Why a signal calls for what it calls for: every rule of the plan, condition by condition."""

from dataclasses import dataclass
from typing import NamedTuple

from tocsin.kit.text import clip, listed
from tocsin.plan.model import Plan
from tocsin.signals.model import Arrival
from tocsin.signals.routing import Check, Route, Rules, Tried, Unrouted

SHOWN = 200  # characters of a value


class Ruling(NamedTuple):
    """A rule as it was asked. `why` says in a sentence what came of it."""

    place: int  # in the order in which the rules are asked, from 1
    tried: Tried
    decides: bool
    why: str


@dataclass(frozen=True)
class Explanation:
    """`decision` is what `Rules.route` says; the rulings say how it came to that."""

    decision: Route | Unrouted
    rulings: tuple[Ruling, ...]


def explain(rules: Rules, arrival: Arrival) -> Explanation:
    """Ask every rule. The first that fits decides; what stands after it is asked all the same, and decides nothing."""
    tried = rules.tried(arrival)
    first = next((place for place, one in enumerate(tried) if one.fits), len(tried))
    return Explanation(
        rules.route(arrival),
        tuple(Ruling(at + 1, one, at == first, _why(rules.plan, one, at - first)) for at, one in enumerate(tried)),
    )


def _why(plan: Plan, one: Tried, after: int) -> str:
    if not one.fits:
        lacking = dict.fromkeys(_lacks(check) for check in one.checks if not check.holds)  # two may ask for one label
        return listed(list(lacking)) + "."
    if after > 0:
        return "It fits too, but a rule before it has decided."
    if one.rule.severity is not None:
        return f"It decides: {one.severity}, as the rule says."
    level = plan.severities[one.severity or ""]
    band = level.error_rate if one.rule.band_of else level.slowdown
    held = f" ({band})" if band else ""
    return f"It decides: {one.severity}, for its band{held} holds the rate in {one.rule.measured}."


def _lacks(check: Check) -> str:
    if check.found is None:
        return f"the signal has no {check.name}"
    if not check.wanted:
        return f"{check.name} is {shown(check.found)}, a rate that no severity's band holds"
    return f"{check.name} is {shown(check.found)}, not {wanted(check)}"


def wanted(check: Check) -> str:
    """What the condition asks for, in words."""
    if not check.wanted:
        return "a rate that a severity's band holds"
    return " or ".join("anything" if one == "*" else one for one in check.wanted)


def shown(value: str) -> str:
    return clip(value, SHOWN) if value else "empty"
