"""What became of what was sent: each page with its messages and their receipts; and what never arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.channel import SIGN_IN_LINK, Dead, Message
from tocsin.delivery.store import Receipt, ReceiptKind
from tocsin.incidents import store as incidents
from tocsin.kit.errors import NotFound, Refused
from tocsin.paging import store as pages
from tocsin.people import access, sessions


class NoSuchMessage(NotFound):
    """There is no such message among those that were not delivered."""


class AnsweredAlready(Refused):
    """Somebody has answered already: this page need not wake anyone any more."""


class TooOld(Refused):
    """The link in this mail is too old. Mail another one on the page People."""


@dataclass(frozen=True)
class Letter:
    """A message and what became of it, step by step."""

    message: Message
    receipts: Sequence[Receipt]


@dataclass(frozen=True)
class PageInFull:
    """One person paged at one step, by every way that was or will be tried."""

    handle: str
    step: int
    paged_at: datetime
    declined_at: datetime | None
    letters: Sequence[Letter]


def letters_of(tx: Tx, messages: Sequence[Message]) -> list[Letter]:
    kept = receipts.of_messages(tx, [one.id for one in messages])
    return [Letter(one, kept.get(one.id, [])) for one in messages]


def pages_of(tx: Tx, incident_id: str) -> list[PageInFull]:
    """Every page of an incident, the first one first. Raises NoSuchIncident."""
    incidents.load(tx, incident_id)
    letters = letters_of(tx, outbox.for_incident(tx, incident_id))
    return [
        PageInFull(
            handle=page.handle,
            step=page.step,
            paged_at=page.paged_at,
            declined_at=page.declined_at,
            letters=[one for one in letters if one.message.page_id == page.id],
        )
        for page in pages.of_incident(tx, incident_id)
    ]


def undelivered(tx: Tx, limit: int, before: datetime | None = None) -> list[Letter]:
    """What was given up, the latest first. Who may not see an incident sees nothing that was sent for it."""
    access.require(tx.actor, access.INCIDENT_READ)
    return letters_of(tx, outbox.undelivered(tx, limit, before))


def resend(tx: Tx, message_id: str) -> None:
    """Put something that was given up on its way again."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    message = outbox.load_undelivered(tx, message_id)
    if message is None:
        raise NoSuchMessage
    if message.page_id and message.incident_id:
        incident = incidents.load(tx, message.incident_id)
        if not incident.awaits_answer:
            raise AnsweredAlready
    if _has_lapsed(tx, message):
        raise TooOld
    if outbox.revive(tx, message_id):
        receipts.add(tx, message, ReceiptKind.RESENT, f"by {tx.actor.handle}")


def lapsed(tx: Tx, message: Message) -> bool:
    """Give a mail up that waited so long that the link in it is too old: nobody could do anything with it."""
    if not _has_lapsed(tx, message):
        return False
    result = Dead("the link in it was too old before it could leave")
    died = outbox.record(tx, message, result)
    receipts.attempted(tx, message, result, timedelta(0), gave_up=died)
    return True


def _has_lapsed(tx: Tx, message: Message) -> bool:
    if message.audience != SIGN_IN_LINK:
        return False
    return message.secret is None or message.person not in sessions.unused_links(tx)
