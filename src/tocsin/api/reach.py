"""How fast people are reached, over HTTP: as JSON for programs, and with the cover of the rotas for Prometheus."""

from collections.abc import Iterable, Iterator
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from tocsin.api.caller import Call, app_of, needs
from tocsin.api.periods import From, To, period
from tocsin.delivery import outbox
from tocsin.insights import reach, report
from tocsin.insights.reach import Reach, Reached, Spread, Way
from tocsin.oncall.coverage import Proof
from tocsin.paging.trial import Trial
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.response import covering, trials


def handlers() -> list[HTTPRouteHandler]:
    return [show_reach, scrape]


@get(
    "/metrics/reach",
    summary="How fast each person is reached by pages and tests, by channel, against the plan's objective",
    **needs(access.METRICS_READ, 400, 409),
)
def show_reach(
    request: Call,
    from_: From = None,
    to: To = None,
) -> dict[str, Any]:
    with app_of(request).database.read(request.auth) as tx:
        return reach.as_json(report.reach(tx, *period(tx.now, from_, to)))


# ---- For Prometheus --------------------------------------------------------------------------------------------------

EXPOSITION = "text/plain; version=0.0.4"  # the framework adds the letters
_SCRAPE = needs(access.METRICS_READ, 409)
_TEXT = {200: ResponseSpec(str, description="The numbers, in Prometheus's text format.", media_type="text/plain")}


@get(
    "/metrics/prometheus",
    summary="The numbers of paging and of the rotas, in Prometheus's text format",
    media_type="text/plain",
    **{**_SCRAPE, "responses": {**_SCRAPE["responses"], **_TEXT}},
)
def scrape(request: Call) -> Response[bytes]:
    """The cover is told to whoever may read the plan as well."""
    with app_of(request).database.read(request.auth) as tx:
        found = report.reach(tx, *period(tx.now, None, None))
        metrics = [*_reach(found), *_doubts(trials.doubts(tx, plans.current(tx).people))]
        metrics.append(_one("messages_waiting", "Messages that wait to leave.", outbox.waiting(tx)))
        if request.auth.may(access.PLAN_READ):
            metrics += _cover(covering.proof(tx, covering.WEEKS))
    registry = CollectorRegistry()
    registry.register(_Found(metrics))
    return Response(generate_latest(registry), media_type=EXPOSITION)


class _Found(Collector):
    """What was read, as the library asks for it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tocsin_{name}", meaning, labels=labels)


def _one(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tocsin_{name}", meaning, value=value)


def _reach(found: Reach) -> Iterator[Metric]:
    if found.objective is not None:
        within = found.objective.total_seconds()
        yield _one("reach_objective_seconds", "In which 95 of 100 pages should reach somebody.", within)
    times = _gauge("reach_seconds", "How soon somebody was reached in the last 90 days.", "person", "quantile")
    rounds = _gauge("reach_rounds", "Pages and tests in the last 90 days whose end is known.", "person")
    failures = _gauge("reach_failures", "Those of them by which nothing came through.", "person")
    for one in found.people:
        rounds.add_metric([one.person], one.rounds)
        failures.add_metric([one.person], one.failures)
        _add_times(times, [one.person], one.time)
    yield from (times, rounds, failures)
    yield from _ways(found.people)


def _ways(people: Iterable[Reached]) -> Iterator[Metric]:
    labels = ("person", "channel")
    times = _gauge("way_seconds", "How soon a message came to a station.", *labels, "station", "quantile")
    messages = _gauge("way_messages", "Messages of pages and of tests in the last 90 days.", *labels, "kind")
    failures = _gauge("way_failures", "Those of them that did not arrive.", *labels)
    for person, way in ((one.person, way) for one in people for way in one.ways):
        _add_way(times, messages, failures, [person, way.channel], way)
    yield from (times, messages, failures)


def _add_way(
    times: GaugeMetricFamily, messages: GaugeMetricFamily, failures: GaugeMetricFamily, labels: list[str], way: Way
) -> None:
    for kind, count in (("page", way.pages), ("test", way.tests)):
        messages.add_metric([*labels, kind], count)
    failures.add_metric(labels, way.failures)
    for station, time in (("accepted", way.accepted), ("delivered", way.delivered), ("seen", way.seen)):
        _add_times(times, [*labels, station], time)


def _add_times(times: GaugeMetricFamily, labels: list[str], time: Spread) -> None:
    """Shares in which nothing came through took for ever; where nothing was sent, nothing is said."""
    for quantile, length in (("0.5", time.p50), ("0.95", time.p95)):
        if time.count:
            times.add_metric([*labels, quantile], float("inf") if length is None else length.total_seconds())


def _doubts(doubts: Iterable[Trial]) -> Iterator[Metric]:
    found = _gauge("way_doubtful", "Ways of paging whose last test page was not answered.", "person", "channel")
    for person, channel in dict.fromkeys((one.handle, one.channel) for one in doubts):
        found.add_metric([person, channel], 1)
    yield found


def _cover(proof: Proof) -> Iterator[Metric]:
    weeks = f"in the next {covering.WEEKS} weeks"
    yield _one("coverage_holds", f"1 if somebody is there at every moment {weeks}.", int(proof.holds))
    gaps = _gauge("coverage_gaps", f"Stretches {weeks} in which those named first reach nobody.", "instead")
    gaps.add_metric(["nobody"], len(proof.open))
    gaps.add_metric(["somebody"], len(proof.caught))
    yield gaps
    begins = _gauge("coverage_next_gap_timestamp_seconds", "When the next moment comes at which nobody is there.")
    for one in sorted(proof.open, key=lambda one: one.starts_at)[:1]:
        begins.add_metric([], one.starts_at.timestamp())
    yield begins
