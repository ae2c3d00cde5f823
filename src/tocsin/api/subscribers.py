"""The subscribers of the status page over HTTP, for administrators: listed, turned off, exported, erased, entered."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from tocsin.api import conditional
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Guarded
from tocsin.api.incidents import Limit
from tocsin.comms.subscribers import commands, store
from tocsin.comms.subscribers import model as subscribers
from tocsin.comms.subscribers.model import State
from tocsin.comms.subscribers.store import Wanted
from tocsin.people import access
from tocsin.plan.model import Way

ENTERED_MOST = 10_000

OfState = Annotated[
    State | None, QueryParameter(name="state", required=False, description="Those in this state alone.")
]
ByWay = Annotated[Way | None, QueryParameter(required=False, description="Those who are told by this way alone.")]
Text = Annotated[str, QueryParameter(required=False, description="Those in whose address this stands.")]
After = Annotated[str, QueryParameter(required=False, description="Go on after this one: `next` of the page before.")]


class Subscriber(Struct):
    """`parts` are the services and components of which they want to hear, as `rose` and `rose/voice`; without any, of
    everything. `language` is the one in which they are told; without one, that of the page."""

    id: str
    way: Way
    address: str
    parts: list[str]
    language: str
    state: State
    made_at: datetime
    made_by: str
    consent: str
    confirmed_at: datetime | None
    failures: int
    failed_at: datetime | None
    last_error: str
    off_at: datetime | None


class Count(Struct):
    way: Way
    state: State
    count: int


class Subscribers(Struct):
    """`counts` are of all there are, whatever was asked for."""

    subscribers: list[Subscriber]
    counts: list[Count]
    next: str | None


class Why(Struct):
    why: str = ""


class Entered(Struct):
    new: int
    known: int


class NewSubscribers(Struct, forbid_unknown_fields=True):
    """Mail addresses of people who have agreed, and on what ground they are entered: each is told that once. `language`
    is one of those that the status page speaks; without it, they are told in that of the page."""

    addresses: Annotated[list[str], Meta(min_length=1, max_length=ENTERED_MOST)]
    consent: str
    language: str = ""


def handlers() -> list[HTTPRouteHandler]:
    return [
        list_subscribers,
        show_subscriber,
        enter_subscribers,
        turn_subscriber_off,
        turn_subscriber_on,
        export_subscriber,
        erase_subscriber,
    ]


@get("/subscribers", summary="Who subscribed to the status page", **needs(access.PEOPLE_WRITE, 400))
def list_subscribers(
    request: Call, in_state: OfState = None, way: ByWay = None, text: Text = "", after: After = "", limit: Limit = 50
) -> Subscribers:
    wanted = Wanted(state=in_state, way=way, text=text, after=after, limit=limit + 1)
    with app_of(request).database.read(request.auth) as tx:
        found, counted = store.listing(tx, wanted), store.counts(tx)
    more = found[limit - 1].id if len(found) > limit else None
    counts = [Count(key[0], key[1], count) for key, count in sorted(counted.items())]
    return Subscribers([_shown(one) for one in found[:limit]], counts, more)


@get("/subscribers/{subscriber_id:str}", summary="One of them", **needs(access.PEOPLE_WRITE, 400, 404))
def show_subscriber(request: Call, subscriber_id: FromPath[str]) -> Subscriber:
    with app_of(request).database.read(request.auth) as tx:
        conditional.stands_at(request, _guarded(subscriber_id).version(tx))
        return _shown(store.load(tx, subscriber_id))


def _guarded(subscriber_id: str) -> Guarded:
    """What they or others decided about it; how messages go there is no change of it."""

    def contents(tx: Any) -> Any:
        one = store.load(tx, subscriber_id)
        return one.state, one.address, list(one.parts), one.language

    return conditional.of_contents("subscriber", contents, lambda _: [])


@post(
    "/subscribers",
    summary="Enter mail addresses from a list; each is told once, and can leave",
    **needs(access.PEOPLE_WRITE, 400),
)
def enter_subscribers(request: Call, data: JSONBody[NewSubscribers]) -> Entered:
    new, known = act(request, lambda tx: commands.enter(tx, data.addresses, data.consent, data.language))
    return Entered(new, known)


@post(
    "/subscribers/{subscriber_id:str}/off",
    status_code=204,
    summary="Send nothing there any more",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def turn_subscriber_off(request: Call, subscriber_id: FromPath[str], data: JSONBody[Why]) -> None:
    act(request, lambda tx: commands.turn_off(tx, subscriber_id, data.why), _guarded(subscriber_id))


@post(
    "/subscribers/{subscriber_id:str}/on",
    status_code=204,
    summary="Send there again",
    **needs(access.PEOPLE_WRITE, 400, 404, 409),
)
def turn_subscriber_on(request: Call, subscriber_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.turn_on(tx, subscriber_id), _guarded(subscriber_id))


@post(
    "/subscribers/{subscriber_id:str}/export",
    status_code=200,
    summary="Everything that is kept about somebody, for them; that it was taken is noted",
    **needs(access.PEOPLE_WRITE, 400, 404),
)
def export_subscriber(request: Call, subscriber_id: FromPath[str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(act(request, lambda tx: commands.export(tx, subscriber_id)))
    return found


@delete(
    "/subscribers/{subscriber_id:str}",
    status_code=204,
    summary="Erase somebody; what is kept is that it was done, by whom",
    **needs(access.PEOPLE_WRITE, 400, 404),
)
def erase_subscriber(request: Call, subscriber_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.erase(tx, subscriber_id), _guarded(subscriber_id))


def _shown(one: subscribers.Subscriber) -> Subscriber:
    return msgspec.convert(one, Subscriber, from_attributes=True)
