"""Where the people of an incident meet: a chat channel and a call, as the record has them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import assert_never
from urllib.parse import urlsplit

from tocsin.incidents.entry import Entry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid
from tocsin.kit.text import ended


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

LONGEST_ADDRESS = 2000


def address(typed: str, field: str = "link") -> str:
    """An address of the web as somebody typed it. Raises Invalid."""
    link = typed.strip()
    try:
        parts = urlsplit(link)
        sound = parts.scheme in ("https", "http") and bool(parts.hostname) and link.isprintable() and " " not in link
    except ValueError:
        sound = False
    if not sound or len(link) > LONGEST_ADDRESS:
        raise Invalid("Write an address that begins with https://.", field=field)
    return link


def said(entry: PlaceEntry, who: str, author: str) -> str:
    """What happened where people meet, in one line. `author` is the name of who wrote a message that was kept."""
    match entry:
        case ChannelOpened():
            how = "private channel" if entry.private else "channel"
            return f"The {how} #{entry.name} was opened in {entry.provider.capitalize()}: {entry.link}"
        case ChannelFailed():
            trouble = f"The channel #{entry.name} {_NOT_DONE[entry.wanted]} in {entry.provider.capitalize()}"
            return f"{trouble}: {ended(entry.reason)} {entry.by_hand}"
        case ChannelLeft():
            left = f"The open channel #{entry.name} was left: what Tocsin said there was taken back, and it is archived"
            return f"{left}. {entry.by_hand}"
        case CallOpened():
            return f"{'The call is' if entry.by == SYSTEM.handle else f'{who} moved the call; it is'} at {entry.link}"
        case MessageKept():
            wrote = "changed what they wrote" if entry.edited else "wrote"
            at = entry.written_at.astimezone(UTC)
            line = f"{author} {wrote} in {entry.provider.capitalize()}, {at:%Y-%m-%d %H:%M} UTC: {entry.text}"
            return f"{line} {entry.link}".rstrip()
    assert_never(entry)


_NOT_DONE = {
    Wanted.OPENED: "could not be opened",
    Wanted.KEPT: "can't be kept up to date",
    Wanted.LEFT: "could not be left",
}
