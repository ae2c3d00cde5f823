"""Single sign-on: to the provider, and back with proof."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import get
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.door import commands as door
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import NotFound, Overloaded, TocsinError
from tocsin.people.model import Seen
from tocsin.sso import commands
from tocsin.sso.model import ATTEMPT_LASTS, Attempt, NotVouchedFor
from tocsin.web import cookies
from tocsin.web.forms import AnyRequest, local_path
from tocsin.web.frame import bare
from tocsin.web.sessions import begin_session, installation, seen

LONGEST = 4096


class NotSetUp(NotFound):
    """There is no single sign-on here."""


class TooOften(Overloaded):
    """Too many sign-ins were begun just now. Wait a minute, and try again."""


@get("/signin/sso", sync_to_thread=True)
def leave(request: AnyRequest, next: FromQuery[str] = "/") -> Template | Redirect:  # noqa: A002 - a word in addresses
    app, onward = _app(request), local_path(next)
    try:
        _count(app, request)
        there = app.sso.depart(onward)
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
        here = seen(request, "single sign-on")
        session = app.database.run(SYSTEM, lambda tx: _session(tx, app, who, here))
    except TocsinError as why:
        return _refused(request, why, onward)
    answer = begin_session(request, session, onward)
    answer.cookies.append(_cookie("", 0))
    return answer


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


def _session(tx: Any, app: App, who: Any, here: Seen) -> str:
    account = commands.come_in(tx, app.sso.terms, who)
    return door.let_in(tx, account.handle, here)


def _app(request: AnyRequest) -> App:
    app = installation(request)
    if app.sso is None:
        raise NotSetUp
    return app


def _count(app: App, request: AnyRequest) -> None:
    source = request.client.host if request.client else ""
    if not app.sso_askers.take(source, app.database.now()):
        raise TooOften


def _refused(request: AnyRequest, why: TocsinError, onward: str) -> Template:
    """Why it did not work, with the other way in beside it; whatever was begun is over."""
    status = 503 if isinstance(why, Overloaded) else 404 if isinstance(why, NotFound) else 403
    page = bare(request, "signin_refused.html", title="Sign in", status=status, said=why.message, onward=onward)
    page.cookies.append(_cookie("", 0))
    return page


# ---- What the browser keeps meanwhile ----


def _cookie(value: str, lasts: int) -> Cookie:
    return Cookie(
        key=cookies.AT_PROVIDER, value=value, max_age=lasts, path="/signin/sso", httponly=True, samesite="lax"
    )


def _sealed(app: App, attempt: Attempt) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode().rstrip("=")
    return f"{body}.{_mac(app, body)}"


def _opened(app: App, value: str) -> Attempt | None:
    body, _, mac = value.partition(".")
    if len(value) > LONGEST or not hmac.compare_digest(_mac(app, body).encode(), mac.encode("utf-8", "replace")):
        return None
    padded = body + "=" * (-len(body) % 4)
    return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=Attempt)


def _mac(app: App, body: str) -> str:
    made = hmac.new(app.signing_key.encode(), b"sso:" + body.encode("utf-8", "replace"), hashlib.sha256)
    return made.hexdigest()


def routes() -> list[Any]:
    return [leave, come_back]
