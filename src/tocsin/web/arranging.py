"""Overrides and swaps as the On call page shows them, and the forms that make them. Times are typed in UTC."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip, ended
from tocsin.oncall import commands, store
from tocsin.oncall.model import Override, Shift, Swap, SwapState, Turn
from tocsin.oncall.schedule import Rotas
from tocsin.people import access
from tocsin.plan.model import Plan
from tocsin.web import present
from tocsin.web.forms import Form, utc_instant
from tocsin.web.frame import Tx

AHEAD = timedelta(weeks=8)
SHOWN = 30  # of what was arranged, the latest first
CHOICES_MOST = 60
SOON = timedelta(minutes=5)  # a shift that goes on is given away from then on


@dataclass(frozen=True)
class Arranged:
    """An override as a line. `state` is for its mark."""

    id: str
    state: str
    word: str
    rotation: str
    who: str
    span: str
    reason: str
    by: str
    may_cancel: bool


@dataclass(frozen=True)
class Asked:
    """A request to swap as a line; whoever is signed in may answer it, or take it back."""

    id: str
    state: str
    word: str
    text: str
    reason: str
    until: str
    is_mine: bool  # it waits for the reader's own answer
    may_answer: bool
    answers_for: str  # the one in whose place, if that is somebody else
    may_withdraw: bool
    withdraws_for: str


@dataclass(frozen=True)
class View:
    overrides: tuple[Arranged, ...]
    swaps: tuple[Asked, ...]
    past: tuple[Arranged | Asked, ...]
    rotations: tuple[present.Choice, ...]
    people: tuple[present.Choice, ...]  # whom one may put on call; nobody else than oneself, for most
    others: tuple[present.Choice, ...]
    mine: tuple[present.Choice, ...]
    theirs: tuple[present.Choice, ...]
    has_several: bool  # some rotation is held by several at once
    from_value: str
    to_value: str


def view(tx: Tx, plan: Plan, rotas: Rotas, me: str) -> View:
    now = tx.now
    overrides = [
        _arranged(plan, one, me, now, may_arrange=commands.may_arrange(tx, one.rotation))
        for one in store.latest_overrides(tx, SHOWN)
    ]
    swaps = [_asked(tx, plan, one, me) for one in store.latest_swaps(tx, SHOWN)]
    standing = ("now", "open")
    mine = present.Choice(me, plan.people[me].name) if me in plan.people else None
    shifts = list(_shifts(plan, rotas, now))
    return View(
        overrides=tuple(one for one in overrides if one.state in standing),
        swaps=tuple(one for one in swaps if one.state in standing),
        past=(
            *(one for one in overrides if one.state not in standing),
            *(one for one in swaps if one.state not in standing),
        ),
        rotations=tuple(present.Choice(key, one.name or key) for key, one in plan.rotations.items()),
        people=tuple(_people(plan, me))
        if any(commands.may_arrange(tx, one) for one in plan.rotations)
        else (mine,)
        if mine
        else (),
        others=tuple(one for one in _people(plan, me) if one.value != me),
        mine=tuple(_choices(plan, shifts, now, lambda person: person == me)),
        theirs=tuple(_choices(plan, shifts, now, lambda person: person != me, named=True)),
        has_several=any(len(shift.people) > 1 for _, shift in shifts),
        from_value=_typed(now),
        to_value=_typed(now + timedelta(hours=8)),
    )


def _people(plan: Plan, me: str) -> Iterator[present.Choice]:
    for handle, one in plan.people.items():
        yield present.Choice(handle, one.name, "", handle == me)


def _shifts(plan: Plan, rotas: Rotas, now: datetime) -> Iterator[tuple[str, Shift]]:
    for name in plan.rotations:
        yield from ((name, shift) for shift in rotas.shifts(name, now, now + AHEAD))


def _choices(
    plan: Plan,
    shifts: Sequence[tuple[str, Shift]],
    now: datetime,
    fits: Callable[[str], bool],
    *,
    named: bool = False,
) -> Iterator[present.Choice]:
    """Shifts to choose from, the soonest first, as `rotation|from|until|person`."""
    found = [
        (max(shift.starts_at, now + SOON), shift.ends_at, name, person)
        for name, shift in shifts
        for person in dict.fromkeys(shift.people)
        if fits(person) and shift.ends_at > now + SOON
    ]
    for start, end, name, person in sorted(found)[:CHOICES_MOST]:
        who = f"{present.names(plan, [person])}: " if named else ""
        value = "|".join((name, start.isoformat(), end.isoformat(), person))
        yield present.Choice(value, f"{who}{_rotation(plan, name)}, {_span(start, end)}")


def _rotation(plan: Plan, key: str) -> str:
    return (plan.rotations[key].name if key in plan.rotations else "") or key


def _span(start: datetime, end: datetime) -> str:
    return f"{start:%a} {start.day} {start:%b %H:%M} to {end:%a} {end.day} {end:%b %H:%M}"


def _typed(at: datetime) -> str:
    """For a date-time field."""
    return at.replace(tzinfo=None).isoformat(timespec="minutes")


def _arranged(plan: Plan, one: Override, me: str, now: datetime, *, may_arrange: bool) -> Arranged:
    state, word = _state(one, now)
    instead = f" instead of {present.names(plan, [one.instead_of])}" if one.instead_of else ""
    over = (
        f", cancelled by {present.names(plan, [one.cancelled_by])}: {one.cancelled_because}" if one.cancelled_by else ""
    )
    own = me in (one.person, one.made_by) and one.swap_id is None
    return Arranged(
        id=one.id,
        state=state,
        word=word,
        rotation=_rotation(plan, one.rotation),
        who=f"{present.names(plan, [one.person])}{instead}",
        span=_span(one.starts_at, one.ends_at),
        reason=ended(one.reason),
        by=f"{present.names(plan, [one.made_by])}, {present.moment(one.made_at, now)}{over}",
        may_cancel=state in ("now", "open") and (may_arrange or own),
    )


def _state(one: Override, now: datetime) -> tuple[str, str]:
    if one.cancelled_at:
        return "waived", "Cancelled"
    if one.ends_at <= now:
        return "met", "Over"
    return ("now", "Now") if one.starts_at <= now else ("open", "To come")


_SWAPS = {
    SwapState.ASKED: ("open", "Waits for an answer"),
    SwapState.ACCEPTED: ("met", "Accepted"),
    SwapState.DECLINED: ("waived", "Declined"),
    SwapState.WITHDRAWN: ("waived", "Taken back"),
    SwapState.EXPIRED: ("missed", "Expired: nobody answered"),
}


def _asked(tx: Tx, plan: Plan, one: Swap, me: str) -> Asked:
    now = tx.now
    state, word = _SWAPS[one.state_at(now)]
    may_write = state == "open" and tx.actor.may(access.INCIDENT_WRITE)
    asker, other = (present.names(plan, [handle]) for handle in (one.asker, one.other))
    gives = f"{_rotation(plan, one.gives.rotation)}, {_span(one.gives.starts_at, one.gives.ends_at)}"
    takes = (
        f", and takes {_rotation(plan, one.takes.rotation)}, {_span(one.takes.starts_at, one.takes.ends_at)}"
        if one.takes
        else ""
    )
    said = f" {other} says: {one.answer}" if one.answer else ""
    return Asked(
        id=one.id,
        state=state,
        word=word,
        text=f"{asker} asks {other} to take {gives}{takes}.{said}",
        reason=ended(one.reason),
        until=present.appointment(one.expires_at, now),
        is_mine=one.other == me,
        may_answer=may_write and commands.may_answer(tx, one, one.other),
        answers_for="" if one.other == me else other,
        may_withdraw=may_write and commands.may_answer(tx, one, one.asker),
        withdraws_for="" if one.asker == me else asker,
    )


# ---- What is typed ---------------------------------------------------------------------------------------------------


def make_override(tx: Tx, form: Form) -> None:
    start, end = form.instant("starts_at"), form.instant("ends_at")
    if start is None or end is None:
        raise Invalid("Say from when and until when.", field="ends_at" if start else "starts_at")
    commands.override(
        tx,
        form.text("rotation"),
        form.text("person") or tx.actor.handle,
        starts_at=start,
        ends_at=end,
        reason=form.text("reason"),
        instead_of=form.text("instead_of") or None,
    )


def ask(tx: Tx, form: Form) -> None:
    gives, _ = _chosen(form.text("gives"), "gives")
    takes, holder = _chosen(form.text("takes"), "takes") if form.text("takes") else (None, "")
    other = form.text("other") or holder
    if holder and other != holder:
        raise Invalid("That shift is not theirs; choose one of the person whom you ask.", field="takes")
    commands.ask(tx, other, gives, takes, form.text("reason"))


def _chosen(value: str, field: str) -> tuple[Turn, str]:
    parts = value.split("|")
    if len(parts) != 4:
        raise Invalid(
            f"'{clip(value, 40)}' is no shift; choose one of the list." if value else "Choose a shift.", field=field
        )
    begin, end = (utc_instant(one, field) for one in parts[1:3])
    return Turn(rotation=parts[0], starts_at=begin, ends_at=end), parts[3]


ANSWERS: dict[str, Callable[[Tx, str, str], Any]] = {
    "accept": commands.accept,
    "decline": commands.decline,
    "withdraw": lambda tx, swap_id, _: commands.withdraw(tx, swap_id),
}
