"""Handing shifts on, spoken to the API."""

from typing import Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.options import AsJson, Flag

handoff = App(name="handoff", help="Hand a shift on: what goes on, written by whoever goes, accepted by whoever comes.")

Id = Annotated[str, Parameter(help="The handoff's id, as the list prints it.")]


@handoff.command(name="show")
def show_handoff(
    handoff_id: Annotated[str | None, Parameter(help="One handoff; a list of them unless given.")] = None,
    /,
    *,
    json: AsJson = False,
) -> None:
    """List the handoffs, or print one with everything that is handed over."""
    found = client.get("oncall", "handoffs", *([handoff_id] if handoff_id else []))
    if json:
        show.as_json(found)
    elif handoff_id is None:
        rows = [
            (one["id"], one["state"], one["rotation"], _pair(one), show.minute(one["begins_at"]))
            for one in found["handoffs"]
        ]
        show.table(("Id", "", "Rotation", "From whom to whom", "At (UTC)"), rows, empty="There is none yet.")
    else:
        _print(found)


@handoff.command
def write(
    handoff_id: Id,
    /,
    *,
    note: Annotated[
        tuple[str, ...], Parameter(negative=(), help="A note for each line that is handed over, in their order.")
    ] = (),
    json: AsJson = False,
) -> None:
    """Write a handoff: a note for each line of the plan, even if only that there is nothing."""
    _done(client.post("oncall", "handoffs", handoff_id, "write", body={"notes": list(note)}), json=json)


@handoff.command
def ask(
    handoff_id: Id, question: Annotated[str, Parameter(help="What you want to know.")], /, *, json: AsJson = False
) -> None:
    """Ask back instead of accepting; whoever goes writes it again."""
    _done(client.post("oncall", "handoffs", handoff_id, "ask", body={"question": question}), json=json)


@handoff.command
def accept(
    handoff_id: Id,
    /,
    *,
    contacts_confirmed: Annotated[Flag, Parameter(help="What stands there about reaching you is right.")] = False,
    said: Annotated[str, Parameter(help="Anything to say to whoever goes.")] = "",
    json: AsJson = False,
) -> None:
    """Take a shift over, and confirm how you are reached."""
    body = {"contacts_confirmed": contacts_confirmed, "said": said}
    _done(client.post("oncall", "handoffs", handoff_id, "accept", body=body), json=json)


def _done(found: dict[str, Any], *, json: bool) -> None:
    if json:
        show.as_json(found)
    else:
        show.line(f"{found['id']} is {found['state']}: {found['rotation']}, {_pair(found)}.")


def _pair(one: dict[str, Any]) -> str:
    return f"{', '.join(one['outgoing'])} to {', '.join(one['incoming'])}"


def _print(one: dict[str, Any]) -> None:
    show.line(f"{one['rotation']}: {_pair(one)}, {show.minute(one['begins_at'])}; {one['state']}")
    for duty in one["owed"]:
        show.line(f"  {duty['what']}, due {show.minute(duty['due_at'])}: {duty['state']} {duty['evidence']}".rstrip())
    written: list[str] = next((deed["notes"] for deed in reversed(one["deeds"]) if deed["notes"]), [])
    show.line("\nWhat is handed over", style="bold")
    for number, line in enumerate(one["lines"]):
        show.line(f"  {number + 1}. {line}\n     {written[number] if number < len(written) else '(not written)'}")
    for deed in one["deeds"]:
        if deed["text"]:
            show.line(f"  {deed['by']}, {show.minute(deed['at'])}: {deed['text']}")
    _packet(one["packet"])


def _packet(packet: dict[str, Any]) -> None:
    show.line("\nWhat goes on", style="bold")
    for one in packet["incidents"]:
        show.line(f"  {one['severity']} #{one['number']} {one['title']}, {one['status']}")
        told = [*one["findings"], *([f"Last update: {one['update']}"] if one["update"] else []), *one["owed"]]
        show.line("\n".join(f"     {text}" for text in told) or "     nothing is owed")
    if not packet["incidents"]:
        show.line("  No incident is open that you may see.")
    for one in packet["actions"]:
        show.line(f"  Action items of #{one['number']} {one['title']}:\n{one['text']}")
    if packet["waiting_signals"] or packet["unreadable_bodies"]:
        waiting, unreadable = packet["waiting_signals"], packet["unreadable_bodies"]
        show.line(f"  {waiting} signals match no rule, and {unreadable} bodies could not be read.")
    for one in packet["contacts"]:
        show.line(f"  {one['person']} is reached by {', '.join(one['channels']) or 'nothing'}.")
