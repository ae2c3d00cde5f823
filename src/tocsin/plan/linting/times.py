"""Times that contradict each other: of phases, severities, escalation, roles, updates and the watch."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations, pairwise

from tocsin.kit.text import listed, span
from tocsin.plan.linting import prose
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Milestone, Phase, Plan

_MILESTONES = list(Milestone)


def _timed_phases(plan: Plan) -> Iterator[tuple[str, Phase, timedelta]]:
    for key, phase in plan.phases.items():
        if phase.within is not None:
            yield f"phases.{key}.within", phase, phase.within


def _each(pairs: list[tuple[str, timedelta]]) -> str:
    return listed(f"{key} ({span(length)})" for key, length in pairs)


@check(
    "acknowledge-differs",
    Level.WARNING,
    "A phase is over before an incident has to be acknowledged.",
    mend="Give the phase more time or the severity less, or say which of the two is the promise.",
)
def acknowledge_differs(plan: Plan) -> Iterator[Remark]:
    for path, phase, within in _timed_phases(plan):
        late = [
            (key, one.acknowledge_within)
            for key, one in plan.severities.items()
            if one.acknowledge_within > within and phase.begins_when in (Milestone.DECLARED, Milestone.ACKNOWLEDGED)
        ]
        if late:
            yield Remark(path, f"{phase.name} ends {span(within)} in, before {_each(late)} must be acknowledged")


@check(
    "escalates-too-late",
    Level.WARNING,
    "The first step of a policy waits longer than the severity allows for an answer.",
    mend="Shorten the first step's wait to less than the time within which the severity is acknowledged.",
)
def escalates_too_late(plan: Plan) -> Iterator[Remark]:
    for key, policy in plan.escalation.items():
        pressed = [
            (level, one.acknowledge_within)
            for level, one in plan.severities.items()
            if one.escalation == key and policy.steps and policy.steps[0].wait > one.acknowledge_within
        ]
        if pressed:
            wait = span(policy.steps[0].wait)
            reason = f"nobody else is paged before {wait}, and an answer is promised sooner: {_each(pressed)}"
            yield Remark(f"escalation.{key}.steps.1.wait", reason)


@check(
    "phase-outlasts-target",
    Level.WARNING,
    "A phase before the resolution lasts longer than a severity's target for it.",
    mend="Shorten the phase to the shortest target, or leave its time to the severities.",
)
def phase_outlasts_target(plan: Plan) -> Iterator[Remark]:
    for path, phase, within in _timed_phases(plan):
        shorter = [(key, one.resolve_within) for key, one in plan.severities.items() if one.resolve_within < within]
        if shorter and phase.begins_when is not Milestone.RESOLVED:
            yield Remark(path, f"{phase.name} may last {span(within)}, longer than the target of {_each(shorter)}")


@check(
    "phase-falls-short",
    Level.WARNING,
    "The phase in which incidents are resolved is over before a severity's target.",
    mend="Leave the time of this phase to the severities, or bring their targets down to it.",
)
def phase_falls_short(plan: Plan) -> Iterator[Remark]:
    before = [one for one in plan.phases.values() if one.begins_when is not Milestone.RESOLVED]
    last = max((_MILESTONES.index(one.begins_when) for one in before), default=0)
    for path, phase, within in _timed_phases(plan):
        longer = [(key, one.resolve_within) for key, one in plan.severities.items() if one.resolve_within > within]
        resolves = phase.begins_when is not Milestone.RESOLVED and _MILESTONES.index(phase.begins_when) == last
        if longer and resolves and last > 0:
            yield Remark(path, f"{phase.name} ends {span(within)} in, before the target of {_each(longer)}")


@check(
    "phases-out-of-order",
    Level.WARNING,
    "A later phase ends before an earlier one.",
    mend="Write the phases in order, each with a longer time than the one before.",
)
def phases_out_of_order(plan: Plan) -> Iterator[Remark]:
    for (_, first, ends), (path, second, within) in pairwise(_timed_phases(plan)):
        if within < ends:
            yield Remark(path, f"{second.name} ends {span(within)} in, before {first.name} does ({span(ends)})")


@check(
    "worse-answered-later",
    Level.WARNING,
    "A worse severity is given more time than a lesser one.",
    mend="Put the severities in order, the worst first, or exchange the times.",
)
def worse_answered_later(plan: Plan) -> Iterator[Remark]:
    for (worse, one), (lesser, other) in pairwise(plan.severities.items()):
        for key, what in (("acknowledge_within", "answered"), ("resolve_within", "resolved")):
            here, there = getattr(one, key), getattr(other, key)
            if here > there:
                reason = f"{worse} is to be {what} within {span(here)}, the lesser {lesser} within {span(there)}"
                yield Remark(f"severities.{worse}.{key}", reason)


@check(
    "role-too-late",
    Level.WARNING,
    "A role need only be filled when the incident should be over.",
    mend="Ask for the role sooner, or not at all.",
)
def role_too_late(plan: Plan) -> Iterator[Remark]:
    for level, severity in plan.severities.items():
        for role, within in severity.roles_within.items():
            if within >= severity.resolve_within:
                reason = (
                    f"to be filled within {span(within)}, and {level} is resolved by {span(severity.resolve_within)}"
                )
                yield Remark(f"severities.{level}.roles_within.{role}", reason)


@check(
    "two-cadences",
    Level.WARNING,
    "The same people are promised updates in two rhythms.",
    mend="Keep the stricter one, and take the other out.",
)
def two_cadences(plan: Plan) -> Iterator[Remark]:
    for (first, one), (second, other) in combinations(plan.communication.audiences.items(), 2):
        shared = [name for name in plan.members(one.to) if name in plan.members(other.to)]
        same = shared if not (one.public or other.public) else one.public and other.public
        for level in one.cadence if same and one.owner == other.owner else ():
            if level in other.cadence and one.cadence[level].every != other.cadence[level].every:
                here, there = other.cadence[level].every, one.cadence[level].every
                readers = listed(shared) or "the public"
                reason = f"{level}: {readers} hear every {span(here)} here, and every {span(there)} as {first}"
                yield Remark(f"communication.audiences.{second}.cadence.{level}", reason)

    yield from _said_otherwise(plan)


def _said_otherwise(plan: Plan) -> Iterator[Remark]:
    """What the severity's own words say about updates, where no audience is told so."""
    for level, severity in plan.severities.items():
        kept = {
            audience.name: audience.cadence[level].every
            for audience in plan.communication.audiences.values()
            if level in audience.cadence
        }
        said = list(prose.demands(severity, level))
        if not kept:
            yield from _denied(said)
        else:
            owed = listed(f"{name} every {span(every)}" for name, every in kept.items())
            for path, text in said:
                for words in _other_rhythms(text, set(kept.values())):
                    yield Remark(path, f'"{words}" is said here, and {owed} is owed')


def _denied(said: list[tuple[str, str]]) -> Iterator[Remark]:
    """Updates that one sentence asks for as they are needed, and another says there are none of."""
    denial = next((found[0] for _, text in said if (found := prose.NO_UPDATES.search(text))), None)
    for path, text in said if denial else ():
        found = prose.AS_NEEDED.search(text)
        if found and prose.UPDATES.search(text):
            yield Remark(path, f'"{found[0]}" is said here, and "{denial}" beside it')


def _other_rhythms(text: str, kept: set[timedelta]) -> Iterator[str]:
    yield from (words for every, words in prose.rhythms(text) if every not in kept)
    for pattern in (prose.AS_NEEDED, prose.NO_UPDATES):
        found = pattern.search(text)
        if found and prose.UPDATES.search(text):
            yield found[0]


@check(
    "update-too-late",
    Level.WARNING,
    "An update falls due only when the incident should be over.",
    mend="Tell this audience sooner, or not at all.",
)
def update_too_late(plan: Plan) -> Iterator[Remark]:
    for path, level, first, every in _cadences(plan):
        target = plan.severities[level].resolve_within if level in plan.severities else None
        if target is not None and (first > target or every > target):
            here, what = ("first_within", first) if first > target else ("every", every)
            yield Remark(
                f"{path}.{here}", f"{level} should be over within {span(target)}, before {span(what)} have passed"
            )


@check(
    "worse-told-less",
    Level.WARNING,
    "An audience hears less of a worse severity than of a lesser one.",
    mend="Tell the audience of the worse severity at least as often.",
)
def worse_told_less(plan: Plan) -> Iterator[Remark]:
    for key, audience in plan.communication.audiences.items():
        for worse, lesser in pairwise(plan.severities):
            path = f"communication.audiences.{key}.cadence"
            here, there = audience.cadence.get(worse), audience.cadence.get(lesser)
            if there and (here is None or here.every > there.every):
                told = f"every {span(here.every)}" if here else "never"
                yield Remark(
                    path, f"{audience.name}: told {told} at {worse}, and every {span(there.every)} at {lesser}"
                )


@check(
    "watch-too-long",
    Level.WARNING,
    "The watch after the fix is longer than what it belongs to.",
    mend="Shorten the watch, or give the review or the targets more time.",
)
def watch_too_long(plan: Plan) -> Iterator[Remark]:
    watch = plan.recovery.watch_for
    if watch > plan.review.meeting_within:
        held = span(plan.review.meeting_within)
        yield Remark(
            "recovery.watch_for", f"the review is held within {held}, before {span(watch)} of watching are over"
        )
    shorter = [(key, one.resolve_within) for key, one in plan.severities.items() if watch > one.resolve_within]
    if shorter:
        yield Remark("recovery.watch_for", f"{span(watch)} of watching outlast the target of {_each(shorter)}")


def _cadences(plan: Plan) -> Iterator[tuple[str, str, timedelta, timedelta]]:
    for key, audience in plan.communication.audiences.items():
        for level, one in audience.cadence.items():
            yield f"communication.audiences.{key}.cadence.{level}", level, one.first_within, one.every


CHECKS: tuple[Check, ...] = (
    acknowledge_differs,
    escalates_too_late,
    phase_outlasts_target,
    phase_falls_short,
    phases_out_of_order,
    worse_answered_later,
    role_too_late,
    two_cadences,
    update_too_late,
    worse_told_less,
    watch_too_long,
)
