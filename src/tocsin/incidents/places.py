"""Where the people of an incident meet: a chat channel and a call, as the record has them."""

from dataclasses import dataclass
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


PlaceEntry = ChannelOpened | ChannelFailed | ChannelLeft | CallOpened
