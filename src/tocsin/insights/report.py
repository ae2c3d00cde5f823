"""The numbers, read from the record."""

from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.insights import metrics
from tocsin.insights import proposals as proposing
from tocsin.insights.proposals import Proposal
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans
from tocsin.plan.model import Plan

BEFORE = timedelta(days=30)  # how far before the period a repeat may have begun
AT_MOST = 10_000  # incidents in one report


def report(tx: Tx, period_start: datetime, period_end: datetime) -> metrics.Report:
    """What the record shows of the incidents declared in a period."""
    known = _known(tx, period_start - BEFORE, period_end)
    revisions = {one.plan_revision: plans.load(tx, one.plan_revision) for one in known}

    def plan_of(revision: str) -> Plan:
        return revisions[revision]

    owed = obligations.of_incidents(tx, [one.id for one in known])
    return metrics.report(plan_of if known else plans.current(tx), known, owed, period_start, period_end)


def proposals(tx: Tx, period_start: datetime, period_end: datetime, at_least: int) -> list[Proposal]:
    """What the incidents declared in a period put forward as a change to the plan in force."""
    known = _known(tx, period_start, period_end)
    owed = obligations.of_incidents(tx, [one.id for one in known])
    return proposing.proposals(plans.current(tx), lambda one: plans.load(tx, one), known, owed, at_least)


def _known(tx: Tx, start: datetime, end: datetime) -> list[Incident]:
    """The incidents of a period; a duplicate is no incident of its own."""
    listed = incidents.listing(tx, since=start, before=end, limit=AT_MOST)
    return [one for one in listed if one.merged_into is None]
