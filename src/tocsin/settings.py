"""What an installation sets, read from the environment. Everything a team agrees on stands in the plan instead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tocsin.kit.errors import Invalid
from tocsin.kit.sealing import checked
from tocsin.kit.text import nearest

PREFIX = "TOCSIN_"
_CONTACT = r"mailto:[^@\s]+@[\w-]+(\.[\w-]+)+|https://[\w-]+(\.[\w-]+)+"
_CHAT = r"[a-z][a-z0-9-]{0,39}=(teams|mattermost|discord):https?://[^\s/]+/\S+"
PUBLIC_ON_CALL = ("no", "covered", "names")


class BadSetting(Invalid):
    """A setting in the environment can't be used."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field a setting: `host` is TOCSIN_HOST. The meaning of each is in docs/reference/settings.md."""

    database_url: str = "sqlite:///var/tocsin.db"
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    status_url: str = ""  # of the public page, where it has a host of its own
    status_publish: str = ""  # where a copy of it is kept: a folder, s3://, or git+https://
    status_s3_url: str = ""
    status_s3_region: str = "us-east-1"
    status_s3_key: str = ""
    status_s3_secret: str = field(default="", repr=False)
    smtp_url: str = ""
    mail_from: str = "Tocsin <tocsin@localhost>"
    mail_reply_to: str = ""
    sms_providers: str = "twilio http"  # in the order in which they are asked
    twilio_account_sid: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    twilio_from: str = ""
    twilio_api_url: str = "https://api.twilio.com"
    ntfy_url: str = ""
    ntfy_token: str = field(default="", repr=False)
    telegram_token: str = field(default="", repr=False)
    telegram_secret: str = field(default="", repr=False)  # by which requests of Telegram are known
    telegram_api_url: str = "https://api.telegram.org"
    sms_url: str = ""
    sms_token: str = field(default="", repr=False)
    slack_bot_token: str = field(default="", repr=False)
    slack_signing_secret: str = field(default="", repr=False)  # by which requests of Slack are known
    slack_app_token: str = field(default="", repr=False)  # with it Slack brings things through a socket
    slack_command: str = "/incident"
    slack_emoji: str = "pushpin"  # with which a message is put onto the record
    slack_api_url: str = "https://slack.com/api/"
    chats: str = field(default="", repr=False)  # name=kind:address and the next, in which updates are posted
    push_contact: str = ""  # whom a push service may write to; with it, browsers are pushed to
    sentry_client_secret: str = field(default="", repr=False)  # with which Sentry signs what it sends
    github_webhook_secret: str = field(default="", repr=False)
    grafana_webhook_secret: str = field(default="", repr=False)
    sns_url: str = ""  # to be asked instead of Amazon's own hosts
    plan: str = ""
    sso_issuer: str = ""  # of the provider through which people sign in
    sso_client_id: str = ""
    sso_client_secret: str = field(default="", repr=False)
    sso_client_secret_file: str = ""
    sso_name: str = "single sign-on"
    sso_scopes: str = "openid profile email"
    sso_groups_claim: str = "groups"
    sso_roles: str = ""  # group=role, and the next
    sso_known_only: bool = False
    sso_only: bool = False
    secret_key: str = field(default="", repr=False)  # that seals what the database holds of secrets; older ones follow
    secret_key_file: str = ""
    secure_cookies: bool = False
    require_second_factor: bool = False  # of everybody with a password
    allow_private_webhooks: bool = False
    private_networks: str = ""  # that an entered address may lead into
    log_level: str = "info"
    api_a_minute: int = 1200  # requests of one token that a node answers
    proposals_after: int = 3
    public_on_call: str = "no"
    heartbeat_url: str = ""
    railway_tokens: str = field(default="", repr=False)  # name=token and the next, for logs that a plan has read there
    probe_tokens: str = field(default="", repr=False)  # name@host=token and the next, with which probes ask
    railway_api_url: str = "https://backboard.railway.com/graphql/v2"
    log_folder: str = ""  # in which files lie that a plan may have read
    url: str = ""  # of the server that the command line talks to
    token: str = ""  # with which it does

    @property
    def public_url(self) -> str:
        """The address under which people reach this server, without a slash at its end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def status_page_url(self) -> str:
        """The address under which the public reaches its page, without a slash at its end."""
        return self.status_url.rstrip("/") or f"{self.public_url}/status"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which people know this installation, its public page among them."""
        both = (urlsplit(self.public_url).hostname, urlsplit(self.status_page_url).hostname)
        return tuple(dict.fromkeys(name for name in both if name))

    @property
    def api_url(self) -> str:
        return (self.url or self.public_url).rstrip("/")

    @property
    def tokens_at_railway(self) -> dict[str, str]:
        """By the names under which a plan asks for them."""
        return dict(pair.split("=", 1) for pair in self.railway_tokens.split())

    @property
    def tokens_of_probes(self) -> dict[str, tuple[str, str]]:
        """By the names under which a plan asks for them: the host that each is for, and the token."""
        pairs = (pair.split("=", 1) for pair in self.probe_tokens.split())
        return {name.partition("@")[0]: (name.partition("@")[2].lower(), token) for name, token in pairs}

    @property
    def is_answered_in_slack(self) -> bool:
        """Whether Slack brings us what is pressed and written there: by signed requests, or through a socket."""
        return bool(self.slack_signing_secret or self.slack_app_token)

    @property
    def chats_by_name(self) -> dict[str, tuple[str, str]]:
        """The kind and the secret address of each chat, by the name under which the plan has it."""
        pairs = (pair.split("=", 1) for pair in self.chats.split())
        return {name: (kind, url) for name, (kind, _, url) in ((name, to.partition(":")) for name, to in pairs)}

    @property
    def mail_domain(self) -> str:
        """The right-hand side of Message-IDs."""
        return urlsplit(self.public_url).hostname or "localhost"


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables. Raises BadSetting for one that is unknown or can't be used."""
    kinds = {field.name: field.type for field in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or not text:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in kinds:
            meant = nearest(name, kinds)
            hint = f"; did you mean {PREFIX}{meant.upper()}?" if meant else ""
            raise BadSetting(f"{variable} is not a setting of Tocsin{hint}")
        values[name] = _value(variable, text, kinds[name])
    settings = Settings(**values)
    _check(settings)
    return settings


def _value(variable: str, text: str, kind: object) -> object:
    if kind is int or kind == "int":
        if not text.isdecimal():
            raise BadSetting(f"{variable} is '{text}'; it must be a whole number")
        return int(text)
    if kind is bool or kind == "bool":
        if text.lower() not in ("yes", "no", "true", "false", "1", "0"):
            raise BadSetting(f"{variable} is '{text}'; it must be yes or no")
        return text.lower() in ("yes", "true", "1")
    return text


def _check(settings: Settings) -> None:
    if not 0 <= settings.port <= 65535:
        raise BadSetting(f"TOCSIN_PORT is {settings.port}; a port lies between 1 and 65535")
    if settings.proposals_after < 1:
        raise BadSetting("TOCSIN_PROPOSALS_AFTER is how often something must be missed; at least 1")
    if unknown := set(settings.sms_providers.split()) - {"twilio", "http"}:
        raise BadSetting(f"TOCSIN_SMS_PROVIDERS has '{min(unknown)}'; there are twilio and http")
    twilio = (settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from)
    if any(twilio) and not all(twilio):
        raise BadSetting("TOCSIN_TWILIO_ACCOUNT_SID, TOCSIN_TWILIO_AUTH_TOKEN and TOCSIN_TWILIO_FROM belong together")
    if settings.mail_reply_to and not re.fullmatch(r"[A-Za-z0-9._-]{1,12}@[A-Za-z0-9.-]+", settings.mail_reply_to):
        raise BadSetting("TOCSIN_MAIL_REPLY_TO is an address such as tocsin@example.org, of 12 letters before the @")
    if bool(settings.telegram_token) != bool(settings.telegram_secret):
        raise BadSetting("TOCSIN_TELEGRAM_TOKEN and TOCSIN_TELEGRAM_SECRET belong together")
    if settings.telegram_secret and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", settings.telegram_secret):
        raise BadSetting("TOCSIN_TELEGRAM_SECRET has 16 to 256 letters, digits, dashes and underscores")
    _check_slack(settings)
    if not all(re.fullmatch(r"[a-z][a-z0-9-]{0,39}=\S+", pair) for pair in settings.railway_tokens.split()):
        raise BadSetting(
            "TOCSIN_RAILWAY_TOKENS is written name=token, with a space before the next; a name is in small letters"
        )
    if not all(re.fullmatch(r"[a-z][a-z0-9-]{0,39}@[A-Za-z0-9.:-]+=\S+", one) for one in settings.probe_tokens.split()):
        raise BadSetting(
            "TOCSIN_PROBE_TOKENS is written name@host=token, with a space before the next; a name is in small letters"
        )
    if not all(re.fullmatch(_CHAT, pair) for pair in settings.chats.split()):
        raise BadSetting(
            "TOCSIN_CHATS is written name=kind:https://…, with a space before the next; a name is in small letters, "
            "and the kinds are teams, mattermost and discord"
        )
    _check_push(settings)
    _check_key(settings)
    _check_sso(settings)
    _check_networks(settings)
    for name in (
        "base_url",
        "status_url",
        "status_s3_url",
        "url",
        "heartbeat_url",
        "twilio_api_url",
        "sms_url",
        "ntfy_url",
        "telegram_api_url",
        "slack_api_url",
        "railway_api_url",
    ):
        value = getattr(settings, name)
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise BadSetting(f"TOCSIN_{name.upper()} must begin with http:// or https://")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise BadSetting("TOCSIN_LOG_LEVEL is one of debug, info, warning, error")
    if settings.public_on_call not in PUBLIC_ON_CALL:
        raise BadSetting("TOCSIN_PUBLIC_ON_CALL is one of no, covered, names")
    if settings.log_folder and not Path(settings.log_folder).is_dir():
        raise BadSetting(f"TOCSIN_LOG_FOLDER names a folder that is not there: {settings.log_folder}")
    if settings.plan and not Path(settings.plan).is_file():
        raise BadSetting(f"TOCSIN_PLAN names a file that is not there: {settings.plan}")


def _check_networks(settings: Settings) -> None:
    for one in settings.private_networks.split():
        try:
            ip_network(one)
        except ValueError:
            raise BadSetting(f"TOCSIN_PRIVATE_NETWORKS has '{one}'; a network is written like 10.1.0.0/16") from None


def _check_sso(settings: Settings) -> None:
    if not settings.sso_issuer:
        if settings.sso_client_id or settings.sso_only:
            raise BadSetting("TOCSIN_SSO_CLIENT_ID and TOCSIN_SSO_ONLY need TOCSIN_SSO_ISSUER, which is not set")
        return
    there = urlsplit(settings.sso_issuer)
    is_here = there.hostname in ("localhost", "127.0.0.1", "::1")
    if not there.hostname or there.query or there.fragment or (there.scheme != "https" and not is_here):
        raise BadSetting("TOCSIN_SSO_ISSUER begins with https://; http:// does on this very machine only")
    if not settings.sso_client_id:
        raise BadSetting("TOCSIN_SSO_CLIENT_ID belongs to TOCSIN_SSO_ISSUER: under which name the provider knows us")
    if settings.sso_client_secret and settings.sso_client_secret_file:
        raise BadSetting("TOCSIN_SSO_CLIENT_SECRET and TOCSIN_SSO_CLIENT_SECRET_FILE say the same: set one of them")
    if settings.sso_client_secret_file and not Path(settings.sso_client_secret_file).is_file():
        raise BadSetting("TOCSIN_SSO_CLIENT_SECRET_FILE names a file that is not there")
    if "openid" not in settings.sso_scopes.split():
        raise BadSetting("TOCSIN_SSO_SCOPES has openid among them")
    if not settings.sso_roles:
        raise BadSetting("TOCSIN_SSO_ROLES says who may do what, such as On call=responder, *=viewer")


def _check_key(settings: Settings) -> None:
    if settings.secret_key and settings.secret_key_file:
        raise BadSetting("TOCSIN_SECRET_KEY and TOCSIN_SECRET_KEY_FILE say the same: set one of them")
    try:
        checked(settings.secret_key.split())
    except Invalid as error:
        raise BadSetting(f"TOCSIN_SECRET_KEY can't be used. {error.message}") from None


def _check_slack(settings: Settings) -> None:
    if settings.slack_bot_token and not settings.slack_bot_token.startswith("xoxb-"):
        raise BadSetting("TOCSIN_SLACK_BOT_TOKEN is the token of a bot, and begins with xoxb-")
    if settings.slack_signing_secret and not settings.slack_bot_token:
        raise BadSetting("TOCSIN_SLACK_SIGNING_SECRET belongs to TOCSIN_SLACK_BOT_TOKEN, which is not set")
    if settings.slack_app_token and not settings.slack_app_token.startswith("xapp-"):
        raise BadSetting("TOCSIN_SLACK_APP_TOKEN is the token of an app, and begins with xapp-")
    if settings.slack_app_token and not settings.slack_bot_token:
        raise BadSetting("TOCSIN_SLACK_APP_TOKEN belongs to TOCSIN_SLACK_BOT_TOKEN, which is not set")
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", settings.slack_command):
        raise BadSetting("TOCSIN_SLACK_COMMAND is a slash and up to 31 small letters, digits, dashes or underscores")
    if not re.fullmatch(r"[a-z0-9_'+-]{1,100}", settings.slack_emoji):
        raise BadSetting("TOCSIN_SLACK_EMOJI is the name of an emoji without its colons, such as pushpin")


def _check_push(settings: Settings) -> None:
    if not settings.push_contact:
        return
    if not re.fullmatch(_CONTACT, settings.push_contact):
        raise BadSetting("TOCSIN_PUSH_CONTACT is mailto:somebody@example.org, or the https address of a site")
    here = urlsplit(settings.public_url)
    if here.scheme != "https" and here.hostname not in ("localhost", "127.0.0.1"):
        raise BadSetting("TOCSIN_PUSH_CONTACT needs a TOCSIN_BASE_URL with https: browsers subscribe nowhere else")
