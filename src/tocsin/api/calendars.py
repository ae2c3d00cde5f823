"""Calendars over HTTP: those that people subscribe to, and shifts that come in from one."""

from typing import Any

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import cursors
from tocsin.api import oncall_schema as schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import LIMIT_MOST, Cursor, Limit
from tocsin.oncall import commands, ical
from tocsin.oncall.importing import Change, Changes
from tocsin.oncall.model import Feed, Override
from tocsin.people import access

READ = needs(access.PLAN_READ, 400, 404, 409)


def handlers() -> list[HTTPRouteHandler]:
    return [list_feeds, make_feed, revoke_feed, import_shifts]


@get(
    "/oncall/feeds",
    summary="The calendars to subscribe to: yours, or everybody's",
    **READ,
)
def list_feeds(request: Call, limit: Limit = LIMIT_MOST, cursor: Cursor = None) -> schema.Feeds:
    with app_of(request).database.read(request.auth) as tx:
        rows = commands.feeds(tx)
    found, following = cursors.after(rows, cursor, limit, lambda one: cursors.by_age(one.made_at, one.id))
    return schema.Feeds([_feed(one) for one in found], following)


@post("/oncall/feeds", summary="Make a calendar to subscribe to; its address is shown this once", **READ)
def make_feed(request: Call, data: JSONBody[schema.NewFeed]) -> schema.NewAddress:
    made, secret = act(request, lambda tx: commands.make_feed(tx, data.rotation, data.person))
    address = ical.address_of(app_of(request).settings.public_url, secret)
    return schema.NewAddress(**msgspec.structs.asdict(_feed(made)), address=address)


@delete("/oncall/feeds/{feed_id:str}", summary="Revoke a calendar: its address shows nothing any more", **READ)
def revoke_feed(request: Call, feed_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.revoke_feed(tx, feed_id))


def _feed(one: Feed) -> schema.Feed:
    return msgspec.convert(one, schema.Feed, from_attributes=True)


@post(
    "/oncall/import",
    status_code=200,
    summary="Take shifts over from a calendar or a table, or see what that would change",
    **needs(access.INCIDENT_WRITE, 400, 409),
)
def import_shifts(request: Call, data: JSONBody[schema.NewImport]) -> schema.Import:
    with app_of(request).database.read(request.auth) as tx:
        wanted = commands.read_shifts(tx, data.rotation, data.text)
        if data.dry_run:
            return _import(data, *commands.import_shifts(tx, data.rotation, wanted, data.reason, only_look=True))

    def carried_out(tx: Any) -> schema.Import:
        return _import(data, *commands.import_shifts(tx, data.rotation, wanted, data.reason))

    return act(request, carried_out)


def _import(data: schema.NewImport, found: Changes, made: list[Override]) -> schema.Import:
    return schema.Import(
        data.rotation, [_change(one) for one in found.changes], found.as_it_is, found.over, [one.id for one in made]
    )


def _change(one: Change) -> schema.Change:
    return schema.Change(one.line, one.person, one.turn.starts_at, one.turn.ends_at, list(one.instead_of))
