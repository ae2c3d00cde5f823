"""Who is on call follows from the plan and the instant: one person at every instant, handed over at nine."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.oncall.model import Shift
from tocsin.oncall.rotation import layers
from tocsin.oncall.schedule import Rotas
from tocsin.plan.rotas import Rotation, Weekday

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # changes its clocks by half an hour
    "Asia/Kolkata",
    "Pacific/Apia",  # left out a whole day in 2011
    "America/Sao_Paulo",
    "Antarctica/Troll",  # changes its clocks by two hours
]
WEEKLY = Rotation(people=("ana", "ben", "tomas"), starts_on=date(2026, 1, 5), handoff=time(9), zone="Europe/Berlin")


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    people = draw(st.lists(st.sampled_from(["ana", "ben", "lucia", "tomas", "erin"]), min_size=1, max_size=5))
    return Rotation(
        people=tuple(people),
        starts_on=draw(st.dates(date(2005, 1, 1), date(2035, 1, 1))),
        handoff=draw(st.times().map(lambda at: at.replace(second=0, microsecond=0))),
        zone=draw(st.sampled_from(ZONES)),
        days=draw(st.integers(1, 15)),
        hours=draw(st.none() | st.integers(1, 60)),
    )


instants = st.datetimes(datetime(2004, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def shift_at(rotation: Rotation, instant: datetime) -> Shift:
    found = Rotas({"on_call": rotation}).shift_at("on_call", instant)
    assert found is not None
    return found


def shifts_between(rotation: Rotation, start: datetime, end: datetime) -> list[Shift]:
    return Rotas({"on_call": rotation}).shifts("on_call", start, end)


def handoff_at(rotation: Rotation, turn: int) -> datetime:
    return layers(rotation)[0].starts_at(turn)


@given(rotations(), instants)
def test_every_instant_has_exactly_one_shift(rotation: Rotation, instant: datetime) -> None:
    shift = shift_at(rotation, instant)
    assert shift.starts_at <= instant < shift.ends_at
    assert len(shift.people) == 1 and set(shift.people) <= set(rotation.people)
    assert shift_at(rotation, shift.starts_at) == shift
    assert shift_at(rotation, shift.ends_at - timedelta(microseconds=1)) == shift


@given(rotations(), instants)
def test_a_shift_ends_where_the_next_begins(rotation: Rotation, instant: datetime) -> None:
    shift = shift_at(rotation, instant)
    assert shift_at(rotation, shift.ends_at).starts_at == shift.ends_at


@given(rotations(), instants, st.integers(0, 60))
def test_the_shifts_of_a_span_follow_each_other_and_cover_it(rotation: Rotation, start: datetime, days: int) -> None:
    end = start + timedelta(days=days, seconds=1)
    found = shifts_between(rotation, start, end)
    assert found[0].starts_at <= start
    assert found[-1].ends_at >= end
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    assert all(shift_at(rotation, one.starts_at) == one for one in (found[0], found[-1]))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_handoffs_stay_at_nine_o_clock_all_year_round(zone: str) -> None:
    rotation = Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(9), zone=zone)
    for turn in range(-60, 60):
        local = handoff_at(rotation, turn).astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute, local.weekday()) == (9, 0, 0)


@pytest.mark.parametrize(
    ("inside", "hours"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 7 * 24 - 1),  # the clocks go forward in this week
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 7 * 24 + 1),  # and back in this
        (datetime(2026, 6, 10, 12, tzinfo=UTC), 7 * 24),
    ],
)
def test_a_week_in_which_the_clocks_change_is_an_hour_shorter_or_longer(inside: datetime, hours: int) -> None:
    shift = shift_at(WEEKLY, inside)
    assert shift.ends_at - shift.starts_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("day", "handoff_in_utc"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),  # 02:30 does not exist: at the change itself
        (date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 02:30 comes twice: the first time
    ],
)
def test_a_handoff_in_the_hour_of_the_change_happens_once(day: date, handoff_in_utc: datetime) -> None:
    nightly = Rotation(people=("ana", "ben"), starts_on=day, handoff=time(2, 30), zone="Europe/Berlin", days=1)
    assert handoff_at(nightly, 0) == handoff_in_utc
    before, after = (shift_at(nightly, handoff_in_utc + timedelta(seconds=by)) for by in (-1, 0))
    assert (before.people, after.people) == (("ben",), ("ana",))


def test_a_turn_of_an_hour_that_the_clock_skips_is_nobodys_and_leaves_no_gap() -> None:
    hourly = Rotation(
        people=("ana", "ben"), starts_on=date(2026, 3, 29), handoff=time(0), zone="Europe/Berlin", hours=1
    )
    begin = datetime(2026, 3, 28, 23, tzinfo=UTC)
    found = shifts_between(hourly, begin, begin + timedelta(hours=4))
    assert [one.people[0] for one in found] == ["ana", "ben", "ben", "ana"]  # 0 and 1 o'clock; then 3 and 4
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))


def test_a_day_that_a_zone_left_out_has_no_shift_of_its_own() -> None:
    daily = Rotation(people=("ana", "ben"), starts_on=date(2011, 12, 28), handoff=time(9), zone="Pacific/Apia", days=1)
    begin = datetime(2011, 12, 28, 19, tzinfo=UTC)  # 09:00 on the 28th there; the 30th never came
    found = shifts_between(daily, begin, begin + timedelta(days=3))
    assert [one.people[0] for one in found] == ["ana", "ben", "ana", "ben"]
    assert [one.ends_at - one.starts_at for one in found] == [timedelta(hours=one) for one in (24, 15, 9, 24)]


def test_people_take_turns_in_their_order_also_before_the_first_day() -> None:
    noons = [datetime(2026, 1, 7, 12, tzinfo=UTC) + timedelta(weeks=week) for week in range(-4, 5)]
    found = [shift_at(WEEKLY, noon).people[0] for noon in noons]
    assert found == ["tomas", "ana", "ben", "tomas", "ana", "ben", "tomas", "ana", "ben"]


def test_the_handoff_itself_belongs_to_whoever_comes() -> None:
    nine = datetime(2026, 1, 12, 8, tzinfo=UTC)  # 09:00 in Berlin
    assert shift_at(WEEKLY, nine - timedelta(milliseconds=1)).people == ("ana",)
    assert shift_at(WEEKLY, nine).people == ("ben",)


def test_an_empty_span_holds_no_shift() -> None:
    assert shifts_between(WEEKLY, datetime(2026, 1, 7, tzinfo=UTC), datetime(2026, 1, 7, tzinfo=UTC)) == []


def test_handoffs_fall_on_the_weekday_that_the_plan_names() -> None:
    tuesdays = Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 1), handoff_on=Weekday.TUE, handoff=time(9))
    assert handoff_at(tuesdays, 0) == datetime(2026, 1, 6, 9, tzinfo=UTC)
    assert {handoff_at(tuesdays, turn).weekday() for turn in range(-60, 60)} == {1}


def test_so_many_hold_each_turn_side_by_side() -> None:
    pairs = Rotation(people=("ana", "ben", "erin"), together=2, starts_on=date(2026, 1, 5), handoff=time(9), days=1)
    found = shifts_between(pairs, datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 1, 8, 9, tzinfo=UTC))
    assert [one.people for one in found] == [("ana", "ben"), ("erin", "ana"), ("ben", "erin")]
