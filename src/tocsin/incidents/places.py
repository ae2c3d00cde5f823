"""Where the people of an incident meet: a chat channel and a call, as the record has them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.incidents.entry import Entry


@dataclass(frozen=True, kw_only=True)
class ChannelOpened(Entry):
    """A channel stands for this incident. `channel` is what the provider calls it by."""

    provider: str
    channel: str
    name: str
    link: str
    private: bool = False


class Wanted(StrEnum):
    """What was to be done with a channel."""

    OPENED = "opened"
    KEPT = "kept"  # told, pinned, its people invited
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class ChannelFailed(Entry):
    """What was wanted of the channel does not work; `by_hand` is what a person can do meanwhile."""

    provider: str
    name: str
    wanted: Wanted
    reason: str
    by_hand: str


@dataclass(frozen=True, kw_only=True)
class ChannelLeft(Entry):
    """The incident became confidential: its open channel was emptied of what we said, renamed and archived.

    What people wrote in it themselves can still be read there; `by_hand` is how they can end that.
    """

    provider: str
    name: str
    by_hand: str


@dataclass(frozen=True, kw_only=True)
class CallOpened(Entry):
    """The call in which people talk about this incident is at this address from here on."""

    link: str


@dataclass(frozen=True, kw_only=True)
class MessageKept(Entry):
    """Somebody put what was written in a chat onto the record. `author` is a handle, or what they are called there.

    `message` is what the provider calls it by in its `channel`; once kept it is not kept again, but what its author
    makes of it later is: then it is `edited`.
    """

    provider: str
    channel: str
    message: str
    author: str
    written_at: datetime
    text: str
    link: str = ""
    edited: bool = False


PlaceEntry = ChannelOpened | ChannelFailed | ChannelLeft | CallOpened | MessageKept
