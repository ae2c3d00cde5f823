"""The public status page, for everybody and without signing in: as a page, as JSON and as a feed.

Everything that can be asked is rendered at once and kept as bytes; a request costs a look into a mapping. So the page
stands a rush while everything else is down, and outlives a database that is away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from tocsin.app import App
from tocsin.comms import statuspage, store
from tocsin.comms.maintenance import Progress, PublicMaintenance
from tocsin.comms.statuspage import PublicComponent, PublicIncident, PublicPage, PublicUpdate
from tocsin.kit.actor import STRANGER
from tocsin.kit.clock import stopwatch
from tocsin.kit.text import listed, span
from tocsin.plan.model import Stage
from tocsin.web import board
from tocsin.web.board import FOR_ANYONE, HTML, JSON, SAFE, Answer, Rendered, answered
from tocsin.web.frame import asset

EARLIER = timedelta(days=14)

PATH = "/status"
INCIDENTS = f"{PATH}/i"
ATOM = b"application/atom+xml; charset=utf-8"
_JSON_FORMS = {
    "summary.json": statuspage.summary_json,
    "status.json": statuspage.status_json,
    "components.json": statuspage.components_json,
    "incidents.json": statuspage.incidents_json,
    "incidents/unresolved.json": statuspage.unresolved_json,
    "scheduled-maintenances.json": statuspage.maintenances_json,
    "scheduled-maintenances/upcoming.json": statuspage.upcoming_json,
    "scheduled-maintenances/active.json": statuspage.active_json,
}


def routes(shown: "Board | None" = None) -> list[ASGIRouteHandler]:
    shown = shown or Board()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await shown.answer(scope, send, scope["path"].rstrip("/"))

    async def answer_below(scope: Scope, receive: Receive, send: Send) -> None:
        await shown.answer(scope, send, f"{INCIDENTS}/{scope['path'].strip('/')}")

    # The JSON stands below the page's own address, where readers of such pages look, and at the root.
    json = [f"{base}/api/v2/{name}" for base in ("", PATH) for name in _JSON_FORMS]
    raw = asgi([PATH, f"{PATH}/history.atom", *json], name="status page", copy_scope=False, exclude_from_csrf=True)
    below = asgi(INCIDENTS, name="status incident", is_mount=True, copy_scope=False, exclude_from_csrf=True)
    return [raw(answer), below(answer_below)]


# ---- From the record to bytes ----


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
class Planned:
    id: str
    name: str
    text: str
    when: str
    affects: str
    goes_on: bool


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
    "under_maintenance": ("unknown", "Under maintenance"),
    "operational": ("ok", "Operational"),
}
"""Mark and words for each state of a component; worst first."""

_SAYS = {
    "major_outage": ("is down", "are down"),
    "partial_outage": ("is partly down", "are partly down"),
    "degraded_performance": ("works worse than usual", "work worse than usual"),
    "under_maintenance": ("is being worked on, as planned", "are being worked on, as planned"),
}
_BANNER = {"critical": "missed", "major": "missed", "minor": "due", "maintenance": "due", "none": "ok"}
_MARK = {"critical": "down", "major": "partial", "minor": "degraded", "maintenance": "unknown", "none": "ok"}


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
        "planned": [_planned(page, one, now) for one in page.maintenances[::-1] if not one.is_over],
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


def _planned(page: PublicPage, one: PublicMaintenance, now: datetime) -> Planned:
    goes_on = one.progress is Progress.IN_PROGRESS
    names = [each.name for each in page.components if each.id in one.components]
    until = _when(one.ends_at, now if goes_on else one.starts_at)
    return Planned(
        id=statuspage.stable_id("maintenance", one.id),
        name=one.name,
        text=one.text,
        when=f"Now, until {until}" if goes_on else f"{_day(one.starts_at)} {_clock(one.starts_at)} to {until}",
        affects=listed(names),
        goes_on=goes_on,
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


class Board(board.Board):
    """The status page, never older than a second."""

    def __init__(self, seconds: Callable[[], float] = stopwatch) -> None:
        super().__init__(_render, "the status page", seconds)


def _render(app: App) -> Rendered:
    with app.database.read(STRANGER) as tx:
        page, now = store.public_page(tx), tx.now
    return rendered(page, now)
