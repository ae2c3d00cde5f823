"""What a chat must be able to do for the room of an incident, and what may go wrong with it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class ChatTrouble(Exception):
    """The chat did not do what was asked. `reason` is its own word for it, and nothing secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Busy(ChatTrouble):
    """Later it may go through. `after` is what it asked for, if it did; `down`: it gave no answer worth the name."""

    def __init__(self, reason: str, after: timedelta | None = None, *, down: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.down = down


class NotLetIn(ChatTrouble):
    """The token, or what it may do, is for an administrator to mend."""


class NameTaken(ChatTrouble):
    """Somebody else's channel has this name."""


class NoSuchChannel(ChatTrouble):
    """The channel is gone, or we are no longer in it."""


class ChannelArchived(ChatTrouble):
    """Somebody has archived the channel."""


class Declined(ChatTrouble):
    """The chat will not do this, however often it is asked."""


@dataclass(frozen=True)
class Opened:
    """A channel as the provider has it."""

    channel: str
    link: str


@dataclass(frozen=True)
class Posted:
    """What somebody wrote, and who: as the provider calls them."""

    author: str
    text: str


class Chat(Protocol):
    """A provider of channels. Each call is safe to repeat; each raises `ChatTrouble` and nothing else."""

    name: str

    async def open(self, name: str, *, private: bool, purpose: str) -> Opened:
        """Make a channel, or find the one of this name that was made by us for this purpose."""
        ...

    async def account(self, email: str) -> str:
        """Who has this address; empty if nobody has."""
        ...

    async def invite(self, channel: str, account: str) -> None: ...

    async def remove(self, channel: str, account: str) -> None: ...

    async def set_topic(self, channel: str, topic: str) -> None: ...

    async def post(self, channel: str, text: str, offers: str = "", link: str = "") -> str:
        """Say something; returns what the provider calls the message by. `offers` is the incident for which the message
        offers what the provider can, and `link` where its room is."""
        ...

    async def message(self, channel: str, ts: str) -> Posted | None:
        """What was written; nothing if it is gone."""
        ...

    async def person(self, account: str) -> str:
        """What somebody calls themselves there."""
        ...

    async def pin(self, channel: str, message: str) -> None: ...

    async def take_back(self, channel: str, message: str) -> None: ...

    async def rename(self, channel: str, name: str) -> None: ...

    async def archive(self, channel: str) -> None: ...

    async def unarchive(self, channel: str) -> None: ...
