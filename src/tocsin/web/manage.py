"""Accounts and tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from litestar import get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, MessageState
from tocsin.door import commands as door
from tocsin.door import store as doors
from tocsin.kit.errors import Invalid, NotFound, Refused
from tocsin.people import access, sessions, tokens
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Account, AccountRole, ContactMethod, Token, called
from tocsin.response import followups
from tocsin.sso import commands as single_sign_on
from tocsin.sso import store as linked
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.proving import Proven
from tocsin.web.trouble import Trouble, trouble

ROLES = {
    AccountRole.VIEWER: ("Viewer", "reads everything"),
    AccountRole.RESPONDER: ("Responder", "works on incidents"),
    AccountRole.MANAGER: ("Manager", "also puts anybody on call, waives and invites"),
    AccountRole.ADMINISTRATOR: ("Administrator", "everything"),
}
LASTING = {"30": "30 days", "90": "90 days", "365": "A year", "": "Until it is revoked"}
SCOPES = {
    access.SIGNAL_WRITE: "Send signals",
    access.INCIDENT_READ: "Read incidents",
    access.INCIDENT_WRITE: "Work on incidents",
    access.PLAN_READ: "Read the plan",
    access.PLAN_WRITE: "Apply a plan",
    access.METRICS_READ: "Read the numbers",
    access.PEOPLE_WRITE: "Manage people and tokens",
    access.PEOPLE_INVITE: "Invite viewers and responders",
    access.ONCALL_WRITE: "Put anybody on call",
    access.AUDIT_READ: "Read the audit log",
}


@dataclass(frozen=True)
class Person:
    handle: str
    name: str
    email: str
    role: str
    way_in: str
    ways: str
    is_reachable: bool
    is_disabled: bool
    last: str = ""  # when they last signed in
    link: str = ""  # until when the link lasts that they have not used
    mail: str = ""  # what became of the mail with it
    is_lost: bool = False  # whether that was given up
    may_link: bool = False
    may_end: bool = False
    may_take: bool = False
    may_disable: bool = False
    may_enable: bool = False
    may_unlink: bool = False


def person_row(
    account: Account, methods: list[ContactMethod], factors: Sequence[str] = (), *, is_linked: bool = False
) -> Person:
    """`factors` are what they have besides a password."""
    ways = ", ".join(dict.fromkeys(called(one.channel) for one in methods if one.verified_at))
    fallback = f"{account.email} (of the account)" if account.email and not account.disabled_at else ""
    return Person(
        handle=account.handle,
        name=account.name,
        email=account.email or "",
        role=account.role.capitalize(),
        way_in="disabled" if account.disabled_at else _way_in(account, factors, is_linked=is_linked),
        ways=ways or fallback or "nothing",
        is_reachable=bool(ways or fallback),
        is_disabled=account.disabled_at is not None,
    )


def _way_in(account: Account, factors: Sequence[str], *, is_linked: bool) -> str:
    """`password and code, passkey, single sign-on`"""
    password = ["password and code" if "code" in factors else "password"] if account.has_password else []
    provider = ["single sign-on"] if is_linked else []
    return ", ".join([*password, *(one for one in factors if one != "code"), *provider]) or "a link only"


# ---- People ----


@get("/people", sync_to_thread=True)
def show_people(request: AnyRequest, visitor: SignedIn) -> Template:
    return _people(request, visitor)


@dataclass(frozen=True)
class Invitation:
    """A one-time link, shown this once, or mailed."""

    name: str
    link: str
    until: str
    mailed_to: str = ""


def _people(
    request: AnyRequest,
    visitor: Visitor,
    typed: Mapping[str, str] = MappingProxyType({}),
    wrong: Trouble | None = None,
    invitation: Invitation | None = None,
    trouble_with: Trouble | None = None,
) -> Template:
    """`wrong` is with the form, `trouble_with` with one of the accounts."""
    if not visitor.actor.may(access.PEOPLE_INVITE):
        access.require(visitor.actor, access.PEOPLE_WRITE)
    with visitor.app.database.read(visitor.actor) as tx:
        accounts = people.people(tx)
        factors, at_provider, links = _factors(tx, accounts), linked.linked(tx), sessions.unused_links(tx)
        methods = people.contacts(tx, [one.handle for one in accounts])
        mails = outbox.invitations(tx, links)
        return page(
            request,
            visitor,
            tx,
            "people.html",
            title="People",
            here="/people",
            status=(wrong or trouble_with or _FINE).status,
            rows=[
                _row(
                    visitor,
                    tx.now,
                    one,
                    methods[one.handle],
                    factors[one.handle],
                    is_linked=one.handle in at_provider,
                    link_until=links.get(one.handle),
                    mail=mails.get(one.handle) if one.handle in links else None,
                )
                for one in accounts
            ],
            roles=[
                present.Choice("", "As it is", "an account keeps its own; a new one is a responder's", is_chosen=True),
                *(
                    present.Choice(key, label, may)
                    for key, (label, may) in ROLES.items()
                    if access.may_invite(visitor.actor, key, None)
                ),
            ],
            typed=typed,
            wrong=wrong,
            trouble_with=trouble_with,
            invitation=invitation,
            has_mail=bool(visitor.app.settings.smtp_url),
        )


_FINE = Trouble("", "", "", 200)


def _factors(tx: Tx, accounts: Sequence[Account]) -> dict[str, list[str]]:
    coded, keyed = doors.with_factor(tx), doors.with_passkey(tx)
    return {
        one.handle: [*(["code"] if one.handle in coded else []), *(["passkey"] if one.handle in keyed else [])]
        for one in accounts
    }


def _row(
    visitor: Visitor,
    now: datetime,
    account: Account,
    methods: list[ContactMethod],
    factors: Sequence[str],
    *,
    is_linked: bool,
    link_until: datetime | None,
    mail: Message | None,
) -> Person:
    may_manage = visitor.actor.may(access.PEOPLE_WRITE)
    last = f"last signed in {present.moment(account.signed_in_at, now)}" if account.signed_in_at else ""
    return replace(
        person_row(account, methods, factors, is_linked=is_linked),
        last=last,
        link=f"a link until {present.moment(link_until, now)}, not used yet" if link_until else "",
        mail=_mailed(mail, now) if mail else "",
        is_lost=mail is not None and mail.state is MessageState.DEAD,
        may_link=account.disabled_at is None and access.may_invite(visitor.actor, account.role, account),
        may_end=may_manage and bool(account.signed_in_at or link_until) and account.disabled_at is None,
        may_take=may_manage and bool(factors) and account.handle != visitor.account.handle,
        may_unlink=may_manage and is_linked,
        may_disable=may_manage and account.disabled_at is None and account.handle != visitor.account.handle,
        may_enable=may_manage and account.disabled_at is not None,
    )


def _mailed(mail: Message, now: datetime) -> str:
    """What became of the mail with a link: an invitation that waits looks to whoever pressed the button as one that was
    read."""
    match mail.state:
        case MessageState.SENT:
            return f"mailed {present.moment(mail.sent_at or mail.created_at, now)}"
        case MessageState.DEAD:
            return f"the mail with it was given up: {mail.last_error}"
        case _:
            return f"the mail with it has not left yet: {mail.last_error}" if mail.last_error else "its mail is leaving"


@post("/people", sync_to_thread=True, status_code=200)
def invite(request: AnyRequest, proven: Proven, form: Sent) -> Template:
    """Make an account, and show its one-time link this once: it is kept nowhere, so there is no page to go on to."""
    handle = form.text("handle")
    has_mail = bool(proven.app.settings.smtp_url)
    try:
        invitation = proven.app.database.run(proven.actor, lambda tx: _invite(tx, handle, form, has_mail=has_mail))
    except (Invalid, Refused) as why:
        ids = {"handle": "handle", "email": "email", "role": "role"}
        return _people(request, proven, form.typed(), trouble(why, ids))
    return _people(request, proven, invitation=invitation)


def _invite(tx: Tx, handle: str, form: Form, *, has_mail: bool) -> Invitation:
    role = form.text("role")
    if role and role not in list(AccountRole):
        raise Invalid("Choose what the account may do.", field="role")
    secret = people_commands.invite(
        tx, handle, name=form.text("name"), email=form.text("email") or None, role=AccountRole(role) if role else None
    )
    return _handed_over(tx, handle, secret, form, has_mail=has_mail)


def _handed_over(tx: Tx, handle: str, secret: str, form: Form, *, has_mail: bool) -> Invitation:
    account, until = people.load_person(tx, handle), present.moment(sessions.unused_links(tx)[handle], tx.now)
    if not form.text("mail"):
        return Invitation(account.name, followups.link(tx, f"/signin/{secret}"), until)
    people_commands.mail_link(tx, handle, secret, has_mail=has_mail)
    return Invitation(account.name, "", until, account.email or "")


@post("/people/{handle:str}/link", sync_to_thread=True, status_code=200)
def fresh_link(request: AnyRequest, proven: Proven, handle: FromPath[str], form: Sent) -> Template:
    has_mail = bool(proven.app.settings.smtp_url)

    def make(tx: Tx) -> Invitation:
        secret = people_commands.signin_link(tx, handle)
        return _handed_over(tx, handle, secret, form, has_mail=has_mail)

    try:
        invitation = proven.app.database.run(proven.actor, make)
    except Refused as why:
        return _people(request, proven, trouble_with=trouble(why))
    return _people(request, proven, invitation=invitation)


@post("/people/{handle:str}/sessions/end", sync_to_thread=True)
def end_sessions(request: AnyRequest, visitor: SignedIn, handle: FromPath[str]) -> Template | Redirect:
    return _change(request, visitor, lambda tx: door.end_sessions_of(tx, handle), "their_sessions_off")


@post("/people/{handle:str}/factor/remove", sync_to_thread=True)
def take_factor_away(request: AnyRequest, proven: Proven, handle: FromPath[str]) -> Template | Redirect:
    return _change(request, proven, lambda tx: door.take_factor_away(tx, handle), "factor_taken")


@post("/people/{handle:str}/unlink", sync_to_thread=True)
def unlink(request: AnyRequest, proven: Proven, handle: FromPath[str]) -> Template | Redirect:
    return _change(request, proven, lambda tx: single_sign_on.unlink(tx, handle), "unlinked_there")


@post("/people/{handle:str}/disable", sync_to_thread=True)
def disable(request: AnyRequest, proven: Proven, handle: FromPath[str]) -> Template | Redirect:
    return _change(request, proven, lambda tx: people_commands.disable(tx, handle), "disabled")


@post("/people/{handle:str}/enable", sync_to_thread=True)
def enable(request: AnyRequest, proven: Proven, handle: FromPath[str]) -> Template | Redirect:
    return _change(request, proven, lambda tx: people_commands.enable(tx, handle), "enabled")


def _change(request: AnyRequest, visitor: Visitor, command: Callable[[Tx], object], done: str) -> Template | Redirect:
    try:
        visitor.app.database.run(visitor.actor, command)
    except (Refused, NotFound) as why:
        return _people(request, visitor, trouble_with=trouble(why))
    return Redirect(f"/people?done={done}", status_code=303)


# ---- Tokens ----


@dataclass(frozen=True)
class TokenRow:
    id: str
    name: str
    acts_as: str | None
    scopes: str
    by: str
    made: str
    until: str
    used: str
    state: str
    mark: str
    is_live: bool


def _token(token: Token, now: datetime) -> TokenRow:
    expired = token.expires_at is not None and token.expires_at <= now
    state = "Revoked" if token.revoked_at else "Expired" if expired else "Live"
    return TokenRow(
        id=token.id,
        name=token.name,
        acts_as=token.person,
        scopes=", ".join(sorted(token.rights)),
        by=token.created_by,
        made=present.moment(token.created_at, now),
        until=present.moment(token.expires_at, now) if token.expires_at else "revoked",
        used=present.moment(token.used_at, now) if token.used_at else "not yet",
        state=state,
        mark="ok" if state == "Live" else "waived",
        is_live=state == "Live",
    )


@get("/tokens", sync_to_thread=True)
def show_tokens(request: AnyRequest, visitor: SignedIn, name: FromQuery[str] = "") -> Template:
    return _tokens(request, visitor, Form({"name": [name]}) if name else Form(), None, None)


def _tokens(
    request: AnyRequest, visitor: Visitor, form: Form, wrong: Trouble | None, made: tuple[str, str] | None
) -> Template:
    access.require(visitor.actor, access.PEOPLE_WRITE)
    ticked = form.all("scope") or (access.SIGNAL_WRITE,)
    with visitor.app.database.read(visitor.actor) as tx:
        return page(
            request,
            visitor,
            tx,
            "tokens.html",
            title="Tokens",
            here="/tokens",
            status=wrong.status if wrong else 200,
            rows=[_token(one, tx.now) for one in reversed(visitor.app.token_uses.with_these(tokens.listed(tx)))],
            scopes=[present.Choice(key, label, key, key in ticked) for key, label in SCOPES.items()],
            lasting=[present.Choice(key, label, "", key == "365") for key, label in LASTING.items()],
            owners=[
                present.Choice("", "Itself: a program", "", not form.text("person")),
                *(
                    present.Choice(one.handle, one.name, "", one.handle == form.text("person"))
                    for one in people.people(tx)
                    if one.disabled_at is None
                ),
            ],
            typed=form.typed(),
            wrong=wrong,
            made=made,
        )


@post("/tokens", sync_to_thread=True, status_code=200)
def make_token(request: AnyRequest, proven: Proven, form: Sent) -> Template:
    """Make a token, and show its secret this once."""
    days = form.text("lasts")
    try:
        if days not in LASTING:
            raise Invalid("Choose how long it lasts.", field="lasts")
        lasts = timedelta(days=int(days)) if days else None
        made, secret = proven.app.database.run(
            proven.actor,
            lambda tx: people_commands.make_token(
                tx, form.text("name"), frozenset(form.all("scope")), lasts, form.text("person") or None
            ),
        )
    except (Invalid, Refused, NotFound) as why:
        ids = {"name": "name", "scopes": "scopes", "lasts": "lasts", "person": "person"}
        return _tokens(request, proven, form, trouble(why, ids), None)
    return _tokens(request, proven, Form(), None, (made.name, secret))


@post("/tokens/{token_id:str}/revoke", sync_to_thread=True)
def revoke_token(visitor: SignedIn, token_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: people_commands.revoke_token(tx, token_id))
    return Redirect("/tokens?done=revoked", status_code=303)


def routes() -> list[Any]:
    return [
        show_people,
        invite,
        fresh_link,
        end_sessions,
        take_factor_away,
        unlink,
        disable,
        enable,
        show_tokens,
        make_token,
        revoke_token,
    ]
