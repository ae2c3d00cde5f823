"""The signs of life of the plan: how each stands, when it is missed, and, for whoever changes the plan, its address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.response import Redirect, Template

from tocsin.kit.text import span
from tocsin.response import beating
from tocsin.watch.heartbeats import Run
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, page

PATH = "/heartbeats"
_MARKS = {"healthy": "ok", "failed": "down", "silent": "down", "waiting": "unknown"}


_RUN_MARKS = {"well": "ok", "running": "unknown", "failed": "down", "overdue": "down", "lost": "unknown"}
_RUN_WORDS = {
    "well": "went well",
    "running": "goes on",
    "failed": "failed",
    "overdue": "did not end in time",
    "lost": "never said its end",
}


@dataclass(frozen=True)
class RunRow:
    """One run of a job: how it went, when, how long it took, and what it wrote at last."""

    mark: str
    words: str
    began: str
    ended: str
    took: str
    status: str
    said: str


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
    runs_within: str
    address: str
    runs: list[RunRow]


@get(PATH, sync_to_thread=True)
def show_heartbeats(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        rows = [_row(one, tx.now) for one in beating.standing(tx)]
        return page(request, visitor, tx, "heartbeats.html", title="Heartbeats", here="/signals", rows=rows)


def _row(one: beating.Shown, now: datetime) -> Row:
    return Row(
        name=one.name,
        state=one.state.capitalize(),
        mark=_MARKS[one.state],
        said=one.said,
        heard=present.moment(one.heard_at, now) if one.heard_at else "never yet",
        missed=present.moment(one.due_at, now) if one.due_at else "",
        every=one.every,
        grace=one.grace,
        runs_within=one.runs_within,
        address=one.address,
        runs=[_run(run, now) for run in one.runs],
    )


def _run(run: Run, now: datetime) -> RunRow:
    return RunRow(
        mark=_RUN_MARKS[run.state],
        words=_RUN_WORDS[run.state],
        began=present.moment(run.began_at, now) if run.began_at else "",
        ended=present.moment(run.ended_at, now) if run.ended_at else "",
        took=span(run.took) if run.took is not None else "",
        status="" if run.status is None else str(run.status),
        said=run.said,
    )


@post(f"{PATH}/replace-address", sync_to_thread=True)
def replace_address(visitor: SignedIn, form: Sent) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: beating.replace_address(tx, form.text("name")))
    return Redirect(f"{PATH}?done=address", status_code=303)


def routes() -> list[Any]:
    return [show_heartbeats, replace_address]
