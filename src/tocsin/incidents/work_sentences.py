"""What people found, chose, did and proved, in a sentence each."""

from typing import assert_never

from tocsin.incidents.model import Decided
from tocsin.incidents.words import assessed, check_name, confirmation_name, more, name, strategy_name, vendor_name
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    Result,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Tick,
    Verdict,
    Verified,
    WorkEntry,
)
from tocsin.kit.text import ended, listed
from tocsin.plan.model import Plan


def said(plan: Plan, entry: WorkEntry | ImpactAssessed, who: str) -> str:
    """What people found, chose, did and proved."""
    match entry:
        case Found():
            return (
                f"{who} {_VERDICT[entry.verdict]}: {ended(entry.finding)}{_evidence(entry.evidence)}{_revised(entry)}"
            )
        case ImpactAssessed():
            return f"{who} assessed the impact: {ended(assessed(entry))}"
        case StrategyChosen():
            return f"{who} chose the way out: {strategy_name(plan, entry.strategy)}, because {ended(entry.because)}"
        case Deployed():
            tried = "tested in staging" if entry.tested else "not tested in staging"
            how = f": {entry.staging}" if entry.staging else ""
            return f"{who} deployed to {entry.where}: {ended(entry.what)} It was {ended(tried + how)}"
        case Verified():
            return f"{check_name(plan, entry.check)}: {_RESULT[entry.result]}, says {who}.{_evidence(entry.evidence)}"
        case RecoveryConfirmed():
            what = confirmation_name(plan, entry.confirmation)
            return f"{what}: {_HOLDS[entry.result]}, says {who}.{_evidence(entry.evidence)}"
        case ItemTicked():
            done = "ticked off" if entry.tick is Tick.DONE else "set aside as not applicable"
            return f"{who} {done} “{entry.what}”.{more(entry.note)}"
        case ItemUnticked():
            return f"{who} took back the tick on “{entry.what}”.{more(entry.note)}"
        case DutiesChanged():
            return _duties(entry)
        case Thanked():
            return f"{who} thanked {listed(name(plan, one) for one in entry.people) or 'the team'}: {ended(entry.text)}"
        case SupportContacted():
            case_ = f" (case {entry.reference})" if entry.reference else ""
            return (
                f"{who} was in touch with the support of {vendor_name(plan, entry.vendor)}{case_}: {ended(entry.what)}"
            )
    assert_never(entry)


_VERDICT = {
    Verdict.OBSERVATION: "found",
    Verdict.ROOT_CAUSE: "found the root cause",
    Verdict.CONTRIBUTING_FACTOR: "found a contributing factor",
    Verdict.RULED_OUT: "ruled out",
}
_RESULT = {Result.PASSED: "passed", Result.FAILED: "failed", Result.NOT_APPLICABLE: "does not apply"}
_HOLDS = {Result.PASSED: "confirmed", Result.FAILED: "not yet", Result.NOT_APPLICABLE: "does not apply"}


def _evidence(text: str) -> str:
    return f" Evidence: {ended(text)}" if text else ""


def _revised(entry: Found) -> str:
    return f" This replaces entry {entry.revises}." if entry.revises else ""


def decided(plan: Plan, entry: Decided, who: str) -> str:
    decider = f"{name(plan, entry.decider)} decided, written down by {who}" if entry.decider else f"{who} decided"
    considered = f" Considered: {ended('; '.join(entry.options))}" if entry.options else ""
    return f"{decider}: {ended(entry.decision)} Because: {ended(entry.because)}{considered}{_evidence(entry.basis)}"


def _duties(entry: DutiesChanged) -> str:
    """`P1 became P0. Now owed: … No longer owed: … Due at another time: …`"""
    parts = (("Now owed", entry.begun), ("No longer owed", entry.ended), ("Due at another time", entry.moved))
    said = "".join(f" {label}: {ended('; '.join(those))}" for label, those in parts if those)
    return f"{ended(entry.because)}{said}"
