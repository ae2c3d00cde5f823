"""What the record puts forward as a change to the plan: promises broken or waived again and again, steps never taken.

Pure. A proposal says what happened, how often, and which line of the plan it is about; a person decides. It counts only
what was asked for as the plan in force asks for it: what was changed since is not held against it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from tocsin.incidents import phases
from tocsin.incidents.model import Incident
from tocsin.incidents.work import Tick
from tocsin.insights.facts import ENDED, Measured, Owed, measured
from tocsin.insights.metrics import Summary, summary
from tocsin.kit.text import listed, span
from tocsin.obligations.model import Kind, State
from tocsin.plan.model import Plan

PlanOf = Callable[[str], Plan]
OFTEN = 0.5  # the share of the times it was asked for, from which something is broken again and again
STEP = timedelta(minutes=5)  # a longer time is proposed in whole steps


class Reason(StrEnum):
    LATE = "late"
    WAIVED = "waived"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """`path` is the place in the plan; `says` is what it asks for, `could_say` what the record would have kept."""

    reason: Reason
    path: str
    what: str
    severity: str
    times: int
    of: int
    says: str
    median: timedelta | None
    could_say: str
    text: str
    incidents: tuple[int, ...]  # their numbers


class _Asked(NamedTuple):
    """One time that the plan asked for something, and what came of it."""

    incident: Measured
    duty: Owed
    within: timedelta | None

    @property
    def is_late(self) -> bool:
        duty = self.duty
        if duty.state != State.MET:
            return duty.state in _BROKEN
        return duty.settled_at is not None and duty.settled_at > duty.due_at

    @property
    def took(self) -> timedelta | None:
        done = self.duty.settled_at if self.duty.state not in (State.MISSED, State.WAIVED) else None
        return done - self.duty.opened_at if done else None


_BROKEN = ("missed", "late")


def proposals(
    plan: Plan, plan_of: PlanOf, incidents: Iterable[Incident | Measured], obligations: Iterable[Owed], at_least: int
) -> list[Proposal]:
    """What was broken, waived or set aside at least so often, and at least every second time; the worst first.

    `plan` is the one in force; `plan_of` gives the plan of a revision.
    """
    each = (one if isinstance(one, Measured) else measured(one) for one in incidents)
    known = {one.incident_id: one for one in each if not one.is_merged}
    asked = _asked(plan, plan_of, known, obligations)
    found = [*_broken(plan, asked, at_least), *_set_aside(plan, known.values(), at_least)]
    return sorted(found, key=lambda one: (-one.times / one.of, -one.times, one.path))


def _is_often(some: Sequence[object], all_: Sequence[object], at_least: int) -> bool:
    return len(some) >= max(1, at_least, OFTEN * len(all_))


# ---- Promises broken, promises waived ----


def _asked(
    plan: Plan, plan_of: PlanOf, known: Mapping[str, Measured], obligations: Iterable[Owed]
) -> dict[tuple[str, str], list[_Asked]]:
    """By the place in the plan, and the level."""

    @cache
    def place(revision: str, level: str, kind: str, key: str) -> tuple[list[_Asked], timedelta | None] | None:
        now, then = _place(plan, level, kind, key), _place(plan_of(revision), level, kind, key)
        return (found.setdefault((now[0], level), []), now[1]) if now and now == then else None

    found: dict[tuple[str, str], list[_Asked]] = {}
    for duty in obligations:
        incident = known.get(duty.incident_id or "")
        if incident is not None and duty.state in ENDED:
            there = place(incident.plan_revision, incident.severity, duty.kind, duty.key)
            if there is not None:
                there[0].append(_Asked(incident, duty, there[1]))
    return found


def _place(plan: Plan, level: str, kind: str, key: str) -> tuple[str, timedelta | None] | None:
    """Where the plan asks for this, and within which time; None if it does not ask for it."""
    severity, (_, _, name) = plan.severities.get(level), key.partition(":")
    if severity is None:
        return None
    match kind:
        case Kind.ACKNOWLEDGE:
            return f"severities.{level}.acknowledge_within", severity.acknowledge_within
        case Kind.RESOLVE:
            return f"severities.{level}.resolve_within", severity.resolve_within
        case Kind.ROLE if name in severity.roles_within:
            return f"severities.{level}.roles_within.{name}", severity.roles_within[name]
        case Kind.UPDATE:
            audience = plan.communication.audiences.get(name)
            cadence = audience.cadence.get(level) if audience else None
            return (f"communication.audiences.{name}.cadence.{level}", cadence.every) if cadence else None
        case Kind.REVIEW:
            return "review.meeting_within", plan.review.meeting_within
        case _:
            return None


def _broken(plan: Plan, asked: Mapping[tuple[str, str], Sequence[_Asked]], at_least: int) -> Iterator[Proposal]:
    for (path, severity), those in asked.items():
        late = [one for one in those if one.is_late]
        if _is_often(late, those, at_least):
            yield _late(plan, path, severity, those, late)
        waived = [one for one in those if one.duty.state == State.WAIVED]
        if _is_often(waived, those, at_least):
            yield _waived(plan, path, severity, those, waived)


def _late(plan: Plan, path: str, severity: str, those: Sequence[_Asked], late: Sequence[_Asked]) -> Proposal:
    within, what = those[-1].within, _what(plan, those[-1].duty)
    took = summary([one.took for one in those if one.took is not None])
    could_say = _could_say(took, within, len(those))
    says = span(within) if within else ""
    never = sum(one.took is None for one in late)
    parts = [
        f"{what}: late in {len(late)} of {len(those)} at {severity}",
        f"median {span(_minutes(took.median))}" if took.median is not None else "",
        f"the plan says {says}" if says else "",
        f"{never} times it was never done" if never else "",
        f"nine in ten were done within {could_say}" if could_say else "",
    ]
    advice = "Ask for less, or make it easier: another owner, an earlier reminder, a fallback."
    return Proposal(
        reason=Reason.LATE,
        path=path,
        what=what,
        severity=severity,
        times=len(late),
        of=len(those),
        says=says,
        median=took.median,
        could_say=could_say,
        text=f"{'; '.join(one for one in parts if one)}. {advice}",
        incidents=_numbers(late),
    )


def _could_say(took: Summary, within: timedelta | None, asked: int) -> str:
    """The time that nine in ten would have kept; nothing where too many never did it at all, or it is no longer."""
    if took.p90 is None or within is None or took.n < OFTEN * asked:
        return ""
    steps = -(-took.p90 // STEP) * STEP
    return span(steps) if steps > within else ""


def _waived(plan: Plan, path: str, severity: str, those: Sequence[_Asked], waived: Sequence[_Asked]) -> Proposal:
    within, what = those[-1].within, _what(plan, those[-1].duty)
    reasons = listed(dict.fromkeys(one.duty.evidence for one in waived if one.duty.evidence))
    why = f", because: {reasons}" if reasons else ""
    text = f"{what}: waived in {len(waived)} of {len(those)} at {severity}{why}. Perhaps it need not be owed there."
    return Proposal(
        reason=Reason.WAIVED,
        path=path,
        what=what,
        severity=severity,
        times=len(waived),
        of=len(those),
        says=span(within) if within else "",
        median=None,
        could_say="",
        text=text,
        incidents=_numbers(waived),
    )


def _what(plan: Plan, duty: Owed) -> str:
    _, _, name = duty.key.partition(":")
    if duty.kind == Kind.ROLE and name in plan.roles:
        return f"{plan.roles[name].name} named"
    if duty.kind == Kind.UPDATE and name in plan.communication.audiences:
        return f"{plan.communication.audiences[name].name} told"
    named = {Kind.ACKNOWLEDGE: "Acknowledged", Kind.RESOLVE: "Resolved", Kind.REVIEW: "Post-mortem held"}
    return named.get(Kind(duty.kind), duty.what)


def _minutes(length: timedelta) -> timedelta:
    return timedelta(minutes=round(length.total_seconds() / 60)) if length >= timedelta(minutes=1) else length


def _numbers(those: Iterable[_Asked]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one.incident.number for one in those))


# ---- Steps that do not apply ----


def _set_aside(plan: Plan, incidents: Iterable[Measured], at_least: int) -> Iterator[Proposal]:
    """Items of checklists that people say do not apply, of those on which they said anything."""
    marked: dict[str, list[tuple[Measured, Tick]]] = {}
    for incident in incidents:
        for item, tick in incident.ticks.items():
            marked.setdefault(item, []).append((incident, tick))
    worded = phases.wording(plan)
    for item, those in marked.items():
        what = worded.get(item, "")
        aside = [incident for incident, tick in those if tick is Tick.NOT_APPLICABLE]
        if what and _is_often(aside, those, at_least):
            yield Proposal(
                reason=Reason.SET_ASIDE,
                path=item,
                what=what,
                severity="",
                times=len(aside),
                of=len(those),
                says="",
                median=None,
                could_say="",
                text=f"“{what}” did not apply in {len(aside)} of {len(those)}. Perhaps the checklist can do without.",
                incidents=tuple(one.number for one in aside),
            )


# ---- As plain values ----


def as_json(found: Proposal) -> dict[str, Any]:
    """A proposal as strings, numbers and lists. Spans are seconds, as in the report."""
    return {
        "reason": str(found.reason),
        "path": found.path,
        "what": found.what,
        "severity": found.severity,
        "times": found.times,
        "of": found.of,
        "says": found.says,
        "median_seconds": found.median.total_seconds() if found.median is not None else None,
        "could_say": found.could_say,
        "text": found.text,
        "incidents": list(found.incidents),
    }
