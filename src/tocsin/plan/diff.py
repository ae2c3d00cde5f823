"""What a change of the plan does, in sentences.

Each difference becomes one consequence with its path, so that nothing can change unsaid.

A consequence is large when less is promised than before: a deadline moves later or goes away, something is no longer
owed, fewer people are paged or later, a person or anything that the plan relies on is gone, or other things become
public than before. Everything else is small.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from tocsin.kit.text import listed, span
from tocsin.people.model import Urgency
from tocsin.plan import diff_people, diff_work
from tocsin.plan.consequences import (
    Consequence,
    Kind,
    Pair,
    Said,
    Weight,
    comes_or_goes,
    deadline,
    gains_and_losses,
    in_words,
    order,
    replaced,
    without,
)
from tocsin.plan.diff_words import at_levels, worded
from tocsin.plan.differences import ABSENT, Difference, walk
from tocsin.plan.model import Audience, Cadence, Call, Chat, Need, Plan, Severity


def diff(old: Plan, new: Plan) -> list[Consequence]:
    """Every difference between two plans as a consequence, in the order of the file. None between equal plans."""
    pair = Pair(old, new)
    return [_consequence(pair, one) for one in walk((), old, new)]


def large(found: list[Consequence]) -> list[Consequence]:
    """Those that somebody should have said yes to."""
    return [one for one in found if one.weight is Weight.LARGE]


def _consequence(pair: Pair, one: Difference) -> Consequence:
    said = _PARTS.get(one.path[0], _otherwise)(pair, one)
    weight = Weight.LARGE if said.is_large else Weight.SMALL
    return Consequence(said.kind, ".".join(one.path), said.sentence, weight)


def _otherwise(pair: Pair, one: Difference) -> Said:
    return worded(pair, one) or in_words(pair, one)


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
            return diff_people.pages(pair, level, one)
        case (level, "urgency"):
            return _waits(pair, level, one)
        case (level, "post_mortem"):
            return _post_mortem(pair, level, one)
        case (level, "error_rate", *_):
            return diff_work.band(pair, level, one)
        case (level, "public_impact"):
            return Said(Kind.OTHER, f"{level} is {one.after} on the status page instead of {one.before}.")
        case _:
            return worded(pair, one) or in_words(pair, one)


def _waits(pair: Pair, level: str, one: Difference) -> Said:
    before, after = pair.old.urgency(level), pair.new.urgency(level)
    if before is after:
        return replaced(Kind.OTHER, one)
    if after is Urgency.HIGH:
        return Said(Kind.PAGING, f"Pages of {level} no longer wait for the end of anybody's quiet hours.")
    return Said(Kind.PAGING, f"Pages of {level} now wait for the end of a person's quiet hours.", is_large=True)


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
            return Said(Kind.OBLIGATION, f"{level} now owes {_a(role)} within {span(within)}.")
        case _:
            return Said(Kind.OBLIGATION, f"{level} no longer owes {_a(role)}.", is_large=True)


def _a(thing: str) -> str:
    return f"{'an' if thing[:1] in 'aeiou' else 'a'} {thing}"


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


def _services(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (service, "readers"):
            who = f"Confidential incidents of the service {service} are also read by"
            return gains_and_losses(Kind.OTHER, who, one.before, one.after, is_large=False)
        case (_, "rotation"):
            return diff_people.on_call_for(pair.called("services", one.path[1]), one)
        case (_, "probes", probe, "every") if isinstance(one.before, timedelta) and isinstance(one.after, timedelta):
            name = pair.called("services", one.path[1])
            sentence = f"{name} is looked at by {probe} every {span(one.after)} instead of every {span(one.before)}."
            return Said(Kind.WATCHING, sentence, is_large=one.after > one.before)
        case (_, "probes", _, "failures") if isinstance(one.before, int) and isinstance(one.after, int):
            name = pair.called("services", one.path[1])
            sentence = f"{name} counts as broken after {one.after} bad looks in a row instead of {one.before}."
            return Said(Kind.WATCHING, sentence, is_large=one.after > one.before)
        case _:
            return worded(pair, one) or replaced(Kind.WATCHING, one)


# ---- Telling others, and afterwards ----------------------------------------------------------------------------------


def _communication(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case ("channels", *rest):
            return _channels(pair, tuple(rest), one)
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
        case ("audiences", audience, "confidential"):
            word = "is told of confidential incidents too" if one.after else "hears nothing of confidential incidents"
            sentence = f"{pair.called('audiences', audience)} {word} from now on."
            return Said(Kind.OBLIGATION, sentence, is_large=True)
        case ("audiences", audience, "plain"):
            word = "is shown the words of the trade in it" if one.after else "is no longer shown words of the trade"
            return Said(Kind.WORDS, f"Whoever writes to {pair.called('audiences', audience)} {word}.")
        case _:
            return worded(pair, one) or in_words(pair, one)


def _channels(pair: Pair, rest: tuple[str, ...], one: Difference) -> Said:
    match rest, one.after:
        case ("chat",), Chat() as chat:
            return Said(Kind.OTHER, f"Incidents now have a chat channel, called “{chat.name}”.")
        case ("chat",), _:
            return Said(Kind.OTHER, "Incidents have no chat channel any more.", is_large=True)
        case ("call",), Call() as call:
            return Said(Kind.OTHER, f"Incidents at {at_levels(call.severities)} now have a call, at “{call.link}”.")
        case ("call",), _:
            return Said(Kind.OTHER, "Incidents have no call any more.", is_large=True)
        case (channel, "severities"), _:
            where = "a chat channel" if channel == "chat" else "a call"
            sentence = f"Incidents have {where} at {at_levels(one.after)}, not {at_levels(one.before)}."
            return Said(Kind.OTHER, sentence)
        case _:
            return worded(pair, one) or replaced(Kind.OTHER, one)


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
    if isinstance(one.after, Cadence):
        first, every = span(one.after.first_within), span(one.after.every)
        first_word = "" if one.after.first_within == one.after.every else f" within {first}, then"
        return Said(Kind.OBLIGATION, f"{level} now owes {_a(update)}{first_word} every {every}.")
    return Said(Kind.OBLIGATION, f"{level} no longer owes {_a(update)}.", is_large=True)


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
            return worded(pair, one) or replaced(Kind.OTHER, one)


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
        case ("sections", name, "required"):
            word = "must be written before the post-mortem is final" if one.after else "may stay empty"
            sentence = f"The section {name} of the post-mortem {word} from now on."
            return Said(Kind.OBLIGATION, sentence, is_large=not one.after)
        case ("sections" | "horizons", name):
            return comes_or_goes(Kind.WORDS, f"The {one.path[1][:-1]} {name} of the post-mortem", one)
        case ("attendees",):
            return gains_and_losses(Kind.PEOPLE, "Who is invited to the post-mortem", one.before, one.after)
        case _:
            return worded(pair, one) or in_words(pair, one)


def _metrics(pair: Pair, one: Difference) -> Said:
    match one.path[1:]:
        case (_, "targets", level):
            return deadline(f"The target of {pair.called('metrics', one.path[1])} at {level}", one)
        case _:
            return worded(pair, one) or in_words(pair, one)


def _owner(pair: Pair, what: str, one: Difference) -> Said:
    names = [
        pair.called("roles", str(owner)).lower() if owner else "whoever is on call" for owner in (one.before, one.after)
    ]
    return Said(Kind.OBLIGATION, f"{what} falls to: {names[1]}, instead of: {names[0]}.")


def _templates(pair: Pair, one: Difference) -> Said:
    """A template, by whoever uses it: the public at a stage, or an audience."""
    name = one.path[1]
    telling = pair.new.communication
    users = [f"the public at the stage {stage}" for stage, template in telling.stages.items() if template == name]
    users += [audience.name for audience in telling.audiences.values() if audience.template == name]
    if one.before is ABSENT or one.after is ABSENT:
        return comes_or_goes(Kind.TEMPLATE, f"The template {name}", one)
    read = f"what {listed(users)} is told" if users else "whatever is written with it"
    return Said(Kind.TEMPLATE, f"The template {name} has other words, and so has {read}.")


_PARTS: Mapping[str, Callable[[Pair, Difference], Said]] = {
    "people": diff_people.people,
    "teams": diff_people.teams,
    "roles": diff_people.roles,
    "services": _services,
    "severities": _severities,
    "rotations": diff_people.rotations,
    "escalation": diff_people.escalation,
    "phases": diff_work.phases,
    "types": diff_work.types,
    "rules": diff_work.rules,
    "communication": _communication,
    "templates": _templates,
    "recovery": _recovery,
    "review": _review,
    "metrics": _metrics,
    "reminders": _reminders,
}
