"""What is going on beside the incidents: signals, who is on call, the numbers. Spoken to the API from any machine."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, COMMANDS, AsJson, Flag, Since, Until, instant_of, period
from tocsin.cli.watching import watched
from tocsin.kit.errors import Invalid
from tocsin.kit.text import short_span, span

State = Literal["firing", "acknowledged", "resolved"]
Became = Literal["waiting", "declared", "attached", "silenced", "cleared", "dismissed"]
_ENDS = ("met", "late", "missed", "waived")

reports = App()


class TooMuchAsked(Invalid):
    """Those that wait, and what could not be read, are listed whole: ask for nothing else with them."""


# ---- Signs of life ---------------------------------------------------------------------------------------------------


@reports.command(group=AROUND)
@watched
def heartbeats(
    *,
    replace_address: Annotated[
        str | None,
        Parameter(help="First give the one with this name another address; the old one is then good for nothing."),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the signs of life of the plan, how each stands, and the secret address to which its job sends them."""
    if replace_address is None:
        found = client.get("plan", "heartbeats")
    else:
        found = client.post("plan", "heartbeats", "replace-address", body={"name": replace_address})
    if json:
        show.as_json(found)
        return
    rows = [
        (one["name"], one["state"], one["said"], _last_run(one), f"{one['every']} + {one['grace']}", one["address"])
        for one in found["heartbeats"]
    ]
    show.table(
        ("Name", "State", "", "Last run", "Missed after", "Address"), rows, empty="The plan names no signs of life."
    )


def _last_run(beat: dict[str, Any]) -> str:
    """How the last run went, and how long it took."""
    if not beat["runs"]:
        return ""
    last = beat["runs"][0]
    took = "" if last["took_seconds"] is None else f", {span(timedelta(seconds=last['took_seconds']))}"
    return f"{last['state']}{took}"


# ---- Signals ---------------------------------------------------------------------------------------------------------


@reports.command(group=AROUND)
@watched
def signals(
    *,
    waiting: Annotated[Flag, Parameter(help="Only those that wait for a person's decision.")] = False,
    words: Annotated[str | None, Parameter(help="Only those with these words, as tocsin search finds them.")] = None,
    state: Annotated[State | None, Parameter(help="Only those that were last heard so.")] = None,
    became: Annotated[Became | None, Parameter(help="Only those of which this became.")] = None,
    source: Annotated[str | None, Parameter(help="Only those of this sender.")] = None,
    silence: Annotated[str | None, Parameter(help="Only those that this silence held back, now or once.")] = None,
    incident: Annotated[str | None, Parameter(help="Only those on the record of this incident.")] = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=200), help="How many, at the most.")] = 50,
    quarantined: Annotated[Flag, Parameter(help="Instead, what arrived and could not be read.")] = False,
    json: AsJson = False,
) -> None:
    """List what reached us lately, and what became of it."""
    asked = {"words": words, "state": state, "disposition": became, "source": source, "silence": silence}
    asked |= {"incident": incident}
    is_narrow = any(asked.values())
    if is_narrow and (waiting or quarantined):
        raise TooMuchAsked
    which = "quarantine" if quarantined else "waiting" if waiting else "recent"
    found = client.get("signals", which, limit=limit, **asked)
    if json:
        show.as_json(found)
    elif quarantined:
        rows = [_quarantined(one) for one in found["bodies"]]
        show.table(("No.", "At (UTC)", "Source", "From", "Reason", "Bytes"), rows, empty="Everything could be read.")
    else:
        columns = ("Id", "Last seen (UTC)", "Source", "State", "Title", "Times", "What became of it", "Incident")
        empty = "No signal waits." if waiting else "No signal is like that." if is_narrow else "No signal has arrived."
        show.table(columns, [_signal(one) for one in found["signals"]], empty=empty)


@reports.command(group=AROUND)
def report(
    words: Annotated[str, Parameter(help="What does not work, in the user's words.")],
    /,
    *,
    about: Annotated[str, Parameter(help="A component or a service of the plan.")] = "",
    contact: Annotated[str, Parameter(help="How the user may be asked back.")] = "",
    by: Annotated[str, Parameter(help="Your own name for the user; reports by the same are of one person.")] = "",
    json: AsJson = False,
) -> None:
    """Say what does not work for a user. Once enough users say so, the plan's rules may declare an incident."""
    kept = client.post("reports", body={"words": words, "about": about, "contact": contact, "by": by})
    if json:
        show.as_json(kept)
    else:
        others = "This is enough for the rules." if kept["many"] else "It waits for a person, on the page Signals."
        show.line(f"Kept as {kept['key']}; users who report now: {kept['people']}. {others}")


def _signal(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    seen = show.second(one["last_at"])
    became = f"{one['disposition']}. {one['why']}".rstrip()
    state = f"{one['state']}, flaps" if one["flapping_since"] else one["state"]
    return one["id"], seen, one["source"], state, one["title"], one["count"], became, one["incident_id"]


def _quarantined(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    reason = one["result"] or one["reason"]
    return one["id"], show.second(one["at"]), one["source"], one["sender"], reason, one["size"]


# ---- Changes ---------------------------------------------------------------------------------------------------------


@reports.command(group=AROUND)
def change(
    what: Annotated[str, Parameter(help="What was changed, in a line.")],
    /,
    *,
    kind: Annotated[
        Literal["deployment", "configuration", "flag", "other"], Parameter(help="What sort of change it is.")
    ] = "deployment",
    service: Annotated[str | None, Parameter(help="The plan's service that was changed.")] = None,
    place: Annotated[str, Parameter(help="Where, such as production.")] = "",
    at: Annotated[str | None, Parameter(help="When it was made; now unless given. UTC without an offset.")] = None,
    by: Annotated[str, Parameter(help="Who made it, if not you.")] = "",
    link: Annotated[str | None, Parameter(help="Where to read more.")] = None,
    key: Annotated[str | None, Parameter(help="Your own name for it; told twice, it is one change.")] = None,
    json: AsJson = False,
) -> None:
    """Tell of a change that was made: a deployment, a setting, a flag. It pages nobody."""
    made_at = instant_of(at).isoformat() if at else None
    body = {"what": what, "kind": kind, "service": service, "place": place, "at": made_at, "by": by, "link": link}
    found = client.post("changes", body={**body, "key": key})
    if json:
        show.as_json(found)
    else:
        show.line(f"{found['id']}  {show.second(found['at'])}  {found['what']}")


@reports.command(group=AROUND)
@watched
def changes(
    *,
    service: Annotated[str | None, Parameter(help="Only those of this service.")] = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=200), help="How many, at the most.")] = 50,
    json: AsJson = False,
) -> None:
    """List what was changed, the last made first."""
    found = client.get("changes", service=service, limit=limit)
    if json:
        show.as_json(found)
        return
    rows = [
        (show.second(one["at"]), one["kind"], one["service"], one["place"], one["what"], one["by"])
        for one in found["changes"]
    ]
    show.table(("At (UTC)", "", "Service", "Where", "What", "By"), rows, empty="No change is known.")


# ---- Numbers ---------------------------------------------------------------------------------------------------------


@reports.command(group=AROUND)
@watched
def metrics(
    *,
    since: Since = None,
    until: Until = None,
    json: AsJson = False,
) -> None:
    """How long it took to detect, acknowledge, resolve and recover, and whether the plan was kept."""
    found = client.get("metrics", "incidents", **period(since, until))
    if json:
        show.as_json(found)
        return
    total = found["counts"]["total"]
    measured = f"{show.minute(found['period_start'])} to {show.minute(found['period_end'])}"
    show.line(f"{total} {'incident' if total == 1 else 'incidents'}, {found['counts']['open']} open; {measured}")
    columns = ("", "Incidents", "Median", "Mean", "9 in 10 within", "")
    show.table(columns, [_time(name, one) for name, one in found["times"].items() if name != "incidents"])
    _show_targets(found)
    show.heading("Obligations")
    kept = [(one["kind"], one["audience"], *(one[state] for state in _ENDS)) for one in found["obligations"]]
    show.table(("", "Audience", *(state.capitalize() for state in _ENDS)), kept, empty="None has ended.")


def _time(name: str, one: dict[str, Any]) -> tuple[show.Cell, ...]:
    lengths = (show.seconds(one[f"{kind}_seconds"]) for kind in ("median", "mean", "p90"))
    return name.replace("_", " ").capitalize(), one["n"], *lengths, "few" if one["few"] and one["n"] else ""


def _show_targets(found: dict[str, Any]) -> None:
    targets = (("Answered", found["acknowledge_targets"]), ("Resolved", found["resolve_targets"]))
    rows = [
        (what, one["severity"], show.seconds(one["within_seconds"]), f"{one['held']} of {one['of']}")
        for what, those in targets
        for one in those
    ]
    if rows:
        show.heading("Targets")
        show.table(("", "Severity", "Within", "Kept"), rows)


insights = App(name="insights", group=AROUND, group_commands=COMMANDS, help="What the record teaches.")
reports.command(insights)


@insights.command
def proposals(
    *,
    since: Since = None,
    until: Until = None,
    at_least: Annotated[
        int | None, Parameter(help="How often something must have happened; as is set unless given.")
    ] = None,
    json: AsJson = False,
) -> None:
    """What was missed again and again, put forward as changes to the plan."""
    found = client.get("metrics", "proposals", **period(since, until), at_least=at_least)
    if json:
        show.as_json(found)
        return
    rows = [(one["path"], one["text"]) for one in found["proposals"]]
    show.table(("In the plan", ""), rows, empty="The record proposes nothing.")


@insights.command
def reach(
    *,
    since: Since = None,
    until: Until = None,
    json: AsJson = False,
) -> None:
    """How fast each person is reached by pages and tests, by channel, against the plan's objective."""
    found = client.get("metrics", "reach", **period(since, until))
    if json:
        show.as_json(found)
        return
    within = found["objective_seconds"]
    show.line(f"{show.minute(found['period_start'])} to {show.minute(found['period_end'])}")
    if within is not None:
        show.line(f"The objective: 95 of 100 within {show.seconds(within)}.")
    show.table(
        ("", "Half within", "95 of 100 within", "Times", "Not reached", ""), [_reached(one) for one in found["people"]]
    )
    show.heading("By channel")
    columns = ("", "Channel", "Pages", "Tests", "Failed", "Taken, 95 of 100", "Delivered", "Seen or answered")
    rows = [_way(one["person"], way) for one in found["people"] for way in one["ways"]]
    show.table(columns, rows, empty="Nothing was sent.")


def _reached(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    kept = {True: "kept", False: "not kept", None: ""}[one["kept"]]
    times = (_soon(one[name], one["rounds"]) for name in ("p50_seconds", "p95_seconds"))
    return one["person"], *times, one["rounds"], one["failures"], kept


def _way(person: str, one: dict[str, Any]) -> tuple[show.Cell, ...]:
    counts = (one["pages"], one["tests"], one["failures"])
    times = (_soon(one[name]["p95_seconds"], one[name]["count"]) for name in ("accepted", "delivered", "seen"))
    return person, one["channel"], *counts, *times


def _soon(seconds: float | None, count: int) -> str:
    """A time; where too many were never reached, that; where nothing was sent, nothing."""
    if seconds is not None:
        return f"{seconds:.1f} s" if seconds < 10 else short_span(timedelta(seconds=round(seconds)))
    return "not reached" if count else ""
