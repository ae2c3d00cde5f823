"""What the program puts together by itself, over HTTP: changes, the first assessment, templates filled in."""

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from tocsin.api import cursors, knowledge_schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import READ, READ_ONE, Cursor, Limit, moment
from tocsin.changes import commands as changing
from tocsin.changes import store as changes
from tocsin.changes.model import Report
from tocsin.incidents import assessment_words
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.response import assessing, rendering

MARKDOWN = "text/markdown"


def handlers() -> list[HTTPRouteHandler]:
    return [tell_of_change, list_changes, show_assessment, list_templates, show_template]


# ---- Changes ----


@post("/changes", summary="Tell of a change that was made", **needs(access.SIGNAL_WRITE, 400, 409))
def tell_of_change(request: Call, data: JSONBody[knowledge_schema.NewChange]) -> knowledge_schema.Change:
    said = msgspec.structs.asdict(data)
    said["at"] = moment(data.at, "at")
    report = Report(**said, source="api")
    return _change(act(request, lambda tx: changing.tell(tx, report)))


@get("/changes", summary="List changes, the last made first", **READ)
def list_changes(
    request: Call,
    service: Annotated[str | None, QueryParameter(description="Only of this service.", required=False)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> knowledge_schema.Changes:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = changes.listing(tx, service=service, before=begun.before, limit=begun.wanted(limit))
    found, following = cursors.page(begun, rows, limit, lambda one: one.at)
    return knowledge_schema.Changes([_change(one) for one in found], following)


def _change(change: Any) -> knowledge_schema.Change:
    return msgspec.convert(change, knowledge_schema.Change, from_attributes=True)


# ---- The first assessment ----


@get(
    "/incidents/{incident_id:str}/assessment",
    summary="What is known without anybody asking: service, changes, vendors, users, the like before",
    **READ_ONE,
)
def show_assessment(request: Call, incident_id: FromPath[str]) -> knowledge_schema.Assessment:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        found = assessing.assess(tx, plan, incident)
    text = assessment_words.text(assessment_words.parts(plan, found))
    return msgspec.convert({**vars(found), "text": text}, knowledge_schema.Assessment, from_attributes=True)


# ---- Templates ----

_EITHER = {
    200: ResponseSpec(
        knowledge_schema.Rendered,
        generate_examples=False,
        description="The text, as JSON with its blanks or as Markdown, as `Accept` asks.",
    )
}


@get("/incidents/{incident_id:str}/templates", summary="The templates of the plan that it is run by", **READ_ONE)
def list_templates(request: Call, incident_id: FromPath[str]) -> knowledge_schema.Templates:
    with app_of(request).database.read(request.auth) as tx:
        found = rendering.known(tx, incident_id)
    return knowledge_schema.Templates(msgspec.convert(found, list[knowledge_schema.Template], from_attributes=True))


@get(
    "/incidents/{incident_id:str}/templates/{name:str}",
    summary="A template as the record fills it now; Markdown if you accept text/markdown",
    **{**READ_ONE, "responses": {**READ_ONE["responses"], **_EITHER}},
)
def show_template(request: Call, incident_id: FromPath[str], name: FromPath[str]) -> Response[Any]:
    with app_of(request).database.read(request.auth) as tx:
        found = rendering.render(tx, incident_id, name)
    accepted = request.accept.best_match(["application/json", "text/markdown"], default="application/json")
    if accepted == "text/markdown":
        return Response(found.text, media_type=MARKDOWN, headers={"Vary": "Accept"})
    shown = msgspec.convert(found, knowledge_schema.Rendered, from_attributes=True)
    return Response(shown, media_type=MediaType.JSON, headers={"Vary": "Accept"})
