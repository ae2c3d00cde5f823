"""The plan's templates, the post-mortem among them, as the record fills them now."""

from tocsin.comms import templates
from tocsin.comms.templates import POST_MORTEM, Known, Rendered
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.response import followups
from tocsin.review import postmortem
from tocsin.review import store as reviews


def known(tx: Tx, incident_id: str) -> tuple[Known, ...]:
    """Every template of the plan by which this incident is run."""
    access.require(tx.actor, access.INCIDENT_READ)
    return templates.known(plans.load(tx, incidents.load(tx, incident_id).plan_revision))


def render(tx: Tx, incident_id: str, name: str) -> Rendered:
    """One of them, filled in. Raises NoSuchTemplate."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    plan = plans.load(tx, incident.plan_revision)
    if name == POST_MORTEM and name not in plan.templates:
        document = reviews.load(tx, incident_id)
        purpose = templates.known(plan)[-1].purpose
        blanks = tuple(postmortem.missing(document))
        return Rendered(name=name, purpose=purpose, text=postmortem.markdown(document), blanks=blanks)
    link = followups.link(tx, f"/incidents/{incident.id}")
    return templates.render(plan, incident, name, tx.now, link, incidents.timeline(tx, incident_id))
