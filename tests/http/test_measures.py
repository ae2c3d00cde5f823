"""Numbers over real sockets: of a process that publishes them, and of a real Prometheus that is asked for them."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp
import prometheus_client

from tests.http.test_probe_fetch import answer, server
from tests.support.prometheus import needs_prometheus, running_prometheus, something_well
from tests.support.server import free_port, wait_until
from tocsin.plan.services import Service
from tocsin.plan.watching import Measure, Reads
from tocsin.response import seeing
from tocsin.response.looking import MeasureLook
from tocsin.watch import measuring, metering
from tocsin.watch.metering import Meter
from tocsin.watch.outcomes import Kind, Reading

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def looks(measure: Measure, times: int = 1) -> list[Reading]:
    async def run() -> list[Reading]:
        async with aiohttp.ClientSession() as session:
            look = MeasureLook("rose/m", "rose", Service(name="Rose"), measure)
            return [await seeing.numbers_of(session, look, "tocsin-probe") for _ in range(times)]

    return asyncio.run(asyncio.wait_for(run(), 60))


def against(measure: Measure, behave, times: int = 1) -> tuple[list[Reading], list[str]]:
    async def run() -> tuple[list[Reading], list[str]]:
        async with server(behave) as (base, asked), aiohttp.ClientSession() as session:
            look = MeasureLook("rose/m", "rose", Service(name="Rose"), replace(measure, url=f"{base}/metrics"))
            found = [await seeing.numbers_of(session, look, "tocsin-probe") for _ in range(times)]
        return found, asked

    return asyncio.run(asyncio.wait_for(run(), 60))


def test_what_the_usual_library_publishes_is_counted_by_labels() -> None:
    registry = prometheus_client.CollectorRegistry()
    requests = prometheus_client.Counter("http_requests", "All.", ["code"], registry=registry)
    seconds = prometheus_client.Histogram("answer_seconds", "How long.", registry=registry)
    requests.labels("200").inc(50)

    async def behave(path, reader, writer) -> None:
        requests.labels("200").inc(9)
        requests.labels("503").inc(1)
        seconds.observe(0.25)
        writer.write(answer(prometheus_client.generate_latest(registry)))

    errors = Measure(url="", errors=('http_requests_total{code=~"5.."}',), total=("http_requests_total",))
    readings, asked = against(errors, behave, 2)
    assert "text/plain" in asked[0] and "GET /metrics HTTP/1.1" in asked[0]
    meter = Meter()
    for number, reading in enumerate(readings):
        taken = measuring.take(errors, meter, reading, NOW + number * timedelta(seconds=15))
        meter = taken.meter
    assert taken.figure is not None and taken.figure.value == Decimal(10)
    mean = Measure(url="", sum="answer_seconds_sum", count="answer_seconds_count", least=1)
    for number, reading in enumerate(readings):
        taken = measuring.take(mean, meter, reading, NOW + number * timedelta(seconds=15))
        meter = taken.meter
    assert taken.figure is not None and taken.figure.value == Decimal("0.25")


def test_a_document_without_end_is_not_read_to_its_end() -> None:
    async def behave(path, reader, writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(40):
                writer.write(b"a_total 1\n" * 10_000)
                await writer.drain()

    (reading,), _ = against(Measure(url="", errors=("a_total",), total=("a_total",)), behave)
    assert (reading.status, reading.body) == (None, b"")
    taken = measuring.take(Measure(url="", number="a_total"), Meter(), reading, NOW)
    assert taken.outcome is not None and taken.outcome.kind is Kind.UNREADABLE
    assert "more than 2 MB came" in taken.outcome.reason


@needs_prometheus
def test_a_real_prometheus_is_asked(tmp_path: Path) -> None:
    watched, port = free_port(), free_port()
    measure = Measure(url=f"http://127.0.0.1:{port}", reads=Reads.PROMQL, number='rose_is_well{job="rose"} * 7')
    with something_well(watched), running_prometheus("{}", watched, tmp_path, port):

        def figure() -> metering.Figure | None:
            return measuring.take(measure, Meter(), looks(measure)[0], NOW).figure

        found = wait_until(figure, what="a first scrape")
        assert found.value == 7
        for query, why in (
            ("sum(", "parse error"),
            ("up or vector(1)", "2 series"),
            ("rose_is_well[5m]", "gives a matrix"),
        ):
            wrong = replace(measure, number=query)
            taken = measuring.take(wrong, Meter(), looks(wrong)[0], NOW)
            assert taken.outcome is not None and taken.outcome.kind is Kind.UNREADABLE
            assert why in taken.outcome.reason
        gone = replace(measure, number="nobody_counts_this")
        taken = measuring.take(gone, Meter(), looks(gone)[0], NOW)
        assert taken.outcome is not None and taken.outcome.kind is Kind.UNKNOWN
