"""The engine: it lets time pass. What is due is settled, what is queued is sent, what is to be looked at is seen."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import aiohttp

from tocsin.comms import store as comms
from tocsin.comms.subscribers import commands as subscribing
from tocsin.db.engine import Database, StorageUnavailable, Tx
from tocsin.db.presence import Presence
from tocsin.delivery import hookposts
from tocsin.delivery.channel import Channel
from tocsin.door import store as door
from tocsin.events import outbox as hooking
from tocsin.events import store as events
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import stopwatch
from tocsin.kit.errors import Overloaded
from tocsin.obligations import store as obligations
from tocsin.people import sessions
from tocsin.response import (
    beating,
    calling,
    dispatch,
    fanout,
    indexing,
    intake,
    looking,
    lookout,
    seeing,
    tick,
    travelling,
)
from tocsin.response.accepting import GroupCommit
from tocsin.response.chatting import Chatting
from tocsin.response.fanout import Post
from tocsin.response.looking import AnyLook
from tocsin.signals import silences
from tocsin.signals import store as signals
from tocsin.status import store as public_site
from tocsin.watch import store as watch
from tocsin.watch.tailing import Means

log = logging.getLogger(__name__)

Learn = Callable[[Tx], None]
Beside = Callable[[asyncio.Event], Iterator[Coroutine[Any, Any, None]]]

LONGEST_SLEEP = timedelta(seconds=1)  # other nodes and the command line write without waking us
AFTER_A_FAILURE = timedelta(seconds=1)
OTHERS_TURN = timedelta(milliseconds=5)
SENDERS_SHARE = 19  # times as long as a batch takes is left to senders, while any wait
INDEX_SHARE = 3  # times as long as indexing takes is left to all others, while there is more of it
STILL = 0.02  # seconds without anything new, after which senders are done
HOUSEKEEPING_EVERY = timedelta(minutes=1)
LEARNED_AT_ONCE = 100  # looks whose findings are kept in one go
LAST_WORDS = timedelta(seconds=2)  # that messages on their way have when the server stops
USER_AGENT = "tocsin-probe"
ALIVE_FOR = timedelta(seconds=15)  # after a turn


class Pulse:
    """Whether the engine has finished a turn lately; if not, nobody is being paged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beat_at: datetime | None = None

    def beat(self) -> None:
        self._beat_at = self._database.now()

    def is_felt(self) -> bool:
        return self._beat_at is not None and self._database.now() - self._beat_at < ALIVE_FOR


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an engine runs on."""

    database: Database
    intake: GroupCommit
    chatting: Chatting
    pulse: Pulse
    keep_gathered: Callable[[], None]  # by requests: what was refused, and which tokens were used
    channels: Mapping[str, Channel]
    post: Post  # by what subscribers are told
    hooks: hookposts.Post
    eyes: aiohttp.ClientSession
    means: Means
    public_url: str
    beside: Beside  # what else runs, until it is told to stop


class Engine:
    """Two loops, woken when something becomes due: one settles what is due, the other sends what is queued. What runs
    beside them lasts as long as they do."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._database = parts.database
        self._due = asyncio.Event()
        self._queued = asyncio.Event()
        self._presence = Presence(parts.database)
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        self._calls = calling.Calls(parts.database, parts.hooks, parts.public_url, on_done=self._told.set)
        self._fanout = fanout.Fanout(parts.database, parts.post, presence=self._presence, on_done=self._news.set)
        self._dispatcher = dispatch.Dispatcher(
            parts.database, parts.channels, presence=self._presence, on_done=self._queued.set
        )
        self._stopping = False
        self._stopped = asyncio.Event()
        self._looking: set[asyncio.Task[None]] = set()
        self._seen: list[tuple[str, Learn]] = []
        self._learning = False
        self._kept_house_at: datetime | None = None
        self._is_storm = False  # whether the last batch was a full one, so that more is likely to wait behind it
        self._owes_much = False  # whether the last batch of what is owed was a full one
        self._lookout = lookout.Lookout(parts.database)
        self._at_once = intake.FEW  # arrivals to decide: few at first, so that a short life gets something done

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        self._database.on_wake(lambda: loop.call_soon_threadsafe(self._due.set))
        turns = (
            self._repeat(self._settle, self._due, self._next_to_settle),
            self._repeat(self._send, self._queued, self._dispatcher.next_due),
            self._repeat(self._tell, self._news, self._fanout.next_due),
            self._repeat(self._call, self._told, self._calls.next_due),
            self._index(),
            *self._parts.beside(self._stopped),
        )
        tasks = [asyncio.create_task(turn) for turn in turns]
        try:
            yield
        finally:
            self._stopping = True
            self._stopped.set()
            self._database.forget_wakes()
            self._due.set()
            self._queued.set()
            self._news.set()
            self._told.set()
            await asyncio.gather(*tasks)
            await self._calls.close(LAST_WORDS)
            await self._dispatcher.close(LAST_WORDS)
            await self._fanout.close(LAST_WORDS)
            self._presence.leave()
            await asyncio.to_thread(self._keep_last)
            await travelling.cut_off(self._looking, timedelta(0))

    def _keep_last(self) -> None:
        try:
            self._parts.keep_gathered()
        except Exception:
            log.exception("what requests gathered in the last minute could not be kept")

    async def _repeat(
        self, turn: Callable[[], Awaitable[None]], bell: asyncio.Event, next_due: Callable[[], datetime | None]
    ) -> None:
        """Take turns until stopped. A turn that fails is logged and taken again: the engine never ends by itself."""
        while not self._stopping:
            bell.clear()
            try:
                await turn()
                sleep = await asyncio.to_thread(self._sleep_until, next_due)
            except StorageUnavailable:  # of which the log has a line already
                sleep = AFTER_A_FAILURE
            except Overloaded as why:
                log.error("a turn of the engine failed; it is taken again: %s", why)
                sleep = AFTER_A_FAILURE
            except Exception:
                log.exception("a turn of the engine failed; it is taken again")
                sleep = AFTER_A_FAILURE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), sleep.total_seconds())

    def _sleep_until(self, next_due: Callable[[], datetime | None]) -> timedelta:
        """What is due already, right after a turn, another node is seeing to."""
        due_at = next_due()
        if due_at is None:
            return LONGEST_SLEEP
        return max(OTHERS_TURN, min(due_at - self._database.now(), LONGEST_SLEEP))

    def _next_to_settle(self) -> datetime | None:
        with self._database.read(SYSTEM) as tx:
            return tick.next_to_settle(tx)

    async def _settle(self) -> None:
        """Decide what arrived and settle what is due, a batch of each at a time, until neither is left."""
        more = True
        while more and not self._stopping:
            began = stopwatch()
            more, looks = await asyncio.to_thread(self._settle_some)
            for look in looks:
                self._begin(look)
            self._parts.pulse.beat()
            self._told.set()
            self._queued.set()  # once a batch: each signal need not ask whether there is mail
            if self._parts.intake.is_busy:
                await self._leave_to_senders(stopwatch() - began)

    async def _leave_to_senders(self, batch: float) -> None:
        """Deciding holds the writer; what senders bring must reach the disk first. A batch that took long when nobody
        sends more is no storm: the engine goes on as soon as they have been still for a moment."""
        until = stopwatch() + min(batch * SENDERS_SHARE, LONGEST_SLEEP.total_seconds())
        brought = -1
        while not self._stopping and stopwatch() < until and brought != self._parts.intake.brought:
            brought = self._parts.intake.brought
            await asyncio.sleep(min(STILL, max(0.0, until - stopwatch())))

    def _settle_some(self) -> tuple[bool, list[AnyLook]]:
        self._keep_house()
        with self._database.read(SYSTEM) as tx:  # most turns are about one of the two, or neither: no writer waits
            due_at, held_until = obligations.next_due(tx), silences.next_due(tx)
            has_arrived, is_due = signals.is_waiting(tx), due_at is not None and due_at <= tx.now
            is_released = held_until is not None and held_until <= tx.now
            calm_at = signals.next_calm(tx)
            is_calm = calm_at is not None and calm_at <= tx.now
        # What is owed already comes first: a server that dies over what arrived, again and again, still pages people.
        settled, looks = self._database.run(SYSTEM, tick.settle_due) if is_due else (0, [])
        self._owes_much = settled >= tick.BATCH
        released = intake.release_some(self._database) if is_released else 0
        released += intake.calm_some(self._database) if is_calm else 0
        early = self._lookout.turn() if has_arrived and self._is_storm else 0
        decided = intake.decide_some(self._database, self._at_once) if has_arrived else 0
        self._is_storm = decided >= intake.FEW
        if decided:
            self._at_once = min(2 * self._at_once, intake.BATCH)
        return decided + early + settled + released > 0, looks

    def _begin(self, look: AnyLook) -> None:
        task = asyncio.create_task(self._look(look))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    def _keep_house(self) -> None:
        now = self._database.now()
        begins = self._kept_house_at is None
        if self._kept_house_at is None or now - self._kept_house_at >= HOUSEKEEPING_EVERY:
            self._kept_house_at = now
            self._database.sync_clock()
            self._database.run(SYSTEM, sessions.forget_expired)
            self._parts.chatting.resume(begins=begins)
            self._database.run(SYSTEM, door.forget_old)
            self._parts.keep_gathered()
            self._database.run(SYSTEM, comms.forget_heard)
            self._database.run(SYSTEM, looking.schedule)
            self._database.run(SYSTEM, beating.after_silence)
            self._database.run(SYSTEM, public_site.catch_up)
            self._database.run(SYSTEM, watch.thin)
            self._database.run(SYSTEM, subscribing.keep_house)
            self._database.run(SYSTEM, hooking.thin)
            self._database.run(SYSTEM, events.thin)

    async def _send(self) -> None:
        while not self._stopping and await self._dispatcher.turn():
            pass

    async def _tell(self) -> None:
        while not self._stopping and await self._fanout.turn():
            pass

    async def _call(self) -> None:
        began = stopwatch()
        while not self._stopping and await self._calls.turn():
            await self._stand_back(stopwatch() - began)
            began = stopwatch()

    async def _index(self) -> None:
        """Let the index of words follow, a little at a time: whoever pages, decides or answers goes before it."""
        while not self._stopping:
            began, has_more = stopwatch(), False
            try:
                has_more = await asyncio.to_thread(indexing.catch_up, self._database)
            except StorageUnavailable:  # of which the log has a line already
                pass
            except Exception:
                log.exception("what changed could not be indexed; it is tried again")
            took = stopwatch() - began
            await self._rest(INDEX_SHARE * took if has_more else LONGEST_SLEEP.total_seconds())
            await self._stand_back(took)

    async def _stand_back(self, took: float) -> None:
        """While much arrives or is owed at once, what nobody waits for at night takes a small share of the time."""
        if self._parts.intake.is_busy or self._is_storm or self._owes_much:
            await self._rest(min(took * SENDERS_SHARE, LONGEST_SLEEP.total_seconds()))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _look(self, look: AnyLook) -> None:
        learn = await seeing.see(self._parts.eyes, look, USER_AGENT, self._parts.means)
        self._seen.append((look.name, learn))
        if not self._learning:
            self._learning = True
            try:
                await self._learn_all()
            finally:
                self._learning = False

    async def _learn_all(self) -> None:
        """Keep what was seen, all that is there by now at once: a thousand probes are not a thousand transactions."""
        while self._seen:
            # Two nodes that learn the same names in another order would wait for each other.
            together, self._seen = sorted(self._seen[:LEARNED_AT_ONCE], key=itemgetter(0)), self._seen[LEARNED_AT_ONCE:]
            await asyncio.to_thread(self._learn, together)

    def _learn(self, together: Sequence[tuple[str, Learn]]) -> None:
        try:
            self._database.run(SYSTEM, lambda tx: [learn(tx) for _, learn in together])
        except Exception:
            if len(together) > 1:  # one that can't be kept takes no other with it
                for one in together:
                    self._learn([one])
            else:
                log.exception("what a look at %s saw could not be kept", together[0][0])
