"""Proof over HTTP: that an incident's record is what was written."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tocsin.api import schema
from tocsin.api.caller import Call, app_of, needs
from tocsin.people import access
from tocsin.response import verification

READ_ONE = needs(access.INCIDENT_READ, 400, 404)


def handlers() -> list[HTTPRouteHandler]:
    return [show_verification]


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
