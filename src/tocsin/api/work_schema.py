"""The shapes in which the API speaks of the work on an incident, by the rules of `schema`."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tocsin.api.schema import Line, Name, Text
from tocsin.incidents.relation import Relation
from tocsin.incidents.work import Found, Result, Tick, Verdict

# ---- What comes in ----


class NewFinding(Struct, forbid_unknown_fields=True):
    """`revises` is the number of the entry whose finding this one replaces."""

    finding: Text
    verdict: Verdict = Verdict.OBSERVATION
    evidence: Text = ""
    revises: int | None = None


class NewImpact(Struct, forbid_unknown_fields=True):
    """A number or a share of users wants its `source`."""

    users: Annotated[int, Meta(ge=0, le=10_000_000_000)] | None = None
    percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    source: Line = ""
    functions: Text = ""
    revenue: Text = ""
    reputation: Text = ""


class NewFix(Struct, forbid_unknown_fields=True):
    """`staging` says how it was tested there, or why it was not."""

    what: Text
    where: Line
    tested: bool
    staging: Text = ""


class NewContact(Struct, forbid_unknown_fields=True):
    """`vendor` is one of the plan's; `reference` is what its support calls the case."""

    vendor: Name
    what: Text
    reference: Line = ""


class NewStrategy(Struct, forbid_unknown_fields=True):
    """`strategy` is one of the plan's."""

    strategy: Name
    because: Text


class NewCheck(Struct, forbid_unknown_fields=True):
    """`check` is one of the plan's checks after a fix; `evidence` says why, where it does not apply."""

    check: Name
    result: Result = Result.PASSED
    evidence: Text = ""


class NewConfirmation(Struct, forbid_unknown_fields=True):
    """`confirmation` is one of the plan's confirmations of full recovery."""

    confirmation: Name
    result: Result = Result.PASSED
    evidence: Text = ""


class NewTick(Struct, forbid_unknown_fields=True):
    """`item` is the key of an item, as the checklists show it."""

    item: Name
    tick: Tick = Tick.DONE
    note: Text = ""


class OldTick(Struct, forbid_unknown_fields=True):
    item: Name
    note: Text = ""


class Thanks(Struct, forbid_unknown_fields=True):
    text: Text


class Merging(Struct, forbid_unknown_fields=True):
    """`into` is the id or the number of the incident in which the work goes on."""

    into: Name
    because: Text


class NewLink(Struct, forbid_unknown_fields=True):
    """This incident stands in `relation` to the other, which is named by its id or number."""

    incident: Name
    relation: Relation = Relation.RELATED_TO
    because: Text = ""


class OldLink(Struct, forbid_unknown_fields=True):
    incident: Name
    because: Text


class Part(Struct, forbid_unknown_fields=True):
    """`signals` are ids of signals of the present incident, which go with the new one."""

    title: Line
    severity: Name
    type: Name
    because: Text
    service: Name | None = None
    signals: Annotated[list[Name], Meta(max_length=1000)] = []


# ---- What goes out ----


class Finding(Struct):
    """`entry` is its number on the timeline."""

    entry: int
    at: datetime
    by: str
    finding: str
    verdict: Verdict
    evidence: str


class Impact(Struct):
    at: datetime
    by: str
    users: int | None
    percent: float | None
    source: str
    functions: str
    revenue: str
    reputation: str


class Decision(Struct):
    at: datetime
    by: str
    decider: str
    decision: str
    because: str
    options: list[str]
    basis: str


class Fix(Struct):
    at: datetime
    by: str
    what: str
    where: str
    tested: bool
    staging: str


class Check(Struct):
    """Something the plan wants looked at, and how it came out; `result` is null while nobody has said."""

    key: str
    what: str
    result: Result | None


class Work(Struct):
    """Findings that a later one replaced are left out; the timeline has them."""

    findings: list[Finding]
    impact: Impact | None
    decisions: list[Decision]
    strategy: str | None
    strategies: dict[str, str]
    fixes: list[Fix]
    verification: list[Check]
    confirmations: list[Check]


class Item(Struct):
    """`effect` says whether the action only `reads` or `changes` something; empty where the plan does not say."""

    key: str
    what: str
    effect: str
    tick: Tick | None
    by: str | None
    at: datetime | None
    note: str


class Exit(Struct):
    """A condition under which a phase is over; `entry` is the number of the entry that met it."""

    condition: str
    is_met: bool
    entry: int | None


class Phase(Struct):
    key: str
    name: str
    is_present: bool
    began_at: datetime | None
    ends_when: list[Exit]
    items: list[Item]


class Checklists(Struct):
    """The checklist of the incident's type, and the phases with their conditions and checklists."""

    type: list[Item]
    phases: list[Phase]


class Tenure(Struct):
    """`until` is null for whoever holds the role now."""

    role: str
    person: str
    since: datetime
    until: datetime | None
    named_by: str


class Roles(Struct):
    roles: list[Tenure]


def finding(number: int, found: Found) -> Finding:
    return Finding(number, found.at, found.by, found.finding, found.verdict, found.evidence)
