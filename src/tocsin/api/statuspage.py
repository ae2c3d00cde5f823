"""The published copy of the public status page, over HTTP: how it stands, and to publish it now."""

from datetime import datetime

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from tocsin.api.caller import Call, act, app_of, needs
from tocsin.people import access
from tocsin.status import store


class PublishedPage(Struct, frozen=True):
    """`to` is null where it is published nowhere but here. While `failing_since` is not null, the copy is behind, and
    `reason` says why."""

    to: str | None
    published_at: datetime | None
    failing_since: datetime | None
    reason: str | None


def handlers() -> list[HTTPRouteHandler]:
    return [show_published, publish]


@get("/status-page", summary="How the published copy of the status page stands", **needs(access.PLAN_READ, 409))
def show_published(request: Call) -> PublishedPage:
    with app_of(request).database.read(request.auth) as tx:
        return _shown(store.standing(tx))


@post(
    "/status-page/publish",
    status_code=202,
    summary="Publish the status page now; it is on its way when this is answered",
    **needs(access.INCIDENT_WRITE, 400, 409),
)
def publish(request: Call) -> PublishedPage:
    return _shown(act(request, store.publish))


def _shown(found: store.Standing) -> PublishedPage:
    return PublishedPage(found.to or None, found.published_at, found.failing_since, found.reason or None)
