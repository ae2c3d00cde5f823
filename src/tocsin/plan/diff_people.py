"""What a change does for those who are on call, who hold a role, and who are paged."""

from datetime import timedelta

from tocsin.kit.text import listed
from tocsin.plan.consequences import (
    Kind,
    Pair,
    Said,
    comes_or_goes,
    deadline,
    gains_and_losses,
    order,
    replaced,
    shown,
    without,
)
from tocsin.plan.diff_words import worded
from tocsin.plan.differences import ABSENT, Difference
from tocsin.plan.model import EscalationPolicy, Person, Plan, Step
from tocsin.plan.rotas import Holiday, Layer, Rotation, Window


def people(pair: Pair, one: Difference) -> Said:
    match one.path[1:], one.after:
        case (handle,), Person() as person:
            return Said(Kind.PEOPLE, f"{person.name} ({handle}) joins the plan.")
        case (handle,), _:
            return Said(Kind.PEOPLE, f"{pair.called('people', handle)} ({handle}) leaves the plan.", is_large=True)
        case _:
            return worded(pair, one) or replaced(Kind.PEOPLE, one)


def teams(pair: Pair, one: Difference) -> Said:
    is_paged = one.path[1] in {
        name for policy in pair.old.escalation.values() for step in policy.steps for name in step.page
    }
    match one.path[1:]:
        case (team,):
            word = "is gone" if one.after is ABSENT else "is new"
            return Said(Kind.PEOPLE, f"The team {team} {word}.", is_large=is_paged and one.after is ABSENT)
        case (team, "members"):
            gone = is_paged and bool(without(one.before, one.after))
            return gains_and_losses(
                Kind.PEOPLE, f"The team {team}", pair.people(one.before), pair.people(one.after), is_large=gone
            )
        case (team, "leads"):
            who = f"Who leads the team {team} and arranges its rotas"
            return gains_and_losses(Kind.PEOPLE, who, pair.people(one.before), pair.people(one.after), is_large=False)
        case (team, "rotation"):
            return on_call_for(f"the services of the team {team}", one)
        case _:
            return worded(pair, one) or replaced(Kind.PEOPLE, one)


def on_call_for(what: str, one: Difference) -> Said:
    """Whom `on_call` means where a team or a service is concerned."""
    after, before = (
        f"whoever is on call in {it}" if it else "whoever is on call otherwise" for it in (one.after, one.before)
    )
    return Said(Kind.ON_CALL, f"For {what} {after} is paged and asked, instead of {before}.")


def roles(pair: Pair, one: Difference) -> Said:
    role = pair.called("roles", one.path[1]).lower() if len(one.path) > 1 else ""
    match one.path[1:]:
        case (_,):
            word = "is gone" if one.after is ABSENT else "is new"
            return Said(Kind.PEOPLE, f"The role {role} {word}.")
        case (_, "eligible"):
            return gains_and_losses(Kind.PEOPLE, f"Who may be {role}", one.before, one.after)
        case (_, "rotation"):
            return _by_turn(role, one)
        case (_, "fallback"):
            subject = f"Who is asked to be {role} when nobody who may be it can be reached"
            return gains_and_losses(Kind.PEOPLE, subject, one.before, one.after, is_large=not one.after)
        case _:
            return worded(pair, one) or replaced(Kind.PEOPLE, one)


def _by_turn(role: str, one: Difference) -> Said:
    if one.after is None:
        sentence = f"Nobody takes the role of {role} by turn any more; whoever was on call in {one.before} did."
        return Said(Kind.ON_CALL, sentence, is_large=True)
    instead = f"whoever is on call in {one.before}" if one.before else "nobody"
    return Said(Kind.ON_CALL, f"Whoever is on call in {one.after} takes the role of {role} instead of {instead}.")


def rotations(pair: Pair, one: Difference) -> Said:
    match one.path[1:], one.after:
        case (name,), Rotation() as rotation:
            sentence = f"{name} is a new rotation of {listed(pair.people(rotation.people))}."
            return Said(Kind.ON_CALL, sentence)
        case (name,), _:
            return Said(Kind.ON_CALL, f"The rotation {name} is gone: nobody is on call in it any more.", is_large=True)
        case (name, "layers"), _:
            return order(one, Kind.ON_CALL, f"The layers of {name} cover each other anew, the last above all")
        case (name, "layers", layer), Layer() as new:
            sentence = f"Over {name} now lies the layer “{layer}” of {listed(pair.people(new.people))}."
            return Said(Kind.ON_CALL, sentence)
        case (name, "layers", layer), _:
            return Said(
                Kind.ON_CALL, f"The layer “{layer}” of {name} is gone; what it covered holds again.", is_large=True
            )
        case (name, "layers", layer, *rest), _:
            return _turns(pair, f"the layer “{layer}” of {name}", tuple(rest), one)
        case (name, *rest), _:
            return worded(pair, one) or _turns(pair, name, tuple(rest), one)
        case _:
            return replaced(Kind.ON_CALL, one)


def _turns(pair: Pair, what: str, rest: tuple[str, ...], one: Difference) -> Said:
    """Turns and their clock, of a rotation or of a layer."""
    match rest:
        case ("people",):
            return gains_and_losses(
                Kind.ON_CALL, f"The turns of {what}", pair.people(one.before), pair.people(one.after)
            )
        case ("together",):
            fewer = isinstance(one.before, int) and isinstance(one.after, int) and one.after < one.before
            return Said(
                Kind.ON_CALL,
                f"{_upper(what)} has {one.after} on call at a time, instead of {one.before}.",
                is_large=fewer,
            )
        case ("during" | "holidays", _, *_):
            return _when(pair, what, rest, one)
        case (field,) if field in _TURNS:
            after, before = shown(one.after), shown(one.before)
            return Said(Kind.ON_CALL, f"{_upper(what)} {_TURNS[field]} {after} instead of {before}.")
        case _:
            return replaced(Kind.ON_CALL, one)


_TURNS = {
    "starts_on": "counts its turns from",
    "handoff_on": "hands over on the weekday",
    "handoff": "hands over at",
    "zone": "hands over by the clock of",
    "days": "has turns whose days are",
    "hours": "has turns whose hours are",
    "from_on": "holds from",
    "until_on": "holds until",
}


def _when(pair: Pair, what: str, rest: tuple[str, ...], one: Difference) -> Said:
    """A window in which turns hold, or days on which they do not."""
    which = "window" if rest[0] == "during" else "holiday"
    where = f"{which} {rest[1]} of {what}"
    match rest[2:], one.after:
        case (), Window() as new:
            sentence = f"{_upper(what)} now holds from {new.begins:%H:%M} to {new.ends:%H:%M} in its window {rest[1]}."
            return Said(Kind.ON_CALL, sentence)
        case (), Holiday() as new:
            instead = f"{new.rotation} stands in for {what}" if new.rotation else f"{what} does not hold"
            return Said(Kind.ON_CALL, f"On {new.name or shown(new.days)} {instead}.")
        case (), _:
            gone = "no longer holds then" if which == "window" else "holds on those days as on any other"
            return Said(Kind.ON_CALL, f"The {where} is gone: {what} {gone}.", is_large=which == "window")
        case ("weekdays" | "days",), _:
            before, after = (tuple(map(shown, it)) if isinstance(it, tuple) else () for it in (one.before, one.after))
            return gains_and_losses(Kind.ON_CALL, f"The days of the {where}", before, after)
        case ("rotation",), _:
            stand_in = f"{one.after} stands in" if one.after else "nobody stands in"
            return Said(Kind.ON_CALL, f"In the {where} {stand_in} instead of {one.before or 'nobody'}.")
        case (field,), _:
            word = {"begins": "begins at", "ends": "ends at", "name": "is called"}[field]
            return Said(Kind.ON_CALL, f"The {where} {word} {shown(one.after)} instead of {shown(one.before)}.")
        case _:
            return replaced(Kind.ON_CALL, one)


def _upper(words: str) -> str:
    """At the beginning of a sentence; the name of a rotation stays as it is spelt."""
    return f"The {words.removeprefix('the ')}" if words.startswith("the ") else words


# ---- Paging ----------------------------------------------------------------------------------------------------------


def pages(pair: Pair, level: str, one: Difference) -> Said:
    before, after = one.before, one.after
    if after is None:
        return Said(Kind.PAGING, f"Nobody is paged for {level} any more.", is_large=True)
    if before is None:
        return Said(Kind.PAGING, f"{level} now pages by the policy {after}; it paged nobody before.")
    weaker = _is_weaker(pair, pair.old.escalation.get(str(before)), pair.new.escalation.get(str(after)))
    word = ", which reaches fewer people or reaches them later" if weaker else ""
    return Said(Kind.PAGING, f"{level} pages by the policy {after} instead of {before}{word}.", is_large=weaker)


def _is_weaker(pair: Pair, before: EscalationPolicy | None, after: EscalationPolicy | None) -> bool:
    """Whether somebody is reached later than before, or in fewer rounds, or not at all."""
    if before is None or after is None:
        return after is None
    fewer_rounds = after.rounds is not None and (before.rounds is None or before.rounds > after.rounds)
    first, now = _reached(pair.old, before), _reached(pair.new, after)
    return fewer_rounds or any(target not in now or now[target] > wait for target, wait in first.items())


def _reached(plan: Plan, policy: EscalationPolicy) -> dict[str, timedelta]:
    """Whom a policy pages, rotations by their names, and how long after the first page."""
    found: dict[str, timedelta] = {}
    waited = timedelta()
    for step in policy.steps:
        for target in step.page:
            for name in (target,) if target in plan.rotations else plan.members((target,)):
                found.setdefault(name, waited)
        waited += step.wait
    return found


def escalation(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (policy,):
            return comes_or_goes(Kind.PAGING, f"The escalation policy {policy}", one, matters=True)
        case (policy, "rounds"):
            return _rounds(policy, one)
        case (policy, "steps", step):
            return _step(policy, step, one)
        case (policy, "steps", step, "wait"):
            return _wait(f"Step {step} of the policy {policy}", one)
        case (policy, "steps", step, "page"):
            fewer = _is_weaker(pair, pair.old.escalation.get(policy), pair.new.escalation.get(policy))
            return gains_and_losses(
                Kind.PAGING, f"Step {step} of the policy {policy} pages", one.before, one.after, is_large=fewer
            )
        case _:
            return replaced(Kind.PAGING, one)


def _step(policy: str, number: str, one: Difference) -> Said:
    match one.before, one.after:
        case _, Step() as step:
            sentence = f"The policy {policy} climbs one step further: step {number} pages {listed(step.page)}."
            return Said(Kind.PAGING, sentence)
        case Step() as step, _:
            sentence = f"The policy {policy} no longer climbs to step {number}, which paged {listed(step.page)}."
            return Said(Kind.PAGING, sentence, is_large=True)
        case _:
            return replaced(Kind.PAGING, one)


def _rounds(policy: str, one: Difference) -> Said:
    if not isinstance(one.after, int):
        return Said(Kind.PAGING, f"The policy {policy} pages until somebody acknowledges.")
    fewer = not isinstance(one.before, int) or one.after < one.before
    was = f"instead of {one.before}" if isinstance(one.before, int) else "instead of going on until somebody answers"
    return Said(Kind.PAGING, f"The policy {policy} ends after round {one.after} {was}.", is_large=fewer)


def _wait(step: str, one: Difference) -> Said:
    said = deadline(f"{step}: climbing to the next", one)
    return Said(Kind.PAGING, said.sentence, said.is_large)
