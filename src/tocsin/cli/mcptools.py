"""What an assistant may do here, through the Model Context Protocol: each tool is one request to the API, or two."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from tocsin.client import requests
from tocsin.client.requests import Request
from tocsin.client.wire import Tocsin

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=10_000)]
Which = Annotated[str, Meta(min_length=1, max_length=64, description="The incident's id (inc_…), or its number.")]


class Nothing(Struct, forbid_unknown_fields=True):
    pass


class Listing(Struct, forbid_unknown_fields=True):
    open: Annotated[bool, Meta(description="Only those that are open.")] = True
    limit: Annotated[int, Meta(ge=1, le=200)] = 20


class OfIncident(Struct, forbid_unknown_fields=True):
    incident: Which


class OfTimeline(Struct, forbid_unknown_fields=True):
    incident: Which
    after: Annotated[int, Meta(ge=0, description="Only entries behind this number.")] = 0


class OfSignal(Struct, forbid_unknown_fields=True):
    signal: Annotated[str, Meta(min_length=1, max_length=64, description="The signal's id (sig_…).")]


class Signals(Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=200)] = 20


class Declaring(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=200, description="What is wrong, in a line.")]
    severity: Annotated[str, Meta(description="A severity of the plan, such as P1.")]
    type: Annotated[str, Meta(description="A type of the plan, such as service_outage.")]
    service: Annotated[str | None, Meta(description="The plan's service that is touched.")] = None
    impact: Annotated[str, Meta(max_length=10_000, description="What people notice.")] = ""


class Noting(Struct, forbid_unknown_fields=True):
    incident: Which
    text: Text


class Updating(Struct, forbid_unknown_fields=True):
    incident: Which
    audience: Annotated[Name, Meta(description="An audience of the plan, such as internal or public.")]
    fields: Annotated[dict[str, str], Meta(description="What the audience's template asks for.")]
    stage: Annotated[str | None, Meta(description="For the public: investigating, identified, …")] = None


@dataclass(frozen=True)
class Tool:
    """`reads`: it changes nothing. `repeats`: to do it twice is to do it once. `reaches`: people hear of it."""

    name: str
    title: str
    description: str
    takes: type[Struct]
    run: Callable[[Tocsin, Any], Any]
    reads: bool = True
    repeats: bool = True
    reaches: bool = False

    def plain(self) -> dict[str, Any]:
        hints = {"readOnlyHint": self.reads, "idempotentHint": self.repeats, "openWorldHint": self.reaches}
        if not self.reads:
            hints["destructiveHint"] = self.reaches  # what people have heard nobody can take back
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": _schema(self.takes),
            "annotations": {"title": self.title, **hints},
        }


def _schema(takes: type[Struct]) -> dict[str, Any]:
    """A JSON schema that stands alone."""
    (_, whole), *_ = [*msgspec.json.schema_components([takes], ref_template="#/{name}")[1].items()]
    found: dict[str, Any] = {"properties": {}, **whole}
    return found


# ---- What they do ----


def _read(tocsin: Tocsin, *path: str, **query: Any) -> Any:
    return tocsin.send(Request("GET", requests.path_of(path), dict[str, Any], query=query))


def _id(tocsin: Tocsin, named: str) -> str:
    """The id of an incident that is named by its number."""
    number = named.removeprefix("#")
    if not number.isdecimal():
        return named
    cursor = None
    while True:
        page = tocsin.send(requests.incidents(limit=200, cursor=cursor))
        found = next((one.id for one in page.incidents if one.number == int(number)), None)
        if found is not None or page.next is None:
            return found or named
        cursor = page.next


def _about(tocsin: Tocsin, asked: OfIncident, *below: str) -> Any:
    return _read(tocsin, "incidents", _id(tocsin, asked.incident), *below)


def _timeline(tocsin: Tocsin, asked: OfTimeline) -> Any:
    return _read(tocsin, "incidents", _id(tocsin, asked.incident), "timeline", cursor=asked.after)


def _declare(tocsin: Tocsin, asked: Declaring) -> Any:
    said = msgspec.structs.asdict(asked)
    return tocsin.send(requests.declare(**said, trigger="observation"))


def _update(tocsin: Tocsin, asked: Updating, *, only_look: bool) -> Any:
    incident_id = _id(tocsin, asked.incident)
    if not only_look:
        return tocsin.send(requests.update(incident_id, asked.audience, asked.fields, stage=asked.stage))
    body = {"audience": asked.audience, "fields": asked.fields, "stage": asked.stage}
    return tocsin.send(
        Request("POST", requests.path_of(("incidents", incident_id, "updates", "preview")), dict[str, Any], body=body)
    )


TOOLS: dict[str, Tool] = {
    one.name: one
    for one in (
        Tool(
            "list_incidents",
            "List incidents",
            "Incidents, the last declared first.",
            Listing,
            lambda tocsin, asked: tocsin.send(requests.incidents(open=asked.open or None, limit=asked.limit)),
        ),
        Tool(
            "read_incident",
            "Read an incident",
            "One incident: its facts, its roles, its times, and what it still lacks to be closed.",
            OfIncident,
            _about,
        ),
        Tool(
            "read_timeline",
            "Read a timeline",
            "The record of an incident, entry by entry.",
            OfTimeline,
            _timeline,
        ),
        Tool(
            "read_obligations",
            "Read what is owed",
            "What is owed in an incident, by whom and by when, and how each promise ended.",
            OfIncident,
            lambda tocsin, asked: _about(tocsin, asked, "obligations"),
        ),
        Tool(
            "read_assessment",
            "Read the first assessment",
            "What is known of an incident without anybody asking: the service, changes, vendors, the like before.",
            OfIncident,
            lambda tocsin, asked: _about(tocsin, asked, "assessment"),
        ),
        Tool(
            "who_is_on_call",
            "Who is on call",
            "Who is on call now in each rotation, until when, and who is next.",
            Nothing,
            lambda tocsin, _: _read(tocsin, "oncall"),
        ),
        Tool(
            "list_signals",
            "List signals",
            "Signals that reached us, the last seen first.",
            Signals,
            lambda tocsin, asked: _read(tocsin, "signals", "recent", limit=asked.limit),
        ),
        Tool(
            "explain_signal",
            "Explain a signal",
            "Why a signal was paged, or was not: each rule, each condition with what was found, and what followed.",
            OfSignal,
            lambda tocsin, asked: _read(tocsin, "signals", asked.signal, "explanation"),
        ),
        Tool(
            "read_plan",
            "Read the plan",
            "The plan in force: severities, types, services, roles, rotations, escalation, audiences.",
            Nothing,
            lambda tocsin, _: _read(tocsin, "plan"),
        ),
        Tool(
            "preview_update",
            "Preview an update",
            "What an audience would read, what is left empty, and whose word it would wait for. Nothing is posted.",
            Updating,
            lambda tocsin, asked: _update(tocsin, asked, only_look=True),
        ),
        Tool(
            "declare_incident",
            "Declare an incident",
            "Declare an incident. Whoever is on call may be paged at once, as the plan says.",
            Declaring,
            _declare,
            reads=False,
            repeats=False,
            reaches=True,
        ),
        Tool(
            "add_note",
            "Add a note",
            "Write a note into an incident's record. Nobody is told of it.",
            Noting,
            lambda tocsin, asked: tocsin.send(requests.note(_id(tocsin, asked.incident), asked.text)),
            reads=False,
            repeats=False,
        ),
        Tool(
            "acknowledge_incident",
            "Acknowledge an incident",
            "Answer for an incident in the name of whoever the token acts as: the pages stop.",
            OfIncident,
            lambda tocsin, asked: tocsin.send(requests.acknowledge(_id(tocsin, asked.incident))),
            reads=False,
            reaches=True,
        ),
        Tool(
            "post_update",
            "Post an update",
            "Tell an audience of the plan; look at it with preview_update before. It cannot be taken back unread.",
            Updating,
            lambda tocsin, asked: _update(tocsin, asked, only_look=False),
            reads=False,
            repeats=False,
            reaches=True,
        ),
    )
}
