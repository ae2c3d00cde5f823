"""Telling people over HTTP: drafts that wait for a word, corrections, and who was told what."""

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import cursors, schema
from tocsin.api import telling_schema as shapes
from tocsin.api.caller import Call, app_of
from tocsin.api.incidents import ENTRIES_MOST, READ_ONE, VERB, Cursor, ManyMore, after
from tocsin.response import commands, communications, telling, told


def handlers() -> list[HTTPRouteHandler]:
    telling_them = [show_drafts, approve_draft, return_draft, correct_update, withdraw_update]
    return [*telling_them, show_told, show_communications, show_posts, add_post, replace_call]


@get("/incidents/{incident_id:str}/drafts", summary="The updates that wait for a word", **READ_ONE)
def show_drafts(request: Call, incident_id: FromPath[str]) -> shapes.Drafts:
    with app_of(request).database.read(request.auth) as tx:
        found = telling.drafts(tx, incident_id)
    return shapes.Drafts([_draft(one) for one in found])


def _draft(one: telling.Draft) -> shapes.Draft:
    return shapes.Draft(
        number=one.number,
        audience=one.drafted.audience,
        stage=one.drafted.stage,
        by=one.drafted.by,
        at=one.drafted.at,
        text=one.text,
        jargon=[shapes.Word(*each) for each in one.jargon],
        approvers=list(one.approvers),
    )


@post(
    "/incidents/{incident_id:str}/drafts/{number:int}/approve",
    status_code=200,
    summary="Approve a draft: its audience is told now",
    **VERB,
)
def approve_draft(request: Call, incident_id: FromPath[str], number: FromPath[int]) -> schema.Incident:
    return after(request, lambda tx: commands.approve(tx, incident_id, number))


@post(
    "/incidents/{incident_id:str}/drafts/{number:int}/return",
    status_code=200,
    summary="Send a draft back to its author, with a word",
    **VERB,
)
def return_draft(
    request: Call, incident_id: FromPath[str], number: FromPath[int], data: JSONBody[schema.Because]
) -> schema.Incident:
    return after(request, lambda tx: telling.send_back(tx, incident_id, number, data.because))


@post(
    "/incidents/{incident_id:str}/updates/{number:int}/correct",
    status_code=200,
    summary="Say what an update should have said",
    **VERB,
)
def correct_update(
    request: Call, incident_id: FromPath[str], number: FromPath[int], data: JSONBody[shapes.Corrected]
) -> schema.Incident:
    return after(request, lambda tx: telling.correct(tx, incident_id, number, data.text, data.because))


@post(
    "/incidents/{incident_id:str}/updates/{number:int}/withdraw",
    status_code=200,
    summary="Say that what an update told does not hold",
    **VERB,
)
def withdraw_update(
    request: Call, incident_id: FromPath[str], number: FromPath[int], data: JSONBody[schema.Because]
) -> schema.Incident:
    return after(request, lambda tx: telling.withdraw(tx, incident_id, number, data.because))


@get(
    "/incidents/{incident_id:str}/told",
    summary="Who was told what, through what, whether it came there, and who is owed what next",
    **READ_ONE,
)
def show_told(request: Call, incident_id: FromPath[str]) -> shapes.Told:
    with app_of(request).database.read(request.auth) as tx:
        found = told.matrix(tx, incident_id)
    return shapes.Told(msgspec.convert(found, list[shapes.ToldAudience], from_attributes=True))


@get(
    "/incidents/{incident_id:str}/communications",
    summary="Everything that left and came in, with what became of it",
    **READ_ONE,
)
def show_communications(
    request: Call, incident_id: FromPath[str], limit: ManyMore = ENTRIES_MOST, cursor: Cursor = None
) -> shapes.Communications:
    with app_of(request).database.read(request.auth) as tx:
        rows = communications.log(tx, incident_id)
    found, following = cursors.counted(rows, cursor, limit)
    return shapes.Communications(msgspec.convert(found, list[shapes.Communication], from_attributes=True), following)


@get(
    "/incidents/{incident_id:str}/posts",
    summary="A short post for each network of the plan, for a person to post",
    **READ_ONE,
)
def show_posts(request: Call, incident_id: FromPath[str]) -> shapes.SocialDrafts:
    with app_of(request).database.read(request.auth) as tx:
        found = telling.social(tx, incident_id)
    return shapes.SocialDrafts(msgspec.convert(found, list[shapes.SocialDraft], from_attributes=True))


@post(
    "/incidents/{incident_id:str}/posts",
    status_code=200,
    summary="Say that a person posted this elsewhere, and where it stands",
    **VERB,
)
def add_post(request: Call, incident_id: FromPath[str], data: JSONBody[shapes.Posted]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return after(request, lambda tx: telling.posted(tx, incident_id, **said))


@post("/incidents/{incident_id:str}/call", status_code=200, summary="Talk at another address from now on", **VERB)
def replace_call(request: Call, incident_id: FromPath[str], data: JSONBody[shapes.NewCall]) -> schema.Incident:
    return after(request, lambda tx: telling.replace_call(tx, incident_id, data.link))
