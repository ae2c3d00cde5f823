"""What leaves the house about a confidential incident: enough to act on, and nothing of what it is about."""

import re
from collections.abc import Iterable
from typing import assert_never

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import MessageState
from tocsin.incidents import confidential, words
from tocsin.incidents.model import (
    Disclosed,
    GlassBroken,
    Incident,
    MadeConfidential,
    ResponderAdded,
    ResponderRemoved,
    Secrecy,
)
from tocsin.paging import reach
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan.model import Plan
from tocsin.response import announcing

_ANSWER = re.compile(r"https?://[^\s\"]+/a/[^\s\"]+")  # the link that answers a page
AUDIENCE = "responders"
THANKED = "Thank you. The words are confidential, and stand in the incident's room:"
TOLD = "There is an update. It is confidential, and stands in the incident's room:"


def told(incident: Incident, text: str) -> str:
    """The text of an update as a mail carries it: of a confidential incident only that there is one."""
    return TOLD if incident.confidential_at else text


def update_mail(plan: Plan, incident: Incident, audience: str, text: str, room: str) -> tuple[str, str]:
    """The subject and the body of the mail that brings an update to an audience."""
    name = words.audience_name(plan, audience).lower()
    said = told(incident, text).strip()
    return f"{subject(incident)}: {name}", f"{said}\n" if room in said.split() else f"{said}\n\n{room}\n"


def thanks(incident: Incident, text: str) -> str:
    """Words of thanks as a mail carries them: those for work on a confidential incident stand in its room."""
    return THANKED if incident.confidential_at else text


def subject(incident: Incident) -> str:
    """How the subject of a message begins: `[P1] Rose does not answer (#12)`."""
    return f"[{incident.severity}] {confidential.heading(incident)} (#{incident.number})"


def follow(tx: Tx, plan: Plan, incident: Incident, entry: Secrecy, room: str) -> None:
    """Say to whom it matters that who may read has changed. `room` is the address of the incident's page."""
    match entry:
        case MadeConfidential():
            announcing.take_back(tx, incident)
            _call_back(tx, incident, room)
        case ResponderAdded():
            _mail(tx, incident, [entry.person], "you are a responder now", f"{entry.by} added you.\n\n{room}\n")
        case GlassBroken():
            _warn(tx, plan, incident, entry, room)
        case Disclosed() | ResponderRemoved():
            pass
        case _:
            assert_never(entry)


def _call_back(tx: Tx, incident: Incident, room: str) -> None:
    """What has not left was written while the incident was open: updates stay, and pages say less."""
    outbox.withdraw_updates(tx, incident.id, "the incident was made confidential")
    for message in outbox.for_incident(tx, incident.id):
        if message.state is MessageState.QUEUED and message.page_id:
            found = _ANSWER.search(message.body)
            answer = (message.actions or {}).get("answer") or (found[0] if found else room)
            text = reach.confidential_page(incident, now=tx.now, answer_by=None, answer_link=answer, room_link=room)
            outbox.reword(tx, message.id, subject=text.subject, body=text.said(message.channel))


def _warn(tx: Tx, plan: Plan, incident: Incident, entry: GlassBroken, room: str) -> None:
    """Tell the readers who else reads now."""
    who = words.name(plan, entry.by)
    body = (
        f"{who} may read it until {words.day_and_minute(entry.until)}. The reason stands on the timeline.\n\n{room}\n"
    )
    _mail(
        tx, incident, [one for one in confidential.readers(incident) if one != entry.by], f"{who} broke the glass", body
    )


def _mail(tx: Tx, incident: Incident, handles: Iterable[str], news: str, body: str) -> None:
    for handle, address in people.addresses(tx, list(handles)).items():
        outbox.queue(
            tx,
            dedup_key=f"{incident.id}-{incident.entries}-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"{subject(incident)}: {news}",
            body=body,
            person=handle,
            audience=AUDIENCE,
            thread=incident.id,
            incident_id=incident.id,
        )
