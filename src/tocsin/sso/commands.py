"""Letting in whom the provider vouches for: whose account it is, made or found, and what it may do from now on."""

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db.engine import Tx
from tocsin.door import store as door
from tocsin.kit.errors import Invalid, NotFound, Refused
from tocsin.kit.text import clip, harmless
from tocsin.people import access, addresses
from tocsin.people import store as people
from tocsin.people.commands import NAME_MOST
from tocsin.people.model import Account, AccountRole
from tocsin.sso import store
from tocsin.sso.model import Farewell, NoGroup, NotForYou, NotVouchedFor, Somebody, Terms, handle_for, role_of


class NotLinked(NotFound):
    """This account is nobody's at the provider."""


class LastWayIn(Refused):
    """Whose account this is could not come in any more."""


def use_up(tx: Tx, state: str) -> None:
    """A sign-in comes back once. Raises NotVouchedFor for one that did before."""
    if not store.use_up(tx, state):
        raise NotVouchedFor("This sign-in has come back already. Begin again from the sign-in page.")


def come_in(tx: Tx, terms: Terms, who: Somebody) -> Account:
    """The account of whom the provider vouches for, with the role that their groups give them now.

    They are known by issuer and subject. The first time they are found by an address that the provider knows to be
    theirs; whoever is unknown gets an account, if the settings say so.
    """
    role = role_of(terms.roles, who.groups)
    if role is None:
        raise NoGroup
    handle = _handle_of(tx, who) or _made(tx, terms, who, role)
    account = people.load_person(tx, handle)
    if account.disabled_at is not None:
        raise NotForYou("Your account is switched off. Ask whoever looks after Tocsin.")
    if account.role is not role and not _is_last_way_in(tx, account, role):
        people.change_person(tx, handle, role=role)
        audit.record(tx, Deed.ROLE_CHANGED, handle, f"{account.role} to {role}, by the groups of the provider")
    store.note_use(tx, who.issuer, who.subject)
    return people.load_person(tx, handle)


def _handle_of(tx: Tx, who: Somebody) -> str | None:
    """Whose account it is; linked now, if it was not before."""
    if identity := store.known(tx, who.issuer, who.subject):
        return identity.handle
    if not who.claimed_email:
        return None
    found = people.at_address(tx, who.claimed_email)
    if not found:
        return None
    if not who.email:
        raise NotForYou("An account has your address, and the provider does not say that the address is yours.")
    free = [handle for handle in found if not store.is_linked(tx, handle, who.issuer)]
    if len(found) > 1 or not free:
        raise NotForYou("An account has your address, and belongs to somebody else at the provider.")
    _link(tx, who, free[0])
    return free[0]


def _link(tx: Tx, who: Somebody, handle: str) -> None:
    store.link(tx, who.issuer, who.subject, handle)
    audit.record(tx, Deed.LINKED, handle, f"{who.claimed_email or who.username or who.subject} at {who.issuer}")


def check_again(tx: Tx, who: Somebody, handle: str) -> None:
    """Raises NotVouchedFor unless it is this very person who has signed in there once more."""
    identity = store.known(tx, who.issuer, who.subject)
    if identity is None or identity.handle != handle:
        raise NotVouchedFor("Somebody else than you signed in at the provider.")


def end_sessions(tx: Tx, issuer: str, said: Farewell) -> int:
    """The provider has signed somebody out: end what was begun here by its word. It tells each once."""
    use_up(tx, f"signed out {said.id}")
    identity = store.known(tx, issuer, said.subject) if said.subject else None
    if said.subject and identity is None:
        return 0
    ended = store.end_sessions(tx, identity.handle if identity else None, said.session)
    for handle in sorted(set(ended)):
        audit.record(tx, Deed.SESSION_ENDED, handle, f"{ended.count(handle)} ended, signed out at the provider")
    return len(ended)


def turn_away(tx: Tx, who: Somebody) -> None:
    """No group of theirs lets somebody in any more: neither does what they began here by the provider's word before."""
    identity = store.known(tx, who.issuer, who.subject)
    ended = store.end_sessions(tx, identity.handle, "") if identity else []
    if identity and ended:
        why = f"{len(ended)} ended, no group of the provider lets them in"
        audit.record(tx, Deed.SESSION_ENDED, identity.handle, why)


def unlink(tx: Tx, handle: str) -> None:
    """Forget who somebody is at the provider. Their next sign-in finds them by their address, as the first did."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    account = people.load_person(tx, handle)
    access.require_grant(tx.actor, access.RIGHTS[account.role])
    if handle not in store.linked(tx):
        raise NotLinked(f"{handle} has not signed in through the provider.")
    if tx.actor.source != access.THIS_MACHINE:  # there a link that signs in can be printed
        _keep_a_way_in(tx, account)
    store.unlink(tx, handle)
    audit.record(tx, Deed.UNLINKED, handle)


def _keep_a_way_in(tx: Tx, account: Account) -> None:
    """Nobody locks themselves out, and some administrator always comes in. That the provider's word would find the
    account again by its address is not counted on."""
    with_passkey = door.with_passkey(tx)
    if account.has_password or account.handle in with_passkey:
        return
    if account.handle == tx.actor.handle:
        raise LastWayIn("It is how you come in yourself. Set a password or add a passkey first.")
    ways = with_passkey | store.linked(tx)
    others = [one for one in people.people(tx) if one.handle != account.handle and one.disabled_at is None]
    administrators = [one for one in others if one.role is AccountRole.ADMINISTRATOR]
    if account.role is AccountRole.ADMINISTRATOR and not any(
        one.has_password or one.handle in ways for one in administrators
    ):
        raise LastWayIn("No other administrator could come in. Have one of them set a password or add a passkey first.")


def check_password(account: Account, *, is_only: bool) -> None:
    """Where everybody signs in through the provider, a password opens the account of an administrator alone."""
    if is_only and account.role is not AccountRole.ADMINISTRATOR:
        raise NotForYou("Passwords are for administrators here. Sign in through the provider.")


def _made(tx: Tx, terms: Terms, who: Somebody, role: AccountRole) -> str:
    if not terms.makes_accounts:
        raise NotForYou("You have no account here. An administrator can make one with your address.")
    handle = handle_for(who, {account.handle for account in people.people(tx)})
    name = clip(" ".join(harmless(who.name).split()), NAME_MOST)
    people.add_person(tx, handle, name=name or handle, email=_usable(who.email), role=role)
    _link(tx, who, handle)
    audit.record(tx, Deed.ACCOUNT_MADE, handle, f"{role}, by the provider")
    return handle


def _usable(email: str) -> str | None:
    try:
        addresses.check_email(email)
    except Invalid:
        return None
    return email


def _is_last_way_in(tx: Tx, account: Account, role: AccountRole) -> bool:
    """Whether the account must stay an administrator's: no other one could come in without the provider."""
    if account.role is not AccountRole.ADMINISTRATOR or role is AccountRole.ADMINISTRATOR:
        return False
    others = [one for one in people.people(tx) if one.handle != account.handle and one.disabled_at is None]
    return not any(one.role is AccountRole.ADMINISTRATOR and one.has_password for one in others)
