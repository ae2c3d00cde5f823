"""What follows when a page does not get through: the person's next way, their other ways, and then the next step."""

import msgspec

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Message, Result, Retry
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.obligations import store as obligations
from tocsin.paging import reach
from tocsin.paging import store as pages
from tocsin.people import addresses
from tocsin.people import store as people
from tocsin.people.model import Channel, ContactMethod
from tocsin.plan import store as plans
from tocsin.response import assessing, followups, reaching, trials


def arrived_nowhere(tx: Tx, message: Message, outcome: Dead) -> None:
    """A provider had taken it, and says now that it did not arrive."""
    if not outbox.came_back(tx, message, outcome.reason) or not message.page_id:
        return
    if pages.is_trial(message.page_id):
        trials.failed(tx, message, outcome.reason)
        return
    outbox.hurry_next(tx, message.page_id)
    incident = incidents.load(tx, str(message.incident_id))
    if incident.awaits_answer:
        page_died(tx, message, outcome)


def given_up(tx: Tx, message: Message, result: Result) -> None:
    """A message will never arrive. Of pages, and of tests, something follows."""
    if pages.is_trial(message.page_id):
        trials.failed(tx, message, result.reason if isinstance(result, Dead | Retry) else "")
    elif message.incident_id and message.page_id:
        page_died(tx, message, result)


def ended(tx: Tx, message: Message, outcome: Dead) -> None:
    """Nothing will ever arrive there again: it counts no more, and its owner is told so by another way."""
    for method in people.end_contacts(tx, message.channel, message.address, outcome.reason):
        audit.record(
            tx,
            Deed.CONTACT_ENDED,
            method.handle,
            f"{addresses.in_the_log(method.channel, method.address)}: {outcome.reason}",
        )
        tx.memo.pop("contact methods", None)
        tx.memo.pop("ways", None)
        _tell(tx, method)


def _tell(tx: Tx, method: ContactMethod) -> None:
    others = [one for one in people.contacts(tx, [method.handle])[method.handle] if one.verified_at]
    address = people.addresses(tx, [method.handle]).get(method.handle)
    if address is None and not others:
        return  # the doctor says whom nothing reaches
    channel, to, secret = (Channel.EMAIL, address, None) if address else _where(others[0])
    subject = f"You are paged no more by {method.channel} at {method.address}"
    about = {"contact": method.id, "channel": method.channel, "link": kept.link(tx, "/me#contacts")}
    body = f"{subject}: nothing arrives there any more. Add it anew if you still use it:\n{about['link']}\n"
    data = {"type": "contact.ended", "timestamp": tx.now, "data": about}
    outbox.queue(
        tx,
        dedup_key=f"{method.id}-ended",
        channel=channel,
        address=str(to),
        subject=subject,
        body=msgspec.json.encode(data).decode() if channel == Channel.WEBHOOK else body,
        person=method.handle,
        audience="contact",
        secret=secret,
    )


def _where(method: ContactMethod) -> tuple[Channel, str, str | None]:
    return method.channel, method.address, method.secret


def page_died(tx: Tx, message: Message, result: Result) -> None:
    """A page that reaches nobody is said on the record; if it was the step's last, the next step is paged now.

    The last step of the ladder waits all the same: otherwise a mail server that refuses everything would let it be
    climbed round after round without a pause.
    """
    incident = incidents.load(tx, str(message.incident_id))
    plan = plans.load(tx, incident.plan_revision)
    reason = result.reason if isinstance(result, Dead | Retry) else ""
    to = message.person or message.address
    entry = Undelivered(at=tx.now, by=SYSTEM.handle, channel=message.channel, to=to, reason=reason)
    incident = followups.record(tx, plan, incident, [entry])
    page = pages.load(tx, str(message.page_id))
    step = page.step
    answer_by = obligations.answer_due(tx, incident.id, step)
    if answer_by is not None and not outbox.alive_for_pages(tx, [page.id]):
        before = outbox.count_for_page(tx, page.id)
        source, lately = assessing.seen_at(tx, incident), reach.lately(incidents.timeline(tx, incident.id))
        ways = reaching.untried(tx, page)
        reaching.send(tx, plan, incident, page, ways, answer_by, source=source, before=before, lately=lately)
    of_step = [page.id for page in pages.of_step(tx, incident.id, step) if page.declined_at is None]
    if not outbox.alive_for_pages(tx, of_step) and not followups.ends_a_round(plan, incident, step):
        obligations.hurry_answer(tx, incident.id, step)
