"""Every cookie of ours, and what becomes of it where people come by TLS.

The pages know a cookie by its plain name. Here, at the edge, each leaves for the browser as one that is sent over TLS
only; and whatever opens a door does so under a name that begins with `__Host-`. A browser takes such a name from this
very host alone: a neighbouring host, or whoever answers in its place without TLS, can't plant one.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.people import sessions
from tocsin.settings import Settings

SESSION = "tocsin_session"
STEP = "tocsin_step"  # between the password and the code
DEVICE = "tocsin_device"  # that this browser has signed in before
FORM = "tocsin_form"  # against forms of other sites
AT_PROVIDER = "tocsin_sso"  # while somebody is at the provider of single sign-on
ASIDE = "tocsin_aside"  # what was typed, while they prove there who they are
THEME = "tocsin_theme"
ZONE = "tocsin_zone"

OPENING = frozenset({SESSION, STEP, DEVICE, FORM, AT_PROVIDER, ASIDE})
"""Those that open a door, or stand for what was begun at one; the others only say how a page is shown."""

PREFIX = "__Host-"


def is_by_tls(settings: Settings, scope: Scope) -> bool:
    """Whether people reach this server by TLS, as its own address says, or this request came so."""
    return settings.secure_cookies or settings.public_url.startswith("https://") or scope.get("scheme") == "https"


class Jar:
    """Stands around the pages and gives each cookie its name and its marks."""

    def __init__(self, settings: Settings, rest: ASGIApp) -> None:
        self._settings = settings
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not is_by_tls(self._settings, scope):
            await self._rest(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                message["headers"] = [
                    (name, outward(value) if name.lower() == b"set-cookie" else value) for name, value in headers
                ]
            await send(message)

        inner: Any = {**scope, "headers": list(_inward(scope["headers"]))}
        await self._rest(inner, receive, marked)


def outward(header: bytes) -> bytes:
    """What is set, as a browser gets it over TLS."""
    what, *marks = header.decode("latin-1").split("; ")
    is_opening = what.partition("=")[0] in OPENING
    dropped = ("secure", "path", "domain", "httponly") if is_opening else ("secure",)
    kept = [mark for mark in marks if mark.partition("=")[0].lower() not in dropped]
    named = [f"{PREFIX}{what}", "Path=/", "HttpOnly"] if is_opening else [what]
    return "; ".join([*named, *kept, "Secure"]).encode("latin-1")


def of(scope: Scope, name: str) -> str:
    """One cookie of a request that no framework reads; empty where it was not sent. What other programs on the same
    host have left in the browser is passed over, however it is written."""
    sent = b";".join(value for header, value in scope["headers"] if header == b"cookie").decode("latin-1")
    pairs = (one.strip().partition("=") for one in sent.split(";"))
    return next((value for known, _, value in pairs if known == name), "")


def _inward(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    """The headers of a request, with our cookies under the names that the pages know."""
    sent: list[str] = []
    for name, value in headers:
        if name == b"cookie":
            sent += value.decode("latin-1").split(";")
        else:
            yield name, value
    if sent:
        yield b"cookie", "; ".join(_plain(sent)).encode("latin-1")


def _plain(sent: list[str]) -> Iterator[str]:
    """Of what opens a door only what came under the guarded name; and a session that was begun before there was one,
    so that an upgrade signs nobody out. It is known by its secret, so that no other can be planted under the old name.
    """
    pairs = [one.strip().partition("=") for one in sent]
    has_session = any(name == PREFIX + SESSION for name, _, _ in pairs)
    for name, _, value in pairs:
        if name.removeprefix(PREFIX) not in OPENING:
            yield f"{name}={value}"
        elif name.startswith(PREFIX):
            yield f"{name.removeprefix(PREFIX)}={value}"
        elif name == SESSION and not has_session and not value.startswith(sessions.MARK):
            yield f"{name}={value}"


# ---- What a browser keeps for us, and can't change -------------------------------------------------------------------

LONGEST = 4096


def sealed(key: str, purpose: str, said: bytes) -> str:
    """A value for a cookie that is good for this purpose alone. Whoever has the browser can read it."""
    body = base64.urlsafe_b64encode(said).decode().rstrip("=")
    return f"{body}.{_seal(key, purpose, body)}"


def opened(key: str, purpose: str, value: str) -> bytes | None:
    """What was sealed; None for what is not ours."""
    body, _, seal = value.partition(".")
    good = hmac.compare_digest(_seal(key, purpose, body).encode(), seal.encode("utf-8", "replace"))
    if len(value) > LONGEST or not good:
        return None
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def _seal(key: str, purpose: str, body: str) -> str:
    said = f"{purpose}:{body}".encode("utf-8", "replace")
    return hmac.new(key.encode(), said, hashlib.sha256).hexdigest()
