"""Accounts, contact methods, sessions, sign-in links and tokens. Secrets are kept as hashes only."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
)

from tocsin.db.columns import SEALED, Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound, Refused
from tocsin.kit.frozen import made
from tocsin.kit.ids import new_id, new_key, new_secret
from tocsin.people import access
from tocsin.people.model import (
    Account,
    AccountRole,
    Channel,
    ContactMethod,
    ContactRule,
    RuleStep,
    Seen,
    Session,
    Token,
    Urgency,
)

person = Table(
    "person",
    metadata,
    Column("handle", Text, primary_key=True),
    Column("name", Text),
    Column("email", Text),
    Column("role", Text),
    Column("password_hash", Text),
    Column("created_at", Instant),
    Column("disabled_at", Instant),
    Column("zone", Text),
    Column("signed_in_at", Instant),
)
contact_method = Table(
    "contact_method",
    metadata,
    Column("id", Text, primary_key=True),
    Column("handle", Text),
    Column("channel", Text),
    Column("address", Text),
    Column("secret", Text, info=SEALED),
    Column("created_at", Instant),
    Column("verified_at", Instant),
    Column("ended_at", Instant),
    Column("ended_because", Text),
)
contact_code = Table(
    "contact_code",
    metadata,
    Column("contact_id", Text, primary_key=True),
    Column("hash", Text),
    Column("sent_at", Instant),
    Column("expires_at", Instant),
    Column("tries", Integer),
)
contact_rule = Table(
    "contact_rule",
    metadata,
    Column("id", Text, primary_key=True),
    Column("handle", Text),
    Column("urgency", Text),
    Column("begins", Text),
    Column("ends", Text),
    Column("steps", Json),
    Column("created_at", Instant),
)


def _expiring(name: str, *more: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("hash", Text, primary_key=True),
        Column("handle", Text),
        Column("created_at", Instant),
        Column("expires_at", Instant),
        *more,
    )


session = _expiring(
    "session",
    Column("way", Text),
    Column("browser", Text),
    Column("source", Text),
    Column("used_at", Instant),
    Column("proven_at", Instant),
    Column("provider_session", Text),  # what the provider calls it; empty where it says nothing, none for other ways
    Column("id_token", Text, info=SEALED),
)
signin_link = _expiring("signin_link")
token = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("hash", Text),
    Column("rights", Json),
    Column("created_by", Text),
    Column("created_at", Instant),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("person", Text),
)
chat_account = Table(
    "chat_account",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("handle", Text, primary_key=True),
    Column("account", Text),
    Column("entered", Boolean),  # by a person, and not found by the address
    Column("created_at", Instant),
)

SESSION_LASTS = timedelta(days=14)
SESSION_IDLE = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=5)  # that a session is in use
LINK_LASTS = timedelta(hours=1)
SESSION_MARK = "s."  # begins every secret of a session since cookies have a guarded name
CODE_LASTS = timedelta(minutes=15)


class NoSuchPerson(NotFound):
    """There is no account of that name."""


class PersonExists(Refused):
    """There is an account of that name already."""


class NoSuchContact(NotFound):
    """There is no such contact method."""


class NoSuchSession(NotFound):
    """There is no such session; it may have ended."""


class NoSuchToken(NotFound):
    """There is no such token."""


def digest(secret: str) -> str:
    """The form in which a random secret is kept. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_person(tx: Tx, handle: str, *, name: str, email: str | None, role: AccountRole) -> Account:
    if tx.first(select(person.c.handle).where(person.c.handle == handle)):
        raise PersonExists(f"There is an account '{handle}' already.")
    tx.add(person, {"handle": handle, "name": name, "email": email, "role": role, "created_at": tx.now, "zone": "UTC"})
    return load_person(tx, handle)


def load_person(tx: Tx, handle: str) -> Account:
    found = find_person(tx, handle)
    if found is None:
        raise NoSuchPerson(f"There is no account '{handle}'.")
    return found


def find_person(tx: Tx, handle: str) -> Account | None:
    row = tx.first(select(person).where(person.c.handle == handle))
    return _account(row) if row else None


def is_administrator(tx: Tx, handle: str) -> bool:
    return load_person(tx, handle).role is AccountRole.ADMINISTRATOR


def people(tx: Tx, handles: Collection[str] | None = None) -> list[Account]:
    """All accounts, or those of these people."""
    rows = tx.all(_PEOPLE) if handles is None else tx.all(_THESE_PEOPLE, {"handles": list(handles)})
    return [_account(row) for row in rows]


def names(tx: Tx) -> dict[str, str]:
    """What everybody is called whose account is not disabled."""
    return {row.handle: row.name for row in tx.all(_NAMES)}


def by_login(tx: Tx, login: str) -> tuple[Account, str | None] | None:
    """The account of a handle or an e-mail address, with its password's hash."""
    named = (person.c.handle == login) | (person.c.email == login)
    row = tx.first(select(person).where(named & person.c.disabled_at.is_(None)))
    return (_account(row), row.password_hash) if row else None


def set_password_hash(tx: Tx, handle: str, password_hash: str) -> None:
    tx.put(person, handle, {"password_hash": password_hash})


def change_person(tx: Tx, handle: str, **values: Any) -> None:
    load_person(tx, handle)
    tx.put(person, handle, values)


def add_contact(
    tx: Tx, handle: str, channel: Channel, address: str, secret: str | None = None, *, verified: bool = False
) -> ContactMethod:
    method = ContactMethod(
        id=new_id("con"),
        handle=handle,
        channel=channel,
        address=address,
        secret=tx.keys.seal(secret) if secret is not None else None,
        verified_at=tx.now if verified else None,
    )
    tx.add(contact_method, {**vars(method), "created_at": tx.now})
    return method


def remove_contact(tx: Tx, handle: str, contact_id: str) -> None:
    tx.run(delete(contact_method).where((contact_method.c.id == contact_id) & (contact_method.c.handle == handle)))


def contact(tx: Tx, handle: str, contact_id: str) -> ContactMethod:
    of_this = (contact_method.c.id == contact_id) & (contact_method.c.handle == handle)
    row = tx.first(select(contact_method).where(of_this))
    if row is None:
        raise NoSuchContact
    return _contact(row)


def contacts_of(tx: Tx, handle: str) -> list[ContactMethod]:
    return [_contact(row) for row in tx.all(select(contact_method).where(contact_method.c.handle == handle))]


def verified_at_address(tx: Tx, channels: Collection[Channel], address: str) -> list[ContactMethod]:
    """Whose verified contact methods this address is."""
    of_this = contact_method.c.channel.in_(list(channels)) & (contact_method.c.address == address)
    wanted = select(contact_method).where(of_this & contact_method.c.verified_at.is_not(None))
    return [_contact(row) for row in tx.all(wanted)]


def end_contacts(tx: Tx, channel: str, address: str, because: str) -> list[ContactMethod]:
    """Let a contact method count no more at which nothing will ever arrive. Returns those that did until now."""
    of_this = (contact_method.c.channel == channel) & (contact_method.c.address == address)
    found = tx.all(select(contact_method).where(of_this & contact_method.c.ended_at.is_(None)))
    for row in found:
        tx.put(contact_method, row.id, {"verified_at": None, "ended_at": tx.now, "ended_because": because})
    return [_contact(row) for row in found]


def keep_code(tx: Tx, contact_id: str, code: str) -> None:
    """A fresh code for a contact method; one from before is good for nothing any more."""
    tx.run(delete(contact_code).where(contact_code.c.contact_id == contact_id))
    row = {"contact_id": contact_id, "hash": digest(contact_id + code), "sent_at": tx.now, "tries": 0}
    tx.add(contact_code, {**row, "expires_at": tx.now + CODE_LASTS})


def code_sent_at(tx: Tx, contact_id: str) -> datetime | None:
    found: datetime | None = tx.scalar(select(contact_code.c.sent_at).where(contact_code.c.contact_id == contact_id))
    return found


def try_code(tx: Tx, contact_id: str, code: str, most: int) -> bool:
    """Whether this is the code that was sent; each try counts, and after so many none is right."""
    row = tx.first(select(contact_code).where(contact_code.c.contact_id == contact_id))
    if row is None or row.expires_at <= tx.now or row.tries >= most:
        return False
    tx.put(contact_code, contact_id, {"tries": row.tries + 1})
    return bool(row.hash == digest(contact_id + code))


def verify_contact(tx: Tx, contact_id: str) -> None:
    tx.put(contact_method, contact_id, {"verified_at": tx.now})
    tx.run(delete(contact_code).where(contact_code.c.contact_id == contact_id))


def add_rule(tx: Tx, rule: ContactRule) -> None:
    row = {
        "id": rule.id,
        "handle": rule.handle,
        "urgency": rule.urgency,
        "begins": rule.begins.strftime("%H:%M") if rule.begins else None,
        "ends": rule.ends.strftime("%H:%M") if rule.ends else None,
        "steps": [[step.contact_id, step.after // timedelta(seconds=1)] for step in rule.steps],
        "created_at": tx.now,
    }
    tx.add(contact_rule, row)


def remove_rule(tx: Tx, handle: str, rule_id: str) -> None:
    tx.run(delete(contact_rule).where((contact_rule.c.id == rule_id) & (contact_rule.c.handle == handle)))


# What every page asks, put together once: to build a statement takes longer than to run it.
_HANDLES: BindParameter[Any] = bindparam("handles", expanding=True)
_PEOPLE = select(person).order_by(person.c.handle)
_THESE_PEOPLE = _PEOPLE.where(person.c.handle.in_(_HANDLES))
_NAMES = select(person.c.handle, person.c.name).where(person.c.disabled_at.is_(None)).order_by(person.c.handle)
_ABLE = person.c.disabled_at.is_(None) & person.c.handle.in_(_HANDLES)
_RULES = select(contact_rule).where(contact_rule.c.handle.in_(_HANDLES)).order_by("created_at", "id")
_ZONES = select(person.c.handle, person.c.zone).where(person.c.handle.in_(_HANDLES))
_ABLE_HANDLES = select(person.c.handle).where(_ABLE)
_CONTACTS = select(contact_method).where(contact_method.c.handle.in_(_ABLE_HANDLES)).order_by("created_at")
_ADDRESSES = select(person.c.handle, person.c.email).where(_ABLE & person.c.email.is_not(None))


def rules(tx: Tx, handles: Collection[str]) -> dict[str, list[ContactRule]]:
    """The rules of each of these people, in the order in which they were made."""
    found: dict[str, list[ContactRule]] = {handle: [] for handle in handles}
    for row in tx.all(_RULES, {"handles": list(found)}) if found else ():
        found[row.handle].append(_rule(row))
    return found


def _rule(row: Row[Any]) -> ContactRule:
    return ContactRule(
        id=row.id,
        handle=row.handle,
        urgency=Urgency(row.urgency),
        begins=time.fromisoformat(row.begins) if row.begins else None,
        ends=time.fromisoformat(row.ends) if row.ends else None,
        steps=tuple(RuleStep(contact_id=one, after=timedelta(seconds=after)) for one, after in row.steps),
    )


def zones(tx: Tx, handles: Collection[str]) -> dict[str, str]:
    """In which zone each of these people lives."""
    return {row.handle: row.zone for row in tx.all(_ZONES, {"handles": list(handles)})} if handles else {}


def contacts(tx: Tx, handles: Collection[str]) -> dict[str, list[ContactMethod]]:
    """Where each of these people is reached, in the order in which it was entered; the disabled are reached nowhere."""
    found: dict[str, list[ContactMethod]] = {handle: [] for handle in handles}
    for row in tx.all(_CONTACTS, {"handles": list(found)}) if found else ():
        found[row.handle].append(_contact(row))
    return found


_NOBODY_IN_PARTICULAR = Seen()


def open_session(tx: Tx, handle: str, seen: Seen = _NOBODY_IN_PARTICULAR) -> str:
    """Begin a session; the secret goes into the cookie, its hash into the database."""
    tx.put(person, handle, {"signed_in_at": tx.now})
    return _issue(tx, session, handle, SESSION_LASTS, SESSION_MARK, used_at=tx.now, proven_at=tx.now, **vars(seen))


def renew_session(tx: Tx, secret: str) -> str:
    """Give a session another secret, once more can be done with it; the one before is good for nothing any more."""
    fresh = SESSION_MARK + new_secret()
    if not tx.run(session.update().where(session.c.hash == digest(secret)).values(hash=digest(fresh))).rowcount:
        raise NoSuchSession
    return fresh


def prove_session(tx: Tx, secret: str) -> str:
    """Whoever has this session has proven who they are; it gets another secret. Returns that."""
    fresh = renew_session(tx, secret)
    tx.run(session.update().where(session.c.hash == digest(fresh)).values(proven_at=tx.now))
    return fresh


def session_accounts(tx: Tx, secrets: Collection[str]) -> dict[str, Account | None]:
    """Whose session each of these is; None where it is over."""
    hashes = {digest(secret): secret for secret in secrets}
    rows = tx.all(_OF_SESSIONS, {"hashes": [*hashes], "now": tx.now, "idle_since": tx.now - SESSION_IDLE})
    return dict.fromkeys(secrets) | {hashes[row.hash]: _account(row) for row in rows}


def signed_in(tx: Tx, secret: str) -> tuple[Account, Session] | None:
    """Whose session this is, and the session; None where it is over."""
    row = tx.first(_SIGNED_IN, {"hashes": [digest(secret)], "now": tx.now, "idle_since": tx.now - SESSION_IDLE})
    return (_account(row), _session(row)) if row else None


def used_at(table: Table) -> ColumnElement[Any]:
    return func.coalesce(table.c.used_at, table.c.created_at, type_=Instant)


_BESIDE = (session.c.created_at.label("begun_at"), *session.c["used_at", "proven_at", "way", "browser", "source"])
_SESSIONS = select(session.c.hash, session.c.handle, *_BESIDE)
_SESSION = _SESSIONS.where(session.c.hash == bindparam("hash"))
_OF_SESSIONS = (
    select(session.c.hash, *person.c)
    .join(person, session.c.handle == person.c.handle)
    .where(session.c.hash.in_(bindparam("hashes", expanding=True)), person.c.disabled_at.is_(None))
    .where(session.c.expires_at > bindparam("now", type_=Instant))
    .where(used_at(session) > bindparam("idle_since", type_=Instant))
)
_SIGNED_IN = _OF_SESSIONS.add_columns(*_BESIDE)


def session_of(tx: Tx, secret: str) -> Session | None:
    row = tx.first(_SESSION, {"hash": digest(secret)})
    return _session(row) if row else None


def note_use(tx: Tx, secret: str) -> None:
    tx.run(session.update().where(session.c.hash == digest(secret)).values(used_at=tx.now))


def sessions(tx: Tx, handle: str) -> list[Session]:
    """Where a person is signed in; what was used last stands first."""
    live = (session.c.handle == handle) & (session.c.expires_at > tx.now) & (used_at(session) > tx.now - SESSION_IDLE)
    return [_session(row) for row in tx.all(_SESSIONS.where(live).order_by(used_at(session).desc()))]


def end_session(tx: Tx, secret: str) -> None:
    tx.run(delete(session).where(session.c.hash == digest(secret)))


def end_session_by_id(tx: Tx, handle: str, session_id: str) -> None:
    of_these = (session.c.handle == handle) & session.c.hash.startswith(
        session_id.removeprefix("ses_"), autoescape=True
    )
    if len(session_id) != _SESSION_ID or not tx.run(delete(session).where(of_these)).rowcount:
        raise NoSuchSession


def end_sessions_of(tx: Tx, handle: str, but: str = "") -> int:
    """End all of them, or all but the one with this secret. Returns how many."""
    others = (session.c.handle == handle) & (session.c.hash != digest(but))
    return tx.run(delete(session).where(others)).rowcount


_SESSION_ID = len("ses_") + 16


def _session(row: Row[Any]) -> Session:
    return Session(
        id=f"ses_{row.hash[:16]}",
        handle=row.handle,
        begun_at=row.begun_at,
        used_at=row.used_at or row.begun_at,
        proven_at=row.proven_at or row.begun_at,
        seen=Seen(way=row.way or "", browser=row.browser or "", source=row.source or ""),
    )


def issue_signin_link(tx: Tx, handle: str) -> str:
    load_person(tx, handle)
    return _issue(tx, signin_link, handle, LINK_LASTS)


def signin_link_account(tx: Tx, secret: str) -> Account | None:
    """Whom this link would sign in; looking does not use it up."""
    unused = (signin_link.c.hash == digest(secret)) & (signin_link.c.expires_at > tx.now)
    theirs = select(person).join(signin_link, signin_link.c.handle == person.c.handle)
    row = tx.first(theirs.where(unused & person.c.disabled_at.is_(None)))
    return _account(row) if row else None


def use_signin_link(tx: Tx, secret: str) -> Account | None:
    """Use a link up. The first caller gets the account, everyone after gets None."""
    account = signin_link_account(tx, secret)
    used = tx.run(delete(signin_link).where(signin_link.c.hash == digest(secret))).rowcount == 1
    return account if used else None


def add_token(
    tx: Tx, name: str, rights: frozenset[str], *, lasts: timedelta | None, owner: str | None = None
) -> tuple[Token, str]:
    """Make a token; its secret is shown this once. One that only sends signals has the shape of a routing key."""
    secret = new_key() if rights == frozenset({"signals:write"}) else "tcs_" + new_secret()
    row = {
        "id": new_id("tok"),
        "name": name,
        "hash": digest(secret),
        "rights": sorted(rights),
        "created_by": tx.actor.handle,
        "created_at": tx.now,
        "expires_at": tx.now + lasts if lasts else None,
        "revoked_at": None,
        "person": owner,
    }
    tx.add(token, row)
    made = live_token(tx, secret)
    assert made is not None  # noqa: S101 - written in this very unit of work
    return made, secret


def tokens(tx: Tx) -> list[Token]:
    return [_token(row) for row in tx.all(select(token).order_by(token.c.created_at))]


def live_token(tx: Tx, secret: str) -> Token | None:
    """The token with this secret, unless it is revoked or has expired.

    A person's token gives no more than the person has now, and nothing once the account is disabled.
    """
    row = tx.first(select(token).where((token.c.hash == digest(secret)) & token.c.revoked_at.is_(None)))
    if row is None or (row.expires_at and row.expires_at <= tx.now):
        return None
    live = _token(row)
    return live if live.person is None else _within(live, load_person(tx, live.person))


def _within(live: Token, owner: Account) -> Token | None:
    if owner.disabled_at is not None:
        return None
    allowed = access.RIGHTS[owner.role]
    return live if "*" in allowed else replace(live, rights=live.rights & allowed)


def revoke_token(tx: Tx, token_id: str) -> None:
    known = (token.c.id == token_id) & token.c.revoked_at.is_(None)
    if not tx.run(token.update().where(known).values(revoked_at=tx.now)).rowcount:
        raise NoSuchToken(f"There is no live token {token_id}.")


def forget_expired(tx: Tx) -> None:
    for table in (session, signin_link):
        tx.run(delete(table).where(table.c.expires_at <= tx.now))
    tx.run(delete(session).where(used_at(session) <= tx.now - SESSION_IDLE))


def _issue(tx: Tx, table: Table, handle: str, lasts: timedelta, mark: str = "", **more: object) -> str:
    secret = mark + new_secret()
    row = {"hash": digest(secret), "handle": handle, "created_at": tx.now, "expires_at": tx.now + lasts}
    tx.add(table, {**row, **more})
    return secret


def _account(row: Row[Any]) -> Account:
    plain = {name: getattr(row, name) for name in _AS_IT_STANDS}
    return made(Account, {**plain, "role": _ROLES[row.role], "has_password": row.password_hash is not None})


_AS_IT_STANDS = ("handle", "name", "email", "created_at", "disabled_at", "signed_in_at", "zone")
_ROLES = {one.value: one for one in AccountRole}


def _contact(row: Row[Any]) -> ContactMethod:
    return ContactMethod(
        id=row.id,
        handle=row.handle,
        channel=Channel(row.channel),
        address=row.address,
        secret=row.secret,
        verified_at=row.verified_at,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
    )


def _token(row: Row[Any]) -> Token:
    plain = ("id", "name", "created_by", "created_at", "expires_at", "revoked_at", "person")
    return Token(**{name: row._mapping[name] for name in plain}, rights=frozenset(row.rights))


def addresses(tx: Tx, handles: Collection[str]) -> dict[str, str]:
    """The e-mail addresses of those of these people who have one and are not disabled."""
    rows = tx.all(_ADDRESSES, {"handles": list(handles)}) if handles else ()
    found = {row.handle: row.email for row in rows}
    return {handle: found[handle] for handle in handles if handle in found}


def reachable(tx: Tx, handles: Collection[str]) -> frozenset[str]:
    """Those of these people whom a page would reach: by a verified contact method, or at the account's address."""
    methods = contacts(tx, handles)
    verified = frozenset(handle for handle in methods if any(one.verified_at for one in methods[handle]))
    return verified | frozenset(addresses(tx, handles))


# ---- Who people are in a chat ----------------------------------------------------------------------------------------


def chat_accounts(tx: Tx, provider: str) -> dict[str, tuple[str, bool]]:
    """Who people are there, by handle, and whether a person said so; the disabled are nobody."""
    able = select(person.c.handle).where(person.c.disabled_at.is_(None))
    wanted = select(chat_account).where((chat_account.c.provider == provider) & chat_account.c.handle.in_(able))
    return {row.handle: (row.account, row.entered) for row in tx.all(wanted.order_by(chat_account.c.handle))}


def keep_chat_account(tx: Tx, provider: str, handle: str, account: str, *, entered: bool) -> None:
    forget_chat_account(tx, provider, handle)
    row = {"provider": provider, "handle": handle, "account": account, "entered": entered, "created_at": tx.now}
    tx.run(chat_account.insert().values(row))


def forget_chat_account(tx: Tx, provider: str, handle: str) -> None:
    known = (chat_account.c.provider == provider) & (chat_account.c.handle == handle)
    tx.run(delete(chat_account).where(known))
