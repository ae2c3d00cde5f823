"""Who sends this? Asked once more before what changes how one gets in, where the last proof is some minutes old.

The question stands between a form and what it does. The answer goes to the same address, with all that was typed beside
it, so that nothing is typed twice but what is secret.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from litestar import get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.door import commands as door
from tocsin.door import limits, passkeys
from tocsin.door import store as doors
from tocsin.door.proving import FRESH_FOR, Means, is_fresh
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, TocsinError
from tocsin.people import commands as people_commands
from tocsin.people import sessions
from tocsin.people import store as people
from tocsin.people.model import Account
from tocsin.sso import commands as single_sign_on
from tocsin.sso import store as linked
from tocsin.web import cookies
from tocsin.web.forms import PROOF, SECRETS, AnyRequest, Form, Sent, local_path
from tocsin.web.frame import SignedIn, Tx, Visitor, asset, bare
from tocsin.web.sessions import refused, renewed, source_of

PASSWORD, CODE, PASSKEY = (f"{PROOF}{name}" for name in ("password", "code", "passkey"))
PAGES = ("/me/signin", "/me", "/tokens", "/people")  # where the forms stand that are held up
AT_PROVIDER = "/signin/sso/again"
CONFIRMED = "/me/signin/confirmed"
KEPT_FOR = 10 * 60  # seconds, that what was typed waits for somebody who is at the provider
MOST_KEPT = 3000  # letters of it: a browser keeps little

SECOND = Means(passkey=True, is_second=True)

Proven = NamedDependency[Visitor]


class WrongProof(Forbidden):
    """This is not right. Try it again."""


class ProveFirst(Forbidden):
    """What changes how one gets in takes a fresh proof of who you are."""

    def __init__(self, visitor: Visitor, form: Form, means: Means, why: TocsinError | None = None) -> None:
        super().__init__()
        self.visitor = visitor
        self.form = form
        self.means = means
        self.why = why


def proven(request: AnyRequest, visitor: SignedIn, form: Sent) -> Visitor:
    """Whoever is signed in, and has proven so within the last minutes, now if need be. Raises ProveFirst."""
    with visitor.app.database.read(visitor.actor) as tx:
        session = sessions.of_secret(tx, visitor.secret)
        means = means_of(tx, visitor)
        fresh = session is not None and is_fresh(session, means, tx.now)
        if visitor.app.settings.require_second_factor and door.owes_passkey(tx, visitor.account, session):
            means, fresh = SECOND, False
    if any(form.text(name) for name in (CODE, PASSKEY)) or form.secret(PASSWORD):
        return _proven_now(request, visitor, form, means)
    if not fresh:
        raise ProveFirst(visitor, form, means)
    return visitor


def means_of(tx: Tx, visitor: Visitor) -> Means:
    app, account = visitor.app, visitor.account
    at_provider = app.sso is not None and linked.is_linked(tx, account.handle, app.sso.terms.issuer)
    by_password = _opens(account, is_only=app.settings.sso_only)
    return door.means(tx, account, by_password=by_password, by_provider=at_provider)


def _opens(account: Account, *, is_only: bool) -> bool:
    try:
        single_sign_on.check_password(account, is_only=is_only)
    except Forbidden:
        return False
    return True


def _proven_now(request: AnyRequest, visitor: Visitor, form: Form, means: Means) -> Visitor:
    """Look at the proof that came with the form. Whoever sits at a browser left open can't try many."""
    app, handle = visitor.app, visitor.account.handle
    keys = limits.keys(handle, source_of(request), "page")
    deed, prove = _ways(visitor, form, means, keys)
    try:
        app.database.run(visitor.actor, lambda tx: door.take_try(tx, keys))
        secret = prove()
    except (Forbidden, door.TooManyTries) as why:
        refused(request, deed, handle)
        raise ProveFirst(visitor, form, means, why) from None
    return renewed(request, visitor, secret)


def _ways(visitor: Visitor, form: Form, means: Means, keys: list[limits.Key]) -> tuple[Deed, Callable[[], str]]:
    """What is refused if the proof is wrong, and how to look at it; that returns the session's next secret."""
    app, session, run = visitor.app, visitor.secret, visitor.app.database.run
    if answer := form.text(PASSKEY):
        here, key = passkeys.place(app.settings.public_url), app.signing_key
        return Deed.PASSKEY_REFUSED, lambda: run(
            visitor.actor, lambda tx: door.prove_by_passkey(tx, session, here, key, answer, keys)
        )
    if code := form.text(CODE):
        return Deed.CODE_REFUSED, lambda: run(visitor.actor, lambda tx: door.prove_by_code(tx, session, code, keys))
    return Deed.SIGN_IN_REFUSED, lambda: _by_password(visitor, form.secret(PASSWORD), means, keys)


def _by_password(visitor: Visitor, password: str, means: Means, keys: list[limits.Key]) -> str:
    with visitor.app.database.read(visitor.actor) as tx:
        found = people.by_login(tx, visitor.account.handle) if means.password else None
    try:
        people_commands.verified(found, password)
    except people_commands.WrongPassword:
        raise WrongProof("This is not your password.") from None
    return visitor.app.database.run(visitor.actor, lambda tx: door.prove(tx, visitor.secret, "a password", keys))


# ---- The question ----


def ask(request: AnyRequest, asked: ProveFirst) -> Template:
    """The page between a form and what it does."""
    visitor, form, means, path = asked.visitor, asked.form, asked.means, request.url.path
    page = _question(request, visitor, means, path, form, asked.why)
    if means.provider:
        page.cookies.append(_set_aside(visitor, path, form))
    return page


def _question(
    request: AnyRequest, visitor: Visitor, means: Means, path: str, form: Form, why: TocsinError | None
) -> Template:
    app, back = visitor.app, page_of(path)
    return bare(
        request,
        "prove.html",
        title="Confirm that it is you",
        status=429 if isinstance(why, door.TooManyTries) else 403,
        name=visitor.account.name,
        error=why.message if why else "",
        action=path,
        carried=form.carried(),
        is_retyped=any(form.has(name) for name in SECRETS),
        means=means,
        fields={"password": PASSWORD, "code": CODE, "passkey": PASSKEY},
        passkey_asked=_passkey_asked(app, visitor.account.handle) if means.passkey else "",
        passkey_script=asset("passkeys.js"),
        sso=app.sso_name,
        sso_address=AT_PROVIDER,
        back=back,
        minutes=FRESH_FOR // timedelta(minutes=1),
        handle=visitor.account.handle,
    )


def page_of(path: str) -> str:
    """The page that a form stands on, by the address that it is sent to."""
    return next((one for one in PAGES if path.startswith(one)), "/")


def _passkey_asked(app: App, handle: str) -> str:
    here = passkeys.place(app.settings.public_url)
    if not here.has_passkeys:
        return ""
    with app.database.read(SYSTEM) as tx:
        known, now = doors.passkeys(tx, handle), tx.now
    return passkeys.to_sign_in(here, passkeys.challenge(app.signing_key, door.to_confirm(handle), now), known)


# ---- What was typed, while somebody is at the provider ----


class _Aside(msgspec.Struct, frozen=True):
    handle: str
    path: str
    typed: list[tuple[str, str]]


def _set_aside(visitor: Visitor, path: str, form: Form) -> Cookie:
    """Keep it in the browser until they are back; what is too long for that is typed again."""
    kept = msgspec.json.encode(_Aside(visitor.account.handle, path, form.carried()))
    value = cookies.sealed(visitor.app.signing_key, "aside", kept)
    return _cookie(value if len(value) <= MOST_KEPT else "", KEPT_FOR)


def _cookie(value: str, lasts: int) -> Cookie:
    return Cookie(
        key=cookies.ASIDE, value=value, max_age=lasts if value else 0, path="/me", httponly=True, samesite="lax"
    )


@get(CONFIRMED, sync_to_thread=True)
def show_confirmed(request: AnyRequest, visitor: SignedIn) -> Template | Redirect:
    """Back from the provider: one press, and what was asked for happens."""
    kept = cookies.opened(visitor.app.signing_key, "aside", request.cookies.get(cookies.ASIDE, ""))
    aside = msgspec.json.decode(kept, type=_Aside) if kept else None
    if aside is None or aside.handle != visitor.account.handle:
        return Redirect(page_of(local_path(request.query_params.get("next", "/"))), status_code=303)
    is_retyped = aside.path == "/me/password"
    page = bare(
        request,
        "proved.html",
        title="It is you",
        action=aside.path,
        carried=[] if is_retyped else aside.typed,
        is_retyped=is_retyped,
        back=page_of(aside.path),
    )
    page.cookies.append(_cookie("", 0))
    return page


def routes() -> list[Any]:
    return [show_confirmed]
