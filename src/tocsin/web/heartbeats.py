"""The signs of life of the plan: how each stands, when it is missed, and, for whoever changes the plan, its address."""

from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from tocsin.response import beating
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, page

PATH = "/heartbeats"
_MARKS = {"healthy": "ok", "failed": "down", "silent": "down", "waiting": "unknown"}


@dataclass(frozen=True)
class Row:
    name: str
    state: str
    mark: str
    said: str
    heard: str
    missed: str
    every: str
    grace: str
    address: str


@get(PATH, sync_to_thread=True)
def show_heartbeats(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        rows = [_row(one, tx.now) for one in beating.standing(tx)]
        return page(request, visitor, tx, "heartbeats.html", title="Heartbeats", here="/signals", rows=rows)


def _row(one: beating.Shown, now: Any) -> Row:
    return Row(
        name=one.name,
        state=one.state.capitalize(),
        mark=_MARKS[one.state],
        said=one.said,
        heard=present.moment(one.heard_at, now) if one.heard_at else "never yet",
        missed=present.moment(one.due_at, now) if one.due_at else "",
        every=one.every,
        grace=one.grace,
        address=one.address,
    )


@post(f"{PATH}/replace-address", sync_to_thread=True)
def replace_address(visitor: SignedIn, form: Sent) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: beating.replace_address(tx, form.text("name")))
    return Redirect(f"{PATH}?done=address", status_code=303)


def routes() -> list[Any]:
    return [show_heartbeats, replace_address]
