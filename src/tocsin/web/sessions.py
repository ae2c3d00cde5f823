"""Coming in: passwords, codes, passkeys, one-time links and sessions."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from litestar import Response, get, post
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.door import commands as door
from tocsin.door import limits, passkeys, totp
from tocsin.door import store as doors
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, NotFound, Overloaded
from tocsin.kit.text import clip
from tocsin.people import access, sessions
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Account, Seen, Session
from tocsin.sso import commands as single_sign_on
from tocsin.sso import store as provider
from tocsin.web import cookies
from tocsin.web.forms import AnyRequest, Form, Sent, local_path
from tocsin.web.frame import THEMES, Tx, Visitor, asset, bare

T = TypeVar("T")

RENEWED = "session_renewed"  # where a request keeps the cookie of a session that got another secret
A_YEAR = 365 * 24 * 3600
LONGEST_BROWSER = 300
MISMATCH = people_commands.WrongPassword().message
TOO_LONG = "The code did not come within ten minutes of what you gave before it. Begin again."
PAST_OTHERS = "If it was not you: a recovery code works at once, and so does a browser that you signed in with before."
SET_UP_AT = "/me/signin"  # where a second factor is set up: open to whoever must still do so


class SignInFirst(HTTPException):
    """Nobody is signed in; the page can be read after signing in, and what came with a form is kept for it."""

    status_code = 401

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


class FactorFirst(HTTPException):
    """This installation asks a second factor of everybody with a password, and none is set up yet."""

    status_code = 401


class LinkUsedUp(NotFound):
    """This sign-in link is good no more: it was used or revoked, is too old, or a newer one took its place. Ask an
    administrator for another."""


def installation(request: AnyRequest) -> App:
    app: App = request.app.state["tocsin"]
    return app


def source_of(request: AnyRequest) -> str:
    return request.client.host if request.client else ""


def seen(request: AnyRequest, way: str) -> Seen:
    """What is known of whoever is at the door, for the list of their sessions."""
    browser = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
    return Seen(way=way, browser=clip(browser, LONGEST_BROWSER), source=source_of(request))


def visitor(request: AnyRequest, form: Sent) -> Visitor:
    """Whoever is signed in. Raises SignInFirst, and FactorFirst for whoever must set one up before anything else."""
    app = installation(request)
    secret = request.cookies.get(cookies.SESSION, "")
    if not secret:
        raise SignInFirst(form)
    with app.database.glance(SYSTEM) as tx:
        found, now = sessions.signed_in(tx, secret), tx.now
        if found is None:
            raise SignInFirst(form)
        account, session = found
        if _owes_factor(request, tx, account, session):
            raise FactorFirst
    if now - session.used_at >= sessions.NOTED_EVERY:
        with contextlib.suppress(Overloaded):  # a database that takes no writes can still be read
            app.database.run(SYSTEM, lambda tx: sessions.note_use(tx, secret))
    actor = access.person(account, source_of(request))
    request.state.actor = actor
    return Visitor(app, account, actor, secret)


def met(request: AnyRequest, tx: Tx) -> Visitor | None:
    """Whoever is signed in, for a page that they came to by mistake. Nothing is noted, and nobody is sent anywhere."""
    secret = request.cookies.get(cookies.SESSION, "")
    found = sessions.signed_in(tx, secret) if secret else None
    if found is None or _owes_factor(request, tx, *found):
        return None
    account, _ = found
    return Visitor(installation(request), account, access.person(account, source_of(request)), secret)


def _owes_factor(request: AnyRequest, tx: Tx, account: Account, session: Session) -> bool:
    is_asked = installation(request).settings.require_second_factor and not request.url.path.startswith(SET_UP_AT)
    return is_asked and door.owes_factor(tx, account, session)


def begin_session(request: AnyRequest, secret: str, onward: str) -> Redirect:
    """Give the browser the secret of a session that was just opened, and go on. From here on the browser is known: by
    what it keeps besides, wrong passwords of others do not count against it."""
    app = installation(request)
    with app.database.read(SYSTEM) as tx:
        session = sessions.of_secret(tx, secret)
    kept = [_cookie(cookies.SESSION, secret, int(sessions.LASTS.total_seconds()), "/")]
    if session:
        device = request.cookies.get(cookies.DEVICE, "")
        if not limits.device_of(app.signing_key, device, session.handle):
            device = limits.device_cookie(app.signing_key, session.handle)
        kept.append(_cookie(cookies.DEVICE, device, A_YEAR, "/signin"))
    return Redirect(onward, status_code=303, cookies=kept)


def renewed(request: AnyRequest, visitor: Visitor, secret: str) -> Visitor:
    """The same visitor with the next secret of their session; whatever is answered brings it to the browser."""
    lasts = int(sessions.LASTS.total_seconds())
    request.scope["state"][RENEWED] = _cookie(cookies.SESSION, secret, lasts, "/")
    return replace(visitor, secret=secret)


async def hand_over(message: Any, scope: Any) -> None:
    """Put a session's next secret on the answer, unless the answer brings another one itself."""
    cookie = scope.get("state", {}).get(RENEWED)
    if cookie is None or message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    if not any(one.startswith(f"{cookies.SESSION}=") for one in headers.getall("set-cookie", [])):
        headers.add("set-cookie", cookie.to_header(header=""))


def _cookie(name: str, value: str, lasts: int, path: str) -> Cookie:
    return Cookie(key=name, value=value, max_age=lasts, path=path, httponly=True, samesite="lax")


def enter(request: AnyRequest, opened: door.Opened, onward: str) -> Redirect:
    """On to the page, or to the second thing that is asked. A session that this browser had before has ended."""
    app, before = installation(request), request.cookies.get(cookies.SESSION, "")
    if opened.step:
        lasts = int(doors.STEP_LASTS.total_seconds())
        step = _cookie(cookies.STEP, opened.step, lasts, "/signin")
        return Redirect("/signin/code", status_code=303, cookies=[step], query_params={"next": onward})
    if before:
        app.database.run(SYSTEM, lambda tx: sessions.end(tx, before))
    return begin_session(request, opened.session, onward)


def _try(request: AnyRequest, keys: list[limits.Key]) -> None:
    """Count a try before it is looked at. Raises TooManyTries."""
    installation(request).database.run(SYSTEM, lambda tx: door.take_try(tx, keys))


def refused(request: AnyRequest, deed: Deed, about: str = "") -> None:
    app = installation(request)
    app.refusals.note(deed, app.database.now(), about=about, source=source_of(request))


def _device(request: AnyRequest, handle: str) -> str:
    return limits.device_of(installation(request).signing_key, request.cookies.get(cookies.DEVICE, ""), handle)


# ---- Passwords ----


@get("/signin", sync_to_thread=True)
def show_signin(request: AnyRequest, next: FromQuery[str] = "/") -> Template:  # noqa: A002 - a word in addresses
    return _signin(request, onward=local_path(next))


def _signin(request: AnyRequest, *, onward: str, login: str = "", error: str = "", status: int = 200) -> Template:
    app = installation(request)
    here = passkeys.place(app.settings.public_url)
    asked = ""
    if here.has_passkeys:
        asked = passkeys.to_sign_in(here, passkeys.challenge(app.signing_key, "sign in", app.database.now()))
    return bare(
        request,
        "signin.html",
        title="Sign in",
        status=status,
        onward=onward,
        login=login,
        error=error,
        sso=app.sso_name,
        is_mismatch=error == MISMATCH,
        passkey_asked=asked,
        passkey_script=asset("passkeys.js"),
    )


@post("/signin", sync_to_thread=True)
def sign_in(request: AnyRequest, form: Sent) -> Template | Redirect:
    """Whether there is such an account, neither the answer nor the time it takes nor the limits tell."""
    app, login = installation(request), form.text("login")
    onward = local_path(form.text("next"))
    with app.database.read(SYSTEM) as tx:
        found = people.by_login(tx, login)
    # Counted by what was typed: by whose it is, a handle and an address that wait together would tell of an account.
    who = login.lower()
    keys = limits.keys(who, source_of(request), _device(request, found[0].handle) if found else "")
    here = seen(request, "password")

    def come_in(tx: Any) -> door.Opened:
        return door.come_in(tx, account, here, keys, password_hash=found[1] if found else None)

    try:
        _try(request, keys)
        account = people_commands.verified(found, form.secret("password"))
        single_sign_on.check_password(account, is_only=app.settings.sso_only)
        opened = app.database.run(SYSTEM, come_in)
    except (Forbidden, door.TooManyTries) as why:
        refused(request, Deed.SIGN_IN_REFUSED, found[0].handle if found else "an unknown name")
        status = 429 if isinstance(why, door.TooManyTries) else 403
        return _signin(request, onward=onward, login=login, error=why.message, status=status)
    return enter(request, opened, onward)


@post("/signout", sync_to_thread=True, status_code=200)
def sign_out(request: AnyRequest) -> Template | Redirect:
    app, secret = installation(request), request.cookies.get(cookies.SESSION, "")
    with app.database.read(SYSTEM) as tx:
        id_token = provider.id_token_of(tx, secret)
    app.database.run(SYSTEM, lambda tx: door.sign_out(tx, secret))
    onward = app.sso.way_out(id_token) if app.sso and id_token else ""
    gone = Cookie(key=cookies.SESSION, value="", max_age=0, httponly=True, samesite="lax")
    if not onward:
        return Redirect("/signin", status_code=303, cookies=[gone])
    # A page and no redirect: what follows on a form may not lead to another site, by the policy of our pages.
    page = bare(request, "signed_out.html", title="Signed out", onward=onward, sso=app.sso_name)
    page.cookies.append(gone)
    return page


# ---- The code that is asked after them ----


@get("/signin/code", sync_to_thread=True)
def show_code(request: AnyRequest, next: FromQuery[str] = "/") -> Template | Redirect:  # noqa: A002 - as above
    if _at_step(request) is None:
        onward = local_path(next)
        return Redirect("/signin", status_code=303, query_params={"next": onward} if onward != "/" else None)
    return _code(request, local_path(next))


def _at_step(request: AnyRequest) -> str | None:
    """Who has proven the first of two things in this browser."""
    step = request.cookies.get(cookies.STEP, "")
    with installation(request).database.read(SYSTEM) as tx:
        found = doors.step_of(tx, step) if step else None
    return found[0] if found else None


def _code(request: AnyRequest, onward: str, error: str = "", status: int = 200) -> Template:
    return bare(request, "signin_code.html", title="Sign in", status=status, onward=onward, error=error)


@post("/signin/code", sync_to_thread=True)
def give_code(request: AnyRequest, form: Sent) -> Template | Redirect:
    app, handle, onward = installation(request), _at_step(request), local_path(form.text("next"))
    if handle is None:  # the browser has dropped the cookie by then, so nothing tells it from a form of nobody
        return _signin(request, onward=onward, error=TOO_LONG, status=403)
    step, code = request.cookies.get(cookies.STEP, ""), form.text("code")
    # Recovery codes are too long to be guessed: what strangers try at the short ones does not slow them.
    counted = limits.keys if totp.is_recovery_code(code) else limits.code_keys
    keys = counted(handle, source_of(request), _device(request, handle))
    try:
        _try(request, keys)
        here = seen(request, "")
        session = app.database.run(SYSTEM, lambda tx: door.give_code(tx, step, code, here, keys))
    except (Forbidden, door.TooManyTries) as why:
        refused(request, Deed.CODE_REFUSED, handle)
        if not isinstance(why, door.TooManyTries):
            return _code(request, onward, why.message, 403)
        return _code(request, onward, _held_up(why, code), 429)
    return enter(request, door.Opened(session=session), onward)


def _held_up(why: door.TooManyTries, code: str) -> str:
    """Codes count together from everywhere, so it may be others whose tries hold somebody up: name what is not."""
    return why.message if totp.is_recovery_code(code) else f"{why.message} {PAST_OTHERS}"


# ---- Passkeys ----


@post("/signin/passkey", sync_to_thread=True)
def use_passkey(request: AnyRequest, form: Sent) -> Template | Redirect:
    app, onward = installation(request), local_path(form.text("next"))
    here, answer = passkeys.place(app.settings.public_url), form.text("answer")
    keys = limits.place_keys(source_of(request))
    try:
        _try(request, keys)
        session = app.database.run(
            SYSTEM, lambda tx: _by_passkey(tx, here, app, answer, seen(request, "passkey"), keys)
        )
    except (Forbidden, door.TooManyTries) as why:
        refused(request, Deed.PASSKEY_REFUSED)
        status = 429 if isinstance(why, door.TooManyTries) else 401
        return _signin(request, onward=onward, error=why.message, status=status)
    return enter(request, door.Opened(session=session), onward)


def _by_passkey(tx: Any, here: passkeys.Place, app: App, answer: str, who: Seen, keys: list[limits.Key]) -> str:
    account, session = door.come_in_by_passkey(tx, here, app.signing_key, answer, who)
    single_sign_on.check_password(account, is_only=app.settings.sso_only)
    doors.take_back(tx, keys)
    return session


# ---- One-time links ----


@get("/signin/{secret:str}", sync_to_thread=True)
def show_link(request: AnyRequest, secret: FromPath[str]) -> Template:
    """Looking uses nothing up: mail scanners follow links."""
    with installation(request).database.read(SYSTEM) as tx:
        account = sessions.link_account(tx, secret)
    if account is None:
        refused(request, Deed.LINK_REFUSED)
        raise LinkUsedUp
    return bare(request, "signin_link.html", title="Sign in", name=account.name, action=f"/signin/{secret}")


@post("/signin/{secret:str}", sync_to_thread=True)
def use_link(request: AnyRequest, secret: FromPath[str]) -> Redirect:
    here = seen(request, "link")
    opened = _or_refused(request, lambda tx: _from_link(tx, secret, here))
    return enter(request, opened, "/")


def _or_refused(request: AnyRequest, command: Callable[[Any], T]) -> T:
    try:
        return installation(request).database.run(SYSTEM, command)
    except LinkUsedUp:
        refused(request, Deed.LINK_REFUSED)
        raise


def _from_link(tx: Any, secret: str, here: Seen) -> door.Opened:
    account = sessions.use_link(tx, secret)
    if account is None:
        raise LinkUsedUp
    return door.come_in(tx, account, here, [])


# ---- Light or dark ----


@post("/theme", sync_to_thread=False)
def choose_theme(form: Sent) -> Redirect:
    chosen = form.text("theme")
    cookie = Cookie(key=cookies.THEME, value=chosen if chosen in THEMES else "system", max_age=A_YEAR, samesite="lax")
    return Redirect(local_path(form.text("next")), status_code=303, cookies=[cookie])


def see_other(request: AnyRequest, form: Form) -> Response[Any]:
    """Where somebody goes who must sign in first, and comes back from. Whoever was typing does not lose it: the page
    keeps what was typed, and sends it once they are signed in, in whichever way that is done."""
    if request.method == "POST" and any(value.strip() for _, value in form.carried()):
        where, typed = request.url.path, form.carried()
        return bare(request, "signin_kept.html", title="Sign in, and send it", status=401, action=where, carried=typed)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    onward = local_path(wanted) if request.method == "GET" else "/"
    return Redirect("/signin", status_code=303, query_params={"next": onward} if onward != "/" else None)


def routes() -> list[Any]:
    codes = [show_code, give_code, use_passkey]
    return [show_signin, sign_in, sign_out, *codes, show_link, use_link, choose_theme]
