"""Which incidents would have resolved themselves by a plan, from what its rules make of signals and when those changed.

What people would have done is not known: it is told as if nobody had taken a role. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.kit.text import span
from tocsin.plan.model import Plan
from tocsin.signals import flapping, history
from tocsin.signals.flapping import CALM
from tocsin.signals.model import State
from tocsin.signals.routing import Route
from tocsin.signals.store import Signal


@dataclass(frozen=True)
class Ending:
    """Of a severity whose incidents resolve themselves after so long: how many there would have been, and how many of
    them would have done so."""

    severity: str
    after: timedelta
    incidents: int
    themselves: int


@dataclass(frozen=True)
class Spell:
    """A time in which a signal fired, and how bad that was; without an end it still does."""

    begins_at: datetime
    ends_at: datetime | None
    severity: str


def is_asked(plan: Plan) -> bool:
    return any(one.resolves_itself_after is not None for one in plan.severities.values())


def endings(plan: Plan, routed: Iterable[tuple[Signal, Route]], now: datetime) -> tuple[Ending, ...]:
    """For each severity of the plan whose incidents resolve themselves, and of which there would have been any."""
    alike: dict[tuple[str, str | None], list[Spell]] = defaultdict(list)
    for signal, route in routed:
        alike[route.type, route.service] += spells(plan, signal, route.severity)
    ended: dict[str, list[bool]] = defaultdict(list)
    for those in alike.values():
        for incident in _incidents(plan, sorted(those, key=lambda one: one.begins_at)):
            severity = min((one.severity for one in incident), key=plan.rank)
            ended[severity].append(_resolves(plan, incident, severity, now))
    return tuple(
        Ending(level, one.resolves_itself_after, len(ended[level]), sum(ended[level]))
        for level, one in plan.severities.items()
        if one.resolves_itself_after is not None and ended[level]
    )


def spells(plan: Plan, signal: Signal, severity: str) -> Iterator[Spell]:
    """When it fired, as far as its history goes back. While it flaps, that it clears is no end."""
    turns, begins_at, ends_at = CALM, None, None
    for said in reversed(history.read(signal.history)):
        fires = said.state != State.RESOLVED
        if fires == (begins_at is not None and ends_at is None):
            continue
        if fires and begins_at is not None and ends_at is not None and said.at >= ends_at:
            yield Spell(begins_at, ends_at, severity)
            begins_at = None
        turns = flapping.turned(plan.flapping, turns, said.at)
        begins_at = (begins_at or said.at) if fires else begins_at
        ends_at = None if fires else turns.calm_at or said.at
    if begins_at is not None:
        yield Spell(begins_at, ends_at, severity)


def _incidents(plan: Plan, those: Sequence[Spell]) -> Iterator[list[Spell]]:
    """Spells that would have been on one incident: until its watch has passed, whatever is like it reopens it."""
    found: list[Spell] = []
    for one in those:
        ends_at = _ends_at(found)
        severity = min((each.severity for each in found), key=plan.rank, default=None)
        wait = plan.severities[severity].resolves_itself_after if severity else None
        if found and ends_at and one.begins_at > ends_at + (wait or timedelta()) + plan.recovery.watch_for:
            yield found
            found = []
        found = [*found, one]
    if found:
        yield found


def _ends_at(found: Sequence[Spell]) -> datetime | None:
    ends = [one.ends_at for one in found if one.ends_at is not None]
    return max(ends) if len(ends) == len(found) and ends else None


def _resolves(plan: Plan, incident: Sequence[Spell], severity: str, now: datetime) -> bool:
    wait, ends_at = plan.severities[severity].resolves_itself_after, _ends_at(incident)
    return wait is not None and ends_at is not None and ends_at + wait <= now


def sentence(one: Ending) -> str:
    """`2 of 3 incidents of P3 would have resolved themselves: that takes 15 min …`"""
    many = f"{one.incidents} {'incident' if one.incidents == 1 else 'incidents'} of {one.severity}"
    which = "itself" if 1 in (one.themselves, one.incidents) else "themselves"
    takes = f"that takes {span(one.after)} with all of its signals clear, and nobody in a role"
    return f"{one.themselves or 'None'} of {many} would have resolved {which}: {takes}."
