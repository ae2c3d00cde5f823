"""Webhooks over HTTP, for administrators: endpoints that are told of what happens, and each delivery to them."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from tocsin.api import conditional, cursors
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Guarded
from tocsin.api.incidents import LIMIT_MOST, Cursor, Limit, moment
from tocsin.delivery.public import doubt_of
from tocsin.events import commands, outbox
from tocsin.events.model import Delivery, DeliveryState, Webhook
from tocsin.people import access

MANAGE = needs(access.PEOPLE_WRITE, 400, 404, 409)
READ = needs(access.PEOPLE_WRITE, 400, 404)

Types = Annotated[list[str], Meta(max_length=100)]


class NewWebhook(Struct, forbid_unknown_fields=True):
    """Without `types` it hears of everything. `confidential`: of confidential incidents too."""

    url: str
    description: str = ""
    types: Types = msgspec.field(default_factory=list)
    confidential: bool = False


class ChangedWebhook(Struct, forbid_unknown_fields=True):
    """What is left out, or null, stays as it is."""

    url: str | None = None
    description: str | None = None
    types: Types | None = None


class Since(Struct, forbid_unknown_fields=True):
    since: datetime


class ShownWebhook(Struct):
    """An endpoint, without its secret. `failing_since` is the first failure after which nothing went through. `warning`
    says why nothing will go there: its address is one of this machine or its network, which the settings shut."""

    id: str
    url: str
    description: str
    types: list[str]
    confidential: bool
    made_at: datetime
    made_by: str
    old_until: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str
    warning: str


class SecretWebhook(ShownWebhook):
    """The same with its `secret`, which is shown this once."""

    secret: str


class Webhooks(Struct):
    webhooks: list[ShownWebhook]
    next: str | None


class ShownDelivery(Struct):
    """`status` and `answer` are of the last attempt; without a status there was no answer, and `answer` says why."""

    id: str
    event_id: str
    event_type: str
    created_at: datetime
    send_at: datetime
    state: DeliveryState
    attempts: int
    status: int | None
    answer: str
    tried_at: datetime | None
    took_seconds: float | None


class Deliveries(Struct):
    deliveries: list[ShownDelivery]
    next: str | None


class Replayed(Struct):
    events: int


def handlers() -> list[HTTPRouteHandler]:
    making = [list_webhooks, make_webhook, show_webhook, change_webhook, remove_webhook, rotate_webhook_secret]
    sending = [enable_webhook, disable_webhook, try_webhook, list_deliveries, replay_delivery, replay_webhook]
    return [*making, *sending]


@get("/webhooks", summary="The endpoints that are told of what happens", **needs(access.PEOPLE_WRITE, 400))
def list_webhooks(request: Call, limit: Limit = LIMIT_MOST, cursor: Cursor = None) -> Webhooks:
    with app_of(request).database.read(request.auth) as tx:
        rows = outbox.listing(tx)
    found, following = cursors.after(rows, cursor, limit, lambda one: cursors.by_age(one.made_at, one.id))
    return Webhooks([_shown(request, one) for one in found], following)


@post("/webhooks", summary="Make one; its secret is shown this once", **needs(access.PEOPLE_WRITE, 400, 409))
def make_webhook(request: Call, data: JSONBody[NewWebhook]) -> Response[SecretWebhook]:
    about = (data.url, data.description, data.types)
    return _secret(request, act(request, lambda tx: commands.make(tx, *about, confidential=data.confidential)))


@get("/webhooks/{webhook_id:str}", summary="One of them", **READ)
def show_webhook(request: Call, webhook_id: FromPath[str]) -> ShownWebhook:
    with app_of(request).database.read(request.auth) as tx:
        conditional.stands_at(request, _guarded(webhook_id).version(tx))
        return _shown(request, outbox.load(tx, webhook_id))


def _guarded(webhook_id: str) -> Guarded:
    """What people decide about an endpoint; how deliveries go there is no change of it."""

    def contents(tx: Any) -> Any:
        one = outbox.load(tx, webhook_id)
        return one.url, one.description, list(one.types), one.secret, one.disabled_at is None

    return conditional.of_contents("webhook", contents, lambda _: [])


@post("/webhooks/{webhook_id:str}/change", status_code=200, summary="Change where it leads or what it hears", **MANAGE)
def change_webhook(request: Call, webhook_id: FromPath[str], data: JSONBody[ChangedWebhook]) -> ShownWebhook:
    return _shown(
        request,
        act(
            request,
            lambda tx: commands.change(tx, webhook_id, data.url, data.description, data.types),
            _guarded(webhook_id),
        ),
    )


@delete("/webhooks/{webhook_id:str}", status_code=204, summary="Remove it, with its deliveries", **READ)
def remove_webhook(request: Call, webhook_id: FromPath[str]) -> None:
    act(request, lambda tx: commands.remove(tx, webhook_id), _guarded(webhook_id))


@post(
    "/webhooks/{webhook_id:str}/rotate",
    status_code=200,
    summary="Give it another secret, shown this once; for a day the old one signs too",
    **MANAGE,
)
def rotate_webhook_secret(request: Call, webhook_id: FromPath[str]) -> Response[SecretWebhook]:
    return _secret(request, act(request, lambda tx: commands.rotate(tx, webhook_id), _guarded(webhook_id)), status=200)


@post("/webhooks/{webhook_id:str}/enable", status_code=200, summary="Send there again", **MANAGE)
def enable_webhook(request: Call, webhook_id: FromPath[str]) -> ShownWebhook:
    return _shown(request, act(request, lambda tx: commands.enable(tx, webhook_id), _guarded(webhook_id)))


@post("/webhooks/{webhook_id:str}/disable", status_code=200, summary="Send nothing there any more", **MANAGE)
def disable_webhook(request: Call, webhook_id: FromPath[str]) -> ShownWebhook:
    return _shown(request, act(request, lambda tx: commands.disable(tx, webhook_id), _guarded(webhook_id)))


@post("/webhooks/{webhook_id:str}/test", status_code=202, summary="Send it a test", **MANAGE)
def try_webhook(request: Call, webhook_id: FromPath[str]) -> ShownDelivery:
    return _delivery(act(request, lambda tx: commands.try_out(tx, webhook_id)))


@get("/webhooks/{webhook_id:str}/deliveries", summary="What was sent there, the latest first", **READ)
def list_deliveries(request: Call, webhook_id: FromPath[str], limit: Limit = 50, cursor: Cursor = None) -> Deliveries:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        outbox.load(tx, webhook_id)
        rows = outbox.latest(tx, webhook_id, begun.wanted(limit), begun.before)
    found, following = cursors.page(begun, rows, limit, lambda one: one.created_at)
    return Deliveries([_delivery(one) for one in found], following)


@post(
    "/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/replay",
    status_code=202,
    summary="Send one event again, under the id that it had",
    **MANAGE,
)
def replay_delivery(request: Call, webhook_id: FromPath[str], delivery_id: FromPath[str]) -> ShownDelivery:
    return _delivery(act(request, lambda tx: commands.replay_one(tx, webhook_id, delivery_id)))


@post(
    "/webhooks/{webhook_id:str}/replay",
    status_code=202,
    summary="Send everything again that it listens to and that happened since an instant",
    **MANAGE,
)
def replay_webhook(request: Call, webhook_id: FromPath[str], data: JSONBody[Since]) -> Replayed:
    since = moment(data.since, "since") or data.since
    return Replayed(act(request, lambda tx: commands.replay_since(tx, webhook_id, since)))


def _shown(request: Call, one: Webhook) -> ShownWebhook:
    return msgspec.convert(_known(request, one), ShownWebhook)


def _known(request: Call, one: Webhook) -> dict[str, Any]:
    named = {name: getattr(one, name) for name in SecretWebhook.__struct_fields__ if name != "warning"}
    settings = app_of(request).settings
    warning = doubt_of(one.url, anywhere=settings.allow_private_webhooks, also=settings.private_networks)
    return {**named, "warning": warning}


def _secret(request: Call, one: Webhook, status: int = 201) -> Response[SecretWebhook]:
    shown = msgspec.convert(_known(request, one), SecretWebhook)
    return Response(shown, status_code=status, headers={"Cache-Control": "no-store"})


def _delivery(one: Delivery) -> ShownDelivery:
    return msgspec.convert(one, ShownDelivery, from_attributes=True)
