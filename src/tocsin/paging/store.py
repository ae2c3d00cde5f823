"""Pages on the record, and the links that answer them."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Row, Table, Text, select

from tocsin.db import settings as kept
from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id

table = Table(
    "page",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text),
    Column("step", Integer),
    Column("handle", Text),
    Column("paged_at", Instant),
    Column("declined_at", Instant),
)


_TOKEN = re.compile(r"(?P<page>[A-Za-z0-9_]+)\.(?P<signature>[A-Za-z0-9_-]+)(?:\.(?P<place>\d{1,3}))?", re.ASCII)


_REPLY = re.compile(r"pag_(?P<page>[a-z0-9]+)\.(?P<signature>[a-z2-7]{24})\.(?P<place>\d{1,3})", re.ASCII)


class NoSuchPage(NotFound):
    """This link belongs to no page of ours, or it was cut off on its way."""


@dataclass(frozen=True)
class Page:
    """One person paged at one step."""

    id: str
    incident_id: str
    step: int
    handle: str
    paged_at: datetime
    declined_at: datetime | None = None


def open_page(tx: Tx, incident_id: str, step: int, handle: str) -> Page:
    page = Page(new_id("pag", 12), incident_id, step, handle, tx.now)
    tx.add(table, dict(vars(page)))
    return page


def load(tx: Tx, page_id: str) -> Page:
    row = tx.first(select(table).where(table.c.id == page_id))
    if row is None:
        raise NoSuchPage
    return _page(row)


def of_step(tx: Tx, incident_id: str, step: int) -> list[Page]:
    of_this = (table.c.incident_id == incident_id) & (table.c.step == step)
    return [_page(row) for row in tx.all(select(table).where(of_this))]


def of_incident(tx: Tx, incident_id: str) -> list[Page]:
    wanted = select(table).where(table.c.incident_id == incident_id).order_by(table.c.step, table.c.paged_at)
    return [_page(row) for row in tx.all(wanted)]


def last_of(tx: Tx, incident_id: str, handle: str) -> Page | None:
    """The last page that this person got for this incident."""
    of_this = (table.c.incident_id == incident_id) & (table.c.handle == handle)
    row = tx.first(select(table).where(of_this).order_by(table.c.step.desc()).limit(1))
    return _page(row) if row else None


def recent_of(tx: Tx, handle: str, since: datetime) -> list[Page]:
    """What this person was paged for since then, the last page first."""
    of_this = (table.c.handle == handle) & (table.c.paged_at >= since)
    return [_page(row) for row in tx.all(select(table).where(of_this).order_by(table.c.paged_at.desc(), table.c.id))]


def decline(tx: Tx, page_ids: Collection[str]) -> None:
    for one in page_ids:
        tx.put(table, one, {"declined_at": tx.now})


def link_token(tx: Tx, page: Page, place: int | None = None) -> str:
    """What stands in the link of a page: its id, signed. It answers this page and does nothing else.

    `place` says in which of the page's messages it stands; it is not signed, since it gives nobody anything.
    """
    token = f"{page.id}.{_signature(tx, page.id)}"
    return token if place is None else f"{token}.{place}"


def place_of(token: str) -> int | None:
    """Which of the page's messages the link stood in, if it says so."""
    found = _TOKEN.fullmatch(token)
    return int(found["place"]) if found and found["place"] else None


def by_link_token(tx: Tx, token: str) -> Page:
    """The page that a link belongs to. Raises NoSuchPage for one that we did not sign."""
    found = _TOKEN.fullmatch(token)
    if found is None or not hmac.compare_digest(found["signature"], _signature(tx, found["page"])):
        raise NoSuchPage
    return load(tx, found["page"])


def reply_token(tx: Tx, page: Page, place: int) -> str:
    """What stands in the address that a mail is replied to: the same proof, in letters that survive lower case."""
    return f"{page.id.lower()}.{_reply_signature(tx, page.id)}.{place}"


def by_reply_token(tx: Tx, token: str) -> tuple[Page, int]:
    """The page that a reply is about, and which of its messages. Raises NoSuchPage for one that we did not sign."""
    found = _REPLY.fullmatch(token.lower())
    page_id = f"pag_{found['page'].upper()}" if found else ""
    if found is None or not hmac.compare_digest(found["signature"], _reply_signature(tx, page_id)):
        raise NoSuchPage
    return load(tx, page_id), int(found["place"])


def _reply_signature(tx: Tx, page_id: str) -> str:
    return base64.b32encode(_mac(tx, b"reply:" + page_id.encode())[:15]).decode().lower()


def _signature(tx: Tx, page_id: str) -> str:
    return base64.urlsafe_b64encode(_mac(tx, b"page:" + page_id.encode())[:18]).decode()


def _mac(tx: Tx, what: bytes) -> bytes:
    if "signing key" not in tx.memo:
        tx.memo["signing key"] = kept.signing_key(tx)
    return hmac.new(tx.memo["signing key"], what, hashlib.sha256).digest()


def _page(row: Row[Any]) -> Page:
    return Page(**row._mapping)
