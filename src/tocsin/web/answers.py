"""Answering a page through its link, without signing in: acknowledging it, sending it on, or saying that one cannot."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Template

from tocsin.incidents import confidential, words
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Answer
from tocsin.incidents.model import Incident, Status
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Obligation
from tocsin.paging import store as pages
from tocsin.paging import trial
from tocsin.people import store as people
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import answers, trials
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import bare
from tocsin.web.heads import is_head
from tocsin.web.sessions import installation


@dataclass(frozen=True)
class View:
    """A page, for the person who was paged."""

    action: str
    room: str
    who: str
    severity: present.Severity
    title: str
    number: int
    status: str
    impact: str
    why: str
    type: str
    actions: tuple[str, ...]
    also: str
    declared: str
    detected_ago: str
    answer_by: str
    due_iso: str
    time_left: str
    is_late: bool
    is_waiting: bool  # for an answer
    outcome: str
    may_decline: bool
    declined: str
    climbed: str  # who was paged after this page, if the ladder was climbed


@get("/a/{token:str}", sync_to_thread=True)
def show_answer(request: AnyRequest, token: FromPath[str]) -> Template:
    """Looking changes nothing; that somebody, or something, has looked is kept."""
    if not is_head(request.scope):
        installation(request).database.run(SYSTEM, lambda tx: answers.opened(tx, token))
    if pages.is_trial(token):
        return _trial_page(request, token)
    return _answer_page(request, token)


def _trial_page(request: AnyRequest, token: str) -> Template:
    """A test page, for whoever has got it."""
    with installation(request).database.read(SYSTEM) as tx:
        one = pages.load_trial(tx, pages.signed_id(tx, token))
        return bare(
            request,
            "answer_test.html",
            title="A test page",
            action=f"/a/{token}",
            who=people.load_person(tx, one.handle).name,
            way=f"{called(one.channel)} to {one.address}",
            answer_by=present.moment(one.answer_by, tx.now),
            is_waiting=one.may_be_answered,
            is_late=one.state is trial.State.FAILED,
            outcome=trial.THANKS if one.state is trial.State.ANSWERED else trial.OVER,
            now_iso=present.iso(tx.now),
        )


@post("/a/{token:str}", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def answer(request: AnyRequest, token: FromPath[str]) -> Response[Any] | Template:
    """Answer the page. Answering twice, or after somebody else, changes nothing and says so."""
    return _in_a_line(request, _answered(request, token, Answer.ACKNOWLEDGE))


@post("/a/{token:str}/escalate", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def escalate(request: AnyRequest, token: FromPath[str], form: Sent) -> Template:
    """Have the next step paged now."""
    return _answered(request, token, Answer.ESCALATE, form.text("because"))


@post("/a/{token:str}/decline", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def decline(request: AnyRequest, token: FromPath[str], form: Sent) -> Template:
    """Say that one cannot; whoever is next is asked."""
    return _answered(request, token, Answer.DECLINE, form.text("because"))


def _answered(request: AnyRequest, token: str, said: Answer, because: str = "") -> Template:
    if pages.is_trial(token):
        installation(request).database.run(SYSTEM, lambda tx: trials.confirm_link(tx, token))
        return _trial_page(request, token)
    installation(request).database.run(SYSTEM, lambda tx: answers.answer_link(tx, token, said, because))
    return _answer_page(request, token)


def _in_a_line(request: AnyRequest, page: Template) -> Response[Any] | Template:
    """What became of it in one sentence, for the button of a notification; people get the page."""
    if request.headers.get("accept") != "application/json":
        return page
    view = page.context.get("view")
    return Response({"said": view.outcome if view else page.context["outcome"]})


# ---- Several at once ----


@dataclass(frozen=True)
class Line:
    """One of the pages that a message brought."""

    action: str
    severity: present.Severity
    title: str
    number: int
    state: str
    is_waiting: bool


@get("/a/{token:str}/all", sync_to_thread=True)
def show_all(request: AnyRequest, token: FromPath[str]) -> Template:
    """Everything that one message said. Looking changes nothing."""
    if not is_head(request.scope):
        installation(request).database.run(SYSTEM, lambda tx: answers.opened(tx, token))
    return _all(request, token)


@post("/a/{token:str}/all", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def acknowledge_all(request: AnyRequest, token: FromPath[str]) -> Template:
    return _answered_all(request, token, Answer.ACKNOWLEDGE)


@post("/a/{token:str}/all/escalate", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def escalate_all(request: AnyRequest, token: FromPath[str]) -> Template:
    return _answered_all(request, token, Answer.ESCALATE)


@post("/a/{token:str}/all/decline", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def decline_all(request: AnyRequest, token: FromPath[str]) -> Template:
    return _answered_all(request, token, Answer.DECLINE)


def _answered_all(request: AnyRequest, token: str, said: Answer) -> Template:
    installation(request).database.run(SYSTEM, lambda tx: answers.answer_all(tx, token, said))
    return _all(request, token)


def _all(request: AnyRequest, token: str) -> Template:
    with installation(request).database.read(SYSTEM) as tx:
        found = answers.pages_behind(tx, token)
        lines = [_line(tx, one, tx.now) for one in found]
        who = words.name(plans.current(tx), found[0].handle)
        now_iso = present.iso(tx.now)
    waiting = sum(one.is_waiting for one in lines)
    return bare(
        request,
        "answer_all.html",
        title=f"{len(lines)} incidents",
        lines=lines,
        waiting=waiting,
        who=who,
        action=f"/a/{token}/all",
        now_iso=now_iso,
    )


def _line(tx: Any, page: pages.Page, now: Any) -> Line:
    incident = incidents.load(tx, page.incident_id)
    plan = plans.load(tx, incident.plan_revision)
    waits = incident.awaits_answer
    declined = "You said that you can't" if page.declined_at else "Waits for an answer"
    return Line(
        action=f"/a/{pages.link_token(tx, page)}",
        severity=present.severity(plan, incident.severity),
        title=confidential.heading(incident),
        number=incident.number,
        state=declined if waits else _outcome(plan, incident, page.handle, now),
        is_waiting=waits,
    )


# ---- One page ----


def _answer_page(request: AnyRequest, token: str) -> Template:
    with installation(request).database.read(SYSTEM) as tx:
        page = pages.by_link_token(tx, token)
        incident = incidents.load(tx, page.incident_id)
        plan = plans.load(tx, incident.plan_revision)
        duties = obligations.open_for(tx, incident.id)
        paged = pages.of_incident(tx, incident.id)
        now = tx.now
        view = _answer(plan, incident, page, duties, paged, now, f"/a/{token}")
    title = f"{incident.severity} {confidential.heading(incident)}"
    return bare(request, "answer.html", title=title, view=view, now_iso=present.iso(now))


def _answer(
    plan: Plan,
    incident: Incident,
    page: pages.Page,
    duties: list[Obligation],
    paged: list[pages.Page],
    now: Any,
    action: str,
) -> View:
    wait = next((one for one in duties if one.key == f"{ANSWER_PREFIX}{page.step}"), None)
    due_at = wait.due_at if wait else next((one.due_at for one in duties if one.key == "acknowledge"), None)
    kind, secret = plan.types[incident.type], incident.confidential_at is not None  # the link may lie open anywhere
    others = dict.fromkeys([*(one.handle for one in paged if one.step == page.step), *incident.roles.values()])
    later = dict.fromkeys(one.handle for one in paged if one.step > page.step)
    return View(
        action=action,
        room=f"/incidents/{incident.id}",
        who=words.name(plan, page.handle),
        severity=present.severity(plan, incident.severity),
        title=confidential.heading(incident),
        number=incident.number,
        status=words.status(incident.status),
        impact="" if secret else incident.impact,
        why="Sign in to read what is confidential." if secret else words.why(plan, incident),
        type=confidential.HEADING if secret else kind.name,
        actions=() if secret else tuple(one.line for one in kind.actions),
        also=present.names(plan, [one for one in others if one != page.handle]),
        declared=present.moment(incident.declared_at, now),
        detected_ago=short_span(now - incident.detected_at),
        answer_by=present.moment(due_at, now) if due_at else "",
        due_iso=present.iso(due_at) if due_at else "",
        time_left=short_span(abs(due_at - now)) if due_at else "",
        is_late=due_at is not None and due_at < now,
        is_waiting=incident.awaits_answer,
        outcome=_outcome(plan, incident, page.handle, now),
        may_decline=page.declined_at is None,
        declined=present.moment(page.declined_at, now) if page.declined_at else "",
        climbed=present.names(plan, list(later)),
    )


def _outcome(plan: Plan, incident: Incident, handle: str, now: Any) -> str:
    """What became of the wait for an answer; empty while it lasts."""
    if incident.status is Status.CLOSED and incident.closed_at:
        return f"The incident was closed at {present.moment(incident.closed_at, now)}. Nothing is asked of you."
    if incident.is_resolved and incident.resolved_at:
        return f"It was resolved at {present.moment(incident.resolved_at, now)}. Nothing is asked of you."
    if incident.acknowledged_at and incident.acknowledged_by and not incident.awaits_answer:
        who = "you" if incident.acknowledged_by == handle else words.name(plan, incident.acknowledged_by)
        return f"Acknowledged by {who} at {present.moment(incident.acknowledged_at, now)}."
    return ""


def routes() -> list[Any]:
    return [show_answer, answer, escalate, decline, show_all, acknowledge_all, escalate_all, decline_all]
