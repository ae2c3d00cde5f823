"""Being on call, spoken to the API: who and when, overrides and swaps."""

from datetime import timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.handoffs import handoff
from tocsin.cli.options import AROUND, AsJson, Flag, instant_of
from tocsin.cli.planfile import name_of, plan_text
from tocsin.cli.watching import watched
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Invalid

oncall = App(
    name="oncall", group=AROUND, group_commands=AROUND, help="Who is on call: the rotas, and what people arrange."
)

oncall.command(handoff)

Rotation = Annotated[str, Parameter(help="The rotation: its key in the plan, such as on_call.")]
From = Annotated[
    str, Parameter(name="--from", help="When it begins, such as 2026-11-26T14:00+01:00; without an offset it is UTC.")
]
To = Annotated[str, Parameter(name="--to", help="When it ends; without an offset it is UTC.")]
Reason = Annotated[str, Parameter(help="Why; it stands beside it.")]
Id = Annotated[str, Parameter(help="Its id, as the list prints it.")]
Said = Annotated[str, Parameter(help="Anything to say to whoever asked.")]


@oncall.default
def who(*, json: AsJson = False) -> None:
    """Who is on call in each rotation, until when, and who comes next."""
    found = client.get("oncall")
    if json:
        show.as_json(found)
        return
    rows = [_held(one, found["next"]) for one in found["shifts"]]
    rows += [(one, "nobody", "", _gap_ends(one, found["next"]), _then(one, found["next"])) for one in found["nobody"]]
    show.table(("Rotation", "On call", "", "Until", "Then"), rows)


def _held(one: dict[str, Any], later: list[dict[str, Any]]) -> tuple[show.Cell, ...]:
    then = _then(one["rotation"], later)
    return one["name"] or one["rotation"], one["person_name"], one["person"], show.minute(one["ends_at"]), then


def _then(rotation: str, later: list[dict[str, Any]]) -> str | None:
    return ", ".join(one["person_name"] for one in later if one["rotation"] == rotation) or None


def _gap_ends(rotation: str, later: list[dict[str, Any]]) -> str | None:
    return next((show.minute(one["starts_at"]) for one in later if one["rotation"] == rotation), None)


@oncall.command(name="show")
def shifts(
    rotation: Annotated[str | None, Parameter(help="One rotation; every one unless given.")] = None,
    /,
    *,
    since: Annotated[
        str | None, Parameter(name="--from", help="From when, in UTC without an offset; now unless given.")
    ] = None,
    until: Annotated[
        str | None, Parameter(name="--to", help="Until when, in UTC without an offset; four weeks later unless given.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Print the shifts to come, and the gaps between them."""
    begin, end = (instant_of(one).isoformat() if one else None for one in (since, until))
    found = client.get("oncall", "shifts", **{"from": begin, "to": end, "rotation": rotation})
    if json:
        show.as_json(found)
        return
    lines = [
        (one["starts_at"], one["rotation"], one["person_name"], _why(one), one["ends_at"]) for one in found["shifts"]
    ]
    lines += [(one["starts_at"], one["rotation"], "nobody", "a gap", one["ends_at"]) for one in found["gaps"]]
    rows = [(name, show.minute(at), show.minute(end), who, why) for at, name, who, why, end in sorted(lines)]
    show.table(("Rotation", "From (UTC)", "Until", "On call", ""), sorted(rows, key=lambda row: str(row[0])))


def _why(one: dict[str, Any]) -> str:
    return ", ".join([*([one["layer"]] if one["layer"] else []), *one["overrides"]])


@oncall.command
def prove(
    *,
    weeks: Annotated[int, Parameter(validator=Number(gte=1, lte=53), help="How many weeks from now.")] = 8,
    plan: Annotated[
        str | None, Parameter(help="Prove this plan's file alone; - reads it from the standard input.")
    ] = None,
    strict: Annotated[Flag, Parameter(help="Fail also where somebody else catches what a rota leaves open.")] = False,
    json: AsJson = False,
) -> int:
    """Prove that somebody is there for each severity and role at every moment, or say when nobody is, and why."""
    found = _of_file(plan, weeks) if plan is not None else client.get("oncall", "coverage", weeks=weeks)
    failed = not found["holds"] or (strict and bool(found["holes"]))
    if json:
        show.as_json(found)
        return int(failed)
    columns = ("From (UTC)", "Until", "Severity", "For", "Why", "Instead")
    show.table(columns, [_hole(one) for one in found["holes"]], empty="No rota has a gap.")
    if doubts := found.get("doubts"):
        rows = [(one["person"], one["channel"], show.minute(one["since"]), one["why"]) for one in doubts]
        show.table(("Doubtful", "By", "Since (UTC)", "Why"), rows)
    verdict = "Somebody is there at every moment" if found["holds"] else "There are moments at which nobody is there"
    unknown = "" if found["knows_reach"] else " Whether anything reaches these people is not known from a file."
    show.line(f"{verdict}, {show.minute(found['starts_at'])} to {show.minute(found['ends_at'])}.{unknown}")
    return int(failed)


def _hole(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    who = "the page" if one["role"] == "on_call" else one["role"]
    whom = f"{who} ({one['service']})" if one["service"] else who
    instead = one["caught_by"] or "nobody"
    return show.minute(one["starts_at"]), show.minute(one["ends_at"]), one["severity"], whom, one["why"], instead


def _of_file(file: str, weeks: int) -> Any:
    """The same for a plan that is in no installation."""
    from json import loads

    from msgspec import json as msgspec_json

    from tocsin.oncall.coverage import plain, prove
    from tocsin.oncall.schedule import Rotas
    from tocsin.plan import check
    from tocsin.plan.commands import BadPlan

    found = check.load(plan_text(file), name_of(file))
    if isinstance(found, list):
        raise BadPlan(found)
    now = SystemClock().now()
    proof = prove(found, Rotas(found.rotations), now, now + timedelta(weeks=weeks))
    return loads(msgspec_json.encode(plain(proof)))


# ---- Overrides -------------------------------------------------------------------------------------------------------


@oncall.command
@watched
def overrides(*, json: AsJson = False) -> None:
    """List who took a rotation for a while, and why; the latest first."""
    found = client.get("oncall", "overrides")
    if json:
        show.as_json(found)
        return
    rows = [
        (
            one["id"],
            one["rotation"],
            one["person"],
            one["instead_of"],
            show.minute(one["starts_at"]),
            show.minute(one["ends_at"]),
            one["reason"],
            f"cancelled by {one['cancelled_by']}: {one['cancelled_because']}" if one["cancelled_at"] else "",
        )
        for one in found["overrides"]
    ]
    columns = ("Id", "Rotation", "Who", "Instead of", "From (UTC)", "Until", "Why", "")
    show.table(columns, rows, empty="Nothing was arranged.")


@oncall.command
def override(
    rotation: Rotation,
    /,
    *,
    since: From,
    until: To,
    reason: Reason,
    person: Annotated[str | None, Parameter(help="Who is on call then; you, unless given.")] = None,
    instead_of: Annotated[str | None, Parameter(help="In whose place, where several are on call at once.")] = None,
    json: AsJson = False,
) -> None:
    """Put somebody on call for a while; what that covers is there again afterwards."""
    body = {
        "rotation": rotation,
        "starts_at": instant_of(since).isoformat(),
        "ends_at": instant_of(until).isoformat(),
        "reason": reason,
        "person": person,
        "instead_of": instead_of,
    }
    made = client.post("oncall", "overrides", body=body)
    if json:
        show.as_json(made)
        return
    show.line(f"{made['person']} is on call in {made['rotation']} until {show.minute(made['ends_at'])}; {made['id']}")


@oncall.command
def cancel(override_id: Id, /, *, reason: Reason, json: AsJson = False) -> None:
    """End an override now: what it covered holds again."""
    client.post("oncall", "overrides", override_id, "cancel", body={"reason": reason})
    if json:
        show.as_json({"id": override_id, "cancelled": True})
    else:
        show.line(f"{override_id} is cancelled; what it covered holds again.")


# ---- Swaps -----------------------------------------------------------------------------------------------------------


@oncall.command
@watched
def swaps(*, json: AsJson = False) -> None:
    """List who asked whom to swap, and the answers; the latest first."""
    found = client.get("oncall", "swaps")
    if json:
        show.as_json(found)
        return
    rows = [
        (one["id"], one["state"], one["asker"], _turn(one["gives"]), one["other"], _turn(one["takes"]), one["reason"])
        for one in found["swaps"]
    ]
    columns = ("Id", "", "Asks", "To take", "Of", "Against", "Why")
    show.table(columns, rows, empty="Nobody has asked.")


def _turn(one: dict[str, Any] | None) -> str:
    if one is None:
        return "nothing"
    return f"{one['rotation']} {show.minute(one['starts_at'])} to {show.minute(one['ends_at'])}"


@oncall.command
def swap(
    rotation: Rotation,
    /,
    *,
    other: Annotated[str, Parameter(name="--with", help="Whom you ask.")],
    since: From,
    until: To,
    reason: Reason,
    against: Annotated[
        tuple[str, str, str] | None,
        Parameter(negative=(), help="What you take of theirs: a rotation, from when, until when. Without it, nothing."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask somebody to take a shift of yours; they are told, and answer."""
    body: dict[str, object] = {
        "other": other,
        "gives": _spoken(rotation, since, until),
        "takes": _spoken(*against) if against else None,
        "reason": reason,
    }
    _tell(client.post("oncall", "swaps", body=body), json=json)


def _spoken(rotation: str, since: str, until: str) -> dict[str, str]:
    begin, end = instant_of(since), instant_of(until)
    if end <= begin:
        raise Invalid(f"{until} is not later than {since}.")
    return {"rotation": rotation, "starts_at": begin.isoformat(), "ends_at": end.isoformat()}


@oncall.command
def accept(swap_id: Id, /, *, answer: Said = "", json: AsJson = False) -> None:
    """Say yes to a swap: from now on each is on call for what they took."""
    _tell(client.post("oncall", "swaps", swap_id, "accept", body={"answer": answer}), json=json)


@oncall.command
def decline(swap_id: Id, /, *, answer: Said = "", json: AsJson = False) -> None:
    """Say no to a swap."""
    _tell(client.post("oncall", "swaps", swap_id, "decline", body={"answer": answer}), json=json)


@oncall.command
def withdraw(swap_id: Id, /, *, json: AsJson = False) -> None:
    """Take a request to swap back."""
    _tell(client.post("oncall", "swaps", swap_id, "withdraw"), json=json)


def _tell(found: dict[str, Any], *, json: bool) -> None:
    if json:
        show.as_json(found)
    else:
        show.line(f"{found['id']} is {found['state']}: {found['other']} takes {_turn(found['gives'])}")
