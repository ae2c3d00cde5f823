"""Looking for something by its words: a page, and the same as JSON for whoever is signed in and types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.params import FromQuery
from litestar.response import Template
from litestar.status_codes import HTTP_400_BAD_REQUEST
from msgspec import json

from tocsin.kit import search
from tocsin.kit.errors import Invalid
from tocsin.kit.search import Piece
from tocsin.kit.text import unturned
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import searching
from tocsin.response.searching import Hit, Kind
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page

PATH = "/search"
A_PAGE = 25
WHILE_TYPING = 8  # that are shown below what somebody types

_CALLED = {
    Kind.INCIDENT: "Incident",
    Kind.ENTRY: "Timeline entry",
    Kind.POST_MORTEM: "Post-mortem",
    Kind.SIGNAL: "Signal",
}
_KINDS = {
    "": "Everything",
    "incident": "Incidents",
    "entry": "Timelines",
    "post_mortem": "Post-mortems",
    "signal": "Signals",
}


@dataclass(frozen=True)
class Row:
    href: str
    kind: str
    title: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]
    severity: present.Severity | None
    at: str
    at_iso: str


@dataclass(frozen=True)
class Choice:
    """A kind as a link: the same question, about that kind alone."""

    label: str
    asked: str
    is_here: bool


def _row(plan: Plan, one: Hit, now: datetime) -> Row:
    return Row(
        href=one.path,
        kind=_CALLED[one.kind],
        title=one.called,
        excerpt=one.excerpt,
        severity=present.severity(plan, one.severity) if one.number and one.severity else None,
        at=present.moment(one.at, now),
        at_iso=present.iso(one.at),
    )


@get(PATH, sync_to_thread=True)
def show_search(request: AnyRequest, visitor: SignedIn, q: FromQuery[str] = "", after: FromQuery[str] = "") -> Template:
    """What fits a question. `after` is where the page before ended."""
    asked, wrong = q.strip(" \n")[: search.MOST_ASKED], ""
    with visitor.app.database.read(visitor.actor) as tx:
        hits: list[Hit] = []
        following = None
        try:
            hits, following = searching.search_for(tx, f"{asked} ", limit=A_PAGE, cursor=after or None)
        except Invalid as why:
            wrong = why.message
        plan = plans.current(tx)
        return page(
            request,
            visitor,
            tx,
            "search.html",
            title=f"{asked}, search" if asked else "Search",
            here=PATH,
            status=HTTP_400_BAD_REQUEST if wrong else 200,
            asked=asked,
            wrong=wrong,
            rows=[_row(plan, one, tx.now) for one in hits],
            kinds=_kinds(asked),
            following=following or "",
            is_first=not after,
        )


def _kinds(asked: str) -> list[Choice]:
    words = [one for one in asked.split() if not one.startswith("kind:")]
    here = search.read(asked, searching.FILTERS).filters.get("kind", "")
    return [
        Choice(label, " ".join([*words, f"kind:{kind}"] if kind else words), kind == here)
        for kind, label in _KINDS.items()
    ]


@get(f"{PATH}/found", sync_to_thread=True)
def find_while_typing(visitor: SignedIn, q: FromQuery[str] = "") -> Response[bytes]:
    """The first of what fits, as the API says it. What can't be read yet, because it is still being typed, fits
    nothing."""
    with visitor.app.database.read(visitor.actor) as tx:
        try:
            hits, _ = searching.search_for(tx, q[: search.MOST_ASKED], limit=WHILE_TYPING)
        except Invalid:
            hits = []
    items = [
        {
            "kind": one.kind,
            "title": unturned(one.title),
            "url": one.path,
            "snippet": search.as_html(one.excerpt),
            "at": one.at,
            "severity": one.severity,
            "number": one.number,
        }
        for one in hits
    ]
    return Response(json.encode({"items": items}), media_type="application/json", headers={"cache-control": "no-store"})


def routes() -> list[Any]:
    return [show_search, find_while_typing]
