"""Pages on the record, and the links that answer them."""

import base64
import hashlib
import hmac
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
)


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


def link_token(tx: Tx, page: Page) -> str:
    """What stands in the link of a page: its id, signed. It answers this page and does nothing else."""
    return f"{page.id}.{_signature(tx, page.id)}"


def by_link_token(tx: Tx, token: str) -> Page:
    """The page that a link belongs to. Raises NoSuchPage for one that we did not sign."""
    page_id, _, given = token.partition(".")
    if not hmac.compare_digest(given.encode(), _signature(tx, page_id).encode()):
        raise NoSuchPage
    return load(tx, page_id)


def _signature(tx: Tx, page_id: str) -> str:
    if "signing key" not in tx.memo:
        tx.memo["signing key"] = kept.signing_key(tx)
    mac = hmac.new(tx.memo["signing key"], b"page:" + page_id.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:18]).decode()


def _page(row: Row[Any]) -> Page:
    return Page(**row._mapping)
