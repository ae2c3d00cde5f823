"""Sending what is queued. No unit of work is open while bytes travel.

Each provider has a lane of its own, with room for so many messages at a time, a time-out, and a breaker: one that is
slow or gone delays what waits for it and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from tocsin.db.engine import Database, Tx
from tocsin.db.presence import Presence, is_gone
from tocsin.delivery import outbox
from tocsin.delivery import store as receipts
from tocsin.delivery.breaker import Breaker
from tocsin.delivery.channel import Channel, Dead, Delivered, Message, Result, Retry
from tocsin.delivery.store import ReceiptKind
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import TocsinError
from tocsin.paging import gathering
from tocsin.plan import store as plans
from tocsin.response import failing, letters, travelling, trials

log = logging.getLogger(__name__)

WIDTH = 16  # messages that travel in one lane at a time
SEND_WITHIN = timedelta(seconds=30)  # longer than a channel itself waits, and shorter than the lease
DEFERRED_AT_ONCE = 100  # messages of a lane that is shut, in one unit of work
LOOK_AROUND_EVERY = timedelta(milliseconds=500)
RESTING = "the provider has failed several times in a row and is left alone for a moment"


async def send_due(database: Database, channels: Mapping[str, Channel], limit: int = WIDTH) -> int:
    """Send what is due now, and wait until it is written down. Returns how many were seen to."""
    dispatcher = Dispatcher(database, channels, width=limit)
    begun = await dispatcher.turn()
    await dispatcher.drained()
    return begun


@dataclass
class Lane:
    breaker: Breaker = field(default_factory=Breaker)
    travelling: int = 0


class Dispatcher:
    """What travels now. `on_done` is called whenever a lane has room again."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        width: int = WIDTH,
        within: timedelta = SEND_WITHIN,
        presence: Presence | None = None,
        on_done: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._channels = channels
        self._width = width
        self._within = within
        self._presence = presence
        self._looked_around_at: datetime | None = None
        self._on_done = on_done
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def turn(self) -> int:
        """Set out with what is due, as far as its lanes have room. Returns how many messages were seen to."""
        claimed, deferred = await asyncio.to_thread(self._claim)
        for message in claimed:
            self._lanes[message.lane].travelling += 1
            task = asyncio.create_task(self._send(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed) + deferred

    async def drained(self) -> None:
        """Wait for everything that travels now."""
        await asyncio.gather(*self._tasks)

    async def close(self, within: timedelta) -> None:
        """Give what travels a little time; what is cut off is still leased, and goes out again under the same key."""
        await travelling.cut_off(self._tasks, within)

    def next_due(self) -> datetime | None:
        """When there is something to do again. A lane without room says so itself, by `on_done`."""
        with self._database.read(SYSTEM) as tx:
            full = [name for name in self._lanes if not self._room(name, tx.now)]
            return outbox.next_due(tx, full)

    # ---- Setting out ----

    def _claim(self) -> tuple[list[Message], int]:
        self._look_around()
        with self._database.read(SYSTEM) as tx:  # most wake-ups are about something else: they wait for no writer
            due = [name for name in outbox.due_lanes(tx) if self._room(name, tx.now)]
        if not due:
            return [], 0
        return self._database.run(SYSTEM, lambda tx: self._claim_in(tx, due))

    def _look_around(self) -> None:
        """Now and then, say that this node is there, and free what was taken by those that are gone."""
        now, presence = self._database.now(), self._presence
        if presence is None or (self._looked_around_at and now - self._looked_around_at < LOOK_AROUND_EVERY):
            return
        begins, self._looked_around_at = self._looked_around_at is None, now
        presence.hold()
        if self._database.is_sqlite and not begins:
            return  # all others were gone before this node began
        with self._database.read(SYSTEM) as tx:
            others = [one for one in outbox.holders(tx) if one != presence.name]
        for name in others:
            if freed := self._database.run(SYSTEM, partial(_free, name=name)):
                log.warning("node %s is gone; %d messages that it had taken are sent again", name, freed)

    def _claim_in(self, tx: Tx, due: Iterable[str]) -> tuple[list[Message], int]:
        claimed: list[Message] = []
        deferred = 0
        for name in due:
            by = self._presence.name if self._presence else None
            claimed_here = outbox.claim(tx, self._room(name, tx.now), name, by)
            found = [one for one in claimed_here if not (trials.stands_back(tx, one) or letters.lapsed(tx, one))]
            deferred += len(claimed_here) - len(found)
            open_until = self._lane(name).breaker.open_until
            if open_until is not None and tx.now < open_until:
                for message in found:
                    _defer(tx, message, open_until)
                deferred += len(found)
            else:
                claimed += _gathered(tx, found)
        return claimed, deferred

    def _lane(self, name: str) -> Lane:
        return self._lanes.setdefault(name, Lane())

    def _room(self, name: str, now: datetime) -> int:
        """How many messages may be taken from this lane now: one, where it decides whether the provider is back."""
        lane = self._lane(name)
        if lane.breaker.is_open(now):
            return DEFERRED_AT_ONCE
        width = 1 if lane.breaker.is_on_trial(now) else self._width
        return max(0, width - lane.travelling)

    # ---- Travelling ----

    async def _send(self, message: Message) -> None:
        lane, began = self._lanes[message.lane], self._database.now()
        try:
            result = await self._attempt(message)
            if isinstance(result, Retry) and result.down:
                lane.breaker.failed(self._database.now())
            else:
                lane.breaker.worked()
            await asyncio.to_thread(self._database.run, SYSTEM, lambda tx: _record(tx, message, result, began))
        except Exception:  # the lease runs out, and it is sent again
            log.exception("what became of message %s could not be kept", message.id)
        finally:
            lane.travelling -= 1
            self._on_done()

    async def _attempt(self, message: Message) -> Result:
        channel = self._channels.get(message.channel)
        if channel is None:
            return Retry(f"no {message.channel} channel is set up on this server")
        try:
            opened = replace(message, secret=self._database.keys.open_(message.secret)) if message.secret else message
        except TocsinError as error:  # the key may come back; a page does not wait for that, and takes other ways
            return Dead(error.message) if message.page_id else Retry(error.message)
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                return await channel.send(opened)
        except TimeoutError:
            return Retry(f"no answer within {self._within.total_seconds():g} s", down=True)
        except Exception as error:  # a mistake in one channel must not stop the others
            log.exception("the %s channel failed", message.channel)
            return Retry(f"{type(error).__name__}: {error}")


def _gathered(tx: Tx, claimed: Sequence[Message]) -> list[Message]:
    """Messages to send now: pages that wait for the same place leave as one."""
    leaders: dict[tuple[str | None, str, str], Message] = {}
    leaving = []
    for message in claimed:
        place = (message.person, message.channel, message.address)
        if message.planned_at is not None and message.attempts == 0 and place in leaders:
            outbox.join(tx, leaders[place], message)
            continue
        leaving.append(message)
        if message.planned_at is not None and message.attempts == 0:
            leaders[place] = message
    return [gathering.together(one, _worst_first(tx, [one, *outbox.gather(tx, one)])) for one in leaving]


def _worst_first(tx: Tx, pages: list[Message]) -> list[Message]:
    """In the order in which they are read: the worst incident first, and of those the one that was declared first."""
    if len(pages) < 2:
        return pages
    standing = incidents.standing_of(tx, {one.incident_id or "" for one in pages})
    levels = {name: place for place, name in enumerate(plans.current(tx).severities)}

    def place(one: Message) -> tuple[int, int]:
        severity, number = standing.get(one.incident_id or "", ("", 0))
        return levels.get(severity, len(levels)), number

    return sorted(pages, key=place)


def _free(tx: Tx, name: str) -> int:
    return outbox.free(tx, name) if is_gone(tx, name) else 0


def _defer(tx: Tx, message: Message, until: datetime) -> None:
    outbox.defer(tx, message, until, RESTING)
    if message.page_id:
        receipts.add(tx, message, ReceiptKind.DEFERRED, RESTING)
        outbox.hurry_next(tx, message.page_id)


def _record(tx: Tx, message: Message, result: Result, began: datetime) -> None:
    """Write down what came of an attempt, for the message and for those that it said too."""
    for one in (message, *outbox.gathered(tx, message.id)):
        _record_one(tx, one, result, began)


def _record_one(tx: Tx, message: Message, result: Result, began: datetime) -> None:
    died = outbox.record(tx, message, result)
    receipts.attempted(tx, message, result, tx.now - began, gave_up=died)
    if isinstance(result, Dead) and result.gone:
        failing.ended(tx, message, result)
    if message.page_id and not isinstance(result, Delivered):
        outbox.hurry_next(tx, message.page_id)
    if died:
        failing.given_up(tx, message, result)
