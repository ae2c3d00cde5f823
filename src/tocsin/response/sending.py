"""The mails about updates: the update itself, a draft that waits for a word, and what was put right."""

from collections.abc import Iterable

from tocsin.comms import corrections
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import approving, confidential, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Updated
from tocsin.incidents.places import CallOpened
from tocsin.incidents.telling import Drafted, DraftReturned, UpdateCorrected, UpdateWithdrawn
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import ended
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan.model import Plan
from tocsin.response import discretion, posting

APPROVAL = "approval"  # what a message is about that puts a draft before somebody, or gives it back

CALL = "call"  # what a message is about that says where people talk


def mail(
    tx: Tx, incident: Incident, handles: Iterable[str], subject: str, body: str, audience: str, key: str = ""
) -> None:
    """One mail to each of these people."""
    for handle, address in people.addresses(tx, list(handles)).items():
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-{key}{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=subject,
            body=body,
            person=handle,
            audience=audience,
            thread=incident.id,
            incident_id=incident.id,
        )


def ask(tx: Tx, plan: Plan, incident: Incident, entry: Drafted, room: str) -> None:
    """Put a draft before those who can approve it."""
    audience = words.audience_name(plan, entry.audience)
    lines = [
        f"{words.name(plan, entry.by)} wrote to {audience}. Nobody reads it before you approve it:",
        "",
        discretion.told(incident, entry.text),
        "",
        "Approve it, or send it back with a word:",
        f"{room}/drafts/{incident.entries}",
        "",
    ]
    subject = f"{discretion.subject(incident)}: a draft for {audience} waits for you"
    mail(tx, incident, entry.asked, subject, "\n".join(lines), APPROVAL)


def give_back(tx: Tx, plan: Plan, incident: Incident, entry: DraftReturned, room: str) -> None:
    """Tell the author of a draft that it was sent back, and why."""
    drafted = next(one.entry for one in incidents.timeline(tx, incident.id) if one.number == entry.draft)
    audience = words.audience_name(plan, entry.audience)
    because = "" if incident.confidential_at else f": {ended(entry.because)}"
    lines = [
        f"{words.name(plan, entry.by)} sent your draft for {audience} back{because}",
        "",
        f"Write it anew: {room}?audience={entry.audience}#compose",
        "",
    ]
    subject = f"{discretion.subject(incident)}: your draft for {audience} came back"
    author = [drafted.by] if may_hear(incident, drafted.by) else []
    mail(tx, incident, author, subject, "\n".join(lines), APPROVAL)


def moved(tx: Tx, plan: Plan, incident: Incident, entry: CallOpened, room: str) -> None:
    """Tell those who respond where they talk from now on, if a person moved the call."""
    if entry.by == SYSTEM.handle:
        return
    others = [one for one in incident.responders if one != entry.by]
    where = "The address stands in the room." if incident.confidential_at else entry.link
    body = f"{words.name(plan, entry.by)} moved the call. From now on it is here:\n{where}\n\nThe incident: {room}\n"
    mail(tx, incident, others, f"{discretion.subject(incident)}: the call has moved", body, CALL, key="call-")


def may_hear(incident: Incident, person: str) -> bool:
    return not incident.confidential_at or person in confidential.readers(incident)


def put_right(tx: Tx, plan: Plan, incident: Incident, entry: UpdateCorrected | UpdateWithdrawn, room: str) -> None:
    """Tell those who got an update what holds instead."""
    update = approving.standing(incidents.timeline(tx, incident.id))[entry.update]
    got, text = [one for one in entry.recipients if may_hear(incident, one)], corrections.mail(update)
    subject, body = discretion.update_mail(plan, incident, entry.audience, text, room)
    mail(tx, incident, got, f"{subject}, put right", body, entry.audience, key="right-")
    said = Updated(at=entry.at, by=entry.by, audience=entry.audience, text=text)
    posting.post(tx, plan, incident, said, corrects=str(entry.update))
