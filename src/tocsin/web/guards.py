"""What every answer tells a browser besides what it holds: how little it may do with it."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Send

Hook = Callable[[Any, Any], Awaitable[None]]

A_YEAR = 365 * 24 * 3600
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would make a browser hide the origin of our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()"
    ),
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: a program reads it, and a browser that was led there does nothing with it."""


def guard(is_by_tls: Callable[[Any], bool]) -> Hook:
    """Put on each answer what its own headers leave unsaid. `is_by_tls` says whether people come to it by TLS."""

    async def put_on(message: Any, scope: Any) -> None:
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        if is_by_tls(scope):
            headers.setdefault("strict-transport-security", f"max-age={A_YEAR}")
        if "javascript" not in headers.get("content-type", ""):  # a worker lives by the policy of its script
            headers.setdefault("content-security-policy", NOTHING)
        if not scope["path"].startswith("/static/"):
            headers.setdefault("cache-control", "no-store")

    return put_on


# ---- What is public, and answered before any route -------------------------------------------------------------------

ANYWHERE = (b"cross-origin-resource-policy", b"cross-origin")  # badges and notices stand in pages of other sites
_ALWAYS = tuple((name.encode(), value.encode()) for name, value in ALWAYS.items())
_NOTHING = (b"content-security-policy", NOTHING.encode())
_TLS = (b"strict-transport-security", f"max-age={A_YEAR}".encode())


def on_public(send: Send, *, by_tls: bool) -> Send:
    """The same for what anybody may read."""

    async def put_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            found = tuple(message["headers"])
            said = {name for name, _ in found}
            more = [one for one in _ALWAYS if one[0] not in said]
            is_script = any(name == b"content-type" and b"javascript" in value for name, value in found)
            more += [_NOTHING] if _NOTHING[0] not in said and not is_script else []
            message["headers"] = (*found, *more, *((_TLS,) if by_tls else ()))
        await send(message)

    return put_on
