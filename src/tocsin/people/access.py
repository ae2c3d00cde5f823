"""Who may do what. A right is a name; a role and a token's scopes are sets of rights."""

from collections.abc import Iterable

from tocsin.kit.actor import CONFIDENTIAL, Actor, ActorKind
from tocsin.kit.errors import Forbidden
from tocsin.kit.text import listed
from tocsin.people.model import Account, AccountRole, Token

SIGNAL_WRITE = "signals:write"
INCIDENT_READ = "incidents:read"
INCIDENT_WRITE = "incidents:write"
WAIVE = "obligations:waive"
PLAN_READ = "plan:read"
PLAN_WRITE = "plan:write"
PEOPLE_WRITE = "people:write"
METRICS_READ = "metrics:read"
BREAK_GLASS = "incidents:break_glass"  # no role has it but the administrator's, and no token but one who acts as one

READING = frozenset({INCIDENT_READ, PLAN_READ, METRICS_READ})
SCOPES = READING | {SIGNAL_WRITE, INCIDENT_WRITE, WAIVE, PLAN_WRITE, PEOPLE_WRITE, CONFIDENTIAL}  # of any token
EVERY_SCOPE = SCOPES | {BREAK_GLASS}

RIGHTS: dict[AccountRole, frozenset[str]] = {
    AccountRole.VIEWER: READING,
    AccountRole.RESPONDER: READING | {INCIDENT_WRITE, SIGNAL_WRITE},
    AccountRole.ADMINISTRATOR: frozenset({"*"}),
}


class NotAllowed(Forbidden):
    """You may not do this."""


def require(actor: Actor, right: str) -> None:
    """Let the actor pass, or say which right is missing."""
    if not actor.may(right):
        raise NotAllowed(f"{actor.handle} may not do this; it needs the right {right}.")


def require_grant(actor: Actor, rights: Iterable[str]) -> None:
    """Nobody gives away what they do not have themselves: neither by a role, nor by a token, nor by a link."""
    beyond = [right for right in sorted(rights) if not actor.may(right)]
    if beyond:
        raise NotAllowed(f"{actor.handle} may not give rights of which it lacks some: {listed(beyond)}.")


def person(account: Account) -> Actor:
    return Actor(account.handle, ActorKind.PERSON, RIGHTS[account.role])


def bearer(token: Token) -> Actor:
    """Whoever holds this token. A program's name carries a mark: it is never taken for a person's."""
    if token.person is not None:
        return Actor(token.person, ActorKind.PERSON, token.rights)
    return Actor(f"token:{token.name}", ActorKind.TOKEN, token.rights)


def local_operator(name: str) -> Actor:
    """Whoever can open the database on its own machine may do everything with it already.

    That is also why only they may give a token the sight of what is confidential.
    """
    return Actor(name, ActorKind.PERSON, frozenset({"*", CONFIDENTIAL}))
