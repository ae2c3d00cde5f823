"""The REST API under `/api/v1`: who is let in, how it refuses, and the document that describes it."""

from typing import Any

from litestar import Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ExceptionHandlersMap, Guard

from tocsin.api import (
    agreements,
    amtool,
    assistants,
    auditing,
    calendars,
    conditional,
    contacts,
    coverage,
    described,
    door,
    events,
    evidence,
    explaining,
    handoffs,
    incidents,
    knowledge,
    letters,
    limits,
    misfits,
    oncall,
    onces,
    probes,
    problems,
    reach,
    records,
    reports,
    search,
    secrecy,
    silences,
    statuspage,
    subscribers,
    telling,
    trying,
    webhooks,
    work,
)
from tocsin.api.caller import Call, gate

PATH = "/api/v1"
BODY_MOST = 1_000_000
VERSION = "1.0.0"


def routes() -> list[Router]:
    """Every address of the API. No cookie opens any of them, so none needs a guard against forged forms."""
    own = [
        *incidents.handlers(),
        *work.handlers(),
        *secrecy.handlers(),
        *knowledge.handlers(),
        *search.handlers(),
        *evidence.handlers(),
        *records.handlers(),
        *probes.handlers(),
        *explaining.handlers(),
        *silences.handlers(),
        *subscribers.handlers(),
        *reach.handlers(),
        *statuspage.handlers(),
        *agreements.handlers(),
        *door.handlers(),
        *auditing.handlers(),
        *coverage.handlers(),
        *oncall.handlers(),
        *contacts.handlers(),
        *letters.handlers(),
        *calendars.handlers(),
        *handoffs.handlers(),
        *reports.handlers(),
        *trying.handlers(),
        *telling.handlers(),
        *webhooks.handlers(),
        *events.handlers(),
        *assistants.handlers(),
    ]
    theirs = {**problems.exception_handlers(), **amtool.exception_handlers()}
    return [
        _router(PATH, own, problems.exception_handlers(), misfits.known_parameters),
        _router(amtool.PATH, amtool.handlers(), theirs),
    ]


def _router(path: str, handlers: list[HTTPRouteHandler], refusals: ExceptionHandlersMap, *guards: Guard) -> Router:
    return Router(
        path,
        route_handlers=handlers,
        guards=[gate(), *guards],
        middleware=[limits.counted, onces.once, conditional.tagged],
        request_class=Call,
        exception_handlers=refusals,
        security=[{"token": []}],
        request_max_body_size=BODY_MOST,
        opt={"exclude_from_csrf": True},
    )


class _Document(JsonRenderPlugin):
    """The description of what is under `/api/v1`, and of nothing else that the application serves."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        paths = {path: item for path, item in openapi_schema["paths"].items() if path.startswith(f"{PATH}/")}
        components = openapi_schema["components"]
        components = {**components, "schemas": described.with_names(components["schemas"])}
        described_here = {"paths": described.INTAKE | described.with_manners(paths), "components": components}
        return super().render(request, {**openapi_schema, **described_here})


def _operation_id(handler: HTTPRouteHandler, _method: object, _path: object) -> str:
    return handler.handler_name


def openapi_config() -> OpenAPIConfig:
    """OpenAPI 3.1 at `/api/v1/openapi.json`; no page that would load a script from elsewhere."""
    token = SecurityScheme(type="http", scheme="bearer", description="A token, made by an administrator.")
    return OpenAPIConfig(
        title="Tocsin",
        version=VERSION,
        description="Incident response in which the written plan is the program.",
        path=f"{PATH}/openapi.json",  # of its own: below its path the framework answers in HTML
        render_plugins=[_Document(path="/")],
        operation_id_creator=_operation_id,
        components=Components(security_schemes={"token": token}),
    )
