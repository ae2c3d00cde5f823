"""Looking at everything at once: a live board in the terminal, the events as they come, and a page in the browser."""

import json as jsons
import time
import webbrowser
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of
from tocsin.cli.options import AROUND, INCIDENTS, AsJson, Flag, instant_of
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Overloaded, TocsinError

MOST = 10  # incidents whose obligations are looked up
OWED_SHOWN = 12
PIPED = 120  # columns of a board that no terminal bounds

board = App()


@board.command(group=INCIDENTS)
def top(
    *,
    every: Annotated[
        float, Parameter(validator=Number(gte=1, lte=600), help="How many seconds between two looks.")
    ] = 3.0,
    once: Annotated[Flag, Parameter(help="Look once and end.")] = False,
    json: AsJson = False,
) -> None:
    """Watch everything on one board: open incidents, what is owed and how soon, who is on call, how vendors are."""
    if json:
        show.as_json(look())
        return
    console = show.console()
    if once or not console.is_terminal:
        console.print(drawn(look()), width=None if console.is_terminal else PIPED)
        return
    with Live(drawn(look()), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            live.update(_now(), refresh=True)


def _now() -> RenderableType:
    """The board, or why there is none now: who watches through an outage of ours watches on."""
    try:
        return drawn(look())
    except Overloaded as error:
        return Panel(Text(show.plain(error.message), style="red"), title="tocsin top")


def look() -> dict[str, Any]:
    """What is shown, as the API tells it."""
    found = client.get("incidents", open="true", limit=50)["incidents"]
    owed = [
        {**one, "incident": incident["number"]}
        for incident in found[:MOST]
        for one in client.whole("obligations", "incidents", incident["id"], "obligations")["obligations"]
        if one["state"] == "open"
    ]
    vendors = client.get("incidents", found[0]["id"], "assessment")["vendors"] if found else []
    return {
        "incidents": found,
        "owed": sorted(owed, key=lambda one: str(one["due_at"])),
        "on_call": _on_call(),
        "vendors": vendors,
    }


def _on_call() -> list[dict[str, Any]]:
    """Who is on call, where the token may know it."""
    try:
        shifts: list[dict[str, Any]] = client.get("oncall")["shifts"]
    except TocsinError:
        return []
    return shifts


def drawn(found: dict[str, Any]) -> RenderableType:
    now = SystemClock().now()
    parts: list[RenderableType] = [Text(f"Tocsin, {now:%Y-%m-%d %H:%M:%S} UTC", style="dim")]
    rows = [_incident(one) for one in found["incidents"]]
    parts.append(_panel("Open incidents", ("", "", "Status", "Title", "Who answers", "Since"), rows, "No incident."))
    owed = [
        (f"#{one['incident']}", show.left(one["due_at"], now), one["what"], one["owner"])
        for one in found["owed"][:OWED_SHOWN]
    ]
    parts.append(_panel("Owed", ("", "", "What", "By"), owed, "Nothing is owed."))
    shifts = [(one["name"], one["person_name"], show.minute(one["ends_at"])) for one in found["on_call"]]
    parts.append(_panel("On call", ("Rotation", "Who", "Until"), shifts, "Nobody, as far as this token may know."))
    if found["vendors"]:
        vendors = [(one["name"], one["how"].replace("_", " "), one["because"]) for one in found["vendors"]]
        parts.append(_panel("Vendors", ("", "", ""), vendors, ""))
    return Group(*parts)


def _incident(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    answers = one["acknowledged_by"] or Text("nobody yet", style="bold red")
    heading = Text(one["severity"], style="bold")
    return f"#{one['number']}", heading, one["status"], one["title"], answers, show.minute(one["declared_at"])


def _panel(title: str, columns: tuple[str, ...], rows: Sequence[Sequence[show.Cell]], empty: str) -> Panel:
    if not rows:
        return Panel(Text(empty, style="dim"), title=title, title_align="left")
    table = Table(*columns, box=None, pad_edge=False, header_style="dim", expand=True)
    for row in rows:
        table.add_row(*(show.cell(one) for one in row))
    return Panel(table, title=title, title_align="left")


# ---- Events ----------------------------------------------------------------------------------------------------------


@board.command(group=AROUND)
def events(
    *,
    since: Annotated[str | None, Parameter(help="Begin after this id, or at this instant; now if left out.")] = None,
    types: Annotated[
        list[str] | None, Parameter(name="--type", negative=(), help="Only events of this type; may be repeated.")
    ] = None,
    until_now: Annotated[Flag, Parameter(help="End with what happened until now.")] = False,
    json: AsJson = False,
) -> None:
    """Print what happens as it happens, a line each; with --json, a JSON document on each line."""
    begun = since if since is None or since.isdecimal() else instant_of(since).isoformat()
    for one in _told(begun, types or [], follow=not until_now):
        if json:
            show.raw(jsons.dumps(one))
            continue
        incident = one["data"].get("incident") or {}
        about = f"#{incident['number']} {incident['severity']} {incident['title']}" if incident else ""
        show.line(f"{one['position']:>6} {show.second(one['timestamp'])} {one['type']:<22} {about}".rstrip())


def _told(since: str | None, types: list[str], *, follow: bool) -> Iterator[dict[str, Any]]:
    """The events, and those after them from where the stream broke off."""
    while True:
        try:
            asked = {"since": since, "type": types, "follow": "true" if follow else "false"}
            for position, data in client.stream("events", **asked):
                since = position
                yield {**jsons.loads(data), "position": int(position)}
        except client.NoAnswer:
            if not follow or since is None:
                raise
        if not follow:
            return
        time.sleep(2)


# ---- The browser -----------------------------------------------------------------------------------------------------


@board.command(name="open", group=AROUND)
def open_page(
    incident: Annotated[
        str | None, Parameter(help="The incident's id, or its number; the console if left out.")
    ] = None,
    /,
    *,
    json: AsJson = False,
) -> None:
    """Open an incident, or the console, in the browser."""
    path = f"/incidents/{id_of(incident)}" if incident else "/"
    address = client.address(path)
    if json:
        show.as_json({"url": address})
        return
    show.raw(address)
    webbrowser.open(address)
