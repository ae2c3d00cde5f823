"""Signals held back for a time: silences by matcher and maintenance windows. Spoken to the API from any machine."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson, Flag, instant_of
from tocsin.cli.watching import watched
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Invalid
from tocsin.kit.text import parse_span

Start = Annotated[
    str | None, Parameter(name="--from", help="When it begins, in UTC without an offset; at once unless given.")
]
For = Annotated[str | None, Parameter(name="--for", help="How long it lasts, such as '2 h'; this or --to.")]
End = Annotated[str | None, Parameter(name="--to", help="When it ends, in UTC without an offset; this or --for.")]
Why = Annotated[str, Parameter(help="Why; it stands beside whatever it holds back.")]
Yes = Annotated[Flag, Parameter(help="Do it even if it holds back signals of the worst severity.")]
Preview = Annotated[Flag, Parameter(help="Only show what it would hold back of what fires now or was heard this week.")]

silence = App(name="silence", group=AROUND, help="Hold signals back for a time: they are kept, and page nobody.")


class NoEnd(Invalid):
    """Say when it ends: with --for '2 h', or with --to and an instant."""


class NoLater(Invalid):
    """Say how much longer: with --by '1 h', or with --to and an instant."""


@silence.command
def add(
    matcher: Annotated[
        list[str],
        Parameter(
            negative=(), show_default=False, help="name=value, name!=value, name=~expression or name!~expression."
        ),
    ],
    /,
    *,
    because: Why,
    length: For = None,
    until: End = None,
    since: Start = None,
    preview: Preview = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Hold back every signal for which all of these hold."""
    body = {"matchers": matcher, "because": because, **_times(since, until, length)}
    _make(body, preview=preview, yes=yes, json=json)


@silence.command
def maintain(
    service: Annotated[str, Parameter(help="The plan's service that is worked on.")],
    /,
    *,
    title: Annotated[str, Parameter(help="What it is, in a line; the public reads it.")],
    because: Why,
    length: For = None,
    until: End = None,
    since: Start = None,
    component: Annotated[
        list[str] | None,
        Parameter(negative=(), show_default=False, help="Only this component of it; may be repeated."),
    ] = None,
    text: Annotated[str, Parameter(help="What to expect meanwhile; the public reads it.")] = "",
    preview: Preview = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Plan maintenance of a service: its signals are held back meanwhile, and the status page announces it."""
    about = {"service": service, "components": component or [], "title": title, "text": text}
    _make({**about, "because": because, **_times(since, until, length)}, preview=preview, yes=yes, json=json)


@silence.command(name="list")
@watched
def list_all(
    *,
    past: Annotated[Flag, Parameter(help="Those too that were over within the last 30 days.")] = False,
    json: AsJson = False,
) -> None:
    """List what holds signals back now or will: silences and maintenance."""
    since = (_now() - timedelta(days=30)).isoformat() if past else None
    found = client.get("silences", over_since=since)
    if json:
        show.as_json(found)
        return
    columns = ("Id", "", "From (UTC)", "Until (UTC)", "What", "Why", "By", "Held")
    show.table(columns, [_row(one) for one in found["silences"]], empty="Nothing is held back.")


@silence.command(name="show")
def show_one(
    silence_id: Annotated[str, Parameter(name="SILENCE", help="Its id, as `silence list` shows it.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Show one, past or not: who made it and why, and the signals that it held back."""
    one = client.get("silences", silence_id)
    held = client.get("signals", "recent", silence=silence_id, limit=100)
    if json:
        show.as_json({**one, "signals": held["signals"]})
        return
    show.line(f"{one['id']}  {one['state']}: {one['title'] or one['because']}", style="bold")
    until = f"until {show.minute(one['ended_at'] or one['ends_at'])}"
    rows = [("What", _what(one)), ("Why", one["because"]), ("When", f"from {show.minute(one['starts_at'])} {until}")]
    rows.append(("Made", f"{show.minute(one['made_at'])}, by {one['made_by']}"))
    rows += [
        (name.capitalize(), f"{show.minute(one[f'{name}_at'])}, by {one[f'{name}_by']}")
        for name in ("extended", "ended")
        if one[f"{name}_at"]
    ]
    show.table(("", ""), rows)
    show.heading(f"It held back {one['held']} {'signal' if one['held'] == 1 else 'signals'}")
    columns = ("Id", "Last seen (UTC)", "State", "Title", "What became of it")
    found = [
        (each["id"], show.second(each["last_at"]), each["state"], each["title"], each["why"])
        for each in held["signals"]
    ]
    show.table(columns, found, empty="Nothing that matches came.")
    if held["next"]:
        show.line("These are the latest 100 of them.")


@silence.command
def extend(
    silence_id: Annotated[str, Parameter(name="SILENCE", help="Its id, as `silence list` shows it.")],
    /,
    *,
    length: Annotated[str | None, Parameter(name="--by", help="How much longer, such as '1 h'; this or --to.")] = None,
    until: Annotated[
        str | None, Parameter(name="--to", help="When it ends now, in UTC without an offset; this or --by.")
    ] = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Let a silence or a maintenance window end later; what it holds back stays held."""
    if (until is None) == (length is None):
        raise NoLater
    if until is None:
        ends = instant_of(client.get("silences", silence_id)["ends_at"]) + _span(length or "", "--by")
    else:
        ends = instant_of(until)
    made = client.post("silences", silence_id, "extend", body={"ends_at": ends.isoformat(), "yes": yes})
    show.as_json(made) if json else show.line(f"{made['id']} {made['state']}, until {show.minute(made['ends_at'])}.")


@silence.command
def expire(
    silence_id: Annotated[str, Parameter(name="SILENCE", help="Its id, as `silence list` shows it.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """End a silence or a maintenance window now; what it holds back and still fires is decided at once."""
    found = client.post("silences", silence_id, "end")
    show.as_json(found) if json else show.line(f"{found['id']} is over.")


def _make(body: dict[str, Any], *, preview: bool, yes: bool, json: bool) -> None:
    if preview:
        found = client.post("silences", "preview", body=body)
        show.as_json(found) if json else _show_preview(found)
        return
    made = client.post("silences", body={**body, "yes": yes})
    if json:
        show.as_json(made)
    else:
        show.line(f"{made['id']} {made['state']}, until {show.minute(made['ends_at'])}.")


def _show_preview(found: dict[str, Any]) -> None:
    if found["warning"]:
        show.line(found["warning"], style="bold")
    rows = [(one["id"], when, one["severity"] or "waits", one["title"]) for when, one in _both(found)]
    show.table(
        ("Id", "", "Severity", "Signal"),
        rows,
        empty=f"None of the {found['looked_at']} signals that fire or were heard.",
    )


def _both(found: dict[str, Any]) -> list[tuple[str, Any]]:
    return [*(("fires now", one) for one in found["firing"]), *(("this week", one) for one in found["earlier"])]


def _held(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    return one["id"], show.second(one["last_at"]), one["state"], one["title"], f"{one['disposition']}. {one['why']}"


def _what(one: dict[str, Any]) -> str:
    return " ".join(one["matchers"]) or ", ".join([one["service"], *one["components"]])


def _row(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    what = _what(one)
    until = show.minute(one["ended_at"] or one["ends_at"])
    why = one["title"] or one["because"]
    return one["id"], one["state"], show.minute(one["starts_at"]), until, what, why, one["made_by"], one["held"]


def _times(since: str | None, until: str | None, length: str | None) -> dict[str, str | None]:
    begin = instant_of(since) if since else None
    if (until is None) == (length is None):
        raise NoEnd
    end = instant_of(until) if until else (begin or _now()) + _span(length or "")
    return {"starts_at": begin.isoformat() if begin else None, "ends_at": end.isoformat()}


def _span(text: str, option: str = "--for") -> timedelta:
    try:
        return parse_span(text)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{option}: {error}") from None


def _now() -> datetime:
    return SystemClock().now().astimezone(UTC)
