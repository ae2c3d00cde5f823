"""How what is measured went around the beginning of an incident."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tocsin.watch import courses
from tocsin.watch.metering import Sample

BEGAN = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sample(minute: int, mean: float = 0.1, *, failed: float = 0, counted: float = 0, count: int = 1) -> Sample:
    return Sample(
        at=BEGAN + minute * MINUTE, span=MINUTE, count=count, mean=mean, most=mean, failed=failed, counted=counted
    )


def test_a_measure_of_errors_is_told_once_and_a_number_with_its_unit() -> None:
    seen = [sample(0, 14, failed=1, counted=4), sample(1, 15, counted=4)]
    assert [one.what for one in courses.courses("rose/voice", seen, BEGAN, None)] == ["errors"]
    (value,) = courses.courses("rose/queue", [sample(0, 14), sample(1, 2)], BEGAN, "value", "calls")
    assert courses.figure(value, 14) == "14 calls"


def test_latency_and_failures_are_told_before_and_since() -> None:
    seen = [
        sample(-3, counted=4),
        sample(-2, 0.12, counted=4),
        sample(-1, counted=4),
        sample(0, 2.34, failed=1, counted=4),
    ]
    latency, errors = courses.courses("rose/health", seen, BEGAN, "latency")
    assert courses.said(latency) == "answers take 100 ms before it began, 2.34 s at the worst since"
    assert courses.said(errors) == "failures 0 % before it began, 25 % at the worst since"


def test_that_nothing_ever_failed_is_told_of_what_measures_that_alone() -> None:
    seen = [sample(-1, counted=4), sample(0, counted=4)]
    assert [one.what for one in courses.courses("rose/health", seen, BEGAN, "latency")] == ["latency"]
    assert [one.what for one in courses.courses("rose/voice", seen, BEGAN, None)] == ["errors"]


def test_numbers_of_a_measure_are_told_as_they_are() -> None:
    (value,) = courses.courses("rose/sessions", [sample(0, 14), sample(1, 12_345)], BEGAN, "value")
    assert courses.said(value) == "value 12,345 at the worst since it began"


def test_nothing_is_told_of_a_single_sample_or_of_none() -> None:
    assert list(courses.courses("rose/health", [], BEGAN, "latency")) == []
    assert list(courses.courses("rose/health", [sample(0)], BEGAN, "latency")) == []


def test_a_minute_without_a_reading_has_failures_and_no_latency() -> None:
    seen = [sample(one, count=0, failed=1, counted=1) for one in range(3)]
    (errors,) = courses.courses("rose/health", seen, BEGAN, "latency")
    assert errors.what == "errors" and errors.worst == 100 and errors.before is None


@given(st.lists(st.tuples(st.integers(-60, 180), st.floats(0, 1e6)), unique_by=lambda one: one[0]))
def test_what_is_told_is_among_what_was_measured(readings: list[tuple[int, float]]) -> None:
    seen = [sample(minute, value) for minute, value in sorted(readings)]
    for one in courses.courses("rose/health", seen, BEGAN, "latency"):
        values = {value for _, value in one.points}
        assert {one.before, one.worst} - {None} <= values
        assert one.worst is None or one.worst == max(value for at, value in one.points if at + MINUTE > BEGAN)
