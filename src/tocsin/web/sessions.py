"""Coming in: passwords, one-time links and sessions; and answering a page through its link, without signing in."""

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.incidents import confidential, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Status
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, NotFound
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Obligation
from tocsin.paging import store as pages
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import commands
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent, local_path
from tocsin.web.frame import THEME_COOKIE, THEMES, Visitor, bare

COOKIE = "tocsin_session"
A_YEAR = 365 * 24 * 3600


class SignInFirst(HTTPException):
    """Nobody is signed in; the page can be read after signing in."""

    status_code = 401


class LinkUsedUp(NotFound):
    """This sign-in link has been used, or it is older than an hour. Ask an administrator for another."""


def installation(request: AnyRequest) -> App:
    app: App = request.app.state["tocsin"]
    return app


def visitor(request: AnyRequest) -> Visitor:
    """Whoever is signed in. Raises SignInFirst."""
    app = installation(request)
    secret = request.cookies.get(COOKIE, "")
    if not secret:
        raise SignInFirst
    with app.database.read(SYSTEM) as tx:
        account = people.session_account(tx, secret)
    if account is None:
        raise SignInFirst
    return Visitor(app, account, access.person(account))


def begin_session(request: AnyRequest, secret: str, onward: str) -> Redirect:
    lasts = int(people.SESSION_LASTS.total_seconds())
    cookie = Cookie(
        key=COOKIE,
        value=secret,
        max_age=lasts,
        httponly=True,
        samesite="lax",
        secure=installation(request).settings.secure_cookies,
    )
    return Redirect(onward, status_code=303, cookies=[cookie])


# ---- Passwords ----


@get("/signin", sync_to_thread=True)
def show_signin(request: AnyRequest, next: FromQuery[str] = "/") -> Template:  # noqa: A002 - a word in addresses
    return _signin(request, onward=local_path(next))


def _signin(request: AnyRequest, *, onward: str, login: str = "", error: str = "", status: int = 200) -> Template:
    return bare(request, "signin.html", title="Sign in", status=status, onward=onward, login=login, error=error)


@post("/signin", sync_to_thread=True)
def sign_in(request: AnyRequest, form: Sent) -> Template | Redirect:
    app, login = installation(request), form.text("login")
    onward = local_path(form.text("next"))
    with app.database.read(SYSTEM) as tx:
        found = people.by_login(tx, login)
    try:
        account = people_commands.verified(found, form.secret("password"))
    except Forbidden as why:
        return _signin(request, onward=onward, login=login, error=why.message, status=403)
    secret = app.database.run(SYSTEM, lambda tx: people.open_session(tx, account.handle))
    return begin_session(request, secret, onward)


@post("/signout", sync_to_thread=True)
def sign_out(request: AnyRequest) -> Redirect:
    secret = request.cookies.get(COOKIE, "")
    installation(request).database.run(SYSTEM, lambda tx: people.end_session(tx, secret))
    gone = Cookie(key=COOKIE, value="", max_age=0, httponly=True, samesite="lax")
    return Redirect("/signin", status_code=303, cookies=[gone])


# ---- One-time links ----


@get("/signin/{secret:str}", sync_to_thread=True)
def show_link(request: AnyRequest, secret: FromPath[str]) -> Template:
    """Looking uses nothing up: mail scanners follow links."""
    with installation(request).database.read(SYSTEM) as tx:
        account = people.signin_link_account(tx, secret)
    if account is None:
        raise LinkUsedUp
    return bare(request, "signin_link.html", title="Sign in", name=account.name, action=f"/signin/{secret}")


@post("/signin/{secret:str}", sync_to_thread=True)
def use_link(request: AnyRequest, secret: FromPath[str]) -> Redirect:
    session = installation(request).database.run(SYSTEM, lambda tx: _session_from_link(tx, secret))
    return begin_session(request, session, "/")


def _session_from_link(tx: Any, secret: str) -> str:
    account = people.use_signin_link(tx, secret)
    if account is None:
        raise LinkUsedUp
    return people.open_session(tx, account.handle)


# ---- Light or dark ----


@post("/theme", sync_to_thread=False)
def choose_theme(form: Sent) -> Redirect:
    chosen = form.text("theme")
    cookie = Cookie(key=THEME_COOKIE, value=chosen if chosen in THEMES else "system", max_age=A_YEAR, samesite="lax")
    return Redirect(local_path(form.text("next")), status_code=303, cookies=[cookie])


# ---- The link in a page ----


@dataclass(frozen=True)
class Answer:
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


@get("/a/{token:str}", sync_to_thread=True)
def show_answer(request: AnyRequest, token: FromPath[str]) -> Template:
    return _answer_page(request, token)


@post("/a/{token:str}", sync_to_thread=True, opt={"exclude_from_csrf": True}, status_code=200)
def answer(request: AnyRequest, token: FromPath[str]) -> Template:
    """Answer the page. Answering twice, or after somebody else, changes nothing and says so."""
    app = installation(request)
    with app.database.read(SYSTEM) as tx:
        incident = incidents.load(tx, pages.by_link_token(tx, token).incident_id)
    if not incident.is_resolved:
        app.database.run(SYSTEM, lambda tx: commands.acknowledge_page(tx, token))
    return _answer_page(request, token)


def _answer_page(request: AnyRequest, token: str) -> Template:
    with installation(request).database.read(SYSTEM) as tx:
        page = pages.by_link_token(tx, token)
        incident = incidents.load(tx, page.incident_id)
        plan = plans.load(tx, incident.plan_revision)
        duties = obligations.open_for(tx, incident.id)
        paged = pages.of_step(tx, incident.id, page.step)
        now = tx.now
        view = _answer(plan, incident, page, duties, [one.handle for one in paged], now, f"/a/{token}")
    title = f"{incident.severity} {confidential.heading(incident)}"
    return bare(request, "answer.html", title=title, view=view, now_iso=present.iso(now))


def _answer(
    plan: Plan,
    incident: Incident,
    page: pages.Page,
    duties: list[Obligation],
    paged: list[str],
    now: Any,
    action: str,
) -> Answer:
    wait = next((one for one in duties if one.key == f"{ANSWER_PREFIX}{page.step}"), None)
    due_at = wait.due_at if wait else next((one.due_at for one in duties if one.key == "acknowledge"), None)
    kind, secret = plan.types[incident.type], incident.confidential_at is not None  # the link may lie open anywhere
    others = dict.fromkeys([*paged, *incident.roles.values()])
    return Answer(
        action=action,
        room=f"/incidents/{incident.id}",
        who=words.name(plan, page.handle),
        severity=present.severity(plan, incident.severity),
        title=confidential.heading(incident),
        number=incident.number,
        status=words.status(incident.status),
        impact="" if secret else incident.impact,
        why="Sign in to read what is confidential." if secret else incident.why,
        type=confidential.HEADING if secret else kind.name,
        actions=() if secret else tuple(one.line for one in kind.actions),
        also=present.names(plan, [one for one in others if one != page.handle]),
        declared=present.moment(incident.declared_at, now),
        detected_ago=short_span(now - incident.detected_at),
        answer_by=present.moment(due_at, now) if due_at else "",
        due_iso=present.iso(due_at) if due_at else "",
        time_left=short_span(abs(due_at - now)) if due_at else "",
        is_late=due_at is not None and due_at < now,
        is_waiting=incident.acknowledged_at is None and not incident.is_resolved,
        outcome=_outcome(plan, incident, page.handle, now),
    )


def _outcome(plan: Plan, incident: Incident, handle: str, now: Any) -> str:
    """What became of the wait for an answer; empty while it lasts."""
    if incident.status is Status.CLOSED and incident.closed_at:
        return f"The incident was closed at {present.moment(incident.closed_at, now)}. Nothing is asked of you."
    if incident.is_resolved and incident.resolved_at:
        return f"It was resolved at {present.moment(incident.resolved_at, now)}. Nothing is asked of you."
    if incident.acknowledged_at and incident.acknowledged_by:
        who = "you" if incident.acknowledged_by == handle else words.name(plan, incident.acknowledged_by)
        return f"Acknowledged by {who} at {present.moment(incident.acknowledged_at, now)}."
    return ""


def see_other(request: AnyRequest) -> Response[Any]:
    """Where somebody goes who must sign in first, and comes back from."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = local_path(wanted) if request.method == "GET" else "/"
    return Redirect("/signin", status_code=303, query_params={"next": onward} if onward != "/" else None)


def routes() -> list[Any]:
    return [show_signin, sign_in, sign_out, show_link, use_link, choose_theme, show_answer, answer]
