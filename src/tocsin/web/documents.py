"""The plan's templates as pages: each filled in from the record, with a mark where a person is still to write."""

import re
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response import Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from tocsin.comms import templates
from tocsin.comms.templates import Rendered
from tocsin.incidents import store as incidents
from tocsin.response import rendering
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, Visitor, page

# What people and senders wrote is in it: neither HTML of theirs nor pictures from elsewhere come onto our page.
_reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")
_BLANK = re.compile(r"\[to be written: [^\]]*\]")


@get("/incidents/{incident_id:str}/templates", sync_to_thread=True)
def show_templates(request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str]) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        incident, known = incidents.load(tx, incident_id), rendering.known(tx, incident_id)
        title = f"Templates of #{incident.number}"
        view: dict[str, Any] = {"incident": incident, "offered": known, "post_mortem": templates.POST_MORTEM}
        return page(request, visitor, tx, "templates.html", title=title, here="/incidents", **view)


@get("/incidents/{incident_id:str}/templates/{name:str}", sync_to_thread=True)
def show_template(request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str], name: FromPath[str]) -> Template:
    return show(request, visitor, incident_id, name)


def show(request: AnyRequest, visitor: Visitor, incident_id: str, name: str) -> Template:
    """A template as the record fills it; the ticket may be missing from a plan, and then the page says so."""
    with visitor.app.database.read(visitor.actor) as tx:
        incident = incidents.load(tx, incident_id)
        has_it = name != templates.TICKET or any(one.name == name for one in rendering.known(tx, incident_id))
        found = rendering.render(tx, incident_id, name) if has_it else None
        what = "Ticket" if name == templates.TICKET else found.purpose if found else name
        view: dict[str, Any] = {
            "incident": incident,
            "found": found,
            "html": html(found) if found else "",
            "what": what,
        }
        title = f"{what} of #{incident.number}"
        return page(request, visitor, tx, "template.html", title=title, here="/incidents", **view)


def html(found: Rendered) -> Markup:
    """The text as HTML, with its blanks marked."""
    written = _reader.render(found.text)
    return Markup(_BLANK.sub(lambda one: f"<mark>{one[0]}</mark>", written))  # noqa: S704 - HTML is off in the reader


def routes() -> list[Any]:
    return [show_templates, show_template]
