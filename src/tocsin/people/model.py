"""Accounts: who may sign in, what they may do, and where they are reached."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum


class AccountRole(StrEnum):
    """What an account may do; the roles of an incident (commander, scribe…) are another thing, and the plan's."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"


class Channel(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"
    SMS = "sms"
    VOICE = "voice"
    NTFY = "ntfy"
    TELEGRAM = "telegram"
    SLACK = "slack_dm"
    PUSH = "push"
    TEAMS = "teams_dm"
    APPRISE = "apprise"


_CALLED: dict[str, str] = {
    Channel.EMAIL: "mail",
    Channel.SMS: "text message",
    Channel.VOICE: "call",
    Channel.NTFY: "push by ntfy",
    Channel.TELEGRAM: "Telegram",
    Channel.SLACK: "Slack",
    Channel.PUSH: "push to a browser",
    Channel.TEAMS: "Microsoft Teams",
    Channel.APPRISE: "Apprise",
}


def called(channel: str) -> str:
    """A channel in words: `text message` for `sms`."""
    return _CALLED.get(channel, channel)


class Urgency(StrEnum):
    """Whether a page may wait for the morning. The plan says it of each severity."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, kw_only=True)
class Account:
    handle: str
    name: str
    email: str | None
    role: AccountRole
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None = None
    signed_in_at: datetime | None = None
    zone: str = "UTC"  # in which the hours of the person's rules are read


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of whoever opens a session: how they came in, with which browser, and from which address."""

    way: str = ""  # password, link, passkey, or what a provider of identities is called
    browser: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody signed in in one browser. Its secret is in the browser's cookie; the id says nothing of it."""

    id: str
    handle: str
    begun_at: datetime
    used_at: datetime
    proven_at: datetime  # when whoever has it last proved who they are
    seen: Seen


@dataclass(frozen=True, kw_only=True)
class ContactMethod:
    """Where a person is paged. Until the person has shown that it is theirs, nothing but a code is sent there.

    `secret` signs what is sent to a web address; where the address is itself a secret it is kept there, and `address`
    is what may be shown of it. It is sealed, and opened only when something leaves for it. One that has
    ended is verified no more.
    """

    id: str
    handle: str
    channel: Channel
    address: str
    secret: str | None = None
    verified_at: datetime | None = None
    ended_at: datetime | None = None
    ended_because: str | None = None


@dataclass(frozen=True, kw_only=True)
class RuleStep:
    """Use this contact method, so long after the page."""

    contact_id: str
    after: timedelta


@dataclass(frozen=True, kw_only=True)
class ContactRule:
    """How a person is paged when it is urgent, or when it is not; always, or between two times of their day.

    A rule without steps is for quiet hours: what is not urgent waits until they end.
    """

    id: str
    handle: str
    urgency: Urgency
    begins: time | None = None
    ends: time | None = None
    steps: tuple[RuleStep, ...] = ()

    def covers(self, local: time) -> bool:
        """Whether a time of day lies within its hours, which may pass midnight."""
        if self.begins is None or self.ends is None:
            return True
        if self.begins < self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends


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
    used_at: datetime | None = None  # to about a minute
