"""Pages on the record, tests of contact methods, and the links that answer either."""

import base64
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Integer, Row, Select, Table, Text, and_, bindparam, func, select

from tocsin.db import settings as kept
from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id
from tocsin.paging.trial import PREFIX, State, Trial

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


trial = Table(
    "trial",
    metadata,
    Column("id", Text, primary_key=True),
    Column("handle", Text),
    Column("contact_id", Text),
    Column("channel", Text),
    Column("address", Text),
    Column("asked_by", Text),
    Column("opened_at", Instant),
    Column("due_at", Instant),
    Column("answer_by", Instant),
    Column("state", Text),
    Column("settled_at", Instant),
    Column("why", Text),
    Column("told_at", Instant),
)


_REPLY = re.compile(r"(?P<kind>pag|tri)_(?P<page>[a-z0-9]+)\.(?P<signature>[a-z2-7]{24})\.(?P<place>\d{1,3})", re.ASCII)


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


def link_token(tx: Tx, page: Page | Trial, place: int | None = None) -> str:
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
    return load(tx, signed_id(tx, token))


def signed_id(tx: Tx, token: str) -> str:
    """The id of the page, or of the test, that a link belongs to. Raises NoSuchPage for one that we did not sign."""
    found = _TOKEN.fullmatch(token)
    if found is None or not hmac.compare_digest(found["signature"], _signature(tx, found["page"])):
        raise NoSuchPage
    return found["page"]


def reply_token(tx: Tx, page: Page | Trial, place: int) -> str:
    """What stands in the address that a mail is replied to: the same proof, in letters that survive lower case."""
    return f"{page.id.lower()}.{_reply_signature(tx, page.id)}.{place}"


def by_reply_token(tx: Tx, token: str) -> tuple[str, int]:
    """The id of the page, or of the test, that a reply is about, and which of its messages. Raises NoSuchPage for one
    that we did not sign."""
    found = _REPLY.fullmatch(token.lower())
    page_id = f"{found['kind']}_{found['page'].upper()}" if found else ""
    if found is None or not hmac.compare_digest(found["signature"], _reply_signature(tx, page_id)):
        raise NoSuchPage
    return page_id, int(found["place"])


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


# ---- Tests of contact methods ----------------------------------------------------------------------------------------


class NoSuchTest(NotFound):
    """There is no such test page."""


def is_trial(page_id: str | None) -> bool:
    """Whether what a message brought was a test, by its id."""
    return page_id is not None and page_id.startswith(f"{PREFIX}_")


def add_trial(tx: Tx, one: Trial) -> None:
    tx.add(trial, dict(vars(one)))


def load_trial(tx: Tx, trial_id: str) -> Trial:
    row = tx.first(select(trial).where(trial.c.id == trial_id))
    if row is None:
        raise NoSuchTest
    return _trial(row)


def settle_trial(tx: Tx, one: Trial, state: State, why: str = "") -> bool:
    """End a test, or answer one that has failed. Of several who do the same, the first gets True."""
    as_known = (trial.c.id == one.id) & (trial.c.state == one.state)
    values = {"state": state, "settled_at": tx.now, "why": why}
    return tx.run(trial.update().where(as_known).values(**values)).rowcount == 1


def waiting_trials(tx: Tx) -> list[Trial]:
    """Those that wait for their answer, the soonest first."""
    return _trials(tx, select(trial).where(trial.c.state == State.WAITING).order_by(trial.c.answer_by, trial.c.id))


def untold_trials(tx: Tx) -> list[Trial]:
    """Those that failed and of which nobody was told."""
    failed = (trial.c.state == State.FAILED) & trial.c.told_at.is_(None)
    return _trials(tx, select(trial).where(failed).order_by(trial.c.handle, trial.c.opened_at, trial.c.id))


def told_of_trials(tx: Tx, ids: Collection[str]) -> None:
    for one in ids:
        tx.put(trial, one, {"told_at": tx.now})


def latest_trials(tx: Tx, handles: Collection[str], states: Collection[State] = tuple(State)) -> list[Trial]:
    """The last test of each of these people's contact methods, of those that stand like this."""
    if not handles:
        return []
    asked = {"handles": list(handles), "states": list(states)}
    return [_trial(row) for row in tx.all(_LATEST_TRIALS, asked)]


_THESE: ColumnElement[bool] = and_(
    trial.c.handle.in_(bindparam("handles", expanding=True)), trial.c.state.in_(bindparam("states", expanding=True))
)
_LAST = (
    select(trial.c.handle, trial.c.contact_id, func.max(trial.c.opened_at, type_=Instant).label("opened_at"))
    .where(_THESE)
    .group_by(trial.c.handle, trial.c.contact_id)
    .subquery()
)
_SAME = and_(*(trial.c[one.name] == one for one in _LAST.c))
_LATEST_TRIALS = select(trial).join(_LAST, _SAME).where(_THESE).order_by(trial.c.handle, trial.c.id)


def last_round_at(tx: Tx, handles: Collection[str]) -> dict[tuple[str, str], datetime]:
    """When each of these people's contact methods was last tried as the plan asks, by handle and contact method."""
    asked = trial.c.handle.in_(list(handles)) & (trial.c.asked_by == "")
    last = func.max(trial.c.due_at, type_=Instant).label("due_at")
    wanted = select(trial.c.handle, trial.c.contact_id, last).where(asked)
    rows = tx.all(wanted.group_by(trial.c.handle, trial.c.contact_id)) if handles else []
    return {(row.handle, row.contact_id): row.due_at for row in rows}


def last_trial_by(tx: Tx, handle: str, channel: str, since: datetime) -> Trial | None:
    """The last test that this person got by this channel and has not answered."""
    of_this = (trial.c.handle == handle) & (trial.c.channel == channel) & (trial.c.opened_at >= since)
    unanswered = of_this & trial.c.state.in_([State.WAITING, State.FAILED])
    found = _trials(tx, select(trial).where(unanswered).order_by(trial.c.opened_at.desc(), trial.c.id).limit(1))
    return found[0] if found else None


def _trials(tx: Tx, wanted: Select[Any]) -> list[Trial]:
    return [_trial(row) for row in tx.all(wanted)]


def _trial(row: Row[Any]) -> Trial:
    return Trial(**{**row._mapping, "state": State(row.state)})
