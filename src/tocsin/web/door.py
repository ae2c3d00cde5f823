"""How one signs in, on a page of one's own: the second factor, passkeys, and where one is signed in."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import segno
from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.audit.model import Deed
from tocsin.door import commands, limits, passkeys, totp
from tocsin.door import store as doors
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused, TocsinError
from tocsin.people import sessions
from tocsin.people.model import Session
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, asset, page
from tocsin.web.proving import Proven
from tocsin.web.sessions import SET_UP_AT, begin_session, refused, source_of
from tocsin.web.trouble import Trouble, trouble

IDS = {"factor-code": "factor-code", "passkey-name": "passkey-name"}
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True)
class Pending:
    """A secret that waits for its first code: as a picture, and as text for whoever can't take a picture."""

    picture: str
    address: str
    secret: str


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    about: str


@dataclass(frozen=True)
class Place:
    """Where somebody is signed in."""

    id: str
    browser: str
    about: str
    is_this: bool


def browser(said: str) -> str:
    return name_of_browser(said) or "A browser that does not say what it is"


def name_of_browser(said: str) -> str:
    """A browser by the name that people know, from what it says of itself; nothing for one that says nothing."""
    program = next((name for mark, name in _BROWSERS if f"{mark}/" in said), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return " on ".join(filter(None, (program, system)))


def place_row(one: Session, this: str, now: datetime) -> Place:
    came = f"by {one.seen.way}" if one.seen.way else ""
    address = f"from {one.seen.source}" if one.seen.source else ""
    since = f"since {present.moment(one.begun_at, now)}"
    used = f"last used {present.moment(one.used_at, now)}"
    return Place(
        one.id, browser(one.seen.browser), ", ".join(filter(None, (since, used, came, address))), one.id == this
    )


def picture(address: str) -> str:
    """The address as a picture that an app reads: dark on white in either theme, for that is what cameras know."""
    drawn: str = segno.make(address, error="m").svg_inline(scale=4, border=3, light="#fff", dark="#000", omitsize=True)
    return re.sub(r"<svg ", '<svg role="img" aria-label="The secret as a picture for your app" ', drawn, count=1)


@get(SET_UP_AT, sync_to_thread=True)
def show_door(request: AnyRequest, visitor: SignedIn) -> Template:
    return _page(request, visitor)


def _page(
    request: AnyRequest, visitor: Visitor, wrong: Trouble | None = None, codes: Sequence[str] = (), secret: str = ""
) -> Template:
    """`codes` are shown this once; `secret` is that of the session, if it has changed."""
    app, handle = visitor.app, visitor.account.handle
    here, is_asked = passkeys.place(app.settings.public_url), app.settings.require_second_factor
    with app.database.read(visitor.actor) as tx:
        standing, factor = commands.standing(tx, handle), doors.factor(tx, handle)
        this = sessions.of_secret(tx, secret or visitor.secret)
        asked = ""
        if here.has_passkeys:
            shown = passkeys.challenge(app.signing_key, f"register {handle}", tx.now)
            asked = passkeys.to_register(here, handle, visitor.account.name, list(standing.passkeys), shown)
        return page(
            request,
            visitor,
            tx,
            "me_signin.html",
            title="How you sign in",
            here="/me",
            status=wrong.status if wrong else 200,
            handle=handle,
            since=present.moment(standing.since, tx.now) if standing.since else "",
            codes_left=standing.codes_left,
            codes=codes,
            pending=_pending(app.settings.public_url, handle, factor.secret) if factor and not standing.since else None,
            is_required=is_asked and commands.owes_factor(tx, visitor.account, this),
            is_held_up=is_asked and commands.owes_passkey(tx, visitor.account, this),
            keys=[Key(one.id, one.name, _about(one.made_at, one.used_at, tx.now)) for one in standing.passkeys],
            asked=asked,
            script=asset("passkeys.js"),
            places=[place_row(one, this.id if this else "", tx.now) for one in sessions.of_person(tx, handle)],
            idle_days=sessions.IDLE.days,
            lasts_days=sessions.LASTS.days,
            wrong=wrong,
        )


def _pending(public_url: str, handle: str, secret: str) -> Pending:
    address = totp.address(secret, handle, urlsplit(public_url).hostname or "localhost")
    spaced = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return Pending(picture(address), address, spaced)


def _about(made_at: datetime, used_at: datetime | None, now: datetime) -> str:
    used = f"last used {present.moment(used_at, now)}" if used_at else "not used yet"
    return f"added {present.moment(made_at, now)}, {used}"


# ---- The second factor ----


@post(f"{SET_UP_AT}/factor", sync_to_thread=True)
def begin_factor(request: AnyRequest, proven: Proven) -> Template | Redirect:
    return _change(request, proven, commands.begin_factor, "", "#factor")


@post(f"{SET_UP_AT}/factor/confirm", sync_to_thread=True, status_code=200)
def confirm_factor(request: AnyRequest, proven: Proven, form: Sent) -> Template:
    """The first code: the recovery codes are shown this once, so there is no page to go on to."""
    code = form.text("code")

    def confirm(tx: Tx, me: str) -> tuple[str, list[str]]:
        return commands.confirm_factor(tx, me, code, proven.secret)

    try:
        secret, codes = _limited(request, proven, confirm)
    except (TocsinError, commands.TooManyTries) as why:
        return _page(request, proven, _wrong(why))
    shown = _page(request, proven, codes=codes, secret=secret)
    shown.cookies = begin_session(request, secret, SET_UP_AT).cookies
    return shown


@post(f"{SET_UP_AT}/factor/codes", sync_to_thread=True, status_code=200)
def make_codes(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template:
    code = form.text("code")
    try:
        codes = _limited(request, visitor, lambda tx, me: commands.make_recovery_codes(tx, me, code))
    except TocsinError as why:
        return _page(request, visitor, _wrong(why))
    return _page(request, visitor, codes=codes)


@post(f"{SET_UP_AT}/factor/remove", sync_to_thread=True)
def drop_factor(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    code = form.text("code")
    try:
        _limited(request, visitor, lambda tx, me: commands.drop_factor(tx, me, code))
    except TocsinError as why:
        return _page(request, visitor, _wrong(why))
    return Redirect(f"{SET_UP_AT}?done=factor_off", status_code=303)


def _limited(request: AnyRequest, visitor: Visitor, command: Callable[[Tx, str], Any]) -> Any:
    """Carry out what takes a code: whoever sits at a browser left open can't try them all."""
    handle, run = visitor.account.handle, visitor.app.database.run
    keys = limits.keys(handle, source_of(request), "page")
    run(visitor.actor, lambda tx: commands.take_try(tx, keys))
    try:
        done = run(visitor.actor, lambda tx: command(tx, handle))
    except (Forbidden, Invalid):
        refused(request, Deed.CODE_REFUSED, handle)
        raise
    run(visitor.actor, lambda tx: doors.take_back(tx, keys))
    return done


def _wrong(why: TocsinError) -> Trouble:
    """What was wrong with a code, at its field."""
    if isinstance(why, Forbidden):
        return trouble(Invalid(why.message, field="factor-code"), IDS)
    return trouble(why, IDS)


# ---- Passkeys ----


@post(f"{SET_UP_AT}/passkeys", sync_to_thread=True)
def add_passkey(request: AnyRequest, proven: Proven, form: Sent) -> Template | Redirect:
    app, handle = proven.app, proven.account.handle
    here, name, answer = passkeys.place(app.settings.public_url), form.text("name"), form.text("answer")

    def add(tx: Tx) -> str:
        return commands.add_passkey(tx, here, app.signing_key, handle, name, answer, proven.secret)[1]

    try:
        secret = app.database.run(proven.actor, add)
    except TocsinError as why:
        return _page(request, proven, _wrong_passkey(why))
    return begin_session(request, secret, f"{SET_UP_AT}?done=passkey")


def _wrong_passkey(why: TocsinError) -> Trouble:
    return trouble(Invalid(why.message, field="passkey-name") if isinstance(why, Forbidden) else why, IDS)


@post(f"{SET_UP_AT}/passkeys/{{passkey_id:str}}/remove", sync_to_thread=True)
def remove_passkey(request: AnyRequest, proven: Proven, passkey_id: FromPath[str]) -> Template | Redirect:
    return _change(
        request, proven, lambda tx, me: commands.remove_passkey(tx, me, passkey_id), "passkey_off", "#passkeys"
    )


@post(f"{SET_UP_AT}/proof", sync_to_thread=True)
def show_second(proven: Proven) -> Redirect:
    """Whoever came by a password shows the passkey too that this installation asks for beside it."""
    return Redirect("/", status_code=303)


# ---- Sessions ----


@post(f"{SET_UP_AT}/sessions/end", sync_to_thread=True)
def end_others(request: AnyRequest, visitor: SignedIn) -> Template | Redirect:
    def end(tx: Tx, me: str) -> int:
        return commands.end_sessions(tx, me, visitor.secret)

    return _change(request, visitor, end, "sessions_off", "#sessions")


@post(f"{SET_UP_AT}/sessions/{{session_id:str}}/end", sync_to_thread=True)
def end_one(request: AnyRequest, visitor: SignedIn, session_id: FromPath[str]) -> Template | Redirect:
    return _change(
        request, visitor, lambda tx, me: commands.end_session(tx, me, session_id), "session_off", "#sessions"
    )


def _change(
    request: AnyRequest, visitor: Visitor, command: Callable[[Tx, str], object], done: str, anchor: str
) -> Template | Redirect:
    handle = visitor.account.handle
    try:
        visitor.app.database.run(visitor.actor, lambda tx: command(tx, handle))
    except (Invalid, Refused, NotFound) as why:
        return _page(request, visitor, trouble(why, IDS))
    return Redirect(f"{SET_UP_AT}{'?done=' + done if done else ''}{anchor}", status_code=303)


def routes() -> list[Any]:
    factor = [begin_factor, confirm_factor, make_codes, drop_factor]
    return [show_door, *factor, add_passkey, remove_passkey, show_second, end_others, end_one]
