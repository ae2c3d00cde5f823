"""Integrations: everything that can be connected, how each of it stands, and what connects it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from litestar import get
from litestar.params import FromPath
from litestar.response import Template

from tocsin.app import App
from tocsin.changes import store as changes
from tocsin.events import outbox as webhooks
from tocsin.kit.text import listed
from tocsin.oncall import commands as oncall
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import listening, readiness
from tocsin.settings import Settings
from tocsin.signals import found, mapping, quarantine
from tocsin.watch import logs
from tocsin.web import guides, present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.guides import PATH
from tocsin.web.signals import SignalRow, Unread, signal_rows, unread

CHANGES_LOOKED_AT = 200
LATELY = 5  # signals and bodies of a sender that its page shows
LOGS_LOOKED_AT = 200  # signals of logs, the latest
SENDERS = {  # the page of docs/howto that tells of it: what it is called, the address that it is given, its source
    "generic-signals": ("Scripts and programs of your own", "/api/v1/signals", "generic"),
    "alertmanager": ("Alertmanager", "/in/alertmanager", "alertmanager"),
    "azure": ("Azure", "/in/azure", "azure"),
    "cloudevents": ("CloudEvents", "/in/cloudevents", "cloudevents"),
    "cloudwatch": ("CloudWatch, by SNS", "/in/cloudwatch", "cloudwatch"),
    "datadog": ("Datadog", "/in/datadog", "datadog"),
    "gatus": ("Gatus", "/in/gatus", "gatus"),
    "github": ("GitHub", "/in/github", "github"),
    "google-cloud": ("Google Cloud", "/in/google-cloud", "google-cloud"),
    "grafana": ("Grafana", "/in/grafana", "grafana"),
    "healthchecks": ("Healthchecks", "/in/healthchecks", "healthchecks"),
    "mail-as-signals": ("Mail", "", "mail"),
    "opentelemetry": ("OpenTelemetry, its logs", "/v1/logs", logs.SOURCE),
    "opsgenie": ("What sends to Opsgenie", "/in/opsgenie", "opsgenie"),
    "pagerduty-senders": ("What sends to PagerDuty", "/v2/enqueue", "pagerduty"),
    "prometheus": ("Prometheus, without Alertmanager", "/in/prometheus", "prometheus"),
    "railway": ("Railway", "/in/railway", "railway"),
    "sentry": ("Sentry", "/in/sentry", "sentry"),
    "sentry-sdk": ("Sentry's libraries, without a Sentry", "/in/sentry-sdk", "sentry-sdk"),
    "uptime-kuma": ("Uptime Kuma", "/in/uptime-kuma", "uptime-kuma"),
    "zabbix": ("Zabbix", "/in/zabbix", "zabbix"),
}
SIGNED = {"github": "github_webhook_secret", "sentry": "sentry_client_secret"}
"""Who signs what they send, and with which setting that is checked: nothing of theirs is taken without."""
WAYS = {  # by which people are paged: what it is called, what sets it up, and the page that tells of it
    Channel.EMAIL: ("Mail", ("smtp_url", "mail_from"), "real-mail"),
    Channel.PUSH: ("Push to a browser or phone", ("push_contact",), "push-and-chat"),
    Channel.SMS: ("Text messages", ("sms_url",), "text-messages-and-calls"),
    Channel.VOICE: ("Calls", ("twilio_account_sid", "twilio_auth_token", "twilio_from"), "text-messages-and-calls"),
    Channel.NTFY: ("Push by ntfy", ("ntfy_url",), "push-and-chat"),
    Channel.TELEGRAM: ("Telegram", ("telegram_token", "telegram_secret"), "push-and-chat"),
    Channel.SLACK: ("Slack, directly", ("slack_bot_token",), "slack"),
    Channel.TEAMS: ("Microsoft Teams", (), "push-and-chat"),
    Channel.WEBHOOK: ("Webhook, to an app or pager", (), "how-you-are-paged"),
    Channel.APPRISE: ("Apprise, which knows a hundred others", (), "push-and-chat"),
}

LACKS = {
    Channel.SMS: "Through any provider that is asked by HTTP; or through Twilio, with the settings of calls.",
    Channel.APPRISE: "Install the extra tocsin[notify-all].",
    Channel.EMAIL: "Mails wait in the outbox until there is a server to take them.",
}
"""What else is to be said of a way that is not set up."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that can be connected. `sets` are the settings that do it, and `guide` is its page of the docs."""

    name: str
    mark: str
    state: str
    about: str = ""
    sets: tuple[str, ...] = ()
    guide: str = ""
    href: str = ""
    there: str = ""
    text: str = ""  # to be copied

    @property
    def is_connected(self) -> bool:
        return self.mark != "unknown"


@dataclass(frozen=True, kw_only=True)
class Sender:
    name: str
    address: str
    guide: str
    mark: str
    state: str
    source: str
    own: str = ""  # the name under which the plan reads it
    at: str = ""
    is_heard: bool = False


@dataclass(frozen=True)
class Group:
    id: str
    title: str
    about: str
    rows: Sequence[Row]

    @property
    def connected(self) -> int:
        return sum(one.is_connected for one in self.rows)


@get(PATH, sync_to_thread=True)
def show_integrations(request: AnyRequest, visitor: SignedIn) -> Template:
    app = visitor.app
    with app.database.read(visitor.actor) as tx:
        plan = plans.current(tx)
        senders = _senders(tx, app.settings, plan)
        groups = [_chats(app, plan), _ways(tx, app), _listeners(tx, visitor), _door(app.settings), _programs(app)]
        return page(
            request,
            visitor,
            tx,
            "integrations.html",
            title="Integrations",
            here=PATH,
            heard=[one for one in senders if one.is_heard],
            silent=[one for one in senders if not one.is_heard],
            warnings=readiness.unheard(tx, app.means),
            base=app.settings.public_url,
            has_guides=guides.folder() is not None,
            may_make=visitor.actor.may(access.PEOPLE_WRITE),
            columns=(groups[::2], groups[1::2]),
        )


@get(f"{PATH}/{{guide:str}}", sync_to_thread=True)
def show_guide(request: AnyRequest, visitor: SignedIn, guide: FromPath[str]) -> Template:
    """How to connect one thing; of a sender also its address here, and what it sent."""
    app = visitor.app
    told = guides.load(guide, app.settings.public_url)
    with app.database.read(visitor.actor) as tx:
        sender = _one_sender(tx, app.settings, plans.current(tx), guide) if guide in SENDERS else None
        return page(
            request,
            visitor,
            tx,
            "guide.html",
            title=told.title,
            here=PATH,
            told=told,
            sender=sender,
            heard=_heard_of(tx, sender.source) if sender else [],
            quarantined=_unread_of(tx, sender.source) if sender else [],
            may_make=visitor.actor.may(access.PEOPLE_WRITE),
        )


def _heard_of(tx: Tx, source: str) -> list[SignalRow]:
    """The latest of a sender; of logs only what was found in them, which the look at one that is read here is not."""
    if source != logs.SOURCE:
        return signal_rows(tx, found.of_source(tx, source, LATELY), tx.now)
    said = [one for one in found.of_source(tx, source, LOGS_LOOKED_AT) if "pattern" in one.labels]
    return signal_rows(tx, said[:LATELY], tx.now)


def _unread_of(tx: Tx, source: str) -> list[Unread]:
    return [unread(one, tx.now) for one in quarantine.listed(tx, LATELY, source=source)]


# ---- What sends to us ----


def _senders(tx: Tx, settings: Settings, plan: Plan) -> list[Sender]:
    own = {name: (name, f"/in/json/{name}", mapping.source(name)) for name in plan.senders}
    heard = _heard(tx, plan, [source for _, _, source in (SENDERS | own).values()])
    made = [_sender(settings, guide, *about, heard, tx.now) for guide, about in SENDERS.items()]
    made += [replace(_sender(settings, "own-senders", *about, heard, tx.now), own=name) for name, about in own.items()]
    return sorted(made, key=lambda one: one.name.lower())


def _one_sender(tx: Tx, settings: Settings, plan: Plan, guide: str) -> Sender:
    _, _, source = about = SENDERS[guide]
    return _sender(settings, guide, *about, _heard(tx, plan, [source]), tx.now)


def _logs_sent(tx: Tx, plan: Plan) -> dict[str, datetime | None]:
    """When a log that is sent to us last said what the plan asks for. Those that are read here have the same source."""
    sent = {one.name for looks in listening.heard_by(plan).values() for one in looks}
    said = found.listing(tx, found.Asked(source=logs.SOURCE), LOGS_LOOKED_AT).signals if sent else []
    heard = [one.last_at for one in said if "pattern" in one.labels and one.labels.get("log") in sent]
    return {logs.SOURCE: max(heard)} if heard else {}


def _heard(tx: Tx, plan: Plan, sources: Collection[str]) -> dict[str, datetime | None]:
    """When each was last heard of, by a signal or by a change; None if that is long ago."""
    others = set(sources) - {logs.SOURCE}
    signalled, told = found.last_heard(tx, others), changes.last_told(tx, CHANGES_LOOKED_AT)
    both = {source: (signalled.get(source), told.get(source)) for source in {*signalled, *told} & others}
    heard = {source: max((at for at in pair if at), default=None) for source, pair in both.items()}
    return heard if others == set(sources) else heard | _logs_sent(tx, plan)


def _sender(
    settings: Settings,
    guide: str,
    name: str,
    address: str,
    source: str,
    heard: Mapping[str, datetime | None],
    now: datetime,
) -> Sender:
    is_heard, at = source in heard, heard.get(source)
    state = "Last heard" if at else "Heard before, and not lately" if is_heard else "Not heard yet"
    if source == logs.SOURCE and not is_heard:
        state = "Nothing heard that the plan asks for"
    needs = SIGNED.get(guide, "mail_reply_to" if guide == "mail-as-signals" else "")
    if needs and not getattr(settings, needs):
        state, at, is_heard = f"Needs {_variable(needs)}", None, False
    return Sender(
        name=name,
        address=f"{settings.public_url}{address}" if address else "tocsin mail-in address NAME",
        guide=guide,
        source=source,
        mark="ok" if at else "open" if is_heard else "unknown",
        state=state,
        at=present.moment(at, now) if at else "",
        is_heard=is_heard,
    )


def _variable(setting: str) -> str:
    return f"TOCSIN_{setting.upper()}"


# ---- Chats, and the ways by which people are paged ----


def _chats(app: App, plan: Plan) -> Group:
    told: dict[str, list[str]] = {}
    for audience in plan.communication.audiences.values():
        for name in audience.chats:
            told.setdefault(name, []).append(audience.name)
    posted = [_chat(name, kind, told.get(name, [])) for name, (kind, _) in app.settings.chats_by_name.items()]
    others = Row(
        name="Microsoft Teams, Mattermost, Discord",
        mark="unknown",
        state="Not connected",
        about="Updates are posted where an audience of the plan reads them.",
        sets=(_variable("chats"),),
        guide="updates-in-chats",
    )
    about = "A channel for each incident, its verbs as commands and buttons, and updates where people read."
    return Group("chats", "Chats", about, [_slack(app.settings), *(posted or [others])])


def _slack(settings: Settings) -> Row:
    mark, state, about = "ok", "Connected", f"{settings.slack_command} and buttons work on incidents from there."
    sets: tuple[str, ...] = ()
    if not settings.slack_bot_token:
        mark, state, sets = "unknown", "Not connected", ("slack_bot_token", "slack_signing_secret")
        about = "A channel for each incident, in which it can be worked."
    elif not settings.is_answered_in_slack:
        mark, state, sets = "degraded", "One way", ("slack_signing_secret", "slack_app_token")
        about = "We write there, and what is pressed or written there does not reach us. Set one of these two."
    return Row(name="Slack", mark=mark, state=state, about=about, sets=tuple(map(_variable, sets)), guide="slack")


def _chat(name: str, kind: str, told: Sequence[str]) -> Row:
    about = f"The updates for {listed(told)} are posted there." if told else "The plan posts nothing there."
    state = "Connected" if told else "Not used"
    kinds = {"teams": "Microsoft Teams", "mattermost": "Mattermost", "discord": "Discord"}
    return Row(
        name=f"{kinds[kind]}, {name}",
        mark="ok" if told else "open",
        state=state,
        about=about,
        guide="updates-in-chats",
    )


def _ways(tx: Tx, app: App) -> Group:
    handles = list(people.names(tx))
    methods, addresses = people.contacts(tx, handles), people.addresses(tx, handles)
    used: Counter[str] = Counter()
    for handle in handles:
        chosen = {one.channel for one in methods[handle] if one.verified_at}
        used.update(chosen or ({Channel.EMAIL} if handle in addresses else ()))
    offers = app.offers - (set() if app.settings.smtp_url else {Channel.EMAIL})
    rows = [_way(channel, *about, channel in offers, used[channel]) for channel, about in WAYS.items()]
    about = "Everybody chooses for themselves under their name. What is not set up here is offered to nobody."
    return Group("ways", "How people are paged", about, sorted(rows, key=lambda one: not one.is_connected))


def _way(channel: Channel, name: str, settings: Sequence[str], guide: str, is_set: bool, used: int) -> Row:
    by = f"{used} {'person is' if used == 1 else 'people are'} paged so" if used else "nobody has chosen it"
    return Row(
        name=name,
        mark="ok" if is_set and used else "open" if is_set else "missed" if used else "unknown",
        state=f"Set up, {by}" if is_set else f"Not set up, and {by}" if used else "Not set up",
        about="" if is_set else LACKS.get(channel, ""),
        sets=() if is_set else tuple(map(_variable, settings)),
        guide=guide,
    )


# ---- Who is told by us, who comes in, and what reads along ----


def _listeners(tx: Tx, visitor: Visitor) -> Group:
    settings, place = visitor.app.settings, visitor.app.published_at
    watched = Row(
        name="An outside watchdog",
        mark="ok" if settings.heartbeat_url else "unknown",
        state="Told that we live" if settings.heartbeat_url else "Not connected",
        about="" if settings.heartbeat_url else "If this server dies, nobody else would notice.",
        sets=() if settings.heartbeat_url else (_variable("heartbeat_url"),),
        guide="watch-tocsin-itself",
    )
    copied = Row(
        name="A copy of the status page",
        mark="ok" if place else "unknown",
        state="Published" if place else "Not published",
        about="" if place else "A copy on another host is there while this one is not.",
        sets=() if place else (_variable("status_publish"),),
        guide="publish-the-status-page",
    )
    about = "Programs that are told what happens, and calendars that show who is on call."
    return Group("listeners", "What we tell", about, [_webhooks(tx, visitor), _calendars(tx, visitor), copied, watched])


def _webhooks(tx: Tx, visitor: Visitor) -> Row:
    if not visitor.is_administrator:
        return Row(name="Webhooks", mark="open", state="An administrator manages them", guide="webhooks")
    every = webhooks.listing(tx)
    failing = sum(one.failing_since is not None or one.disabled_at is not None for one in every)
    return Row(
        name="Webhooks",
        mark="missed" if failing else "ok" if every else "unknown",
        state=f"{failing} of {len(every)} fail or are disabled" if failing else f"{len(every) or 'None'} connected",
        about="Each call is signed, and can be sent again.",
        guide="webhooks",
        href="/webhooks",
        there="Look at them" if every else "Add one",
    )


def _calendars(tx: Tx, visitor: Visitor) -> Row:
    count = len(oncall.feeds(tx))
    return Row(
        name="Calendars",
        mark="ok" if count else "unknown",
        state=f"{count} subscribed" if count else "None subscribed",
        about="Shifts in the calendar of a phone, a team or a program.",
        guide="on-call-calendar",
        href="/oncall/calendar#feeds",
        there="Look at them" if count else "Subscribe to one",
    )


def _door(settings: Settings) -> Group:
    host = urlsplit(settings.sso_issuer).hostname
    is_set = bool(settings.sso_issuer)
    roles = "Groups there decide who may do what here."
    provider = Row(
        name=settings.sso_name.capitalize() if is_set else "Single sign-on",
        mark="ok" if is_set else "unknown",
        state=f"Connected to {host}{', and the only way in' if settings.sso_only else ''}" if is_set else "Not set up",
        about=roles if is_set else f"By OpenID Connect, with any provider that speaks it. {roles}",
        sets=() if is_set else tuple(map(_variable, ("sso_issuer", "sso_client_id", "sso_roles"))),
        guide="single-sign-on",
    )
    return Group("door", "Signing in", "Accounts that you have already, so that nobody needs another.", [provider])


def _programs(app: App) -> Group:
    url = app.settings.public_url
    assistant = Row(
        name="Assistants, by MCP",
        mark="open",
        state="Ready",
        about="Give this to your assistant, with a token of its own. It may do what the token may.",
        guide="assistants",
        text=_MCP % url,
    )
    api = Row(
        name="API",
        mark="open",
        state="Ready",
        about="Whatever this console does. It describes itself by OpenAPI.",
        guide="python-client",
        href="/api/v1/openapi.json",
        there="Its description",
    )
    client = Row(
        name="Command line",
        mark="open",
        state="Ready",
        about="On any machine where Tocsin is installed.",
        guide="people-and-tokens",
        text=f"export TOCSIN_URL={url}\nexport TOCSIN_TOKEN=tcs_…\ntocsin top",
    )
    about = "All of it needs a token, and may do no more than its token."
    return Group("programs", "Programs and assistants", about, [api, client, assistant])


_MCP = """{"mcpServers": {"tocsin": {
  "command": "tocsin", "args": ["mcp"],
  "env": {"TOCSIN_URL": "%s", "TOCSIN_TOKEN": "tcs_…"}}}}"""


def routes() -> list[Any]:
    return [show_integrations, show_guide]
