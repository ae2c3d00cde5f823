"""What was not delivered, and a button beside each message that sends it again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.delivery.store import Receipt, ReceiptKind
from tocsin.incidents import words
from tocsin.kit.text import span
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import letters
from tocsin.response.letters import Letter
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page

A_PAGE = 100

_SAID = {
    ReceiptKind.SENT: "taken",
    ReceiptKind.DEFERRED: "tried in vain",
    ReceiptKind.FAILED: "given up",
    ReceiptKind.DELIVERED: "arrived",
    ReceiptKind.UNDELIVERED: "did not arrive",
    ReceiptKind.OPENED: "link opened",
    ReceiptKind.ANSWERED: "answered",
    ReceiptKind.RESENT: "sent again",
}


@dataclass(frozen=True)
class Row:
    id: str
    to: str
    by: str
    subject: str
    room: str
    why: str
    queued: str
    steps: tuple[str, ...]


def step(receipt: Receipt, since: datetime) -> str:
    """A receipt in a line: `taken by email after 2 s`, `link opened after 41 s`."""
    by = f" by {receipt.provider}" if receipt.provider else ""
    detail = f": {receipt.detail}" if receipt.detail else ""
    return f"{_SAID[receipt.kind]}{by} after {span(receipt.at - since)}{detail}"


@get("/undelivered", sync_to_thread=True)
def show_undelivered(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        plan = plans.current(tx)
        rows = [_row(plan, one, tx.now) for one in letters.undelivered(tx, A_PAGE)]
        return page(request, visitor, tx, "undelivered.html", title="Undelivered", here="/undelivered", rows=rows)


def _row(plan: Plan, letter: Letter, now: datetime) -> Row:
    one = letter.message
    return Row(
        id=one.id,
        to=words.name(plan, one.person) if one.person else one.address,
        by=called(one.channel),
        subject=one.subject,
        room=f"/incidents/{one.incident_id}" if one.incident_id else "",
        why=one.last_error,
        queued=present.moment(one.created_at, now),
        steps=tuple(step(each, one.created_at) for each in letter.receipts),
    )


@post("/undelivered/{message_id:str}/resend", sync_to_thread=True)
def resend(visitor: SignedIn, message_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: letters.resend(tx, message_id))
    return Redirect("/undelivered?done=resent", status_code=303)


def routes() -> list[Any]:
    return [show_undelivered, resend]
