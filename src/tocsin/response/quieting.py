"""Incidents that resolve themselves, where the plan has it: the wait that begins when the last signal clears.

What is looked at is what the signals say now, so the wait is seen to after whatever has changed them is written, be it
what arrived or a person who dismissed, split off or merged. A plan that leaves every end to people costs nothing here.
"""

from collections.abc import Sequence

from tocsin.db.engine import Tx
from tocsin.incidents import quiet
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Incident, SignalCleared
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation, State
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import followups
from tocsin.signals import found as signals


def note(tx: Tx, plan: Plan, incident: Incident, entry: AnyEntry) -> None:
    """Remember that a signal of this incident changes, and whether one clears, until what they say is written."""
    if plan.severities[incident.severity].resolves_itself_after is not None:
        changed: dict[str, bool] = tx.memo.setdefault("quiet", {})
        changed[incident.id] = changed.get(incident.id, False) or isinstance(entry, SignalCleared)


def see_to_noted(tx: Tx) -> None:
    """Begin the wait of each incident whose last signal has cleared, and end those of whose signals one came back."""
    changed: dict[str, bool] = tx.memo.pop("quiet", {})
    for incident_id, has_cleared in changed.items():
        see_to(tx, incident_id, begins=has_cleared)


def see_to(tx: Tx, incident_id: str, *, begins: bool) -> None:
    """Where all of an incident's signals are clear now, its wait goes on from now, or else `begins`, if this is the end
    of one that was not. Where they are not, there is nothing to wait for."""
    incident = incidents.load(tx, incident_id)
    length = quiet.lasts(plans.load(tx, incident.plan_revision), incident)
    if length is None or not signals.all_quiet(tx, incident.id):
        obligations.settle_quiet(tx, incident.id, "it is not quiet any more", incident.entries)
        return
    duty = quiet.wait(length, tx.now)
    if not obligations.postpone(tx, incident.id, duty) and begins:
        obligations.open_duty(tx, incident.id, duty, incident.entries)


def resolution(tx: Tx, plan: Plan, incident: Incident, over: Sequence[Obligation]) -> list[AnyEntry]:
    """What a wait that is over puts on the record: the end, unless the signals, which have the last word, say not."""
    if not over:
        return []
    return quiet.resolve(plan, incident, signals.all_quiet(tx, incident.id), over[0].due_at, now=tx.now)


def end(tx: Tx, plan: Plan, incident: Incident, over: Sequence[Obligation], resolved: Sequence[AnyEntry]) -> Incident:
    """End a wait that is over, and do what follows from what it puts on the record."""
    state, evidence = (State.MET, "no signal came back") if resolved else (State.VOID, "it is not quiet any more")
    for one in over:
        obligations.end(tx, one.id, state, evidence, incident.entries + len(resolved))
    return followups.record(tx, plan, incident, resolved)
