"""The passage of time. Nothing else settles what is due.

The server calls this whenever something is due and sleeps in between; a story jumps from one due instant to the next.
"""

from datetime import datetime

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import lifecycle
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Escalated, Incident, ObligationMissed
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Kind, Obligation, State
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import followups, looking
from tocsin.response.looking import Look
from tocsin.signals import store as signals

BATCH = 500  # obligations settled in one unit of work


def settle_due(tx: Tx, limit: int = BATCH) -> tuple[int, list[Look]]:
    """Settle what is due. Returns how many obligations, and the looks that are now to be taken."""
    due = obligations.claim_due(tx, limit)
    if not due:
        return 0, []
    incidents.load_many(tx, [one.incident_id for one in due if one.incident_id])
    misses, rest = _parted(due)
    obligations.settle_many(tx, misses, State.MISSED, "nothing met it in time")
    # The end of a watch derives every duty anew, so what fell due with it must be on the record before.
    for obligation in sorted(misses, key=lambda one: one.kind is Kind.WATCH):
        _miss(tx, obligation)
    return len(due), _looks(tx, rest)


def _parted(due: list[Obligation]) -> tuple[list[Obligation], list[Obligation]]:
    """Those that concern an incident, and the looks."""
    return [one for one in due if one.incident_id], [one for one in due if not one.incident_id]


def _miss(tx: Tx, obligation: Obligation) -> None:
    incident = incidents.load(tx, str(obligation.incident_id))
    plan = plans.load(tx, incident.plan_revision)
    followups.record(tx, plan, incident, _consequence(tx, plan, incident, obligation))


def _consequence(tx: Tx, plan: Plan, incident: Incident, obligation: Obligation) -> list[AnyEntry]:
    """What the record says when an obligation's time has come."""
    by, now = SYSTEM.handle, tx.now
    match obligation.kind:
        case Kind.ANSWER:
            late = _late(obligation, now)
            step = int(obligation.key.removeprefix(ANSWER_PREFIX))
            return [Escalated(at=now, by=by, step=step, why=f"nobody answered in time{late}")]
        case Kind.WATCH if signals.still_fire(tx, incident.id):
            return lifecycle.reopen(incident, "Its signals still fire at the end of the watch", by=by, now=now)
        case Kind.WATCH:
            obligations.settle_many(tx, [obligation], State.MET, "no regression was seen")
            return lifecycle.recover(incident, by=by, now=now)
        case _:
            key, what = obligation.key, obligation.what
            return [ObligationMissed(at=now, by=by, key=key, what=what, due_at=obligation.due_at)]


def _late(obligation: Obligation, now: datetime) -> str:
    late = now - obligation.due_at
    return f" (seen {short_span(late)} late)" if late.total_seconds() >= 1 else ""


def _looks(tx: Tx, due: list[Obligation]) -> list[Look]:
    """Renew each look before it is taken: a node that dies on the way loses one look, not the probe."""
    if not due:
        return []
    by_name = {look.name: look for look in looking.looks(plans.current(tx))}
    found = []
    for obligation in due:
        look = by_name.get(obligation.key.removeprefix(looking.PREFIX))
        if look is None:
            obligations.settle_many(tx, [obligation], State.VOID, "the plan no longer asks for it")
            continue
        obligations.renew(tx, obligation, tx.now + look.probe.every)
        found.append(look)
    return found


def next_due(tx: Tx) -> datetime | None:
    """The next instant at which something is to be settled or sent."""
    soonest = [instant for instant in (obligations.next_due(tx), outbox.next_due(tx)) if instant is not None]
    return min(soonest, default=None)
