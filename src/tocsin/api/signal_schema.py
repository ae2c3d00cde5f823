"""What the API says of signals beside themselves: why they were paged, and what other rules would make of them."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tocsin.api import schema


class TriedPlan(Struct, forbid_unknown_fields=True):
    """The text of a plan whose rules are tried."""

    plan: Annotated[str, Meta(max_length=900_000, pattern=schema.STORABLE)]


class Check(Struct):
    """A condition of a rule. `wanted` is what it asks for, in words; `found` is null where the signal lacks it."""

    name: str
    wanted: str
    found: str | None
    holds: bool


class Ruling(Struct):
    """A rule, in the order in which the rules are asked. Only one decides: the first that fits."""

    place: int
    rule: str
    checks: list[Check]
    severity: str | None
    fits: bool
    decides: bool
    why: str


class Followed(Struct):
    """An entry of the incident's record."""

    entry: int
    at: datetime
    sentence: str


class Said(Struct):
    """What a signal said from an instant on, and what became of it; `times` is how often it had come by then."""

    at: datetime
    state: str
    severity: str | None
    disposition: str
    why: str
    times: int


class Explanation(Struct):
    """`severity` is null where no rule decides; `differs` says what was decided then, if these rules decide otherwise.

    Of what `followed`, `more` entries are left out. `history` holds the last 20 changes, the latest first.
    """

    signal_id: str
    title: str
    plan: str
    revision: str | None
    verdict: str
    severity: str | None
    type: str | None
    rule: str | None
    why: str
    differs: str
    rulings: list[Ruling]
    incident_id: str | None
    joined: str
    followed: list[Followed]
    more: int
    silence_id: str | None
    flapping: str
    history: list[Said]


class Tally(Struct):
    """How many signals a rule decides: then, and under this plan. Without a name: those that no rule decides."""

    rule: str
    before: int
    after: int


class Called(Struct):
    """What a plan makes of a signal; without a severity, nothing."""

    severity: str | None
    type: str
    rule: str


class ExampleSignal(Struct):
    id: str
    title: str
    last_at: datetime


class RuleChange(Struct):
    """Signals of which this plan makes something else. `is_less`: taken less seriously, or by nobody."""

    sentence: str
    count: int
    is_less: bool
    before: Called
    after: Called
    examples: list[ExampleSignal]


class Ending(Struct):
    """How many incidents of a severity there would have been, and how many of them would have resolved themselves once
    their signals had been clear for so long, unless somebody took a role."""

    severity: str
    after_seconds: float
    incidents: int
    themselves: int
    sentence: str


class RulesTried(Struct):
    """`is_whole` says whether every signal of the period was tried, and not only the newest. `endings` has the
    severities whose incidents resolve themselves by this plan."""

    since: datetime
    signals: int
    is_whole: bool
    tallies: list[Tally]
    changes: list[RuleChange]
    endings: list[Ending]


class NewSilence(Struct, forbid_unknown_fields=True):
    """Either `matchers`, written as `alertname=DiskFull`, or a `service`: then it is maintenance with a public `title`.

    It begins now without a start. `yes` accepts that it holds back signals of the worst severity.
    """

    ends_at: schema.Moment
    because: schema.Line
    matchers: Annotated[list[schema.Line], Meta(max_length=20)] = []
    service: schema.Name | None = None
    components: Annotated[list[schema.Name], Meta(max_length=100)] = []
    title: schema.Line = ""
    text: schema.Text = ""
    starts_at: schema.Moment | None = None
    yes: bool = False


class LongerSilence(Struct, forbid_unknown_fields=True):
    """When it ends from now on: later than before. `yes` accepts that it holds back signals of the worst severity."""

    ends_at: schema.Moment
    yes: bool = False


class Silence(Struct):
    """`state` is `coming`, `active` or `past`; `held` counts the signals that it held back."""

    id: str
    state: str
    matchers: list[str]
    service: str | None
    components: list[str]
    title: str
    text: str
    starts_at: datetime
    ends_at: datetime
    because: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    extended_at: datetime | None
    extended_by: str | None
    held: int


class Silences(Struct):
    silences: list[Silence]
    next: str | None


class MeantSignal(Struct):
    """A signal, and the severity that the rules in force give it."""

    id: str
    title: str
    last_at: datetime
    severity: str | None
    is_worst: bool


class SilencePreview(Struct):
    """`firing` now, and `earlier` this week; `warning` is empty where nothing of the worst severity is held back."""

    looked_at: int
    warning: str
    firing: list[MeantSignal]
    earlier: list[MeantSignal]


class Reread(Struct):
    """How reading a body again went: what it said, or the problem that is left."""

    id: int
    signals: int
    changes: int
    problem: str
    said: str


class AllReread(Struct):
    bodies: list[Reread]
