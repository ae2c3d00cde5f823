"""The shapes in which the API speaks of being on call, by the rules of `schema`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tocsin.api.schema import Line, Moment, Name
from tocsin.oncall.model import SwapState

Imported = Annotated[str, Meta(max_length=500_000, pattern=r"^[^\u0000]*$")]

# ---- What comes in ----


class NewOverride(Struct, forbid_unknown_fields=True):
    """Without `person`, whoever calls; `instead_of` names the place, where several hold the rotation at once."""

    rotation: Name
    starts_at: Moment
    ends_at: Moment
    reason: Line
    person: Name | None = None
    instead_of: Name | None = None


class NewTurn(Struct, forbid_unknown_fields=True):
    rotation: Name
    starts_at: Moment
    ends_at: Moment


class NewSwap(Struct, forbid_unknown_fields=True):
    """Without `takes`, the other takes the shift for nothing."""

    other: Name
    gives: NewTurn
    reason: Line
    takes: NewTurn | None = None


class Answer(Struct, forbid_unknown_fields=True):
    answer: Line = ""


class Reason(Struct, forbid_unknown_fields=True):
    reason: Line


class NewFeed(Struct, forbid_unknown_fields=True):
    """Without `rotation`, all shifts of the person; without `person`, whoever calls."""

    rotation: Name | None = None
    person: Name | None = None


class NewImport(Struct, forbid_unknown_fields=True):
    """`text` is a calendar (RFC 5545) or a table with the columns `start,end,person`. `dry_run` changes nothing."""

    rotation: Name
    text: Imported
    reason: Line
    dry_run: bool = False


# ---- What goes out ----


class Shift(Struct):
    rotation: str
    name: str
    person: str
    person_name: str
    starts_at: datetime
    ends_at: datetime
    layer: str = ""
    overrides: list[str] = []


class Gap(Struct):
    """Nobody holds the rotation."""

    rotation: str
    starts_at: datetime
    ends_at: datetime


class OnCall(Struct):
    """`nobody` names the rotations that nobody holds at this instant; `next` is the shift that comes after, of each."""

    at: datetime
    shifts: list[Shift]
    nobody: list[str]
    next: list[Shift] = []


class Shifts(Struct):
    starts_at: datetime
    ends_at: datetime
    shifts: list[Shift]
    gaps: list[Gap]


class Override(Struct):
    """`holds_from` and `holds_until` are when it really holds: not before it was made, nor after it was cancelled."""

    id: str
    rotation: str
    person: str
    instead_of: str | None
    starts_at: datetime
    ends_at: datetime
    holds_from: datetime
    holds_until: datetime
    reason: str
    made_by: str
    made_at: datetime
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancelled_because: str
    swap_id: str | None


class Overrides(Struct):
    overrides: list[Override]
    next: str | None


class Turn(Struct):
    rotation: str
    starts_at: datetime
    ends_at: datetime


class Swap(Struct):
    id: str
    state: SwapState
    asker: str
    other: str
    gives: Turn
    takes: Turn | None
    reason: str
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    answered_by: str | None
    answer: str


class Swaps(Struct):
    swaps: list[Swap]
    next: str | None


# ---- Calendars ----


class Feed(Struct):
    """A calendar that somebody subscribed to; without `rotation`, of all shifts of its owner."""

    id: str
    owner: str
    rotation: str | None
    made_by: str
    made_at: datetime


class NewAddress(Feed):
    """`address` holds the secret: it is shown this once."""

    address: str


class Feeds(Struct):
    feeds: list[Feed]
    next: str | None


class Change(Struct):
    """`line` is that of the text; `instead_of` are those who would be on call otherwise."""

    line: int
    person: str
    starts_at: datetime
    ends_at: datetime
    instead_of: list[str]


class Import(Struct):
    """`as_it_is` counts the shifts that are so already, `over` those that have ended; `overrides` is what was made."""

    rotation: str
    changes: list[Change]
    as_it_is: int
    over: int
    overrides: list[str]


# ---- The proof ----


class Hole(Struct):
    """From when until when those who are named first reach nobody. `caught_by` is who is asked instead; where it is
    empty, nobody is, and `is_open`. `role` is `on_call` for the pages of the severity."""

    starts_at: datetime
    ends_at: datetime
    severity: str
    role: str
    service: str | None
    why: str
    caught_by: str
    is_gap: bool
    is_open: bool


class Doubt(Struct):
    """A way of paging somebody whose last test page failed. It is used all the same, and the proof counts on it."""

    person: str
    channel: str
    since: datetime
    why: str


class Proof(Struct):
    """`holds` if somebody is named at every instant for each of the `claims`; `knows_reach` says whether it is known
    whom anything reaches. `doubts` break no proof."""

    starts_at: datetime
    ends_at: datetime
    holds: bool
    claims: int
    knows_reach: bool
    holes: list[Hole]
    doubts: list[Doubt] = []
