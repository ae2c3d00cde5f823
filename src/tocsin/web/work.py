"""What the room shows of the work: findings, impact, the way out, fixes, and their proof. Plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents import completing, dependence, words, working
from tocsin.incidents.model import Incident, Numbered
from tocsin.incidents.work import Deployed, Found, Result, SupportContacted, Verdict
from tocsin.kit.text import listed
from tocsin.plan.model import Plan
from tocsin.web import present
from tocsin.web.present import Choice

VERDICTS = {
    Verdict.OBSERVATION: ("dot", "Observation"),
    Verdict.ROOT_CAUSE: ("met", "Root cause"),
    Verdict.CONTRIBUTING_FACTOR: ("open", "Contributing factor"),
    Verdict.RULED_OUT: ("waived", "Ruled out"),
}
RESULTS = {
    Result.PASSED: ("met", "Passed"),
    Result.FAILED: ("missed", "Failed"),
    Result.NOT_APPLICABLE: ("waived", "Does not apply"),
}


@dataclass(frozen=True)
class Finding:
    number: int
    mark: str
    verdict: str
    text: str
    who: str
    evidence: str
    evidence_href: str


@dataclass(frozen=True)
class Fix:
    what: str
    where: str
    when: str
    who: str
    staging: str


@dataclass(frozen=True)
class Check:
    key: str
    what: str
    mark: str
    word: str


@dataclass(frozen=True)
class Support:
    """A vendor on which the service depends, and how its support is reached."""

    key: str
    name: str
    support: str
    status_page: str


@dataclass(frozen=True)
class Contact:
    vendor: str
    what: str
    reference: str
    who: str
    when: str


@dataclass(frozen=True)
class View:
    """`unverified` names what resolving still wants; `thanks` is a note that may be sent as it is, or changed."""

    impact: str
    findings: tuple[Finding, ...]
    verdicts: tuple[Choice, ...]
    replaceable: tuple[Choice, ...]
    strategy: str
    strategies: tuple[Choice, ...]
    fixes: tuple[Fix, ...]
    checks: tuple[Check, ...]
    confirmations: tuple[Check, ...]
    results: tuple[Choice, ...]
    unverified: str
    support: tuple[Support, ...]
    contacts: tuple[Contact, ...]
    is_thanked: bool
    thanks: str
    helpers: str


def view(plan: Plan, incident: Incident, entries: Sequence[Numbered], now: datetime) -> View:
    found, done = working.picture(entries), incident.work
    findings = tuple(_finding(plan, number, one) for number, one in found.findings.items())
    helpers = present.names(plan, working.helpers(plan, incident))
    missing = completing.unverified(plan, incident)
    return View(
        impact=words.impact(incident),
        findings=findings,
        verdicts=tuple(Choice(key, label) for key, (_, label) in VERDICTS.items()),
        replaceable=tuple(Choice(str(one.number), f"{one.number}: {one.text}") for one in findings),
        strategy=words.strategy_name(plan, done.strategy) if done.strategy else "",
        strategies=tuple(
            Choice(key, one.name, "", key == done.strategy) for key, one in plan.resolution.strategies.items()
        ),
        fixes=tuple(_fix(plan, one, now) for one in found.fixes),
        checks=_checks(plan.resolution.verification, done.checks),
        confirmations=_checks(plan.recovery.confirm, done.confirmations),
        results=tuple(Choice(key, label) for key, (_, label) in RESULTS.items()),
        unverified=listed(plan.resolution.verification[key] for key in missing),
        support=tuple(_support(plan, incident)),
        contacts=tuple(_contact(plan, one.entry, now) for one in entries if isinstance(one.entry, SupportContacted)),
        is_thanked=done.thanked_at is not None,
        thanks=f"Thank you for what you did for #{incident.number}, {incident.title}." if helpers else "",
        helpers=helpers,
    )


def _support(plan: Plan, incident: Incident) -> Iterator[Support]:
    for key, one in dependence.vendors(plan, incident).items():
        yield Support(key, one.name, one.support, one.status_page or "")


def _contact(plan: Plan, one: SupportContacted, now: datetime) -> Contact:
    who, when = words.name(plan, one.by), present.moment(one.at, now)
    return Contact(words.vendor_name(plan, one.vendor), one.what, one.reference, who, when)


def _finding(plan: Plan, number: int, one: Found) -> Finding:
    mark, verdict = VERDICTS[one.verdict]
    href = one.evidence if one.evidence.startswith(("https://", "http://")) and " " not in one.evidence else ""
    return Finding(number, mark, verdict, one.finding, words.name(plan, one.by), one.evidence, href)


def _fix(plan: Plan, one: Deployed, now: datetime) -> Fix:
    tested = "Tested in staging" if one.tested else "Not tested in staging"
    staging = f"{tested}: {one.staging}" if one.staging else tested
    return Fix(one.what, one.where, present.moment(one.at, now), words.name(plan, one.by), staging)


def _checks(wanted: Mapping[str, str], found: Mapping[str, Result]) -> tuple[Check, ...]:
    return tuple(Check(key, what, *_result(found.get(key))) for key, what in wanted.items())


def _result(result: Result | None) -> tuple[str, str]:
    return RESULTS[result] if result else ("open", "Open")
