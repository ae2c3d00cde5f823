"""The numbers, read from the record."""

from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.delivery import store as receipts
from tocsin.delivery.store import Receipt, ReceiptKind, Sent
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.insights import coverage as covering
from tocsin.insights import metrics
from tocsin.insights import proposals as proposing
from tocsin.insights import reach as reaching
from tocsin.insights import store as facts
from tocsin.insights.coverage import Coverage
from tocsin.insights.facts import Measured
from tocsin.insights.keeping import Keeping, keeping
from tocsin.insights.proposals import Proposal
from tocsin.insights.reach import Reach, Travel
from tocsin.insights.remembered import Remembered
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind, Obligation
from tocsin.plan import store as plans
from tocsin.plan.clauses import Clause, clauses
from tocsin.plan.model import Plan

BEFORE = timedelta(days=30)  # how far before the period a repeat may have begun
AT_MOST = 10_000  # incidents in one report
READ_FOR_COVERAGE = 1_000  # incidents whose whole record is read, the latest first
COVERED = timedelta(days=90)  # over how long obligations are counted unless somebody says otherwise


_reports: Remembered[metrics.Report] = Remembered()
_proposals: Remembered[list[Proposal]] = Remembered()
_keepings: Remembered[dict[str, Keeping]] = Remembered()
_coverages: Remembered[Coverage] = Remembered()
_shown: Remembered[covering.Shown] = Remembered(2 * READ_FOR_COVERAGE)
_ledgers: Remembered[tuple[covering.Ledger, bool]] = Remembered()


def _state_of_record(tx: Tx) -> tuple[Hashable, datetime] | None:
    """What tells one state of the record from every other, as far as the reader may see it, and when it came to be.
    None while it is just changing."""
    latest = incidents.last_changed(tx)
    if not latest or tx.now - latest[0].at < facts.SETTLED:
        return None
    return (latest, sight.all_unseen(tx), plans.current_id(tx)), latest[0].at


def _key(tx: Tx, start: datetime, end: datetime, *more: Hashable) -> Hashable | None:
    """By what a report over a period is remembered. What lies between the last change and the end is only empty."""
    state = _state_of_record(tx)
    if state is None:
        return None
    return (state[0], start, end if end <= state[1] else end.date(), *more)


def report(tx: Tx, period_start: datetime, period_end: datetime) -> metrics.Report:
    """What the record shows of the incidents declared in a period."""
    found = _reports.of(_key(tx, period_start, period_end), lambda: _report(tx, period_start, period_end))
    return replace(found, period_end=period_end)


def _report(tx: Tx, period_start: datetime, period_end: datetime) -> metrics.Report:
    known, owed = facts.known(tx, period_start - BEFORE, period_end, AT_MOST)
    revisions = {one.plan_revision: plans.load(tx, one.plan_revision) for one in known}

    def plan_of(revision: str) -> Plan:
        return revisions[revision]

    plan = plan_of if known else plans.current(tx)
    return metrics.report(plan, known, owed, period_start, period_end, _of_the_same_cause(tx, known))


def _of_the_same_cause(tx: Tx, known: list[Measured]) -> list[Incident]:
    """What people have tied to these, and was declared before them."""
    ids = {one.incident_id for one in known}
    return incidents.glimpse(tx, sorted({other for one in known for other in one.same_cause} - ids))


def proposals(tx: Tx, period_start: datetime, period_end: datetime, at_least: int) -> list[Proposal]:
    """What the incidents declared in a period put forward as a change to the plan in force."""
    key = _key(tx, period_start, period_end, at_least)
    return _proposals.of(key, lambda: _proposed(tx, period_start, period_end, at_least))


def _proposed(tx: Tx, period_start: datetime, period_end: datetime, at_least: int) -> list[Proposal]:
    known, owed = facts.known(tx, period_start, period_end, AT_MOST)
    return proposing.proposals(plans.current(tx), lambda one: plans.load(tx, one), known, owed, at_least)


def coverage(tx: Tx, since: datetime) -> Coverage:
    """How each clause of the plan in force is kept, as far as the reader may see the record."""
    watched = [*obligations.open_looks(tx), *obligations.opened_since(tx, Kind.HANDOFF, since)]
    key = _key(tx, since, tx.now, *((one.id, one.state) for one in watched))
    found = _coverages.of(key, lambda: _coverage(tx, since, watched))
    return replace(found, period_end=tx.now)


def _coverage(tx: Tx, since: datetime, watched: list[Obligation]) -> Coverage:
    plan, revision = plans.current(tx), plans.current_id(tx)
    ledger, is_whole = _ledgers.of(_key(tx, since, tx.now), lambda: _ledger(tx, since))
    stated = _clauses(plans.document(tx, revision))
    return covering.coverage(
        plan,
        stated,
        ledger,
        watched,
        revision=revision,
        period_start=since,
        period_end=tx.now,
        is_whole=is_whole,
        kept=_keepings.of(revision, lambda: {one.id: keeping(plan, one.id) for one in stated}),
    )


def _ledger(tx: Tx, since: datetime) -> tuple[covering.Ledger, bool]:
    latest = facts.latest(tx, READ_FOR_COVERAGE + 1)
    return covering.gathered(_shown_by(tx, latest[:READ_FOR_COVERAGE]), since), len(latest) <= READ_FOR_COVERAGE


def _shown_by(tx: Tx, latest: list[facts.Changed]) -> list[covering.Shown]:
    """What the records of these incidents show: read anew of those that have changed since they were read, and of
    those of which something is still owed."""
    known = {} if tx.writes else _shown.known(latest)
    missing = [one for one in latest if one not in known]
    stories = _stories(tx, incidents.glimpse(tx, [one.id for one in missing]))
    read = {one.incident.id: covering.shown(one) for one in stories}
    if not tx.writes:
        stays = (one for one in missing if one.id in read and tx.now - one.at >= facts.SETTLED)
        _shown.keep({one: read[one.id] for one in stays if read[one.id].has_ended})
    return [one for one in (known.get(each) or read.get(each.id) for each in latest) if one is not None]


@lru_cache(maxsize=4)
def _clauses(document: str) -> tuple[Clause, ...]:
    return tuple(clauses(document))


def _stories(tx: Tx, known: list[Incident]) -> list[covering.Story]:
    timelines = incidents.timelines(tx, [one.id for one in known])
    owed: dict[str, list[Obligation]] = {one.id: [] for one in known}
    for one in obligations.of_incidents(tx, list(owed)):
        owed[one.incident_id or ""].append(one)
    return [
        covering.Story(
            incident=one, plan=plans.load(tx, one.plan_revision), timeline=timelines[one.id], owed=owed[one.id]
        )
        for one in known
    ]


# ---- How fast people are reached -------------------------------------------------------------------------------------


def reach(tx: Tx, period_start: datetime, period_end: datetime) -> Reach:
    """How fast the people of the plan in force were reached, as far as the reader may see what they were paged for."""
    plan = plans.current(tx)
    travels = [_travel(one) for one in receipts.sent_for_pages(tx, period_start, period_end)]
    return reaching.reach(travels, list(plan.people), plan.paging.reached_within, period_start, period_end)


def _travel(one: Sent) -> Travel:
    came: dict[ReceiptKind, Receipt] = {}
    for each in one.receipts:
        came.setdefault(each.kind, each)
    sent, delivered = came.get(ReceiptKind.SENT), came.get(ReceiptKind.DELIVERED)
    seen = [came[kind].at for kind in (ReceiptKind.OPENED, ReceiptKind.ANSWERED) if kind in came]
    return Travel(
        # Tests of one round are pages of their own, and go to somebody at once like the messages of one page.
        round=f"{one.person} {one.created_at.isoformat()}" if one.is_test else one.page_id,
        person=one.person,
        channel=one.channel,
        is_test=one.is_test,
        meant_at=one.meant_at,
        carrier=f"{one.channel} {sent.provider}" if sent else one.channel,
        accepted_at=sent.at if sent else None,
        delivered_at=delivered.at if delivered else None,
        seen_at=min(seen, default=None),
        has_failed=one.has_failed,
    )
