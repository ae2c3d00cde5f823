"""Numbers out of what an address answers, and what a measure makes of them by the plan's bands."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.world import ROSE
from tocsin.plan import check, selectors
from tocsin.plan.model import Plan
from tocsin.plan.watching import Measure, Reads
from tocsin.watch import measuring, numbers
from tocsin.watch.metering import Meter
from tocsin.watch.numbers import NotThere, Unreadable
from tocsin.watch.outcomes import Kind, Reading

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TEXT = b"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/voice"} 90
http_requests_total{code="500",path="/voice"} 7
http_requests_total{code="503",path="/a \\"b\\", c"} 3 1700000000000
http_requests_totally 5
answer_seconds_bucket{le="+Inf"} 100
answer_seconds_sum 250.5
answer_seconds_count 100
memory_bytes 1.5e+09
nothing NaN
"""
ROSES = json.dumps({"counters": {"voice_processing_failure": 3}, "gauges": {}, "histograms": {}}).encode()
TRAP = b'{"detail":"Not found"}'


def plan() -> Plan:
    found = check.load(ROSE)
    assert isinstance(found, Plan)
    return found


def measure(reads: Reads = Reads.PROMETHEUS, **about: object) -> Measure:
    return replace(Measure(url="http://rose.example", reads=reads), **about)


def answer(body: bytes, status: int = 200) -> Reading:
    return Reading(status=status, body=body, took=timedelta(milliseconds=20), path="")


def promql(**data: object) -> Reading:
    return answer(json.dumps({"status": "success", "data": data}).encode())


# --- where they stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("http_requests_total", 100),
        ('http_requests_total{code=~"5.."}', 10),
        ('http_requests_total{code="500",path="/voice"}', 7),
        ('http_requests_total{code!~"5..",path!=""}', 90),
        ('http_requests_total{path="/a \\"b\\", c"}', 3),
        ('http_requests_total{missing=""}', 100),
        ("memory_bytes", 1.5e9),
        ("answer_seconds_sum", 250.5),
    ],
)
def test_a_sample_is_named_by_its_metric_and_its_labels(wanted: str, found: float) -> None:
    assert numbers.read(measure(number=wanted), answer(TEXT)) == (found,)


def test_a_counter_that_has_not_counted_yet_is_nothing() -> None:
    one = measure(errors=('http_requests_total{code="418"}',), total=("http_requests_total",))
    assert numbers.read(one, answer(TEXT)) == (0, 100)
    of_rose = measure(Reads.JSON, errors=("counters.voice_processing_failure",), total=("counters.nobody_yet",))
    assert numbers.read(of_rose, answer(ROSES)) == (3, 0)


def test_an_average_over_its_count_is_a_sum() -> None:
    body = json.dumps({"histograms": {"voice_ms": {"count": 4.0, "avg": 250.0}}}).encode()
    one = measure(Reads.JSON, average="histograms.voice_ms.avg", count="histograms.voice_ms.count")
    assert numbers.read(one, answer(body)) == (1000.0, 4.0)
    assert numbers.read(one, answer(b'{"histograms": {}}')) == (0.0, 0.0)


@pytest.mark.parametrize(
    "body", [b"", TRAP, b"<!doctype html><p>a 1</p>", b"\xff\xfe\x00", b"[]", b"ok\n", b"# only\n"]
)
@pytest.mark.parametrize("reads", list(Reads))
def test_another_document_is_not_a_counter_of_zero(body: bytes, reads: Reads) -> None:
    one = measure(reads, errors=("counters.failed",), total=("counters.all",))
    if reads is Reads.PROMETHEUS:
        one = measure(reads, errors=("failed",), total=("all",))
    if reads is Reads.PROMQL:
        one = measure(reads, error_rate="x")
    with pytest.raises(Unreadable):
        numbers.read(one, answer(body))


def test_a_number_that_is_not_there_is_not_zero() -> None:
    with pytest.raises(NotThere, match="gone is not there"):
        numbers.read(measure(number="gone"), answer(TEXT))
    with pytest.raises(NotThere, match="nothing is nan"):
        numbers.read(measure(number="nothing"), answer(TEXT))


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_number_or_said_to_be_none(body: bytes) -> None:
    for one in (
        measure(number="a"),
        measure(Reads.JSON, number="a.b"),
        measure(Reads.PROMQL, number="a"),
        measure(errors=("a",), total=("b",)),
    ):
        taken = measuring.take(one, Meter(), answer(body), NOW)
        assert taken.figure is not None or taken.outcome is not None


def test_workers_are_told_apart_by_when_they_began_or_by_all_that_they_count() -> None:
    text = TEXT + b"process_start_time_seconds 1.7e9\n"
    one = measure(errors=("a",), total=("b",), workers=2)
    assert numbers.marks(one, answer(text)) == {"began": 1.7e9}
    assert numbers.marks(one, answer(TEXT)) == {}
    assert numbers.marks(replace(one, workers=1), answer(text)) == {}
    of_rose = measure(Reads.JSON, errors=("counters.failed",), total=("counters.all",), workers=4)
    body = b'{"counters": {"failed": 1, "what": "x", "sure": true}, "histograms": {"voice": {"max": 9.5}}, "at": "12"}'
    assert numbers.marks(of_rose, answer(body)) == {"counters.failed": 1, "histograms.voice.max": 9.5}


# --- what a Prometheus answers ----------------------------------------------------------------------------------------


def test_a_query_is_asked_whole() -> None:
    one = measure(Reads.PROMQL, number='sum(rate(a{b="c d"}[5m])) / 2 > 1')
    assert numbers.path(one).startswith("/api/v1/query?query=sum%28rate%28a%7Bb%3D%22c%20d%22%7D%5B5m%5D%29%29")


def test_a_scalar_and_a_vector_of_one_are_numbers() -> None:
    one = measure(Reads.PROMQL, number="q")
    assert numbers.read(one, promql(resultType="scalar", result=[1, "2.5"])) == (2.5,)
    assert numbers.read(one, promql(resultType="vector", result=[{"metric": {}, "value": [1, "7"]}])) == (7,)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"resultType": "vector", "result": [{"value": [1, "1"]}, {"value": [1, "2"]}]}, "2 series; add them up"),
        ({"resultType": "matrix", "result": []}, "gives a matrix, and no number"),
        ({"resultType": "vector", "result": [{"value": [1]}]}, "no answer of a Prometheus"),
        ({"resultType": "vector", "result": ["x"]}, "is not there"),
        ({"resultType": "vector", "result": []}, "is not there"),
        ({"resultType": "scalar", "result": [1, "NaN"]}, "is nan at present"),
    ],
)
def test_what_a_query_gives_besides_one_number_is_said(data: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        numbers.read(measure(Reads.PROMQL, number="q"), promql(**data))


def test_a_query_that_is_wrong_says_so_in_prometheus_own_words() -> None:
    refused = answer(b'{"status":"error","errorType":"bad_data","error":"parse error: unexpected end"}', 400)
    taken = measuring.take(measure(Reads.PROMQL, number="sum("), Meter(), refused, NOW)
    assert taken.outcome is not None and taken.outcome.kind is Kind.UNREADABLE
    assert "parse error: unexpected end" in taken.outcome.reason


# --- what follows -----------------------------------------------------------------------------------------------------


def weighed(one: Measure, *readings: Reading) -> measuring.Outcome:
    meter, now = Meter(), NOW
    for reading in readings:
        now += timedelta(seconds=15)
        taken = measuring.take(one, meter, reading, now)
        meter = taken.meter
    if taken.figure is None:
        assert taken.outcome is not None
        return taken.outcome
    return measuring.weigh(plan(), one, taken.figure, readings[-1], None, meter)


def counted(failed: int, well: int) -> Reading:
    return answer(json.dumps({"counters": {"failed": failed, "well": well}}).encode())


VOICE = measure(Reads.JSON, errors=("counters.failed",), total=("counters.well", "counters.failed"))


@pytest.mark.parametrize(
    ("failed", "level"),
    [(0, None), (1, None), (19, None), (20, "P3"), (49, "P3"), (50, "P2"), (100, "P2"), (101, "P1"), (1000, "P1")],
)
def test_sev_08_the_band_that_holds_what_was_measured_is_the_grade(failed: int, level: str | None) -> None:
    outcome = weighed(VOICE, counted(7, 9), counted(7 + failed, 9 + 1000 - failed))
    assert outcome.kind is (Kind.ERRORS if level else Kind.HEALTHY)
    assert outcome.grade == (level or "")
    if level:
        assert Decimal(outcome.measured["error_rate"]) == Decimal(failed) / 10


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_does_not_answer_says_nothing_here(status: int) -> None:
    assert weighed(VOICE, answer(b"{}", status)).kind is Kind.UNKNOWN
    silent = Reading(failure="timeout", took=timedelta(seconds=8), path="")
    assert weighed(VOICE, silent).kind is Kind.UNKNOWN


def test_without_its_prometheus_a_measure_is_blind_and_says_so() -> None:
    one = measure(Reads.PROMQL, error_rate="q")
    for reading in (Reading(failure="refused", took=timedelta(0), path=""), answer(b"", 503), answer(b"", 404)):
        assert weighed(one, reading).kind is Kind.UNREADABLE
    assert weighed(one, answer(b"", 429)).kind is Kind.UNKNOWN


def test_the_trap_that_answers_200_to_everything_is_unreadable() -> None:
    outcome = weighed(VOICE, answer(TRAP))
    assert (outcome.kind, outcome.reason) == (Kind.UNREADABLE, '200, and nothing stands there under "counters"')
    assert weighed(VOICE, answer(b"", 404)).kind is Kind.UNREADABLE


def test_a_number_over_its_limit_is_said_with_both() -> None:
    one = measure(number="memory_bytes", above=Decimal(1_000_000_000), unit="B")
    outcome = weighed(one, answer(TEXT))
    assert (outcome.kind, outcome.measured) == (Kind.OVER, {"number": "1500000000"})
    assert outcome.reason == "it is 1500000000 B; more than 1000000000 B"
    assert weighed(replace(one, above=Decimal(1_500_000_000)), answer(TEXT)).kind is Kind.HEALTHY


# --- how a plan points at them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["", "1a", "a{", "a{b}", 'a{b="c"', 'a{b="c" d="e"}', 'a{b=~"("}', "a b"])
def test_what_names_no_sample_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"write|read|expression"):
        selectors.selector(written)


@pytest.mark.parametrize("written", ["", "a..b", ".a", "a."])
def test_what_leads_to_no_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="dots"):
        selectors.keys(written)
