"""Proof over HTTP: a record that is what was written, all of it in one signed file, and how it once stood."""

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import At, instant, moment, shown
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.response import commands, evidence, otherwise, replay, verification

READ = needs(access.INCIDENT_READ, 400, 409)
READ_ONE = needs(access.INCIDENT_READ, 400, 404)
VERB = needs(access.INCIDENT_WRITE, 400, 404, 409)
PACK_ONE = needs(access.INCIDENT_READ, 400, 404, 409)


def handlers() -> list[HTTPRouteHandler]:
    return [show_verification, show_evidence, show_public_key, show_replay, replay_under, correct_time]


@get("/incidents/{incident_id:str}/verification", summary="Whether its record is what was written", **READ_ONE)
def show_verification(request: Call, incident_id: FromPath[str]) -> schema.Verification:
    with app_of(request).database.read(request.auth) as tx:
        found = verification.verify(tx, incident_id)
    return schema.Verification(
        incident_id=found.incident_id,
        ok=found.fault is None,
        entries=found.entries,
        head=found.head,
        entry=found.fault.entry if found.fault else None,
        problem=found.problem,
    )


@get(
    "/incidents/{incident_id:str}/evidence",
    media_type="application/zip",
    summary="Its timeline, ledger, communications and plan in one signed archive",
    **PACK_ONE,
)
def show_evidence(request: Call, incident_id: FromPath[str]) -> Response[bytes]:
    with app_of(request).database.read(request.auth) as tx:
        name = evidence.file_name(incidents.load(tx, incident_id).number)
        packed = evidence.pack(tx, incident_id)
    saved_as = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(packed, media_type="application/zip", headers=saved_as)


@get("/evidence/public-key", media_type="text/plain", summary="The key that checks signed archives, as PEM", **READ)
def show_public_key(request: Call) -> Response[str]:
    with app_of(request).database.read(request.auth) as tx:
        return Response(evidence.public_key(tx), media_type="text/plain")


@get("/incidents/{incident_id:str}/replay", summary="It, its ledger, and who knew what, at an instant", **READ_ONE)
def show_replay(request: Call, incident_id: FromPath[str], at: At = None) -> schema.Replay:
    then = instant(at, "at")
    with app_of(request).database.read(request.auth) as tx:
        found = replay.load(tx, incident_id, then)
    return schema.Replay(
        at=found.at,
        entries=len(found.entries),
        of=found.of,
        before_at=found.before_at,
        after_at=found.after_at,
        incident=shown(found.incident),
        obligations=msgspec.convert(found.ledger, list[schema.Obligation], from_attributes=True),
        told=msgspec.convert(found.told, list[schema.Told], from_attributes=True),
        people=msgspec.convert(found.people, list[schema.Knowing], from_attributes=True),
    )


@post(
    "/incidents/{incident_id:str}/replay",
    status_code=200,
    summary="What another plan would have asked of it, and what differs",
    **READ_ONE,
)
def replay_under(request: Call, incident_id: FromPath[str], data: JSONBody[schema.OtherPlan]) -> schema.Otherwise:
    with app_of(request).database.read(request.auth) as tx:
        found = otherwise.under(tx, incident_id, data.plan, moment(data.at, "at"))
    return msgspec.convert(found, schema.Otherwise, from_attributes=True)


@post("/incidents/{incident_id:str}/corrections", status_code=200, summary="Say when something really happened", **VERB)
def correct_time(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Correction]) -> schema.Incident:
    then = moment(data.instant, "instant") or data.instant
    return shown(act(request, lambda tx: commands.correct_time(tx, incident_id, data.moment, then, data.because)))
