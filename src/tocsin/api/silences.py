"""Silences and maintenance windows over HTTP: made, previewed, listed, and ended before their time."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from tocsin.api import conditional, cursors
from tocsin.api import signal_schema as schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Change, Guarded
from tocsin.api.incidents import LIMIT_MOST, Cursor, Limit, instant, moment
from tocsin.kit.clock import to_millis
from tocsin.people import access
from tocsin.signals import commands, silences, silencing
from tocsin.signals.commands import Meant, Wanted
from tocsin.signals.silencing import Matcher, Silence

LOOKED_AT = 10_000
READ = needs(access.INCIDENT_READ, 400, 409)

Over = Annotated[
    str | None,
    QueryParameter(
        required=False, description="Those too that ended after this instant; none that is over if left out."
    ),
]


def handlers() -> list[HTTPRouteHandler]:
    return [list_silences, show_silence, make_silence, preview_silence, extend_silence, end_silence]


@get("/silences", summary="Silences and maintenance windows that are in force or coming", **READ)
def list_silences(
    request: Call, over_since: Over = None, limit: Limit = LIMIT_MOST, cursor: Cursor = None
) -> schema.Silences:
    since = instant(over_since, "over_since")
    with app_of(request).database.read(request.auth) as tx:
        rows = silences.listing(tx, since=since or tx.now, limit=LOOKED_AT)
        found, following = cursors.among(rows, cursor, limit, lambda one: one.ends_at)
        held = silences.held_by(tx, [one.id for one in found])
        return schema.Silences([shown(one, held.get(one.id, 0), tx.now) for one in found], following)


@get("/silences/{silence_id:str}", summary="One of them", **needs(access.INCIDENT_READ, 400, 404))
def show_silence(request: Call, silence_id: FromPath[str]) -> schema.Silence:
    with app_of(request).database.read(request.auth) as tx:
        found = silences.load(tx, silence_id)
        conditional.stands_at(request, _version(found))
        return shown(found, silences.held_by(tx, [found.id]).get(found.id, 0), tx.now)


@post(
    "/silences",
    summary="Hold signals back for a time; with a service, plan maintenance that the public reads of",
    **needs(access.INCIDENT_WRITE, 400, 409),
)
def make_silence(request: Call, data: JSONBody[schema.NewSilence]) -> schema.Silence:
    wanted = _wanted(data)
    made = act(request, lambda tx: commands.silence(tx, wanted, accept_worst=data.yes))
    return shown(made, 0, made.made_at)


@post(
    "/silences/preview",
    status_code=200,
    summary="What it would hold back of what fires now or was heard this week; nothing is changed",
    **READ,
)
def preview_silence(request: Call, data: JSONBody[schema.NewSilence]) -> schema.SilencePreview:
    with app_of(request).database.read(request.auth) as tx:
        found = commands.preview(tx, _wanted(data))
    return schema.SilencePreview(
        looked_at=found.looked_at,
        warning=found.warning,
        firing=[_meant(one) for one in found.firing],
        earlier=[_meant(one) for one in found.earlier],
    )


@post(
    "/silences/{silence_id:str}/extend",
    status_code=200,
    summary="Let it end later; what it holds back stays held",
    **needs(access.INCIDENT_WRITE, 400, 404, 409),
)
def extend_silence(request: Call, silence_id: FromPath[str], data: JSONBody[schema.LongerSilence]) -> schema.Silence:
    ends_at = moment(data.ends_at, "ends_at") or data.ends_at
    longer = act(
        request,
        lambda tx: commands.extend_silence(tx, silence_id, ends_at, accept_worst=data.yes),
        _guarded(silence_id),
    )
    with app_of(request).database.read(request.auth) as tx:
        return shown(longer, silences.held_by(tx, [silence_id]).get(silence_id, 0), tx.now)


@post(
    "/silences/{silence_id:str}/end",
    status_code=200,
    summary="End it now; what it holds back and still fires is decided at once",
    **needs(access.INCIDENT_WRITE, 400, 404, 409),
)
def end_silence(request: Call, silence_id: FromPath[str]) -> schema.Silence:
    ended = act(request, lambda tx: commands.end_silence(tx, silence_id), _guarded(silence_id))
    with app_of(request).database.read(request.auth) as tx:
        return shown(ended, silences.held_by(tx, [silence_id]).get(silence_id, 0), ended.over_at)


def _guarded(silence_id: str) -> Guarded:
    return Guarded(
        "silence",
        lambda tx: _version(silences.load(tx, silence_id)),
        lambda tx, _: [_changed(silences.load(tx, silence_id))],
    )


def _version(one: Silence) -> str:
    return str(to_millis(one.over_at))


def _changed(one: Silence) -> Change:
    if one.ended_at is None and one.extended_at is not None:
        return Change("it was extended", one.extended_at, one.extended_by or "")
    return Change("it was ended", one.ended_at, one.ended_by or "")


def _wanted(data: schema.NewSilence) -> Wanted:
    return Wanted(
        matchers=tuple(silencing.read_matcher(one) for one in data.matchers),
        service=data.service,
        components=tuple(data.components),
        title=data.title,
        text=data.text,
        starts_at=moment(data.starts_at, "starts_at"),
        ends_at=moment(data.ends_at, "ends_at") or data.ends_at,
        because=data.because,
    )


def shown(one: Silence, held: int, now: datetime) -> schema.Silence:
    return schema.Silence(
        **{**vars(one), "matchers": [_matcher(each) for each in one.matchers], "components": list(one.components)},
        state=one.phase(now).value,
        held=held,
    )


def _matcher(one: Matcher) -> str:
    return str(one)


def _meant(one: Meant) -> schema.MeantSignal:
    found = msgspec.convert(one.signal, schema.ExampleSignal, from_attributes=True)
    return schema.MeantSignal(found.id, found.title, found.last_at, one.severity, one.is_worst)
