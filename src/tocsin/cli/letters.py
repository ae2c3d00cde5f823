"""What became of what was sent, spoken to the API: the pages of an incident, and what never arrived."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of
from tocsin.cli.options import AROUND, INCIDENTS, AsJson, Incident
from tocsin.cli.watching import watched

letters = App()


@letters.command(group=INCIDENTS)
@watched
def pages(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print who was paged, by which ways, and what became of each message."""
    found = client.whole("pages", "incidents", id_of(incident), "pages")
    if json:
        show.as_json(found)
        return
    rows = [
        (str(page["step"] + 1), page["person"], one["channel"], show.second(one["created_at"]), _story(one))
        for page in found["pages"]
        for one in page["messages"]
    ]
    show.table(("Step", "Person", "Channel", "Queued (UTC)", "What became of it"), rows, empty="Nobody was paged.")


@letters.command(group=AROUND)
@watched
def undelivered(*, limit: Annotated[int, Parameter(help="How many, at the most.")] = 50, json: AsJson = False) -> None:
    """List what was given up, the latest first."""
    found = client.get("messages", "undelivered", limit=limit)
    if json:
        show.as_json(found)
        return
    rows = [
        (one["id"], one["person"], one["channel"], show.second(one["created_at"]), one["subject"], one["last_error"])
        for one in found["messages"]
    ]
    columns = ("Id", "To", "Channel", "Queued (UTC)", "What", "Why")
    show.table(columns, rows, empty="Everything has arrived, or is on its way.")


@letters.command(group=AROUND)
def resend(
    message: Annotated[str, Parameter(help="The message's id, as `undelivered` shows it.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Put something that was given up on its way again."""
    client.post("messages", message, "resend")
    if json:
        show.as_json({"id": message, "resent": True})
    else:
        show.line("It is on its way again.")


def _story(one: dict[str, Any]) -> str:
    """`sent by email after 0.2 s, opened after 41 s`"""
    steps = [
        f"{each['kind']}{' by ' + each['provider'] if each['provider'] else ''} after {each['after_seconds']:g} s"
        f"{': ' + each['detail'] if each['detail'] else ''}"
        for each in one["receipts"]
    ]
    waits = {"queued": "waits", "dead": one["last_error"]}.get(one["state"], "")
    return ", ".join(steps) or waits
