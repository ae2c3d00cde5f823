"""The numbers, read from the record."""

from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.insights import metrics
from tocsin.obligations import store as obligations
from tocsin.plan import store as plans
from tocsin.plan.model import Plan

BEFORE = timedelta(days=30)  # how far before the period a repeat may have begun
AT_MOST = 10_000  # incidents in one report


def report(tx: Tx, period_start: datetime, period_end: datetime) -> metrics.Report:
    """What the record shows of the incidents declared in a period."""
    known = incidents.listing(tx, since=period_start - BEFORE, before=period_end, limit=AT_MOST)
    revisions = {one.plan_revision: plans.load(tx, one.plan_revision) for one in known}

    def plan_of(revision: str) -> Plan:
        return revisions[revision]

    owed = obligations.of_incidents(tx, [one.id for one in known])
    return metrics.report(plan_of if known else plans.current(tx), known, owed, period_start, period_end)
