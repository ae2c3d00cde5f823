"""Coming in: passwords, one-time links and sessions."""

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, NotFound
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.sso import commands as single_sign_on
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
    sso = installation(request).sso_name
    return bare(
        request, "signin.html", title="Sign in", status=status, onward=onward, login=login, error=error, sso=sso
    )


@post("/signin", sync_to_thread=True)
def sign_in(request: AnyRequest, form: Sent) -> Template | Redirect:
    app, login = installation(request), form.text("login")
    onward = local_path(form.text("next"))
    with app.database.read(SYSTEM) as tx:
        found = people.by_login(tx, login)
    try:
        account = people_commands.verified(found, form.secret("password"))
        single_sign_on.check_password(account, is_only=app.settings.sso_only)
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


def see_other(request: AnyRequest) -> Response[Any]:
    """Where somebody goes who must sign in first, and comes back from."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = local_path(wanted) if request.method == "GET" else "/"
    return Redirect("/signin", status_code=303, query_params={"next": onward} if onward != "/" else None)


def routes() -> list[Any]:
    return [show_signin, sign_in, sign_out, show_link, use_link, choose_theme]
