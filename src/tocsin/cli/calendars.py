"""Calendars, spoken to the API: addresses to subscribe to, and shifts out of somebody else's calendar or table."""

from typing import Annotated, Any

from cyclopts import Parameter

from tocsin.cli import client, show
from tocsin.cli.options import AsJson, Flag
from tocsin.cli.planfile import name_of, text_of

Id = Annotated[str, Parameter(help="Its id, as the list prints it.")]


def feeds(*, json: AsJson = False) -> None:
    """List the calendars that you subscribed to, or everybody's if you may change people."""
    found = client.get("oncall", "feeds")
    if json:
        show.as_json(found)
        return
    rows = [
        (one["id"], one["owner"], one["rotation"] or "own shifts", one["made_by"], show.minute(one["made_at"]))
        for one in found["feeds"]
    ]
    show.table(("Id", "Whose", "Of", "Made by", "Made"), rows, empty="Nobody has subscribed.")


def feed(
    rotation: Annotated[str | None, Parameter(help="One rotation; all your own shifts unless given.")] = None,
    /,
    *,
    person: Annotated[str | None, Parameter(help="Whose calendar it is; yours unless given.")] = None,
    json: AsJson = False,
) -> None:
    """Make a calendar to subscribe to, and print its address this once. Whoever has the address can read it."""
    made = client.post("oncall", "feeds", body={"rotation": rotation, "person": person})
    if json:
        show.as_json(made)
        return
    show.raw(made["address"])
    show.aside(f"It is not shown again. To shut it: tocsin oncall revoke {made['id']}")


def revoke(
    feed_id: Annotated[str, Parameter(help="Its id, as the list prints it.")], /, *, json: AsJson = False
) -> None:
    """Revoke a calendar: its address shows nothing any more."""
    client.delete("oncall", "feeds", feed_id)
    if json:
        show.as_json({"id": feed_id, "revoked": True})
    else:
        show.line(f"{feed_id} is revoked; its address shows nothing any more.")


def import_shifts(
    file: Annotated[str, Parameter(help="A calendar (.ics) or a table (.csv: start,end,person); - is the input.")],
    /,
    *,
    rotation: Annotated[str, Parameter(help="The rotation: its key in the plan, such as on_call.")],
    reason: Annotated[str | None, Parameter(help="Why; without it, that it comes from this file.")] = None,
    dry_run: Annotated[Flag, Parameter(help="Change nothing, and say what would change.")] = False,
    json: AsJson = False,
) -> None:
    """Take the shifts of a file over as overrides: all of them, or none. What is so already stays as it is."""
    body: dict[str, object] = {
        "rotation": rotation,
        "text": text_of(file),
        "reason": reason or f"Imported from {name_of(file).rpartition('/')[2]}",
        "dry_run": dry_run,
    }
    found = client.post("oncall", "import", body=body)
    if json:
        show.as_json(found)
        return
    columns = ("Line", "From (UTC)", "Until", "On call", "Instead of")
    show.table(columns, [_change(one) for one in found["changes"]])
    show.line(_sum(found, dry_run=dry_run))


def _change(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    instead = ", ".join(one["instead_of"]) or "nobody else"
    return one["line"], show.minute(one["starts_at"]), show.minute(one["ends_at"]), one["person"], instead


def _sum(found: dict[str, Any], *, dry_run: bool) -> str:
    done = "To be arranged" if dry_run else "Arranged"
    return f"{done}: {len(found['changes'])}. So already: {found['as_it_is']}. Over: {found['over']}."
