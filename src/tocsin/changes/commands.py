"""Telling of a change."""

from tocsin.changes import store as changes
from tocsin.changes.model import Change, Report, register, without_secrets
from tocsin.db.engine import Tx
from tocsin.kit.ids import new_id
from tocsin.people import access
from tocsin.plan import store as plans


def tell(tx: Tx, report: Report) -> Change:
    """Put a change into the register. One that its sender told of before, under the same key, stays as it was."""
    access.require(tx.actor, access.SIGNAL_WRITE)
    report = without_secrets(report)
    if report.key is not None and (known := changes.by_key(tx, report.source, report.key)):
        return known
    services = {key: one.name for key, one in plans.current(tx).services.items()}
    change = register(report, services, id=new_id("chg", 10), by=tx.actor.handle, now=tx.now)
    changes.add(tx, change)
    return change
