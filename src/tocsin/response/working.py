"""The verbs of the work on an incident: what was found, whom it touches, what was chosen, deployed and proved."""

from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents import working
from tocsin.incidents.model import Incident
from tocsin.incidents.work import Verdict
from tocsin.incidents.working import Estimate
from tocsin.response import followups
from tocsin.response.commands import opened


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
    among = working.standing_findings(incidents.timeline(tx, incident.id)) if revises is not None else ()
    by, now = tx.actor.handle, tx.now
    entries = working.find(incident, finding, verdict, evidence=evidence, revises=revises, among=among, by=by, now=now)
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
