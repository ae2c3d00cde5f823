"""How fast people are reached, published: by person and by channel, against what the plan promises."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from tocsin.incidents import words
from tocsin.insights import report
from tocsin.insights.reach import Reach, Reached, Spread, Way
from tocsin.kit.text import short_span, span
from tocsin.paging.trial import DAY
from tocsin.people import access
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import trials
from tocsin.web import present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page

PERIODS = {"30": "Last 30 days", "90": "Last 90 days", "365": "Last 365 days"}
USUAL_PERIOD = "90"
WIDTH = 1.5  # how many times the objective the chart is wide


@dataclass(frozen=True)
class Station:
    """One step of the way of a message: half of those that came there took so long, and 95 of 100."""

    label: str
    p50: str
    p95: str
    count: int


@dataclass(frozen=True)
class Channel:
    label: str
    pages: int
    tests: int
    failures: int
    is_doubtful: bool
    stations: tuple[Station, ...]


@dataclass(frozen=True)
class Person:
    name: str
    mark: str
    word: str
    p50: str
    p95: str
    rounds: int
    failures: int
    dots: tuple[tuple[str, bool], ...]  # where in the chart, and whether it is past the objective
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class View:
    objective: str
    kept: str
    target: str  # where in the chart
    people: tuple[Person, ...]


@get("/reach", sync_to_thread=True)
def show_reach(request: AnyRequest, visitor: SignedIn, days: FromQuery[str] = USUAL_PERIOD) -> Template:
    access.require(visitor.actor, access.METRICS_READ)
    chosen = days if days in PERIODS else USUAL_PERIOD
    with visitor.app.database.read(visitor.actor) as tx:
        end = tx.now + timedelta(milliseconds=1)  # what was sent this very instant counts
        start = end - timedelta(days=int(chosen))
        plan = plans.current(tx)
        doubtful = {(one.handle, one.channel) for one in trials.doubts(tx, plan.people)}
        return page(
            request,
            visitor,
            tx,
            "reach.html",
            title="How fast people are reached",
            here="/insights",
            periods=[present.Choice(key, label, "", key == chosen) for key, label in PERIODS.items()],
            since=present.day(start),
            view=view(plan, report.reach(tx, start, end), doubtful),
            next_tests=_next_tests(plan, tx.now),
        )


def _next_tests(plan: Plan, now: datetime) -> str:
    canary = plan.paging.canary
    if canary is None:
        return ""
    first = "" if canary.starts_on <= now.date() else f", from {canary.starts_on.isoformat()} on"
    days = canary.every // DAY
    often = "Every day" if days == 1 else "Every week" if days == 7 else f"Every {days} days"
    return f"{often} at {canary.at:%H:%M}, on each person's own clock{first}."


def view(plan: Plan, found: Reach, doubtful: set[tuple[str, str]]) -> View:
    judged = [one.is_kept for one in found.people if one.is_kept is not None]
    return View(
        objective=span(found.objective) if found.objective else "",
        kept=f"{sum(judged)} of {len(judged)} people" if judged else "",
        target=f"{100 / WIDTH:.1f}%",
        people=tuple(_person(plan, one, found.objective, doubtful) for one in found.people),
    )


def _person(plan: Plan, one: Reached, objective: timedelta | None, doubtful: set[tuple[str, str]]) -> Person:
    mark, word = _verdict(one)
    return Person(
        name=words.name(plan, one.person),
        mark=mark,
        word=word,
        p50=_soon(one.time.p50, one.rounds),
        p95=_soon(one.time.p95, one.rounds),
        rounds=one.rounds,
        failures=one.failures,
        dots=_dots(one, objective),
        channels=tuple(_channel(way, is_doubtful=(one.person, way.channel) in doubtful) for way in one.ways),
    )


def _verdict(one: Reached) -> tuple[str, str]:
    if not one.rounds:
        return "unknown", "Not paged"
    if one.is_kept is None:
        return ("degraded", "Not always reached") if one.failures else ("ok", "Reached")
    return ("met", "Kept") if one.is_kept else ("missed", "Not kept")


def _dots(one: Reached, objective: timedelta | None) -> tuple[tuple[str, bool], ...]:
    """Half and 95 of 100, on a line on which the objective stands at two thirds; what is further stands at its end."""
    if objective is None or not one.rounds:
        return ()
    shares = [2.0 if length is None else length / (objective * WIDTH) for length in (one.time.p50, one.time.p95)]
    return tuple((f"{min(max(share, 0.02), 0.98) * 100:.1f}%", share * WIDTH > 1) for share in shares)


def _channel(way: Way, *, is_doubtful: bool) -> Channel:
    stations = (("Taken", way.accepted), ("Delivered", way.delivered), ("Seen or answered", way.seen))
    return Channel(
        label=called(way.channel),
        pages=way.pages,
        tests=way.tests,
        failures=way.failures,
        is_doubtful=is_doubtful,
        stations=tuple(_station(label, time) for label, time in stations),
    )


def _station(label: str, time: Spread) -> Station:
    return Station(label, _soon(time.p50, time.count), _soon(time.p95, time.count), time.count)


def _soon(length: timedelta | None, count: int) -> str:
    """`0.8 s`, `41 s`, `3:20`."""
    if not count:
        return "–"
    if length is None:
        return "never"
    seconds = length.total_seconds()
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return short_span(length)


def routes() -> list[Any]:
    return [show_reach]
