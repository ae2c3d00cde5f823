"""Updates in the chats that the plan names for an audience: messages in the outbox, each chat in a lane of its own."""

from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents.model import Incident, Updated
from tocsin.plan.model import Audience
from tocsin.response import discretion


def post(tx: Tx, audience: Audience, incident: Incident, update: Updated) -> None:
    """Of what is confidential nothing is posted: a chat has readers whom nobody here knows, and takes nothing back."""
    if incident.confidential_at is not None:
        return
    leads = kept.link(tx, "/status" if audience.public else f"/incidents/{incident.id}")
    for name in dict.fromkeys(audience.chats):
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-chat-{name}",
            channel=outbox.POST,
            address=name,
            subject=f"{discretion.subject(incident)}: {audience.name.lower()}",
            body=f"{update.text}\n\n{leads}\n",
            audience=update.audience,
            thread=incident.id,
            incident_id=incident.id,
        )
