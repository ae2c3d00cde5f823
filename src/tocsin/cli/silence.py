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

Start = Annotated[str | None, Parameter(name="--from", help="The instant at which it begins; at once unless given.")]
For = Annotated[str | None, Parameter(name="--for", help="How long it lasts, such as '2 h'; this or --to.")]
End = Annotated[str | None, Parameter(name="--to", help="The instant at which it ends; this or --for.")]
Why = Annotated[str, Parameter(help="Why; it stands beside whatever it holds back.")]
Yes = Annotated[Flag, Parameter(help="Do it even if it holds back signals of the worst severity.")]
Preview = Annotated[Flag, Parameter(help="Only show what it would hold back of what fires now or was heard this week.")]

silence = App(name="silence", group=AROUND, help="Hold signals back for a time: they are kept, and page nobody.")


class NoEnd(Invalid):
    """Say when it ends: with --for '2 h', or with --to and an instant."""


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


def _row(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    what = " ".join(one["matchers"]) or ", ".join([one["service"], *one["components"]])
    until = show.minute(one["ended_at"] or one["ends_at"])
    why = one["title"] or one["because"]
    return one["id"], one["state"], show.minute(one["starts_at"]), until, what, why, one["made_by"], one["held"]


def _times(since: str | None, until: str | None, length: str | None) -> dict[str, str | None]:
    begin = instant_of(since) if since else None
    if (until is None) == (length is None):
        raise NoEnd
    end = instant_of(until) if until else (begin or _now()) + _span(length or "")
    return {"starts_at": begin.isoformat() if begin else None, "ends_at": end.isoformat()}


def _span(text: str) -> timedelta:
    try:
        return parse_span(text)
    except ValueError as error:
        raise Invalid(f"--for: {error}") from None


def _now() -> datetime:
    return SystemClock().now().astimezone(UTC)
