"""Layers, windows, holidays and overrides: in every time zone, over ten years, nothing drifts, merges or is erased."""

import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whenever import Instant

from tocsin.oncall.model import Gap, Override, Shift
from tocsin.oncall.schedule import Rotas
from tocsin.plan.rotas import Holiday, Layer, Rotation, Weekday, Window

TEN_YEARS = (datetime(2021, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC))
EVERY_ZONE = sorted(zoneinfo.available_timezones() - {"localtime"})
WEEKDAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
MADE = datetime(2020, 1, 1, tzinfo=UTC)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def rotas(rotation: Rotation, *overrides: Override, **others: Rotation) -> Rotas:
    return Rotas({"on_call": rotation, **others}, overrides)


def override(person: str, start: datetime, end: datetime, number: int = 1, **more: Any) -> Override:
    about: dict[str, Any] = {
        "id": f"ovr_{number}",
        "rotation": "on_call",
        "reason": "a wedding",
        "made_by": "ana",
        "made_at": MADE + timedelta(seconds=number),
        **more,
    }
    return Override(person=person, starts_at=start, ends_at=end, **about)


def brief(shifts: Sequence[Shift], since: datetime = MONDAY) -> list[tuple[float, float, str]]:
    """Shifts in hours from a Monday."""
    hour = timedelta(hours=1)
    return [((one.starts_at - since) / hour, (one.ends_at - since) / hour, "+".join(one.people)) for one in shifts]


# ---- Every zone, ten years -------------------------------------------------------------------------------------------


def changes(zone: str) -> Iterator[datetime]:
    """The instants in these ten years at which a zone's clock is changed, by another reader of the time zones."""
    at = Instant.from_utc(2021, 1, 1).to_tz(zone)
    while (found := at.next_transition()) is not None and found.timestamp() < TEN_YEARS[1].timestamp():
        at = found
        yield datetime.fromtimestamp(found.timestamp(), UTC)


def around(zone: str) -> list[tuple[datetime, datetime]]:
    """Days around each change of the clock, and two from every half a year."""
    found = [(at - timedelta(days=2), at + timedelta(days=2)) for at in changes(zone)]
    return found or [(at, at + timedelta(days=2)) for at in (TEN_YEARS[0], TEN_YEARS[1] - timedelta(days=2))]


def in_zone(zone: str) -> dict[str, Rotation]:
    people, begin = ("ana", "ben", "erin"), date(2021, 1, 4)
    office = Window(weekdays=WEEKDAYS, begins=time(9), ends=time(17))
    evening = Window(weekdays=WEEKDAYS, begins=time(17), ends=time(9))
    small_hours = Window(begins=time(1, 30), ends=time(2, 30))
    rest = Window(begins=time(2, 30), ends=time(1, 30))
    plain: dict[str, Any] = {"people": people, "starts_on": begin, "zone": zone}
    return {
        "weekly": Rotation(**plain, handoff=time(9)),
        "nightly": Rotation(**plain, handoff=time(2, 30), days=1),
        "hourly": Rotation(**plain, handoff=time(0), hours=1, together=2),
        "tiled": Rotation(
            **plain,
            handoff=time(2, 30),
            days=1,
            during=(rest,),
            layers=(Layer(name="x", people=people, during=(small_hours,)),),
        ),
        "office": Rotation(
            **plain,
            handoff=time(9),
            during=(office,),
            layers=(
                Layer(name="evenings", people=("tomas",), during=(evening,)),
                Layer(
                    name="weekend",
                    people=("lucia",),
                    during=(
                        Window(weekdays=(Weekday.SAT,), begins=time(9), ends=time(9)),
                        Window(weekdays=(Weekday.SUN,), begins=time(9), ends=time(9)),
                    ),
                ),
            ),
        ),
    }


@pytest.mark.parametrize("part", range(6))
def test_ONC_05_in_every_zone_exactly_so_many_as_promised_are_on_call(part: int) -> None:  # noqa: N802
    """Around each change of the clocks, the shifts of each rota follow each other without gap or overlap."""
    for zone in EVERY_ZONE[part::6]:
        found = Rotas(in_zone(zone))
        for start, end in around(zone):
            for name in found.rotations:
                shifts = found.clipped(name, start, end)
                assert (shifts[0].starts_at, shifts[-1].ends_at) == (start, end), (zone, name)
                assert all(one.ends_at == other.starts_at for one, other in pairwise(shifts)), (zone, name, start)
                assert {len(set(one.people)) for one in shifts} == {2 if name == "hourly" else 1}


@pytest.mark.parametrize("part", range(2))
def test_ONC_05_in_every_zone_no_handoff_drifts(part: int) -> None:  # noqa: N802
    """Each of 520 weekly handoffs is at nine on a Monday, or at the change by which the clock skips that."""
    for zone in EVERY_ZONE[part::2]:
        info, when = ZoneInfo(zone), set(changes(zone))
        shifts = Rotas(in_zone(zone)).shifts("weekly", *TEN_YEARS)
        assert len(shifts) in (522, 523)
        for one in shifts:
            local = one.starts_at.astimezone(info)
            assert (local.weekday(), local.hour, local.minute) == (0, 9, 0) or one.starts_at in when, zone


# ---- Layers ----------------------------------------------------------------------------------------------------------

OFFICE = Window(weekdays=WEEKDAYS, begins=time(9), ends=time(17))
BASE = Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(0), days=1)


def with_layer(**about: Any) -> Rotation:
    layer = Layer(**({"name": "over", "people": ("lucia",)} | about))
    return Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(0), days=1, layers=(layer,))


def test_a_layer_covers_the_one_below_where_it_holds_and_nothing_else() -> None:
    found = rotas(with_layer(during=(OFFICE,))).shifts("on_call", MONDAY, MONDAY + timedelta(days=1))
    assert brief(found) == [(0, 9, "ana"), (9, 17, "lucia"), (17, 24, "ana")]
    assert [one.layer for one in found] == ["", "over", ""]


def test_outside_its_hours_a_rota_has_a_gap_and_says_so() -> None:
    office = Rotation(people=("ana",), starts_on=date(2026, 1, 5), handoff=time(9), during=(OFFICE,))
    found, day = rotas(office), timedelta(days=1)
    assert found.holders("on_call", MONDAY + timedelta(hours=3)) == ()
    assert found.shift_at("on_call", MONDAY + timedelta(hours=3)) is None
    assert found.gaps("on_call", MONDAY, MONDAY + day) == [
        Gap(MONDAY, MONDAY + timedelta(hours=9)),
        Gap(MONDAY + timedelta(hours=17), MONDAY + day),
    ]
    following = found.next_shift("on_call", MONDAY + timedelta(days=4, hours=20))
    assert following and brief([following]) == [(7 * 24 + 9, 7 * 24 + 17, "ana")]


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    nights = Window(weekdays=(Weekday.FRI,), begins=time(22), ends=time(6))
    friday = MONDAY + timedelta(days=4)
    found = rotas(with_layer(during=(nights,))).shifts("on_call", friday, friday + timedelta(days=2))
    assert [each for each in brief(found, friday) if each[2] == "lucia"] == [(22, 30, "lucia")]


def test_a_temporary_layer_holds_from_handoff_to_handoff() -> None:
    found = rotas(with_layer(handoff=time(9), days=7, from_on=date(2026, 1, 6), until_on=date(2026, 1, 7)))
    shifts = found.shifts("on_call", MONDAY, MONDAY + timedelta(days=3))
    assert brief(shifts) == [(0, 24, "ana"), (24, 33, "ben"), (33, 57, "lucia"), (57, 72, "ana")]


def test_on_a_holiday_the_layer_below_holds_or_another_rota_stands_in() -> None:
    away = Holiday(name="Epiphany", days=(date(2026, 1, 6),))
    found = rotas(with_layer(holidays=(away,))).shifts("on_call", MONDAY, MONDAY + timedelta(days=3))
    assert brief(found) == [(0, 24, "lucia"), (24, 48, "ben"), (48, 168, "lucia")]

    others = Rotation(people=("erin", "tomas"), starts_on=date(2026, 1, 6), handoff=time(12), days=1)
    stands_in = Holiday(days=(date(2026, 1, 6),), rotation="others")
    rotation = Rotation(
        people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(0), days=1, holidays=(stands_in,)
    )
    both = rotas(
        rotation,
        override("ben", MONDAY + timedelta(hours=40), MONDAY + timedelta(hours=50), rotation="others"),
        others=others,
    )
    found = both.shifts("on_call", MONDAY, MONDAY + timedelta(days=3))
    assert brief(found) == [(0, 24, "ana"), (24, 36, "tomas"), (36, 40, "erin"), (40, 48, "ben"), (48, 72, "ana")]


def test_a_holiday_without_anybody_below_is_a_gap() -> None:
    rotation = Rotation(
        people=("ana",), starts_on=date(2026, 1, 5), handoff=time(0), holidays=(Holiday(days=(date(2026, 1, 6),)),)
    )
    assert rotas(rotation).gaps("on_call", MONDAY, MONDAY + timedelta(days=3)) == [
        Gap(MONDAY + timedelta(days=1), MONDAY + timedelta(days=2))
    ]


def test_windows_that_fill_the_week_leave_turns_whole() -> None:
    always = tuple(Window(weekdays=(day,), begins=time(8), ends=time(8)) for day in Weekday)
    rotation = Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(0), during=always)
    found = rotas(rotation).shifts("on_call", MONDAY, MONDAY + timedelta(days=10))
    assert brief(found) == [(0, 168, "ana"), (168, 336, "ben")]


# ---- Overrides -------------------------------------------------------------------------------------------------------


def hours(start: float, end: float) -> tuple[datetime, datetime]:
    return MONDAY + timedelta(hours=start), MONDAY + timedelta(hours=end)


def test_an_override_of_a_part_leaves_the_rest_on_both_sides() -> None:
    found = rotas(BASE, override("erin", *hours(5, 7))).shifts("on_call", MONDAY, MONDAY + timedelta(days=1))
    assert brief(found) == [(0, 5, "ana"), (5, 7, "erin"), (7, 24, "ana")]
    assert [one.overrides for one in found] == [(), ("ovr_1",), ()]


def test_an_override_by_whoever_is_on_call_anyway_is_not_merged_with_the_shift() -> None:
    found = rotas(BASE, override("ana", *hours(5, 7))).shifts("on_call", MONDAY, MONDAY + timedelta(days=1))
    assert brief(found) == [(0, 5, "ana"), (5, 7, "ana"), (7, 24, "ana")]


def test_an_override_fills_a_gap_for_its_own_time_and_the_gap_is_there_again() -> None:
    office = Rotation(people=("ana",), starts_on=date(2026, 1, 5), handoff=time(9), during=(OFFICE,))
    found = rotas(office, override("erin", *hours(16, 19)))
    assert brief(found.clipped("on_call", *hours(0, 24))) == [(9, 16, "ana"), (16, 19, "erin")]
    assert found.gaps("on_call", *hours(0, 24)) == [Gap(*hours(0, 9)), Gap(*hours(19, 24))]


def test_what_a_later_override_covers_is_there_again_when_it_ends_or_is_cancelled() -> None:
    first, second = override("erin", *hours(4, 12)), override("tomas", *hours(6, 8), number=2)
    both = rotas(BASE, first, second).shifts("on_call", *hours(0, 24))
    assert brief(both) == [(0, 4, "ana"), (4, 6, "erin"), (6, 8, "tomas"), (8, 12, "erin"), (12, 24, "ana")]
    cancelled = override("tomas", *hours(6, 8), number=2, cancelled_at=MADE + timedelta(days=1))
    assert rotas(BASE, first, cancelled).shifts("on_call", *hours(0, 24)) == rotas(BASE, first).shifts(
        "on_call", *hours(0, 24)
    )


def test_the_past_is_what_was_known_then() -> None:
    late = override("erin", *hours(4, 12), made_at=hours(6, 0)[0], cancelled_at=hours(10, 0)[0])
    found = rotas(BASE, late).shifts("on_call", *hours(0, 24))
    assert brief(found) == [(0, 6, "ana"), (6, 10, "erin"), (10, 24, "ana")]


def test_somebody_takes_the_place_of_one_of_two() -> None:
    pair = Rotation(people=("ana", "ben"), together=2, starts_on=date(2026, 1, 5), handoff=time(0), days=1)
    found = rotas(pair, override("erin", *hours(5, 30), instead_of="ben")).shifts("on_call", *hours(0, 48))
    assert [each[2] for each in brief(found)] == ["ana+ben", "ana+erin", "ana+erin", "ana+ben"]
    assert [each[:2] for each in brief(found)] == [(0, 5), (5, 24), (24, 30), (30, 48)]


def test_instead_of_somebody_who_is_not_on_changes_nothing() -> None:
    found = rotas(BASE, override("erin", *hours(12, 36), instead_of="ana"))
    assert brief(found.shifts("on_call", *hours(0, 48))) == [(0, 12, "ana"), (12, 24, "erin"), (24, 48, "ben")]


people = st.sampled_from(["ana", "ben", "erin", "tomas"])


@st.composite
def some_overrides(draw: st.DrawFn) -> tuple[Override, ...]:
    found = []
    for number in range(draw(st.integers(0, 6))):
        begin = draw(st.integers(-20, 300))
        end = begin + draw(st.integers(1, 100))
        cancelled = draw(st.none() | st.integers(-30, 320))
        found.append(
            override(
                draw(people),
                *hours(begin, end),
                number=number,
                made_at=MONDAY + timedelta(hours=draw(st.integers(-400, 100))),
                cancelled_at=None if cancelled is None else MONDAY + timedelta(hours=cancelled),
                instead_of=draw(st.none() | people),
            )
        )
    return tuple(found)


@st.composite
def some_rotations(draw: st.DrawFn) -> Rotation:
    def window() -> Window:
        times = st.sampled_from([time(0), time(2, 30), time(9), time(17), time(22)])
        days = draw(st.lists(st.sampled_from(list(Weekday)), max_size=5, unique=True))
        return Window(weekdays=tuple(days), begins=draw(times), ends=draw(times))

    def windows() -> tuple[Window, ...]:
        return tuple(window() for _ in range(draw(st.integers(0, 2))))

    def away() -> tuple[Holiday, ...]:
        days = draw(st.lists(st.dates(date(2026, 1, 4), date(2026, 1, 18)), max_size=2))
        return (Holiday(days=tuple(days)),) if days else ()

    layer = Layer(
        name="over",
        people=("lucia", "erin"),
        days=draw(st.integers(1, 9)),
        during=windows(),
        holidays=away(),
        from_on=draw(st.none() | st.just(date(2026, 1, 7))),
        until_on=draw(st.none() | st.just(date(2026, 1, 13))),
    )
    return Rotation(
        people=("ana", "ben", "tomas"),
        together=draw(st.integers(1, 2)),
        starts_on=date(2026, 1, 5),
        handoff=draw(st.sampled_from([time(0), time(9), time(2, 30)])),
        days=draw(st.integers(1, 9)),
        hours=draw(st.none() | st.integers(5, 40)),
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"])),
        during=windows(),
        holidays=away(),
        layers=(layer,) * draw(st.integers(0, 1)),
    )


@given(some_rotations(), some_overrides())
def test_shifts_are_whole_in_order_and_the_same_from_wherever_one_looks(
    rotation: Rotation, overrides: tuple[Override, ...]
) -> None:
    found = rotas(rotation, *overrides)
    shifts = found.shifts("on_call", *hours(0, 24 * 12))
    assert all(one.starts_at < one.ends_at for one in shifts)
    assert all(one.ends_at <= other.starts_at for one, other in pairwise(shifts))
    for one in shifts:
        middle = one.starts_at + (one.ends_at - one.starts_at) / 2
        for at in (one.starts_at, middle, one.ends_at - timedelta(microseconds=1)):
            assert found.shift_at("on_call", at) == one
            assert found.holders("on_call", at) == tuple(dict.fromkeys(one.people))
    for gap in found.gaps("on_call", *hours(0, 24 * 12)):
        assert found.holders("on_call", gap.starts_at) == ()


@given(some_rotations(), some_overrides())
def test_who_holds_a_rota_is_what_the_overrides_in_force_make_of_the_plan(
    rotation: Rotation, overrides: tuple[Override, ...]
) -> None:
    """The same answer as reading the arrangements one after the other, instant by instant."""
    plain, found = rotas(rotation), rotas(rotation, *overrides)
    for step in range(-10, 24 * 13, 7):
        at = MONDAY + timedelta(hours=step, minutes=1)
        held = list(plain.holders("on_call", at))
        for one in sorted(overrides, key=lambda each: (each.made_at, each.id)):
            in_force = one.made_at <= at and (one.cancelled_at is None or at < one.cancelled_at)
            if in_force and one.starts_at <= at < one.ends_at:
                held = (
                    [one.person if each == one.instead_of else each for each in held]
                    if one.instead_of
                    else [one.person]
                )
        assert found.holders("on_call", at) == tuple(dict.fromkeys(held))
