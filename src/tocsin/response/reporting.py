"""A report of a user: kept as a signal, and counted with those of others."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tocsin.db.engine import Tx
from tocsin.kit.ids import new_id
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.signals import reporting, reports
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.signals.reporting import Report
from tocsin.signals.reports import Counted


@dataclass(frozen=True)
class Kept:
    """A report that is kept under this key. `people` have reported within the plan's time, whoever this is included."""

    key: str
    people: int
    is_many: bool


def take(tx: Tx, report: Report) -> Kept:
    """Keep a report. The one with which they are enough makes all of them `many`, for the plan's rules."""
    access.require(tx.actor, access.SIGNAL_WRITE)
    plan = plans.current(tx)
    report = reporting.checked(plan, report)
    before = reports.lately(tx, tx.now - plan.reports.within) if plan.reports else []
    people = {one.by for one in before} | {report.by}
    is_many = plan.reports is not None and len(people) >= plan.reports.enough
    known = next((one for one in before if one.said == reporting.said(report)), None)
    if known:
        return Kept(known.id, len(people), known.many)
    key = new_id("rep", 16)
    arrival = reporting.arrival(plan, report, key, tx.now, many=is_many)
    reports.count(tx, Counted(key, tx.now, report.by, reporting.said(report), arrival, is_many))
    told = [*_raised(tx, before), arrival] if is_many else [arrival]
    signals.accept(tx, [signals.encode(each) for each in told])
    return Kept(key, len(people), is_many)


def _raised(tx: Tx, before: Sequence[Counted]) -> list[Arrival]:
    """The signals of the reports before this one, as part of many."""
    few = [one for one in before if not one.many]
    reports.raise_all(tx, [one.id for one in few])
    return [replace(one.arrival, labels={**one.arrival.labels, "reports": reporting.MANY}) for one in few]
