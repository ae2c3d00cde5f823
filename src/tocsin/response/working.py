"""The verbs of the work on an incident: what was found, whom it touches, what was chosen, deployed and proved."""

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import phases, working
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.work import Result, Tick, Verdict
from tocsin.incidents.working import Estimate
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import discretion, followups
from tocsin.response.commands import opened

TOLD = "responders"  # the audience under which those who worked on an incident are written to


def find(
    tx: Tx,
    incident_id: str,
    finding: str,
    verdict: Verdict = Verdict.OBSERVATION,
    evidence: str = "",
    revises: int | None = None,
) -> Incident:
    """Put on the record what was found, what it means, and by what evidence."""
    plan, incident = opened(tx, incident_id)
    standing = working.standing_findings(incidents.timeline(tx, incident.id)) if revises is not None else None
    by, now = tx.actor.handle, tx.now
    entries = working.find(
        incident, finding, verdict, evidence=evidence, revises=revises, standing=standing, by=by, now=now
    )
    return followups.record(tx, plan, incident, entries)


def assess(tx: Tx, incident_id: str, estimate: Estimate) -> Incident:
    """Say whom it touches and how; the latest assessment counts."""
    plan, incident = opened(tx, incident_id)
    entries = working.assess(incident, estimate, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def deploy(tx: Tx, incident_id: str, what: str, where: str, tested: bool, staging: str = "") -> Incident:
    """Say that a fix went out; what was verified before it has to be verified again."""
    plan, incident = opened(tx, incident_id)
    by, now = tx.actor.handle, tx.now
    entries = working.deploy(incident, what, where, tested=tested, staging=staging, by=by, now=now)
    return followups.record(tx, plan, incident, entries)


def choose(tx: Tx, incident_id: str, strategy: str, because: str) -> Incident:
    """Choose the way out among the plan's strategies."""
    plan, incident = opened(tx, incident_id)
    entries = working.choose(plan, incident, strategy, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def verify(tx: Tx, incident_id: str, check: str, result: Result, evidence: str = "") -> Incident:
    """Record how a check of the plan came out."""
    plan, incident = opened(tx, incident_id)
    entries = working.verify(plan, incident, check, result, evidence, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def confirm(tx: Tx, incident_id: str, confirmation: str, result: Result, evidence: str = "") -> Incident:
    """Record one of the plan's confirmations of full recovery."""
    plan, incident = opened(tx, incident_id)
    entries = working.confirm(plan, incident, confirmation, result, evidence, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def contact(tx: Tx, incident_id: str, vendor: str, what: str, reference: str = "") -> Incident:
    """Record that somebody was in touch with a vendor's support."""
    plan, incident = opened(tx, incident_id)
    entries = working.contact(plan, incident, vendor, what, reference, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def tick(tx: Tx, incident_id: str, item: str, mark: Tick = Tick.DONE, note: str = "") -> Incident:
    """Tick an item of a checklist off, or say that it does not apply."""
    plan, incident = opened(tx, incident_id)
    entries = phases.tick(plan, incident, item, mark, note, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def untick(tx: Tx, incident_id: str, item: str, note: str = "") -> Incident:
    """Take a tick back."""
    plan, incident = opened(tx, incident_id)
    return followups.record(
        tx, plan, incident, phases.untick(plan, incident, item, note, by=tx.actor.handle, now=tx.now)
    )


def thank(tx: Tx, incident_id: str, text: str) -> Incident:
    """Thank those who helped, by mail and on the record."""
    plan, incident = opened(tx, incident_id)
    helpers = working.helpers(plan, incident)
    incident = followups.record(
        tx, plan, incident, working.thank(incident, text, helpers, by=tx.actor.handle, now=tx.now)
    )
    for handle, address in people.addresses(tx, [one for one in helpers if one != tx.actor.handle]).items():
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-thanks-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"Thank you for #{incident.number}",
            body=f"{discretion.thanks(incident, text.strip())}\n\n{followups.link(tx, f'/incidents/{incident.id}')}\n",
            person=handle,
            audience=TOLD,
            thread=incident.id,
            incident_id=incident.id,
        )
    return incident
