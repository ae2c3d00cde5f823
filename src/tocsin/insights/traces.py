"""What a record shows of the plan's use: traces and their instants, and the clause of each obligation. Pure.

A trace is a short name such as `severity:P0` or `item:type.service_outage.2`. `keeping` says which clause it uses.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Declared,
    Mitigated,
    Numbered,
    Paged,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    SignalAttached,
    TypeChanged,
    Updated,
)
from tocsin.incidents.places import CallOpened, ChannelOpened
from tocsin.incidents.snooze import Snoozed
from tocsin.incidents.work import ItemTicked, ItemUnticked, RecoveryConfirmed, StrategyChosen, Verified
from tocsin.obligations.model import ANSWER_PREFIX, Kind, Obligation
from tocsin.plan.model import ON_CALL, Plan

RULE = re.compile("by the rule “(.+?)”")
PERSON = "person"  # the source of what people declare themselves


@dataclass(frozen=True)
class Seen:
    trace: str
    at: datetime


@dataclass(frozen=True)
class _Standing:
    """What the incident is at this point of its record."""

    severity: str = ""
    type: str = ""
    service: str | None = None


def traces(plan: Plan, timeline: Iterable[Numbered]) -> Iterator[Seen]:
    """Every use of the plan that the entries show, in their order. `plan` is the one that the incident is run by."""
    now = _Standing()
    for numbered in timeline:
        now = _after(now, numbered.entry)
        yield from (Seen(name, numbered.entry.at) for name in _names(plan, now, numbered.entry))


def severity_at(timeline: Sequence[Numbered], at: datetime) -> str:
    """The level at an instant: that of the last entry that set one until then."""
    now = _Standing()
    for numbered in timeline:
        if numbered.entry.at <= at or not now.severity:
            now = _after(now, numbered.entry)
    return now.severity


def clause_of(plan: Plan, severity: str, owed: Obligation) -> str:
    """The id of the clause that an obligation, opened at this level, is owed by. `plan` is the incident's own."""
    match owed.kind:
        case Kind.ACKNOWLEDGE:
            return f"severities.{severity}.acknowledge_within"
        case Kind.RESOLVE:
            return f"severities.{severity}.resolve_within"
        case Kind.PROGRESS:
            return f"severities.{severity}.silent_after"
        case Kind.SNOOZE:
            return f"severities.{severity}.snooze_most"
        case Kind.QUIET:
            return f"severities.{severity}.resolves_itself_after"
        case Kind.ROLE:
            return f"severities.{severity}.roles_within.{owed.key.removeprefix('role:')}"
        case Kind.UPDATE:
            return f"communication.audiences.{owed.audience}.cadence.{severity}"
        case Kind.ANSWER:
            return _step(plan, severity, int(owed.key.removeprefix(ANSWER_PREFIX)))
        case Kind.WATCH:
            return "recovery.watch_for"
        case Kind.REVIEW:
            return "review.meeting_within"
        case Kind.HANDOFF:
            rotation, _, part = owed.key.removeprefix("handoff:").rsplit(":", 2)
            return f"rotations.{rotation}.handing_over.{'written_before' if part == 'written' else 'accepted_within'}"
        case Kind.CANARY | Kind.COVER | Kind.TURN:
            return ""  # no plan asks for it: whatever it says, it is looked ahead
        case Kind.LOOK:
            service, _, probe = owed.key.removeprefix("look:").partition("/")
            known = plan.services.get(service)
            if known is None:
                return f"vendors.{service}.{'look_every' if probe == 'status_page' else f'probes.{probe}'}"
            return f"services.{service}.{'heartbeats' if probe in known.heartbeats else 'probes'}.{probe}"


def _step(plan: Plan, severity: str, taken: int) -> str:
    if taken < 0:
        return f"severities.{severity}.silent_after"
    level = plan.severities.get(severity)
    if level is None or level.escalation is None:
        return ""
    return f"escalation.{level.escalation}.steps.{taken % len(plan.escalation[level.escalation].steps) + 1}"


def _after(now: _Standing, entry: AnyEntry) -> _Standing:
    match entry:
        case Declared():
            return _Standing(entry.severity, entry.type, entry.service)
        case SeverityChanged():
            return replace(now, severity=entry.severity)
        case TypeChanged():
            return replace(now, type=entry.type)
        case _:
            return now


def _names(plan: Plan, now: _Standing, entry: AnyEntry) -> Iterator[str]:
    match entry:
        case Declared():
            yield from _declared(entry)
        case SeverityChanged():
            yield f"severity:{entry.severity}"
        case TypeChanged():
            yield f"type:{entry.type}"
        case SignalAttached():
            yield from _ruled(entry.why, "")
        case Paged():
            yield from _paged(plan, now, entry)
        case Acknowledged():
            yield "milestone:acknowledged"
        case RoleAssigned():
            yield f"role:{entry.role}"
            yield f"person:{entry.person}"
        case Updated():
            yield from _told(plan, now, entry)
        case Mitigated():
            yield "milestone:mitigated"
        case Resolved():
            yield from ("resolved", f"resolved:{now.severity}", "milestone:resolved")
        case Closed():
            yield "closed"
        case ReviewScheduled() | ReviewHeld():
            yield "post-mortem"
        case ItemTicked() | ItemUnticked():
            yield f"item:{entry.item}"
        case StrategyChosen():
            yield f"strategy:{entry.strategy}"
        case Snoozed():
            yield f"snoozed:{now.severity}"
        case Verified():
            yield f"check:{entry.check}"
        case RecoveryConfirmed():
            yield f"confirm:{entry.confirmation}"
        case ChannelOpened():
            yield "channel"
        case CallOpened():
            yield "call"
        case _:
            pass  # of the other entries no clause asks


def _declared(entry: Declared) -> Iterator[str]:
    yield from ("declared", "milestone:declared", f"severity:{entry.severity}", f"type:{entry.type}")
    yield f"service:{entry.service}"
    yield from (f"component:{entry.service}/{one}" for one in entry.components)
    if entry.source == PERSON:
        yield "declared by a person"
    yield from _ruled(entry.why, entry.severity)


def _ruled(why: str, severity: str) -> Iterator[str]:
    """The rule that decided, as the reason on the record names it."""
    found = RULE.search(why)
    if found:
        yield f"rule:{found[1]}"
        if severity and "error rate" in why:
            yield f"banded:{severity}"
        if severity and "slowdown" in why:
            yield f"slowed:{severity}"


def _paged(plan: Plan, now: _Standing, entry: Paged) -> Iterator[str]:
    yield f"paged:{now.severity}"
    yield from (f"person:{one}" for one in entry.people)
    if entry.step < 0:
        return  # it was no step of a policy: somebody was asked again
    level = plan.severities.get(now.severity)
    if level is None or level.escalation is None:
        return
    steps = plan.escalation[level.escalation].steps
    yield f"policy:{level.escalation}"
    for one in steps[entry.step % len(steps)].page:
        yield f"target:{plan.rotation_for(now.service) if one == ON_CALL else one}"
        if one == ON_CALL:
            yield f"on call for:{now.service}"
    if entry.step >= len(steps):
        yield f"round:{level.escalation}"


def _told(plan: Plan, now: _Standing, entry: Updated) -> Iterator[str]:
    yield f"told:{entry.audience}"
    audience = plan.communication.audiences.get(entry.audience)
    template = audience.template if audience else None
    if entry.stage is not None:
        yield f"stage:{entry.stage}"
        yield f"shown:{now.severity}"
        template = plan.communication.stages.get(entry.stage, template)
    if entry.notice:
        yield "notice"
        template = plan.recovery.notice or template
    if template:
        yield f"template:{template}"
