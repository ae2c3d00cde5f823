"""Proof over HTTP: that an incident's record is what was written, and all of it in one signed file."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tocsin.api import schema
from tocsin.api.caller import Call, app_of, needs
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.response import evidence, verification

READ = needs(access.INCIDENT_READ, 400, 409)
READ_ONE = needs(access.INCIDENT_READ, 400, 404)
PACK_ONE = needs(access.INCIDENT_READ, 400, 404, 409)


def handlers() -> list[HTTPRouteHandler]:
    return [show_verification, show_evidence, show_public_key]


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
        return Response(evidence.public_key(tx), media_type="text/plain; charset=utf-8")
