"""Letting people in: invitations, passwords, contact methods, tokens."""

import functools
import re
import threading
from datetime import timedelta
from urllib.parse import urlsplit

from pwdlib import PasswordHash

from tocsin.db.engine import Tx
from tocsin.kit.errors import Forbidden, Invalid
from tocsin.kit.ids import new_secret
from tocsin.kit.text import listed
from tocsin.people import access, store
from tocsin.people.model import Account, AccountRole, Channel, ContactMethod, Token

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_HANDLE = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_CHAT_ACCOUNT = {"slack": re.compile(r"[UW][A-Z0-9]{2,}")}
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")

# Each hash takes 64 MiB: a burst of sign-ins must not take all memory.
_hashing = threading.Semaphore(2)
_hasher = PasswordHash.recommended()


class WrongPassword(Forbidden):
    """The name and the password do not belong together."""


def invite(tx: Tx, handle: str, *, name: str, email: str | None, role: AccountRole) -> str:
    """Make an account, or complete the one that the plan brought; returns the secret of a one-time sign-in link."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    if not _HANDLE.fullmatch(handle):
        raise Invalid("A handle is up to 40 lower-case letters, digits, dots and dashes.", field="handle")
    if email is not None:
        check_email(email)
    access.require_grant(tx.actor, access.RIGHTS[role])
    if handle in {account.handle for account in store.people(tx)}:
        known = store.load_person(tx, handle)
        access.require_grant(tx.actor, access.RIGHTS[known.role])
        store.change_person(tx, handle, name=name or known.name, email=email or known.email, role=role)
    else:
        store.add_person(tx, handle, name=name or handle, email=email, role=role)
    return store.issue_signin_link(tx, handle)


def first_link(tx: Tx, handle: str) -> str | None:
    """The way into an installation that nobody can administer yet: a link for this person, as administrator."""
    if any(account.role is AccountRole.ADMINISTRATOR for account in store.people(tx)):
        return None
    store.change_person(tx, handle, role=AccountRole.ADMINISTRATOR)
    return store.issue_signin_link(tx, handle)


def signin_link(tx: Tx, handle: str) -> str:
    """A fresh one-time link for an account."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    access.require_grant(tx.actor, access.RIGHTS[store.load_person(tx, handle).role])
    return store.issue_signin_link(tx, handle)


def verified(found: tuple[Account, str | None] | None, password: str) -> Account:
    """The account, if the password is its own. Takes the same time whether or not there is such an account.

    Hashing is slow on purpose, so this is called with no unit of work open.
    """
    kept = found[1] if found and found[1] else _nobodys_hash()
    with _hashing:
        right = _hasher.verify(password[:LONGEST_PASSWORD], kept)
    if not right or found is None or found[1] is None:
        raise WrongPassword
    return found[0]


@functools.cache
def _nobodys_hash() -> str:
    """What a password is held against where there is no account, so that the answer takes as long."""
    return _hasher.hash(new_secret())


def password_hash(password: str) -> str:
    """The form in which a password is kept. Raises Invalid for one that is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(f"A password has at least {SHORTEST_PASSWORD} characters.", field="password")
    with _hashing:
        return _hasher.hash(password)


def set_password(tx: Tx, handle: str, hashed: str) -> None:
    """Set one's own password, by its hash, and end every session that was open under the old one."""
    _own(tx, handle)
    store.set_password_hash(tx, handle, hashed)
    store.end_sessions_of(tx, handle)


def add_contact(tx: Tx, handle: str, channel: Channel, address: str) -> ContactMethod:
    """Add a way to page a person. A webhook gets a secret with which each call is signed."""
    _own(tx, handle)
    store.load_person(tx, handle)
    if channel is Channel.EMAIL:
        check_email(address)
        return store.add_contact(tx, handle, channel, address)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("A webhook's address begins with https://.", field="address")
    return store.add_contact(tx, handle, channel, address, secret=new_secret())


def remove_contact(tx: Tx, handle: str, contact_id: str) -> None:
    _own(tx, handle)
    store.remove_contact(tx, handle, contact_id)


def set_chat_account(tx: Tx, provider: str, handle: str, account: str) -> None:
    """Say who a person is in a chat, whatever their address there says."""
    _own(tx, handle)
    store.load_person(tx, handle)
    if not _CHAT_ACCOUNT[provider].fullmatch(account):
        raise Invalid(
            f"'{account}' is no member ID; in Slack it is on a person's profile, like U024BE7LH.", field="account"
        )
    store.keep_chat_account(tx, provider, handle, account, entered=True)


def forget_chat_account(tx: Tx, provider: str, handle: str) -> None:
    """From here on they are found by the address of their account again."""
    _own(tx, handle)
    store.load_person(tx, handle)
    store.forget_chat_account(tx, provider, handle)


def make_token(
    tx: Tx, name: str, rights: frozenset[str], lasts: timedelta | None, owner: str | None = None
) -> tuple[Token, str]:
    """Make a token of the API, for a program or for a person; the second value is its secret, shown this once."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    if owner is not None:
        _own(tx, owner)
    if not name.strip():
        raise Invalid("Name the token after what will use it.", field="name")
    unknown = rights - access.EVERY_SCOPE
    if unknown or not rights:
        raise Invalid(f"A token's scopes are among {listed(sorted(access.EVERY_SCOPE))}.", field="scopes")
    access.require_grant(tx.actor, rights)
    if access.BREAK_GLASS in rights and (owner is None or not store.is_administrator(tx, owner)):
        raise Invalid(f"Only a token that acts as an administrator may have {access.BREAK_GLASS}.", field="person")
    return store.add_token(tx, name.strip(), rights, lasts=lasts, owner=owner)


def revoke_token(tx: Tx, token_id: str) -> None:
    access.require(tx.actor, access.PEOPLE_WRITE)
    store.revoke_token(tx, token_id)


def check_email(address: str) -> None:
    if not _EMAIL.fullmatch(address):
        raise Invalid(f"'{address}' is not an e-mail address.", field="email")


def _own(tx: Tx, handle: str) -> None:
    """Oneself, or whoever may change people and could do anyway all that this person can."""
    if tx.actor.handle != handle:
        access.require(tx.actor, access.PEOPLE_WRITE)
        access.require_grant(tx.actor, access.RIGHTS[store.load_person(tx, handle).role])
