"""What happens, as a stream of server-sent events: first what the caller missed, then whatever comes.

Each stream reads the numbered events of the database, so that it does not matter which node wrote them.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from tocsin.api.caller import Call, app_of, needs
from tocsin.api.incidents import instant
from tocsin.api.keys import bearer_secret, live_token
from tocsin.app import App
from tocsin.events import store
from tocsin.events.commands import LISTENED_TO
from tocsin.events.model import Event, EventType, plain
from tocsin.kit.actor import Actor
from tocsin.kit.clock import stopwatch
from tocsin.kit.errors import Invalid, Overloaded
from tocsin.people import access

AT_ONCE = 200
LOOK_EVERY = timedelta(milliseconds=500)
BEAT_EVERY = timedelta(seconds=15)
STREAMS_MOST = 100  # on one node
GAP = "tocsin.gap"  # told to one listener alone, and no event of ours
_POSITION = re.compile(r"[0-9]{1,15}")

Since = Annotated[
    str | None,
    QueryParameter(
        required=False, description="Begin after this `id` of an event, or at this instant; now if left out."
    ),
]
Types = Annotated[
    list[EventType] | None, QueryParameter(name="type", required=False, description="Only events of these types.")
]
Follow = Annotated[bool, QueryParameter(required=False, description="false: end with what happened until now.")]


class TooManyStreams(Overloaded):
    """Too many listen on this node already; try another, or later."""


def handlers() -> list[HTTPRouteHandler]:
    return [stream_events]


_STREAM = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        media_type="text/event-stream",
        description="Events with `id`, `event` and `data`, and a comment every 15 seconds while nothing happens.",
    )
}
_NEEDS = needs(access.INCIDENT_READ, 400)


@get(
    "/events",
    summary="What happens, as server-sent events; what was missed comes first",
    **{**_NEEDS, "responses": {**_NEEDS["responses"], **_STREAM}},
)
def stream_events(request: Call, since: Since = None, types: Types = None, follow: Follow = True) -> Stream:
    app = app_of(request)
    position, gap = _begin(app, request.auth, request.headers.get("last-event-id") or since)
    wanted = frozenset(str(one) for one in types or LISTENED_TO)
    listening = Listening(app, request.auth, bearer_secret(request.scope), position, wanted, gap)
    if not follow:
        return _stream(listening.missed())
    return _stream(listening.live(_count(app)))


def _stream(lines: AsyncIterator[str]) -> Stream:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(lines, media_type="text/event-stream", headers=headers)


def _begin(app: App, actor: Actor, since: str | None) -> tuple[int, str]:
    """The position behind which it begins, and what is said first if something between is not known any more."""
    with app.database.read(actor) as tx:
        last = store.last_position(tx)
        if since is None:
            return last, ""
        if not _POSITION.fullmatch(since):
            try:
                begins = instant(since, "since")
            except Invalid:
                begins = None
            if begins is None:
                raise Invalid(f"{since!r} is neither the id of an event nor an instant.", field="since")
            return store.before(tx, begins), ""
        position, forgotten = int(since), store.forgotten(tx)
        if position > last:  # the database was put back to a copy of before
            return last, _gap(last, position, tx.now)
        return position, _gap(forgotten, position, tx.now) if 0 < position < forgotten else ""


def _gap(position: int, asked: int, now: datetime) -> str:
    """That a listener missed something for good. It goes on behind the position."""
    about = {"type": GAP, "timestamp": now, "data": {"asked": asked}, "id": f"{GAP}-{asked}"}
    return f"id: {position}\nevent: {GAP}\ndata: {msgspec.json.encode(about).decode()}\n\n"


class Listening:
    """One caller's way through the events, as far as they may see them."""

    def __init__(
        self, app: App, actor: Actor, secret: str, position: int, types: frozenset[str], gap: str = ""
    ) -> None:
        self._gap = gap
        self._app = app
        self._actor = actor
        self._secret = secret
        self._position = position
        self._types = types
        self._is_over = False

    async def missed(self) -> AsyncIterator[str]:
        """What happened until now."""
        if gap := self._gap:
            self._gap = ""
            yield gap
        while found := await asyncio.to_thread(self._read):
            for one in found:
                yield self._said(one)

    async def live(self, place: "Place") -> AsyncIterator[str]:
        """What happened and what will, until the caller goes or their token is revoked."""
        with place:
            yield "retry: 2000\n\n"
            beat_at = stopwatch() + BEAT_EVERY.total_seconds()
            while True:
                async for line in self.missed():
                    yield line
                if self._is_over:
                    return
                await asyncio.sleep(LOOK_EVERY.total_seconds())
                if stopwatch() >= beat_at:
                    if await asyncio.to_thread(live_token, self._app, self._secret) is None:
                        return
                    yield ": still here\n\n"
                    beat_at = stopwatch() + BEAT_EVERY.total_seconds()

    def _read(self) -> list[Event]:
        """The next events. What the caller does not see or want is passed over."""
        with self._app.database.read(self._actor) as tx:
            last = store.last_position(tx)
            if last <= self._position:
                return []
            found = store.after(tx, self._position, AT_ONCE, self._types)
        if found and live_token(self._app, self._secret) is None:  # since the last sign of life
            self._is_over = True
            return []
        is_all = len(found) < AT_ONCE
        self._position = last if is_all else found[-1].position or last
        return found

    def _said(self, event: Event) -> str:
        data = msgspec.json.encode(plain(event, self._app.settings.public_url) | {"id": event.id}).decode()
        return f"id: {event.position}\nevent: {event.type}\ndata: {data}\n\n"


class Place:
    """One of the streams that a node has. Taken when the stream begins, free again when it ends."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __enter__(self) -> None:
        self._app.listeners += 1

    def __exit__(self, *_: object) -> None:
        self._app.listeners -= 1


def _count(app: App) -> Place:
    if app.listeners >= STREAMS_MOST:
        raise TooManyStreams
    return Place(app)
