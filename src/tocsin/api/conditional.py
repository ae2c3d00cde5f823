"""Changes that hold only while a thing stands as it was read, and answers only if they are new (RFC 9110).

What can be changed by two people at once has a version, which its `ETag` begins with. Whoever sends that tag back in
`If-Match` is refused with 412 once it stands otherwise, and is told what changed since. Every answer to a GET has a tag
of its own, and is not sent again to whoever shows that one in `If-None-Match`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.api import wire
from tocsin.incidents import sentences
from tocsin.incidents import store as incidents
from tocsin.kit.errors import Invalid, Refused
from tocsin.plan import store as plans

CHANGES_SHOWN = 50
VERSION = "tocsin.version"
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_TAGGED = (b"application/json", b"text/markdown")


@dataclass(frozen=True)
class Change:
    """Something that happened to a thing since it was read."""

    what: str
    at: datetime | None = None
    by: str = ""

    def plain(self) -> dict[str, str]:
        found = {"detail": self.what, "by": self.by}
        return found | ({"at": self.at.isoformat().replace("+00:00", "Z")} if self.at else {})


@dataclass(frozen=True)
class Guarded:
    """What is changed: its version now, and what happened to it since it had another one."""

    name: str
    version: Callable[[Any], str]
    since: Callable[[Any, str], list[Change]]


class Moved(Refused):
    """It has changed since you read it. Nothing was changed by this request."""

    def __init__(self, name: str, changed: list[Change]) -> None:
        super().__init__(f"The {name} changed since you read it; nothing was changed by this request.")
        self.changed = changed


class BadTag(Invalid):
    """If-Match holds entity tags as an ETag has them, in quotes."""


def stands_at(call: Request[Any, Any, Any], version: str) -> None:
    """Let the tag of this answer begin with a version."""
    call.scope["state"][VERSION] = version


def require(headers: Mapping[str, str], guarded: Guarded | None, tx: Any) -> None:
    """Refuse a change to what stands otherwise than the caller read it. Raises Moved, BadTag."""
    shown = headers.get("if-match")
    if shown is None or guarded is None or shown.strip() == "*":
        return
    known = [tag.partition("-")[0] for tag in _TAG.findall(shown)]
    if not known:
        raise BadTag
    now = guarded.version(tx)
    if now not in known:
        raise Moved(guarded.name, guarded.since(tx, known[0]))


def of_incident(call: Request[Any, Any, Any]) -> Guarded | None:
    """The incident that an address names: each entry of its record is a version of it."""
    name = call.path_params.get("incident_id")
    if name is None:
        return None

    def version(tx: Any) -> str:
        return str(incidents.load(tx, incidents.id_of(tx, name)).entries)

    def since(tx: Any, known: str) -> list[Change]:
        incident = incidents.load(tx, incidents.id_of(tx, name))
        plan = plans.load(tx, incident.plan_revision)
        after = int(known) if re.fullmatch(r"[0-9]{1,9}", known) else incident.entries
        entries = [one for one in incidents.timeline(tx, incident.id) if one.number > after][:CHANGES_SHOWN]
        return [Change(sentences.sentence(plan, one.entry), one.entry.at, one.entry.by) for one in entries]

    return Guarded("incident", version, since)


def of_contents(name: str, contents: Callable[[Any], Any], last: Callable[[Any], list[Change]]) -> Guarded:
    """Something without numbered versions: what people may change of it is its version, and `last` what is known of
    the last change."""

    def version(tx: Any) -> str:
        return hashlib.sha256(msgspec.json.encode(contents(tx))).hexdigest()[:12]

    return Guarded(name, version, lambda tx, _: last(tx))


# ---- Tags ----


def tagged(app: ASGIApp) -> ASGIApp:
    """Gives answers their tags, and sends nothing again that the caller has already."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
        elif scope["method"] == "GET":
            await app(scope, receive, _Once(scope, send))
        else:
            await app(scope, receive, _versioned(scope, send))

    return wrapped


def _versioned(scope: Scope, send: Send) -> Send:
    async def sending(message: Message) -> None:
        version = scope["state"].get(VERSION)
        if message["type"] == "http.response.start" and version and message["status"] < 300:
            message["headers"] = [*message["headers"], (b"etag", f'"{version}"'.encode())]
        await send(message)

    return sending


class _Once:
    """Holds an answer back until it is known whether the caller has it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Any = None
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_tagged(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body.append(message["body"])
            if not message["more_body"]:
                await self._finish()
        else:
            await self._send(message)

    async def _finish(self) -> None:
        body, version = b"".join(self._body), self._scope["state"].get(VERSION)
        digest = hashlib.sha256(body).hexdigest()[:20]
        tag = f'"{version}-{digest}"' if version else f'"{digest}"'
        headers = [*self._start["headers"], (b"etag", tag.encode())]
        if _has(self._scope, tag):
            body, kept = b"", (b"etag", b"vary", b"cache-control", b"ratelimit", b"ratelimit-policy")
            headers = [one for one in headers if one[0].lower() in kept]
            self._start["status"] = 304
        self._start["headers"] = headers
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _is_tagged(start: Any) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    kind = headers.get(b"content-type", b"")
    return bool(start["status"] == 200 and b"etag" not in headers and kind.startswith(_TAGGED))


def _has(scope: Scope, tag: str) -> bool:
    shown = (wire.header(scope, b"if-none-match") or b"").decode("latin-1")
    return shown.strip() == "*" or tag.strip('"') in _TAG.findall(shown)
