"""Telling people, spoken to the API: drafts that wait for a word, corrections, and who was told what."""

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of, send
from tocsin.cli.options import INCIDENTS, AsJson, Because, Incident
from tocsin.cli.watching import watched

telling = App()

Draft = Annotated[int, Parameter(help="The number of the draft's entry, as `drafts` shows it.")]
Update = Annotated[int, Parameter(help="The number of the update's entry, as `told` shows it.")]


@telling.command(group=INCIDENTS)
@watched
def drafts(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print the updates that wait for a word, and who can give it."""
    found = client.get("incidents", id_of(incident), "drafts")
    if json:
        show.as_json(found)
        return
    rows = [
        (str(one["number"]), one["audience"], one["by"], ", ".join(one["approvers"]), one["text"])
        for one in found["drafts"]
    ]
    show.table(("Entry", "Audience", "By", "Waits for", "Text"), rows, empty="No draft waits for a word.")


@telling.command(group=INCIDENTS)
def approve(incident: Incident, draft: Draft, /, *, json: AsJson = False) -> None:
    """Approve a draft: its audience is told now."""
    send(incident, "drafts", str(draft), "approve", json=json)


@telling.command(name="send-back", group=INCIDENTS)
def send_back(incident: Incident, draft: Draft, /, *, because: Because, json: AsJson = False) -> None:
    """Send a draft back to its author, with a word."""
    send(incident, "drafts", str(draft), "return", json=json, body={"because": because})


@telling.command(name="correct-update", group=INCIDENTS)
def correct_update(
    incident: Incident,
    update: Update,
    /,
    *,
    text: Annotated[str, Parameter(help="What it should have said.")],
    because: Because,
    json: AsJson = False,
) -> None:
    """Correct an update: whoever got the first is told, and the record keeps both."""
    send(incident, "updates", str(update), "correct", json=json, body={"text": text, "because": because})


@telling.command(name="withdraw-update", group=INCIDENTS)
def withdraw_update(incident: Incident, update: Update, /, *, because: Because, json: AsJson = False) -> None:
    """Withdraw an update: whoever got it is told that it does not hold."""
    send(incident, "updates", str(update), "withdraw", json=json, body={"because": because})


@telling.command(group=INCIDENTS)
@watched
def told(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print who was told what, through what, whether it came there, and who is owed what next."""
    found = client.get("incidents", id_of(incident), "told")
    if json:
        show.as_json(found)
        return
    show.table(("Audience", "Told", "Last (UTC)", "Came there", "Owed next"), [_row(one) for one in found["audiences"]])


@telling.command(group=INCIDENTS)
@watched
def communications(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print everything that left and came in for an incident, and what became of it."""
    found = client.whole("communications", "incidents", id_of(incident), "communications")
    if json:
        show.as_json(found)
        return
    rows = [
        (show.second(one["at"]), one["direction"], _plain(one["way"]), one["who"], one["what"], _came(one))
        for one in found["communications"]
    ]
    show.table(("When (UTC)", "", "By", "Who", "What", "What became of it"), rows, empty="Nothing left or came in.")


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _came(one: dict[str, Any]) -> str:
    return f"{_plain(one['state'])}: {one['problem']}" if one["problem"] else _plain(one["state"])


@telling.command(group=INCIDENTS)
def posts(incident: Incident, /, *, json: AsJson = False) -> None:
    """Print a short post for each network of the plan, for a person to post. Nothing is posted."""
    found = client.get("incidents", id_of(incident), "posts")
    if json:
        show.as_json(found)
        return
    for one in found["drafts"]:
        show.heading(f"{one['name']}, {one['length']} of {one['most']}")
        show.written(one["text"] + "\n")
    if not found["drafts"]:
        show.line("The public was told nothing yet, or the plan names no network.")


@telling.command(group=INCIDENTS)
def posted(
    incident: Incident,
    /,
    *,
    network: Annotated[
        Literal["x", "mastodon", "bluesky", "linkedin"], Parameter(help="Where: a network of the plan.")
    ],
    text: Annotated[str, Parameter(help="What stands there.")],
    link: Annotated[str, Parameter(help="The address of the post.")],
    json: AsJson = False,
) -> None:
    """Put on the record what you posted elsewhere."""
    send(incident, "posts", json=json, body={"network": network, "text": text, "link": link})


@telling.command(group=INCIDENTS)
def call(
    incident: Incident,
    link: Annotated[str, Parameter(help="Where you talk from now on.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Replace the call: the channel and the room show the new one, and whoever responds is told."""
    send(incident, "call", json=json, body={"link": link})


def _row(row: dict[str, Any]) -> tuple[show.Cell, ...]:
    last = row["told"][-1] if row["told"] else None
    ways = [
        f"{one['who']} by {one['way'].replace('_', ' ')}: {one['state'].replace('_', ' ')}"
        for one in (last["ways"] if last else ())
    ]
    owed = row["next"]
    due = f"{owed['what']}, due {show.second(owed['due_at'])}" if owed else ""
    waits = f"draft of entry {row['draft']} waits" if row["draft"] else ""
    entry = f" (entry {last['entry']})" if last else ""
    when = f"{show.second(last['at'])}{entry}" if last else None
    return (row["name"], str(len(row["told"])), when, "; ".join(ways), "; ".join(one for one in (waits, due) if one))
