"""Telling subscribers: spreading what is announced, and sending it, behind everything that wakes somebody.

Apart from the dispatcher of pages, with connections of its own: each time before it takes messages it looks whether a
page is about to leave, and then waits. No unit of work is open while bytes travel.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from enum import Enum
from functools import partial

from tocsin.comms.language import LANGUAGES
from tocsin.comms.subscribers import commands, composing, outbox, words
from tocsin.comms.subscribers.announcing import Announcement
from tocsin.comms.subscribers.composing import House, Tokens
from tocsin.comms.subscribers.links import bounce_address
from tocsin.comms.subscribers.model import Note, Refusal, parts_of, refusal
from tocsin.comms.subscribers.outbox import Due, Held
from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.db.presence import Presence, is_gone
from tocsin.delivery import outbox as pages
from tocsin.delivery.breaker import Breaker
from tocsin.delivery.bulkmail import Letter, Mail, MailPool, letter
from tocsin.delivery.channel import Channel, Dead, Delivered, Linked, Message, Result, Retry
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import TocsinError
from tocsin.plan import store as plans
from tocsin.plan.model import Way
from tocsin.response import announcing, travelling

log = logging.getLogger(__name__)

WIDTH = 8  # mails that travel at a time, each over a connection of its own
NARROW = 4  # messages to one host at a time: it is somebody else's
BY_HOST = 8  # webhooks of one host that are called at a time, each with one message
DOUBTFUL = BY_HOST // 2  # of them, those that did not answer last: they never take all the places
AT_ONCE = 200  # messages that are taken, and that are written down, in one unit of work
LANES_AT_ONCE = 50
GIVE_WAY = timedelta(milliseconds=50)  # to pages that are about to leave
LOOK_AROUND_EVERY = timedelta(milliseconds=500)
WINDOWS_EVERY = timedelta(seconds=5)
SEND_WITHIN = timedelta(seconds=30)
UNDER_WAY = timedelta(seconds=30)  # that a lane takes up messages it has leased; with one that hangs, the lease lasts
NEWS_KEPT = 8  # of the latest announcements
LETTERS_KEPT = NEWS_KEPT * len(LANGUAGES)  # that are set


@dataclass(frozen=True, kw_only=True)
class Post:
    """By what messages leave. Without `mail`, mails wait; `sender` and `reply_to` are the settings'."""

    mail: MailPool | None
    channels: Mapping[Way, Channel]
    sender: str
    reply_to: str
    domain: str
    signing_key: str


class Seen(Enum):
    """What there is to do: nothing, something, or something that a page goes before."""

    NOTHING = "nothing"
    SOMETHING = "something"
    A_PAGE = "a page"


@dataclass
class Lane:
    breaker: Breaker = field(default_factory=Breaker)
    is_busy: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.breaker.failures > 0


class Fanout:
    def __init__(
        self,
        database: Database,
        post: Post,
        *,
        presence: Presence | None = None,
        on_done: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._post = post
        self._presence = presence
        self._on_done = on_done
        self._closing = False
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._letters: dict[tuple[str, str, str], Letter] = {}
        self._announcements: dict[str, Announcement] = {}
        self._house: House | None = None
        self._looked_around_at: datetime | None = None
        self._windows_at: datetime | None = None

    async def turn(self) -> bool:
        """Do a little: spread a chunk, and let each lane that is free set out. Returns whether there was anything.
        A lane that is under way says itself when it is done, by `on_done`."""
        seen = await asyncio.to_thread(self._look)
        if seen is Seen.A_PAGE:
            await asyncio.sleep(GIVE_WAY.total_seconds())
            return True
        is_something = seen is Seen.SOMETHING
        spread = is_something and await asyncio.to_thread(self._spread)
        claimed = await asyncio.to_thread(self._claim) if is_something else {}
        for name, waiting in claimed.items():
            self._lane(name).is_busy = True
            task = asyncio.create_task(self._send_lane(name, waiting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._post.mail and not (spread or self._tasks):
            await self._post.mail.rest()
        return bool(claimed) or spread

    async def drained(self) -> None:
        """Wait for everything that travels now."""
        await asyncio.gather(*self._tasks)

    async def close(self, within: timedelta = timedelta(seconds=2)) -> None:
        """Take up nothing more, and give what travels a little time; the rest is put back."""
        self._closing = True
        await travelling.cut_off(self._tasks, within)
        if self._post.mail:
            await self._post.mail.close()

    def next_due(self) -> datetime | None:
        with self._database.read(SYSTEM) as tx:
            return outbox.next_due(tx, self._held(tx.now))

    # ---- Setting out ----

    def _look(self) -> Seen:
        """What there is to do. Most of the time it is nothing: no writer waits for that, and no page for anything."""
        self._look_around()
        self._see_to_windows()
        with self._database.read(SYSTEM) as tx:
            if not (outbox.has_news(tx) or outbox.due_lanes(tx, 1, Held())):
                return Seen.NOTHING
            return Seen.A_PAGE if pages.is_page_due(tx) else Seen.SOMETHING

    def _see_to_windows(self) -> None:
        now = self._database.now()
        if self._windows_at is not None and now - self._windows_at < WINDOWS_EVERY:
            return
        self._windows_at = now
        with self._database.read(SYSTEM) as tx:
            is_new = bool(announcing.of_windows(tx))
        if is_new:
            self._database.run(SYSTEM, announcing.see_to_windows)

    def _spread(self) -> bool:
        with self._database.read(SYSTEM) as tx:
            if not outbox.has_news(tx):
                return False
        return self._database.run(SYSTEM, _spread)

    def _claim(self) -> dict[str, list[Due]]:
        with self._database.read(SYSTEM) as tx:
            due = outbox.due_lanes(tx, LANES_AT_ONCE, self._held(tx.now))
            lanes = self._placed([name for name in due if self._can_leave(name, tx.now)])
        return self._database.run(SYSTEM, lambda tx: self._claim_in(tx, lanes)) if lanes else {}

    def _can_leave(self, name: str, now: datetime) -> bool:
        lane = self._lane(name)
        has_server = name != Way.EMAIL or self._post.mail is not None
        return has_server and not lane.is_busy and not lane.breaker.is_open(now)

    def _held(self, now: datetime) -> Held:
        """Where nothing can leave now: by lanes under way or at rest, and to hosts that have enough of our calls."""
        calls = self._calls()
        full = [host for host, (busy, _) in calls.items() if busy >= BY_HOST]
        crowded = {host for host, (_, doubtful) in calls.items() if doubtful >= DOUBTFUL}
        held = [
            name
            for name, lane in list(self._lanes.items())  # the loop may take one away meanwhile
            if not self._can_leave(name, now) or (lane.is_doubtful and outbox.host_of(name) in crowded)
        ]
        return Held(tuple(held), tuple(full))

    def _calls(self) -> dict[str, tuple[int, int]]:
        """How many webhooks of each host are being called, and how many of them did not answer last."""
        found: dict[str, tuple[int, int]] = {}
        for name, lane in list(self._lanes.items()):
            if lane.is_busy and _is_shared(name):
                busy, doubtful = found.get(outbox.host_of(name), (0, 0))
                found[outbox.host_of(name)] = busy + 1, doubtful + lane.is_doubtful
        return found

    def _placed(self, lanes: Sequence[str]) -> list[str]:
        """Those of these lanes for which their host has a place."""
        calls, found = self._calls(), list[str]()
        for name in lanes:
            busy, doubtful = calls.get(outbox.host_of(name), (0, 0))
            is_doubtful = self._lane(name).is_doubtful
            if _is_shared(name) and (busy >= BY_HOST or (is_doubtful and doubtful >= DOUBTFUL)):
                continue
            calls[outbox.host_of(name)] = busy + 1, doubtful + is_doubtful
            found.append(name)
        return found

    def _claim_in(self, tx: Tx, lanes: Sequence[str]) -> dict[str, list[Due]]:
        self._house = self._house_now(tx)
        by = self._presence.name if self._presence else None
        found: dict[str, list[Due]] = {}
        for name in lanes:
            most = AT_ONCE if name == Way.EMAIL else NARROW
            most = 1 if _is_shared(name) or self._lane(name).breaker.is_on_trial(tx.now) else most
            if claimed := outbox.claim(tx, name, most, by):
                found[name] = claimed
        for one in (one for claimed in found.values() for one in claimed):
            if one.announcement_id and one.announcement_id not in self._announcements:
                self._keep(tx, one.announcement_id)
        return found

    def _keep(self, tx: Tx, announcement_id: str) -> None:
        told = outbox.announcement(tx, announcement_id)
        if told:
            self._announcements[announcement_id] = told
        while len(self._announcements) > NEWS_KEPT:
            del self._announcements[next(iter(self._announcements))]

    def _house_now(self, tx: Tx) -> House:
        base = (kept.read(tx, kept.BASE_URL) or "").rstrip("/")
        plan, key = plans.current(tx), self._post.signing_key.encode()
        page = kept.public_link(tx, "/status")
        return House(name=plan.public_name, base=base, key=key, page=page, language=plan.public.language)

    def _look_around(self) -> None:
        """Now and then, free what was taken by nodes that are gone. That this one is there the dispatcher says."""
        now, presence = self._database.now(), self._presence
        if presence is None or presence.name is None:
            return
        if self._looked_around_at and now - self._looked_around_at < LOOK_AROUND_EVERY:
            return
        begins, self._looked_around_at = self._looked_around_at is None, now
        if self._database.is_sqlite and not begins:
            return  # all others were gone before this node began
        with self._database.read(SYSTEM) as tx:
            others = [one for one in outbox.holders(tx) if one != presence.name]
        for name in others:
            if freed := self._database.run(SYSTEM, partial(_free, name=name)):
                log.warning("node %s is gone; %d messages to subscribers are sent again", name, freed)

    def _lane(self, name: str) -> Lane:
        return self._lanes.setdefault(name, Lane())

    # ---- Travelling ----

    async def _send_lane(self, name: str, waiting: list[Due]) -> None:
        """Send what was taken of a lane, a few at a time, and write down together what came of it."""
        queue, outcomes = waiting[::-1], list[tuple[Due, Result]]()
        until = self._database.now() + UNDER_WAY
        width = min(WIDTH if name == Way.EMAIL else NARROW, len(waiting))
        try:
            await asyncio.gather(*(self._work(name, queue, outcomes, until) for _ in range(width)))
        finally:
            await asyncio.shield(asyncio.to_thread(self._write_down, outcomes, queue))
            self._lane(name).is_busy = False
            if not self._lane(name).is_doubtful:
                self._lanes.pop(name)  # nothing is to be remembered of it
            self._on_done()

    def _write_down(self, outcomes: Sequence[tuple[Due, Result]], left: Sequence[Due]) -> None:
        try:
            self._database.run(SYSTEM, lambda tx: _record(tx, outcomes, left))
        except Exception:  # the leases run out, and it is sent again under the same keys
            log.exception("what became of %d messages to subscribers could not be kept", len(outcomes))

    async def _work(self, name: str, queue: list[Due], outcomes: list[tuple[Due, Result]], until: datetime) -> None:
        """Take one after the other, until the lease comes near or the other side is gone; what is left is put back."""
        breaker = self._lane(name).breaker
        while queue and not self._closing:
            now = self._database.now()
            if now >= until or breaker.is_open(now):
                return
            one = queue.pop()
            result = await self._attempt(one)
            if isinstance(result, Retry) and result.down:
                breaker.failed(self._database.now())
            else:
                breaker.worked()
            outcomes.append((one, result))

    async def _attempt(self, one: Due) -> Result:
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                return await self._send(one)
        except TimeoutError:
            return Retry(f"no answer within {SEND_WITHIN.total_seconds():g} s", down=True)
        except Exception as error:  # a mistake with one must not stop the others
            log.exception("a message to a subscriber could not be sent")
            return Retry(type(error).__name__)

    async def _send(self, one: Due) -> Result:
        told = self._announcements.get(one.announcement_id or "")
        if one.announcement_id and (told is None or (not told.text and not told.name)):
            return Dead("it was taken back")
        house = self._house
        if house is None:
            return Retry("the installation is not known yet")
        own = composing.tokens(house, one.subscriber.id, one.created_at)
        if one.subscriber.way is Way.EMAIL:
            return await self._mail(house, one, told, own)
        channel = self._post.channels.get(one.subscriber.way)
        if channel is None:
            return Retry(f"no {one.subscriber.way} channel is set up on this server")
        try:
            secret = self._database.keys.open_(one.subscriber.secret) if one.subscriber.secret else None
        except TocsinError as error:
            return Retry(error.message)
        return await channel.send(message(house, one, told, own, secret))

    async def _mail(self, house: House, one: Due, told: Announcement | None, own: Tokens) -> Result:
        if self._post.mail is None:
            return Retry("no mail server is set up")
        bounces, subscriber = parseaddr(self._post.sender)[1], one.subscriber
        if self._post.reply_to:
            bounces = bounce_address(house.key, self._post.reply_to, subscriber.id)
        mail = Mail(
            letter=self._letter(house, one, told),
            to=subscriber.address,
            key=one.id,
            values=own.by_mark(),
            leave=composing.leave_link(house, own.leave) if one.kind is not Note.CONFIRM else "",
            bounces_to=bounces,
        )
        return await self._post.mail.send(mail)

    def _letter(self, house: House, one: Due, told: Announcement | None) -> Letter:
        language = house.speaks(one.subscriber)
        key = (one.announcement_id or one.kind, language, house.name + house.page + house.base)
        if told and key in self._letters:
            return self._letters[key]
        said = composing.said(house, one.kind, told, one.subscriber.consent, language)
        there = composing.links_of(house, one.kind, told, composing.MARKS, language)
        made = letter(
            sender=self._post.sender,
            subject=said.subject,
            at=told.at if told else one.created_at,
            plain=words.mail_text(said, there),
            page=words.mail_page(said, there),
            marks="".join(composing.MARKS.by_mark()),
            thread=f"status-{told.about}" if told else "",
            domain=self._post.domain,
            language=language,
        )
        if told:
            self._letters[key] = made
            while len(self._letters) > LETTERS_KEPT:
                del self._letters[next(iter(self._letters))]
        return made


def message(house: House, one: Due, told: Announcement | None, own: Tokens, secret: str | None = None) -> Message:
    """What a channel that people are paged by is handed for a subscriber; it is no row."""
    language = house.speaks(one.subscriber)
    said = composing.said(house, one.kind, told, one.subscriber.consent, language)
    there = composing.links_of(house, one.kind, told, own, language)
    way = one.subscriber.way
    is_hook = way is Way.WEBHOOK
    hook = composing.hook_body(one.kind, told, said, there, one.created_at, one.id) if is_hook else ""
    return Linked(
        id=one.id[-32:],
        dedup_key=one.id,
        channel=way,
        address=one.subscriber.address,
        subject=said.subject,
        body=hook or composing.chat_text(way, said, there),
        links=words.buttons(said, there) if way is Way.TEAMS else (),
        secret=secret,
        created_at=one.created_at,
        send_at=one.created_at,
    )


def _is_shared(lane: str) -> bool:
    """Whether other lanes lead to the same host."""
    return lane != outbox.host_of(lane)


def _spread(tx: Tx) -> bool:
    plan = plans.current(tx)
    return outbox.spread(tx, plan.communication.subscribe_by, parts_of(plan))


def _free(tx: Tx, name: str) -> int:
    return outbox.free(tx, name) if is_gone(tx, name) else 0


def _record(tx: Tx, outcomes: Sequence[tuple[Due, Result]], left: Sequence[Due]) -> None:
    for one in left:
        outbox.put_back(tx, one)
    for one, result in outcomes:
        if outbox.record(tx, one, result):
            commands.came_back(tx, one.subscriber, _kind(one, result), _reason(result))
        elif isinstance(result, Delivered):
            commands.worked(tx, one.subscriber)


def _kind(one: Due, result: Result) -> Refusal:
    if one.subscriber.way is Way.EMAIL:
        return refusal(_reason(result))
    is_gone = isinstance(result, Dead) and (result.gone or result.reason.startswith("HTTP 410"))
    return Refusal.GONE if is_gone else Refusal.FINAL


def _reason(result: Result) -> str:
    return result.reason if isinstance(result, Dead | Retry) else ""
