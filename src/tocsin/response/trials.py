"""Pages that test themselves: sent by the very path of a real page, and told of when nobody confirms that they came.

A test is no incident and no page on a record. It is sent when the plan says so, or when somebody asks; never in quiet
hours that its owner did not ask in, and never while they are paged for something real.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import TEST, Message, MessageState
from tocsin.delivery.store import ReceiptKind
from tocsin.incidents import store as incidents
from tocsin.incidents import words
from tocsin.incidents.answer import Answer
from tocsin.incidents.model import Incident
from tocsin.kit.errors import Refused
from tocsin.kit.ids import new_id
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind
from tocsin.paging import store as pages
from tocsin.paging import trial as rules
from tocsin.paging.store import Page
from tocsin.paging.trial import State, Trial
from tocsin.people import commands as people_commands
from tocsin.people import hours
from tocsin.people import store as people
from tocsin.people.model import Channel, ContactMethod
from tocsin.plan import store as plans
from tocsin.plan.model import Canary, Plan
from tocsin.response import covering, reaching

KEY = "canary"
EVERY = timedelta(hours=1)
ANSWER_WITHIN = timedelta(hours=1)  # of a test that somebody asked for, where the plan has no word on it
AGAIN_AFTER = timedelta(minutes=1)
STANDS_BACK = timedelta(minutes=10)
STOOD_BACK = "it stood back for a real page, or for quiet hours"
STILL_WAITS = timedelta(days=7)  # a page that is older is not what somebody answers from a telephone


class NotVerified(Refused):
    """Nobody is paged there yet. Verify it first, with the code that was sent there."""


class PagedForReal(Refused):
    """You are paged for something real. Answer that first; a test would only be in the way."""


class TestedJustNow(Refused):
    """A test has just been sent there. Wait a minute before you ask for another."""


def schedule(tx: Tx) -> None:
    """See that somebody looks ahead. Doing it twice changes nothing."""
    if not obligations.open_of(tx, Kind.CANARY):
        what = "Look ahead for contact methods that are to be tested"
        obligations.open_duty(tx, None, Duty(key=KEY, kind=Kind.CANARY, what=what, clause="", due_at=tx.now))


# ---- What time does --------------------------------------------------------------------------------------------------


def look_ahead(tx: Tx) -> datetime:
    """Send the tests that are due, end those that nobody answered, and tell of what failed. Returns when to look again.

    The obligation that asks for it is locked meanwhile, so of several nodes one does it.
    """
    plan = plans.current(tx)
    for one in pages.waiting_trials(tx):
        if one.answer_by <= tx.now:
            _run_out(tx, one)
    _tell(tx, plan, pages.untold_trials(tx))
    following = list(_due(tx, plan, plan.paging.canary)) if plan.paging.canary else []
    answers = [one.answer_by for one in pages.waiting_trials(tx)]
    return min([tx.now + EVERY, *following, *answers])


def _due(tx: Tx, plan: Plan, canary: Canary) -> Iterator[datetime]:
    """Send what is due now; says when each person's next round is."""
    accounts = people.people(tx, plan.people)
    handles = [one.handle for one in accounts]
    methods, last = reaching.methods(tx, handles), pages.last_round_at(tx, handles)
    for account in accounts:
        found = rules.rounds(canary, account.zone, tx.now)
        yield found.next_at
        for one in methods[account.handle] if found.due_at else ():
            since = account.created_at if one.id == reaching.ACCOUNT else one.verified_at
            if found.due_at and rules.is_wanted(canary, found.due_at, since, last.get((account.handle, one.id))):
                _send(tx, one, canary.answer_within, due_at=found.due_at)


def _run_out(tx: Tx, one: Trial) -> None:
    """Nobody answered in time. What never left because a real page came first is no failure."""
    message = outbox.of_page(tx, one.id, 0)
    if message is not None and message.state is MessageState.QUEUED:
        outbox.withdraw_messages(tx, [one.id], "nobody would have answered in time")
        held = message.last_error == STOOD_BACK
        why = message.last_error or "it did not leave in time"
        pages.settle_trial(tx, one, State.VOID if held else State.FAILED, why)
    else:
        pages.settle_trial(tx, one, State.FAILED, rules.unanswered(one))


def _tell(tx: Tx, plan: Plan, failed: Sequence[Trial]) -> None:
    """Tell the owners, each once; and, of what the plan asked for, those who can mend it."""
    for handle, theirs in groupby(failed, key=lambda one: one.handle):
        _tell_owner(tx, handle, list(theirs))
    named = [(words.name(plan, one.handle), one) for one in failed if not one.asked_by]
    addresses = people.addresses(tx, covering.menders(tx)) if named else {}
    for handle, address in addresses.items():
        others = [pair for pair in named if pair[1].handle != handle]
        if others:
            subject, body = rules.to_menders(others, kept.link(tx, "/oncall#doubts"))
            _write(tx, f"{others[0][1].id}-mend", handle, Channel.EMAIL, address, subject, body)
    pages.told_of_trials(tx, [one.id for one in failed])


def _tell_owner(tx: Tx, handle: str, failed: Sequence[Trial]) -> None:
    """By mail to the account, unless that is what failed and there is another way."""
    subject, body = rules.to_owner(failed, kept.link(tx, "/me#contacts"))
    doubtful = {(one.channel, one.address) for one in failed}
    account = people.addresses(tx, [handle]).get(handle)
    known = [(str(one.channel), one.address) for one in reaching.methods(tx, [handle])[handle]]
    ways = [(str(Channel.EMAIL), account)] if account else []
    ways += [one for one in known if one[0] != Channel.WEBHOOK]  # a pager's hook reads pages, not letters
    chosen = next((one for one in ways if one not in doubtful), next(iter(ways), None))
    if chosen is not None:
        _write(tx, f"{failed[0].id}-told", handle, *chosen, subject, body)


def _write(tx: Tx, key: str, handle: str, channel: str, address: str, subject: str, body: str) -> None:
    outbox.queue(
        tx,
        dedup_key=f"{key}-{handle}",
        channel=channel,
        address=address,
        subject=subject,
        body=body if channel == Channel.EMAIL else f"{subject}\n\n{body}",
        person=handle,
        audience="on_call",
        thread=KEY,
    )


# ---- Sending ---------------------------------------------------------------------------------------------------------


def try_now(tx: Tx, handle: str, contact_id: str) -> Trial:
    """Test a contact method now, because its owner asks, or whoever may change people.

    Raises NotVerified, PagedForReal, TestedJustNow.
    """
    people_commands.own(tx, handle)
    method = _method(tx, handle, contact_id)
    if awaited(tx, handle):
        raise PagedForReal
    before = next((one for one in pages.latest_trials(tx, [handle]) if one.contact_id == contact_id), None)
    if before is not None and tx.now - before.opened_at < AGAIN_AFTER:
        raise TestedJustNow
    if before is not None and before.state is State.WAITING:
        pages.settle_trial(tx, before, State.VOID, "another test was asked for")
        outbox.withdraw_messages(tx, [before.id], "another test was asked for")
    canary = plans.current(tx).paging.canary
    sent = _send(tx, method, canary.answer_within if canary else ANSWER_WITHIN, asked_by=tx.actor.handle)
    obligations.hurry(tx, Kind.CANARY)
    return sent


def _method(tx: Tx, handle: str, contact_id: str) -> ContactMethod:
    """The contact method; the account's own address is one where there is no other."""
    if contact_id == reaching.ACCOUNT:
        found = next((one for one in reaching.methods(tx, [handle])[handle] if one.id == contact_id), None)
        if found is None:
            raise people.NoSuchContact
        return found
    method = people.contact(tx, handle, contact_id)
    if method.verified_at is None:
        raise NotVerified
    return method


def _send(
    tx: Tx, method: ContactMethod, answer_within: timedelta, *, due_at: datetime | None = None, asked_by: str = ""
) -> Trial:
    """Put a test on its way; at the end of the quiet hours that it is now, unless its owner asks for it."""
    send_at = tx.now if asked_by == method.handle else _awake_at(tx, method.handle)
    one = Trial(
        id=new_id(rules.PREFIX, 12),
        handle=method.handle,
        contact_id=method.id,
        channel=method.channel,
        address=method.address,
        asked_by=asked_by,
        opened_at=tx.now,
        due_at=due_at or tx.now,
        answer_by=send_at + answer_within,
    )
    pages.add_trial(tx, one)
    answer = kept.link(tx, f"/a/{pages.link_token(tx, one, 0)}")
    text = rules.text(one, answer)
    outbox.queue(
        tx,
        dedup_key=f"{one.id}-0",
        channel=method.channel,
        address=method.address,
        subject=text.subject,
        body=text.said(method.channel),
        person=method.handle,
        audience=TEST,
        thread=KEY,
        secret=method.secret,
        page_id=one.id,
        send_at=send_at,
        actions={"answer": answer, "room": answer, "reply": pages.reply_token(tx, one, 0)},
    )
    return one


def _awake_at(tx: Tx, handle: str) -> datetime:
    zone = people.zones(tx, [handle]).get(handle, "UTC")
    return hours.quiet_until(people.rules(tx, [handle])[handle], zone, tx.now)


def stands_back(tx: Tx, message: Message) -> bool:
    """Whether a message is a test that must not leave now; it is then put off. Asked when it is about to leave, since
    what is real may have come after it."""
    if not message.is_test or message.page_id is None or message.person is None:
        return False
    one = pages.load_trial(tx, message.page_id)
    until = tx.now if one.asked_by == one.handle else _awake_at(tx, one.handle)
    if awaited(tx, one.handle):
        until = max(until, tx.now + STANDS_BACK)
    if until > tx.now:
        outbox.defer(tx, message, until, STOOD_BACK)
    return until > tx.now


def awaited(tx: Tx, handle: str) -> dict[Page, Incident]:
    """What this person is paged for: the last page of each incident that waits for their answer."""
    found: dict[Page, Incident] = {}
    for page in pages.recent_of(tx, handle, tx.now - STILL_WAITS):
        incident = incidents.load(tx, page.incident_id)
        if incident.awaits_answer and incident not in found.values():
            found[page] = incident
    return found


# ---- What becomes of it ----------------------------------------------------------------------------------------------


def confirm_link(tx: Tx, token: str) -> Trial:
    """Confirm a test through its link. What was confirmed already changes nothing."""
    trial_id, place = pages.signed_id(tx, token), pages.place_of(token)
    message = outbox.of_page(tx, trial_id, place) if place is not None else None
    confirm(tx, trial_id, message)
    return pages.load_trial(tx, trial_id)


def confirm(tx: Tx, trial_id: str | None, message: Message | None) -> str:
    """Somebody has got it, by whatever answer. Returns what to say to them."""
    one = pages.load_trial(tx, str(trial_id))
    if one.may_be_answered and pages.settle_trial(tx, one, State.ANSWERED) and message is not None:
        receipts.add(tx, message, ReceiptKind.ANSWERED, str(Answer.ACKNOWLEDGE))
    return rules.OVER if one.state is State.VOID else rules.THANKS


def confirm_by(tx: Tx, handle: str, channel: str) -> str | None:
    """Confirm the last test that came to somebody by a channel, if there is one."""
    one = pages.last_trial_by(tx, handle, channel, tx.now - STILL_WAITS)
    return confirm(tx, one.id, outbox.of_page(tx, one.id, 0)) if one else None


def failed(tx: Tx, message: Message, reason: str) -> None:
    """It could not be delivered. Its owner is told at the next look, which is now."""
    one = pages.load_trial(tx, str(message.page_id))
    if one.state is State.WAITING and pages.settle_trial(tx, one, State.FAILED, reason or "it could not be delivered"):
        obligations.hurry(tx, Kind.CANARY)


# ---- Reading ---------------------------------------------------------------------------------------------------------


def standing(tx: Tx, handles: Sequence[str]) -> dict[tuple[str, str], Trial]:
    """The last test of each contact method that counts, by handle and contact method."""
    latest = pages.latest_trials(tx, handles, [State.WAITING, State.ANSWERED, State.FAILED])
    return {(one.handle, one.contact_id): one for one in latest}


def doubts(tx: Tx, handles: Iterable[str]) -> list[Trial]:
    """The contact methods that count and whose last test failed. They are used for pages all the same."""
    wanted = list(handles)
    used = {(handle, one.id) for handle, those in reaching.methods(tx, wanted).items() for one in those}
    settled = pages.latest_trials(tx, wanted, [State.ANSWERED, State.FAILED])
    return [one for one in settled if one.state is State.FAILED and (one.handle, one.contact_id) in used]
