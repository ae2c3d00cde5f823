"""Who may see an incident, spoken to the API: kept confidential, disclosed, responders brought in and taken off."""

from typing import Annotated

from cyclopts import App, Parameter

from tocsin.cli import client, show
from tocsin.cli.incidents import id_of, send, tell
from tocsin.cli.options import INCIDENTS, AsJson, Because, Incident
from tocsin.cli.watching import watched

Person = Annotated[str, Parameter(help="Who, by the handle of their account.")]

Team = Annotated[str, Parameter(help="Which team, by its key in the plan.")]

secrecy = App()


@secrecy.command(group=INCIDENTS)
@watched
def readers(incident: Incident, /, *, json: AsJson = False) -> None:
    """Show whether an incident is confidential, who reads it then, and who broke the glass until when."""
    found = client.get("incidents", id_of(incident), "readers")
    if json:
        show.as_json(found)
        return
    if not found["confidential_at"]:
        show.line("It is open: everybody who may read incidents reads it.")
        return
    show.line(f"Confidential since {show.minute(found['confidential_at'])}. Only these people read it:")
    rows = [(one["name"], one["handle"], _until(one["until"])) for one in found["readers"]]
    show.table(("", "Handle", "Until"), rows, empty="Nobody reads it.")


def _until(instant: str | None) -> str:
    return f"{show.minute(instant)}, having broken the glass" if instant else ""


@secrecy.command(group=INCIDENTS)
def confidential(incident: Incident, /, *, because: Because, json: AsJson = False) -> None:
    """Keep an incident confidential: from here on only its readers see it."""
    send(incident, "confidential", json=json, body={"because": because})


@secrecy.command(group=INCIDENTS)
def disclose(incident: Incident, /, *, because: Because, json: AsJson = False) -> None:
    """Open a confidential incident to everybody who may read incidents. Nothing is published by that."""
    send(incident, "disclose", json=json, body={"because": because})


@secrecy.command(name="add-responder", group=INCIDENTS)
def add_responder(incident: Incident, person: Person, /, *, because: Because, json: AsJson = False) -> None:
    """Bring somebody in: they are told, and read the incident if it is confidential."""
    send(incident, "responders", json=json, body={"person": person, "because": because})


@secrecy.command(name="add-team", group=INCIDENTS)
def add_team(incident: Incident, team: Team, /, *, because: Because, json: AsJson = False) -> None:
    """Bring in a team: those who are its members now are told, and read the incident if it is confidential."""
    send(incident, "responders", "team", json=json, body={"team": team, "because": because})


@secrecy.command(name="remove-responder", group=INCIDENTS)
def remove_responder(incident: Incident, person: Person, /, *, because: Because, json: AsJson = False) -> None:
    """Take somebody off: from here on they do not see the incident, if it is confidential."""
    send(incident, "responders", "remove", json=json, body={"person": person, "because": because})


@secrecy.command(name="break-glass", group=INCIDENTS)
def break_glass(incident: Incident, /, *, because: Because, json: AsJson = False) -> None:
    """As an administrator, read a confidential incident for four hours; the record and its readers are told.

    Needs a token that acts as an administrator and has the scope incidents:break_glass.
    """
    # Whoever does not see it can't look its id up: the server finds the number itself.
    tell(client.post("incidents", incident.removeprefix("#"), "break-glass", body={"because": because}), json=json)
