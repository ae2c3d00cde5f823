"""Who is on call: now, in the weeks to come, and what happens when nobody answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.incidents import words
from tocsin.kit.errors import Invalid, NotFound, Refused
from tocsin.kit.text import ended, listed, span
from tocsin.oncall import commands
from tocsin.oncall import store as oncall
from tocsin.oncall.coverage import Proof, Stretch, stretches
from tocsin.oncall.handoff import State
from tocsin.oncall.model import Shift
from tocsin.oncall.schedule import Rotas
from tocsin.paging.trial import Trial
from tocsin.people import store as people
from tocsin.people.model import Account, called
from tocsin.plan import store as plans
from tocsin.plan.model import EVERYONE, EscalationPolicy, Plan
from tocsin.plan.printing_rotas import every
from tocsin.response import covering, trials
from tocsin.web import arranging, present
from tocsin.web import now as front
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import Asked, SignedIn, Tx, Visitor, page
from tocsin.web.trouble import Trouble, trouble

WEEKS = 4
DAYS = 7 * WEEKS
COVER_WEEKS = 8
HOLES_SHOWN = 8
TURNS_SHOWN = 12  # of each rotation; the others are counted


@dataclass(frozen=True)
class Cell:
    """A turn in the calendar: so many columns of the day it covers."""

    days: int
    person: str
    is_you: bool
    until: str
    handles: str = ""
    short: str = ""  # for a cell of few columns
    initials: str = ""  # for a cell of one
    is_gap: bool = False
    is_arranged: bool = False


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
        rows.append(Row(rotation.name or name, tuple(_cells(plan, shifts, days, me)), handoff))
    heads = tuple(Day(f"{one:%a}"[:2], one.day, present.day(one), place == 0) for place, one in enumerate(days))
    return Calendar(f"{present.day(days[0])} to {present.day(days[-1])}", heads, tuple(rows))


def _cells(plan: Plan, shifts: Sequence[Shift], days: Sequence[datetime], me: str) -> Iterator[Cell]:
    """Days side by side on which the same people are on call at noon are one cell; a gap is one too."""
    noons = (one + timedelta(hours=12) for one in days)
    held = [next((one for one in shifts if one.starts_at <= noon < one.ends_at), None) for noon in noons]
    for (holders, is_arranged), group in groupby(
        held, key=lambda one: (one.people, bool(one.overrides)) if one else ((), False)
    ):
        cells = list(group)
        last = cells[-1]
        if last is None:
            yield Cell(len(cells), "Nobody", is_you=False, until="a gap", short="Gap", initials="!", is_gap=True)
        else:
            name, until = present.names(plan, holders), f"to {present.day(last.ends_at)}"
            short = listed(present.first_name(words.name(plan, one)) for one in holders)
            first = present.initials(words.name(plan, holders[0])) if holders else ""
            initials = f"{first}+" if len(holders) > 1 else first
            yield Cell(len(cells), name, me in holders, until, " ".join(holders), short, initials, False, is_arranged)


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
    more: int


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
        found.append(Turns(rotation.name or name, lines[:TURNS_SHOWN], max(0, len(lines) - TURNS_SHOWN)))
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


def doubtful(plan: Plan, failed: Iterable[Trial], now: datetime) -> tuple[Doubt, ...]:
    """Ways of paging whose last test failed."""
    return tuple(
        Doubt(
            words.name(plan, one.handle),
            f"By {called(one.channel)} since {present.moment(one.settled_at or one.opened_at, now)}: {one.why}.",
        )
        for one in failed
    )


@dataclass(frozen=True)
class Hole:
    state: str
    word: str
    span: str
    why: str
    missing: str
    caught: str


@dataclass(frozen=True)
class Cover:
    """The proof of the coming weeks."""

    holds: bool
    until: str
    holes: tuple[Hole, ...]
    more: int


def cover(proof: Proof, now: datetime) -> Cover:
    found = [_hole(one, proof, now) for one in stretches(proof.holes)]
    return Cover(proof.holds, present.day(proof.ends_at), tuple(found[:HOLES_SHOWN]), max(0, len(found) - HOLES_SHOWN))


def _hole(one: Stretch, proof: Proof, now: datetime) -> Hole:
    begin = "now" if one.starts_at <= proof.starts_at else present.appointment(one.starts_at, now)
    end = (
        present.appointment(one.ends_at, now) if one.ends_at < proof.ends_at else f"{present.day(one.ends_at)} at least"
    )
    state, word = ("missed", "Nobody is there") if one.is_open else ("degraded", "Somebody else is asked")
    return Hole(state, word, f"{begin} to {end}", ended(one.why), listed(one.missing), listed(one.caught))


@get("/oncall", sync_to_thread=True)
def show_oncall(request: AnyRequest, visitor: SignedIn) -> Template:
    return _page(request, visitor, {}, None)


def _page(request: AnyRequest, visitor: Visitor, typed: Mapping[str, str], wrong: Trouble | None) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        return draw_oncall(request, visitor, tx, typed, wrong)


def draw_oncall(
    request: AnyRequest | Asked,
    visitor: Visitor,
    tx: Tx,
    typed: Mapping[str, str] = MappingProxyType({}),
    wrong: Trouble | None = None,
) -> Template:
    me = visitor.account.handle
    plan, now = plans.current(tx), tx.now
    rotas = oncall.rotas(tx, plan)
    ways = front.ways_to_reach(tx, plan.people)
    return page(
        request,
        visitor,
        tx,
        "oncall.html",
        title="On call",
        here="/oncall",
        status=wrong.status if wrong else 200,
        wrong=wrong,
        typed=typed,
        now_clock=present.clock(now)[:5],
        on_call=front.on_call(plan, rotas, ways, me, now),
        calendar=calendar(plan, rotas, me, now),
        turns=turns(plan, rotas, me, now),
        arranged=arranging.view(tx, plan, rotas, me),
        can_write=visitor.can_write,
        hands_over=any(one.handing_over is not None for one in plan.rotations.values()),
        handoffs_waiting=_waiting(tx, me),
        policies=policies(plan),
        doubts=doubts(plan, ways, people.people(tx, plan.people)),
        doubtful=doubtful(plan, trials.doubts(tx, plan.people), now),
        cover=cover(covering.proof(tx, COVER_WEEKS), now),
        reach=[
            present.Choice(handle, one.name, ways.get(handle, "") or "nothing", bool(ways.get(handle)))
            for handle, one in plan.people.items()
        ],
    )


def _waiting(tx: Tx, me: str) -> int:
    """How many handoffs wait for this person: to be written, or to be accepted."""
    standing = [one for one in oncall.handoffs_since(tx, tx.now) if one.is_standing]
    to_write = sum(me in one.outgoing and one.state is not State.WRITTEN for one in standing)
    return to_write + sum(me in one.incoming and one.state is State.WRITTEN for one in standing)


# ---- Forms -----------------------------------------------------------------------------------------------------------


def _act(
    request: AnyRequest, visitor: Visitor, form: Form, name: str, done: str, command: Callable[[Tx], object]
) -> Template | Redirect:
    """Carry out what a form asks for, or show it again with what is wrong."""
    try:
        visitor.app.database.run(visitor.actor, command)
    except (Invalid, Refused) as why:
        ids = {field: f"{name}-{field}" for field in FIELDS}
        return _page(request, visitor, form.typed(), replace(trouble(why, ids), form=name))
    return Redirect(f"/oncall?done={done}", status_code=303)


FIELDS = ("rotation", "person", "instead_of", "starts_at", "ends_at", "reason", "other", "gives", "takes", "answer")


@post("/oncall/overrides", sync_to_thread=True)
def make_override(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    return _act(request, visitor, form, "take", "override", lambda tx: arranging.make_override(tx, form))


@post("/oncall/overrides/{override_id:str}/cancel", sync_to_thread=True)
def cancel_override(
    request: AnyRequest, visitor: SignedIn, override_id: FromPath[str], form: Sent
) -> Template | Redirect:
    reason = form.text("reason")
    return _act(request, visitor, form, "cancel", "override_off", lambda tx: commands.cancel(tx, override_id, reason))


@post("/oncall/swaps", sync_to_thread=True)
def ask_to_swap(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    return _act(request, visitor, form, "give", "swap_asked", lambda tx: arranging.ask(tx, form))


@post("/oncall/swaps/{swap_id:str}/{verb:str}", sync_to_thread=True)
def answer_swap(
    request: AnyRequest, visitor: SignedIn, swap_id: FromPath[str], verb: FromPath[str], form: Sent
) -> Template | Redirect:
    if verb not in arranging.ANSWERS:
        raise NoSuchAnswer(f"There is no answer '{verb}'.")
    answer = form.text("answer")
    return _act(
        request, visitor, form, "answer", f"swap_{verb}", lambda tx: arranging.ANSWERS[verb](tx, swap_id, answer)
    )


class NoSuchAnswer(NotFound):
    """A request is accepted, declined or withdrawn."""


def routes() -> list[Any]:
    return [show_oncall, make_override, cancel_override, ask_to_swap, answer_swap]
