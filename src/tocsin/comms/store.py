"""The public side of what is on the record."""

from datetime import timedelta

from tocsin.comms import statuspage
from tocsin.comms.statuspage import PublicPage
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident, Numbered
from tocsin.plan import store as plans

HISTORY = timedelta(days=90)
SHOWN = 50  # incidents, at the most
PATH = "/status"


def public_page(tx: Tx) -> PublicPage:
    """Everything that the public may see, as of now: open incidents and those of the last ninety days."""
    plan = plans.current(tx)
    known = {one.id: one for one in incidents.listing(tx, statuses=OPEN_STATUSES, limit=SHOWN)}
    known.update({one.id: one for one in incidents.listing(tx, since=tx.now - HISTORY, limit=SHOWN)})
    told = [one for one in known.values() if one.stage is not None and one.merged_into is None]
    timelines = incidents.timelines(tx, [one.id for one in told])
    shown = [_public(tx, one, timelines) for one in told]
    base = kept.read(tx, kept.BASE_URL) or ""
    began_at = min((revision.applied_at for revision in plans.revisions(tx)), default=tx.now)
    found = [one for one in shown if one is not None]
    return statuspage.public_page(plan, plan.name, base + PATH, found, began_at)


def _public(tx: Tx, incident: Incident, timelines: dict[str, list[Numbered]]) -> statuspage.PublicIncident | None:
    return statuspage.public_incident(plans.load(tx, incident.plan_revision), incident, timelines[incident.id])
