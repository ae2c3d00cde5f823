"""All that we look at by ourselves: in short beside other things, on a page of its own, and each with what it saw."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response import Template

from tocsin.incidents import words
from tocsin.kit.text import short_span, span
from tocsin.plan.model import Plan
from tocsin.response import watching
from tocsin.response.looking import journeys, logs, looks, measures
from tocsin.response.watching import Health, Sort, Watched
from tocsin.watch import courses
from tocsin.watch import store as watch
from tocsin.watch.courses import Course
from tocsin.watch.metering import Sample
from tocsin.watch.outcomes import NOT_ANSWERING, Kind, Outcome
from tocsin.watch.store import Standing
from tocsin.web import graphs, present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page

PATH = "/probes"
FEW = 8  # rows of one sort that stand there in the open; more of them are folded
SAMPLES_DRAWN = 360
SPANS_SHOWN = 60
_WORST_FIRST = {"down": 0, "degraded": 1, "unknown": 2, "ok": 3}


# ---- In short ----


@dataclass(frozen=True)
class ServiceRow:
    """`key` is the name of the look, and empty for a part that an answer names."""

    mark: str
    word: str
    name: str
    text: str
    figure: str
    key: str = ""
    took: float = 0.0


@dataclass(frozen=True)
class Folded:
    """Rows of which nobody has to read each: how many they are, and whatever stands out among them."""

    mark: str
    said: str
    rows: tuple[ServiceRow, ...]


@dataclass(frozen=True)
class Services:
    """How everything stands: the rows that everybody is to see, what is in trouble first, and the others."""

    rows: tuple[ServiceRow, ...]
    folded: tuple[Folded, ...]

    def __bool__(self) -> bool:
        return bool(self.rows or self.folded)


def services(plan: Plan, standings: dict[str, Standing], now: datetime) -> Services:
    """How each look of the plan stands, and each part that its answer names. What nobody has looked at is unknown."""
    groups = [*_probes(plan, standings, now), *_others(plan, standings, now)]
    groups.sort(key=lambda rows: min(_WORST_FIRST[one.mark] for one in rows))
    rows = [one for group in groups for one in sorted(group, key=lambda one: one.mark == "ok")]
    folds = {mark: those for mark in ("unknown", "ok") if len(those := _alike(rows, mark)) > FEW}
    open_rows = tuple(one for one in rows if one.mark not in folds)
    return Services(open_rows, tuple(Folded(mark, _said(mark, those), those) for mark, those in folds.items()))


def _alike(rows: Iterable[ServiceRow], mark: str) -> tuple[ServiceRow, ...]:
    """Those of one mark. The parts that answers name are left out where the looks alone are many."""
    found = tuple(one for one in rows if one.mark == mark)
    looked = tuple(one for one in found if one.key)
    return looked if len(looked) > FEW else found


def _said(mark: str, rows: Sequence[ServiceRow]) -> str:
    if mark != "ok":
        return f"{len(rows)} of which nothing is known"
    slowest = max(rows, key=lambda one: one.took)
    return f"{len(rows)} healthy" + (f", the slowest in {slowest.figure} ({slowest.name})" if slowest.took else "")


def _probes(plan: Plan, standings: dict[str, Standing], now: datetime) -> Iterator[list[ServiceRow]]:
    for look in looks(plan):
        standing = standings.get(look.name)
        several = len(look.service.probes) > 1
        name = called(plan, look.name) if several else look.service.name
        if standing is None or standing.outcome is None:
            yield [ServiceRow("unknown", "Unknown", name, "Not looked at yet", "", look.name)]
            continue
        good, of = look.probe.good_values, name if several else ""
        parts = (_part(part, state, good, of) for part, state in standing.outcome.states.items())
        yield [_service(name, standing, standing.outcome, now), *parts]


def _others(plan: Plan, standings: dict[str, Standing], now: datetime) -> Iterator[list[ServiceRow]]:
    for key in (one.name for kind in (measures, logs, journeys) for one in kind(plan)):
        standing, name = standings.get(key), called(plan, key)
        if standing is None or standing.outcome is None:
            yield [ServiceRow("unknown", "Unknown", name, "Not read yet", "", key)]
        else:
            yield [_service(name, standing, standing.outcome, now)]


def called(plan: Plan, key: str) -> str:
    """`rose/voice_errors` as people read it."""
    service, _, which = key.partition("/")
    return f"{words.service_name(plan, service)}: {words.spaced(which)}"


def _service(name: str, standing: Standing, outcome: Outcome, now: datetime) -> ServiceRow:
    mark, word = outcome_word(outcome.kind)
    agreed = standing.confirmed.kind if standing.confirmed else None
    doubt = "" if agreed in (None, outcome.kind) or standing.run is None else f", {standing.run.count} in a row"
    looked = f", looked {short_span(now - standing.looked_at)} ago" if standing.looked_at else ""
    seconds = outcome.latency.total_seconds()
    text = f"{outcome.reason}{doubt}{looked}"
    return ServiceRow(mark, word, name, text, _took(seconds), standing.name, seconds)


def _took(seconds: float) -> str:
    return "" if not seconds else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _part(part: str, state: str, good: tuple[str, ...], of: str) -> ServiceRow:
    is_good = state in good
    text = f"{state}, says {of}" if of else state
    return ServiceRow("ok" if is_good else "down", "Healthy" if is_good else "Down", part, text, "")


def outcome_word(kind: Kind) -> tuple[str, str]:
    """A mark and a word for what a look found."""
    if kind is Kind.HEALTHY:
        return "ok", "Healthy"
    if kind is Kind.RATE_LIMITED:
        return "unknown", "Unknown: asked too often"
    if kind is Kind.UNKNOWN:
        return "unknown", "Unknown"
    if kind is Kind.OWN_NETWORK:
        return "unknown", "Unknown: our own network"
    if kind in NOT_ANSWERING:
        return "down", "Down: " + kind.replace("_", " ")
    return "degraded", kind.replace("_", " ").capitalize()


# ---- All of them ----

_SORTS = {
    Sort.PROBE: "Probe",
    Sort.VENDOR: "Probe of a vendor",
    Sort.MEASURE: "Measure",
    Sort.LOG: "Log",
    Sort.JOURNEY: "Journey",
    Sort.HEARTBEAT: "Heartbeat",
    Sort.STATUS_PAGE: "Status page",
}


@dataclass(frozen=True)
class Row:
    """One of them, in a list."""

    href: str
    mark: str
    word: str
    name: str
    sort: str
    said: str
    since: str
    looked: str
    every: str


@get(PATH, sync_to_thread=True)
def show_probes(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        found, now = watching.everything(tx), tx.now
        counts = {health: sum(one.health is health for one in found) for health in Health}
        rows = [_row(one, now) for one in sorted(found, key=_by_trouble)]
        return page(
            request, visitor, tx, "probes.html", title="What we look at", here="/", rows=rows, said=_counted(counts)
        )


def _by_trouble(one: Watched) -> tuple[int, str]:
    return list(Health).index(one.health), one.called


def _counted(counts: dict[Health, int]) -> str:
    called = {Health.TROUBLE: "in trouble", Health.UNKNOWN: "not known", Health.WELL: "well"}
    return ", ".join(f"{count} {called[health]}" for health, count in counts.items() if count)


def _row(one: Watched, now: datetime) -> Row:
    outcome, looked_at = one.standing.outcome, one.standing.looked_at
    mark, word = outcome_word(outcome.kind) if outcome else ("unknown", "Not looked at yet")
    return Row(
        href=f"{PATH}/{one.name}",
        mark=mark,
        word=word,
        name=one.called,
        sort=_SORTS[one.sort],
        said=outcome.reason if outcome else "",
        since=_since(one, now),
        looked=f"{short_span(now - looked_at)} ago" if looked_at else "",
        every=span(one.every),
    )


def _since(one: Watched, now: datetime) -> str:
    run = one.standing.run
    return present.moment(run.since, now) if run and run.count else ""


# ---- One of them ----


@dataclass(frozen=True)
class SpanRow:
    """What was measured in a stretch of time."""

    at: str
    length: str
    mean: str
    most: str
    failed: str
    is_bad: bool


@get(f"{PATH}/{{service:str}}/{{probe:str}}", sync_to_thread=True)
def show_probe(request: AnyRequest, visitor: SignedIn, service: FromPath[str], probe: FromPath[str]) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        one, now = watching.one(tx, f"{service}/{probe}"), tx.now
        samples = watching.measured(tx, one.name, SAMPLES_DRAWN)
        signal = watching.signal_of(tx, one)
        outcome = one.standing.outcome
        return page(
            request,
            visitor,
            tx,
            "probe.html",
            title=one.called,
            here="/",
            row=_row(one, now),
            facts=list(_facts(one, now)),
            states=sorted(outcome.states.items()) if outcome else [],
            bad=outcome.components if outcome else (),
            signal=signal,
            graphs=[graphs.drawn(called, course, now) for called, course in _courses(one, samples)],
            spans=[_span(one, sample, now) for sample in samples[:SPANS_SHOWN]],
            kept=f"A line is a minute for {span(watch.MINUTES_KEPT)}, and then a quarter for {span(watch.KEPT)}.",
        )


def _facts(one: Watched, now: datetime) -> Iterator[present.Fact]:
    standing, outcome = one.standing, one.standing.outcome
    yield present.Fact("What", _SORTS[one.sort])
    yield present.Fact("Every", span(one.every))
    if standing.looked_at:
        yield present.Fact("Heard" if one.sort is Sort.HEARTBEAT else "Looked", present.moment(standing.looked_at, now))
    if one.due_at:
        yield present.Fact("Missed at" if one.sort is Sort.HEARTBEAT else "Next", present.moment(one.due_at, now))
    if standing.run and standing.run.count:
        yield present.Fact("Seen so", f"{standing.run.count} times, since {present.moment(standing.run.since, now)}")
    if standing.confirmed:
        yield present.Fact("Agreed on", outcome_word(standing.confirmed.kind)[1])
    if outcome and outcome.latency:
        yield present.Fact("Took", _took(outcome.latency.total_seconds()))
    if outcome and outcome.path:
        yield present.Fact("Path", outcome.path)


def _courses(one: Watched, samples: Sequence[Sample]) -> Iterator[tuple[str, Course]]:
    """How it went, where there is more than one point to draw; the samples stand the latest first."""
    earlier = samples[::-1]
    if not earlier:
        return
    what = "value" if one.sort is Sort.MEASURE else "latency"
    called = {"value": "The numbers", "latency": "Answers took", "errors": "Failed"}
    for course in courses.courses(one.name, earlier, earlier[0].at, what, one.unit):
        yield called[course.what], course


def _span(one: Watched, sample: Sample, now: datetime) -> SpanRow:
    return SpanRow(
        at=present.moment(sample.at, now),
        length="" if sample.span == watch.MINUTE else span(sample.span),
        mean=_figure(one, sample.mean) if sample.count else "",
        most=_figure(one, sample.most) if sample.count else "",
        failed=f"{sample.failed:g} of {sample.counted:g}" if sample.counted else "",
        is_bad=sample.failed > 0,
    )


def _figure(one: Watched, value: float) -> str:
    if one.unit == "s" and one.sort is not Sort.MEASURE:
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.4g} {one.unit}".rstrip()


def routes() -> list[Any]:
    return [show_probes, show_probe]
