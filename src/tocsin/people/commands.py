"""Letting people in: invitations, passwords, contact methods and the rules about them, tokens."""

import functools
import re
import secrets
import threading
from collections.abc import Sequence
from datetime import time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pwdlib import PasswordHash

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import SECRET_HERE, SIGN_IN_LINK
from tocsin.kit.errors import Forbidden, Invalid, Refused
from tocsin.kit.ids import new_id, new_secret
from tocsin.kit.text import harmless, listed
from tocsin.people import access, addresses, guessing, secretive, sessions, store, tokens
from tocsin.people.model import (
    Account,
    AccountRole,
    Channel,
    ContactMethod,
    ContactRule,
    RuleStep,
    Token,
    Urgency,
)

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
MOST_CONTACTS = 20
MOST_RULES = 20
MOST_TRIES = 5  # at a code, before another must be sent
CODE_EVERY = timedelta(seconds=30)
LATEST_STEP = timedelta(hours=2)
VERIFICATION = "verification"  # what a message is for that brings a code
NAME_MOST = 200
_HANDLE = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_CHAT_ACCOUNT = {"slack": re.compile(r"[UW][A-Z0-9]{2,}")}

# Each hash takes 64 MiB: a burst of sign-ins must not take all memory.
_hashing = threading.Semaphore(2)
_hasher = PasswordHash.recommended()


class WrongPassword(Forbidden):
    """The name and the password do not belong together."""


class WrongCode(Refused):
    """This is not the code, or it is too old. Have another one sent."""


class TooSoon(Refused):
    """A code has just been sent. Wait half a minute before you ask for another."""


class TooMany(Refused):
    """There are as many as there may be; remove one first."""


class Needed(Refused):
    """Somebody must be left who can change people."""


class IsDisabled(Refused):
    """The account is disabled; enable it first."""


class NotMailed(Refused):
    """The link can't be mailed."""


class IsGone(Refused):
    """Whoever this would be given to can't come in, and nothing reaches them."""


def invite(tx: Tx, handle: str, *, name: str, email: str | None, role: AccountRole | None = None) -> str:
    """Make an account, or complete the one that the plan brought; returns the secret of a one-time sign-in link.

    Without a role an account keeps its own, and a new one is a responder's.
    """
    known = store.find_person(tx, handle)
    role = role or (known.role if known else AccountRole.RESPONDER)
    access.require_invitation(tx.actor, role, known)
    if not _HANDLE.fullmatch(handle):
        raise Invalid("A handle is up to 40 lower-case letters, digits, dots and dashes.", field="handle")
    if email is not None:
        _check_address(tx, handle, email)
    name = _bounded(name)
    if known:
        _need_enabled(known)
        if role is not AccountRole.ADMINISTRATOR:
            _need_another_administrator(tx, known)
        _change(tx, known, name=name or known.name, email=email or known.email, role=role)
    else:
        store.add_person(tx, handle, name=name or handle, email=email, role=role)
        audit.record(tx, Deed.ACCOUNT_MADE, handle, role)
    return _link(tx, handle, _lasts(known))


def _check_address(tx: Tx, handle: str, email: str) -> None:
    """An address leads to one account, by a password and by the word of a provider."""
    addresses.check_email(email)
    store.lock_administrators(tx)  # who invites at this moment waits here, and then finds the address taken
    if others := [one for one in store.at_address(tx, email) if one != handle]:
        raise Invalid(f"{listed(others)} has this address already; each account has one of its own.", field="email")


def _need_another_administrator(tx: Tx, known: Account) -> None:
    if known.role is not AccountRole.ADMINISTRATOR:
        return
    if not set(store.lock_administrators(tx)) - {known.handle}:
        raise Needed(f"{known.handle} is the only administrator; make somebody else one first.")


def _bounded(name: str) -> str:
    """A name as one line: it stands in mails and beside what somebody did, and must look like neither less nor more."""
    called = " ".join(name.split())
    if len(called) > NAME_MOST:
        raise Invalid(f"A name has at most {NAME_MOST} characters.", field="name")
    if harmless(called) != called or (called and not any(one.isprintable() and one != " " for one in called)):
        raise Invalid(
            "A name is made of letters that can be seen: leave out control characters, and those that turn the order "
            "in which others are read.",
            field="name",
        )
    return called


def _change(tx: Tx, known: Account, *, name: str, email: str | None, role: AccountRole) -> None:
    store.change_person(tx, known.handle, name=name, email=email, role=role)
    if (name, email) != (known.name, known.email):
        audit.record(tx, Deed.ACCOUNT_CHANGED, known.handle, f"{name} {email or 'without an address'}")
    if role is not known.role:
        audit.record(tx, Deed.ROLE_CHANGED, known.handle, f"{known.role} to {role}")


def _lasts(known: Account | None) -> timedelta:
    """How long a link is good for: one that opens an account which somebody uses, no longer than it must be."""
    return sessions.LINK_LASTS if known and known.signed_in_at else sessions.INVITATION_LASTS


def _link(tx: Tx, handle: str, lasts: timedelta) -> str:
    audit.record(tx, Deed.LINK_MADE, handle)
    return sessions.issue_link(tx, handle, lasts)


def first_link(tx: Tx, handle: str) -> str | None:
    """The way into an installation that nobody can administer yet: a link for this person, as administrator."""
    if any(account.role is AccountRole.ADMINISTRATOR for account in store.people(tx)):
        return None
    known = store.load_person(tx, handle)
    _change(tx, known, name=known.name, email=known.email, role=AccountRole.ADMINISTRATOR)
    return _link(tx, handle, sessions.LINK_LASTS)


def signin_link(tx: Tx, handle: str) -> str:
    """A fresh one-time link for an account."""
    if not tx.actor.may(access.PEOPLE_INVITE):
        access.require(tx.actor, access.PEOPLE_WRITE)
    known = store.load_person(tx, handle)
    access.require_invitation(tx.actor, known.role, known)
    _need_enabled(known)
    return _link(tx, handle, _lasts(known))


def mail_link(tx: Tx, handle: str, secret: str, *, has_mail: bool) -> None:
    """Mail somebody the link with this secret, which was just made: it stays sealed until the mail leaves.

    `has_mail` is whether this installation sends any. Raises NotMailed.
    """
    known = store.load_person(tx, handle)
    if not has_mail:
        raise NotMailed("This installation sends no mail: set TOCSIN_SMTP_URL, or hand the link over yourself.")
    if not known.email:
        raise NotMailed(f"{known.name} has no address: enter it, or hand the link over yourself.")
    until = sessions.unused_links(tx)[handle]
    inviter = store.find_person(tx, tx.actor.handle)
    by = " ".join(inviter.name.split()) if inviter else "Whoever runs it"  # names of before may have several lines
    outbox.queue(
        tx,
        dedup_key=outbox.unique(f"invitation-{handle}"),
        channel=Channel.EMAIL,
        address=known.email,
        subject="Your way in to Tocsin",
        body=f"{by} lets you in to Tocsin at {kept.link(tx, '/')}\n\n"
        f"Sign in with this link. It works once, until {until:%A %d %B, %H:%M} UTC:\n\n"
        f"{kept.link(tx, f'/signin/{SECRET_HERE}')}\n\nIf you did not expect this, do nothing.\n",
        person=handle,
        audience=SIGN_IN_LINK,
        secret=tx.keys.seal(secret),
    )
    audit.record(tx, Deed.LINK_MAILED, handle, known.email)


# ---- Who has left ----


def disable(tx: Tx, handle: str) -> None:
    """Let somebody in no more, by nothing that they have, and page them nowhere; the records keep their name."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    own(tx, handle)
    known = store.load_person(tx, handle)
    _need_enabled(known)
    if tx.actor.handle == handle and tx.actor.source != access.THIS_MACHINE:
        raise Needed("You can't disable your own account; ask another administrator.")
    _need_another_administrator(tx, known)
    store.change_person(tx, handle, disabled_at=tx.now)
    sessions.end_all(tx, handle)
    sessions.drop_links(tx, handle)
    audit.record(tx, Deed.ACCOUNT_DISABLED, handle)


def enable(tx: Tx, handle: str) -> None:
    """Let them in again, by what they have: the password, second factor, passkeys, contact methods and tokens."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    own(tx, handle)
    if store.load_person(tx, handle).disabled_at is None:
        raise Refused(f"The account of {handle} is not disabled.")
    store.change_person(tx, handle, disabled_at=None)
    audit.record(tx, Deed.ACCOUNT_ENABLED, handle)


def _need_enabled(known: Account) -> None:
    if known.disabled_at is not None:
        raise IsDisabled(f"The account of {known.handle} is disabled; enable it first.")


def require_present(tx: Tx, handle: str) -> None:
    """Nothing is laid on whoever can't come in: it would be owed by nobody. Raises IsGone."""
    known = store.find_person(tx, handle)
    if known and known.disabled_at is not None:
        raise IsGone(f"The account of {known.name} is disabled: nothing reaches them. Choose somebody else.")


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


def password_hash(password: str, about: Sequence[str] = ()) -> str:
    """The form in which a password is kept. Raises Invalid for one that is too short, too long or tried first by
    whoever guesses, who knows as well what it is `about`: the person's handle, name and address, our host, the plan."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        bound = f"at least {SHORTEST_PASSWORD}" if len(password) < SHORTEST_PASSWORD else f"at most {LONGEST_PASSWORD}"
        raise Invalid(f"A password has {bound} characters.", field="password")
    if guessing.is_guessable(password, about):
        raise Invalid(
            "This is among the first that somebody would guess: it is little more than common words, your own name or "
            "that of this server or its plan, a year or a row of keys. Four words with nothing to do with each other "
            "are good.",
            field="password",
        )
    with _hashing:
        return _hasher.hash(password)


def set_password(tx: Tx, handle: str, hashed: str, session: str = "") -> None:
    """Set one's own password, by its hash, and end every session that was open under the old one but this, and every
    link that nobody has used."""
    own(tx, handle)
    store.set_password_hash(tx, handle, hashed)
    sessions.end_all(tx, handle, but=session)
    sessions.drop_links(tx, handle)
    audit.record(tx, Deed.PASSWORD_SET, handle)


# ---- Contact methods ----


def add_contact(tx: Tx, handle: str, channel: Channel, address: str, name: str = "") -> ContactMethod:
    """Add a way to page a person, and send a code there: it counts once the person has typed that in.

    The account's own address needs no code. A web address gets a secret with which each call is signed. `name` tells
    two addresses apart of which little is shown.
    """
    own(tx, handle)
    account = store.load_person(tx, handle)
    if len(store.contacts(tx, [handle])[handle]) >= MOST_CONTACTS:
        raise TooMany
    kept_as, secret = addresses.checked(channel, address)
    if secret is not None and secret in {tx.keys.shown(one.secret) for one in store.contacts(tx, [handle])[handle]}:
        raise Refused("This is one of your contact methods already; remove it there before you add it again.")
    known = channel is Channel.EMAIL and kept_as == account.email
    kept_as = addresses.named(name, kept_as)
    method = store.add_contact(tx, handle, channel, kept_as, secret, verified=known)
    audit.record(tx, Deed.CONTACT_ADDED, handle, addresses.in_the_log(channel, kept_as))
    if not known:
        _send_code(tx, method)
    return method


def follow_browser(tx: Tx, handle: str, before: str, subscription: str) -> ContactMethod:
    """Push to a browser of this person at its new subscription, in place of the one at the address `before`.

    It counts as it did: whoever may say so is signed in as its owner and knows the address, which is shown nowhere.
    """
    own(tx, handle)
    browsers = [one for one in store.contacts_of(tx, handle) if one.channel is Channel.PUSH and one.ended_at is None]
    known = {one: tx.keys.shown(one.secret) for one in browsers}
    method = next((one for one, secret in known.items() if secretive.endpoint(secret) == before), None)
    if method is None:
        raise store.NoSuchContact
    address, secret = secretive.subscription(subscription)
    if secret in known.values():
        return method
    address = addresses.named(addresses.name_of(method.address), address)
    store.replace_contact(tx, method.id, address, secret)
    audit.record(tx, Deed.CONTACT_RENEWED, handle, addresses.in_the_log(method.channel, address))
    now = store.contact(tx, handle, method.id)
    if now.verified_at is None:
        _send_code(tx, now)
    return now


def send_code(tx: Tx, handle: str, contact_id: str) -> ContactMethod:
    """Send a fresh code to a contact method that is not verified yet."""
    own(tx, handle)
    method = store.contact(tx, handle, contact_id)
    if method.verified_at is not None:
        raise Refused("This contact method is verified already.")
    if method.ended_at is not None:
        raise Refused(f"This contact method has ended ({method.ended_because}); remove it, and add it anew.")
    sent_at = store.code_sent_at(tx, contact_id)
    if sent_at is not None and tx.now - sent_at < CODE_EVERY:
        raise TooSoon
    _send_code(tx, method)
    return method


def _send_code(tx: Tx, method: ContactMethod) -> None:
    code = f"{secrets.randbelow(1_000_000):06}"
    store.keep_code(tx, method.id, code)
    link = kept.link(tx, f"/me?verify={method.id}&code={code}#contacts")
    minutes = store.CODE_LASTS // timedelta(minutes=1)
    text = f"Your Tocsin code is {code}. Type it in within {minutes} minutes; until then you are not paged here."
    spoken = " ".join(code) if method.channel is Channel.VOICE else code
    about = {"type": "contact.verification", "timestamp": tx.now, "data": {"code": code, "link": link}}
    outbox.queue(
        tx,
        dedup_key=f"{method.id}-{new_id('code')}",
        channel=method.channel,
        address=method.address,
        subject=f"Your Tocsin code is {spoken}",
        body=msgspec.json.encode(about).decode() if method.channel is Channel.WEBHOOK else f"{text}\n\n{link}\n",
        person=method.handle,
        audience=VERIFICATION,
        secret=method.secret,
    )


def verify_contact(tx: Tx, handle: str, contact_id: str, code: str) -> bool:
    """Try the code that was sent. Returns whether it is right; a wrong one counts, and must be kept as a try."""
    own(tx, handle)
    method = store.contact(tx, handle, contact_id)
    if method.verified_at is None:
        if method.ended_at is not None or not store.try_code(tx, contact_id, code.strip().replace(" ", ""), MOST_TRIES):
            return False
        store.verify_contact(tx, contact_id)
        audit.record(tx, Deed.CONTACT_VERIFIED, handle, addresses.in_the_log(method.channel, method.address))
    return True


def remove_contact(tx: Tx, handle: str, contact_id: str) -> None:
    own(tx, handle)
    known = [one for one in store.contacts_of(tx, handle) if one.id == contact_id]
    store.remove_contact(tx, handle, contact_id)
    for one in known:
        audit.record(tx, Deed.CONTACT_REMOVED, handle, addresses.in_the_log(one.channel, one.address))


def set_zone(tx: Tx, handle: str, zone: str) -> None:
    """Where a person lives: their hours are read on a clock there."""
    own(tx, handle)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"'{zone}' is not a time zone; write it like Europe/Berlin or UTC.", field="zone") from None
    store.change_person(tx, handle, zone=zone)
    audit.record(tx, Deed.ZONE_SET, handle, zone)


def add_rule(
    tx: Tx,
    handle: str,
    urgency: Urgency,
    steps: Sequence[tuple[str, timedelta]],
    begins: time | None = None,
    ends: time | None = None,
) -> ContactRule:
    """Say how one is paged: by which contact methods, each so long after the page. Without any: quiet hours."""
    own(tx, handle)
    if len(store.rules(tx, [handle])[handle]) >= MOST_RULES:
        raise TooMany
    if (begins is None) != (ends is None) or (begins is not None and begins == ends):
        raise Invalid("Say when the hours begin and when they end, or neither.", field="begins")
    _check_steps(urgency, steps, has_hours=begins is not None)
    known = {one.id for one in store.contacts(tx, [handle])[handle]}
    if unknown := [one for one, _ in steps if one not in known]:
        raise store.NoSuchContact(f"There is no contact method {unknown[0]}.")
    rule = ContactRule(
        id=new_id("rul"),
        handle=handle,
        urgency=urgency,
        begins=begins,
        ends=ends,
        steps=tuple(RuleStep(contact_id=one, after=after) for one, after in steps),
    )
    store.add_rule(tx, rule)
    audit.record(tx, Deed.RULE_ADDED, handle, f"{rule.id}, {urgency} urgency")
    return rule


def _check_steps(urgency: Urgency, steps: Sequence[tuple[str, timedelta]], *, has_hours: bool) -> None:
    if not steps and (urgency is Urgency.HIGH or not has_hours):
        raise Invalid("Only what is not urgent can be quiet, and only between two times of the day.", field="steps")
    afters = [after for _, after in steps]
    if steps and min(afters) != timedelta(0):
        raise Invalid("The first contact method is used at once, after 0 minutes.", field="steps")
    if any(not timedelta(0) <= after <= LATEST_STEP for after in afters):
        raise Invalid("A contact method is used within two hours of the page.", field="steps")


def remove_rule(tx: Tx, handle: str, rule_id: str) -> None:
    own(tx, handle)
    store.remove_rule(tx, handle, rule_id)
    audit.record(tx, Deed.RULE_REMOVED, handle, rule_id)


def set_chat_account(tx: Tx, provider: str, handle: str, account: str) -> None:
    """Say who a person is in a chat, whatever their address there says."""
    own(tx, handle)
    store.load_person(tx, handle)
    if not _CHAT_ACCOUNT[provider].fullmatch(account):
        raise Invalid(
            f"'{account}' is no member ID; in Slack it is on a person's profile, like U024BE7LH.", field="account"
        )
    store.keep_chat_account(tx, provider, handle, account, entered=True)
    audit.record(tx, Deed.CHAT_LINKED, handle, f"{provider} {account}")


def forget_chat_account(tx: Tx, provider: str, handle: str) -> None:
    """From here on they are found by the address of their account again."""
    own(tx, handle)
    store.load_person(tx, handle)
    store.forget_chat_account(tx, provider, handle)
    audit.record(tx, Deed.CHAT_UNLINKED, handle, provider)


# ---- Tokens ----


def make_token(
    tx: Tx, name: str, rights: frozenset[str], lasts: timedelta | None, owner: str | None = None
) -> tuple[Token, str]:
    """Make a token of the API, for a program or for a person; the second value is its secret, shown this once."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    if owner is not None:
        own(tx, owner)
        _need_enabled(store.load_person(tx, owner))
    if not name.strip():
        raise Invalid("Name the token after what will use it.", field="name")
    unknown = rights - access.EVERY_SCOPE
    if unknown or not rights:
        raise Invalid(f"A token's scopes are among {listed(sorted(access.EVERY_SCOPE))}.", field="scopes")
    access.require_grant(tx.actor, rights)
    if access.BREAK_GLASS in rights and (owner is None or not store.is_administrator(tx, owner)):
        raise Invalid(f"Only a token that acts as an administrator may have {access.BREAK_GLASS}.", field="person")
    made, secret = tokens.add(tx, _bounded(name), rights, lasts=lasts, owner=owner)
    acts_as = f", acts as {owner}" if owner else ""
    audit.record(tx, Deed.TOKEN_MADE, made.id, f"{made.name}: {listed(sorted(rights))}{acts_as}")
    return made, secret


def revoke_token(tx: Tx, token_id: str) -> None:
    access.require(tx.actor, access.PEOPLE_WRITE)
    tokens.revoke(tx, token_id)
    audit.record(tx, Deed.TOKEN_REVOKED, token_id)


def own(tx: Tx, handle: str) -> None:
    """Let pass oneself, or whoever may change people and could do anyway all that this person can."""
    if tx.actor.handle != handle:
        access.require(tx.actor, access.PEOPLE_WRITE)
        access.require_grant(tx.actor, access.RIGHTS[store.load_person(tx, handle).role])
