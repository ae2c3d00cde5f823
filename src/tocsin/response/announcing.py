"""When subscribers are told: with each public update, and as planned maintenance is planned, begins and ends."""

from dataclasses import replace

from tocsin.comms import corrections, statuspage
from tocsin.comms.statuspage import PublicIncident
from tocsin.comms.subscribers import announcing, outbox
from tocsin.comms.subscribers.announcing import Announcement
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Numbered, Updated
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.signals import silences


def announce(tx: Tx, plan: Plan, incident: Incident) -> None:
    """Tell subscribers of the public update that was just posted; what may not be public never gets here alive."""
    if not plans.current(tx).communication.subscribe_by:
        return
    public = as_read(tx, plan, incident)
    if public is not None and public.updates[0].id not in outbox.announced(tx, incident.id):
        outbox.announce(tx, announcing.of_update(plan, incident.id, public))


def put_right(tx: Tx, plan: Plan, incident: Incident, number: int) -> None:
    """Tell those who were told the public update of this entry how it reads now, corrected or withdrawn."""
    if not plans.current(tx).communication.subscribe_by:
        return
    public = as_read(tx, plan, incident)
    changed = statuspage.stable_id("update", incident.id, str(number))
    found = next((one for one in public.updates if one.id == changed), None) if public is not None else None
    if public is not None and found is not None:
        news = replace(found, id=statuspage.stable_id("correction", incident.id, str(incident.entries)), at=tx.now)
        told = announcing.of_update(plan, incident.id, replace(public, updates=(news, *public.updates)))
        outbox.announce(tx, replace(told, corrects=changed))


def as_read(tx: Tx, plan: Plan, incident: Incident, also: Updated | None = None) -> PublicIncident | None:
    """The incident as the public reads it, or as it would read it with one update more; None if there is nothing."""
    entries = [*incidents.timelines(tx, [incident.id])[incident.id]]
    if also and also.stage:
        entries.append(Numbered(number=incident.entries + 1, entry=also))
        incident = replace(incident, stage=also.stage)
    return statuspage.public_incident(plan, incident, corrections.as_read(entries))


def take_back(tx: Tx, incident: Incident) -> None:
    """It is confidential now: whoever has not been told yet is not told."""
    outbox.take_back(tx, incident.id)


def see_to_windows(tx: Tx) -> None:
    """Tell of what is new with planned maintenance."""
    for one in of_windows(tx):
        outbox.announce(tx, one)


def of_windows(tx: Tx) -> list[Announcement]:
    """What is new with planned maintenance and was not told."""
    plan = plans.current(tx)
    if not plan.communication.subscribe_by:
        return []
    windows = silences.listing(tx, since=tx.now - announcing.NEWS_FOR, windows_only=True)
    found = (announcing.of_window(plan, one, outbox.announced(tx, one.id), tx.now) for one in windows)
    return [one for one in found if one is not None]
