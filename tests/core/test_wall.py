"""The clock on the wall: held against two other readers of the time zones, in every zone there is."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import PlainDateTime

from tocsin.kit import wall

EVERY_ZONE = sorted(zoneinfo.available_timezones() - {"localtime"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def spelled(local: int) -> datetime:
    """A local time with its numbers, in a zone of no meaning."""
    return EPOCH + timedelta(seconds=local)


@given(st.sampled_from(EVERY_ZONE), instants)
def test_the_clock_shows_what_zoneinfo_says(zone: str, instant: datetime) -> None:
    instant = instant.replace(microsecond=0)
    said = instant.astimezone(ZoneInfo(zone))
    assert spelled(wall.shown_at(zone, instant)) == said.replace(tzinfo=UTC)


@given(st.sampled_from(EVERY_ZONE), st.dates(date(1971, 1, 1), date(2100, 1, 1)), st.times())
def test_a_time_is_reached_when_it_is_shown_the_first_time_or_would_have_been(zone: str, day: date, at: time) -> None:
    at = at.replace(second=0, microsecond=0)
    reached = wall.reached_at(zone, wall.local_of(day, at))
    plain = PlainDateTime(day.year, day.month, day.day, at.hour, at.minute)
    read = plain.assume_tz(zone, disambiguation="compatible")  # the first of two; in a gap, as much later
    if read.to_plain() == plain:
        assert reached == datetime.fromtimestamp(read.timestamp(), UTC)
    else:
        assert wall.shown_at(zone, reached) > wall.local_of(day, at)
        assert wall.shown_at(zone, reached - timedelta(seconds=1)) < wall.local_of(day, at)


@given(st.sampled_from(EVERY_ZONE), instants, st.integers(0, 200_000))
def test_later_times_are_reached_later_or_at_the_same_moment(zone: str, instant: datetime, more: int) -> None:
    local = wall.shown_at(zone, instant)
    assert wall.reached_at(zone, local) <= wall.reached_at(zone, local + more)


@given(st.sampled_from(EVERY_ZONE), instants)
def test_what_is_shown_has_been_reached(zone: str, instant: datetime) -> None:
    assert wall.reached_at(zone, wall.shown_at(zone, instant)) <= instant


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(1970, 1, 1), date(2000, 2, 29)])
def test_days_know_their_weekday(day: date) -> None:
    assert wall.weekday(wall.local_of(day, time(0)) // wall.DAY) == day.weekday()


@pytest.mark.parametrize(
    ("zone", "instant", "said"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "UTC+2"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "UTC+1"),
        ("Europe/Berlin", datetime(2026, 10, 24, 23, 59, tzinfo=UTC), ""),
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 0, tzinfo=UTC), ""),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), ""),
        ("America/New_York", datetime(2027, 11, 7, 6, 30, tzinfo=UTC), "UTC-5"),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 14, 45, tzinfo=UTC), "UTC+11"),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, 15, tzinfo=UTC), "UTC+10:30"),
        ("Asia/Kathmandu", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), ""),
    ],
)
def test_a_time_that_is_shown_twice_is_told_from_the_other(zone: str, instant: datetime, said: str) -> None:
    assert wall.offset_if_twice(zone, instant) == said


@given(st.sampled_from(EVERY_ZONE), instants)
def test_an_offset_is_said_where_the_clock_shows_this_time_again(zone: str, instant: datetime) -> None:
    there = instant.replace(microsecond=0).astimezone(ZoneInfo(zone))
    twin = there.replace(fold=1 - there.fold).astimezone(UTC)
    is_twice = twin != there.astimezone(UTC) and twin.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == there.replace(
        tzinfo=None
    )
    assert bool(wall.offset_if_twice(zone, instant)) == is_twice
