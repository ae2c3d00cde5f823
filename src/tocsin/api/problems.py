"""Every refusal as `application/problem+json` (RFC 9457): one mapping for everything under `/api`."""

import logging
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from tocsin.api import misfits, refusing
from tocsin.api.conditional import Moved
from tocsin.api.keys import UnknownToken
from tocsin.api.limits import TooMany
from tocsin.api.store import KeyReused
from tocsin.api.wire import TooLarge
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, Refused, TocsinError
from tocsin.oncall.importing import NotUnderstood
from tocsin.plan.commands import BadPlan
from tocsin.signals.formats import Unreadable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

# The first that fits, read along the error's ancestors: the four refusals, and what HTTP tells apart.
STATUSES: dict[type[TocsinError], int] = {
    UnknownToken: 401,
    Moved: 412,
    KeyReused: 422,
    TooMany: 429,
    TooLarge: 413,
    NotFound: 404,
    Invalid: 400,
    Forbidden: 403,
    Refused: 409,
    Overloaded: 503,
    TocsinError: 409,  # somebody else was faster, again and again
}
HEADERS: dict[int, dict[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="tocsin"'},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}

_PLACE = re.compile(r"\$(?P<place>[^:\s]*): (?P<fault>.*)", re.DOTALL)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`type` names the kind of refusal; `errors` say, one by one, what is wrong and where."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, str]] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        members: dict[str, Any] = {name: getattr(self, name) for name in ("type", "title", "status", "detail")}
        members |= {"errors": self.errors} if self.errors else {}
        return msgspec.json.encode(members | ({} if self.changed is None else {"changed": self.changed}))


PLAIN: dict[int, str] = {
    404: "There is nothing at this address.",
    405: "This address is asked in another way; Allow names those there are.",
    413: "The body is larger than this address takes. Send less at once.",
}
"""What the framework says of these is their name alone."""

BUG = Problem(
    type="about:blank",
    title="Internal Server Error",
    status=500,
    detail="Tocsin made a mistake; its log says which. Nothing was changed by this request.",
)


def of_error(error: TocsinError, *, asked: bool = False) -> Problem:
    """A refusal of ours, as its class and its sentence tell it. `asked` if the fields stand in the address."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return Problem(
        type=f"urn:tocsin:problem:{_WORD.sub('-', type(error).__name__).lower()}",
        title=_title(type(error)),
        status=status,
        detail=error.message,
        errors=_errors(error, asked=asked),
        changed=[one.plain() for one in error.changed] if isinstance(error, Moved) else None,
        headers=HEADERS.get(status, {}),
    )


def _title(kind: type[TocsinError]) -> str:
    """The first sentence of what the error's class says of itself."""
    return (kind.__doc__ or "").strip().partition("\n")[0].partition(". ")[0].rstrip(".")


def _errors(error: TocsinError, *, asked: bool) -> list[dict[str, Any]]:
    match error:
        case BadPlan():
            return [
                {"detail": one.message, "path": one.path, "line": one.line, "column": one.column}
                for one in error.problems
            ]
        case NotUnderstood():
            return [{"detail": one.message, "line": one.line} for one in error.mistakes]
        case Unreadable():
            return [_placed(problem) for problem in error.problems]
        case Invalid(field=str() as name):
            return [
                {"detail": error.message, **({"parameter": name} if asked else {"pointer": misfits.pointer([name])})}
            ]
        case _:
            return []


def _placed(problem: str) -> dict[str, Any]:
    """`$[2].title: missing` points at `#/2/title`."""
    found = _PLACE.fullmatch(problem)
    if found is None:
        return {"detail": problem}
    return {"detail": found["fault"], "pointer": misfits.pointer(re.findall(r"[^.\[\]]+", found["place"]))}


def of_http(error: HTTPException, handler: Any = None) -> Problem:
    """What the framework refuses: no such address, another method, a body of another shape."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return BUG
    extra = error.extra if isinstance(error, ValidationException) else None
    errors = [misfits.of(one, handler) for one in extra or []]
    said = PLAIN.get(status, status.description) if error.detail in ("", status.phrase) else error.detail
    return Problem(
        type="about:blank",
        title=status.phrase,
        status=status,
        detail=misfits.summary(errors) if errors else said,
        errors=errors,
        headers=HEADERS.get(status, {}) | _allowed(error.headers or {}),
    )


def _allowed(headers: dict[str, str]) -> dict[str, str]:
    """With HEAD, which no route names and each that reads answers."""
    return {
        name: said.replace("GET", "GET, HEAD") if name.lower() == "allow" else said for name, said in headers.items()
    }


def _response(problem: Problem) -> Response[bytes]:
    return Response(problem.body(), status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers)


def _refused(request: Request[Any, Any, Any], error: TocsinError) -> Response[bytes]:
    refusing.of_request(request, error)
    return _response(of_error(error, asked=request.method == "GET"))


def _turned_away(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("a request failed", exc_info=error)
    return _response(of_http(error, request.scope.get("route_handler")))


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(BUG)


def exception_handlers() -> ExceptionHandlersMap:
    """How everything under `/api` answers what is raised there."""
    return {TocsinError: _refused, HTTPException: _turned_away, Exception: _failed}
