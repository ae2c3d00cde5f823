"""What is owed: a promise of the plan, by whom, by when, and how it ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    ACKNOWLEDGE = "acknowledge"  # somebody answers for the incident within its severity's time
    ANSWER = "answer"  # the people of one escalation step answer their page before the next step
    ROLE = "role"  # a role is held by somebody
    UPDATE = "update"  # an audience is told
    PROGRESS = "progress"  # whoever answers for it is heard of before the silence lasts too long
    SNOOZE = "snooze"  # whoever snoozed it is asked again at the end
    QUIET = "quiet"  # no signal of it comes again; then it resolves itself
    RESOLVE = "resolve"  # the target resolution time
    WATCH = "watch"  # the service stays well after the fix
    REVIEW = "review"  # the post-mortem meeting is held
    LOOK = "look"  # we look at a health address ourselves; renewed, never settled
    HANDOFF = "handoff"  # who goes off call writes what goes on, and who comes accepts it
    TURN = "turn"  # we look ahead for changes of who is on call; renewed, never settled
    CANARY = "canary"  # we look ahead for contact methods that are to be tested; renewed, never settled
    COVER = "cover"  # we look ahead for moments at which nobody is on call; renewed, never settled


WAITS = frozenset({Kind.ANSWER, Kind.QUIET})
"""What is opened and ended by what happens, and not derived: nobody is promised anything by it."""


class State(StrEnum):
    OPEN = "open"  # overdue, if `overdue_at` says since when we know
    MET = "met"
    LATE = "late"  # done, but after it was due
    MISSED = "missed"  # it was overdue, and can no longer be done
    WAIVED = "waived"  # a person said so, and why
    VOID = "void"  # no longer owed: the severity changed, or the incident went on without it


ANSWER_PREFIX = "answer:"


@dataclass(frozen=True, kw_only=True)
class Duty:
    """An obligation as the plan derives it. `key` names it within its incident: `update:public`, `role:scribe`."""

    key: str
    kind: Kind
    what: str
    clause: str
    due_at: datetime
    audience: str = ""
    owner: str = ""  # a role of the plan, or `on_call`
    warn_within: timedelta | None = None  # how long before it is due its owner is reminded
    given_up_at: datetime | None = None  # one of a series: when its successor falls due


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """A duty on the record. It ends once; `cause` and `proof` are the entries that opened and ended it.

    `act_at` is when time next has something to do with it: to remind its owner, to say that it is due, to give it up.
    """

    id: str
    incident_id: str | None
    key: str
    kind: Kind
    what: str
    clause: str
    audience: str
    owner: str
    cause: int | None = None
    opened_at: datetime
    warned_at: datetime | None = None
    due_at: datetime
    overdue_at: datetime | None = None
    given_up_at: datetime | None = None
    act_at: datetime | None = None
    state: State
    settled_at: datetime | None = None
    settled_by: str = ""
    evidence: str = ""
    proof: int | None = None

    @property
    def late_by(self) -> timedelta | None:
        """How long after its due time it ended; None if it ended in time, or has not ended."""
        if self.settled_at is None or self.state not in (State.LATE, State.MISSED, State.WAIVED):
            return None
        return self.settled_at - self.due_at if self.settled_at > self.due_at else None

    @property
    def late_by_seconds(self) -> float | None:
        return self.late_by.total_seconds() if self.late_by is not None else None

    def is_overdue(self, now: datetime) -> bool:
        return self.overdue_at is not None or self.due_at < now


SOONEST = timedelta(seconds=10)
"""A reminder this soon after the opening would only say again what has just been said."""


def first_act(duty: Duty, opened_at: datetime) -> datetime:
    """When time has its first word: at the reminder if there is one, else when the duty is due."""
    warn_at = duty.due_at - duty.warn_within if duty.warn_within else None
    return warn_at if warn_at is not None and warn_at > opened_at + SOONEST else duty.due_at
