"""What leaves the house, and what may come of sending it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

TEST = "test"  # the audience of a page that tests the way by which it comes
SIGN_IN_LINK = "sign_in_link"  # and of a mail that brings a link to sign in with
SECRET_HERE = "{secret}"  # where in the text of a mail its secret stands: the last, if it is there more than once


class MessageState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as a row. Delivery is at least once; `dedup_key` is the same at each attempt.

    `thread` groups the messages of one incident in a mail reader. `secret` signs a webhook, or is put into a mail;
    in a row it is sealed, and a channel gets it opened. `lane` is whom it waits for: messages of other lanes never
    do. `provider_id` is the name under which the provider has it. `actions` are the addresses at which the reader
    can do something about a page: `answer` it, or read on in the `room`. `replaces` is the provider's name for an
    earlier message, in whose place this one is put.
    """

    id: str
    dedup_key: str
    channel: str
    address: str
    lane: str = ""
    person: str | None = None
    audience: str = ""
    subject: str
    body: str
    thread: str | None = None
    secret: str | None = None
    incident_id: str | None = None
    page_id: str | None = None
    created_at: datetime
    send_at: datetime
    state: MessageState = MessageState.QUEUED
    attempts: int = 0
    last_error: str = ""
    sent_at: datetime | None = None
    withdrawn_at: datetime | None = None
    provider_id: str = ""
    actions: Mapping[str, str] | None = None
    planned_at: datetime | None = None  # when a page would leave that may be gathered with others
    gathered_into: str | None = None  # the message that says it too
    meant_at: datetime | None = None  # when it should leave, whatever keeps it; a message of old does not say
    leased_by: str | None = None  # the node that sends it now
    replaces: str | None = None
    urgency: str | None = None  # of a page: high, or low

    @property
    def is_test(self) -> bool:
        """Whether it asks for nothing but a sign that it has come."""
        return self.audience == TEST


@dataclass(frozen=True, kw_only=True)
class Linked(Message):
    """A message that is no row, with the links that a card offers as buttons, each with what it says."""

    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Delivered:
    """The other side has taken it, and may have said under which name."""

    provider_id: str = ""
    provider: str = ""


@dataclass(frozen=True)
class Retry:
    """It may go through later. `after` is what the other side asked for, if it did.

    `down`: there was no answer worth the name, so that the next message would fare no better.
    """

    reason: str
    after: timedelta | None = None
    down: bool = False


@dataclass(frozen=True)
class Dead:
    """It never will. `gone`: nothing else ever will arrive at this address either."""

    reason: str
    gone: bool = False


Result = Delivered | Retry | Dead


class Channel(Protocol):
    async def send(self, message: Message) -> Result:
        """Send once. Failures that are to be expected are results; nothing else is caught here."""
        ...
