"""The verbs of an incident, spoken to the API from any machine."""

from datetime import datetime
from typing import Annotated, Any, Literal

from cyclopts import App, Group, Parameter
from rich.text import Text

from tocsin.cli import client, show
from tocsin.cli.options import AsJson, Because, Incident
from tocsin.kit.clock import SystemClock

How = Annotated[str, Parameter(help="What was done.")]
Typed = Annotated[str | None, Parameter(help="What that audience reads in its template's field of this name.")]

LAST_ENTRIES = 8

incidents = App(group_commands=Group("Incidents", sort_key=1))


# ---- Looking ---------------------------------------------------------------------------------------------------------


@incidents.command(name="incidents")
def list_incidents(
    *,
    every: Annotated[bool, Parameter(name="--all", negative="--open", help="Closed ones too, or the open ones only.")] = False,
    json: AsJson = False,
) -> None:
    """List the incidents that are open, the latest first."""
    found = client.get("/incidents", open=None if every else "true")
    if json:
        show.as_json(found)
        return
    columns = ("", "Id", "Severity", "Status", "Title", "Type", "Declared")
    show.table(columns, [_row(one) for one in found["incidents"]], empty="No incident is open.")
