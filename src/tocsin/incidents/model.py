"""The words of an incident's record. Each entry is a fact with its instant and its actor; an incident is their fold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.correction import TimeCorrected
from tocsin.incidents.entry import Entry
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, MessageKept
from tocsin.incidents.relation import Absorbed, Linked, Merged, Relation, SplitFrom, SplitOff, Unlinked
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.telling import TellingEntry
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Verified,
    Work,
)
from tocsin.plan.model import Stage


class Status(StrEnum):
    INVESTIGATING = "investigating"
    MITIGATING = "mitigating"
    WATCHING = "watching"  # the fix is in; the service is watched for a regression
    RESOLVED = "resolved"  # the watch has passed: fully recovered
    CLOSED = "closed"
    MERGED = "merged"  # it was a duplicate; the work goes on in another incident


OPEN_STATUSES = frozenset({Status.INVESTIGATING, Status.MITIGATING, Status.WATCHING, Status.RESOLVED})
UNRESOLVED = frozenset({Status.INVESTIGATING, Status.MITIGATING})


@dataclass(frozen=True, kw_only=True)
class Declared(Entry):
    title: str
    severity: str
    type: str
    service: str | None
    components: tuple[str, ...] = ()
    source: str  # what told us: probe, generic, person, or the name of a sender
    trigger: str  # one of the plan's trigger sources
    why: str = ""  # the evidence and the rule, in a sentence
    impact: str = ""
    started_at: datetime  # when trouble began, as far as the signal knows
    detected_at: datetime  # when it reached us
    plan_revision: str
    number: int  # the n-th incident of this installation


@dataclass(frozen=True, kw_only=True)
class SignalAttached(Entry):
    signal_id: str
    title: str
    source: str
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class SignalCleared(Entry):
    signal_id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class SignalFlapped(Entry):
    """It changes to and fro, again and again. That is said once, instead of each change, until it is calm."""

    signal_id: str
    title: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SignalsGathered(Entry):
    """Further signals of the same moment, counted instead of listed, so that a storm stays readable."""

    attached: int
    cleared: int
    titles: tuple[str, ...]  # some of them


@dataclass(frozen=True, kw_only=True)
class Paged(Entry):
    step: int  # counted from 0 over all rounds
    people: tuple[str, ...]
    through: tuple[str, ...]  # channels
    unreachable: tuple[str, ...] = ()
    answer_by: datetime


@dataclass(frozen=True, kw_only=True)
class Escalated(Entry):
    step: int  # the step that nobody answered
    why: str


@dataclass(frozen=True, kw_only=True)
class Undelivered(Entry):
    channel: str
    to: str
    reason: str


WORKING = "working on it"  # how somebody acknowledges who simply starts to mitigate or resolve


@dataclass(frozen=True, kw_only=True)
class Acknowledged(Entry):
    through: str = "web"


@dataclass(frozen=True, kw_only=True)
class RoleAssigned(Entry):
    role: str
    person: str
    before: str | None = None  # who handed it over


@dataclass(frozen=True, kw_only=True)
class SeverityChanged(Entry):
    severity: str
    before: str
    raised: bool
    because: str


@dataclass(frozen=True, kw_only=True)
class TypeChanged(Entry):
    type: str
    before: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Renamed(Entry):
    title: str
    before: str


@dataclass(frozen=True, kw_only=True)
class Noted(Entry):
    text: str


@dataclass(frozen=True, kw_only=True)
class Decided(Entry):
    """`decider` is the handle of whoever decided, where somebody else wrote it down."""

    decision: str
    because: str
    decider: str = ""
    options: tuple[str, ...] = ()  # what else was considered
    basis: str = ""  # the evidence: a text, or a link to it


@dataclass(frozen=True, kw_only=True)
class Updated(Entry):
    """An update. `fields` are what was typed; `text` is what that audience reads.

    One that a program posted tells people something and keeps no promise: `counts` is false. A `notice` is the one by
    which users learn how it ended, and what will prevent it.
    """

    audience: str
    text: str
    counts: bool = True
    stage: Stage | None = None  # public updates only
    fields: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    notice: bool = False
    draft: int | None = None  # the entry of the draft that was approved with it
    drafted_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Mitigated(Entry):
    how: str


@dataclass(frozen=True, kw_only=True)
class Resolved(Entry):
    """`unverified` are the plan's checks that were passed over, and `because` why."""

    how: str
    unverified: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Recovered(Entry):
    watched_minutes: int


@dataclass(frozen=True, kw_only=True)
class Reopened(Entry):
    because: str


@dataclass(frozen=True, kw_only=True)
class Closed(Entry):
    pass


@dataclass(frozen=True, kw_only=True)
class ReviewScheduled(Entry):
    meeting_at: datetime
    attendees: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReviewHeld(Entry):
    pass


@dataclass(frozen=True, kw_only=True)
class FellDue(Entry):
    """Something owed was not done by its time. It can still be done, and is then late."""

    key: str
    what: str
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ObligationWaived(Entry):
    key: str
    what: str
    because: str
    due_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class MadeConfidential(Entry):
    """From here on only its readers see it. `readers` are those whom the plan names for the type."""

    because: str
    readers: tuple[str, ...] = ()
    withdrawn: bool = False  # something stood on the status page, and was taken down


@dataclass(frozen=True, kw_only=True)
class Disclosed(Entry):
    because: str


@dataclass(frozen=True, kw_only=True)
class ResponderAdded(Entry):
    person: str
    because: str


@dataclass(frozen=True, kw_only=True)
class ResponderRemoved(Entry):
    person: str
    because: str


@dataclass(frozen=True, kw_only=True)
class GlassBroken(Entry):
    """An administrator who is no responder reads what is confidential."""

    because: str
    until: datetime


Secrecy = MadeConfidential | Disclosed | ResponderAdded | ResponderRemoved | GlassBroken  # who may read

AnyEntry = (
    Declared
    | SignalAttached
    | SignalCleared
    | SignalFlapped
    | SignalsGathered
    | Paged
    | Escalated
    | Undelivered
    | EscalationAsked
    | Declined
    | Acknowledged
    | Snoozed
    | SnoozeEnded
    | AskedAgain
    | RoleAssigned
    | SeverityChanged
    | TypeChanged
    | Renamed
    | Noted
    | Decided
    | Found
    | ImpactAssessed
    | StrategyChosen
    | Deployed
    | Verified
    | RecoveryConfirmed
    | ItemTicked
    | ItemUnticked
    | DutiesChanged
    | Thanked
    | SupportContacted
    | Merged
    | Absorbed
    | Linked
    | Unlinked
    | SplitOff
    | SplitFrom
    | Updated
    | Mitigated
    | Resolved
    | Recovered
    | Reopened
    | Closed
    | ReviewScheduled
    | ReviewHeld
    | FellDue
    | ObligationWaived
    | TimeCorrected
    | ChannelOpened
    | ChannelFailed
    | ChannelLeft
    | CallOpened
    | MessageKept
    | TellingEntry
    | Secrecy
)


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """An entry in its place on the timeline. Numbers count from 1, without a gap; `hash` seals what stands so far."""

    number: int
    entry: AnyEntry
    hash: str = ""


@dataclass(frozen=True, kw_only=True)
class Incident:
    """The fold of a timeline. Nothing here is known that the entries do not say.

    `level_at` is the instant from which the present severity's clocks run. `told_at` holds, by audience, the last
    instant that its cadence counts from: an update, or a waiver of one. `silent_at` holds, by audience, the due time
    of the update that is overdue. `spent` are the keys of one-time obligations waived at the present severity.
    `responders` are all who declared it, answered it, were paged, hold or held a role, or were added, without those
    who were removed.
    """

    id: str
    entries: int
    head: str = ""  # the hash of the last entry
    number: int
    title: str
    status: Status
    severity: str
    type: str
    service: str | None
    components: tuple[str, ...]
    source: str
    trigger: str
    why: str
    impact: str
    plan_revision: str
    started_at: datetime
    detected_at: datetime
    declared_at: datetime
    level_at: datetime
    declared_by: str
    severity_by: str
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    first_acknowledged_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    recovered_at: datetime | None = None
    closed_at: datetime | None = None
    reopened_at: datetime | None = None
    review_at: datetime | None = None
    review_held_at: datetime | None = None
    stage: Stage | None = None  # as last told to the public
    notice_at: datetime | None = None  # when users were told how it ended
    steps_paged: int = 0
    heard_at: datetime | None = None  # the last entry that a person made
    asked_again_at: datetime | None = None  # whoever answered is paged again, and has said nothing since
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    told_at: Mapping[str, datetime] = field(default_factory=dict)
    silent_at: Mapping[str, datetime] = field(default_factory=dict)
    last_update_at: Mapping[str, datetime] = field(default_factory=dict)
    spent: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    assessed: ImpactAssessed | None = None
    work: Work = field(default_factory=Work)
    relations: Mapping[str, Relation] = field(default_factory=dict)  # by the other incident's id
    merged_into: str | None = None
    responders: tuple[str, ...] = ()
    guests: Mapping[str, datetime] = field(default_factory=dict)  # who broke the glass, and until when they read
    confidential_at: datetime | None = None
    channel: ChannelOpened | None = None  # the one in which people work now
    call: str = ""  # the address of the call in which they talk
    level_because: str = ""  # why it has another level than that with which it was declared
    updated_at: datetime

    def changed(self, **values: Any) -> "Incident":
        """What `dataclasses.replace` gives, at a fifth of its cost."""
        incident = object.__new__(Incident)
        incident.__dict__.update(self.__dict__)
        return _set(incident, values)

    def draft(self) -> "Draft":
        draft = object.__new__(Draft)
        draft.__dict__.update(self.__dict__)
        return draft

    @property
    def awaits_answer(self) -> bool:
        """Whether people are paged until somebody answers for it."""
        return not self.is_resolved and (self.acknowledged_at is None or self.asked_again_at is not None)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_resolved(self) -> bool:
        return self.status not in UNRESOLVED


class Draft(Incident):
    """An incident while its timeline is read. The fold alone holds it, so it changes in place: copies cost the most."""

    def changed(self, **values: Any) -> Incident:
        return _set(self, values)


def _set(incident: Incident, values: dict[str, Any]) -> Incident:
    if not values.keys() <= _FIELDS:  # one that was saved by an older release holds fewer of them itself
        raise TypeError(f"an incident has no {', '.join(sorted(values.keys() - _FIELDS))}")
    incident.__dict__.update(values)
    return incident


_FIELDS = frozenset(one.name for one in fields(Incident))
