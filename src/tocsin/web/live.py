"""`/live`: a stream that tells an open page what changed, as the parts of it that are to be put in place.

One hub for all that is open. It hears what units of work changed, here and on other nodes, draws each page once for all
who see the same, and sends what is different now. Whoever missed something (a lost connection, a reader too slow) is
told so, and fetches the page again.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import msgspec
from jinja2 import Environment
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from tocsin.app import EVERYTHING, App
from tocsin.door import commands as door
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import Overloaded
from tocsin.people import access, sessions
from tocsin.web import drawing, oncallnow
from tocsin.web.board import send_all
from tocsin.web.drawing import BELL, ROOM, Drawn, Parts, Sight
from tocsin.web.frame import Visitor

log = logging.getLogger(__name__)

PATH = "/live"
BEAT = 15.0  # seconds between two signs of life, and between two looks whether each session goes on
SETTLED = 500  # milliseconds within which a change is heard of after it could be read
MOST_EACH = 24  # streams of one person
MOST = 2000  # of all
MOST_WAITING = 16  # events that wait for a reader who is slow; then they are told that they missed some
MOST_KNOWN = 1000  # names of which is remembered when they last changed
HEAD = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy would keep events until its buffer is full
    (b"x-content-type-options", b"nosniff"),
)
ALIVE = b"event: alive\ndata: \n\n"
MISSED = b"event: missed\ndata: \n\n"


def ended(why: str) -> bytes:
    """The last event: `session` is over, there is no such page any more (`gone`), or too `many` are open."""
    return b"event: end\ndata: " + why.encode() + b"\n\n"


class Stream:
    """One open page."""

    __slots__ = ("bell", "is_over", "secret", "visitor", "waiting", "watch")

    def __init__(self, watch: str, secret: str, visitor: Visitor) -> None:
        self.watch = watch
        self.secret = secret
        self.visitor = visitor
        self.waiting: deque[bytes] = deque()
        self.bell = asyncio.Event()
        self.is_over = False

    def tell(self, event: bytes) -> None:
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.clear()
            event = MISSED
        self.waiting.append(event)
        self.bell.set()

    def end(self, why: str = "") -> None:
        if why:
            self.tell(ended(why))
        self.is_over = True
        self.bell.set()


class Watched:
    """A page that somebody has open: who, what has changed since it was last drawn, and how it was then."""

    def __init__(self, watch: str) -> None:
        self.watch = watch
        self.streams: set[Stream] = set()
        self.news: set[str] = set()
        self.wants = False  # to be drawn though nothing changed: somebody came
        self.parts: dict[Sight, Parts] = {}
        self.begun: dict[Sight, int] = {}  # when it was first drawn for whom
        self.drawing: asyncio.Task[None] | None = None


class Hub:
    """Everything that is open, and what it is told."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._environment: Environment | None = None
        self._pages: dict[str, Watched] = {}
        self._heard: dict[str, int] = {}  # when each name last changed
        self._since = 0  # before this nothing is known
        self._tasks: set[asyncio.Task[None]] = set()
        self._drawer: ThreadPoolExecutor | None = None

    @contextlib.asynccontextmanager
    async def attending(self, app: App, environment: Environment) -> AsyncIterator[None]:
        """Hear what changes for as long as the block lasts."""
        self._app, self._environment, loop = app, environment, asyncio.get_running_loop()
        self._since = self._now()
        # One page after the other: two that are drawn at once would only take the interpreter from each other, and from
        # those who are sent what was drawn. And no drawing waits behind requests.
        self._drawer = drawer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        watching, ear = app.database.watching, app.database.ear()
        watching.ask_for(drawing.TABLES)
        watching.on_news(lambda names: loop.call_soon_threadsafe(self._hear, names))
        if ear:
            ear.open()
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            watching.forget()
            beating.cancel()
            self.close()
            if ear:
                await asyncio.to_thread(ear.close)
            await asyncio.gather(beating, *self._tasks, return_exceptions=True)
            drawer.shutdown(wait=False)

    def close(self) -> None:
        """End every stream: the server stops, and does not wait for those who only listen."""
        for stream in self._all():
            stream.end()

    def _now(self) -> int:
        return to_millis(self._app.database.now()) if self._app else 0

    def _all(self) -> set[Stream]:
        return {stream for page in self._pages.values() for stream in page.streams}

    # ---- Hearing ----

    def _hear(self, names: frozenset[str]) -> None:
        now = self._now()
        for name in names:
            self._heard.pop(name, None)
            self._heard[name] = now
        while len(self._heard) > MOST_KNOWN:
            oldest = next(iter(self._heard))
            self._since = max(self._since, self._heard.pop(oldest))
        for page in sorted(self._pages.values(), key=lambda one: one.watch == BELL):  # which hardly ever changes
            if names & drawing.concerned(page.watch) or EVERYTHING in names or _is_of(page, names):
                page.news |= names
                self._redraw(page)
        if names & {"session", "person"} or any(one.startswith("person/") for one in names):
            self._begin(self._look_after())

    def _begin(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- Drawing ----

    def _redraw(self, page: Watched) -> None:
        """What comes while a page is drawn is drawn after it, all of it at once."""
        page.wants = True
        if page.drawing is None:
            page.drawing = self._begin(self._draw(page))

    async def _draw(self, page: Watched) -> None:
        try:
            while page.streams and page.wants:
                news, page.news, page.wants = frozenset(page.news), set(), False
                loop = asyncio.get_running_loop()
                self._send_out(page, news, await loop.run_in_executor(self._drawer, self._drawn, page, news))
        except Exception:
            log.exception("%s could not be drawn for those who have it open", page.watch)
            for stream in page.streams:
                stream.tell(MISSED)
        finally:
            page.drawing = None

    def _drawn(self, page: Watched, news: frozenset[str]) -> Drawn:
        if self._app is None or self._environment is None:
            raise RuntimeError("nobody attends")
        visitors = [one.visitor for one in list(page.streams)]
        return drawing.draw(self._app, self._environment, page.watch, visitors, news)

    def _send_out(self, page: Watched, news: frozenset[str], drawn: Drawn) -> None:
        """Tell each what is different for them now. Whom nothing was drawn for yet has the page as it was loaded."""
        events: dict[Sight, bytes] = {}
        for stream in list(page.streams):
            sight = drawn.sights.get(stream.visitor.account.handle)
            if sight is None:
                page.wants = True  # they came while it was drawn
                page.news |= news
            elif sight not in drawn.parts:
                stream.end("gone")
            elif news and drawing.is_about(sight, page.watch, news, drawn.hidden):
                if sight not in events:
                    events[sight] = self._event(page, sight, drawn.parts[sight])
                if events[sight]:
                    stream.tell(events[sight])
        kept = page.parts if not news else {}  # what is compared with is what was sent
        page.begun = {sight: page.begun.get(sight, self._now()) for sight in drawn.parts}
        page.parts = {sight: kept.get(sight, parts) for sight, parts in drawn.parts.items()}

    def _event(self, page: Watched, sight: Sight, after: Parts) -> bytes:
        """What is different now. A first drawing may hold already what was committed and not yet heard of, so that
        right after it nobody can tell."""
        before = page.parts.get(sight)
        if before is None or self._now() - page.begun[sight] < SETTLED:
            return MISSED
        changed = {name: part for name, part in after.items() if before.get(name) != part}
        if page.watch != BELL:
            changed.pop(BELL, None)
        if not changed:
            return b""
        return b"id: %d\nevent: changed\ndata: %s\n\n" % (self._now(), msgspec.json.encode(changed))

    # ---- Whoever listens ----

    def is_full_for(self, handle: str) -> bool:
        found = self._all()
        return len(found) >= MOST or sum(one.visitor.account.handle == handle for one in found) >= MOST_EACH

    def join(self, stream: Stream, since: int) -> None:
        """Let them hear of their page and of the bell line. `since` is how old what they show is."""
        for watch in {stream.watch, BELL}:
            page = self._pages.setdefault(watch, Watched(watch))
            page.streams.add(stream)
            if not self._is_known(page, stream):
                self._redraw(page)
        names = drawing.concerned(stream.watch) | drawing.concerned(BELL)
        if since < self._since or any(self._heard.get(name, 0) > since for name in (*names, EVERYTHING)):
            stream.tell(MISSED)

    def _is_known(self, page: Watched, stream: Stream) -> bool:
        """Whether this page was drawn before for whoever sees as much as they do."""
        handle = stream.visitor.account.handle
        return any(one is not stream and one.visitor.account.handle == handle for one in page.streams)

    def leave(self, stream: Stream) -> None:
        for watch in {stream.watch, BELL}:
            page = self._pages.get(watch)
            if page is not None:
                page.streams.discard(stream)
                if not page.streams:
                    del self._pages[watch]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            await self._look_after()
            for stream in self._all():
                stream.tell(ALIVE)

    async def _look_after(self) -> None:
        """End the streams whose session is over, and of those who may no longer see what they look at."""
        streams, watches = self._all(), set(self._pages)
        try:
            found = await asyncio.to_thread(self._standing, {one.secret for one in streams})
            secret = await asyncio.to_thread(self._confidential, watches)
        except Overloaded:  # the database is away, of which the log has a line already
            return
        except Exception:
            log.exception("it could not be seen whose session goes on; it is tried again")
            return
        for stream in streams:
            visitor = found[stream.secret]
            if visitor is None:
                stream.end("session")
            else:
                stream.visitor = visitor
        for page in self._pages.values():
            if page.watch in secret:
                self._redraw(page)  # a reader for an hour is one no longer

    def _standing(self, secrets: set[str]) -> dict[str, Visitor | None]:
        if self._app is None:
            return dict.fromkeys(secrets)
        with self._app.database.read(SYSTEM) as tx:
            accounts = sessions.accounts(tx, secrets)
        app = self._app
        return {one: Visitor(app, found, access.person(found)) if found else None for one, found in accounts.items()}

    def _confidential(self, watches: set[str]) -> set[str]:
        """Those of these rooms that are there for their readers alone."""
        return drawing.confidential(self._app, watches) if self._app else set()

    async def admitted(self, secret: str) -> Visitor | None:
        return (await asyncio.to_thread(self._standing, {secret})).get(secret)

    async def owes_factor(self, visitor: Visitor, secret: str) -> bool:
        """Whether they have to set up a second factor, or to show one, before any page is there for them."""
        return await asyncio.to_thread(self._owes_factor, visitor, secret)

    def _owes_factor(self, visitor: Visitor, secret: str) -> bool:
        if not visitor.app.settings.require_second_factor:
            return False
        with visitor.app.database.read(SYSTEM) as tx:
            return door.owes_factor(tx, visitor.account, sessions.of_secret(tx, secret))

    async def may_watch(self, visitor: Visitor, watch: str) -> bool:
        """Whether there is such a page for them."""
        if not watch.startswith(ROOM):
            return drawing.page_of(watch) is not None
        return await asyncio.to_thread(drawing.is_there, visitor, watch)


def _is_of(page: Watched, names: frozenset[str]) -> bool:
    return any(f"person/{one.visitor.account.handle}" in names for one in page.streams)


# ---- The route ----


def routes(hub: Hub) -> list[ASGIRouteHandler]:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await _answer(hub, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000, "reason": "there is no websocket here"})

    return [asgi(PATH, name="live", copy_scope=False, exclude_from_csrf=True)(answer)]


async def _answer(hub: Hub, scope: HTTPScope, receive: Receive, send: Send) -> None:
    shown = oncallnow.shown(scope)
    visitor = await hub.admitted(shown[1]) if shown and shown[0] == "session" else None
    if shown is None or visitor is None:
        await _refuse(scope, send, 401, b"Sign in first.\n")
        return
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    watch = asked.get("watch", [""])[0]
    if watch != BELL and await hub.owes_factor(visitor, shown[1]):
        await _refuse(scope, send, 401, b"Set up a second factor first.\n")
        return
    if scope["method"] != "GET" or not await hub.may_watch(visitor, watch):
        await _refuse(scope, send, 404, b"There is no such page.\n")
        return
    stream = Stream(watch, shown[1], visitor)
    if hub.is_full_for(visitor.account.handle):
        stream.end("many")
    else:
        hub.join(stream, _since(scope, asked))
    try:
        await _serve(stream, receive, send)
    finally:
        hub.leave(stream)


def _since(scope: HTTPScope, asked: dict[str, list[str]]) -> int:
    """How old what they show is: the instant of the last event, or of the page itself."""
    heard = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"last-event-id"), "")
    found = heard or asked.get("since", ["0"])[0]
    return int(found) if found.isascii() and found.isdecimal() and len(found) < 16 else 0


async def _refuse(scope: HTTPScope, send: Send, status: int, text: bytes) -> None:
    about = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()))
    await send_all(scope, send, status, (*about, (b"cache-control", b"no-store")), text)


async def _serve(stream: Stream, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": ALIVE, "more_body": True})
    leaving = asyncio.create_task(_until_they_leave(stream, receive))
    try:
        while stream.waiting or not stream.is_over:
            await stream.bell.wait()
            stream.bell.clear()
            while stream.waiting:
                await send({"type": "http.response.body", "body": stream.waiting.popleft(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        leaving.cancel()


async def _until_they_leave(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.waiting.clear()
    stream.end()
