"""Answers that are kept as bytes: rendered at once for all who ask, and served by looking into a mapping."""

import asyncio
import gzip
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from litestar.enums import ScopeType
from litestar.types import HTTPScope, Scope, Send

from tocsin.app import App
from tocsin.kit.clock import stopwatch
from tocsin.kit.errors import Overloaded

log = logging.getLogger(__name__)

FRESH_FOR = 0.25  # seconds; after that it is rendered again while the old one is still shown
OLDEST = 1.0  # seconds; after that a reader waits for the new one
LOOKED_AGAIN = 0.1  # seconds; what is not there in one so old may be there by now: a link to it travels fast
MOST_WAIT = 1.0  # seconds that a reader waits for a database that does not answer, if there is an old page to show

Header = tuple[bytes, bytes]

HTML = b"text/html; charset=utf-8"
JSON = b"application/json; charset=utf-8"
CACHED = (b"cache-control", b"public, max-age=5")
VARIES = (b"vary", b"accept-encoding")
FOR_ANYONE = (b"access-control-allow-origin", b"*")
SAFE = (
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


@dataclass(frozen=True)
class Answer:
    """A whole answer: its bytes, its headers, and the headers that are left of it when the reader has it already."""

    body: bytes
    etag: bytes
    headers: tuple[Header, ...]
    brief: tuple[Header, ...]
    status: int = 200
    packed: "Answer | None" = None  # the same for a reader who takes it compressed


def answered(body: bytes, kind: bytes, *more: Header, status: int = 200, cached: Header = CACHED) -> Answer:
    etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:24].encode()
    brief = ((b"etag", etag), cached, *more)
    about = ((b"content-type", kind), (b"content-length", str(len(body)).encode()))
    return Answer(body, etag, (*about, *brief), brief, status)


def packed(body: bytes, kind: bytes, *more: Header, status: int = 200, cached: Header = CACHED) -> Answer:
    """An answer that has a smaller form. What is public is no secret that its length could tell."""
    plain = answered(body, kind, *more, VARIES, status=status, cached=cached)
    small = gzip.compress(body, mtime=0)
    inside = (b"content-encoding", b"gzip")
    return replace(plain, packed=answered(small, kind, *more, VARIES, inside, status=status, cached=cached))


@dataclass(frozen=True)
class Rendered:
    """Every answer there is, by its path, as of one moment; `missing` is the answer for all others."""

    answers: Mapping[str, Answer]
    missing: Answer


# ---- Serving it ----


class NothingYet(Exception):
    """It could not be rendered even once."""


class Board:
    """What is rendered at once for everybody: never older than a second, rendered once however many ask.

    When the database is away, the last that could be rendered stays up, and says its age.
    """

    def __init__(self, render: Callable[[App], Rendered], name: str, seconds: Callable[[], float] = stopwatch) -> None:
        self._render = render
        self._name = name
        self._seconds = seconds
        self._shown: Rendered | None = None
        self._made_at = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._failed_at: float | None = None

    async def answer(self, scope: Scope, send: Send, path: str) -> None:
        if scope["type"] != ScopeType.HTTP:
            await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})
            return
        if scope["method"] not in ("GET", "HEAD"):
            await send_all(scope, send, 405, ((b"allow", b"GET, HEAD"), (b"content-length", b"0"), FOR_ANYONE), b"")
            return
        app = scope["litestar_app"].state["tocsin"]
        try:
            found = _found(await self._present(app), path)
        except NothingYet:
            await self.not_now(scope, send)
            return
        if found.status == 404:
            found = _found(await self._as_of(app, self._seconds() - LOOKED_AGAIN), path)
        await self._serve(scope, send, found)

    async def not_now(self, scope: HTTPScope, send: Send) -> None:
        text = f"{self._name[0].upper()}{self._name[1:]} can't be shown at this moment.\n".encode()
        about = ((b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode()))
        await send_all(scope, send, 503, (*about, (b"retry-after", b"1")), text)

    async def _serve(self, scope: HTTPScope, send: Send, found: Answer) -> None:
        found = found.packed if found.packed and takes_packed(scope) else found
        age = self._seconds() - self._made_at
        aged = ((b"age", str(int(age)).encode()),) if age >= OLDEST else ()
        if found.status == 200 and has_it(scope, found.etag):
            await send_all(scope, send, 304, (*found.brief, *aged), b"")
        else:
            await send_all(scope, send, found.status, (*found.headers, *aged), found.body)

    async def _present(self, app: App) -> Rendered:
        """What is shown now; rendered again if it is too old for that."""
        age = self._seconds() - self._made_at
        if self._shown is None or age >= FRESH_FOR:
            task = self._renewal(app)
            if task and (self._shown is None or age >= OLDEST):
                await asyncio.wait({task}, timeout=MOST_WAIT if self._shown else None)
        if self._shown is None:
            raise NothingYet
        return self._shown

    async def _as_of(self, app: App, instant: float) -> Rendered:
        """What is shown now, rendered after this instant if the database lets it be. Two renderings are enough: the
        first may have been under way already."""
        for _ in range(2):
            task = self._renewal(app) if self._made_at < instant else None
            if task:
                await asyncio.wait({task}, timeout=MOST_WAIT)
        if self._shown is None:
            raise NothingYet
        return self._shown

    def _renewal(self, app: App) -> asyncio.Task[None] | None:
        """The rendering under way, or a new one; none right after one that failed."""
        if self._renewing is None:
            if self._failed_at is not None and self._seconds() - self._failed_at < FRESH_FOR:
                return None
            self._renewing = asyncio.create_task(self._renew(app))
        return self._renewing

    async def _renew(self, app: App) -> None:
        begun_at = self._seconds()
        try:
            self._shown = await asyncio.to_thread(self._render, app)
            self._made_at, self._failed_at = begun_at, None
        except Overloaded as why:
            if self._failed_at is None:
                log.error("%s can't be rendered; the last one stays up: %s", self._name, why)
            self._failed_at = self._seconds()
        except Exception:
            if self._failed_at is None:
                log.exception("%s can't be rendered; the last one stays up", self._name)
            self._failed_at = self._seconds()
        finally:
            self._renewing = None


def _found(shown: Rendered, path: str) -> Answer:
    return shown.answers.get(path) or shown.missing


def takes_packed(scope: HTTPScope) -> bool:
    asked = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
    return any(one.strip() in (b"gzip", b"*") for one in asked.split(b","))


def has_it(scope: HTTPScope, etag: bytes) -> bool:
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return value.strip() == b"*" or etag in [one.strip().removeprefix(b"W/") for one in value.split(b",")]
    return False


async def send_all(scope: HTTPScope, send: Send, status: int, headers: Iterable[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})
