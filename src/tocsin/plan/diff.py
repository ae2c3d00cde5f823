"""What a change of the plan does, in sentences.

Each difference becomes one consequence with its path, so that nothing can change unsaid.

A consequence is large when less is promised than before: a deadline moves later or goes away, something is no longer
owed, fewer people are paged or later, a person or anything that the plan relies on is gone, or other things become
public than before. Everything else is small.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from tocsin.kit.text import listed, span
from tocsin.plan.consequences import (
    Consequence,
    Kind,
    Pair,
    Said,
    Weight,
    change,
    comes_or_goes,
    deadline,
    gains_and_losses,
    in_words,
    order,
    other,
    replaced,
    shown,
    without,
)
from tocsin.plan.differences import ABSENT, Difference, walk
from tocsin.plan.model import Audience, Cadence, EscalationPolicy, Need, Person, Phase, Plan, Rule, Severity
from tocsin.plan.rotas import Layer, Rotation


def diff(old: Plan, new: Plan) -> list[Consequence]:
    """Every difference between two plans as a consequence, in the order of the file. None between equal plans."""
    pair = Pair(old, new)
    return [_consequence(pair, one) for one in walk((), old, new)]


def large(found: list[Consequence]) -> list[Consequence]:
    """Those that somebody should have said yes to."""
    return [one for one in found if one.weight is Weight.LARGE]


def _consequence(pair: Pair, one: Difference) -> Consequence:
    said = _PARTS.get(one.path[0], in_words)(pair, one)
    weight = Weight.LARGE if said.is_large else Weight.SMALL
    return Consequence(said.kind, ".".join(one.path), said.sentence, weight)


def _severities(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ():
            return order(one, Kind.OTHER, "The severities rank anew, the worst first", is_large=True)
        case (level,):
            return _severity(level, one)
        case (level, "acknowledge_within"):
            return deadline(f"{level}: acknowledging", one)
        case (level, "resolve_within"):
            return deadline(f"{level}: resolving", one)
        case (level, "roles_within", role):
            return _named_role(level, pair.called("roles", role).lower(), one)
        case (level, "escalation"):
            return _pages(pair, level, one)
        case (level, "post_mortem"):
            return _post_mortem(pair, level, one)
        case (level, "public_impact"):
            return Said(Kind.OTHER, f"{level} is {one.after} on the status page instead of {one.before}.")
        case _:
            return in_words(pair, one)


def _severity(level: str, one: Difference) -> Said:
    if not isinstance(one.after, Severity):
        return Said(Kind.OBLIGATION, f"{level} is no longer a severity, and nothing is owed for it.", is_large=True)
    owes = f"acknowledged within {span(one.after.acknowledge_within)}, resolved within {span(one.after.resolve_within)}"
    pages = f"it pages by the policy {one.after.escalation}" if one.after.escalation else "it pages nobody"
    return Said(Kind.OBLIGATION, f"{level} ({one.after.name}) is a new severity: {owes}; {pages}.")


def _named_role(level: str, role: str, one: Difference) -> Said:
    match one.before, one.after:
        case timedelta(), timedelta():
            return deadline(f"{level}: naming the {role}", one)
        case _, timedelta() as within:
            return Said(Kind.OBLIGATION, f"{level} now owes a {role} within {span(within)}.")
        case _:
            return Said(Kind.OBLIGATION, f"{level} no longer owes a {role}.", is_large=True)


def _post_mortem(pair: Pair, level: str, one: Difference) -> Said:
    words = {Need.REQUIRED: "is owed", Need.OPTIONAL: "may be held", Need.NONE: "is not asked for"}
    match one.before, one.after:
        case _, Need.REQUIRED:
            within = span(pair.new.review.meeting_within)
            return Said(Kind.OBLIGATION, f"{level} now owes a post-mortem within {within} of the fix.")
        case Need.REQUIRED, Need() as need:
            sentence = f"{level} no longer owes a post-mortem; one {words[need]}."
            return Said(Kind.OBLIGATION, sentence, is_large=True)
        case _:
            word = words[Need(str(one.after))]
            return Said(Kind.OBLIGATION, f"{level}: a post-mortem {word} now; it is not owed either way.")


def _people(pair: Pair, one: Difference) -> Said:
    match one.path[1:], one.after:
        case (handle,), Person() as person:
            return Said(Kind.PEOPLE, f"{person.name} ({handle}) joins the plan.")
        case (handle,), _:
            return Said(Kind.PEOPLE, f"{pair.called('people', handle)} ({handle}) leaves the plan.", is_large=True)
        case _:
            return replaced(Kind.PEOPLE, one)


def _teams(pair: Pair, one: Difference) -> Said:
    is_paged = one.path[1] in {
        name for policy in pair.old.escalation.values() for step in policy.steps for name in step.page
    }
    match one.path[1:]:
        case (team,) if one.after is ABSENT:
            return Said(Kind.PEOPLE, f"The team {team} is gone.", is_large=is_paged)
        case (team, "members"):
            gone = is_paged and bool(without(one.before, one.after))
            return gains_and_losses(
                Kind.PEOPLE, f"The team {team}", pair.people(one.before), pair.people(one.after), is_large=gone
            )
        case (_, "rotation"):
            return replaced(Kind.ON_CALL, one)
        case _:
            return replaced(Kind.PEOPLE, one)


def _roles(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (role,):
            word = "is gone" if one.after is ABSENT else "is new"
            return Said(Kind.PEOPLE, f"The role {pair.called('roles', role).lower()} {word}.")
        case (role, "eligible"):
            return gains_and_losses(
                Kind.PEOPLE, f"Who may be {pair.called('roles', role).lower()}", one.before, one.after
            )
        case _:
            return in_words(pair, one)


def _rotations(pair: Pair, one: Difference) -> Said:
    match one.path[1:], one.after:
        case (name,), Rotation() as rotation:
            sentence = f"{name} is a new rotation of {listed(pair.people(rotation.people))}."
            return Said(Kind.ON_CALL, sentence)
        case (name,), _:
            return Said(Kind.ON_CALL, f"The rotation {name} is gone: nobody is on call in it any more.", is_large=True)
        case (name, "people"), _:
            return gains_and_losses(
                Kind.ON_CALL, f"The turns of {name}", pair.people(one.before), pair.people(one.after)
            )
        case (name, "layers"), _:
            return order(one, Kind.ON_CALL, f"The layers of {name} cover each other anew, the last above all")
        case (name, "layers", layer), Layer() as new:
            sentence = f"Over {name} now lies the layer “{layer}” of {listed(pair.people(new.people))}."
            return Said(Kind.ON_CALL, sentence)
        case (name, "layers", layer), _:
            return Said(
                Kind.ON_CALL, f"The layer “{layer}” of {name} is gone; what it covered holds again.", is_large=True
            )
        case (name, "layers", layer, "people"), _:
            turns = f"The turns of the layer “{layer}” of {name}"
            return gains_and_losses(Kind.ON_CALL, turns, pair.people(one.before), pair.people(one.after))
        case (name, "together"), _:
            fewer = isinstance(one.before, int) and isinstance(one.after, int) and one.after < one.before
            return Said(
                Kind.ON_CALL, f"{name} has {one.after} on call at a time, instead of {one.before}.", is_large=fewer
            )
        case (name, "name"), _:
            return replaced(Kind.WORDS, one)
        case _:
            return replaced(Kind.ON_CALL, one)


def _services(_: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (service,):
            return comes_or_goes(Kind.WATCHING, f"The service {service}", one, matters=True)
        case (service, "probes", probe):
            return comes_or_goes(Kind.WATCHING, f"The probe {probe} of {service}", one, matters=True)
        case (service, "components", component):
            return comes_or_goes(Kind.OTHER, f"The component {component} of {service}", one)
        case (_, "rotation" | "team"):
            return replaced(Kind.ON_CALL, one)
        case (_, "probes", _, *_):
            return replaced(Kind.WATCHING, one)
        case _:
            return replaced(Kind.WORDS, one)


def _phases(pair: Pair, one: Difference) -> Said:
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
        case _:
            return in_words(pair, one)


def _types(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (kind,):
            return comes_or_goes(Kind.OTHER, f"The type {kind}", one)
        case (kind, "private") if one.after:
            return Said(Kind.OTHER, f"Incidents of the type {kind} are never shown in public any more.")
        case (kind, "readers"):
            who = f"Confidential incidents of the type {kind} are also read by"
            return gains_and_losses(Kind.OTHER, who, one.before, one.after, is_large=False)
        case (kind, "private"):
            sentence = f"Incidents of the type {kind} may be shown in public from now on."
            return Said(Kind.OTHER, sentence, is_large=True)
        case _:
            return in_words(pair, one)


# ---- Paging and routing ----------------------------------------------------------------------------------------------


def _pages(pair: Pair, level: str, one: Difference) -> Said:
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


def _escalation(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (policy,):
            return comes_or_goes(Kind.PAGING, f"The escalation policy {policy}", one, matters=True)
        case (policy, "rounds"):
            return _rounds(policy, one)
        case (policy, "steps", step):
            return comes_or_goes(Kind.PAGING, f"Step {step} of the policy {policy}", one, matters=True)
        case (policy, "steps", step, "wait"):
            return _wait(f"Step {step} of the policy {policy}", one)
        case (policy, "steps", step, "page"):
            fewer = _is_weaker(pair, pair.old.escalation.get(policy), pair.new.escalation.get(policy))
            return gains_and_losses(
                Kind.PAGING, f"Step {step} of the policy {policy} pages", one.before, one.after, is_large=fewer
            )
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


def _rules(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ():
            return Said(Kind.ROUTING, "The rules are asked in another order; the first that fits decides.")
        case (name,):
            return _rule(name, one)
        case (name, "severity"):
            weaker = _ranks_lower(pair, str(one.before), str(one.after))
            sentence = f"The rule “{name}” declares {one.after} instead of {one.before}."
            return Said(Kind.ROUTING, sentence, is_large=weaker)
        case (name, "when", field):
            return _condition(f"The rule “{name}”", field, one)
        case (name, field):
            return change(Kind.ROUTING, f"The rule “{name}”: its {field}", one)
        case _:
            return replaced(Kind.ROUTING, one)


def _rule(name: str, one: Difference) -> Said:
    if isinstance(one.after, Rule):
        return Said(Kind.ROUTING, f"The rule “{name}” is new; it declares {one.after.declares} {one.after.type}.")
    before = one.before
    word = f"; it declared {before.declares} {before.type}" if isinstance(before, Rule) else ""
    return Said(Kind.ROUTING, f"The rule “{name}” is gone{word}.", is_large=True)


def _ranks_lower(pair: Pair, before: str, after: str) -> bool:
    known = list(pair.new.severities)
    return before not in known or after not in known or known.index(after) > known.index(before)


def _condition(rule: str, field: str, one: Difference) -> Said:
    if one.before is ABSENT:
        return Said(Kind.ROUTING, f"{rule} now asks that {field} is {shown(one.after)}.")
    if one.after is ABSENT:
        return Said(Kind.ROUTING, f"{rule} no longer asks what {field} is.")
    return change(Kind.ROUTING, f"{rule}: what {field} must be", one)


# ---- Telling others, and afterwards ----------------------------------------------------------------------------------


def _communication(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ("stages", stage):
            return change(Kind.TEMPLATE, f"The template of the public stage {stage}", one)
        case ("audiences", audience):
            return _audience(audience, one)
        case ("audiences", audience, "cadence", level):
            return _cadence(f"{_told(pair, audience)}", level, one)
        case ("audiences", audience, "cadence", level, "first_within"):
            return deadline(f"{level}: the first {_told(pair, audience)}", one)
        case ("audiences", audience, "cadence", level, "every"):
            return deadline(f"{level}: the next {_told(pair, audience)}", one)
        case ("audiences", audience, "public"):
            word = "now stands on" if one.after else "no longer stands on"
            sentence = f"What {pair.called('audiences', audience)} is told {word} the public status page."
            return Said(Kind.OBLIGATION, sentence, is_large=True)
        case ("audiences", audience, "owner"):
            return _owner(pair, f"Telling {pair.called('audiences', audience)}", one)
        case ("audiences", audience, "to"):
            return gains_and_losses(
                Kind.PEOPLE, f"Who is told as {pair.called('audiences', audience)}", one.before, one.after
            )
        case ("audiences", audience, "template"):
            return change(Kind.TEMPLATE, f"The template for {pair.called('audiences', audience)}", one)
        case _:
            return in_words(pair, one)


def _told(pair: Pair, audience: str) -> str:
    """An update, by whom it is for."""
    known = pair.new.communication.audiences.get(audience) or pair.old.communication.audiences.get(audience)
    return "public update" if known and known.public else f"update to {pair.called('audiences', audience)}"


def _audience(audience: str, one: Difference) -> Said:
    if isinstance(one.after, Audience):
        levels = (f"{level} within {span(pace.first_within)}" for level, pace in one.after.cadence.items())
        word = f": {listed(levels)}" if one.after.cadence else ", by no clock"
        return Said(Kind.OBLIGATION, f"{one.after.name} ({audience}) is a new audience and is told{word}.")
    matters = isinstance(one.before, Audience) and (one.before.public or bool(one.before.cadence))
    return Said(Kind.OBLIGATION, f"Nobody is told as {audience} any more: the audience is gone.", is_large=matters)


def _cadence(update: str, level: str, one: Difference) -> Said:
    article = "an" if update[0] in "aeiou" else "a"
    if isinstance(one.after, Cadence):
        first, every = span(one.after.first_within), span(one.after.every)
        first_word = "" if one.after.first_within == one.after.every else f" within {first}, then"
        return Said(Kind.OBLIGATION, f"{level} now owes {article} {update}{first_word} every {every}.")
    return Said(Kind.OBLIGATION, f"{level} no longer owes {article} {update}.", is_large=True)


def _recovery(pair: Pair, one: Difference) -> Said:
    match one.path[1:], one.before, one.after:
        case ("watch_for",), timedelta() as before, timedelta() as after:
            sentence = f"After the fix the service is watched for {span(after)} instead of {span(before)}."
            return Said(Kind.OBLIGATION, sentence)
        case ("close_requires",), _, _:
            fewer = bool(without(one.before, one.after))
            return gains_and_losses(
                Kind.OBLIGATION, "What closing an incident requires", one.before, one.after, is_large=fewer
            )
        case ("owner",), _, _:
            return _owner(pair, "Resolving", one)
        case _:
            return replaced(Kind.OTHER, one)


def _reminders(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ("overdue_to",):
            return _owner(pair, "Hearing of what is overdue", one)
        case ("before", kind) if isinstance(one.before, timedelta) and isinstance(one.after, timedelta):
            before, after = span(one.before), span(one.after)
            return Said(Kind.OBLIGATION, f"The reminder of {kind} comes {after} ahead instead of {before}.")
        case ("before", kind) if one.after is ABSENT:
            return Said(Kind.OBLIGATION, f"Nobody is reminded of {kind} any more.", is_large=True)
        case ("before", kind):
            return Said(Kind.OBLIGATION, f"There is now a reminder of {kind}.")
        case _:
            return replaced(Kind.OTHER, one)


def _review(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ("meeting_within",):
            return deadline("Holding the post-mortem", one)
        case ("horizons", _, "within"):
            return deadline(f"The horizon {one.path[2]}", one)
        case ("owner",):
            return _owner(pair, "Leading the post-mortem", one)
        case ("sections",):
            return order(one, Kind.WORDS, "The sections of the post-mortem follow each other anew")
        case ("sections" | "horizons", name):
            return comes_or_goes(Kind.WORDS, f"The {one.path[1][:-1]} {name} of the post-mortem", one)
        case ("attendees",):
            return gains_and_losses(Kind.PEOPLE, "Who is invited to the post-mortem", one.before, one.after)
        case _:
            return in_words(pair, one)


def _owner(pair: Pair, what: str, one: Difference) -> Said:
    names = [
        pair.called("roles", str(owner)).lower() if owner else "whoever is on call" for owner in (one.before, one.after)
    ]
    return Said(Kind.OBLIGATION, f"{what} falls to: {names[1]}, instead of: {names[0]}.")


def _templates(_: Pair, one: Difference) -> Said:
    return change(Kind.TEMPLATE, f"The template {'.'.join(one.path[1:])}", one)


_PARTS: Mapping[str, Callable[[Pair, Difference], Said]] = {
    "tocsin": other,
    "people": _people,
    "teams": _teams,
    "roles": _roles,
    "services": _services,
    "severities": _severities,
    "rotations": _rotations,
    "escalation": _escalation,
    "phases": _phases,
    "types": _types,
    "rules": _rules,
    "communication": _communication,
    "templates": _templates,
    "recovery": _recovery,
    "review": _review,
    "reminders": _reminders,
    "links": other,
}
