"""Whose account in a chat is whose here. Nobody is taken for another: who is not linked to exactly one is nobody."""

from tocsin.db.engine import Tx
from tocsin.kit.actor import Actor
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import Channel

PROVIDER = "slack"


def handle_of(tx: Tx, account: str) -> str | None:
    """Who this is: whoever has shown that they read what is sent there; or else whom it was entered or found for."""
    proven = {one.handle for one in people.verified_at_address(tx, [Channel.SLACK], account)}
    known = {one for one, (theirs, _) in people.chat_accounts(tx, PROVIDER).items() if theirs == account}
    handles = proven or known
    if len(handles) != 1:
        return None
    (handle,) = handles
    return None if people.load_person(tx, handle).disabled_at else handle


def actor_of(tx: Tx, account: str) -> Actor | None:
    """As whom this account acts, with the rights of that person and no others."""
    handle = handle_of(tx, account)
    return access.person(people.load_person(tx, handle)) if handle else None
