"""Single sign-on: to the provider, and back with proof."""

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import MediaType, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.door import commands as door
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, TocsinError
from tocsin.people.model import Seen
from tocsin.sso import commands, store
from tocsin.sso.model import ATTEMPT_LASTS, Attempt, NoGroup, NotVouchedFor
from tocsin.web import cookies
from tocsin.web.forms import AnyRequest, Form, Sent, local_path
from tocsin.web.frame import SignedIn, Visitor, bare
from tocsin.web.proving import AT_PROVIDER, CONFIRMED
from tocsin.web.sessions import begin_session, enter, installation, refused, seen, visitor

OF_PROVIDER = "the provider"  # what was refused in the log is about


class NotSetUp(NotFound):
    """There is no single sign-on here."""


class TooOften(Overloaded):
    """Too many sign-ins were begun just now. Wait a minute, and try again."""


@get("/signin/sso", sync_to_thread=True)
def leave(request: AnyRequest, next: FromQuery[str] = "/") -> Template | Redirect:  # noqa: A002 - a word in addresses
    return _leave(request, local_path(next))


@get(AT_PROVIDER, sync_to_thread=True)
def leave_again(request: AnyRequest, visitor: SignedIn, next: FromQuery[str] = "/") -> Template | Redirect:  # noqa: A002 - as above
    """To the provider once more, to prove there who one is."""
    return _leave(request, local_path(next), visitor.account.handle)


def _leave(request: AnyRequest, onward: str, again: str = "") -> Template | Redirect:
    app = _app(request)
    try:
        _count(app, request)
        there = app.sso.depart(onward, again)
    except TocsinError as why:
        return _refused(request, why, onward)
    cookie = _cookie(_sealed(app, there.attempt), int(ATTEMPT_LASTS.total_seconds()))
    return Redirect(there.address, status_code=303, cookies=[cookie], headers={"cache-control": "no-store"})


@get("/signin/sso/back", sync_to_thread=True)
def come_back(request: AnyRequest) -> Template | Redirect:
    app, attempt = _app(request), _opened(_app(request), request.cookies.get(cookies.AT_PROVIDER, ""))
    onward = local_path(attempt.onward) if attempt else "/"
    try:
        _count(app, request)
        who = _vouched_for(app, attempt, {name: str(value) for name, value in request.query_params.items()})
        if attempt and attempt.again:
            return _confirmed(request, attempt, who)
        here = seen(request, "single sign-on")
        session = _let_in(app, who, here)
    except TocsinError as why:
        return _refused(request, why, onward, is_in=bool(attempt and attempt.again))
    answer = enter(request, door.Opened(session=session), onward)
    answer.cookies.append(_cookie("", 0))
    return answer


def _confirmed(request: AnyRequest, attempt: Attempt, who: Any) -> Redirect:
    """Whoever was signed in here already has proven there who they are."""
    here = visitor(request, Form())
    if here.account.handle != attempt.again:
        raise NotVouchedFor("Somebody else has signed in here meanwhile. Begin again.")
    if not here.app.sso.is_since(attempt, who):
        raise NotVouchedFor(
            "The provider does not say that you signed in there just now (auth_time). Confirm another way, or sign out "
            "here and in again."
        )
    secret = here.app.database.run(here.actor, lambda tx: _prove(tx, who, here))
    answer = begin_session(request, secret, f"{CONFIRMED}?{urlencode({'next': attempt.onward})}")
    answer.cookies.append(_cookie("", 0))
    return answer


def _prove(tx: Any, who: Any, here: Visitor) -> str:
    commands.check_again(tx, who, here.account.handle)
    return door.prove(tx, here.secret, "single sign-on")


def _vouched_for(app: App, attempt: Attempt | None, said: Mapping[str, str]) -> Any:
    """Whom the provider vouches for. What came back must belong to what this very browser began, and come once."""
    if attempt is None or not app.sso.is_fresh(attempt):
        raise NotVouchedFor("This sign-in took too long, or was begun in another browser. Begin again.")
    if not hmac.compare_digest(attempt.state.encode(), said.get("state", "").encode("utf-8", "replace")):
        raise NotVouchedFor("This answer belongs to another sign-in. Begin again.")
    app.database.run(SYSTEM, lambda tx: commands.use_up(tx, attempt.state))
    if "error" in said or not said.get("code"):
        raise NotVouchedFor("The provider did not let you in.")
    return app.sso.arrive(attempt, said["code"], said.get("iss"))


def _let_in(app: App, who: Any, here: Seen) -> str:
    try:
        return app.database.run(SYSTEM, lambda tx: _session(tx, app, who, here))
    except NoGroup:
        app.database.run(SYSTEM, lambda tx: commands.turn_away(tx, who))
        raise


def _session(tx: Any, app: App, who: Any, here: Seen) -> str:
    account = commands.come_in(tx, app.sso.terms, who)
    secret = door.let_in(tx, account.handle, here)
    store.note_session(tx, secret, who.session, who.id_token)
    return secret


@post("/signin/sso/logout", sync_to_thread=True, status_code=200)
def signed_out_there(request: AnyRequest, form: Sent) -> Response[Any]:
    """The provider itself says that it has signed somebody out (back-channel logout)."""
    app = _app(request)
    try:
        _count(app, request)
        said = app.sso.told_out(form.text("logout_token"))
        app.database.run(SYSTEM, lambda tx: commands.end_sessions(tx, app.sso.terms.issuer, said))
    except (NotVouchedFor, Invalid) as why:
        refused(request, Deed.SIGN_IN_REFUSED, OF_PROVIDER)
        body = {"error": "invalid_request", "error_description": why.message}
        return Response(body, status_code=400, media_type=MediaType.JSON, headers={"cache-control": "no-store"})
    return Response(b"", status_code=200, media_type=MediaType.TEXT, headers={"cache-control": "no-store"})


def _app(request: AnyRequest) -> App:
    app = installation(request)
    if app.sso is None:
        raise NotSetUp
    return app


def _count(app: App, request: AnyRequest) -> None:
    source = request.client.host if request.client else ""
    if not app.sso_askers.take(source, app.database.now()):
        raise TooOften


def _refused(request: AnyRequest, why: TocsinError, onward: str, *, is_in: bool = False) -> Template:
    """Why it did not work, with the other way in beside it; whatever was begun is over. Whoever `is_in` already was
    only asked once more, and goes back to where that was."""
    if isinstance(why, Forbidden):
        refused(request, Deed.SIGN_IN_REFUSED, OF_PROVIDER)
    status = 503 if isinstance(why, Overloaded) else 404 if isinstance(why, NotFound) else 403
    page = bare(
        request, "signin_refused.html", title="Sign in", status=status, said=why.message, onward=onward, is_in=is_in
    )
    page.cookies.append(_cookie("", 0))
    return page


# ---- What the browser keeps meanwhile ----


def _cookie(value: str, lasts: int) -> Cookie:
    return Cookie(
        key=cookies.AT_PROVIDER, value=value, max_age=lasts, path="/signin/sso", httponly=True, samesite="lax"
    )


def _sealed(app: App, attempt: Attempt) -> str:
    return cookies.sealed(app.signing_key, "sso", msgspec.json.encode(attempt))


def _opened(app: App, value: str) -> Attempt | None:
    kept = cookies.opened(app.signing_key, "sso", value)
    return msgspec.json.decode(kept, type=Attempt) if kept else None


def routes() -> list[Any]:
    return [leave, leave_again, come_back, signed_out_there]
