"""After an incident: the meeting, and the post-mortem itself. Spoken to the API from any machine."""

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from tocsin.cli import client, incidents, show
from tocsin.cli.options import INCIDENTS, AsJson, Flag, Incident, instant_of
from tocsin.kit.text import clip, listed

# ---- The meeting -----------------------------------------------------------------------------------------------------

review = App(name="review", group=INCIDENTS, help="The post-mortem meeting: set its time, say that it was held.")


@review.command
def schedule(
    incident: Incident,
    /,
    *,
    at: Annotated[str, Parameter(help="When, such as 2026-11-26T14:00+01:00; UTC without an offset.")],
    json: AsJson = False,
) -> None:
    """Set the time of the meeting; those who worked on the incident are invited."""
    incidents.send(incident, "review", json=json, body={"meeting_at": instant_of(at).isoformat()})


@review.command
def held(incident: Incident, /, *, json: AsJson = False) -> None:
    """Say that the meeting was held."""
    incidents.send(incident, "review", "held", json=json)


# ---- What is written -------------------------------------------------------------------------------------------------

postmortem = App(name="postmortem", group=INCIDENTS, help="The post-mortem: read it, write it, make it final.")


@postmortem.default
def read(
    incident: Incident,
    /,
    *,
    markdown: Annotated[Flag, Parameter(help="Print the whole of it in Markdown.")] = False,
    json: AsJson = False,
) -> None:
    """Print how the post-mortem stands: which sections are done, and which wait for a person."""
    if markdown:
        show.written(client.text("incidents", incidents.id_of(incident), "postmortem.md"))
        return
    found = client.get("incidents", incidents.id_of(incident), "postmortem")
    if json:
        show.as_json(found)
        return
    show.line(f"{found['title']} ({found['severity']}): {found['status']}", style="bold")
    show.table(("Section", "Title", "", "Text"), [_section(one) for one in found["sections"]])


@postmortem.command
def write(
    incident: Incident,
    section: Annotated[str, Parameter(help="The section's id, as `postmortem INCIDENT` shows it.")],
    text: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="The text, in Markdown; - reads it from the standard input.")
    ],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Write a section; what stood there before is replaced."""
    said = sys.stdin.read() if text == "-" else text
    _tell(client.put("incidents", incidents.id_of(incident), "postmortem", body={section: said}), json=json)


@postmortem.command
def final(incident: Incident, /, *, json: AsJson = False) -> None:
    """Make it final, or learn which required sections are still empty."""
    _tell(client.post("incidents", incidents.id_of(incident), "postmortem", "finalise"), json=json)


def _tell(found: dict[str, Any], *, json: bool) -> None:
    if json:
        show.as_json(found)
        return
    missing = f"; still empty: {listed(found['missing'])}" if found["missing"] else ""
    show.line(f"The post-mortem of {found['title']} is {found['status']}{missing}.")


def _section(one: dict[str, Any]) -> tuple[show.Cell, ...]:
    stands = "done" if one["is_done"] else "to be written" if one["required"] else "optional"
    return one["id"], one["title"], stands, clip(one["text"].replace("\n", " "), 60)
