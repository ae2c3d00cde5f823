"""What a person does on the way to the end: the plan's checks seen to pass, and all that closing wants."""

from tocsin.db.engine import Tx
from tocsin.incidents import completing, lifecycle
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.work import Result, Verdict
from tocsin.incidents.working import Estimate
from tocsin.plan import store as plans
from tocsin.plan.model import Condition
from tocsin.response import commands, working


def see_all_pass(tx: Tx, incident_id: str) -> None:
    """See every check of the plan pass."""
    incident = incidents.load(tx, incident_id)
    for check in completing.unverified(plans.load(tx, incident.plan_revision), incident):
        working.verify(tx, incident_id, check, Result.PASSED, "seen")


def mend(tx: Tx, incident_id: str, how: str = "Restarted it") -> Incident:
    see_all_pass(tx, incident_id)
    return commands.resolve(tx, incident_id, how)


NOTICE = {"explanation": "A disk was full.", "prevention": "An alert tells us before it is."}


def wrap_up(tx: Tx, incident_id: str) -> Incident:
    """Confirm the recovery, complete the ticket, tell users how it ended, and thank the team."""
    incident = incidents.load(tx, incident_id)
    plan = plans.load(tx, incident.plan_revision)
    if lifecycle.unmet(Condition.RESOLUTION_NOTICE, plan, incident):
        commands.post_update(tx, incident_id, "public", NOTICE, notice=True)
    for confirmation in completing.unconfirmed(plan, incident):
        working.confirm(tx, incident_id, confirmation, Result.PASSED)
    working.find(tx, incident_id, "A full disk", Verdict.ROOT_CAUSE)
    working.assess(tx, incident_id, Estimate(functions="Voice replies"))
    return working.thank(tx, incident_id, "Thank you, that was quick.")
