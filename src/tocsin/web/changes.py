"""The register of changes as a page, and the form by which a person adds to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from tocsin.changes import commands as changing
from tocsin.changes import store as changes
from tocsin.changes.model import Change, Kind, Report
from tocsin.incidents import words
from tocsin.incidents.assessment_words import CHANGE_NAMES
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.signals import formats
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Visitor, page
from tocsin.web.present import Choice
from tocsin.web.trouble import Trouble, trouble

SHOWN = 100
LINE_MOST = 1000
IDS = {name: f"change-{name}" for name in ("what", "kind", "service", "place", "at", "link")}


@dataclass(frozen=True)
class Row:
    what: str
    kind: str
    where: str
    at: str
    iso: str
    by: str
    source: str
    link: str


@get("/changes", sync_to_thread=True)
def show_changes(request: AnyRequest, visitor: SignedIn) -> Template:
    return _page(request, visitor)


@post("/changes", sync_to_thread=True)
def tell(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Add a change. A refusal shows the page again, with what was typed."""
    try:
        report = _report(form)
        visitor.app.database.run(visitor.actor, lambda tx: changing.tell(tx, report))
    except (Invalid, Refused) as why:
        return _page(request, visitor, wrong=trouble(why, IDS), form=form)
    return Redirect("/changes?done=told_change", status_code=303)


def _report(form: Form) -> Report:
    kind, link = form.text("kind"), form.text("link")
    if kind not in list(Kind):
        raise Invalid(f"A change is one of {listed(Kind, 'or')}.", field="kind")
    if link and formats.web_link(link) is None:
        raise Invalid("Write an address that begins with http:// or https://.", field="link")
    for name in ("what", "place"):
        if len(form.text(name)) > LINE_MOST:
            raise Invalid(f"This is longer than {LINE_MOST} characters.", field=name)
    return Report(
        what=form.text("what"),
        kind=Kind(kind),
        service=form.text("service") or None,
        place=form.text("place"),
        at=form.instant("at"),
        link=link or None,
        source="web",
    )


def _page(request: AnyRequest, visitor: Visitor, *, wrong: Trouble | None = None, form: Form | None = None) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now = plans.current(tx), tx.now
        found = changes.listing(tx, limit=SHOWN)
        return page(
            request,
            visitor,
            tx,
            "changes.html",
            title="Changes",
            here="/changes",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed=form.typed() if form else {},
            rows=[_row(plan, one, now) for one in found],
            kinds=[Choice(one, CHANGE_NAMES[one]) for one in Kind],
            services=[Choice(key, one.name) for key, one in plan.services.items()],
            may_tell=visitor.actor.may(access.SIGNAL_WRITE),
        )


def _row(plan: Plan, one: Change, now: datetime) -> Row:
    where = [words.service_name(plan, one.service) if one.service else "", one.place]
    return Row(
        what=one.what,
        kind=CHANGE_NAMES[one.kind],
        where=", ".join(dict.fromkeys(filter(None, where))),
        at=present.moment(one.at, now),
        iso=present.iso(one.at),
        by=words.name(plan, one.by),
        source=words.spaced(one.source),
        link=one.link or "",
    )


def routes() -> list[Any]:
    return [show_changes, tell]
