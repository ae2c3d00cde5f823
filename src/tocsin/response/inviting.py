"""Writing to those who are wanted at a post-mortem meeting: when it is, how long it takes, and what is talked about."""

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import words
from tocsin.incidents.model import Incident, ReviewScheduled
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan.model import Plan
from tocsin.response import discretion

AUDIENCE = "invitation"


def tell(tx: Tx, plan: Plan, incident: Incident, entry: ReviewScheduled, document: str) -> None:
    """Mail it to each who is invited and may read the incident. `document` is the address of the post-mortem."""
    readers = [one for one in entry.attendees if not incident.confidential_at or one in incident.responders]
    for handle, address in people.addresses(tx, readers).items():
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-invitation-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"{discretion.subject(incident)}: post-mortem on {words.day_and_minute(entry.meeting_at)}",
            body=_body(plan, incident, entry, document),
            person=handle,
            audience=AUDIENCE,
            thread=incident.id,
            incident_id=incident.id,
        )


def _body(plan: Plan, incident: Incident, entry: ReviewScheduled, document: str) -> str:
    review = plan.review
    lead = review.owner and incident.roles.get(review.owner)
    lines = [
        f"{words.name(plan, entry.by)} set the post-mortem of #{incident.number} for",
        f"{words.day_and_minute(entry.meeting_at)}. It takes {review.minutes} minutes.",
        *([f"It is led by {words.name(plan, lead)}."] if lead else []),
        "",
        "Agenda:",
        *(f"- {one.topic}, {one.minutes} min" for one in review.agenda),
        "",
        f"Invited: {', '.join(words.name(plan, one) for one in entry.attendees)}",
        "",
        f"The draft: {document}",
    ]
    return "\n".join(lines) + "\n"
