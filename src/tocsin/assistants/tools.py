"""What an assistant may do here, through the Model Context Protocol: each tool is one request to the API, or two.

There is no right that is the assistant's own, and no second way around a rule.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tocsin.assistants.steps import Steps
from tocsin.client import requests
from tocsin.client.model import Incidents
from tocsin.client.requests import Request

READ, WORK, PLAN = "incidents:read", "incidents:write", "plan:read"  # the rights that tools need

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=10_000)]
Which = Annotated[str, Meta(min_length=1, max_length=64, description="The incident's id (inc_…), or its number.")]


Kind = Literal["incident", "entry", "post_mortem", "signal"]

_MARK = re.compile(r"</?mark>")
_PLACE = re.compile(r"/(?P<what>incidents|post-mortems|signals)/(?P<id>[^/#]+)(?:#e(?P<entry>\d+))?")


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


class Watching(Struct, forbid_unknown_fields=True):
    health: Annotated[Literal["trouble", "unknown", "well"] | None, Meta(description="Only what stands so.")] = None
    service: Annotated[Name | None, Meta(description="Only of this service or vendor of the plan.")] = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Meta(description="`next` of the answer before, for what follows it.")] = None


class OfProbe(Struct, forbid_unknown_fields=True):
    probe: Annotated[str, Meta(pattern="^[^/]+/[^/]+$", max_length=200, description="Its name, such as rose/health.")]
    looks: Annotated[int, Meta(ge=1, le=200, description="How many stretches of looks, the latest first.")] = 20


class Searching(Struct, forbid_unknown_fields=True):
    query: Annotated[
        str, Meta(min_length=1, max_length=200, description='Words that must all be there, "phrases", beginnings*.')
    ]
    kind: Annotated[Kind | None, Meta(description="Only what is of this kind; an entry is one of a timeline.")] = None
    severity: Annotated[Name | None, Meta(description="Only this severity; of a signal, as its sender said.")] = None
    service: Annotated[Name | None, Meta(description="Only what is about this service.")] = None
    after: Annotated[Name | None, Meta(description="From this day or instant on, such as 2026-11-26; in UTC.")] = None
    before: Annotated[Name | None, Meta(description="Before this day or instant.")] = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    cursor: Annotated[str | None, Meta(description="`next` of the answer before, for what follows it.")] = None


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
    """`right`: what a token needs for it. `reads`: it changes nothing. `repeats`: to do it twice is to do it once.
    `reaches`: people hear of it."""

    name: str
    title: str
    description: str
    takes: type[Struct]
    run: Callable[[Any], Steps[Any]]
    right: str = READ
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


def _read(*path: str, **query: Any) -> Steps[Any]:
    asked = {name: one for name, one in query.items() if one is not None}
    return (yield Request("GET", requests.path_of(path), dict[str, Any], query=asked))


def _id(named: str) -> Steps[str]:
    """The id of an incident that is named by its number: it is among the latest, or else a search knows it."""
    number = named.removeprefix("#")
    if not number.isdecimal():
        return named
    page: Incidents = yield requests.incidents(limit=200)
    latest = {one.number: one.id for one in page.incidents}
    if page.next is None or int(number) in latest:
        return latest.get(int(number), named)
    found = yield from _read("search", q=f'kind:incident "{number}"', limit=50)
    return next((str(_place(one)["incident"]) for one in found["items"] if one["number"] == int(number)), named)


def _about(asked: OfIncident, *below: str) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    return (yield from _read("incidents", incident_id, *below))


def _timeline(asked: OfTimeline) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    return (yield from _read("incidents", incident_id, "timeline", cursor=asked.after))


def _probe(asked: OfProbe) -> Steps[Any]:
    """How it stands, and beside that what was measured."""
    found = yield from _read("probes", *asked.probe.split("/"))
    measured = yield from _read("probes", *asked.probe.split("/"), "looks", limit=asked.looks)
    return {"probe": found, "unit": measured["unit"], "looks": measured["looks"]}


def _search(asked: Searching) -> Steps[Any]:
    filters = {name: getattr(asked, name) for name in ("kind", "severity", "service", "after", "before")}
    said = [f'{name}:"{value.replace(chr(34), " ")}"' for name, value in filters.items() if value]
    query = {"q": " ".join([asked.query, *said, ""]), "limit": asked.limit, "cursor": asked.cursor}
    found = yield from _read("search", **{name: value for name, value in query.items() if value is not None})
    return {"items": [_item(one) for one in found["items"]], "next": found["next"]}


def _item(one: dict[str, Any]) -> dict[str, Any]:
    """Something found as a text, and by the names under which the other tools read it."""
    said = {name: one[name] for name in ("kind", "title", "at", "severity", "number", "url")}
    return {**said, "says": unescape(_MARK.sub("", one["snippet"])), **_place(one)}


def _place(one: dict[str, Any]) -> dict[str, Any]:
    found = _PLACE.fullmatch(one["url"])
    if found is None:
        return {}
    if found["what"] == "signals":
        return {"signal": found["id"]}
    return {"incident": found["id"], **({"entry": int(found["entry"])} if found["entry"] else {})}


def _incidents(asked: Listing) -> Steps[Any]:
    return (yield requests.incidents(open=asked.open or None, limit=asked.limit))


def _declare(asked: Declaring) -> Steps[Any]:
    said = msgspec.structs.asdict(asked)
    return (yield requests.declare(**said, trigger="observation"))


def _note(asked: Noting) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    return (yield requests.note(incident_id, asked.text))


def _acknowledge(asked: OfIncident) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    return (yield requests.acknowledge(incident_id))


def _update(asked: Updating) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    return (yield requests.update(incident_id, asked.audience, asked.fields, stage=asked.stage))


def _preview(asked: Updating) -> Steps[Any]:
    incident_id = yield from _id(asked.incident)
    path = requests.path_of(("incidents", incident_id, "updates", "preview"))
    body = {"audience": asked.audience, "fields": asked.fields, "stage": asked.stage}
    return (yield Request("POST", path, dict[str, Any], body=body))


TOOLS: dict[str, Tool] = {
    one.name: one
    for one in (
        Tool(
            "list_incidents",
            "List incidents",
            "Incidents, the last declared first.",
            Listing,
            _incidents,
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
            lambda asked: _about(asked, "obligations"),
        ),
        Tool(
            "read_assessment",
            "Read the first assessment",
            "What is known of an incident without anybody asking: the service, changes, vendors, the like before.",
            OfIncident,
            lambda asked: _about(asked, "assessment"),
        ),
        Tool(
            "read_post_mortem",
            "Read a post-mortem",
            "What was learned from an incident: the post-mortem's sections, its causes and its action items.",
            OfIncident,
            lambda asked: _about(asked, "postmortem"),
        ),
        Tool(
            "search",
            "Search the record",
            "Find incidents, entries of timelines, post-mortems and signals by their words, over all the years.",
            Searching,
            _search,
        ),
        Tool(
            "who_is_on_call",
            "Who is on call",
            "Who is on call now in each rotation, until when, and who is next.",
            Nothing,
            lambda _: _read("oncall"),
            right=PLAN,
        ),
        Tool(
            "list_signals",
            "List signals",
            "Signals that reached us, the last seen first.",
            Signals,
            lambda asked: _read("signals", "recent", limit=asked.limit),
        ),
        Tool(
            "explain_signal",
            "Explain a signal",
            "Why a signal was paged, or was not: each rule, each condition with what was found, and what followed.",
            OfSignal,
            lambda asked: _read("signals", asked.signal, "explanation"),
        ),
        Tool(
            "list_probes",
            "List what is looked at",
            "All that is looked at without a signal, such as services, vendors and jobs, and how each stands.",
            Watching,
            lambda asked: _read("probes", **msgspec.structs.asdict(asked)),
        ),
        Tool(
            "read_probe",
            "Read what a probe saw",
            "One thing that is looked at: how it stands, what the last look saw, and what was measured.",
            OfProbe,
            _probe,
        ),
        Tool(
            "read_plan",
            "Read the plan",
            "The plan in force: severities, types, services, roles, rotations, escalation, audiences.",
            Nothing,
            lambda _: _read("plan"),
            right=PLAN,
        ),
        Tool(
            "preview_update",
            "Preview an update",
            "What an audience would read, what is left empty, and whose word it would wait for. Nothing is posted.",
            Updating,
            _preview,
            right=WORK,  # of the API, where it is a part of writing one
        ),
        Tool(
            "declare_incident",
            "Declare an incident",
            "Declare an incident. Whoever is on call may be paged at once, as the plan says.",
            Declaring,
            _declare,
            right=WORK,
            reads=False,
            repeats=False,
            reaches=True,
        ),
        Tool(
            "add_note",
            "Add a note",
            "Write a note into an incident's record. Nobody is told of it.",
            Noting,
            _note,
            right=WORK,
            reads=False,
            repeats=False,
        ),
        Tool(
            "acknowledge_incident",
            "Acknowledge an incident",
            "Answer for an incident in the name of whoever the token acts as: the pages stop.",
            OfIncident,
            _acknowledge,
            right=WORK,
            reads=False,
            reaches=True,
        ),
        Tool(
            "post_update",
            "Post an update",
            "Tell an audience of the plan; look at it with preview_update before. It cannot be taken back unread.",
            Updating,
            _update,
            right=WORK,
            reads=False,
            repeats=False,
            reaches=True,
        ),
    )
}
