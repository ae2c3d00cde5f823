"""What people do about a page, from whatever they have at hand: answer for it, send it on, or say that they cannot."""

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.store import ReceiptKind
from tocsin.incidents import answering
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Answer
from tocsin.incidents.model import Incident
from tocsin.kit.errors import Refused
from tocsin.paging import store as pages
from tocsin.paging.store import Page
from tocsin.plan import store as plans
from tocsin.response import commands, followups


class NotPaged(Refused):
    """You were not paged for this incident; there is nothing to decline."""


def opened(tx: Tx, token: str) -> None:
    """The link of a message was looked at: by its reader, or by whatever looks at links in mails. Once is enough."""
    page, place = pages.by_link_token(tx, token), pages.place_of(token)
    message = outbox.of_page(tx, page.id, place) if place is not None else None
    if message is None:
        return
    kinds = {one.kind for one in receipts.of_messages(tx, [message.id])[message.id]}
    if not kinds & {ReceiptKind.OPENED, ReceiptKind.ANSWERED}:
        receipts.add(tx, message, ReceiptKind.OPENED)


def answer_link(tx: Tx, token: str, answer: Answer, because: str = "") -> Incident:
    """Answer a page through its link: the link itself says who answers, and by which message."""
    page, place = pages.by_link_token(tx, token), pages.place_of(token)
    incident = answer_page(tx, page, answer, "link", because)
    message = outbox.of_page(tx, page.id, place) if place is not None else None
    if message is not None:
        receipts.add(tx, message, ReceiptKind.ANSWERED, str(answer))
    return incident


def answer_page(tx: Tx, page: Page, answer: Answer, through: str, because: str = "") -> Incident:
    """Answer a page in the name of whoever was paged. What has been answered already changes nothing."""
    found = incidents.load(tx, page.incident_id)
    incident = incidents.survivor(tx, found)
    if incident.is_resolved:
        return incident
    if answer is Answer.ACKNOWLEDGE:
        return commands.acknowledge_as(tx, incident, page.handle, through)
    plan = plans.load(tx, incident.plan_revision)
    commands.require_paged(incident, page.handle)
    by, now = page.handle, tx.now
    if answer is Answer.ESCALATE:
        step = page.step if incident.id == found.id else None
        entries = answering.ask_escalation(plan, incident, step, by=by, now=now, through=through, because=because)
    elif page.declined_at is None:
        entries = answering.decline(incident, page.step, by=by, now=now, through=through, because=because)
    else:
        entries = []
    return followups.record(tx, plan, incident, entries)


def escalate(tx: Tx, incident_id: str, because: str = "", *, step: int | None = None, through: str = "web") -> Incident:
    """Page the next step now. `step` is the last one as the caller knows it, so that two presses page it once."""
    plan, incident = commands.opened(tx, incident_id)
    by, now = tx.actor.handle, tx.now
    entries = answering.ask_escalation(plan, incident, step, by=by, now=now, through=through, because=because)
    return followups.record(tx, plan, incident, entries)


def decline(tx: Tx, incident_id: str, because: str = "", *, through: str = "web") -> Incident:
    """Decline one's own page, the last one."""
    plan, incident = commands.opened(tx, incident_id)
    page = pages.last_of(tx, incident.id, tx.actor.handle)
    if page is None:
        raise NotPaged
    if page.declined_at is not None:
        return incident
    by, now = tx.actor.handle, tx.now
    entries = answering.decline(incident, page.step, by=by, now=now, through=through, because=because)
    return followups.record(tx, plan, incident, entries)
