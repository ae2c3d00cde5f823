"""What people find out, choose, do and prove while an incident lasts: the entries for it, and what the fold keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from tocsin.incidents.entry import Entry


class Verdict(StrEnum):
    """What a finding means for the question of why it happened."""

    OBSERVATION = "observation"  # not judged yet
    ROOT_CAUSE = "root_cause"
    CONTRIBUTING_FACTOR = "contributing_factor"
    RULED_OUT = "ruled_out"


class Result(StrEnum):
    """How a check of the plan came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


class Tick(StrEnum):
    """What a person says of an item on a checklist."""

    DONE = "done"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, kw_only=True)
class Found(Entry):
    """Something that was found out. `revises` is the number of the entry whose finding, a `was`, this one replaces."""

    finding: str
    verdict: Verdict
    evidence: str = ""  # a text, or a link to it
    revises: int | None = None
    was: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class ImpactAssessed(Entry):
    """Who is touched and how, as far as it is known then. The latest assessment counts, as a whole."""

    users: int | None = None
    percent: float | None = None  # of all users
    source: str = ""  # how these numbers are known
    functions: str = ""
    revenue: str = ""
    reputation: str = ""


@dataclass(frozen=True, kw_only=True)
class StrategyChosen(Entry):
    strategy: str  # a strategy of the plan
    because: str


@dataclass(frozen=True, kw_only=True)
class Deployed(Entry):
    """A fix went out. `staging` says how it was tried before, or why it was not."""

    what: str
    where: str
    tested: bool  # in staging, before
    staging: str = ""


@dataclass(frozen=True, kw_only=True)
class Verified(Entry):
    """A check of the plan's verification, as a person found it."""

    check: str
    result: Result
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class RecoveryConfirmed(Entry):
    """One of the plan's confirmations of full recovery, as a person found it."""

    confirmation: str
    result: Result
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class ItemTicked(Entry):
    """`item` is its key, such as `type.service_outage.2`; `what` are the plan's words."""

    item: str
    what: str
    tick: Tick
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ItemUnticked(Entry):
    item: str
    what: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DutiesChanged(Entry):
    """What a change of severity or type did to what is owed, in words."""

    because: str
    ended: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Thanked(Entry):
    """The team was thanked, in these words."""

    text: str
    people: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SupportContacted(Entry):
    """Somebody turned to the support of a vendor, or heard from it. `reference` is the vendor's name for the case."""

    vendor: str  # a vendor of the plan
    what: str
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What people found and did since the incident was last opened, as far as a rule asks for it.

    `checks` and `confirmations` hold the last result by key, `ticks` what is ticked off, by the item's key. The root
    causes that stand are counted over the whole record.
    """

    causes: int = 0
    cause_at: datetime | None = None  # when a root cause was first named
    strategy: str | None = None
    deployed_at: datetime | None = None
    checks: Mapping[str, Result] = field(default_factory=dict)
    confirmations: Mapping[str, Result] = field(default_factory=dict)
    ticks: Mapping[str, Tick] = field(default_factory=dict)
    thanked_at: datetime | None = None


WorkEntry = (
    Found
    | StrategyChosen
    | Deployed
    | Verified
    | RecoveryConfirmed
    | ItemTicked
    | ItemUnticked
    | Thanked
    | DutiesChanged
    | SupportContacted
)


def after(work: Work, entry: WorkEntry) -> Work:
    """What is known of the work after one more entry."""
    match entry:
        case Found():
            cause = Verdict.ROOT_CAUSE
            causes = work.causes + (entry.verdict is cause) - (entry.was is cause)
            named_at = entry.at if entry.verdict is cause else None
            return replace(work, causes=causes, cause_at=(work.cause_at or named_at) if causes else None)
        case StrategyChosen():
            return replace(work, strategy=entry.strategy)
        case Deployed():  # what was seen before this fix says nothing about it
            return replace(work, deployed_at=entry.at, checks={})
        case Verified():
            return replace(work, checks={**work.checks, entry.check: entry.result})
        case RecoveryConfirmed():
            return replace(work, confirmations={**work.confirmations, entry.confirmation: entry.result})
        case ItemTicked():
            return replace(work, ticks={**work.ticks, entry.item: entry.tick})
        case ItemUnticked():
            return replace(work, ticks={item: tick for item, tick in work.ticks.items() if item != entry.item})
        case Thanked():
            return replace(work, thanked_at=entry.at)
        case DutiesChanged() | SupportContacted():
            return work
    assert_never(entry)
