"""Calendars at secret addresses: fetched by programs that know the address, without signing in.

A calendar is written once for each plan, whatever was arranged last, and each day; a fetch then costs three short looks
at the database. The secret stands in the address and nowhere else: it is looked up by its hash and never logged.
"""

import asyncio
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from tocsin.app import App
from tocsin.audit.model import Deed
from tocsin.kit.actor import STRANGER
from tocsin.oncall import ical, store
from tocsin.oncall.appointments import AHEAD, BACK, Appointment, appointments, of_person, since
from tocsin.oncall.model import Feed
from tocsin.oncall.schedule import Rotas
from tocsin.people import access
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.web.board import Answer, Header, answered, has_it, send_all
from tocsin.web.frame import Tx

log = logging.getLogger(__name__)

KIND = b"text/calendar; charset=utf-8"
CACHED = (b"cache-control", b"private, max-age=300")
UNCACHED = (b"cache-control", b"no-store")
KEPT = 64  # calendars; each is some ten thousand bytes
NOT_THERE = b"There is no calendar at this address, or it was revoked.\n"
AWAY = b"The calendar can't be shown at this moment.\n"

_Key = tuple[str, str | None, str, tuple[int, datetime | None], datetime]


def routes(calendars: "Calendars") -> list[ASGIRouteHandler]:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await calendars.answer(scope, send)

    below = asgi(ical.PATH, name="calendar feed", is_mount=True, copy_scope=False, exclude_from_csrf=True)
    return [below(answer)]


@dataclass(frozen=True)
class Written:
    """A calendar as bytes, and when anything in it last changed."""

    answer: Answer
    changed: bytes


def _note(app: App, scope: HTTPScope) -> None:
    """For the audit log: somebody tried an address that is none, or is one no more."""
    source = scope["client"][0] if scope["client"] else ""
    app.refusals.note(Deed.LINK_REFUSED, app.database.now(), about=ical.PATH, source=source)


class Calendars:
    """The calendars that were fetched lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, Written] = OrderedDict()
        self._keeping = threading.Lock()

    async def answer(self, scope: Scope, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _say(scope, send, 405, b"A calendar is only read.\n", (b"allow", b"GET, HEAD"))
            return
        secret = scope["path"].strip("/").removesuffix(ical.ENDING)
        try:
            found = await asyncio.to_thread(self.read, scope["litestar_app"].state["tocsin"], secret)
        except Exception:
            log.exception("a calendar could not be read")  # says nothing of the address
            await _say(scope, send, 503, AWAY, (b"retry-after", b"60"))
            return
        if found is None:
            _note(scope["litestar_app"].state["tocsin"], scope)
            await _say(scope, send, 404, NOT_THERE)
        elif _is_known(scope, found):
            await send_all(scope, send, 304, found.answer.brief, b"")
        else:
            await send_all(scope, send, 200, found.answer.headers, found.answer.body)

    def read(self, app: App, secret: str) -> Written | None:
        """The calendar with this secret; None if there is none, or its owner may not read rotas any more."""
        with app.database.read(STRANGER) as tx:
            feed = store.feed_by_secret(tx, secret)
            if feed is None or not _may_read(tx, feed.owner):
                return None
            today = tx.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            change = store.latest_change(tx)
            whose = "" if feed.rotation else feed.owner
            key = (whose, feed.rotation, plans.current_id(tx), change, today)
            found = self._kept.get(key) or _written(tx, feed, today, change[1], app.settings.public_url)
        with self._keeping:
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


def _may_read(tx: Tx, owner: str) -> bool:
    account = people.load_person(tx, owner)
    return account.disabled_at is None and access.person(account).may(access.PLAN_READ)


def _written(tx: Tx, feed: Feed, today: datetime, change_at: datetime | None, address: str) -> Written:
    plan, revision = plans.current(tx), plans.current_revision(tx)
    rotas = Rotas(plan.rotations, store.overrides(tx, since(today - BACK)))
    body = ical.calendar(plan, _heading(plan, feed, address), _of(feed, rotas, today), revision.applied_at)
    changed_at = max(today, revision.applied_at, change_at or today)
    changed = format_datetime(changed_at.astimezone(UTC), usegmt=True).encode()
    headers: tuple[Header, ...] = (
        (b"last-modified", changed),
        (b"content-disposition", b'inline; filename="on-call.ics"'),
        (b"x-content-type-options", b"nosniff"),
        (b"x-robots-tag", b"noindex"),
    )
    return Written(answered(body, KIND, *headers, cached=CACHED), changed)


def _of(feed: Feed, rotas: Rotas, today: datetime) -> list[Appointment]:
    """Nothing for a rotation that the plan has no more: an address that fails would be dropped by its subscribers."""
    start, end = today - BACK, today + AHEAD
    if feed.rotation is None:
        return of_person(rotas, rotas.rotations, feed.owner, start, end)
    return appointments(rotas, feed.rotation, start, end) if feed.rotation in rotas.rotations else []


def _heading(plan: Plan, feed: Feed, address: str) -> ical.Heading:
    if feed.rotation is not None:
        rotation = plan.rotations.get(feed.rotation)
        name = (rotation.name if rotation else "") or feed.rotation
        return ical.Heading(f"On call: {name}", rotation.zone if rotation else "UTC", address)
    own = (one.zone for one in plan.rotations.values() if feed.owner in one.everyone)
    name = plan.people[feed.owner].name if feed.owner in plan.people else feed.owner
    return ical.Heading(f"On call: {name}", next(own, "UTC"), address)


def _is_known(scope: HTTPScope, found: Written) -> bool:
    """Whether the reader has it already. A tag counts before a time; a time counts only if it is the very same."""
    asked = dict(scope["headers"])
    if b"if-none-match" in asked:
        return has_it(scope, found.answer.etag)
    return asked.get(b"if-modified-since", b"").strip() == found.changed


async def _say(scope: HTTPScope, send: Send, status: int, text: bytes, *more: Header) -> None:
    about = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), UNCACHED)
    await send_all(scope, send, status, (*about, *more), text)
