"""The shapes that the API speaks. A field is only ever added to a shape that goes out, never taken away.

What comes in names unknown fields as mistakes. Text that is stored holds no NUL: PostgreSQL has no room for one.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from tocsin.incidents.correction import Moment as Happened
from tocsin.people.model import AccountRole
from tocsin.plan.linting.findings import Level
from tocsin.plan.model import Stage
from tocsin.signals.model import State as SignalState
from tocsin.signals.model import Trigger
from tocsin.signals.store import Disposition

TEXT_MOST = 20_000
LINE_MOST = 1_000
SECTION_MOST = 100_000

STORABLE = r"^[^\u0000]*$"

Text = Annotated[str, Meta(max_length=TEXT_MOST, pattern=STORABLE)]
Line = Annotated[str, Meta(max_length=LINE_MOST, pattern=STORABLE)]
Name = Annotated[str, Meta(max_length=200, pattern=STORABLE)]
Chapter = Annotated[str, Meta(max_length=SECTION_MOST, pattern=STORABLE)]
Moment = Annotated[datetime, Meta(tz=True)]
Labels = Annotated[dict[Name, Text], Meta(max_length=50)]


# ---- What comes in ----


class Declaration(Struct, forbid_unknown_fields=True):
    title: Line
    severity: Name
    type: Name
    service: Name | None = None
    components: Annotated[list[Name], Meta(max_length=100)] = []
    impact: Text = ""
    trigger: Trigger = Trigger.OBSERVATION
    started_at: Moment | None = None


class FromSignal(Struct, forbid_unknown_fields=True):
    severity: Name
    type: Name
    title: Line = ""


class Assignment(Struct, forbid_unknown_fields=True):
    """`held_by` is whom the caller saw holding the role, empty for nobody: 409 if it is somebody else by now."""

    role: Name
    person: Name
    held_by: Name | None = None


class NewSeverity(Struct, forbid_unknown_fields=True):
    severity: Name
    because: Text


class NewType(Struct, forbid_unknown_fields=True):
    type: Name
    because: Text


class NewTitle(Struct, forbid_unknown_fields=True):
    title: Text


class Note(Struct, forbid_unknown_fields=True):
    text: Text


class Decision(Struct, forbid_unknown_fields=True):
    """`decider` is the handle of whoever decided, if not of whoever writes; `basis` is the evidence."""

    decision: Text
    because: Text
    decider: Name = ""
    options: Annotated[list[Text], Meta(max_length=50)] = []
    basis: Text = ""


class Update(Struct, forbid_unknown_fields=True):
    """`fields` are what the audience's template asks for; `stage` is for public audiences only.

    A `notice` tells users how it ended, in the words of the template that the plan names for that.
    """

    audience: Name
    fields: Labels = {}
    stage: Stage | None = None
    notice: bool = False


class How(Struct, forbid_unknown_fields=True):
    how: Text


class Resolution(Struct, forbid_unknown_fields=True):
    """`unverified_because` passes over the plan's checks that are not recorded; who may waive may do that."""

    how: Text
    unverified_because: Text = ""


class Silence(Struct, forbid_unknown_fields=True):
    """Until when nothing need be heard of the caller, and why."""

    until: Moment
    because: Text


class Because(Struct, forbid_unknown_fields=True):
    because: Text


class Responder(Struct, forbid_unknown_fields=True):
    """`person` is the handle of an account."""

    person: Name
    because: Text


class TeamOfResponders(Struct, forbid_unknown_fields=True):
    """`team` is the key of a team of the plan."""

    team: Name
    because: Text


class OptionalBecause(Struct, forbid_unknown_fields=True):
    because: Text = ""


class Escalation(Struct, forbid_unknown_fields=True):
    """`step` is the last one that was paged, counted from 0, as the caller knows it: two calls then climb once."""

    because: str = ""
    step: Annotated[int, Meta(ge=0)] | None = None


class Waiver(Struct, forbid_unknown_fields=True):
    key: Name
    because: Text


class Correction(Struct, forbid_unknown_fields=True):
    """`moment` is what happened, `instant` when it really was."""

    moment: Happened
    instant: Moment
    because: Text


class Meeting(Struct, forbid_unknown_fields=True):
    meeting_at: Moment


class NewToken(Struct, forbid_unknown_fields=True):
    name: Line
    scopes: Annotated[list[Name], Meta(max_length=20)]
    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    person: Name | None = None


Sections = Annotated[dict[Name, Chapter], Meta(max_length=100)]


# ---- What goes out ----


class Channel(Struct):
    """Where people work on an incident: the channel that was opened for it in a chat."""

    provider: str
    name: str
    link: str
    private: bool


class Incident(Struct):
    """`relations` says, by another incident's id, how this one stands to it. One that the caller may not see is left
    out, and `merged_into` is then empty. `confidential_at` is null for what everybody may read. `call` is
    where people talk, empty if nowhere. `asked_again_at` is since when whoever acknowledged is paged again. `why` says
    why it was declared, and `level_because` why it has another severity since; it is empty until then."""

    id: str
    number: int
    title: str
    status: str
    severity: str
    type: str
    service: str | None
    components: list[str]
    impact: str
    source: str
    trigger: str
    why: str
    level_because: str
    plan_revision: str
    roles: dict[str, str]
    stage: str | None
    started_at: datetime
    detected_at: datetime
    declared_at: datetime
    declared_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    asked_again_at: datetime | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    recovered_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    review_at: datetime | None
    review_held_at: datetime | None
    updated_at: datetime
    merged_into: str | None
    relations: dict[str, str]
    confidential_at: datetime | None
    channel: Channel | None
    call: str


class Times(Struct):
    """The times that are kept of an incident. Both durations begin with the trouble; what still lasts is counted on."""

    started_at: datetime
    detected_at: datetime
    responded_at: datetime | None
    resolved_at: datetime | None
    total_seconds: float
    is_over: bool
    user_impact_seconds: float
    is_recovered: bool


class IncidentInFull(Incident):
    """`to_close` says, in words, what the plan still requires before it can be closed."""

    to_close: list[str]
    times: Times


class Preview(Struct):
    """What an audience would read. `empty` are fields that may stay so, `hints` what to think of before, `before` what
    they read last; `waits_for` are those whose word it waits for."""

    audience: str
    stage: str | None
    text: str
    empty: list[str]
    hints: list[str]
    before: str | None
    waits_for: list[str]


class Reader(Struct):
    """`until` is there for whoever broke the glass."""

    handle: str
    name: str
    until: datetime | None


class Readers(Struct):
    """`readers` are those who alone see it while it is confidential; none by name while it is open."""

    confidential_at: datetime | None
    responders: list[str]
    readers: list[Reader]


class Told(Struct):
    """An update, by the number of its entry."""

    entry: int
    at: datetime
    audience: str
    stage: str | None
    text: str


class Heard(Struct):
    entry: int
    audience: str
    sent_at: datetime
    reached_at: datetime | None


class Knowing(Struct):
    """What somebody knew: since when paged and reached, when they answered, what they wrote and were sent."""

    handle: str
    roles: list[str]
    paged_at: datetime | None
    reached_at: datetime | None
    answered_at: datetime | None
    wrote: int
    heard: list[Heard]


class Promised(Struct):
    """Something that was owed under a plan, from an entry on."""

    key: str
    what: str
    entry: int
    due_at: datetime
    end: str
    ended_at: datetime | None


class Difference(Struct):
    sentence: str
    before: Promised | None
    after: Promised | None


class Otherwise(Struct):
    """What another plan would have made of it. `severity` is null if it would not have been declared."""

    at: datetime
    severity: str | None
    type: str
    promises: list[Promised]
    differences: list[Difference]


class OtherPlan(Struct, forbid_unknown_fields=True):
    """The text of a plan, and the instant up to which the record is read by it."""

    plan: Annotated[str, Meta(max_length=900_000, pattern=STORABLE)]
    at: Moment | None = None


class Verification(Struct):
    """`entries` hold, and `head` is the hash of the last of them; `entry` is the first that does not, if one."""

    incident_id: str
    ok: bool
    entries: int
    head: str
    entry: int | None
    problem: str


class Incidents(Struct):
    """`next` is the cursor of the page after this one; null on the last."""

    incidents: list[Incident]
    next: str | None


class Entry(Struct):
    """`body` holds what this kind of entry records; `text` says it in a sentence."""

    number: int
    kind: str
    at: datetime
    by: str
    text: str
    body: dict[str, Any]


class Timeline(Struct):
    entries: list[Entry]
    next: str | None


class Obligation(Struct):
    id: str
    incident_id: str | None
    key: str
    kind: str
    what: str
    clause: str
    audience: str
    owner: str
    cause: int | None
    state: str
    opened_at: datetime
    warned_at: datetime | None
    due_at: datetime
    overdue_at: datetime | None
    settled_at: datetime | None
    settled_by: str
    evidence: str
    proof: int | None
    late_by_seconds: float | None


class Replay(Struct):
    """An incident as it stood after so many `entries` of its record; `before_at` and `after_at` are the neighbours."""

    at: datetime
    entries: int
    of: int
    before_at: datetime | None
    after_at: datetime | None
    incident: Incident
    obligations: list[Obligation]
    told: list[Told]
    people: list[Knowing]


class Obligations(Struct):
    obligations: list[Obligation]
    next: str | None


class Signal(Struct):
    id: str
    source: str
    key: str
    state: SignalState
    title: str
    trigger: Trigger
    severity: str | None
    labels: dict[str, str]
    details: dict[str, Any]
    warnings: list[str]
    link: str | None
    started_at: datetime | None
    first_at: datetime
    last_at: datetime
    count: int
    disposition: Disposition
    why: str
    incident_id: str | None
    silence_id: str | None
    held_until: datetime | None
    flapping_since: datetime | None
    calm_at: datetime | None


class Signals(Struct):
    signals: list[Signal]
    next: str | None = None


class Quarantined(Struct):
    """A body that could not be read, cut to its first 65,536 characters. `result` says how reading it again went."""

    id: int
    at: datetime
    source: str
    sender: str
    reason: str
    size: int
    body: str
    read_at: datetime | None
    read_by: str | None
    result: str | None


class Quarantine(Struct):
    bodies: list[Quarantined]
    next: str | None


class Revision(Struct):
    id: str
    name: str
    version: str
    reason: str
    applied_by: str
    applied_at: datetime


class PlanFinding(Struct):
    """`accepted` is the reason for which the plan file accepts it. Lines and columns count from 1."""

    code: str
    level: Level
    line: int
    column: int
    path: str
    reason: str
    mend: str
    accepted: str | None
    fingerprint: str


class PlanCounts(Struct):
    """How many findings of each level nobody has accepted, and how many somebody has."""

    errors: int
    warnings: int
    notes: int
    accepted: int


class PlanReport(Struct):
    """`ok` says that the plan could be put into force and that no error is open in it."""

    ok: bool
    file: str
    counts: PlanCounts
    findings: list[PlanFinding]
    not_checked: list[str]


class Plan(Struct):
    """`plan` is the file as it was understood; spans are ISO 8601. `text` is the file as it was written."""

    revision: Revision
    plan: dict[str, Any]
    text: str


class Revisions(Struct):
    revisions: list[Revision]
    next: str | None


class Person(Struct):
    handle: str
    name: str
    role: AccountRole
    has_password: bool
    reachable: bool
    created_at: datetime
    disabled_at: datetime | None


class People(Struct):
    people: list[Person]
    next: str | None


class Token(Struct):
    """`secret` is there once, in the answer to the request that made the token. `used_at` is right
    to about a minute."""

    id: str
    name: str
    scopes: list[str]
    person: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    secret: str | UnsetType = UNSET


class Tokens(Struct):
    tokens: list[Token]
    next: str | None


class Fact(Struct):
    label: str
    value: str


class Section(Struct):
    """`facts` and `rows` (under `columns`) come from the record, `text` from people."""

    id: str
    title: str
    part: str
    prompt: str
    required: bool
    is_done: bool
    facts: list[Fact]
    columns: list[str]
    rows: list[list[str]]
    text: str


class PostMortem(Struct):
    incident_id: str
    title: str
    declared_on: str
    status: str
    severity: str
    authors: list[str]
    missing: list[str]
    sections: list[Section]
