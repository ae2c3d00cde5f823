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
PEOPLE_INVITE = "people:invite"  # viewers and responders, until they have come in
ONCALL_WRITE = "oncall:write"  # put others on call
AUDIT_READ = "audit:read"
METRICS_READ = "metrics:read"
BREAK_GLASS = "incidents:break_glass"  # no role has it but the administrator's, and no token but one who acts as one

READING = frozenset({INCIDENT_READ, PLAN_READ, METRICS_READ})
SCOPES = READING | {  # of any token
    *(SIGNAL_WRITE, INCIDENT_WRITE, WAIVE, PLAN_WRITE, PEOPLE_WRITE, PEOPLE_INVITE, ONCALL_WRITE, AUDIT_READ),
    CONFIDENTIAL,
}
EVERY_SCOPE = SCOPES | {BREAK_GLASS}

RIGHTS: dict[AccountRole, frozenset[str]] = {
    AccountRole.VIEWER: READING,
    AccountRole.RESPONDER: READING | {INCIDENT_WRITE, SIGNAL_WRITE},
    AccountRole.MANAGER: READING | {INCIDENT_WRITE, SIGNAL_WRITE, WAIVE, ONCALL_WRITE, PEOPLE_INVITE, AUDIT_READ},
    AccountRole.ADMINISTRATOR: frozenset({"*"}),
}
THIS_MACHINE = "this machine"  # where others have the address from which they come
INVITED_BY_MANAGERS = (AccountRole.VIEWER, AccountRole.RESPONDER)


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
        named = ["every right of an administrator" if right == "*" else right for right in beyond]
        raise NotAllowed(f"{actor.handle} may not give away what they do not have themselves: {listed(named)}.")


def require_invitation(actor: Actor, role: AccountRole, known: Account | None) -> None:
    """Who may change people may invite whom they could make; who may only invite brings in viewers and responders.

    A link opens an account. So the second kind makes none for an account that somebody has come in with: it would lead
    them in as that person.
    """
    if not actor.may(PEOPLE_INVITE):
        require(actor, PEOPLE_WRITE)
    require_grant(actor, RIGHTS[role] | (RIGHTS[known.role] if known else frozenset()))
    if actor.may(PEOPLE_WRITE):
        return
    if role not in INVITED_BY_MANAGERS or (known and known.role not in INVITED_BY_MANAGERS):
        raise NotAllowed(f"{actor.handle} may invite viewers and responders; others are for an administrator.")
    if known and known.disabled_at:
        raise NotAllowed(
            f"The account of {known.handle} is disabled; whether they come back, an administrator decides."
        )
    if known and (known.has_password or known.signed_in_at):
        raise NotAllowed(f"{known.handle} has signed in already; a new link for them is for an administrator to make.")


def may_invite(actor: Actor, role: AccountRole, known: Account | None) -> bool:
    """The same as a question, for what a page offers."""
    try:
        require_invitation(actor, role, known)
    except NotAllowed:
        return False
    return True


def person(account: Account, source: str = "") -> Actor:
    return Actor(account.handle, ActorKind.PERSON, RIGHTS[account.role], source)


def bearer(token: Token, source: str = "") -> Actor:
    """Whoever holds this token. A program's name carries a mark: it is never taken for a person's."""
    if token.person is not None:
        return Actor(token.person, ActorKind.PERSON, token.rights, source)
    return Actor(f"token:{token.name}", ActorKind.TOKEN, token.rights, source)


def local_operator(name: str) -> Actor:
    """Whoever can open the database on its own machine may do everything with it already.

    That is also why only they may give a token the sight of what is confidential.
    """
    return Actor(name, ActorKind.PERSON, frozenset({"*", CONFIDENTIAL}), THIS_MACHINE)
