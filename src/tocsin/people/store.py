"""Accounts, how each person is reached, and who they are in a chat. Secrets are kept as hashes only."""

import hashlib
from collections.abc import Collection
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    Column,
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
from tocsin.db.engine import Overtaken, Tx
from tocsin.kit.errors import NotFound, Refused
from tocsin.kit.frozen import made
from tocsin.kit.ids import new_id
from tocsin.people.model import (
    Account,
    AccountRole,
    Channel,
    ContactMethod,
    ContactRule,
    RuleStep,
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


chat_account = Table(
    "chat_account",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("handle", Text, primary_key=True),
    Column("account", Text),
    Column("entered", Boolean),  # by a person, and not found by the address
    Column("created_at", Instant),
)

CODE_LASTS = timedelta(minutes=15)


class NoSuchPerson(NotFound):
    """There is no account of that name."""


class PersonExists(Refused):
    """There is an account of that name already."""


class NoSuchContact(NotFound):
    """There is no such contact method."""


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
    return account_of(row) if row else None


def lock_person(tx: Tx, handle: str) -> str | None:
    """Let nobody else change this account until this unit of work ends. Returns the hash of its password."""
    wanted = select(person.c.password_hash).where(person.c.handle == handle)
    found: str | None = tx.scalar(wanted.with_for_update())
    return found


def is_administrator(tx: Tx, handle: str) -> bool:
    return load_person(tx, handle).role is AccountRole.ADMINISTRATOR


def people(tx: Tx, handles: Collection[str] | None = None) -> list[Account]:
    """All accounts, or those of these people."""
    rows = tx.all(_PEOPLE) if handles is None else tx.all(_THESE_PEOPLE, {"handles": list(handles)})
    return [account_of(row) for row in rows]


def lock_administrators(tx: Tx) -> list[str]:
    """The handles of those administrators who can come in, whom nobody else changes until this unit of work ends: of
    two who lower each other in one instant, the second sees what the first has done."""
    can_come = (person.c.role == AccountRole.ADMINISTRATOR) & person.c.disabled_at.is_(None)
    wanted = select(person.c.handle).where(can_come).order_by(person.c.handle).with_for_update()
    return [str(row.handle) for row in tx.all(wanted)]


def names(tx: Tx) -> dict[str, str]:
    """What everybody is called whose account is not disabled."""
    return {row.handle: row.name for row in tx.all(_NAMES)}


def by_login(tx: Tx, login: str) -> tuple[Account, str | None] | None:
    """The account of a handle or an e-mail address, however its letters are written, with its password's hash."""
    plain = login.lower()
    by_handle = person.c.handle.in_([login, plain])
    named = by_handle | (person.c.email == login) | (func.lower(person.c.email) == plain)
    row = tx.first(select(person).where(named & person.c.disabled_at.is_(None)).order_by(by_handle.desc()))
    return (account_of(row), row.password_hash) if row else None


def at_address(tx: Tx, email: str) -> list[str]:
    """The handles of the accounts that have this address, in capitals or not."""
    rows = tx.all(select(person.c.handle, person.c.email).where(person.c.email.is_not(None)).order_by(person.c.handle))
    return [str(row.handle) for row in rows if _small(row.email) == _small(email)]


def _small(address: str) -> str:
    """In small letters, as far as they are of ASCII: databases differ about the others, and to Python the sign of the
    kelvin is a k, so that whoever has an address with that would come in as somebody else."""
    return "".join(one.lower() if one.isascii() else one for one in address)


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


def replace_contact(tx: Tx, contact_id: str, address: str, secret: str) -> None:
    """Reach somebody by the same contact method at another address."""
    tx.put(contact_method, contact_id, {"address": address, "secret": tx.keys.seal(secret)})


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
    same = (contact_code.c.contact_id == contact_id) & (contact_code.c.tries == row.tries)
    if not tx.run(contact_code.update().where(same).values(tries=row.tries + 1)).rowcount:
        raise Overtaken  # else a hundred at once would be one
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


def account_of(row: Row[Any]) -> Account:
    """A row of the whole table as an account."""
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
