"""Handing a shift on: between whom, when it is due, and what may be done to a handoff. Pure.

A handoff belongs to a change of who is on call, however that came about: a turn of the plan, an override, a swap.
Where the same people go on, nothing is handed over. Over a gap, whoever held the rota before it hands over to whoever
holds it after.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import utc
from tocsin.oncall.model import Shift
from tocsin.plan.rotas import HandingOver

LONGEST_NOTE = 10_000  # characters


class State(StrEnum):
    OPEN = "open"  # to be written
    WRITTEN = "written"  # to be accepted
    ASKED = "asked"  # whoever comes asked back; to be written again
    ACCEPTED = "accepted"
    MISSED = "missed"  # the next turn ended, and nobody had accepted it
    VOID = "void"  # the rota was arranged otherwise before it came to it


STANDING = frozenset({State.OPEN, State.WRITTEN, State.ASKED})


class NotWritten(Refused):
    """It is not written yet, and there is still time to. Ask whoever goes; once it is overdue, you may accept it as
    Tocsin made it."""


class Settled(Refused):
    """This handoff is settled."""


class NotConfirmed(Invalid):
    """Confirm that what stands there about reaching you is right, or mend it first."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Somebody else holds a rotation from `begins_at`, until `ends_at`; those before them do so until `leaves_at`."""

    rotation: str
    outgoing: tuple[str, ...]
    incoming: tuple[str, ...]
    leaves_at: datetime
    begins_at: datetime
    ends_at: datetime

    @property
    def between(self) -> tuple[object, ...]:
        """What makes two changes the same."""
        return self.rotation, self.outgoing, self.incoming, self.leaves_at, self.begins_at


@dataclass(frozen=True, kw_only=True)
class Handoff(Change):
    """The handing over of one change. `lines` are what the plan wants handed over."""

    id: str
    lines: tuple[str, ...]
    opened_at: datetime
    state: State = State.OPEN
    settled_at: datetime | None = None

    @property
    def is_standing(self) -> bool:
        return self.state in STANDING


class Did(StrEnum):
    """What somebody did to a handoff. Time, and the rota, do the last two."""

    WRITTEN = "written"
    ASKED = "asked"
    ACCEPTED = "accepted"
    GIVEN_UP = "given_up"
    VOIDED = "voided"


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Something that was done to a handoff. `packet` is what was handed over, as whoever did it saw it then."""

    at: datetime
    by: str
    did: Did
    text: str = ""
    notes: tuple[str, ...] = ()  # one for each line
    packet: dict[str, Any] | None = None


@dataclass(frozen=True)
class Due:
    written_at: datetime
    accepted_at: datetime
    given_up_at: datetime


def changes(rotation: str, shifts: Sequence[Shift]) -> list[Change]:
    """Every change of holder within these shifts, which are in order."""
    turns: list[Shift] = []
    for one in shifts:
        if turns and set(turns[-1].people) == set(one.people):
            turns[-1] = turns[-1]._replace(ends_at=one.ends_at)
        else:
            turns.append(one)
    return [_change(rotation, before, after) for before, after in pairwise(turns)]


def _change(rotation: str, before: Shift, after: Shift) -> Change:
    """Of several side by side, those who go hand over to those who come; where nobody does, to or from all of them."""
    gone = tuple(dict.fromkeys(one for one in before.people if one not in after.people))
    come = tuple(dict.fromkeys(one for one in after.people if one not in before.people))
    return Change(
        rotation=rotation,
        outgoing=gone or tuple(dict.fromkeys(before.people)),
        incoming=come or tuple(dict.fromkeys(after.people)),
        leaves_at=before.ends_at,
        begins_at=after.starts_at,
        ends_at=after.ends_at,
    )


def opens_at(change: Change, times: HandingOver) -> datetime:
    return change.leaves_at - times.opened_before


def due(change: Change, times: HandingOver, opened_at: datetime) -> Due:
    """When it is to be written and accepted. A change that was arranged at short notice leaves whoever goes as long to
    write as the plan does otherwise, from when it was arranged."""
    written_at = change.leaves_at - times.written_before
    if written_at <= opened_at:
        written_at = opened_at + times.written_before
    accepted_at = max(change.begins_at, written_at) + times.accepted_within
    return Due(written_at, accepted_at, max(change.ends_at, accepted_at))


def overtaken(standing: Iterable[Handoff], computed: Iterable[Change], now: datetime) -> list[Handoff]:
    """Handoffs to come that the rota no longer asks for."""
    still = {one.between for one in computed}
    return [one for one in standing if one.begins_at > now and one.between not in still]


# ---- What people do --------------------------------------------------------------------------------------------------


def written(handoff: Handoff, notes: Sequence[str]) -> tuple[str, ...]:
    """The notes, if they can be taken: one for each line, none of them empty."""
    _require_standing(handoff)
    if len(notes) != len(handoff.lines):
        raise Invalid(f"Write {len(handoff.lines)} notes, one for each line that is handed over.", field="notes")
    for number, note in enumerate(notes):
        if not note.strip():
            raise Invalid(
                f"Say something about “{handoff.lines[number]}”, if only that there is nothing.", field=_note(number)
            )
        if len(note) > LONGEST_NOTE:
            raise Invalid(f"At most {LONGEST_NOTE} characters.", field=_note(number))
    return tuple(note.strip() for note in notes)


def _note(number: int) -> str:
    return f"note-{number + 1}"


def accepted(handoff: Handoff, *, is_overdue: bool, contacts_confirmed: bool) -> None:
    """Whether it can be accepted now: what is not written only once the time to write it has passed."""
    _require_standing(handoff)
    if handoff.state is State.OPEN and not is_overdue:
        raise NotWritten
    if not contacts_confirmed:
        raise NotConfirmed(field="contacts_confirmed")


def asked(handoff: Handoff, question: str) -> str:
    """The question, if it can be asked."""
    _require_standing(handoff)
    if handoff.state is State.OPEN:
        raise NotWritten
    if not question.strip():
        raise Invalid("Say what you want to know.", field="question")
    if len(question) > LONGEST_NOTE:
        raise Invalid(f"At most {LONGEST_NOTE} characters.", field="question")
    return question.strip()


def _require_standing(handoff: Handoff) -> None:
    if not handoff.is_standing:
        when = f" since {utc(handoff.settled_at)}" if handoff.settled_at else ""
        raise Settled(f"This handoff is {handoff.state}{when}.")
