"""Being on call: shifts as they are computed, overrides and swaps as people make them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Shift(NamedTuple):
    """A stretch in which the same people hold a rotation: from `starts_at` until just before `ends_at`.

    A tuple, for there are tens of thousands of them in a year.
    """

    starts_at: datetime
    ends_at: datetime
    people: tuple[str, ...]
    layer: str = ""  # of the plan; nothing for the rotation itself
    overrides: tuple[str, ...] = ()  # the ids of those that made it what it is


class Gap(NamedTuple):
    """A stretch in which nobody holds a rotation."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Override:
    """A person takes a rotation for a while: the whole of it, or the place of one of those who hold it then.

    It changes nothing that was already so: it holds from when it was made at the earliest, and if it is cancelled,
    until then. What it covers is there again when it ends.
    """

    id: str
    rotation: str
    person: str
    instead_of: str | None = None
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    made_at: datetime
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    cancelled_because: str = ""
    swap_id: str | None = None

    @property
    def holds_from(self) -> datetime:
        return max(self.starts_at, self.made_at)

    @property
    def holds_until(self) -> datetime:
        """Not after `holds_from` if it never held."""
        return min(self.ends_at, self.cancelled_at) if self.cancelled_at else self.ends_at


class SwapState(StrEnum):
    ASKED = "asked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"  # nobody answered before the first of its shifts began


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A part of a rotation that somebody holds and would give away."""

    rotation: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Swap:
    """Somebody asks another to take a shift, against one of the other's or for nothing."""

    id: str
    asker: str
    other: str
    gives: Turn
    takes: Turn | None
    reason: str
    asked_at: datetime
    expires_at: datetime
    answered: SwapState = SwapState.ASKED  # as it was written down; `state_at` knows the time too
    answered_at: datetime | None = None
    answered_by: str | None = None
    answer: str = ""

    def state_at(self, instant: datetime) -> SwapState:
        """A request that nobody answered has expired by itself: no job turns it."""
        if self.answered is SwapState.ASKED and instant >= self.expires_at:
            return SwapState.EXPIRED
        return self.answered


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A calendar that somebody subscribed to: of one rotation, or of their own shifts. Its secret is kept nowhere."""

    id: str
    owner: str
    rotation: str | None
    made_by: str
    made_at: datetime
