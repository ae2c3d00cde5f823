"""The one place that wires: settings become a database, channels, and the parts of the engine."""

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.audit.refusals import Refusals
from tocsin.db import keys, news
from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx, may_exist
from tocsin.db.migrate import migrate
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
from tocsin.kit.actor import SYSTEM
from tocsin.kit.allowance import Allowance
from tocsin.kit.clock import Clock
from tocsin.kit.errors import Invalid
from tocsin.people import addresses
from tocsin.people import tokens as keys_of_programs
from tocsin.people.model import Channel as Contact
from tocsin.people.uses import Uses
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Way
from tocsin.response import (
    accepting,
    chatting,
    covering,
    handing,
    looking,
    quoting,
    readiness,
    trials,
)
from tocsin.response.engine import Engine, Parts, Pulse
from tocsin.response.fanout import Post
from tocsin.response.rooms import Rooms
from tocsin.settings import BadSetting, Settings
from tocsin.sso import opening as sso
from tocsin.status import publishing
from tocsin.status import store as public_site
from tocsin.watch.tailing import Means, Token

log = logging.getLogger(__name__)

EVERYTHING = news.EVERYTHING  # what is told where nobody knows what was missed

WAIT_FOR_CHAT = timedelta(seconds=10)  # for one step in a channel; several are taken for one message
WAIT_FOR_AMAZON = timedelta(seconds=10)  # which itself waits hardly longer for us
WAIT_FOR_ANSWER = timedelta(seconds=20)  # for a mail or web server to take a message
NEEDS = {
    "apprise": "the extra tocsin[notify-all]",
    "push": "the extra tocsin[push], and TOCSIN_PUSH_CONTACT",
    "slack_dm": "the extra tocsin[slack], and TOCSIN_SLACK_BOT_TOKEN",
}


def is_begun(settings: Settings) -> bool:
    """False if these settings name a database that was never made; looking makes none."""
    return may_exist(settings.database_url)


def _no_session() -> aiohttp.ClientSession:
    raise RuntimeError("nothing is sent from here")


def example_plan() -> str:
    """The plan of a new installation that was given none."""
    return (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")


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
        self.pulse = Pulse(self.database)
        terms = chatting.Terms(command=settings.slack_command, emoji=settings.slack_emoji)
        self.chatting = chatting.Chatting(self.database, terms)
        self.push_key = ""  # and this, where browsers are pushed to
        self.strangers = Allowance(each=3, overall=60)  # reports of users, a minute
        self.askers = Allowance(each=5, overall=120)  # who subscribe, a minute
        self.refusals = Refusals()
        self.token_uses = Uses()
        self.amazon = Amazon(settings.sns_url, WAIT_FOR_AMAZON)
        self.sso = sso.open_provider(settings, self.database.now)
        self.sso_askers = Allowance(each=20, overall=240)  # who come and go to the provider, a minute
        self.signing_key = ""  # known once `prepare` has run
        self.listeners = 0  # streams of events that this node has open

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

    def keep_token_uses(self) -> None:
        """Write down when tokens were used since this was last done."""
        gathered = self.token_uses.take()
        if not gathered:
            return
        try:
            self.database.run(SYSTEM, lambda tx: keys_of_programs.keep_uses(tx, gathered))
        except Exception:
            self.token_uses.put_back(gathered)
            raise

    def keep_gathered(self) -> None:
        """Write down all that requests gathered, rather than write it themselves."""
        self.keep_refusals()
        self.keep_token_uses()

    def _first_plan(self) -> str:
        if self.settings.plan:
            return Path(self.settings.plan).read_text(encoding="utf-8")
        return example_plan()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let time pass for as long as the block lasts."""
        private = self.settings.allow_private_webhooks
        resolver = PublicResolver(allow_private=private, also=networks(self.settings.private_networks))
        probing = PublicResolver(allow_private=True)  # the plan's own addresses may be anywhere
        sending, looking = open_session(resolver, WAIT_FOR_ANSWER), open_session(probing, WAIT_FOR_ANSWER, anew=True)
        async with sending as http, looking as eyes:
            engine = Engine(self._parts(http, resolver, eyes))
            async with engine.running():
                yield

    def _parts(self, http: aiohttp.ClientSession, resolver: PublicResolver, eyes: aiohttp.ClientSession) -> Parts:
        channels = self._channels(http, resolver, eyes)
        return Parts(
            database=self.database,
            intake=self.intake,
            chatting=self.chatting,
            pulse=self.pulse,
            keep_gathered=self.keep_gathered,
            channels=channels,
            post=self._post(channels, http, resolver),
            hooks=hookposts.poster(lambda: http, resolver, self.clock),
            eyes=eyes,
            means=_means(self.settings),
            public_url=self.settings.public_url,
            beside=lambda stopped: self._beside(eyes, stopped),
        )

    def _beside(self, eyes: aiohttp.ClientSession, stopped: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        """The sign of life for an outside watchdog, if there is one: it is sent only while the engine turns. And the
        ear at Slack's socket, where it is set up."""
        if url := self.settings.heartbeat_url:
            yield heartbeat.beat(eyes, url, self.pulse.is_felt, stopped)
        if token := self.settings.slack_app_token:
            socket = slacksocket.Socket(token, self.settings.slack_api_url, self.chatting.brought)
            yield socket.listen(stopped)

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


def _set(tx: Tx, key: str, value: str) -> None:
    if kept.read(tx, key) != value:
        kept.write(tx, key, value)
        audit.record(tx, Deed.SETTING_CHANGED, key, value)


def _means(settings: Settings) -> Means:
    tokens = {name: Token(host, secret) for name, (host, secret) in settings.tokens_of_probes.items()}
    return Means(settings.log_folder, settings.railway_api_url, settings.tokens_at_railway, tokens)


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
