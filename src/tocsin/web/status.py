"""The public status page, for everybody and without signing in: as a page, as JSON and as a feed.

Everything that can be asked is rendered at once and kept as bytes; a request costs a look into a mapping. So the page
stands a rush while everything else is down, and outlives a database that is away.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from tocsin.app import App
from tocsin.comms import statuspage, store
from tocsin.comms.statuspage import PublicComponent, PublicIncident, PublicPage, PublicUpdate
from tocsin.kit.actor import STRANGER
from tocsin.kit.clock import stopwatch
from tocsin.kit.text import listed, span
from tocsin.plan.model import Stage
from tocsin.web.frame import asset

log = logging.getLogger(__name__)

FRESH_FOR = 0.5  # seconds; after that it is rendered again while the old one is still shown
OLDEST = 1.0  # seconds; after that a reader waits for the new one
MOST_WAIT = 1.0  # seconds that a reader waits for a database that does not answer, if there is an old page to show
EARLIER = timedelta(days=14)

PATH = "/status"
INCIDENTS = f"{PATH}/i"
HTML = b"text/html; charset=utf-8"
JSON = b"application/json; charset=utf-8"
ATOM = b"application/atom+xml; charset=utf-8"
CACHED = (b"cache-control", b"public, max-age=5")
FOR_ANYONE = (b"access-control-allow-origin", b"*")
SAFE = (
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_JSON_FORMS = {
    "summary.json": statuspage.summary_json,
    "status.json": statuspage.status_json,
    "components.json": statuspage.components_json,
    "incidents.json": statuspage.incidents_json,
    "incidents/unresolved.json": statuspage.unresolved_json,
    "scheduled-maintenances.json": statuspage.maintenances_json,
    "scheduled-maintenances/upcoming.json": statuspage.maintenances_json,
    "scheduled-maintenances/active.json": statuspage.maintenances_json,
}

Header = tuple[bytes, bytes]


def routes(board: "Board | None" = None) -> list[ASGIRouteHandler]:
    board = board or Board()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await board.answer(scope, send, scope["path"].rstrip("/"))

    async def answer_below(scope: Scope, receive: Receive, send: Send) -> None:
        await board.answer(scope, send, f"{INCIDENTS}/{scope['path'].strip('/')}")

    # The JSON stands below the page's own address, where readers of such pages look, and at the root.
    json = [f"{base}/api/v2/{name}" for base in ("", PATH) for name in _JSON_FORMS]
    raw = asgi([PATH, f"{PATH}/history.atom", *json], name="status page", copy_scope=False, exclude_from_csrf=True)
    below = asgi(INCIDENTS, name="status incident", is_mount=True, copy_scope=False, exclude_from_csrf=True)
    return [raw(answer), below(answer_below)]


# ---- From the record to bytes ----


@dataclass(frozen=True)
class Answer:
    """A whole answer: its bytes, its headers, and the headers that are left of it when the reader has it already."""

    body: bytes
    etag: bytes
    headers: tuple[Header, ...]
    brief: tuple[Header, ...]
    status: int = 200


def answered(body: bytes, kind: bytes, *more: Header, status: int = 200) -> Answer:
    etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:24].encode()
    brief = ((b"etag", etag), CACHED, *more)
    about = ((b"content-type", kind), (b"content-length", str(len(body)).encode()))
    return Answer(body, etag, (*about, *brief), brief, status)


@dataclass(frozen=True)
class Rendered:
    """Every answer there is, by its path, as of one moment; `missing` is the answer for all others."""

    answers: Mapping[str, Answer]
    missing: Answer


def rendered(page: PublicPage, now: datetime) -> Rendered:
    about = {"name": page.name, "now": _clock(now)}
    html = {PATH: _html("status.html", about | _overview(page, now))}
    for incident in page.incidents:
        view = _article(page, incident, now)
        html[view.address] = _html("status_incident.html", {**about, "incident": view})
    json = {name: answered(form(page), JSON, FOR_ANYONE) for name, form in _JSON_FORMS.items()}
    return Rendered(
        answers={
            **html,
            **{f"{base}/api/v2/{name}": one for name, one in json.items() for base in ("", PATH)},
            f"{PATH}/history.atom": answered(statuspage.atom(page), ATOM, FOR_ANYONE),
        },
        missing=_html("status_missing.html", about, status=404),
    )


_environment = Environment(
    loader=PackageLoader("tocsin.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _html(template: str, shown: Mapping[str, object], status: int = 200) -> Answer:
    css, icon = asset("tocsin.css"), asset("tocsin.svg")
    text = _environment.get_template(template).render(shown, css=css, icon=icon)
    return answered(text.encode(), HTML, *SAFE, status=status)


# ---- What the templates show ----


@dataclass(frozen=True)
class Told:
    """An update as it is read: its stage in words, its instant, and its paragraphs, each a list of lines."""

    stage: str
    at: str
    iso: str
    ago: str
    paragraphs: list[list[str]]


@dataclass(frozen=True)
class Step:
    name: str
    mark: str
    word: str
    is_current: bool


@dataclass(frozen=True)
class Article:
    id: str
    address: str
    name: str
    steps: list[Step]
    updates: list[Told]
    began: str
    affects: str
    ended: str
    is_over: bool


@dataclass(frozen=True)
class Past:
    address: str
    name: str
    day: str
    last_word: str
    lasted: str


@dataclass(frozen=True)
class Part:
    name: str
    description: str
    mark: str
    state: str


STATES = {
    "major_outage": ("down", "Major outage"),
    "partial_outage": ("partial", "Partial outage"),
    "degraded_performance": ("degraded", "Degraded"),
    "operational": ("ok", "Operational"),
}
"""Mark and words for each state of a component; worst first."""

_SAYS = {
    "major_outage": ("is down", "are down"),
    "partial_outage": ("is partly down", "are partly down"),
    "degraded_performance": ("works worse than usual", "work worse than usual"),
}
_BANNER = {"critical": "missed", "major": "missed", "minor": "due", "none": "ok"}
_MARK = {"critical": "down", "major": "partial", "minor": "degraded", "none": "ok"}


def _overview(page: PublicPage, now: datetime) -> dict[str, object]:
    present = [one for one in page.incidents if not one.is_over]
    past = [one for one in page.incidents if one.is_over and now - (one.resolved_at or one.updated_at) <= EARLIER]
    worst = statuspage.indicator(page)
    return {
        "sentence": sentence(page.components, present),
        "banner": "due" if present and worst == "none" else _BANNER[worst],
        "mark": "degraded" if present and worst == "none" else _MARK[worst],
        "parts": [Part(one.name, one.description, *STATES[one.status]) for one in page.components],
        "incidents": [_article(page, one, now) for one in present],
        "past": [_past(one, now) for one in past],
        "days": EARLIER.days,
    }


def sentence(components: Sequence[PublicComponent], present: Sequence[PublicIncident]) -> str:
    """How everything is, in a sentence: `Memory is down. Everything else works.`"""
    troubled = sorted((one for one in components if one.status in _SAYS), key=lambda one: list(_SAYS).index(one.status))
    if not troubled:
        return "Everything works." if not present else "We are looking into trouble that no component shows."
    said = [_is(status, [one.name for one in those]) for status, those in groupby(troubled, lambda one: one.status)]
    rest = " Everything else works." if len(troubled) < len(components) else ""
    return f"{'; '.join(said)}.{rest}"


def _is(status: str, names: Sequence[str]) -> str:
    one, many = _SAYS[status]
    return f"{listed(names)} {one if len(names) == 1 else many}"


def _article(page: PublicPage, incident: PublicIncident, now: datetime) -> Article:
    names = [one.name for one in page.components if one.id in incident.components]
    return Article(
        id=incident.id,
        address=f"{INCIDENTS}/{incident.id}",
        name=incident.name,
        steps=list(_steps(incident)),
        updates=[_told(update, now) for update in incident.updates],
        began=_when(incident.started_at, now),
        affects=listed(names),
        ended=_when(incident.resolved_at, now) if incident.resolved_at else "",
        is_over=incident.is_over,
    )


def _steps(incident: PublicIncident) -> Iterator[Step]:
    """The four stages: those behind, the present one, those to come."""
    reached = list(Stage).index(incident.stage)
    for place, stage in enumerate(Stage):
        name, is_current = stage.capitalize(), place == reached
        if place < reached or incident.is_over:
            yield Step(name, "met", "Done", is_current)
        elif is_current:
            yield Step(name, "due", "Now:", is_current)
        else:
            yield Step(name, "open", "Next:" if place == reached + 1 else "Later:", is_current)


def _told(update: PublicUpdate, now: datetime) -> Told:
    return Told(
        stage=update.stage.capitalize(),
        at=_when(update.at, now),
        iso=statuspage.instant(update.at),
        ago=_ago(now - update.at),
        paragraphs=_paragraphs(update),
    )


def _ago(length: timedelta) -> str:
    """How long ago, while that is less than an hour."""
    minutes = length // timedelta(minutes=1)
    if not 0 <= minutes < 60:
        return ""
    return f"{minutes} min ago" if minutes else "just now"


def _paragraphs(update: PublicUpdate) -> list[list[str]]:
    """What was posted, without a first line that only says again what stands above it: the time and the stage."""
    lines = update.body.replace("\r\n", "\n").strip().split("\n")
    if _clock(update.at) in lines[0] and update.stage.capitalize() in lines[0]:
        lines = lines[1:]
    blocks = (block.strip() for block in "\n".join(lines).split("\n\n"))
    return [block.split("\n") for block in blocks if block]


def _past(incident: PublicIncident, now: datetime) -> Past:
    ended = incident.resolved_at or incident.updated_at
    return Past(
        address=f"{INCIDENTS}/{incident.id}",
        name=incident.name,
        day=_day(ended),
        last_word=" ".join(next(iter(_paragraphs(incident.updates[0])), [])),
        lasted=_lasted(ended - incident.started_at),
    )


def _lasted(length: timedelta) -> str:
    minutes = length // timedelta(minutes=1)
    return span(timedelta(minutes=minutes)) if minutes > 0 else "under a minute"


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M UTC")


def _day(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b}"


def _when(at: datetime, now: datetime) -> str:
    """The time, and the day before it unless it is today."""
    today = at.astimezone(UTC).date() == now.astimezone(UTC).date()
    return _clock(at) if today else f"{_day(at)} {_clock(at)}"


# ---- Serving it ----


class NothingYet(Exception):
    """The page could not be rendered even once."""


class Board:
    """The rendered page: never older than a second, rendered once however many ask.

    When the database is away, the last page that could be rendered stays up, and says its age.
    """

    def __init__(self, seconds: Callable[[], float] = stopwatch) -> None:
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
            await _send(scope, send, 405, ((b"allow", b"GET, HEAD"), (b"content-length", b"0"), FOR_ANYONE), b"")
            return
        try:
            shown = await self._present(scope["litestar_app"].state["tocsin"])
        except NothingYet:
            text = b"The status page can't be shown at this moment.\n"
            about = ((b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode()))
            await _send(scope, send, 503, (*about, (b"retry-after", b"1")), text)
            return
        await self._serve(scope, send, shown.answers.get(path) or shown.missing)

    async def _serve(self, scope: HTTPScope, send: Send, found: Answer) -> None:
        age = self._seconds() - self._made_at
        aged = ((b"age", str(int(age)).encode()),) if age >= OLDEST else ()
        if found.status == 200 and _has_it(scope, found.etag):
            await _send(scope, send, 304, (*found.brief, *aged), b"")
        else:
            await _send(scope, send, found.status, (*found.headers, *aged), found.body)

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
            self._shown = await asyncio.to_thread(_render, app)
            self._made_at, self._failed_at = begun_at, None
        except Exception:
            if self._failed_at is None:
                log.exception("the status page can't be rendered; the last one stays up")
            self._failed_at = self._seconds()
        finally:
            self._renewing = None


def _render(app: App) -> Rendered:
    with app.database.read(STRANGER) as tx:
        page, now = store.public_page(tx), tx.now
    return rendered(page, now)


def _has_it(scope: HTTPScope, etag: bytes) -> bool:
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return value.strip() == b"*" or etag in [one.strip().removeprefix(b"W/") for one in value.split(b",")]
    return False


async def _send(scope: HTTPScope, send: Send, status: int, headers: Iterable[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})
