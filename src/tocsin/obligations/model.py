"""What is owed: a promise of the plan, by whom, by when, and how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    ACKNOWLEDGE = "acknowledge"  # somebody answers for the incident within its severity's time
    ANSWER = "answer"  # the people of one escalation step answer their page before the next step
    ROLE = "role"  # a role is held by somebody
    UPDATE = "update"  # an audience is told
    RESOLVE = "resolve"  # the target resolution time
    WATCH = "watch"  # the service stays well after the fix
    REVIEW = "review"  # the post-mortem meeting is held
    LOOK = "look"  # we look at a health address ourselves; renewed, never settled


class State(StrEnum):
    OPEN = "open"
    MET = "met"
    MISSED = "missed"
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


@dataclass(frozen=True, kw_only=True)
class Obligation:
    """A duty on the record. It ends once, and `evidence` says by what."""

    id: str
    incident_id: str | None
    key: str
    kind: Kind
    what: str
    clause: str
    audience: str
    owner: str
    opened_at: datetime
    due_at: datetime
    state: State
    settled_at: datetime | None = None
    settled_by: str = ""
    evidence: str = ""
