"""The rules of the work on an incident: findings, impact, the way out, the fix, its proof, checklists.

Pure functions. A verb returns the entries to append, none if it would change nothing, or raises a refusal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.incidents import completing, lifecycle
from tocsin.incidents.lifecycle import (
    Empty,
    NotResolved,
    known,
    require_here,
    require_open,
    require_unresolved,
    said,
)
from tocsin.incidents.model import AnyEntry, Decided, Incident, Numbered, RoleAssigned
from tocsin.incidents.work import (
    Deployed,
    Found,
    ImpactAssessed,
    RecoveryConfirmed,
    Result,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Verdict,
    Verified,
)
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused
from tocsin.kit.text import listed
from tocsin.plan.model import Plan


class NotVerified(Refused):
    """The plan's checks after the fix are not all recorded."""


class MayNotPassOver(Forbidden):
    """Only who may waive what is owed may resolve without the plan's checks."""


class NoSuchFinding(NotFound):
    """The record has no finding of this number."""


# ---- What was found ----


def find(
    incident: Incident,
    finding: str,
    verdict: Verdict,
    *,
    evidence: str = "",
    revises: int | None = None,
    standing: Mapping[int, Found] | None = None,
    by: str,
    now: datetime,
) -> list[AnyEntry]:
    """Put a finding on the record. `revises` must be one of those that stand, by the numbers of their entries."""
    require_here(incident)
    was = (standing or {}).get(revises) if revises is not None else None
    if revises is not None and was is None:
        raise NoSuchFinding(f"Entry {revises} is no finding that stands.")
    found = Found(
        at=now,
        by=by,
        finding=said(finding, "finding"),
        verdict=verdict,
        evidence=evidence.strip(),
        revises=revises,
        was=was.verdict if was else None,
    )
    return [found]


def standing_findings(entries: Iterable[Numbered]) -> dict[int, Found]:
    """The findings that no later one replaces, by the numbers of their entries, in order."""
    standing: dict[int, Found] = {}
    for numbered in entries:
        if isinstance(numbered.entry, Found):
            standing.pop(numbered.entry.revises or 0, None)
            standing[numbered.number] = numbered.entry
    return standing


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a record says of the work: findings that stand, by entry, and decisions and fixes in order."""

    findings: Mapping[int, Found]
    decisions: tuple[Decided, ...]
    fixes: tuple[Deployed, ...]


def picture(entries: Sequence[Numbered]) -> Picture:
    return Picture(
        findings=standing_findings(entries),
        decisions=tuple(one.entry for one in entries if isinstance(one.entry, Decided)),
        fixes=tuple(one.entry for one in entries if isinstance(one.entry, Deployed)),
    )


def causes(entries: Iterable[Numbered]) -> list[str]:
    """The root causes that stand, as they were written."""
    return [one.finding for one in standing_findings(entries).values() if one.verdict is Verdict.ROOT_CAUSE]


# ---- Whom it touches ----


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An estimate of the impact as a person gives it."""

    users: int | None = None
    percent: float | None = None
    source: str = ""
    functions: str = ""
    revenue: str = ""
    reputation: str = ""


def assess(incident: Incident, estimate: Estimate, *, by: str, now: datetime) -> list[AnyEntry]:
    """Say whom it touches and how. A number of users wants its source: a guess must be seen to be one."""
    require_here(incident)
    counted = estimate.users is not None or estimate.percent is not None
    words = {name: getattr(estimate, name).strip() for name in ("source", "functions", "revenue", "reputation")}
    if estimate.users is not None and estimate.users < 0:
        raise Invalid("A number of users is not below nothing.", field="users")
    if estimate.percent is not None and not 0 <= estimate.percent <= 100:
        raise Invalid("A share of the users lies between 0 and 100 per cent.", field="percent")
    if counted and not words["source"]:
        raise Invalid("Say how the number of users is known, if only as an estimate.", field="source")
    if not counted and not (words["functions"] or words["revenue"] or words["reputation"]):
        raise Invalid("Say something of the impact: users, functions, revenue or reputation.", field="functions")
    entry = ImpactAssessed(at=now, by=by, users=estimate.users, percent=estimate.percent, **words)
    same = incident.assessed is not None and _told(entry) == _told(incident.assessed)
    return [] if same else [entry]


def _told(entry: ImpactAssessed) -> tuple[object, ...]:
    return (entry.users, entry.percent, entry.source, entry.functions, entry.revenue, entry.reputation)


# ---- The fix ----


def deploy(
    incident: Incident, what: str, where: str, *, tested: bool, staging: str, by: str, now: datetime
) -> list[AnyEntry]:
    """Say that a fix went out, and whether it was tried in staging; if not, why not."""
    require_open(incident)
    if not tested and not staging.strip():
        raise Invalid("Say why it was not tested in staging.", field="staging")
    deployed = Deployed(
        at=now,
        by=by,
        what=said(what, "what"),
        where=said(where, "where"),
        tested=tested,
        staging=staging.strip(),
    )
    return [deployed]


# ---- The way out, its proof, the end ----


def choose(plan: Plan, incident: Incident, strategy: str, because: str, *, by: str, now: datetime) -> list[AnyEntry]:
    """Choose among the plan's strategies; another choice replaces it."""
    require_unresolved(incident)
    known("strategy", strategy, plan.resolution.strategies)
    why = said(because, "because")
    return [] if incident.work.strategy == strategy else [StrategyChosen(at=now, by=by, strategy=strategy, because=why)]


def verify(
    plan: Plan, incident: Incident, check: str, result: Result, evidence: str, *, by: str, now: datetime
) -> list[AnyEntry]:
    """Record how one of the plan's checks came out."""
    require_open(incident)
    known("check", check, plan.resolution.verification)
    _require_reason(result, evidence)
    return [Verified(at=now, by=by, check=check, result=result, evidence=evidence.strip())]


def confirm(
    plan: Plan, incident: Incident, confirmation: str, result: Result, evidence: str, *, by: str, now: datetime
) -> list[AnyEntry]:
    """Record one of the plan's confirmations of full recovery; there is nothing to confirm before the fix."""
    require_open(incident)
    if not incident.is_resolved:
        raise NotResolved("Full recovery is confirmed once the incident is resolved.")
    known("confirmation", confirmation, plan.recovery.confirm)
    _require_reason(result, evidence)
    return [RecoveryConfirmed(at=now, by=by, confirmation=confirmation, result=result, evidence=evidence.strip())]


def _require_reason(result: Result, evidence: str) -> None:
    if result is Result.NOT_APPLICABLE and not evidence.strip():
        raise Empty("Say why it does not apply.", field="evidence")


def resolve(
    plan: Plan, incident: Incident, how: str, because: str, *, may_pass_over: bool, by: str, now: datetime
) -> list[AnyEntry]:
    """Resolve, or refuse and name each check that nobody has seen pass.

    Whoever may waive what is owed may pass them over; the record says which, who and why.
    """
    require_unresolved(incident)
    missing = tuple(plan.resolution.verification[key] for key in completing.unverified(plan, incident))
    if missing and not because.strip():
        raise NotVerified(f"Not verified yet: {listed(missing)}.")
    if missing and not may_pass_over:
        raise MayNotPassOver(f"Not verified yet: {listed(missing)}. {MayNotPassOver.__doc__}")
    why = because.strip() if missing else ""
    return lifecycle.resolve(incident, how, by=by, now=now, unverified=missing, because=why)


def contact(
    plan: Plan, incident: Incident, vendor: str, what: str, reference: str, *, by: str, now: datetime
) -> list[AnyEntry]:
    """Record what was asked of a vendor's support, or heard from it."""
    require_here(incident)
    known("vendor", vendor, plan.vendors)
    return [SupportContacted(at=now, by=by, vendor=vendor, what=said(what, "what"), reference=reference.strip())]


def thank(incident: Incident, text: str, people: Iterable[str], *, by: str, now: datetime) -> list[AnyEntry]:
    """Thank those who helped."""
    require_here(incident)
    if not incident.is_resolved:
        raise NotResolved("The team is thanked once the incident is resolved.")
    return [Thanked(at=now, by=by, text=said(text), people=tuple(people))]


def helpers(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """The people of the plan who worked on it, as far as the record knows; whoever was taken off a secret is none."""
    known = (*incident.roles.values(), incident.acknowledged_by or "", incident.declared_by)
    gone = {one for one in known if incident.confidential_at and one not in incident.responders}
    return tuple(one for one in dict.fromkeys(known) if one in plan.people and one not in gone)


# ---- Who held which role ----


@dataclass(frozen=True, kw_only=True)
class Tenure:
    """Who held a role from when until when; `until` is None for whoever holds it now."""

    role: str
    person: str
    since: datetime
    until: datetime | None
    named_by: str


def tenures(entries: Iterable[Numbered]) -> list[Tenure]:
    """Who held which role when, in the order in which they took it."""
    found: list[Tenure] = []
    held: dict[str, int] = {}
    for numbered in entries:
        entry = numbered.entry
        if isinstance(entry, RoleAssigned):
            if entry.role in held:
                found[held[entry.role]] = replace(found[held[entry.role]], until=entry.at)
            held[entry.role] = len(found)
            found.append(Tenure(role=entry.role, person=entry.person, since=entry.at, until=None, named_by=entry.by))
    return found
