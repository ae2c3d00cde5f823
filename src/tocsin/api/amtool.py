"""Silences as Alertmanager's API v2 speaks of them, for `amtool` and whatever else makes silences there."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Response, delete, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from tocsin.api import problems, refusing, schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import moment
from tocsin.kit.errors import TocsinError
from tocsin.people import access
from tocsin.signals import commands, silences, silencing
from tocsin.signals.commands import PREVIEWED, Wanted
from tocsin.signals.silencing import Matcher, Means, Phase, Silence

PATH = "/api/v2"
STATES = {Phase.COMING: "pending", Phase.ACTIVE: "active", Phase.PAST: "expired"}
MEANS = {(True, False): Means.IS, (False, False): Means.IS_NOT, (True, True): Means.MATCHES}

Filter = Annotated[
    list[str] | None, QueryParameter(name="filter", required=False, description="Matchers that its own must meet.")
]


class AmMatcher(msgspec.Struct, rename="camel"):
    name: schema.Name
    value: schema.Line
    is_regex: bool
    is_equal: bool = True


class AmPosted(msgspec.Struct, rename="camel"):
    """What is posted; with the id of one that is not over, it takes the place of that."""

    matchers: Annotated[list[AmMatcher], Meta(max_length=silencing.MATCHERS_MOST)]
    starts_at: schema.Moment
    ends_at: schema.Moment
    comment: schema.Line
    created_by: schema.Line = ""
    id: schema.Name | None = None


class AmState(msgspec.Struct):
    state: str


class AmSilence(msgspec.Struct, rename="camel"):
    id: str
    status: AmState
    updated_at: datetime
    comment: str
    created_by: str
    starts_at: datetime
    ends_at: datetime
    matchers: list[AmMatcher]


class AmMade(msgspec.Struct):
    silence_id: str = msgspec.field(name="silenceID")


def handlers() -> list[HTTPRouteHandler]:
    return [list_am_silences, show_am_silence, post_am_silence, expire_am_silence]


@get("/silences", **needs(access.INCIDENT_READ, 400))
def list_am_silences(request: Call, filter_: Filter = None) -> list[AmSilence]:
    wanted = [silencing.read_matcher(one) for one in filter_ or []]
    with app_of(request).database.read(request.auth) as tx:
        found = silences.listing(tx, since=tx.now - PREVIEWED)
        return [_shown(one, tx.now) for one in found if _is_named(one, wanted)]


@get("/silence/{silence_id:str}", **needs(access.INCIDENT_READ, 400, 404))
def show_am_silence(request: Call, silence_id: FromPath[str]) -> AmSilence:
    with app_of(request).database.read(request.auth) as tx:
        return _shown(silences.load(tx, silence_id), tx.now)


@post("/silences", status_code=200, **needs(access.INCIDENT_WRITE, 400, 404, 409))
def post_am_silence(request: Call, data: JSONBody[AmPosted]) -> AmMade:
    matchers = tuple(Matcher(one.name, _means(one), one.value) for one in data.matchers)
    wanted = Wanted(
        matchers=matchers,
        because=data.comment,
        starts_at=moment(data.starts_at, "startsAt"),
        ends_at=moment(data.ends_at, "endsAt") or data.ends_at,
    )
    return AmMade(act(request, lambda tx: _made(tx, wanted, data.id or "")).id)


def _made(tx: Any, wanted: Wanted, instead_of: str) -> Silence:
    """The new one, in force before the other ends: nothing falls between them."""
    made = commands.silence(tx, wanted)
    if instead_of and silences.load(tx, instead_of).phase(tx.now) is not Phase.PAST:
        commands.end_silence(tx, instead_of)
    return made


@delete("/silence/{silence_id:str}", status_code=200, **needs(access.INCIDENT_WRITE, 400, 404, 409))
def expire_am_silence(request: Call, silence_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.end_silence(tx, silence_id))


def _means(one: AmMatcher) -> Means:
    return MEANS.get((one.is_equal, one.is_regex), Means.MATCHES_NOT)


def _is_named(one: Silence, wanted: list[Matcher]) -> bool:
    words = {each.name: each.value for each in _matchers(one)}
    return all(matcher.holds(words) for matcher in wanted)


def _matchers(one: Silence) -> tuple[Matcher, ...]:
    """Of maintenance, its service: it has no matchers."""
    return one.matchers or (Matcher("service", Means.IS, one.service or ""),)


def _shown(one: Silence, now: datetime) -> AmSilence:
    return AmSilence(
        id=one.id,
        status=AmState(STATES[one.phase(now)]),
        updated_at=one.ended_at or one.made_at,
        comment=f"{one.title}: {one.because}" if one.is_window else one.because,
        created_by=one.made_by,
        starts_at=one.starts_at,
        ends_at=one.over_at,
        matchers=[
            AmMatcher(
                each.name,
                each.value,
                each.means in (Means.MATCHES, Means.MATCHES_NOT),
                each.means in (Means.IS, Means.MATCHES),
            )
            for each in _matchers(one)
        ],
    )


# ---- Refusals, as Alertmanager writes them: the reason alone, as a JSON text ----

UNDERSTOOD = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


def exception_handlers() -> dict[Any, Any]:
    return {TocsinError: _refused, HTTPException: _turned_away}


def _refused(request: Any, error: TocsinError) -> Response[bytes]:
    refusing.of_request(request, error)
    return _said(problems.of_error(error, asked=request.method == "GET"))


def _turned_away(_: Any, error: HTTPException) -> Response[bytes]:
    return _said(problems.of_http(error))


def _said(problem: problems.Problem) -> Response[bytes]:
    """Its readers know few codes: whatever else was wrong is a bad request to them, but for what will pass."""
    passes = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    status = problem.status if passes or problem.status in UNDERSTOOD else HTTPStatus.BAD_REQUEST
    reasons = [str(one.get("detail", "")) for one in problem.errors]
    text = "; ".join([problem.detail, *(one for one in reasons if one != problem.detail)])
    return Response(msgspec.json.encode(text), status_code=status, media_type=MediaType.JSON, headers=problem.headers)
