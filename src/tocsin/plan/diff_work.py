"""What a change does to the work: which severity an error rate means, which rule decides, what a phase asks for."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from tocsin.kit.text import listed
from tocsin.plan.consequences import (
    Kind,
    Pair,
    Said,
    change,
    comes_or_goes,
    deadline,
    gains_and_losses,
    in_words,
    order,
    replaced,
    shown,
    without,
)
from tocsin.plan.diff_words import at_levels, worded
from tocsin.plan.differences import ABSENT, Difference
from tocsin.plan.measures import Band
from tocsin.plan.model import Phase, Plan, Rule
from tocsin.plan.procedure import Effect, Telling

# ---- Error rates -----------------------------------------------------------------------------------------------------

_ALL = Decimal(100)


def band(pair: Pair, level: str, one: Difference) -> Said:
    """Which error rates become another severity: the rates at the borders and between them stand for all."""
    moved = [(rate, pair.old.banded(rate), pair.new.banded(rate)) for rate in _rates(pair)]
    touched = [(rate, was, now) for rate, was, now in moved if was != now and level in (was, now)]
    if not touched:
        now = pair.new.severities[level].error_rate if level in pair.new.severities else None
        sentence = f"The error rates of {level} are {now or 'none'} now; no rate changes its severity."
        return Said(Kind.ROUTING, sentence)
    told = list(dict.fromkeys((was, now) for _, was, now in touched))
    words = (_moved(next(rate for rate, *both in touched if tuple(both) == one), *one) for one in told)
    weaker = any(was is not None and (now is None or _is_lower(pair, was, now)) for was, now in told)
    return Said(Kind.ROUTING, f"An incident with {listed(words)}.", is_large=weaker)


def _moved(rate: Decimal, was: str | None, now: str | None) -> str:
    percent = f"{rate.normalize():f} % of errors"
    if now is None:
        return f"{percent} is {was} no longer, and of no severity by its rate"
    return f"{percent} becomes {now} instead of {was or 'none by its rate'}"


def _rates(pair: Pair) -> Iterator[Decimal]:
    """Every border that either plan knows, and a rate between each two."""
    bands = [one.error_rate for plan in (pair.old, pair.new) for one in plan.severities.values() if one.error_rate]
    borders = sorted({Decimal(0), _ALL, *(border for one in bands for border in _borders(one))})
    for low, high in pairwise(borders):
        yield from (low, _between(low, high))
    yield _ALL


def _borders(one: Band) -> Iterator[Decimal]:
    yield from (rate for rate in (one.above, one.at_least, one.below, one.at_most) if rate is not None and rate <= _ALL)


def _between(low: Decimal, high: Decimal) -> Decimal:
    """A whole number if there is one between."""
    whole = Decimal(int((low + high) / 2))
    return whole if low < whole < high else (low + high) / 2


def _is_lower(pair: Pair, before: str, after: str) -> bool:
    known = list(pair.new.severities)
    return before not in known or after not in known or known.index(after) > known.index(before)


# ---- Rules -----------------------------------------------------------------------------------------------------------


def rules(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ():
            return _asked_anew(pair)
        case (name,):
            return _rule(name, one)
        case (name, "severity" | "band_of" | "slowdown_of"):
            return _declares(pair, name, one)
        case (name, "precedence"):
            return _precedence(pair, name, one)
        case (name, "when", field):
            return _condition(f"The rule “{name}”", field, one)
        case (name, "components"):
            subject = f"What the rule “{name}” names as touched"
            return gains_and_losses(Kind.ROUTING, subject, one.before, one.after)
        case (name, field):
            return _field(name, field, one)
        case _:
            return replaced(Kind.ROUTING, one)


def _field(name: str, field: str, one: Difference) -> Said:
    what = {
        "type": "are declared as",
        "service": "name the service",
        "title": "are titled",
    }.get(field)
    if what is None:
        return change(Kind.ROUTING, f"The rule “{name}”: its {field}", one)
    unsaid = "what the signal says"
    after, before = (shown(value) if value is not None else unsaid for value in (one.after, one.before))
    return Said(Kind.ROUTING, f"Signals that the rule “{name}” takes {what} {after} instead of {before}.")


def _asked_anew(pair: Pair) -> Said:
    names = [[rule.name for rule in plan.ranked_rules()] for plan in (pair.old, pair.new)]
    common = [[name for name in one if name in other] for one, other in (names, names[::-1])]
    if common[0] == common[1]:
        return Said(Kind.ROUTING, "The rules stand in another order and are asked in the same, by their precedence.")
    return Said(Kind.ROUTING, "The rules are asked in another order; the first that fits decides.")


def _rule(name: str, one: Difference) -> Said:
    if isinstance(one.after, Rule):
        return Said(Kind.ROUTING, f"The rule “{name}” is new; it declares {one.after.declares} {one.after.type}.")
    before = one.before
    word = f"; it declared {before.declares} {before.type}" if isinstance(before, Rule) else ""
    return Said(Kind.ROUTING, f"The rule “{name}” is gone{word}.", is_large=True)


def _declares(pair: Pair, name: str, one: Difference) -> Said:
    before, after = ({it.name: it for it in plan.rules}.get(name) for plan in (pair.old, pair.new))
    if before is None or after is None:
        return replaced(Kind.ROUTING, one)
    plain = before.severity and after.severity
    weaker = _is_lower(pair, str(before.severity), str(after.severity)) if plain else bool(before.severity)
    sentence = f"The rule “{name}” declares {after.declares} instead of {before.declares}."
    return Said(Kind.ROUTING, sentence, is_large=weaker)


def _precedence(pair: Pair, name: str, one: Difference) -> Said:
    """Which rules it now comes before, and which now come before it."""
    first, last = ([rule.name for rule in plan.ranked_rules()] for plan in (pair.old, pair.new))
    others = [it for it in last if it != name and it in first]
    was, now = ({it for it in order if order.index(it) < order.index(name)} for order in (first, last))
    sooner = [it for it in others if it in was and it not in now]
    later = [it for it in others if it in now and it not in was]
    if sooner:
        return Said(Kind.ROUTING, f"Where both fit, the rule “{name}” now decides before {_quoted(sooner)}.")
    if later:
        return Said(Kind.ROUTING, f"Where both fit, {_quoted(later)} now decides before the rule “{name}”.")
    after, before = shown(one.after), shown(one.before)
    return Said(
        Kind.ROUTING, f"The rule “{name}” is asked in its old place, with precedence {after}, before: {before}."
    )


def _quoted(names: list[str]) -> str:
    """The names; of many, the first three."""
    rest = [f"{len(names) - 3} more"] if len(names) > 4 else []
    return listed([*(f"“{one}”" for one in names[: 3 if rest else 4]), *rest])


def _condition(rule: str, field: str, one: Difference) -> Said:
    if one.before is ABSENT:
        return Said(Kind.ROUTING, f"{rule} now asks that {field} is {shown(one.after)}.")
    if one.after is ABSENT:
        return Said(Kind.ROUTING, f"{rule} no longer asks what {field} is.")
    after, before = shown(one.after), shown(one.before)
    return Said(Kind.ROUTING, f"{rule} now fits when {field} is {after}, and no longer when it is {before}.")


# ---- Phases and types ------------------------------------------------------------------------------------------------


def phases(pair: Pair, one: Difference) -> Said:
    where = f"the phase {pair.called('phases', one.path[1])}" if len(one.path) > 1 else ""
    match one.path[1:]:
        case ():
            return order(one, Kind.OTHER, "The phases follow each other anew")
        case (phase,):
            timed = isinstance(one.before, Phase) and one.before.within is not None
            return comes_or_goes(Kind.OTHER, f"The phase {phase}", one, matters=timed)
        case (phase, "within"):
            return deadline(f"Finishing the phase {phase}", one)
        case (phase, "begins_when"):
            return Said(Kind.DEADLINE, f"The phase {phase} begins when {one.after} instead of {one.before}.")
        case (_, "actions", *rest):
            return _action(where, tuple(rest), one)
        case (phase, "tells", place, *rest):
            return _tells(pair, f"While {where} lasts", phase, place, tuple(rest), one)
        case (_, "ends_when"):
            return _asks(f"What the record must show before {where} is over", one)
        case (_, "confirm"):
            return _asks(f"What a person ticks before {where} is over", one)
        case _:
            return worded(pair, one) or in_words(pair, one)


def _asks(subject: str, one: Difference) -> Said:
    fewer = bool(without(one.before, one.after))
    before, after = (tuple(map(str, it)) if isinstance(it, tuple) else () for it in (one.before, one.after))
    return gains_and_losses(Kind.OBLIGATION, subject, before, after, is_large=fewer)


def _action(where: str, rest: tuple[str, ...], one: Difference) -> Said:
    """A step or one of its actions, known by its words."""
    match rest:
        case () | (_, "items"):
            return order(one, Kind.WORDS, f"What is done in {where} comes in another order")
        case (step,) | (_, "items", step):
            word = "no longer asks" if one.after is ABSENT else "now asks"
            return Said(Kind.WORDS, f"In {where} the plan {word} to: {shown(step)}.")
        case (step, *_, "severities"):
            here = rest[2] if len(rest) > 3 else step
            return Said(
                Kind.WORDS, f"In {where} {shown(here)} is asked at {at_levels(one.after)}, not {at_levels(one.before)}."
            )
        case (_, "items", step, "effect") | (step, "effect"):
            return _effect(f"In {where} {shown(step)}", one)
        case _:
            return replaced(Kind.WORDS, one)


def _effect(what: str, one: Difference) -> Said:
    words = {
        Effect.READS: "only looks, and may be run at once",
        Effect.CHANGES: "changes something, and waits for a person's word",
        None: "is done by people: nothing says whether it changes anything",
    }
    effect = one.after if isinstance(one.after, Effect) else None
    return Said(Kind.OTHER, f"{what} {words[effect]} from now on.", is_large=effect is Effect.READS)


def _tells(pair: Pair, when: str, phase: str, place: str, rest: tuple[str, ...], one: Difference) -> Said:
    old, new = (_telling(plan, phase, place) for plan in (pair.old, pair.new))
    telling = new or old
    if telling is None:
        return replaced(Kind.OBLIGATION, one)
    name = pair.called("audiences", telling.audience)
    match rest:
        case () if one.after is ABSENT:
            return Said(Kind.OBLIGATION, f"{when}, {name} is no longer told: {shown(telling.what)}.", is_large=True)
        case ():
            return Said(Kind.OBLIGATION, f"{when}, {name} is now told: {shown(telling.what)}.")
        case ("audience",):
            before = pair.called("audiences", str(one.before))
            return Said(Kind.OBLIGATION, f"{when}, {name} is told {shown(telling.what)} instead of {before}.")
        case ("what",):
            return Said(Kind.WORDS, f"{when}, {name} is told: {shown(one.after)}, instead of {shown(one.before)}.")
        case ("by",):
            after, before = (
                pair.called("roles", str(it)).lower() if it else "the owner" for it in (one.after, one.before)
            )
            return Said(Kind.OBLIGATION, f"{when}, {name} is told by: {after}, instead of: {before}.")
        case _:
            return Said(
                Kind.OBLIGATION, f"{when}, {name} is told at {at_levels(one.after)}, not {at_levels(one.before)}."
            )


def _telling(plan: Plan, phase: str, place: str) -> Telling | None:
    tells = plan.phases[phase].tells if phase in plan.phases else ()
    return tells[int(place) - 1] if int(place) <= len(tells) else None


def types(pair: Pair, one: Difference) -> Said:
    name = pair.called("types", one.path[1]) if len(one.path) > 1 else ""
    match one.path[1:]:
        case (kind, "private") if one.after:
            return Said(Kind.OTHER, f"Incidents of the type {kind} are never shown in public any more.")
        case (kind, "readers"):
            who = f"Confidential incidents of the type {kind} are also read by"
            return gains_and_losses(Kind.OTHER, who, one.before, one.after, is_large=False)
        case (kind, "private"):
            sentence = f"Incidents of the type {kind} may be shown in public from now on."
            return Said(Kind.OTHER, sentence, is_large=True)
        case (_, "actions", *rest):
            return _first_action(name, tuple(rest), one)
        case _:
            return worded(pair, one) or in_words(pair, one)


def _first_action(name: str, rest: tuple[str, ...], one: Difference) -> Said:
    match rest:
        case ():
            return order(one, Kind.WORDS, f"What is done first about {name} comes in another order")
        case (step,):
            word = "no longer asks" if one.after is ABSENT else "now asks"
            return Said(Kind.WORDS, f"Of whoever meets {name} the plan {word} to: {shown(step)}.")
        case (step, "effect"):
            return _effect(f"For {name}, {shown(step)}", one)
        case (step, _):
            return Said(
                Kind.WORDS,
                f"For {name}, {shown(step)} is asked at {at_levels(one.after)}, not {at_levels(one.before)}.",
            )
        case _:
            return replaced(Kind.WORDS, one)
