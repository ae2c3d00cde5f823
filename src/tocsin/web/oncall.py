"""Who is on call: now, in the weeks to come, and what happens when nobody answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import get
from litestar.response import Template

from tocsin.incidents import words
from tocsin.kit.text import listed, span
from tocsin.oncall.model import Shift
from tocsin.oncall.schedule import Rotas
from tocsin.people import store as people
from tocsin.people.model import Account
from tocsin.plan import store as plans
from tocsin.plan.model import EVERYONE, EscalationPolicy, Plan
from tocsin.plan.printing_rotas import every
from tocsin.web import now as front
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page

WEEKS = 4
DAYS = 7 * WEEKS


@dataclass(frozen=True)
class Cell:
    """A turn in the calendar: so many columns of the day it covers."""

    days: int
    person: str
    is_you: bool
    until: str


@dataclass(frozen=True)
class Row:
    rotation: str
    cells: tuple[Cell, ...]
    note: str


@dataclass(frozen=True)
class Day:
    weekday: str
    number: int
    text: str
    is_today: bool


@dataclass(frozen=True)
class Calendar:
    title: str
    days: tuple[Day, ...]
    rows: tuple[Row, ...]


def calendar(plan: Plan, rotas: Rotas, me: str, now: datetime) -> Calendar:
    """The next weeks, a column a day (in UTC): a day belongs to whoever is on call at its noon."""
    first = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [first + timedelta(days=place) for place in range(DAYS)]
    rows = []
    for name, rotation in plan.rotations.items():
        shifts = rotas.shifts(name, days[0], days[-1] + timedelta(days=1))
        handoff = f"Handed over every {every(rotation)} at {rotation.handoff:%H:%M}, {rotation.zone}."
        rows.append(Row(rotation.name or name, _cells(plan, shifts, days, me), handoff))
    heads = tuple(Day(f"{one:%a}"[:2], one.day, present.day(one), place == 0) for place, one in enumerate(days))
    return Calendar(f"{present.day(days[0])} to {present.day(days[-1])}", heads, tuple(rows))


def _cells(plan: Plan, shifts: Sequence[Shift], days: Sequence[datetime], me: str) -> tuple[Cell, ...]:
    found = []
    for shift in shifts:
        noons = [one for one in days if shift.starts_at <= one + timedelta(hours=12) < shift.ends_at]
        if noons:
            name = present.names(plan, shift.people)
            found.append(Cell(len(noons), name, me in shift.people, f"to {present.day(shift.ends_at)}"))
    return tuple(found)


@dataclass(frozen=True)
class Turn:
    starts: str
    ends: str
    starts_iso: str
    person: str
    is_you: bool
    is_now: bool


@dataclass(frozen=True)
class Turns:
    rotation: str
    turns: tuple[Turn, ...]


def turns(plan: Plan, rotas: Rotas, me: str, now: datetime) -> tuple[Turns, ...]:
    """The exact handoffs of the next weeks."""
    found = []
    for name, rotation in plan.rotations.items():
        shifts = rotas.shifts(name, now, now + timedelta(days=DAYS))
        lines = tuple(
            Turn(
                present.appointment(one.starts_at, now),
                present.appointment(one.ends_at, now),
                present.iso(one.starts_at),
                present.names(plan, one.people),
                me in one.people,
                one.starts_at <= now < one.ends_at,
            )
            for one in shifts
        )
        found.append(Turns(rotation.name or name, lines))
    return tuple(found)


@dataclass(frozen=True)
class Policy:
    name: str
    used_by: str
    steps: tuple[str, ...]
    end: str


def policies(plan: Plan) -> tuple[Policy, ...]:
    """Every escalation policy in words."""
    found = []
    for name, policy in plan.escalation.items():
        levels = [key for key, severity in plan.severities.items() if severity.escalation == name]
        used_by = f"for {listed(levels)}" if levels else "used by no severity"
        found.append(Policy(words.spaced(name).capitalize(), used_by, _steps(plan, policy), _end(policy)))
    return tuple(found)


def _steps(plan: Plan, policy: EscalationPolicy) -> tuple[str, ...]:
    return tuple(
        f"Page {listed(target_name(plan, one) for one in step.page)}; wait {span(step.wait)} for an answer."
        for step in policy.steps
    )


def _end(policy: EscalationPolicy) -> str:
    if policy.rounds is None:
        return "Then from the first step again, until somebody acknowledges."
    return f"{policy.rounds} round{'s' if policy.rounds > 1 else ''}, then nobody more is paged."


def target_name(plan: Plan, target: str) -> str:
    """What a step pages, as a reader would say it."""
    if target in plan.rotations:
        return f"whoever is {(plan.rotations[target].name or target).lower()}"
    if target == EVERYONE:
        return "everyone"
    if target in plan.teams:
        return f"the team {plan.teams[target].name} ({present.names(plan, plan.teams[target].members)})"
    return words.name(plan, target)


@dataclass(frozen=True)
class Doubt:
    """Somebody whom the plan counts on and nothing reaches."""

    name: str
    text: str


def doubts(plan: Plan, ways: Mapping[str, str], accounts: Iterable[Account]) -> tuple[Doubt, ...]:
    disabled = {one.handle for one in accounts if one.disabled_at}
    counted_on = {person for rotation in plan.rotations.values() for person in rotation.everyone}
    found = []
    for handle, person in plan.people.items():
        if ways.get(handle):
            continue
        why = "The account is disabled." if handle in disabled else "No contact method and no e-mail address."
        role = " Takes turns being on call." if handle in counted_on else ""
        found.append(Doubt(person.name, why + role))
    return tuple(found)


@get("/oncall", sync_to_thread=True)
def show_oncall(request: AnyRequest, visitor: SignedIn) -> Template:
    me = visitor.account.handle
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now = plans.current(tx), tx.now
        rotas = Rotas(plan.rotations)
        ways = front.ways_to_reach(tx, plan.people)
        return page(
            request,
            visitor,
            tx,
            "oncall.html",
            title="On call",
            here="/oncall",
            now_clock=present.clock(now)[:5],
            on_call=front.on_call(plan, rotas, ways, me, now),
            calendar=calendar(plan, rotas, me, now),
            turns=turns(plan, rotas, me, now),
            policies=policies(plan),
            doubts=doubts(plan, ways, people.people(tx)),
            reach=[
                present.Choice(handle, one.name, ways.get(handle, "") or "nothing", bool(ways.get(handle)))
                for handle, one in plan.people.items()
            ],
        )


def routes() -> list[Any]:
    return [show_oncall]
