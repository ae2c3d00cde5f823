"""Finding things by their words, over HTTP."""

from datetime import datetime
from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Struct

from tocsin.api.caller import Call, app_of, needs
from tocsin.api.incidents import Cursor
from tocsin.kit import search
from tocsin.people import access
from tocsin.response import searching
from tocsin.response.searching import Hit, Kind


class Item(Struct):
    """Something found. `url` is a path of the console. `snippet` is HTML: escaped, with no element but `<mark>`."""

    kind: Kind
    title: str
    url: str
    snippet: str
    at: datetime
    severity: str | None
    number: int | None


class Results(Struct):
    items: list[Item]
    next: str | None


def handlers() -> list[HTTPRouteHandler]:
    return [search_everything]


@get(
    "/search",
    summary="Find incidents, entries of timelines, post-mortems and signals by their words",
    **needs(access.INCIDENT_READ, 400),
)
def search_everything(
    request: Call,
    q: Annotated[str, QueryParameter(max_length=search.MOST_ASKED, description="Words, phrases and filters.")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=50, description="How many, at the most.")] = 20,
    cursor: Cursor = None,
) -> Results:
    with app_of(request).database.read(request.auth) as tx:
        return results(*searching.search_for(tx, q, limit=limit, cursor=cursor))


def results(hits: list[Hit], following: str | None) -> Results:
    return Results([_item(one) for one in hits], following)


def _item(one: Hit) -> Item:
    return Item(one.kind, one.title, one.path, search.as_html(one.excerpt), one.at, one.severity, one.number)
