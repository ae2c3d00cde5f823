"""Merging, linking and splitting off: the verbs that change two incidents in one unit of work.

Both are locked together, in one order, so that two people who merge crosswise at once find one winner.
"""

from collections.abc import Collection, Iterable, Sequence

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import lifecycle, relating, working
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Incident, ResponderAdded
from tocsin.incidents.relation import Relation
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import store as plans
from tocsin.response import commands, followups, quieting, secrecy
from tocsin.response.working import TOLD
from tocsin.signals import store as signals
from tocsin.signals.model import Trigger
from tocsin.signals.store import Disposition, Signal


def merge(tx: Tx, incident_id: str, into: str, because: str) -> Incident:
    """End a duplicate. Its signals, and whatever comes like them, go on to the other; its people are told."""
    gone, stays = _both(tx, incident_id, into)
    plan, count = plans.load(tx, gone.plan_revision), len(signals.of_incident(tx, gone.id))
    accounts = {account.handle for account in people.people(tx)}  # a program that declared it does not come along
    coming = [one for one in relating.coming(plan, gone) if one in accounts]
    by, now = tx.actor.handle, tx.now
    ended, taken = relating.merge(plan, gone, stays, because, signals=count, coming=coming, by=by, now=now)
    signals.move(tx, gone.id, stays.id)
    _record(tx, stays, taken)
    quieting.see_to(tx, stays.id, begins=False)
    after = _record(tx, gone, ended)
    _tell(tx, [one for one in working.helpers(plan, gone) if one not in (by, *_added(taken))], gone, stays)
    return after


def _added(entries: Iterable[AnyEntry]) -> list[str]:
    """Who was told as a new responder already."""
    return [one.person for one in entries if isinstance(one, ResponderAdded)]


def link(tx: Tx, incident_id: str, other: str, relation: Relation, because: str = "") -> Incident:
    """Say on both records how one incident stands to another."""
    one, second = _both(tx, incident_id, other)
    here, there = relating.link(one, second, relation, because, by=tx.actor.handle, now=tx.now)
    _record(tx, second, there)
    return _record(tx, one, here)


def unlink(tx: Tx, incident_id: str, other: str, because: str) -> Incident:
    one, second = _both(tx, incident_id, other)
    here, there = relating.unlink(one, second, because, by=tx.actor.handle, now=tx.now)
    _record(tx, second, there)
    return _record(tx, one, here)


def split(
    tx: Tx,
    incident_id: str,
    *,
    title: str,
    severity: str,
    type: str,  # noqa: A002 - the plan's word
    because: str,
    service: str | None = None,
    signal_ids: Collection[str] = (),
) -> Incident:
    """Open an incident of its own for a part of this one, with some of its signals. Returns the new one."""
    _, incident = commands.opened(tx, incident_id)
    present = {one.id: one for one in signals.of_incident(tx, incident.id)}
    why = relating.require_splittable(incident, signal_ids, present, because)
    taken = [present[one] for one in dict.fromkeys(signal_ids)]
    new = _begin(tx, incident, taken, title=title, severity=severity, type=type, service=service, why=why)
    if incident.confidential_at and not new.confidential_at:
        new = secrecy.keep(tx, new, f"#{incident.number} is confidential")
    by, now = tx.actor.handle, tx.now
    parted, came = relating.split(incident, new, why, signals=len(taken), by=by, now=now)
    new = _record(tx, new, came)
    plan = plans.load(tx, new.plan_revision)
    for signal in taken:
        new = commands.attach(tx, plan, new, signal, Disposition.ATTACHED, f"It was split off from #{incident.number}")
    _record(tx, incident, parted)
    quieting.see_to(tx, incident.id, begins=any(signals.is_loud(one) for one in taken))
    return incidents.load(tx, new.id)


def _begin(
    tx: Tx,
    incident: Incident,
    taken: list[Signal],
    *,
    title: str,
    severity: str,
    type: str,  # noqa: A002 - the plan's word
    service: str | None,
    why: str,
) -> Incident:
    plan = plans.current(tx)
    lifecycle.known("severity", severity, plan.severities)
    lifecycle.known("type", type, plan.types)
    if service is not None:
        lifecycle.known("service", service, plan.services)
    starts = [one.started_at for one in taken if one.started_at]
    return commands.open_incident(
        tx,
        plan,
        title=lifecycle.said(title, "title", lifecycle.TITLE_MOST),
        severity=severity,
        type=type,
        service=service or (incident.service if incident.service in plan.services else None),
        components=(),
        source=taken[0].source if taken else "person",
        trigger=taken[0].trigger if taken else Trigger.OBSERVATION,
        why=f"Split off from #{incident.number}: {why}",
        started_at=min(starts) if starts else None,
        detected_at=min((one.first_at for one in taken), default=tx.now),
    )


def _both(tx: Tx, one: str, other: str) -> tuple[Incident, Incident]:
    """Two incidents, by id or number, locked together. Raises NoSuchIncident for one that the actor can't see."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    wanted = [incidents.id_of(tx, name) for name in (one, other)]
    found = {known.id: known for known in incidents.load_many(tx, wanted)}
    for name, incident_id in zip((one, other), wanted, strict=True):
        if incident_id not in found:
            raise incidents.NoSuchIncident(f"There is no incident {name}.")
    return found[wanted[0]], found[wanted[1]]


def _record(tx: Tx, incident: Incident, entries: Iterable[AnyEntry]) -> Incident:
    plan = plans.load(tx, incident.plan_revision)
    return followups.record(tx, plan, incidents.load(tx, incident.id), entries)


def _tell(tx: Tx, handles: Sequence[str], gone: Incident, stays: Incident) -> None:
    """Mail whoever worked on the duplicate where the work goes on."""
    for handle, address in people.addresses(tx, handles).items():
        where = followups.link(tx, f"/incidents/{stays.id}")
        outbox.queue(
            tx,
            dedup_key=f"{gone.id}-merged-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"[{stays.severity}] #{gone.number} was merged into #{stays.number}",
            body=f"Incident #{gone.number} was a duplicate. The work goes on in #{stays.number}:\n{where}\n",
            person=handle,
            audience=TOLD,
            thread=gone.id,
            incident_id=gone.id,
        )
