"""What every answer tells a browser besides what it holds: how little it may do with it."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.datastructures import MutableScopeHeaders

Hook = Callable[[Any, Any], Awaitable[None]]

A_YEAR = 365 * 24 * 3600
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would make a browser hide the origin of our own forms
    "cross-origin-opener-policy": "same-origin",
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
