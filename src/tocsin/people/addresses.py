"""How the address of a contact method is written, for each channel."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from tocsin.kit.errors import Invalid
from tocsin.kit.ids import new_secret
from tocsin.kit.text import clip
from tocsin.people import secretive
from tocsin.people.model import Channel

_EMAIL = re.compile(r"[^@\s,;<>\x00-\x1f\x7f]+@[^@\s,;<>\x00-\x1f\x7f]+")
LONGEST_EMAIL = 254  # as many as a mail server takes


def checked(channel: Channel, typed: str) -> tuple[str, str | None]:
    """The address as it is kept and shown, and the secret that is kept with it. Raises Invalid for one that this
    channel can't have."""
    if channel in _SECRET:
        return _SECRET[channel](typed.strip())
    address = _CHECKS[channel](typed.strip())
    return address, new_secret() if channel is Channel.WEBHOOK else None


def named(name: str, address: str) -> str:
    """`Firefox on Linux, https://push.example.org/…K3WQ7M`"""
    return f"{name}, {address}" if name else address


def name_of(address: str) -> str:
    return address.rpartition(", ")[0]


def check_email(address: str) -> str:
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise Invalid(f"'{clip(address, 60)}' is not an e-mail address.", field="email")
    return address


def _webhook(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not address.isascii() or not address.isprintable() or " " in address:
        raise Invalid("A webhook is an address such as https://example.org/pages.", field="address")
    if parts.username is not None or parts.password is not None:
        raise Invalid("A webhook's address holds no password: what is sent there is signed.", field="address")
    return address


def in_the_log(channel: Channel, address: str) -> str:
    """What the audit log tells of a contact method: of a webhook the host alone, since its path may be a secret."""
    return f"{channel} {(urlsplit(address).hostname or '') if channel is Channel.WEBHOOK else address}"


def _number(address: str) -> str:
    number = re.sub(r"[ ()./-]", "", address)
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        raise Invalid(f"'{address}' is not a telephone number; write it like +49 170 1234567.", field="address")
    return number


def _topic(address: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", address):
        raise Invalid(
            "A topic has 8 to 64 letters, digits, dashes and underscores; choose one that nobody guesses.",
            field="address",
        )
    return address


def _chat(address: str) -> str:
    if not re.fullmatch(r"-?[1-9]\d{0,18}", address, re.ASCII):
        raise Invalid("A chat is a number; write /start to the bot, and it says which.", field="address")
    return address


def _member(address: str) -> str:
    if not re.fullmatch(r"[UW][A-Z0-9]{2,20}", address):
        raise Invalid(
            f"'{address}' is no member ID; in Slack it is on a person's profile, like U024BE7LH.", field="address"
        )
    return address


_CHECKS: dict[Channel, Callable[[str], str]] = {
    Channel.EMAIL: check_email,
    Channel.WEBHOOK: _webhook,
    Channel.SMS: _number,
    Channel.VOICE: _number,
    Channel.NTFY: _topic,
    Channel.TELEGRAM: _chat,
    Channel.SLACK: _member,
}
_SECRET: dict[Channel, Callable[[str], tuple[str, str]]] = {
    Channel.PUSH: secretive.subscription,
    Channel.TEAMS: secretive.workflow,
    Channel.APPRISE: secretive.apprise,
}
