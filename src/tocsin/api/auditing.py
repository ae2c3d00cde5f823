"""The audit log over HTTP."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from tocsin.api.caller import Call, app_of, needs
from tocsin.api.incidents import Limit
from tocsin.audit import store as audit
from tocsin.audit.model import Deed, Filter
from tocsin.people import access

Asked = Annotated[str | None, QueryParameter(max_length=200, pattern=r"^[^\u0000]*$")]
What = Annotated[
    str | None,
    QueryParameter(
        max_length=60,
        pattern=r"^[^\u0000]*$",
        description="A deed such as `token.made`, or what it was done to: `token`. `refused` is whatever was refused.",
    ),
]
From = Annotated[datetime | None, QueryParameter(name="from", description="Since this instant.")]
To = Annotated[datetime | None, QueryParameter(name="to", description="Before this instant.")]
Before = Annotated[
    int | None, QueryParameter(name="cursor", ge=1, le=2**62, description="`next` of the page before this one.")
]


class Act(Struct):
    """`about` is whom or what it was done to. A refusal counts how often it came from `source` within its minute."""

    number: int
    at: datetime
    deed: Deed
    actor: str
    about: str
    detail: str
    source: str
    count: int


class Acts(Struct):
    acts: list[Act]
    next: int | None


def handlers() -> list[HTTPRouteHandler]:
    return [list_acts]


def _utc(at: datetime | None) -> datetime | None:
    """A record has no local time: without an offset it is UTC."""
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at


@get("/audit", summary="The audit log, the latest first", **needs(access.AUDIT_READ, 400))
def list_acts(
    request: Call,
    deed: What = None,
    actor: Asked = None,
    about: Asked = None,
    source: Asked = None,
    since: From = None,
    until: To = None,
    before: Before = None,
    limit: Limit = 50,
) -> Acts:
    app = app_of(request)
    app.keep_refusals()
    asked = Filter(
        deed=deed or "",
        actor=actor or "",
        about=about or "",
        source=source or "",
        since=_utc(since),
        until=_utc(until),
    )
    with app.database.read(request.auth) as tx:
        found = audit.listing(tx, asked, before=before, limit=limit + 1)
    shown = [Act(**vars(one)) for one in found[:limit]]
    return Acts(shown, shown[-1].number if len(found) > limit else None)
