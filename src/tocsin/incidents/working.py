"""The rules of the work on an incident: findings, impact, the way out, the fix, its proof, checklists.

Pure functions. A verb returns the entries to append, none if it would change nothing, or raises a refusal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents.lifecycle import require_here, require_open, said
from tocsin.incidents.model import AnyEntry, Decided, Incident, Numbered
from tocsin.incidents.work import Deployed, Found, ImpactAssessed, Verdict
from tocsin.kit.errors import Invalid, NotFound


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
    among: Iterable[int] = (),
    by: str,
    now: datetime,
) -> list[AnyEntry]:
    """Put a finding on the record. `revises` must be one of the findings that stand, by their entries: `among`."""
    require_here(incident)
    if revises is not None and revises not in among:
        raise NoSuchFinding(f"Entry {revises} is no finding that stands.")
    found = Found(
        at=now, by=by, finding=said(finding, "finding"), verdict=verdict, evidence=evidence.strip(), revises=revises
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
