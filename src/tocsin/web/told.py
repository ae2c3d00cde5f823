"""Who was told what about an incident, the drafts that wait for a word, and what is put right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.comms import corrections, lookover
from tocsin.incidents import approving, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed, short_span, span
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Stage
from tocsin.plan.networks import Network
from tocsin.response import commands, communications, telling, told
from tocsin.web import present, record
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.trouble import Trouble, trouble

MARKS = {
    "sent": ("met", "taken"),
    "queued": ("open", "on its way"),
    "dead": ("missed", "not delivered"),
    "withdrawn": ("waived", "withdrawn"),
    "published": ("met", "published"),
    "taken_down": ("waived", "taken down"),
    "announced": ("met", "sent on to each"),
}
"""The mark and the word for each state of something that was sent."""


@dataclass(frozen=True)
class Way:
    mark: str
    line: str


@dataclass(frozen=True)
class Update:
    entry: int
    when: str
    who: str
    stage: str
    text: str
    first_text: str
    last_text: str
    is_changed: bool
    is_withdrawn: bool
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Owed:
    state: str
    what: str
    by: str
    time_left: str
    due_iso: str


@dataclass(frozen=True)
class Row:
    key: str
    name: str
    is_public: bool
    told: tuple[Update, ...]
    owed: Owed | None
    draft: int | None


# ---- Who was told ----


@get("/incidents/{incident_id:str}/told", sync_to_thread=True)
def show_told(request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str]) -> Template:
    """Who was told what, when, through what, whether it came there; and who is owed what next."""
    return _told(request, visitor, incident_id)


def _told(
    request: AnyRequest,
    visitor: Visitor,
    incident_id: str,
    wrong: Trouble | None = None,
    typed: Mapping[str, str] | None = None,
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        view: dict[str, Any] = {
            "incident": incident,
            "rows": [_row(plan, one, tx.now) for one in told.matrix(tx, incident_id)],
            "posts": telling.social(tx, incident_id),
            "wrong": wrong,
            "typed": typed or {},
        }
        title = f"Who was told, #{incident.number}"
        status = wrong.status if wrong else 200
        return page(request, visitor, tx, "told.html", title=title, here="/incidents", status=status, **view)


def _row(plan: Plan, row: told.Row, now: datetime) -> Row:
    return Row(
        key=row.audience,
        name=row.name,
        is_public=row.is_public,
        told=tuple(_update(plan, one, now) for one in reversed(row.told)),
        owed=_owed(row.next, now) if row.next else None,
        draft=row.draft,
    )


def _update(plan: Plan, one: told.Told, now: datetime) -> Update:
    return Update(
        entry=one.entry,
        when=present.moment(one.at, now),
        who=words.name(plan, one.by),
        stage=present.stage_name(Stage(one.stage)) if one.stage else "",
        text=one.text,
        first_text=one.first_text,
        last_text=one.last_text,
        is_changed=one.changed_at is not None,
        is_withdrawn=one.is_withdrawn,
        ways=tuple(_way(each, now) for each in one.ways),
    )


def _way(one: told.Arrival, now: datetime) -> Way:
    mark, word = MARKS[one.state]
    at = f", {present.moment(one.at, now)}" if one.at else ""
    why = f": {one.problem}" if one.problem else ""
    return Way(mark, f"{one.who}, {called(one.way).replace('_', ' ')}, {word}{at}{why}")


def _owed(one: told.Next, now: datetime) -> Owed:
    state = "overdue" if one.is_overdue else "open"
    return Owed(state, one.what, one.by, short_span(abs(one.due_at - now)), present.iso(one.due_at))


@post("/incidents/{incident_id:str}/updates/{number:int}/{verb:str}", sync_to_thread=True)
def put_right(
    request: AnyRequest,
    visitor: SignedIn,
    form: Sent,
    incident_id: FromPath[str],
    number: FromPath[int],
    verb: FromPath[str],
) -> Template | Redirect:
    """Correct an update or withdraw it. A refusal shows the page again, with what was typed."""
    verbs: Mapping[str, tuple[str, Callable[[Tx], Incident]]] = {
        "correct": (
            "put-right",
            lambda tx: telling.correct(tx, incident_id, number, form.text("text"), form.text("because")),
        ),
        "withdraw": ("withdrawn", lambda tx: telling.withdraw(tx, incident_id, number, form.text("because"))),
    }
    if verb not in verbs:
        raise incidents.NoSuchIncident("There is nothing of that name to do with an update.")
    done, command = verbs[verb]
    ids = {"text": f"text-{number}", "because": f"{verb}-because-{number}"}
    return _do(request, visitor, incident_id, form, done, command, ids, f"{verb}-{number}")


def _do(
    request: AnyRequest,
    visitor: Visitor,
    incident_id: str,
    form: Form,
    done: str,
    command: Callable[[Tx], Incident],
    ids: Mapping[str, str],
    name: str,
) -> Template | Redirect:
    try:
        visitor.app.database.run(visitor.actor, command)
    except (Invalid, Refused) as why:
        wrong = trouble(why, ids)
        return _told(request, visitor, incident_id, wrong, {**form.typed(), "form": name})
    return Redirect(f"/incidents/{incident_id}/told?done={done}", status_code=303)


@post("/incidents/{incident_id:str}/posts", sync_to_thread=True)
def put_elsewhere(
    request: AnyRequest, visitor: SignedIn, form: Sent, incident_id: FromPath[str]
) -> Template | Redirect:
    """Put on the record that a person posted this elsewhere. Nothing is posted by it."""
    named = form.text("network")

    def command(tx: Tx) -> Incident:
        if named not in list(Network):
            raise Invalid(f"A network is one of {listed(Network, 'or')}.", field="network")
        return telling.posted(tx, incident_id, Network(named), form.text("text"), form.text("link"))

    ids = {"text": f"post-{named}", "link": f"post-link-{named}"}
    return _do(request, visitor, incident_id, form, "elsewhere", command, ids, f"post-{named}")


# ---- The log ----


@dataclass(frozen=True)
class Line:
    when: str
    is_incoming: bool
    way: str
    who: str
    about: str
    what: str
    mark: str
    state: str
    problem: str
    entry: int | None
    steps: tuple[str, ...]


STATES = {**MARKS, "received": ("met", "came in"), "posted": ("met", "posted by a person")}


@get("/incidents/{incident_id:str}/communications", sync_to_thread=True)
def show_log(request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str]) -> Template:
    """Everything that left and came in for an incident, with what became of it."""
    with visitor.app.database.read(visitor.actor) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        lines = [_line(plan, one, tx.now) for one in reversed(communications.log(tx, incident_id))]
        view: dict[str, Any] = {"incident": incident, "lines": lines}
        title = f"Communications, #{incident.number}"
        return page(request, visitor, tx, "communications.html", title=title, here="/incidents", **view)


def _line(plan: Plan, one: communications.Communication, now: datetime) -> Line:
    mark, state = STATES[one.state]
    done = f", {present.moment(one.done_at, now)}" if one.done_at and one.done_at != one.at else ""
    return Line(
        when=present.moment(one.at, now),
        is_incoming=one.direction is communications.Direction.IN,
        way=words.spaced(called(one.way)),
        who=words.name(plan, one.who),
        about=record.ABOUT.get(one.about) or words.audience_name(plan, one.about),
        what=one.what,
        mark=mark,
        state=f"{state}{done}",
        problem=one.problem,
        entry=one.entry,
        steps=tuple(_step(each, one.at) for each in one.steps),
    )


def _step(step: communications.Step, since: datetime) -> str:
    by = f" by {step.provider}" if step.provider else ""
    detail = f": {step.detail}" if step.detail else ""
    return f"{step.kind}{by} after {span(step.at - since)}{detail}"


# ---- Drafts ----


@get("/incidents/{incident_id:str}/drafts/{number:int}", sync_to_thread=True)
def show_draft(
    request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str], number: FromPath[int]
) -> Template | Redirect:
    """A draft that waits for a word, in the words in which it would be told now. A link to one that waits no more leads
    to the room, which says what became of it."""
    return _settled(visitor, incident_id, number) or _draft(request, visitor, incident_id, number)


def _settled(visitor: Visitor, incident_id: str, number: int) -> Redirect | None:
    with visitor.app.database.read(visitor.actor) as tx:
        fate = telling.fate(tx, incident_id, number)
    return Redirect(f"/incidents/{incident_id}?done=draft-{fate}", status_code=303) if fate else None


def _draft(
    request: AnyRequest, visitor: Visitor, incident_id: str, number: int, wrong: Trouble | None = None
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        one = telling.draft(tx, incident_id, number)
        view: dict[str, Any] = {
            "incident": incident,
            "number": number,
            "audience": words.audience_name(plan, one.drafted.audience),
            "stage": present.stage_name(one.drafted.stage) if one.drafted.stage else "",
            "author": words.name(plan, one.drafted.by),
            "when": present.moment(one.drafted.at, tx.now),
            "text": one.text,
            "hints": lookover.hints((), one.jargon),
            "before": corrections.text(one.before) if one.before else "",
            "before_when": present.moment(one.before.told.at, tx.now) if one.before else "",
            "approvers": present.names(plan, one.approvers) or "nobody yet",
            "may_approve": one.may_approve and visitor.can_write,
            "wrong": wrong,
        }
        title = f"Draft for {view['audience']}, #{incident.number}"
        status = wrong.status if wrong else 200
        return page(request, visitor, tx, "draft.html", title=title, here="/incidents", status=status, **view)


@post("/incidents/{incident_id:str}/drafts/{number:int}/{verb:str}", sync_to_thread=True)
def decide_draft(
    request: AnyRequest,
    visitor: SignedIn,
    form: Sent,
    incident_id: FromPath[str],
    number: FromPath[int],
    verb: FromPath[str],
) -> Template | Redirect:
    """Approve a draft, or send it back with a word."""
    verbs: Mapping[str, tuple[str, Callable[[Tx], Incident]]] = {
        "approve": ("approved", lambda tx: commands.approve(tx, incident_id, number)),
        "return": ("sent-back", lambda tx: telling.send_back(tx, incident_id, number, form.text("because"))),
    }
    if verb not in verbs:
        raise incidents.NoSuchIncident("There is nothing of that name to do with a draft.")
    done, command = verbs[verb]
    try:
        visitor.app.database.run(visitor.actor, command)
    except approving.NoSuchDraft:  # somebody was faster, or the page is an old one
        if settled := _settled(visitor, incident_id, number):
            return settled
        raise
    except (Invalid, Refused) as why:
        return _draft(request, visitor, incident_id, number, trouble(why, {"because": "return-because"}))
    return Redirect(f"/incidents/{incident_id}?done={done}#timeline", status_code=303)


def routes() -> Sequence[Any]:
    return [show_told, put_right, put_elsewhere, show_log, show_draft, decide_draft]
