"""Subscribers of the status page, for administrators. Spoken to the API from any machine."""

import csv
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.options import AROUND, AsJson
from tocsin.cli.watching import watched
from tocsin.kit.errors import Invalid

Id = Annotated[str, Parameter(help="The subscriber's id, as `subscribers list` shows it.")]
HEADS = {"address", "email", "e-mail", "mail"}

subscribers = App(name="subscribers", group=AROUND, help="Who is told of what is posted on the status page.")


@subscribers.command(name="list")
@watched
def list_all(
    *,
    state: Annotated[str | None, Parameter(help="unconfirmed, active or off.")] = None,
    way: Annotated[str | None, Parameter(help="email, webhook, slack, teams or push.")] = None,
    text: Annotated[str | None, Parameter(help="What stands in the address.")] = None,
    after: Annotated[str | None, Parameter(help="Go on after this one.")] = None,
    limit: Annotated[int, Parameter(help="How many, at the most.")] = 50,
    json: AsJson = False,
) -> None:
    """List subscribers, with how many there are of each kind."""
    wanted = {"state": state, "way": way, "text": text, "after": after, "limit": limit}
    found = client.get("subscribers", **{name: value for name, value in wanted.items() if value is not None})
    if json:
        show.as_json(found)
        return
    rows = [
        (
            one["id"],
            one["way"],
            one["address"],
            one["state"],
            ", ".join(one["parts"]) or "everything",
            one["last_error"],
        )
        for one in found["subscribers"]
    ]
    show.table(("Id", "By", "Address", "State", "Of", "Last failure"), rows, empty="Nobody has subscribed.")
    if found["counts"]:
        show.line(", ".join(f"{one['count']} {one['state']} by {one['way']}" for one in found["counts"]))
    if found["next"]:
        show.line(f"There are more: --after {found['next']}")


@subscribers.command
def off(
    subscriber: Id,
    /,
    *,
    because: Annotated[str, Parameter(help="Why; it stands beside the subscriber.")] = "",
    json: AsJson = False,
) -> None:
    """Send nothing there any more."""
    client.post("subscribers", subscriber, "off", body={"why": because})
    _done({"id": subscriber, "state": "off"}, "Nothing is sent there any more.", json=json)


@subscribers.command
def on(subscriber: Id, /, *, json: AsJson = False) -> None:
    """Send there again."""
    client.post("subscribers", subscriber, "on")
    _done(
        {"id": subscriber, "on": True}, "What is posted goes there again, once somebody there has confirmed.", json=json
    )


@subscribers.command
def export(subscriber: Id, /, *, json: AsJson = False) -> None:
    """Print everything that is kept about a subscriber, as JSON for them. That it was taken is noted."""
    show.as_json(client.post("subscribers", subscriber, "export"))  # it is JSON, asked for or not


@subscribers.command
def erase(subscriber: Id, /, *, json: AsJson = False) -> None:
    """Erase a subscriber. Only that it was done, when and by whom is kept."""
    client.delete("subscribers", subscriber)
    _done({"id": subscriber, "erased": True}, "Erased.", json=json)


@subscribers.command
def enter(
    file: Annotated[str, Parameter(help="A CSV file whose first column is the addresses; - for the standard input.")],
    /,
    *,
    consent: Annotated[str, Parameter(help="On what ground, in a sentence; each of them reads it, once.")],
    language: Annotated[
        str, Parameter(help="In which language they are told: en, de, fr, es or pt-BR; else that of the page.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Enter mail addresses of people who have agreed. Each is told once, and can leave with a press of a button."""
    found = client.post("subscribers", body={"addresses": _addresses(file), "consent": consent, "language": language})
    known = f"; {found['known']} were known already" if found["known"] else ""
    _done(found, f"{found['new']} are subscribed and are told so{known}.", json=json)


def _addresses(file: str) -> list[str]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} can't be read: {type(error).__name__}.") from None
    rows = [row[0].strip() for row in csv.reader(text.splitlines()) if row and row[0].strip()]
    found = rows[1:] if rows and rows[0].lower() in HEADS else rows
    if not found:
        raise Invalid(f"{file} holds no addresses.")
    return found


def _done(answer: dict[str, Any], words: str, *, json: bool) -> None:
    if json:
        show.as_json(answer)
    else:
        show.line(words)
