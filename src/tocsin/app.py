"""The one place that wires: settings become a database, channels, and the engine that lets time pass."""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from operator import itemgetter
from pathlib import Path
from typing import Any

import aiohttp

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.audit.refusals import Refusals
from tocsin.comms import store as comms
from tocsin.comms.subscribers import commands as subscribing
from tocsin.db import keys, news
from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.db.migrate import migrate
from tocsin.db.presence import Presence
from tocsin.delivery import chatposts, heartbeat, hookposts, notifyall, providers, slackdm, slackreplies, slacksocket
from tocsin.delivery.amazon import Amazon
from tocsin.delivery.bulkmail import MailPool
from tocsin.delivery.channel import Channel
from tocsin.delivery.chat import Chat
from tocsin.delivery.email import EmailChannel, smtp_server
from tocsin.delivery.http import PublicResolver, WebhookChannel, open_session
from tocsin.delivery.public import networks
from tocsin.delivery.slackhook import SlackHook
from tocsin.delivery.teams import TeamsMessages
from tocsin.door import store as door
from tocsin.events import outbox as hooking
from tocsin.events import store as events
from tocsin.kit.actor import SYSTEM
from tocsin.kit.allowance import Allowance
from tocsin.kit.clock import Clock, stopwatch
from tocsin.kit.errors import Invalid
from tocsin.obligations import store as obligations
from tocsin.people import addresses, sessions
from tocsin.people.model import Channel as Contact
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Way
from tocsin.response import (
    accepting,
    beating,
    calling,
    chatting,
    covering,
    dispatch,
    fanout,
    handing,
    indexing,
    intake,
    looking,
    lookout,
    quoting,
    readiness,
    seeing,
    tick,
    trials,
)
from tocsin.response.fanout import Post
from tocsin.response.looking import AnyLook
from tocsin.response.rooms import Rooms
from tocsin.settings import BadSetting, Settings
from tocsin.signals import silences
from tocsin.signals import store as signals
from tocsin.sso import opening as sso
from tocsin.status import publishing
from tocsin.status import store as public_site
from tocsin.watch import store as watch
from tocsin.watch.tailing import Means, Token

log = logging.getLogger(__name__)

EVERYTHING = news.EVERYTHING  # what is told where nobody knows what was missed

Learn = Callable[[Tx], None]

LONGEST_SLEEP = timedelta(seconds=1)  # other nodes and the command line write without waking us
AFTER_A_FAILURE = timedelta(seconds=1)
OTHERS_TURN = timedelta(milliseconds=5)
WAIT_FOR_CHAT = timedelta(seconds=10)  # for one step in a channel; several are taken for one message
WAIT_FOR_AMAZON = timedelta(seconds=10)  # which itself waits hardly longer for us
WAIT_FOR_ANSWER = timedelta(seconds=20)  # for a mail or web server to take a message
SENDERS_SHARE = 19  # times as long as a batch takes is left to senders, while any wait
INDEX_SHARE = 3  # times as long as indexing takes is left to all others, while there is more of it
STILL = 0.02  # seconds without anything new, after which senders are done
HOUSEKEEPING_EVERY = timedelta(minutes=1)
LEARNED_AT_ONCE = 100  # looks whose findings are kept in one go
LAST_WORDS = timedelta(seconds=2)  # that messages on their way have when the server stops
NEEDS = {
    "apprise": "the extra tocsin[notify-all]",
    "push": "the extra tocsin[push], and TOCSIN_PUSH_CONTACT",
    "slack_dm": "the extra tocsin[slack], and TOCSIN_SLACK_BOT_TOKEN",
}
USER_AGENT = "tocsin-probe"


def _no_session() -> aiohttp.ClientSession:
    raise RuntimeError("nothing is sent from here")


class App:
    """An installation: what the entry points need, and the engine that runs beside them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database_url, clock, keys.keyring(settings))
        self._chat = open_chat(settings)
        self._messages = open_messages(settings)
        self._webpush, self._push_secret = open_webpush(settings), ""
        self.published_at = publishing.place(settings, clock.now)
        self.intake = accepting.GroupCommit(self.database)
        terms = chatting.Terms(command=settings.slack_command, emoji=settings.slack_emoji)
        self.chatting = chatting.Chatting(self.database, terms)
        self.push_key = ""  # and this, where browsers are pushed to
        self.strangers = Allowance(each=3, overall=60)  # reports of users, a minute
        self.askers = Allowance(each=5, overall=120)  # who subscribe, a minute
        self.refusals = Refusals()
        self.amazon = Amazon(settings.sns_url, WAIT_FOR_AMAZON)
        self.sso = sso.open_provider(settings, self.database.now)
        self.sso_askers = Allowance(each=20, overall=240)  # who come and go to the provider, a minute
        self.signing_key = ""  # known once `prepare` has run
        self.listeners = 0  # streams of events that this node has open
        self.turned_at: datetime | None = None  # when the engine last finished a turn

    def prepare(self) -> None:
        """Bring the database up to date and see that there is a plan. Raises what a user can mend."""
        migrate(self.database)
        self.database.sync_clock()
        keys.prepare(self.database, self.settings)
        self.signing_key = self.database.run(SYSTEM, self._furnish)

    def heed(self, tx: Tx) -> None:
        """Whoever opens the database without `prepare` asks this before anything is written."""
        keys.heed(tx)

    def rotate_key(self) -> str:
        """Seal every secret in the database with another key; returns its name."""
        return keys.rotate(self.database, self.settings)

    def _furnish(self, tx: Tx) -> str:
        """See that there is an address, a plan, its looks and the keys; returns the one that signs links."""
        _set(tx, kept.BASE_URL, self.settings.public_url)
        _set(tx, kept.STATUS_URL, self.settings.status_page_url)
        _set(tx, kept.CHAT, self._chat.name if self._chat else "")
        kept.write(tx, kept.SUBSCRIBE_BY, " ".join(sorted(self.means.ways)))
        public_site.set_place(tx, self.published_at.name if self.published_at else "")
        try:
            plans.current_id(tx)
        except plans.NoPlan:
            plan_commands.apply(tx, self._first_plan(), "the first plan of this installation")
        looking.schedule(tx)
        covering.schedule(tx)
        handing.schedule(tx)
        trials.schedule(tx)
        kept.make_evidence_key(tx)
        if self._webpush and keys.problem(tx):
            self._webpush = None  # its key can't be opened: people are reached by their other ways
        if self._webpush:
            self._push_secret = kept.push_key(tx)
            self.push_key = self._webpush.public_key(self._push_secret)
        return kept.signing_key(tx).decode()

    def keep_refusals(self) -> None:
        """Write down what was refused since this was last done."""
        gathered = self.refusals.take()
        if not gathered:
            return
        try:
            self.database.run(SYSTEM, lambda tx: audit.keep_refused(tx, gathered))
        except Exception:
            self.refusals.put_back(gathered)
            raise

    def _first_plan(self) -> str:
        if self.settings.plan:
            return Path(self.settings.plan).read_text(encoding="utf-8")
        return (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let time pass for as long as the block lasts."""
        private = self.settings.allow_private_webhooks
        resolver = PublicResolver(allow_private=private, also=networks(self.settings.private_networks))
        probing = PublicResolver(allow_private=True)  # the plan's own addresses may be anywhere
        sending, looking = open_session(resolver, WAIT_FOR_ANSWER), open_session(probing, WAIT_FOR_ANSWER, anew=True)
        async with sending as http, looking as eyes:
            channels = self._channels(http, resolver, eyes)
            hooks = hookposts.poster(lambda: http, resolver, self.clock)
            engine = Engine(self, channels, self._post(channels, http, resolver), hooks, eyes)
            async with engine.running():
                yield

    def _channels(
        self, http: aiohttp.ClientSession, resolver: PublicResolver, apis: aiohttp.ClientSession
    ) -> dict[str, Channel]:
        """`http` leads where people say, `apis` where the settings say."""
        settings, private = self.settings, self.settings.allow_private_webhooks
        channels = providers.channels(settings, lambda: apis, self.clock)
        channels["webhook"] = WebhookChannel(lambda: http, resolver, self.clock)
        channels[Contact.TEAMS] = TeamsMessages(lambda: http, resolver)
        if settings.smtp_url:
            server = smtp_server(settings.smtp_url)
            channels["email"] = EmailChannel(
                server, settings.mail_from, settings.mail_domain, WAIT_FOR_ANSWER, settings.mail_reply_to
            )
        else:
            log.warning("TOCSIN_SMTP_URL is not set: mails wait in the outbox until it is")
        if settings.chats:
            channels[chatposts.CHANNEL] = chatposts.ChatPosts(lambda: apis, settings.chats_by_name)
        if self._chat:
            channels[self._chat.name] = Rooms(self.database, self._chat)
            channels[quoting.CHANNEL] = quoting.Quoting(self.database, open_chat(self.settings) or self._chat)
            channels[slackreplies.CHANNEL] = slackreplies.SlackReplies(_slack(self.settings))
        if self.published_at:
            channels[public_site.CHANNEL] = publishing.Publisher(self.database, self.published_at)
        if self._messages:
            channels[slackdm.CHANNEL] = self._messages
        if notifyall.is_installed():
            channels[Contact.APPRISE] = notifyall.NotifyAll(
                WAIT_FOR_ANSWER, allow_private=private, networks=settings.private_networks
            )
        if self._webpush:
            channels[Contact.PUSH] = self._webpush.WebPush(
                lambda: http, resolver, self.clock, self._push_secret, settings.push_contact
            )
        return channels

    def _post(self, channels: Mapping[str, Channel], http: aiohttp.ClientSession, resolver: PublicResolver) -> Post:
        """By what subscribers are told: over connections of their own, so that no page waits for theirs."""
        settings = self.settings
        mail = None
        if settings.smtp_url:
            mail = MailPool(smtp_server(settings.smtp_url), settings.mail_domain, WAIT_FOR_ANSWER)
        ways = {Way.WEBHOOK: "webhook", Way.TEAMS: Contact.TEAMS, Way.PUSH: Contact.PUSH}
        return Post(
            mail=mail,
            channels={
                Way.SLACK: SlackHook(lambda: http, resolver),
                **{way: channels[name] for way, name in ways.items() if name in channels},
            },
            sender=settings.mail_from,
            reply_to=settings.mail_reply_to,
            domain=settings.mail_domain,
            signing_key=self.signing_key,
        )

    def ways_to_subscribe(self, plan: Plan) -> tuple[Way, ...]:
        """Those of the plan's that this server can serve."""
        return tuple(way for way in plan.communication.subscribe_by if way in self.means.ways)

    @property
    def means(self) -> readiness.Means:
        """By what updates leave."""
        needs = {Way.EMAIL: self.settings.smtp_url, Way.PUSH: self._webpush}
        ways = frozenset(way for way in Way if way not in needs or needs[way])
        return readiness.Means(chats=self.settings.chats_by_name, has_slack=self._chat is not None, ways=ways)

    @property
    def offers(self) -> frozenset[str]:
        """The channels that people may choose."""
        known = providers.channels(self.settings, _no_session, self.clock)
        extras = {
            slackdm.CHANNEL: self._messages,
            Contact.PUSH: self._webpush,
            Contact.APPRISE: notifyall.is_installed(),
        }
        return frozenset(
            {"email", "webhook", Contact.TEAMS, *known, *(name for name, found in extras.items() if found)}
        )

    @property
    def sso_name(self) -> str:
        """What the button says of the provider through which people sign in; empty if there is none."""
        return self.settings.sso_name if self.sso else ""

    def check_contact(self, channel: str, address: str) -> None:
        """Refuse a contact method that this server does not have, or whose address nobody here can read. It may take a
        moment, so it is asked with no unit of work open."""
        if channel not in self.offers:
            needs = NEEDS.get(channel)
            known = f"This server has the channels {', '.join(sorted(self.offers))}."
            raise Invalid(f"{channel} needs {needs}. {known}" if needs else known, field="channel")
        if channel == Contact.APPRISE:
            _, url = addresses.checked(Contact.APPRISE, address)
            if not notifyall.can_read(url or ""):
                raise Invalid(
                    "Apprise can't read this address; its own documentation says how each is written.", field="address"
                )

    def is_turning(self) -> bool:
        """Whether the engine has finished a turn lately; if not, nobody is being paged."""
        return self.turned_at is not None and self.database.now() - self.turned_at < timedelta(seconds=15)


def _set(tx: Tx, key: str, value: str) -> None:
    if kept.read(tx, key) != value:
        kept.write(tx, key, value)
        audit.record(tx, Deed.SETTING_CHANGED, key, value)


def open_chat(settings: Settings) -> Chat | None:
    """The chat in which channels are opened, if there is one. Its library is an extra, and imported only then."""
    if not settings.slack_bot_token:
        return None
    chat: Chat = _slack(settings)
    return chat


def open_messages(settings: Settings) -> Channel | None:
    """Direct messages in Slack, if there is one: through a client of their own, so that they wait for no channel."""
    if not settings.slack_bot_token:
        return None
    return slackdm.SlackMessages(_slack(settings), answered=settings.is_answered_in_slack)


def open_webpush(settings: Settings) -> Any:
    """What pushes to browsers, where that is set up. Its libraries are an extra, and are loaded by the first push."""
    if not settings.push_contact:
        return None
    try:
        return importlib.import_module("tocsin.delivery.webpush")
    except ModuleNotFoundError:
        raise BadSetting(
            "TOCSIN_PUSH_CONTACT is set, and the libraries for it are missing: install tocsin[push]"
        ) from None


def _slack(settings: Settings) -> Any:
    try:
        slack = importlib.import_module("tocsin.delivery.slack")
    except ModuleNotFoundError:
        raise BadSetting(
            "TOCSIN_SLACK_BOT_TOKEN is set, and Slack's library is missing: install tocsin[slack]"
        ) from None
    return slack.Slack(
        settings.slack_bot_token, settings.slack_api_url, WAIT_FOR_CHAT, answered=settings.is_answered_in_slack
    )


class Engine:
    """Two loops, woken when something becomes due: one settles what is due, the other sends what is queued. A third
    tells a watchdog that they turn."""

    def __init__(
        self,
        app: App,
        channels: Mapping[str, Channel],
        post: Post,
        hooks: hookposts.Post,
        eyes: aiohttp.ClientSession,
    ) -> None:
        self._app = app
        self._database = app.database
        self._eyes = eyes
        known = app.settings
        tokens = {name: Token(host, secret) for name, (host, secret) in known.tokens_of_probes.items()}
        self._means = Means(known.log_folder, known.railway_api_url, known.tokens_at_railway, tokens)
        self._due = asyncio.Event()
        self._queued = asyncio.Event()
        self._presence = Presence(app.database)
        self._news = asyncio.Event()
        self._told = asyncio.Event()
        self._calls = calling.Calls(app.database, hooks, app.settings.public_url, on_done=self._told.set)
        self._fanout = fanout.Fanout(app.database, post, presence=self._presence, on_done=self._news.set)
        self._dispatcher = dispatch.Dispatcher(
            app.database, channels, presence=self._presence, on_done=self._queued.set
        )
        self._stopping = False
        self._stopped = asyncio.Event()
        self._looking: set[asyncio.Task[None]] = set()
        self._seen: list[tuple[str, Learn]] = []
        self._learning = False
        self._kept_house_at: datetime | None = None
        self._is_storm = False  # whether the last batch was a full one, so that more is likely to wait behind it
        self._owes_much = False  # whether the last batch of what is owed was a full one
        self._lookout = lookout.Lookout(app.database)
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
            *self._beats(),
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
            await asyncio.to_thread(self._last_refusals)
            for look in self._looking:
                look.cancel()
            await asyncio.gather(*self._looking, return_exceptions=True)

    def _last_refusals(self) -> None:
        try:
            self._app.keep_refusals()
        except Exception:
            log.exception("what was refused in the last minute could not be kept")

    def _beats(self) -> Iterator[Coroutine[Any, Any, None]]:
        """The sign of life for an outside watchdog, if there is one: it is sent only while the engine turns. And the
        ear at Slack's socket, where it is set up."""
        if url := self._app.settings.heartbeat_url:
            yield heartbeat.beat(self._eyes, url, self._app.is_turning, self._stopped)
        if token := self._app.settings.slack_app_token:
            socket = slacksocket.Socket(token, self._app.settings.slack_api_url, self._app.chatting.brought)
            yield socket.listen(self._stopped)

    async def _repeat(
        self, turn: Callable[[], Awaitable[None]], bell: asyncio.Event, next_due: Callable[[], datetime | None]
    ) -> None:
        """Take turns until stopped. A turn that fails is logged and taken again: the engine never ends by itself."""
        while not self._stopping:
            bell.clear()
            try:
                await turn()
                sleep = await asyncio.to_thread(self._sleep_until, next_due)
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
            self._app.turned_at = self._database.now()
            self._told.set()
            self._queued.set()  # once a batch: each signal need not ask whether there is mail
            if self._app.intake.is_busy:
                await self._leave_to_senders(stopwatch() - began)

    async def _leave_to_senders(self, batch: float) -> None:
        """Deciding holds the writer; what senders bring must reach the disk first. A batch that took long when nobody
        sends more is no storm: the engine goes on as soon as they have been still for a moment."""
        until = stopwatch() + min(batch * SENDERS_SHARE, LONGEST_SLEEP.total_seconds())
        brought = -1
        while not self._stopping and stopwatch() < until and brought != self._app.intake.brought:
            brought = self._app.intake.brought
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
            self._app.chatting.resume(begins=begins)
            self._database.run(SYSTEM, door.forget_old)
            self._app.keep_refusals()
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
            except Exception:
                log.exception("what changed could not be indexed; it is tried again")
            took = stopwatch() - began
            await self._rest(INDEX_SHARE * took if has_more else LONGEST_SLEEP.total_seconds())
            await self._stand_back(took)

    async def _stand_back(self, took: float) -> None:
        """While much arrives or is owed at once, what nobody waits for at night takes a small share of the time."""
        if self._app.intake.is_busy or self._is_storm or self._owes_much:
            await self._rest(min(took * SENDERS_SHARE, LONGEST_SLEEP.total_seconds()))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _look(self, look: AnyLook) -> None:
        learn = await seeing.see(self._eyes, look, USER_AGENT, self._means)
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
