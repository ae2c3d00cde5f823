"""Single sign-on: what was agreed with the provider, whom it vouches for, and what follows for their account."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from tocsin.kit.errors import Forbidden, Overloaded
from tocsin.people.model import AccountRole

ATTEMPT_LASTS = timedelta(minutes=10)
ANYBODY = "*"  # in the place of a group
LONGEST_HANDLE = 40


class NotVouchedFor(Forbidden):
    """What the provider sent does not prove who you are. Begin again from the sign-in page."""


class NoAnswer(Overloaded):
    """The provider of single sign-on does not answer."""


class NotForYou(Forbidden):
    """The provider knows you, and nothing there says that you may come in here. Ask whoever looks after Tocsin."""


class NoGroup(NotForYou):
    """The provider knows you, and nothing there says that you may come in here. Ask whoever looks after Tocsin."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the settings say. `roles` maps groups of the provider to roles of accounts."""

    issuer: str
    client_id: str
    name: str
    roles: Mapping[str, AccountRole]
    makes_accounts: bool
    scopes: str = "openid profile email"
    groups_claim: str = "groups"


class Attempt(msgspec.Struct, frozen=True):
    """What a browser keeps while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    onward: str
    begun: int  # in milliseconds since 1970
    again: str = ""  # the handle of whoever is signed in here already, and proves who they are once more


@dataclass(frozen=True, kw_only=True)
class Somebody:
    """Whom the provider vouches for. `email` is empty unless the provider says that it is theirs."""

    issuer: str
    subject: str
    email: str = ""
    claimed_email: str = ""
    name: str = ""
    username: str = ""
    groups: frozenset[str] = frozenset()
    signed_in_at: datetime | None = None  # at the provider, where it says so
    session: str = ""  # what the provider calls it, where it says so
    id_token: str = field(default="", repr=False)  # the proof itself, by which they are signed out there too


@dataclass(frozen=True, kw_only=True)
class Farewell:
    """Whom the provider has signed out: a person, one session of theirs, or both named."""

    id: str
    subject: str
    session: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who somebody is at the provider, and whose account that is here."""

    issuer: str
    subject: str
    handle: str
    linked_at: datetime


def read_roles(text: str) -> dict[str, AccountRole]:
    """Read `Site Reliability=responder, Admins=administrator, *=viewer`. Raises ValueError, in words."""
    found: dict[str, AccountRole] = {}
    for pair in (one.strip() for one in text.split(",") if one.strip()):
        group, equals, role = pair.rpartition("=")
        if not equals or not group.strip():
            raise ValueError(f"'{pair}' is not written group=role")
        if role.strip() not in {str(one) for one in AccountRole}:
            raise ValueError(f"'{role.strip()}' is no role; there are {', '.join(AccountRole)}")
        found[group.strip()] = AccountRole(role.strip())
    return found


def role_of(roles: Mapping[str, AccountRole], groups: Collection[str]) -> AccountRole | None:
    """The highest role that any of somebody's groups gives; None if none does."""
    given = [role for group, role in roles.items() if group == ANYBODY or group in groups]
    order = list(AccountRole)
    return max(given, key=order.index, default=None)


def handle_for(who: Somebody, taken: Collection[str]) -> str:
    """A handle that nobody has, from what they are called at the provider."""
    called = who.username or who.claimed_email.partition("@")[0] or who.name or "person"
    letters = re.sub(r"[^a-z0-9._-]+", "-", called.partition("@")[0].lower()).strip("-._")
    stem = letters if letters[:1].isalpha() else f"p-{letters}".rstrip("-")
    stem = stem[: LONGEST_HANDLE - 4].rstrip("-._")
    names = (f"{stem}{number}" if number > 1 else stem for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def texts(value: object) -> Iterable[str]:
    """A claim that holds one text or several."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)]
