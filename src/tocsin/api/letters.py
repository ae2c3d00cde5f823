"""What became of what was sent, over HTTP: the pages of an incident with their receipts, and what never arrived."""

from datetime import datetime

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from tocsin.api import cursors
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import ENTRIES_MOST, Cursor, Limit, ManyMore
from tocsin.delivery.channel import Message, MessageState
from tocsin.delivery.store import Receipt as KeptReceipt
from tocsin.delivery.store import ReceiptKind
from tocsin.people import access
from tocsin.response import letters
from tocsin.response.letters import Letter, PageInFull


class Receipt(Struct):
    """`after_seconds` counts from when the message was written, `took_seconds` is how long the attempt lasted."""

    kind: ReceiptKind
    at: datetime
    after_seconds: float
    took_seconds: float | None
    provider: str
    provider_id: str
    detail: str


class SentMessage(Struct):
    id: str
    channel: str
    person: str | None
    subject: str
    state: MessageState
    created_at: datetime
    send_at: datetime
    sent_at: datetime | None
    withdrawn_at: datetime | None
    attempts: int
    last_error: str
    receipts: list[Receipt]


class Page(Struct):
    person: str
    step: int
    paged_at: datetime
    declined_at: datetime | None
    messages: list[SentMessage]


class Pages(Struct):
    pages: list[Page]
    next: str | None


class Undelivered(Struct):
    messages: list[SentMessage]
    next: str | None


def handlers() -> list[HTTPRouteHandler]:
    return [show_pages, list_undelivered, resend_message]


@get(
    "/incidents/{incident_id:str}/pages",
    summary="Who was paged, by which ways, and what became of each message",
    **needs(access.INCIDENT_READ, 400, 404),
)
def show_pages(
    request: Call, incident_id: FromPath[str], limit: ManyMore = ENTRIES_MOST, cursor: Cursor = None
) -> Pages:
    with app_of(request).database.read(request.auth) as tx:
        rows = letters.pages_of(tx, incident_id)
    found, following = cursors.counted(rows, cursor, limit)
    return Pages([_page(one) for one in found], following)


def _page(one: PageInFull) -> Page:
    return Page(one.handle, one.step, one.paged_at, one.declined_at, [_message(each) for each in one.letters])


@get("/messages/undelivered", summary="What was given up, the latest first", **needs(access.INCIDENT_READ, 400))
def list_undelivered(request: Call, limit: Limit = 50, cursor: Cursor = None) -> Undelivered:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = letters.undelivered(tx, begun.wanted(limit), begun.before)
    found, following = cursors.page(begun, rows, limit, lambda one: one.message.created_at)
    return Undelivered([_message(one) for one in found], following)


@post(
    "/messages/{message_id:str}/resend",
    status_code=204,
    summary="Put something that was given up on its way again",
    **needs(access.INCIDENT_WRITE, 400, 404, 409),
)
def resend_message(request: Call, message_id: FromPath[str]) -> None:
    act(request, lambda tx: letters.resend(tx, message_id))


def _message(letter: Letter) -> SentMessage:
    one = letter.message
    named = ("id", "channel", "person", "subject", "state", "created_at", "send_at", "sent_at", "withdrawn_at")
    values = {name: getattr(one, name) for name in (*named, "attempts", "last_error")}
    return SentMessage(**values, receipts=[_receipt(one, each) for each in letter.receipts])


def _receipt(message: Message, one: KeptReceipt) -> Receipt:
    return Receipt(
        kind=one.kind,
        at=one.at,
        after_seconds=(one.at - message.created_at).total_seconds(),
        took_seconds=one.took.total_seconds() if one.took is not None else None,
        provider=one.provider,
        provider_id=one.provider_id,
        detail=one.detail,
    )
