"""The public status page, for everybody and without signing in: pages, JSON, feeds, a badge and a notice.

A file of the site is rendered when the first reader asks for it and kept as bytes for all others; a request
costs a look into a mapping. So the page stands a rush while everything else is down, and outlives a database that is
away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from litestar import Litestar, asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.response import Template
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from tocsin.app import App
from tocsin.comms import statuswire
from tocsin.comms.language import LANGUAGES, preferred
from tocsin.comms.statuspage import OldMonth, PublicMonth
from tocsin.comms.store import Seen
from tocsin.kit.actor import STRANGER
from tocsin.kit.clock import stopwatch
from tocsin.kit.errors import Invalid, Overloaded, TocsinError
from tocsin.status import store
from tocsin.status.site import CSS, HTML, SVG, File, Frame, Place, Site
from tocsin.status.words import CATALOGUES
from tocsin.web import board, guards
from tocsin.web.board import FOR_ANYONE, Answer, Header, Rendered, packed
from tocsin.web.forms import AnyRequest

PATH = "/status"
MONTHS_KEPT = 24  # that were read last
HERE, ALONE = f"{PATH}/", "/"  # the root of the site beside the console, and on a host of its own
PAGE = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept-language"),
)
DRAWING = (
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
)
FOR_GOOD = (b"cache-control", b"public, max-age=31536000, immutable")
FILES = ("history.atom", "history.rss", "status.css", "logo.svg", "badge.svg", "notice.json", "notice.js")
DIRECT = (
    PATH,
    *(f"{PATH}/{name}" for name in FILES),
    *(f"{base}/api/v2/{name}" for base in ("", PATH) for name in statuswire.FORMS),
    *(f"{base}/{statuswire.MONTHS}.json" for base in ("", PATH)),
)
"""What most readers ask for. The JSON stands below the page's own address, where readers of such pages look, and at the
root."""


class Wanted(NamedTuple):
    """What a request asks for: the root that it came by, the language that its address names, the one to answer in, and
    the path below both."""

    root: str
    named: str
    language: str
    path: str

    @property
    def key(self) -> str:
        return " ".join(self)


def routes(shown: "Board | None" = None) -> list[ASGIRouteHandler]:
    shown = shown or Board()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await shown.answer(scope, send, scope["path"])

    def below(prefix: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def answer_below(scope: Scope, receive: Receive, send: Send) -> None:
            await shown.answer(scope, send, f"{prefix}/{scope['path'].strip('/')}")

        return answer_below

    raw = asgi(list(DIRECT), name="status page", copy_scope=False, exclude_from_csrf=True)
    folders = [f"{PATH}/{one}" for one in ("i", "history", statuswire.MONTHS, *LANGUAGES)] + [f"/{statuswire.MONTHS}"]
    return [raw(answer), *(_mounted(folder, below(folder)) for folder in folders)]


def _mounted(path: str, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> ASGIRouteHandler:
    mount = asgi(path, name=path.strip("/"), is_mount=True, copy_scope=False, exclude_from_csrf=True)
    return mount(answer)


# ---- A form that is refused ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why what somebody typed at the public page was not taken, in the language that they read."""

    heading: str
    said: str
    field: str
    status: int


def refusal(around: Frame, why: TocsinError) -> Refusal:
    status = 503 if isinstance(why, Overloaded) else 400
    field = (why.field or "") if isinstance(why, Invalid) else ""
    told = why_not(around, why) or around.words.says(f"advice_{status}")
    return Refusal(around.words.says(f"wrong_{status}"), told, field, status)


def again(page: Template, refused: Refusal | None) -> Template:
    """The page of a form as the answer to what was sent, if that was refused."""
    if refused:
        page.status_code = refused.status
        page.headers = {**page.headers, **({"retry-after": "1"} if refused.status == 503 else {})}
    return page


def why_not(around: Frame, why: TocsinError) -> str:
    """What no stranger meets who uses our forms is said in English alone."""
    return why.message if around.words.code == "en" else around.words.texts.get(type(why).__name__, "")


def is_from_here(request: AnyRequest) -> bool:
    """Whether a form was sent from a page of ours, as far as the browser says. What comes from another site is not
    shown again: the public page is the installation's word, not a stranger's."""
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


# ---- What is asked for -----------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def wanted(path: str, query: bytes, accepted: str, root: str) -> Wanted:
    """What stands at this path of the site; a language is taken from the address, the query, or what the reader's
    browser asks for. An empty one is the page's own."""
    named, _, rest = path.strip("/").partition("/")
    if named in LANGUAGES:
        return Wanted(root, named, named, rest)
    asked = parse_qs(query.decode("latin-1")).get("lang", [""])[0] if query else ""
    if asked in LANGUAGES:
        return Wanted(root, asked, asked, path.strip("/"))
    return Wanted(root, "", preferred(accepted, "") if accepted else "", path.strip("/"))


def _accepted(scope: HTTPScope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"), "")


class Answers(Mapping[str, Answer]):
    """The answers of one moment, each made when somebody first asks for it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._made: dict[str, Answer] = {}

    def __getitem__(self, key: str) -> Answer:
        if key not in self._made:
            made = self._answer(Wanted(*key.split(" ", 3)))
            if made.status != 200:
                return made  # addresses that are none are many
            self._made[key] = made
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def _answer(self, asked: Wanted) -> Answer:
        name = f"{asked.named}/{asked.path}" if asked.named else asked.path
        found = self.site.file(name)
        if found is None:
            place = Place(root=asked.root, dynamic=PATH, language=asked.named)
            found = self.site.html(asked.path, place, asked.language or self.site.look.language)
        return _answered(found, asked.language or self.site.look.language)


def _answered(found: File, language: str) -> Answer:
    if found.kind == HTML:
        about: tuple[Header, ...] = (*PAGE, (b"content-language", language.encode()))
    else:
        about = (FOR_ANYONE, guards.ANYWHERE, *(DRAWING if found.kind == SVG else ()))
    # Whoever asks for the style asks for the version that a page names.
    cached = FOR_GOOD if found.kind == CSS else board.CACHED
    return packed(found.body, found.kind.encode(), *about, status=200 if found.found else 404, cached=cached)


# ---- Serving it ------------------------------------------------------------------------------------------------------


class Board(board.Board):
    """The status page, never older than a second."""

    def __init__(self, seconds: Callable[[], float] = stopwatch) -> None:
        super().__init__(self._render_site, "the status page", seconds)
        self._latest: Rendered | None = None
        self._seen: Seen = {}
        self._old: tuple[OldMonth, ...] = ()
        self._old_at: datetime | None = None
        self._months: dict[tuple[str, str], PublicMonth] = {}

    async def answer(self, scope: Scope, send: Send, path: str, root: str = "") -> None:
        if scope["type"] == ScopeType.HTTP:
            asked = _asked(scope, path, root)
            path = asked.key
            if month := self._unread(asked.path):
                try:  # apart from here, so that nobody else waits for it
                    await asyncio.to_thread(self._read, scope["litestar_app"].state["tocsin"], month)
                except TocsinError:
                    await self.not_now(scope, send)
                    return
        await super().answer(scope, send, path)

    def _unread(self, path: str) -> OldMonth | None:
        """The old month that is asked for, if it was not read yet."""
        name = path.rpartition("/")[2].removesuffix(".json") if "history/" in path else ""
        found = next((one for one in self._old if one.path == name), None)
        return found if found and (found.path, found.mark) not in self._months else None

    def _read(self, app: App, month: OldMonth) -> PublicMonth:
        found = store.read_month(app.database, month.path)
        self._months[month.path, month.mark] = found
        while len(self._months) > MONTHS_KEPT:
            del self._months[next(iter(self._months))]
        return found

    def _load(self, app: App, path: str) -> PublicMonth:
        month = next(one for one in self._old if one.path == path)
        return self._months.get((month.path, month.mark)) or self._read(app, month)

    def _render_site(self, app: App) -> Rendered:
        """The site as it is; what was made stays if nothing has changed within the minute that the pages show."""
        minute = app.database.now().replace(second=0, microsecond=0)
        known_months = self._old if self._old_at == minute else None
        with app.database.read(STRANGER) as tx:
            site = store.site(tx, self._seen, known_months)
        self._old, self._old_at = site.old, minute
        site = replace(site, load=partial(self._load, app))
        known = self._latest.answers if self._latest else None
        if not (self._latest and isinstance(known, Answers) and known.site == site):
            answers = Answers(site)
            self._latest = Rendered(answers, answers[Wanted(HERE, "", "", "nothing").key])
        return self._latest


def _asked(scope: HTTPScope, path: str, root: str) -> Wanted:
    if not root:
        root, path = HERE, path.removeprefix(PATH) if path == PATH or path.startswith(HERE) else path
    return wanted(path, scope["query_string"], _accepted(scope), root)


def site_of(app: App) -> Site:
    """The site without its old months."""
    with app.database.read(STRANGER) as tx:
        return store.site(tx, old=())


def frame(app: App, request: AnyRequest, known: str = "") -> Frame:
    """What stands around a public page with a form. It speaks the language that its address names; or else the one that
    is `known` of its reader, the one that their browser asks for, and that of the page."""
    own, site = own_host(app), site_of(app)
    root = ALONE if own and is_at(request.scope, own) else HERE
    accepted = request.headers.get("accept-language", "")
    asked = wanted(request.url.path, request.scope["query_string"], accepted, root)
    named = asked.named or known
    place = Place(root=root, dynamic=PATH, language=named)
    return Frame(
        site, place, CATALOGUES[named or asked.language or site.look.language], form=_without_language(request)
    )


def _without_language(request: AnyRequest) -> str:
    rest = [one for one in parse_qsl(request.url.query or "") if one[0] not in ("lang", "done")]
    return request.url.path + (f"?{urlencode(rest)}" if rest else "")


def spoken(frame: Frame) -> dict[str, Any]:
    """What a template of such a page needs beside its own."""
    return {"frame": frame, "place": frame.place, "says": frame.words.says}


# ---- A host of its own -----------------------------------------------------------------------------------------------


class Doorway:
    """What stands before all routes: a rush on the public page is answered at once, and on the host of that page only
    what is public is there: the site at the root, and its forms."""

    def __init__(self, app: App, everything: ASGIApp, rest: Litestar, board: Board) -> None:
        self._own = own_host(app)
        self._everything = everything
        self._rest = rest
        self._board = board
        self._direct = frozenset(DIRECT)
        self._by_tls = app.settings.status_page_url.startswith("https://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._everything(scope, receive, send)
        elif self._own and is_at(scope, self._own):
            await self._alone(scope, receive, send)
        elif scope["path"] in self._direct:
            scope["litestar_app"] = self._rest
            await self._board.answer(scope, self._guarded(scope, send), scope["path"])
        else:
            await self._everything(scope, receive, send)

    async def _alone(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(HERE):
            await self._everything(scope, receive, send)
            return
        scope["litestar_app"] = self._rest
        path = "/" if scope["path"] == PATH else scope["path"]
        await self._board.answer(scope, self._guarded(scope, send), path, ALONE)

    def _guarded(self, scope: HTTPScope, send: Send) -> Send:
        return guards.on_public(send, by_tls=self._by_tls or scope["scheme"] == "https")


def own_host(app: App) -> str:
    """The host of the public page, where it has one of its own."""
    own, console = (_host(urlsplit(url).netloc) for url in (app.settings.status_url, app.settings.public_url))
    return "" if own == console else own


def is_at(scope: Scope, host: str) -> bool:
    return host == _host(next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1"))


def _host(name: str) -> str:
    """A host without the port that goes without saying."""
    return name.lower().removesuffix(":443").removesuffix(":80")
