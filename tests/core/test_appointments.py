"""Shifts as appointments of a calendar: each keeps its name whatever happens beside it, and what is gone says so."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

import icalendar
import pytest
import recurring_ical_events
import vobject
from hypothesis import given
from hypothesis import strategies as st

from tocsin.oncall import ical
from tocsin.oncall.appointments import AHEAD, BACK, Appointment, appointments, of_person
from tocsin.oncall.model import Override
from tocsin.oncall.schedule import Rotas
from tocsin.plan.model import Person, Plan
from tocsin.plan.rotas import Layer, Rotation, Weekday, Window

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEKLY = Rotation(name="Kiln", people=("ida", "jo"), starts_on=date(2026, 1, 5), handoff=time(9), zone="Europe/Berlin")
TURN = datetime(2026, 6, 8, 7, tzinfo=UTC)  # the first handoff after NOW, at nine in Berlin


def override(number: int, start: datetime, end: datetime, person: str = "kim", **more: Any) -> Override:
    made_at = more.pop("made_at", NOW - HOUR + timedelta(minutes=number))
    return Override(
        id=f"ovr_{number}",
        rotation=more.pop("rotation", "kiln"),
        person=person,
        starts_at=start,
        ends_at=end,
        reason="a secret reason",
        made_by="ida",
        made_at=made_at,
        **more,
    )


def laid_out(*overrides: Override, rotation: Rotation = WEEKLY, now: datetime = NOW) -> list[Appointment]:
    return appointments(Rotas({"kiln": rotation}, overrides), "kiln", now - BACK, now + AHEAD)


def by_key(found: list[Appointment]) -> dict[str, Appointment]:
    assert max(Counter(one.key for one in found).values()) == 1
    return {one.key: one for one in found}


# ---- What each is called ---------------------------------------------------------------------------------------------


def test_untouched_appointments_are_the_shifts() -> None:
    found, shifts = laid_out(), Rotas({"kiln": WEEKLY}).shifts("kiln", NOW - BACK, NOW + AHEAD)
    assert [(one.starts_at, one.ends_at, (one.person,)) for one in found] == [
        (one.starts_at, one.ends_at, one.people) for one in shifts
    ]
    assert not any(one.is_cancelled or one.changes or one.changed_at for one in found)


def test_the_neighbour_of_what_is_overridden_keeps_its_name_and_times() -> None:
    before = by_key(laid_out())
    after = by_key(laid_out(override(1, TURN, TURN + 7 * DAY)))
    taken = next(key for key, one in before.items() if one.starts_at == TURN)
    assert {key: one for key, one in after.items() if key in before and key != taken} == {
        key: one for key, one in before.items() if key != taken
    }
    assert after[taken].is_cancelled and after[taken].changes == 1
    (new,) = [one for key, one in after.items() if key not in before]
    assert (new.person, new.starts_at, new.ends_at, new.override) == ("kim", TURN, TURN + 7 * DAY, "ovr_1")


def test_a_shift_that_is_cut_keeps_its_name_with_its_first_part_and_counts_the_change() -> None:
    before = by_key(laid_out())
    key = next(key for key, one in before.items() if one.starts_at == TURN)
    after = by_key(laid_out(override(1, TURN + DAY, TURN + 2 * DAY)))
    assert (after[key].starts_at, after[key].ends_at, after[key].changes) == (TURN, TURN + DAY, 1)
    rest = next(one for one in after.values() if one.starts_at == TURN + 2 * DAY)
    assert rest.person == before[key].person and rest.key.startswith(key) and rest.ends_at == before[key].ends_at


def test_a_shift_that_begins_later_is_still_the_same_one() -> None:
    key = next(one.key for one in laid_out() if one.starts_at == TURN)
    after = by_key(laid_out(override(1, TURN - DAY, TURN + DAY)))
    assert (after[key].starts_at, after[key].is_cancelled) == (TURN + DAY, False)


def test_changes_only_ever_count_up_and_a_cancelled_override_gives_the_shift_back() -> None:
    key = next(one.key for one in laid_out() if one.starts_at == TURN)
    made = override(1, TURN, TURN + 7 * DAY)
    off = override(1, TURN, TURN + 7 * DAY, cancelled_at=NOW, cancelled_by="ida")
    first, then, back = laid_out(), laid_out(made), laid_out(off)
    seen = [by_key(found)[key] for found in (first, then, back)]
    assert [(one.changes, one.is_cancelled) for one in seen] == [(0, False), (1, True), (2, False)]
    assert seen[2].changed_at == NOW
    its = next(key for key in by_key(then) if "ovr_1" in key)
    assert by_key(back)[its].is_cancelled and by_key(back)[its].changes > by_key(then)[its].changes


def test_what_is_beside_somebody_does_not_touch_them() -> None:
    pair = Rotation(people=("ida", "jo", "kim", "lea"), together=2, starts_on=date(2026, 1, 5), handoff=time(9))
    first = next(one for one in laid_out(rotation=pair) if one.starts_at > NOW and one.person == "ida")
    cut = override(1, first.starts_at + DAY, first.starts_at + 2 * DAY, person="max", instead_of="jo")
    after = by_key(laid_out(cut, rotation=pair))
    assert after[first.key] == first
    assert [one.instead_of for one in after.values() if one.person == "max"] == ["jo"]


def test_the_name_does_not_depend_on_the_day_on_which_one_fetches() -> None:
    """An override before the span began must still be known: the rest of the shift is the rest, not the whole."""
    cut = override(1, TURN + DAY, TURN + 2 * DAY)
    early = by_key(laid_out(cut))
    late = by_key(laid_out(cut, now=TURN + 3 * DAY + BACK))
    for key, one in late.items():
        if key in early:
            assert (one.starts_at, one.ends_at) == (early[key].starts_at, early[key].ends_at)
    assert any(one.starts_at == TURN + 2 * DAY for one in late.values())


def test_what_was_taken_away_long_ago_is_no_news_any_more() -> None:
    taken = override(1, TURN, TURN + 7 * DAY)
    assert any(one.is_cancelled for one in laid_out(taken))
    later = laid_out(override(1, TURN + 60 * DAY, TURN + 80 * DAY), now=NOW + 31 * DAY)
    assert not any(one.is_cancelled for one in later)


def test_a_persons_appointments_are_theirs_in_every_rotation() -> None:
    second = Rotation(people=("kim", "ida"), starts_on=date(2026, 1, 5), handoff=time(9))
    rotas = Rotas({"kiln": WEEKLY, "second": second})
    found = of_person(rotas, rotas.rotations, "ida", NOW, NOW + 14 * DAY)
    assert {one.rotation for one in found} == {"kiln", "second"} and {one.person for one in found} == {"ida"}
    assert found == sorted(found, key=lambda one: one.starts_at)


SPANS = st.tuples(st.integers(-500, 4000), st.integers(1, 600))
ARRANGED = st.lists(
    st.tuples(SPANS, st.sampled_from(["ida", "jo", "kim"]), st.sampled_from([None, None, "ida", "jo"]), st.booleans()),
    max_size=8,
)
LAYERED = Rotation(
    people=("ida", "jo"),
    starts_on=date(2026, 1, 5),
    handoff=time(9),
    zone="America/New_York",
    layers=(
        Layer(name="nights", people=("kim", "jo"), during=(Window(begins=time(18), ends=time(8)),), days=1),
        Layer(name="fridays", people=("lea",), during=(Window(weekdays=(Weekday.FRI,), begins=time(6), ends=time(7)),)),
    ),
)


@given(ARRANGED)
def test_whatever_is_arranged_the_standing_ones_are_who_is_on_call(arranged: list[Any]) -> None:
    """At every hour; and no two have one name."""
    overrides = [
        override(
            number,
            NOW + start * HOUR,
            NOW + (start + length) * HOUR,
            person=person,
            instead_of=instead,
            made_at=NOW - BACK + number * HOUR,
            cancelled_at=NOW + start * HOUR / 2 if off and start > 0 else None,
        )
        for number, ((start, length), person, instead, off) in enumerate(arranged)
        if person != instead
    ]
    rotas = Rotas({"kiln": LAYERED}, tuple(overrides))
    begin, end = NOW - 10 * DAY, NOW + 30 * DAY
    found = appointments(rotas, "kiln", begin, end)
    by_key(found)
    standing = [one for one in found if not one.is_cancelled]
    at = begin
    while at < end:
        there = sorted({one.person for one in standing if one.starts_at <= at < one.ends_at})
        assert there == sorted(rotas.holders("kiln", at)), at
        at += 5 * HOUR
    for one in found:
        if one.is_cancelled:
            assert not any(other.key == one.key for other in standing)


# ---- As other calendars read it --------------------------------------------------------------------------------------

PEOPLE = {
    "ida": Person(name="Ida Lund", title="Engineer"),
    "jo": Person(name="Jo; Okoro, \\ the Müller-" + "é" * 40, title="Engineer"),
    "kim": Person(name="Kim Sato", title="Engineer"),
}


class Small:
    """As much of a plan as a calendar asks for."""

    def __init__(self, rotation: Rotation) -> None:
        self.people, self.rotations = PEOPLE, {"kiln": rotation}


def written(found: list[Appointment], rotation: Rotation = WEEKLY) -> bytes:
    plan = cast(Plan, Small(rotation))
    return ical.calendar(plan, ical.Heading("Kiln", rotation.zone, "https://tocsin.example.org"), found, NOW - 9 * DAY)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a;b,c\\d\r\nBEGIN:VEVENT", "a;b,c\\d BEGIN:VEVENT"),
        ("a\0\x1b\x0b\u202eb\u2066", "a\ufffd\ufffd\ufffd\ufffdb"),
        ("\U0001f469\u200d\U0001f4bb" * 40, "\U0001f469\u200d\U0001f4bb" * 40),
        ("\u05e9\u05dc\u05d5\u05dd " * 40, ("\u05e9\u05dc\u05d5\u05dd " * 40).strip()),
    ],
)
def test_whatever_a_rotation_is_called_its_calendar_can_be_read(name: str, read: str) -> None:
    rotation = replace(WEEKLY, name=name)
    heading = ical.Heading(name, rotation.zone, "https://tocsin.example.org")
    text = ical.calendar(cast(Plan, Small(rotation)), heading, laid_out(), NOW)
    lines = text.split(b"\r\n")
    assert max(map(len, lines)) <= 75 and min(b"".join(lines)) >= 0x20
    assert all(line.decode() or line == lines[-1] for line in lines)  # no letter is cut in two
    calendar = icalendar.Calendar.from_ical(text)
    for said in (calendar["name"], calendar["x-wr-calname"]):  # texts, which this reader does not take for any
        assert re.sub(r"\\(.)", r"\1", str(said)) == read
    assert all(read in " ".join(str(one["summary"]).split()) for one in calendar.walk("VEVENT"))


def test_three_readers_of_others_understand_the_calendar() -> None:
    found = laid_out(override(1, TURN + DAY, TURN + 2 * DAY), override(2, TURN + 7 * DAY, TURN + 14 * DAY))
    text = written(found)
    assert text.endswith(b"END:VCALENDAR\r\n") and b"\n" not in text.replace(b"\r\n", b"")
    assert max(len(line) for line in text.split(b"\r\n")) <= 75
    assert b"secret reason" not in text
    read = icalendar.Calendar.from_ical(text)
    assert not read.errors and read["x-wr-timezone"] == "Europe/Berlin" and read["refresh-interval"] is not None
    events = list(read.walk("VEVENT"))
    assert not any(one.errors for one in events)
    assert [(one.start, one.end) for one in events] == [(one.starts_at, one.ends_at) for one in found]
    assert {str(one["summary"]) for one in events if one["summary"].startswith("On call: Jo")} == {
        f"On call: {PEOPLE['jo'].name} (Kiln)"
    }
    other = vobject.readOne(text.decode())
    assert [(one.dtstart.value, one.dtend.value, one.status.value) for one in other.vevent_list] == [
        (one.starts_at, one.ends_at, "CANCELLED" if one.is_cancelled else "CONFIRMED") for one in found
    ]
    assert [one.summary.value for one in other.vevent_list] == [str(one["summary"]) for one in events]
    assert len({one.uid.value for one in other.vevent_list}) == len(found)
    assert {int(one.sequence.value) for one in other.vevent_list} == {one.changes for one in found}


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ],
)
def test_around_a_change_of_the_clocks_other_readers_find_who_is_on_call(zone: str, change: datetime) -> None:
    """Minute by minute where it matters, with a handoff in the middle of the night on which the clocks change."""
    rotation = replace(WEEKLY, handoff=time(2, 30), zone=zone, days=1)
    rotas = Rotas({"kiln": rotation})
    text = written(appointments(rotas, "kiln", change - BACK, change + 30 * DAY), rotation)
    # Told the zone, this reader would take a day of 25 hours for one of 24; the instants themselves it reads well.
    text = text.replace(b"X-WR-TIMEZONE:", b"X-ZONE-OF-THE-ROTA:")
    query = recurring_ical_events.of(icalendar.Calendar.from_ical(text))
    for minutes in range(-36 * 60, 36 * 60, 15):
        at = change + timedelta(minutes=minutes)
        (there,) = query.between(at, at + timedelta(seconds=1))
        (holder,) = rotas.holders("kiln", at)
        assert str(there["summary"]) == f"On call: {PEOPLE[holder].name} (Kiln)", at


def test_what_is_cancelled_is_gone_for_a_reader_that_looks_for_what_stands() -> None:
    text = written(laid_out(override(1, TURN, TURN + 7 * DAY)))
    gone = [one for one in icalendar.Calendar.from_ical(text).walk("VEVENT") if one["status"] == "CANCELLED"]
    assert len(gone) == 1 and gone[0].start == TURN and gone[0]["sequence"] == 1
    assert gone[0]["last-modified"].dt == NOW - HOUR + timedelta(minutes=1)
