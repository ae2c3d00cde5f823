"""The work on an incident over HTTP: findings, impact, fixes; and how incidents are merged, linked and split off."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import schema, work_schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import READ_ONE, VERB, shown
from tocsin.incidents import store as incidents
from tocsin.incidents import working
from tocsin.incidents.model import Incident
from tocsin.incidents.working import Estimate
from tocsin.people import access
from tocsin.response import relating
from tocsin.response import working as work


def handlers() -> list[HTTPRouteHandler]:
    return [show_work, find, assess, deploy, merge, link, unlink, split]


@get(
    "/incidents/{incident_id:str}/work",
    summary="What was found, whom it touches, and how far the fix and its proof have come",
    **READ_ONE,
)
def show_work(request: Call, incident_id: FromPath[str]) -> work_schema.Work:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        entries = incidents.timeline(tx, incident_id)
    return _work(incident, working.picture(entries))


@post("/incidents/{incident_id:str}/findings", status_code=200, summary="Put a finding on the record", **VERB)
def find(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewFinding]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return _after(request, lambda tx: work.find(tx, incident_id, **said))


@post("/incidents/{incident_id:str}/impact", status_code=200, summary="Say whom it touches, and how", **VERB)
def assess(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewImpact]) -> schema.Incident:
    estimate = Estimate(**msgspec.structs.asdict(data))
    return _after(request, lambda tx: work.assess(tx, incident_id, estimate))


@post("/incidents/{incident_id:str}/fixes", status_code=200, summary="Say that a fix was deployed", **VERB)
def deploy(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewFix]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return _after(request, lambda tx: work.deploy(tx, incident_id, **said))


# ---- Other incidents ----


@post("/incidents/{incident_id:str}/merge", status_code=200, summary="Merge a duplicate into another incident", **VERB)
def merge(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.Merging]) -> schema.Incident:
    return _after(request, lambda tx: relating.merge(tx, incident_id, data.into, data.because))


@post("/incidents/{incident_id:str}/links", status_code=200, summary="Link it with another incident", **VERB)
def link(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewLink]) -> schema.Incident:
    return _after(request, lambda tx: relating.link(tx, incident_id, data.incident, data.relation, data.because))


@post("/incidents/{incident_id:str}/links/remove", status_code=200, summary="Take a link back", **VERB)
def unlink(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.OldLink]) -> schema.Incident:
    return _after(request, lambda tx: relating.unlink(tx, incident_id, data.incident, data.because))


@post(
    "/incidents/{incident_id:str}/split",
    summary="Open an incident of its own for a part of this one",
    **needs(access.INCIDENT_WRITE, 400, 404, 409),
)
def split(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.Part]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    signal_ids = said.pop("signals")
    return _after(request, lambda tx: relating.split(tx, incident_id, signal_ids=signal_ids, **said))


def _after(call: Call, command: Callable[[Any], Incident]) -> schema.Incident:
    """The incident as it is after a command."""
    return shown(act(call, command))


def _work(incident: Incident, found: working.Picture) -> work_schema.Work:
    return work_schema.Work(
        findings=[work_schema.finding(number, one) for number, one in found.findings.items()],
        impact=msgspec.convert(incident.assessed, work_schema.Impact, from_attributes=True)
        if incident.assessed
        else None,
        decisions=[msgspec.convert(one, work_schema.Decision, from_attributes=True) for one in found.decisions],
        fixes=[msgspec.convert(one, work_schema.Fix, from_attributes=True) for one in found.fixes],
    )
