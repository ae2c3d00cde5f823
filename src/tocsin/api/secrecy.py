"""Who may see an incident, over HTTP: kept confidential, disclosed, responders brought in and taken off."""

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import READ_ONE, VERB, after, shown
from tocsin.incidents import confidential
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.people import store as people
from tocsin.response import secrecy


def handlers() -> list[HTTPRouteHandler]:
    return [show_readers, make_confidential, disclose, add_responder, add_team, remove_responder, break_glass]


@get(
    "/incidents/{incident_id:str}/readers",
    summary="Whether it is confidential, who reads it then, and who broke the glass until when",
    **READ_ONE,
)
def show_readers(request: Call, incident_id: FromPath[str]) -> schema.Readers:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        names = {one.handle: one.name for one in people.people(tx)}
        reading = confidential.reading(incident, tx.now)
    return schema.Readers(
        confidential_at=incident.confidential_at,
        responders=list(incident.responders),
        readers=[schema.Reader(one, names.get(one, one), until) for one, until in reading.items()],
    )


@post(
    "/incidents/{incident_id:str}/confidential",
    status_code=200,
    summary="Keep it confidential: from here on only its readers see it",
    **VERB,
)
def make_confidential(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Because]) -> schema.Incident:
    return after(request, lambda tx: secrecy.make_confidential(tx, incident_id, data.because))


@post(
    "/incidents/{incident_id:str}/disclose",
    status_code=200,
    summary="Open it to everybody who may read incidents; nothing is published by that",
    **VERB,
)
def disclose(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Because]) -> schema.Incident:
    return after(request, lambda tx: secrecy.disclose(tx, incident_id, data.because))


@post("/incidents/{incident_id:str}/responders", status_code=200, summary="Bring somebody in", **VERB)
def add_responder(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Responder]) -> schema.Incident:
    return after(request, lambda tx: secrecy.add_responder(tx, incident_id, data.person, data.because))


@post(
    "/incidents/{incident_id:str}/responders/team",
    status_code=200,
    summary="Bring in a team: those who are its members now",
    **VERB,
)
def add_team(request: Call, incident_id: FromPath[str], data: JSONBody[schema.TeamOfResponders]) -> schema.Incident:
    return after(request, lambda tx: secrecy.add_team(tx, incident_id, data.team, data.because))


@post("/incidents/{incident_id:str}/responders/remove", status_code=200, summary="Take somebody off", **VERB)
def remove_responder(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Responder]) -> schema.Incident:
    return after(request, lambda tx: secrecy.remove_responder(tx, incident_id, data.person, data.because))


@post(
    "/incidents/{incident_id:str}/break-glass",
    status_code=200,
    summary="As an administrator, read what is confidential for four hours; the record and its readers are told",
    **needs(access.BREAK_GLASS, 400, 404, 409),
)
def break_glass(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Because]) -> schema.Incident:
    """The address may hold the number too: whoever does not see the incident can't look its id up."""
    found = act(request, lambda tx: secrecy.break_glass(tx, incident_id, data.because)).id
    with app_of(request).database.read(request.auth) as tx:
        return shown(incidents.load(tx, found))
