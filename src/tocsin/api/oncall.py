"""Being on call over HTTP: who, when, by whose arrangement."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from tocsin.api import conditional, cursors
from tocsin.api import oncall_schema as schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import CHANGES_SHOWN, Change, Guarded
from tocsin.api.incidents import Cursor, Limit, instant
from tocsin.incidents import words
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import Invalid, NotFound
from tocsin.kit.text import listed
from tocsin.oncall import commands, standing, store
from tocsin.oncall.coverage import plain
from tocsin.oncall.model import Override, Shift, Swap, Turn
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import covering, trials

AHEAD = timedelta(weeks=4)
LONGEST = timedelta(days=400)
READ = needs(access.PLAN_READ, 400, 409)
WRITE = needs(access.INCIDENT_WRITE, 400, 404, 409)

From = Annotated[str | None, QueryParameter(name="from", required=False, description="An instant; now if left out.")]
Until = Annotated[
    str | None,
    QueryParameter(name="to", required=False, description="An instant; four weeks after `from` if left out."),
]
Only = Annotated[
    str | None, QueryParameter(name="rotation", required=False, description="One rotation; every one if left out.")
]


Weeks = Annotated[int, QueryParameter(ge=1, le=covering.WEEKS_MOST, description="How many weeks from now.")]


class NoSuchRotation(NotFound):
    """The plan has no such rotation."""


def handlers() -> list[HTTPRouteHandler]:
    arranging = [make_override, cancel_override, ask_to_swap, accept_swap, decline_swap, withdraw_swap]
    return [show_on_call, list_shifts, prove_coverage, list_overrides, list_swaps, show_swap, *arranging]


@get(
    "/oncall",
    summary="Who is on call in each rotation, until when, and who is next",
    **needs(access.PLAN_READ, 409),
)
def show_on_call(request: Call) -> schema.OnCall:
    with app_of(request).database.read(request.auth) as tx:
        plan, now = plans.current(tx), tx.now
        found = standing.standing(store.rotas(tx, plan), now)
    return schema.OnCall(
        now,
        [line for one in found if one.shift for line in _shift(plan, one.rotation, one.shift)],
        [one.rotation for one in found if one.shift is None],
        [line for one in found if one.next for line in _shift(plan, one.rotation, one.next)],
    )


def _shift(plan: Plan, rotation: str, shift: Shift) -> list[schema.Shift]:
    """A line for each who holds it."""
    return [
        schema.Shift(
            rotation=rotation,
            name=plan.rotations[rotation].name or rotation,
            person=person,
            person_name=words.name(plan, person),
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            layer=shift.layer,
            overrides=list(shift.overrides),
        )
        for person in dict.fromkeys(shift.people)
    ]


@get("/oncall/shifts", summary="The shifts and the gaps of a span of time", **needs(access.PLAN_READ, 400, 404, 409))
def list_shifts(request: Call, begins: From = None, until: Until = None, only: Only = None) -> schema.Shifts:
    with app_of(request).database.read(request.auth) as tx:
        start, end = _span(tx.now, begins, until)
        plan = plans.current(tx)
        rotas = store.rotas(tx, plan, start)
    if only is not None and only not in plan.rotations:
        raise NoSuchRotation(f"The plan has no rotation '{only}'; there is {listed(plan.rotations)}.")
    names = [only] if only is not None else list(plan.rotations)
    shifts = ((name, shift) for name in names for shift in rotas.shifts(name, start, end))
    gaps = ((name, gap) for name in names for gap in rotas.gaps(name, start, end))
    return schema.Shifts(
        start,
        end,
        [line for name, shift in shifts for line in _shift(plan, name, shift)],
        [schema.Gap(name, gap.starts_at, gap.ends_at) for name, gap in gaps],
    )


def _span(now: datetime, begins: str | None, until: str | None) -> tuple[datetime, datetime]:
    start = instant(begins, "from") or now
    try:
        end = instant(until, "to") or start + AHEAD
        if end - start > LONGEST:
            raise Invalid(f"At most {LONGEST.days} days at once.", field="to")
    except OverflowError:
        raise Invalid("That is the end of time.", field="from") from None
    if end <= start or start.year < 1970 or end.year >= 2200:
        raise Invalid("The span must end later than it begins, within the years 1970 to 2199.", field="to")
    return start, end


@get(
    "/oncall/coverage",
    summary="The proof that somebody is there for each severity and role, or when nobody is, and why",
    **READ,
)
def prove_coverage(request: Call, weeks: Weeks = 8) -> schema.Proof:
    with app_of(request).database.read(request.auth) as tx:
        found = msgspec.convert(plain(covering.proof(tx, weeks)), schema.Proof)
        doubted = trials.doubts(tx, plans.current(tx).people)
    found.doubts = [schema.Doubt(one.handle, one.channel, one.settled_at or one.opened_at, one.why) for one in doubted]
    return found


# ---- Overrides ----


@get("/oncall/overrides", summary="Who took a rotation for a while, and why; the latest first", **READ)
def list_overrides(request: Call, limit: Limit = 50, cursor: Cursor = None) -> schema.Overrides:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = store.latest_overrides(tx, begun.wanted(limit), begun.before)
        conditional.stands_at(request, _arranged_last(tx))
    found, following = cursors.page(begun, rows, limit, lambda one: one.made_at)
    return schema.Overrides([_override(one) for one in found], following)


def _arranged_last(tx: Any) -> str:
    """What the overrides are known by: when one was made or cancelled last."""
    changed_at = store.overrides_changed_at(tx)
    return str(to_millis(changed_at)) if changed_at else "0"


def _arranged_since(tx: Any, known: str) -> list[Change]:
    found = store.overrides_changed_since(tx, cursors.millis(known), CHANGES_SHOWN)
    return [Change(_said(one), at=one.cancelled_at or one.made_at, by=one.cancelled_by or one.made_by) for one in found]


def _said(one: Override) -> str:
    did = "an override was cancelled" if one.cancelled_at else "an override was made"
    return f"{did}: {one.person} takes {one.rotation}, {one.id}"


ARRANGED = Guarded("overrides", _arranged_last, _arranged_since)


@post("/oncall/overrides", summary="Put somebody on call for a while", **WRITE)
def make_override(request: Call, data: JSONBody[schema.NewOverride]) -> schema.Override:
    def make(tx: Any) -> Override:
        return commands.override(
            tx,
            data.rotation,
            data.person or request.auth.handle,
            starts_at=data.starts_at,
            ends_at=data.ends_at,
            reason=data.reason,
            instead_of=data.instead_of,
        )

    return _override(act(request, make, ARRANGED))


@post(
    "/oncall/overrides/{override_id:str}/cancel",
    status_code=204,
    summary="End an override now: what it covered holds again",
    **WRITE,
)
def cancel_override(request: Call, override_id: FromPath[str], data: JSONBody[schema.Reason]) -> None:
    act(request, lambda tx: commands.cancel(tx, override_id, data.reason), ARRANGED)


def _override(one: Override) -> schema.Override:
    return msgspec.convert(one, schema.Override, from_attributes=True)


# ---- Swaps ----


@get("/oncall/swaps", summary="Who asked whom to swap, and the answer; the latest first", **READ)
def list_swaps(request: Call, limit: Limit = 50, cursor: Cursor = None) -> schema.Swaps:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = store.latest_swaps(tx, begun.wanted(limit), begun.before)
        found, following = cursors.page(begun, rows, limit, lambda one: one.asked_at)
        return schema.Swaps([_swap(one, tx.now) for one in found], following)


@get(
    "/oncall/swaps/{swap_id:str}",
    summary="One request to swap, and its answer",
    **needs(access.PLAN_READ, 400, 404),
)
def show_swap(request: Call, swap_id: FromPath[str]) -> schema.Swap:
    with app_of(request).database.read(request.auth) as tx:
        conditional.stands_at(request, _asked(swap_id).version(tx))
        return _swap(store.load_swap(tx, swap_id), tx.now)


def _asked(swap_id: str) -> Guarded:
    """A request to swap is known by how it stands, which changes once."""

    def version(tx: Any) -> str:
        return str(store.load_swap(tx, swap_id).state_at(tx.now))

    def since(tx: Any, _: str) -> list[Change]:
        one = store.load_swap(tx, swap_id)
        said = f"the request is {one.state_at(tx.now)}" + (f": {one.answer}" if one.answer else "")
        return [Change(said, at=one.answered_at or one.expires_at, by=one.answered_by or "")]

    return Guarded("request to swap", version, since)


@post("/oncall/swaps", summary="Ask somebody to take a shift of yours", **WRITE)
def ask_to_swap(request: Call, data: JSONBody[schema.NewSwap]) -> schema.Swap:
    gives, takes = _turn(data.gives), _turn(data.takes) if data.takes else None
    return _after(request, lambda tx: commands.ask(tx, data.other, gives, takes, data.reason))


@post("/oncall/swaps/{swap_id:str}/accept", status_code=200, summary="Say yes to a swap", **WRITE)
def accept_swap(request: Call, swap_id: FromPath[str], data: JSONBody[schema.Answer]) -> schema.Swap:
    return _after(request, lambda tx: commands.accept(tx, swap_id, data.answer), _asked(swap_id))


@post("/oncall/swaps/{swap_id:str}/decline", status_code=200, summary="Say no to a swap", **WRITE)
def decline_swap(request: Call, swap_id: FromPath[str], data: JSONBody[schema.Answer]) -> schema.Swap:
    return _after(request, lambda tx: commands.decline(tx, swap_id, data.answer), _asked(swap_id))


@post("/oncall/swaps/{swap_id:str}/withdraw", status_code=200, summary="Take a request back", **WRITE)
def withdraw_swap(request: Call, swap_id: FromPath[str]) -> schema.Swap:
    return _after(request, lambda tx: commands.withdraw(tx, swap_id), _asked(swap_id))


def _turn(one: schema.NewTurn) -> Turn:
    return Turn(rotation=one.rotation, starts_at=one.starts_at, ends_at=one.ends_at)


def _after(request: Call, command: Callable[[Any], Swap], guarded: Guarded | None = None) -> schema.Swap:
    def carried_out(tx: Any) -> schema.Swap:
        return _swap(command(tx), tx.now)

    return act(request, carried_out, guarded)


def _swap(one: Swap, now: datetime) -> schema.Swap:
    return schema.Swap(
        state=one.state_at(now),
        gives=msgspec.convert(one.gives, schema.Turn, from_attributes=True),
        takes=msgspec.convert(one.takes, schema.Turn | None, from_attributes=True),
        **{
            name: getattr(one, name)
            for name in (
                *("id", "asker", "other", "reason", "asked_at", "expires_at"),
                *("answered_at", "answered_by", "answer"),
            )
        },
    )
