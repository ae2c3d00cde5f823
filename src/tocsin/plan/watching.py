"""What is watched: health reports, signs of life, numbers and what is usual for them, and what a service logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from tocsin.plan.bodies import BodySchema
from tocsin.plan.fields import STRICT, Number, Several, Span, Text


class Reads(StrEnum):
    """How the numbers at an address are written."""

    PROMETHEUS = "prometheus"
    JSON = "json"
    PROMQL = "promql"


@dataclass(frozen=True, kw_only=True)
class Expects:
    """What a good answer looks like where it is no health report. Words are matched as those of a rule are."""

    __pydantic_config__ = STRICT
    status: tuple[int, ...] = (200,)
    headers: Mapping[str, Annotated[tuple[str, ...], Several]] = field(default_factory=dict)
    says: str | None = None  # an expression that is found anywhere in the body
    json: Mapping[str, Annotated[tuple[str, ...], Several]] = field(default_factory=dict)  # by a value's place


@dataclass(frozen=True, kw_only=True)
class Usual:
    """What is usual is learned: the median of `over`, leaving out whatever was measured during an incident."""

    __pydantic_config__ = STRICT
    over: Span = timedelta(days=7)
    least: int = 100  # readings; of fewer nothing is usual
    within: Span = timedelta(minutes=5)  # the median of so long is held against it
    ignore: Number | None = None  # a smaller difference is none, however large it is in per cent


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Numbers that are read again and again: counters of errors among all, an error rate, a mean, or a plain number."""

    __pydantic_config__ = STRICT
    url: str
    reads: Reads = Reads.PROMETHEUS
    errors: tuple[str, ...] = ()  # counters of what failed
    total: tuple[str, ...] = ()  # counters of everything, what failed included
    error_rate: str | None = None  # a rate in per cent, as it stands
    number: str | None = None  # any number, as it stands
    sum: str | None = None  # the mean of a window is what a sum grew by, over what the count grew by
    average: str | None = None  # where only the average since the start is given, instead of a sum
    count: str | None = None
    unit: Text = ""
    above: Number | None = None  # a larger number is trouble
    usual: Usual | None = None
    window: Span = timedelta(minutes=5)
    least: int = 10  # of fewer in a window nothing is said
    workers: int = 1  # processes behind the address, each of which counts for itself
    every: Span = timedelta(seconds=15)
    timeout: Span = timedelta(seconds=8)
    failures: int = 2
    recoveries: int = 2

    @property
    def counters(self) -> tuple[str, ...]:
        """What only ever grows, in one order: what failed before everything, a sum before its count."""
        mean = (self.sum or self.average, self.count)
        return (*self.errors, *self.total, *(one for one in mean if one is not None))


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Lines that mean trouble once `least` of them come within a span, and what ends it."""

    __pydantic_config__ = STRICT
    match: str
    until: str | None = None
    least: int = 1
    within: Span = timedelta(minutes=10)
    title: Text | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RailwayLog:
    """The log of one environment at Railway. `token` is the name of a secret that stands in the server's settings."""

    __pydantic_config__ = STRICT
    environment: str
    token: str
    filter: Text | None = None


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a service writes: read at an address or at Railway, or sent to us by `sender`, which is its name there."""

    __pydantic_config__ = STRICT
    url: str | None = None
    sender: str | None = None
    railway: RailwayLog | None = None
    every: Span = timedelta(seconds=10)
    timeout: Span = timedelta(seconds=8)
    patterns: Mapping[str, Pattern]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A small file that is sent along. A plan is one text, so it stands there in base64."""

    __pydantic_config__ = STRICT
    name: str
    type: str = "application/octet-stream"
    base64: Text


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One request of a journey, and what answer is a good one."""

    __pydantic_config__ = STRICT
    name: Text
    method: Literal["GET", "POST"] = "GET"
    path: str
    form: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    expect: tuple[int, ...] = (200,)
    says: str | None = None
    schema: BodySchema | None = None  # what the answer's JSON must fit
    captures: Mapping[str, str] = field(default_factory=dict)  # a name for what stands under keys of the answer


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What a user does, done by us: requests one after the other, each with what the ones before it brought."""

    __pydantic_config__ = STRICT
    url: str
    legs: tuple[Leg, ...]
    every: Span = timedelta(minutes=15)
    per_day: int = 100  # what it costs is limited
    timeout: Span = timedelta(seconds=30)
    slow_after: Span | None = None
    failures: int = 1
    recoveries: int = 1


@dataclass(frozen=True, kw_only=True)
class Probe:
    """An address to look at, and how its answer is read. How the address begins says what is looked at: a health
    report, or what `expects` says, at http:// or https://; a port at tcp://, a name at dns://, a certificate at
    tls://."""

    __pydantic_config__ = STRICT
    url: str
    paths: tuple[str, ...] = ("",)
    every: Span = timedelta(seconds=15)
    timeout: Span = timedelta(seconds=8)
    slow_after: Span | None = None
    failures: int = 3
    recoveries: int = 2
    out_of: int | None = None  # failures count among so many last looks, and not only in a row
    certificate_days: int | None = None  # a certificate that ends sooner is trouble
    usual: Usual | None = None  # how long an answer usually takes is learned, and slower ones are told apart
    control: str | None = None  # somebody else's address: if that is silent too, our own network is in trouble
    expects: Expects | None = None  # what is good where the answer is no health report
    schema: BodySchema | None = None  # what its JSON must fit besides, health report or not
    token: str | None = None  # the name of a secret of the settings with which it asks
    token_header: str | None = None  # where that stands; else it is a bearer token
    status_field: str = "status"
    healthy_values: tuple[str, ...] = ("healthy",)
    components_field: str = "services"
    good_values: tuple[str, ...] = ("connected",)


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A sign of life that something of ours sends: it is missed `grace` after it should have come."""

    __pydantic_config__ = STRICT
    every: Span
    grace: Span = timedelta(minutes=5)
    runs_within: Span | None = None  # a run that said when it began is to end within so long, instead of the grace

    @property
    def missed_after(self) -> timedelta:
        return self.every + self.grace
