"""Updates in the chats that the plan names for an audience: messages in the outbox, each chat in a lane of its own."""

from dataclasses import replace

from tocsin.comms.subscribers import announcing as telling
from tocsin.comms.subscribers import words
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents.model import Incident, Updated
from tocsin.plan.model import Plan
from tocsin.response import announcing, discretion


def post(tx: Tx, plan: Plan, incident: Incident, update: Updated, *, corrects: str = "") -> None:
    """Of what is confidential nothing is posted: a chat has readers whom nobody here knows, and takes nothing back."""
    if incident.confidential_at is not None:
        return
    subject, leads = heading(tx, plan, incident, update, corrects)
    for name in dict.fromkeys(plan.communication.audiences[update.audience].chats):
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-chat-{name}",
            channel=outbox.POST,
            address=name,
            subject=subject,
            body=f"{update.text}\n\n{leads}\n",
            audience=update.audience,
            thread=incident.id,
            incident_id=incident.id,
        )


def heading(tx: Tx, plan: Plan, incident: Incident, update: Updated, corrects: str = "") -> tuple[str, str]:
    """What stands above an update, and where it leads. What is public has the words of the status page: the title is
    for those who work on it, and never goes out by itself."""
    audience = plan.communication.audiences[update.audience]
    if not audience.public:
        room = kept.link(tx, f"/incidents/{incident.id}")
        return f"{discretion.subject(incident)}: {audience.name.lower()}", room
    public = announcing.as_read(tx, plan, incident, update)
    if public is None:
        return f"[{plan.public_name}]", kept.public_link(tx, "/status")
    told = replace(telling.of_update(plan, incident.id, public), corrects=corrects)
    said = words.announced(told, plan.public_name, plan.public.language)
    return said.subject, kept.public_link(tx, told.path)
