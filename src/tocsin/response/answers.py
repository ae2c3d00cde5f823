"""What people do about a page, from whatever they have at hand: answer for it, send it on, or say that they cannot."""

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import Dead, Delivered
from tocsin.delivery.store import ReceiptKind
from tocsin.incidents import answering, confidential
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import ALL, Answer, read_reply
from tocsin.incidents.model import Incident
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Refused, TocsinError
from tocsin.paging import store as pages
from tocsin.paging.store import Page
from tocsin.people import store as people
from tocsin.people.model import Channel as ContactChannel
from tocsin.plan import store as plans
from tocsin.response import commands, failing, followups, trials


class NoAnswer(Invalid):
    """The first line of a reply says ack, escalate or decline; this one does not."""


class NotPaged(Refused):
    """You were not paged for this incident; there is nothing to decline."""


def opened(tx: Tx, token: str) -> None:
    """The link of a message was looked at: by its reader, or by whatever looks at links in mails. Once is enough."""
    page_id, place = pages.signed_id(tx, token), pages.place_of(token)
    message = outbox.of_page(tx, page_id, place) if place is not None else None
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


def pages_behind(tx: Tx, token: str) -> list[Page]:
    """All pages that the message brought in which this link stood: its own, and those that were gathered into it."""
    page, place = pages.by_link_token(tx, token), pages.place_of(token)
    message = outbox.of_page(tx, page.id, place) if place is not None else None
    others = [pages.load(tx, one.page_id) for one in (outbox.said_by(tx, message.id) if message else ()) if one.page_id]
    numbers = {one.id: one.number for one in incidents.load_many(tx, [other.incident_id for other in others])}
    return [page, *sorted(others, key=lambda other: numbers.get(other.incident_id, 0))]


def answer_all(tx: Tx, token: str, answer: Answer) -> None:
    """Answer every page behind a link that is not answered yet, but for those that are not this person's to answer any
    more; the refusal is raised if there is nothing else."""
    place = pages.place_of(token)
    refused: TocsinError | None = None
    answered = 0
    for page in pages_behind(tx, token):
        try:
            answer_page(tx, page, answer, "link")
        except (Forbidden, NotFound, Refused) as error:
            refused = error
            continue
        answered += 1
        message = outbox.of_page(tx, page.id, place) if place is not None else None
        if message is not None:
            receipts.add(tx, message, ReceiptKind.ANSWERED, str(answer))
    if refused is not None and not answered:
        raise refused


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


# ---- Through a provider ----


def reported(tx: Tx, message_id: str, provider_id: str, outcome: Delivered | Dead) -> None:
    """What a provider says about a message that it had taken. Saying it twice changes nothing."""
    message = outbox.load(tx, message_id)
    if message is None or (provider_id and message.provider_id not in ("", provider_id)):
        return
    kind = ReceiptKind.DELIVERED if isinstance(outcome, Delivered) else ReceiptKind.UNDELIVERED
    if kind in {one.kind for one in receipts.of_messages(tx, [message.id])[message.id]}:
        return
    detail = outcome.reason if isinstance(outcome, Dead) else ""
    receipts.add(tx, message, kind, detail, provider_id=provider_id)
    if isinstance(outcome, Dead):
        failing.arrived_nowhere(tx, message, outcome)


def answer_message(tx: Tx, message_id: str, answer: Answer, through: str, *, address: str | None = None) -> str:
    """Answer the page that a message brought, where it was sent to this address if the provider says from where it is
    answered. Returns what to say to whoever answered."""
    message = outbox.load(tx, message_id)
    if message is None or message.page_id is None or message.channel != through:
        return "There is nothing to answer."
    if address is not None and message.address != address:
        return "This page is somebody else's."
    if pages.is_trial(message.page_id):
        said = trials.confirm(tx, message.page_id, message)
        if message.channel == ContactChannel.SLACK:
            outbox.restate(tx, message, message.subject, said, followups.ANSWERED)
        return said
    answered: list[Incident] = []
    for one in (message, *outbox.said_by(tx, message.id)):
        answered.append(answer_page(tx, pages.load(tx, str(one.page_id)), answer, through))
        receipts.add(tx, one, ReceiptKind.ANSWERED, str(answer))
    said = " ".join(_said(incident, answer, message.person or "") for incident in answered)
    if message.channel == ContactChannel.SLACK:
        named = ", ".join(followups.in_chat(one) for one in answered)
        key = followups.ANSWERED if answer is Answer.ACKNOWLEDGE else str(answer)
        outbox.restate(tx, message, named, said, key)
    return said


def answer_text(tx: Tx, number: str, text: str) -> str:
    """Answer by a text message: its number says who answers, and what they wrote says what."""
    methods = people.verified_at_address(tx, [ContactChannel.SMS, ContactChannel.VOICE], number)
    if not methods:
        return "This number is not known here."
    return answer_written(tx, methods[0].handle, text, "sms")


def answer_mail(tx: Tx, token: str, text: str) -> str:
    """Answer by replying to a mail: the address that was replied to says which page, its first line says what."""
    page_id, place = pages.by_reply_token(tx, token)
    reply = read_reply(text)
    if reply is None:
        raise NoAnswer
    message = outbox.of_page(tx, page_id, place)
    if message is None:
        raise pages.NoSuchPage
    return answer_message(tx, message.id, reply.answer, message.channel)


def answer_chat(tx: Tx, chat: str, text: str) -> str:
    """Answer by writing to a bot; whoever it does not know learns how it would."""
    methods = people.verified_at_address(tx, [ContactChannel.TELEGRAM], chat)
    if not methods:
        return f"This chat is {chat}. Add it to your contact methods in Tocsin, and give the code that comes here."
    return answer_written(tx, methods[0].handle, text, "telegram")


def answer_written(tx: Tx, handle: str, text: str, through: str) -> str:
    """What a person wrote about the pages that wait for their answer. Returns what to write back."""
    reply = read_reply(text)
    if reply is None:
        return "Reply 1 to acknowledge, 2 for the next step, 3 if you can't; with several, add the number: 1 12."
    waiting = trials.awaited(tx, handle)
    if reply.number not in (None, ALL):
        waiting = {page: incident for page, incident in waiting.items() if incident.number == reply.number}
    if not waiting:
        return trials.confirm_by(tx, handle, through) or "Nothing waits for your answer."
    if len({one.id for one in waiting.values()}) > 1 and reply.number is None:
        named = ", ".join(f"{one.number} ({confidential.heading(one)})" for one in waiting.values())
        return f"{len(waiting)} incidents wait for you: {named}. Reply {text.strip()[:8]} and its number, or all."
    said = [_said(answer_page(tx, page, reply.answer, through), reply.answer, handle) for page in waiting]
    for page in waiting:
        for message in outbox.for_page(tx, page.id, through):
            receipts.add(tx, message, ReceiptKind.ANSWERED, str(reply.answer))
    return " ".join(said)


def _said(incident: Incident, answer: Answer, handle: str) -> str:
    """What became of an answer, in a sentence that can be read out."""
    named = f"{incident.severity} number {incident.number}"
    if incident.is_resolved:
        return f"{named} is resolved already."
    if answer is Answer.ACKNOWLEDGE or not incident.awaits_answer:
        mine = incident.acknowledged_by == handle
        return f"{named} is acknowledged by you." if mine else f"{named} was acknowledged by somebody else."
    return f"{named}: whoever is next is paged."


# ---- Signed in ----


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
