"""Looking at everything at once: a live board in the terminal, the events as they come, and a page in the browser."""

import json as jsons
import time
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tocsin.cli import client, keys, show
from tocsin.cli.incidents import id_of
from tocsin.cli.options import AROUND, INCIDENTS, AsJson, Flag, instant_of
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Forbidden, TocsinError

MOST = 10  # incidents whose obligations are looked up
FRAME = 2  # lines around a part
LEAST_SHOWN = 3  # rows of a part
NARROW = 64  # columns below which a part leaves out what it can spare
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
    """Watch everything on one board: open incidents, what is owed and how soon, who is on call, how vendors are.

    `q` ends it, and any other key looks again at once.
    """
    order = _severities()  # once: the plan is long, and they are the same while we watch
    if json:
        show.as_json(look(order))
        return
    console = show.console()
    if once or not console.is_terminal:
        width = console.width if console.is_terminal else PIPED
        console.print(drawn(look(order), width=width), width=width)
        return
    found = look(order)
    first = drawn(found, console.height, width=console.width)
    live = Live(first, console=console, screen=True, auto_refresh=False)
    with keys.laid_aside(live.stop, lambda: live.start(refresh=True)), keys.heard() as key, live:
        while key(every) != "q":  # any other asks at once
            try:
                found, trouble = look(order), ""
            except Forbidden:
                raise
            except TocsinError as error:  # who watches through an outage of ours watches on
                trouble = show.plain(error.message)
            live.update(drawn(found, console.height, trouble, console.width), refresh=True)


def look(order: Sequence[str]) -> dict[str, Any]:
    """What is shown, as the API tells it: the worst incident first, in this order of severities."""
    found = client.get("incidents", open="true", limit=50)["incidents"]
    found.sort(key=lambda one: order.index(one["severity"]) if one["severity"] in order else len(order))
    owed = [
        {**one, "incident": incident["number"]}
        for incident in found[:MOST]
        for one in client.whole("obligations", "incidents", incident["id"], "obligations")["obligations"]
        if one["state"] == "open"
    ]
    vendors = client.get("incidents", found[0]["id"], "assessment")["vendors"] if found else []
    return {
        "at": SystemClock().now().isoformat(),
        "incidents": found,
        "owed": sorted(owed, key=lambda one: str(one["due_at"])),
        "on_call": _on_call(),
        "vendors": vendors,
    }


def _severities() -> tuple[str, ...]:
    """The severities, the worst first, where the token may know them."""
    try:
        return tuple(client.get("plan")["plan"]["severities"])
    except TocsinError:
        return ()


def _on_call() -> list[dict[str, Any]]:
    """Who is on call, where the token may know it."""
    try:
        shifts: list[dict[str, Any]] = client.get("oncall")["shifts"]
    except TocsinError:
        return []
    return shifts


# ---- Drawing ---------------------------------------------------------------------------------------------------------


@dataclass
class Part:
    """A part of the board, `shown` so many rows of it. The `main` column gives way where the terminal is narrow, and
    those to `spare` are left out where it is narrower still."""

    title: str
    columns: tuple[str, ...]
    main: int
    rows: Sequence[Sequence[show.Cell]]
    empty: str
    spare: tuple[int, ...] = ()
    shown: int = 0

    def __post_init__(self) -> None:
        self.shown = len(self.rows)

    @property
    def has_head(self) -> bool:
        return any(self.columns) and bool(self.rows)

    @property
    def height(self) -> int:
        return FRAME + self.has_head + max(self.shown, 1)


def drawn(found: dict[str, Any], height: int | None = None, trouble: str = "", width: int = PIPED) -> RenderableType:
    """The board, in so many lines if they are counted, and for so many columns."""
    now = SystemClock().now()
    head = Text(f"Tocsin, {now:%Y-%m-%d %H:%M:%S} UTC", style="dim")
    if trouble:
        head = Text(f"As it stood at {_at(found['at'], now)} UTC; {trouble}", style="bold red")
        head.no_wrap, head.overflow = True, "ellipsis"
    return Group(head, *(_panel(one, width) for one in _fitted(_parts(found, now), height)))


def _parts(found: dict[str, Any], now: datetime) -> list[Part]:
    incidents = [_incident(one, now) for one in found["incidents"]]
    owed = [(f"#{one['incident']}", show.left(one["due_at"], now), one["what"], one["owner"]) for one in found["owed"]]
    shifts = [(one["name"], one["person_name"], _at(one["ends_at"], now)) for one in found["on_call"]]
    worst_first = sorted(found["vendors"], key=lambda one: one["how"] in ("well", "not_looked_at"))
    vendors = [(one["name"], one["how"].replace("_", " "), one["because"]) for one in worst_first]
    nobody = "Nobody, as far as this token may know."
    parts = [
        Part(
            "Open incidents", ("", "", "Status", "Title", "Who answers", "Since"), 3, incidents, "No incident.", (2, 5)
        ),
        Part("Owed", ("", "", "What", "By"), 2, owed, "Nothing is owed.", (3,)),
        Part("On call", ("Rotation", "Who", "Until"), 0, shifts, nobody),
        Part("Vendors", ("", "", ""), 2, vendors, ""),
    ]
    return [one for one in parts if one.rows or one.empty]


def _fitted(parts: list[Part], height: int | None) -> list[Part]:
    """As much as a terminal has lines for: the longest part gives way first, and the last one goes before all are
    too short to be of use."""
    if height is None:
        return parts
    left = list(parts)
    while (over := 1 + sum(one.height for one in left) - height) > 0:
        longest = max(left, key=lambda one: one.shown)
        if longest.shown > LEAST_SHOWN:
            longest.shown -= min(over, 1)
        elif len(left) > 1:
            left.pop()
            for one in left:
                one.shown = len(one.rows)
        else:
            break
    return left


def _incident(one: dict[str, Any], now: datetime) -> tuple[show.Cell, ...]:
    answers = one["acknowledged_by"] or Text("nobody yet", style="bold red")
    heading = Text(one["severity"], style="bold")
    return f"#{one['number']}", heading, one["status"], one["title"], answers, _at(one["declared_at"], now)


def _at(text: str, now: datetime) -> str:
    """An instant in UTC, with its day if that is another."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"


def _panel(part: Part, width: int) -> Panel:
    if not part.rows:
        return Panel(Text(part.empty, style="dim"), title=part.title, title_align="left")
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True, show_header=part.has_head)
    kept = [place for place in range(len(part.columns)) if width >= NARROW or place not in part.spare]
    for place in kept:
        table.add_column(
            part.columns[place], ratio=1 if place == part.main else None, no_wrap=True, overflow="ellipsis"
        )
    for row in part.rows[: part.shown]:
        table.add_row(*(show.cell(row[place]) for place in kept))
    more = len(part.rows) - part.shown
    return Panel(table, title=part.title, title_align="left", subtitle=f"and {more} more" if more else None)


# ---- Events ----------------------------------------------------------------------------------------------------------


@board.command(group=AROUND)
def events(
    *,
    since: Annotated[
        str | None, Parameter(help="Begin after this id, or at this instant; now if left out. UTC without an offset.")
    ] = None,
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
