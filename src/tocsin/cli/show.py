"""What the commands print: tables and lines for people, JSON for programs.

Nothing that came from outside can steer the terminal: control characters are shown, not sent, and so are those that
turn the order in which others are read.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin.kit.errors import Invalid
from tocsin.kit.text import TURNING, short_span

NOTHING = "–"
NARROW = 64  # columns of a terminal below which a table of more than a FEW columns is no use
FEW = 3
_UNCUT = 1_000_000  # columns, where no terminal folds lines: a table in a pipe is never cut
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
_TURNING = {code: f"\\u{code:04x}" for code in TURNING}
_STEERING = {**_CONTROL, **_TURNING}

Cell = str | Text | int | None


def plain(text: object) -> str:
    """The text without the power to move the cursor, recolour or retitle the terminal, or to turn its own words."""
    return str(text).replace("\r\n", "\n").translate(_STEERING)


def line(text: object = "", style: str = "") -> None:
    """One line, or several, folded to the terminal's width."""
    console().print(Text(plain(text), style=style))


def raw(text: str) -> None:
    """Text that another program may read: as it is, never folded."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def written(text: str) -> None:
    """What people wrote, never folded, to be read or pasted elsewhere."""
    raw(plain(text))


def aside(text: object) -> None:
    """A remark for the person, out of the way of what is piped on."""
    console(stderr=True).print(Text(plain(text)))


def error(message: str) -> None:
    console(stderr=True).print(Text(plain(message), style="red"))


def as_json(value: Any) -> None:
    raw(json.dumps(value, indent=2))


class Unclear(Invalid):
    """What was asked for can be read in two ways."""


def wipe() -> None:
    """Begin at the top of an empty terminal."""
    console().clear()


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str = "", empty: str = "") -> None:
    """Rows under their headings; instead of an empty table, a sentence that says so."""
    filled = list(rows)
    if not filled:
        if empty:
            line(empty, style="dim")
        return
    here = console()
    if here.is_terminal and here.width < NARROW and len(columns) > FEW:
        _one_by_one(columns, filled)
        return
    drawn = Table(title=plain(title) or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column, header_style="dim", overflow="fold")
    for row in filled:
        drawn.add_row(*(cell(one) for one in row))
    _print(drawn)


def _one_by_one(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Each row by itself, for a terminal in which its columns would be a few letters wide."""
    for place, row in enumerate(rows):
        if place:
            line()
        facts(zip(columns, row, strict=True))


def facts(pairs: Iterable[tuple[str, Cell]]) -> None:
    """Names and values, one pair a line; what is not known is left out."""
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and str(value):
            drawn.add_row(Text(plain(name)), cell(value))
    _print(drawn)


def heading(text: str) -> None:
    line()
    line(text, style="bold")


def _print(drawn: Table) -> None:
    """A table; for a program or a file without the blanks that fill its last column."""
    here = console()
    if here.is_terminal:
        here.print(drawn)
        return
    with here.capture() as captured:
        here.print(drawn)
    raw("\n".join(each.rstrip() for each in captured.get().splitlines()))


def cell(value: Cell) -> Text:
    if isinstance(value, Text):
        return value
    return Text(NOTHING, style="dim") if value is None else Text(plain(value))


def console(*, stderr: bool = False) -> Console:
    """A console for the stream as it is now; where that is no terminal, lines keep their length."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        stderr=stderr,
        width=None if stream.isatty() else _UNCUT,
        markup=False,
        highlight=False,
        emoji=False,
    )


# ---- Instants and spans, from the strings that the API sends ---------------------------------------------------------


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def minute(text: str | None) -> str | None:
    """An instant to the minute: `2026-11-24 03:34 UTC`."""
    at = instant(text)
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else None


def second(text: str | None) -> str | None:
    """An instant to the second: `11-24 03:34:19`."""
    at = instant(text)
    return at.strftime("%m-%d %H:%M:%S") if at else None


def seconds(count: float | None) -> str | None:
    return None if count is None else short_span(timedelta(seconds=count))


def left(due_at: str | None, now: datetime) -> Text | None:
    """How long until something is due, or for how long it has been."""
    at = instant(due_at)
    if at is None:
        return None
    if at < now:
        return Text(f"late by {short_span(now - at)}", style="bold red")
    return Text(f"{short_span(at - now)} left", style="yellow" if at - now < timedelta(minutes=5) else "")
