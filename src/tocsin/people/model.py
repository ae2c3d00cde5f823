"""Accounts: who may sign in, what they may do, and where they are reached."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountRole(StrEnum):
    """What an account may do; the roles of an incident (commander, scribe…) are another thing, and the plan's."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMINISTRATOR = "administrator"


class Channel(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, kw_only=True)
class Account:
    handle: str
    name: str
    email: str | None
    role: AccountRole
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ContactMethod:
    """Where a person is paged: an e-mail address, or an https address with the secret that signs what is sent."""

    id: str
    handle: str
    channel: Channel
    address: str
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Token:
    """A key of the API; only its hash is kept. One that belongs to a person acts as that person, who is then the one
    on the record; any other acts under its own name."""

    id: str
    name: str
    rights: frozenset[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    person: str | None = None
