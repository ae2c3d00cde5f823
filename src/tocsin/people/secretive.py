"""Addresses that are secrets: whoever knows one can write there. What is shown of them gives nothing away."""

import base64
import binascii
import re
from urllib.parse import urlsplit

import msgspec

from tocsin.kit.errors import Invalid
from tocsin.kit.ids import new_id

_DESKTOP = {"dbus", "gio", "glib", "gnome", "kde", "macosx", "notify-send", "qt", "windows"}
LOCAL = frozenset(_DESKTOP | {"blink1", "exec", "file", "script", "shell", "syslog", "unix"})
"""What Apprise, or a plugin for it, does on the machine itself: its desktop, its log, its files and programs."""


class _Keys(msgspec.Struct):
    p256dh: str
    auth: str


class _Subscription(msgspec.Struct):
    endpoint: str
    keys: _Keys


def subscription(typed: str) -> tuple[str, str]:
    """What is shown of a browser's subscription, and all that is needed to push to it."""
    try:
        found = msgspec.json.decode(typed, type=_Subscription)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Invalid(
            "This is no subscription of a browser; add the browser that you use on the page behind your name.",
            field="address",
        ) from None
    parts = _parts(found.endpoint)
    if parts is None or parts[0] != "https":
        raise Invalid("The address of a push service begins with https://.", field="address")
    point, salt = _decoded(found.keys.p256dh), _decoded(found.keys.auth)
    if len(point) != 65 or point[0] != 4 or len(salt) != 16:
        raise Invalid("The keys of this subscription are not those of a browser.", field="address")
    secret = {"endpoint": found.endpoint, "p256dh": found.keys.p256dh, "auth": found.keys.auth}
    return f"https://{parts[1]}/{_mark()}", msgspec.json.encode(secret).decode()


def endpoint(secret: str) -> str:
    """Where a browser is pushed to, of what is kept of its subscription."""
    kept: dict[str, str] = msgspec.json.decode(secret)
    return kept["endpoint"]


def workflow(typed: str) -> tuple[str, str]:
    """What is shown of the address of a workflow in Teams, and the address itself."""
    parts = _parts(typed)
    if parts is None or parts[0] != "https" or any(one.isspace() for one in typed):
        raise Invalid("The address of a workflow begins with https://.", field="address")
    if parts[1].endswith((".webhook.office.com", "outlook.office.com")):
        raise Invalid("Teams takes nothing at such an address any more; make a workflow there.", field="address")
    return f"https://{parts[1]}/{_mark()}", typed


def apprise(typed: str) -> tuple[str, str]:
    """What is shown of an address of Apprise, and the address itself. One that would do something on this machine, and
    not elsewhere, is refused."""
    found = re.match(r"([a-z0-9][a-z0-9+.-]{0,30})://\S", typed, re.IGNORECASE)
    if found is None or len(typed.split()) != 1:
        raise Invalid("An address of Apprise is one word, such as tgram://TOKEN/CHAT.", field="address")
    scheme = found[1].lower()
    if scheme in LOCAL:
        raise Invalid(f"{scheme}:// would reach the machine that Tocsin runs on, and not you.", field="address")
    return f"{scheme}://{_mark()}", typed


def _parts(address: str) -> tuple[str, str] | None:
    """Scheme and host of an address of the web, with its port where it names one."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (parts.scheme, f"{host}:{port}" if port else host) if host else None


def _mark() -> str:
    """What tells two such addresses apart: it is drawn, and follows from nothing."""
    return f"…{new_id('', 6).removeprefix('_')}"


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
