"""Shifts out of calendars and tables of others: what is understood, and each line that is not."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.errors import Invalid
from tocsin.oncall import importing
from tocsin.oncall.importing import NotUnderstood, Wanted
from tocsin.oncall.schedule import Rotas
from tocsin.plan.rotas import Rotation

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = {"ida": "Ida Lund", "jo": "Jo Okoro", "kim": "Kim Sato"}
ROTATION = Rotation(people=("ida", "jo"), starts_on=date(2026, 1, 5), handoff=time(9), zone="Europe/Berlin")


def read(text: str) -> list[Wanted]:
    return importing.read(text, NAMES, "Europe/Berlin", NOW)


def wrong(text: str) -> list[tuple[int, str]]:
    with pytest.raises(NotUnderstood) as caught:
        read(text)
    return [(one.line, one.message) for one in caught.value.mistakes]


def event(*lines: str) -> str:
    return "\r\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT"))


def calendar(*events: str) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//EN", *events, "END:VCALENDAR", ""))


# ---- Tables ----------------------------------------------------------------------------------------------------------


def test_a_table_is_read_in_the_zone_of_the_rota_unless_it_says_another() -> None:
    found = read(
        "\ufeffperson,start,end\n"
        "ida,2026-07-01T09:00,2026-07-02T09:00\n\n"
        '"Jo Okoro",2026-07-02T09:00+00:00,2026-07-03\n'
        "KIM SATO, 2026-12-01 09:00, 2026-12-02 09:00:30\n"
    )
    assert found == [
        Wanted(2, "ida", datetime(2026, 7, 1, 7, tzinfo=UTC), datetime(2026, 7, 2, 7, tzinfo=UTC)),
        Wanted(4, "jo", datetime(2026, 7, 2, 9, tzinfo=UTC), datetime(2026, 7, 2, 22, tzinfo=UTC)),
        Wanted(5, "kim", datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 2, 8, 0, 30, tzinfo=UTC)),
    ]


def test_a_time_that_the_clock_skips_or_shows_twice_is_where_handoffs_would_be() -> None:
    (skipped,) = read("start,end,person\n2027-03-28T02:30,2027-03-28T05:00,ida\n")
    assert skipped.starts_at == datetime(2027, 3, 28, 1, tzinfo=UTC)
    ((line, said),) = wrong("start,end,person\n2027-03-28T02:10,2027-03-28T02:40,ida\n")
    assert line == 2
    assert said.startswith(
        "nothing is left of it: the clock in Europe/Berlin skips 2027-03-28 02:10 and 2027-03-28 02:40"
    )
    assert said.endswith(", and it begins and ends at 2027-03-28 01:00:00 UTC")
    (fault,) = wrong(
        calendar(
            event(
                "UID:1", "SUMMARY:ida", "DTSTART:20270328T021000", "DTEND:20270328T030000", "DTSTAMP:20260101T000000Z"
            )
        )
    )
    assert "the clock in Europe/Berlin skips 2027-03-28 02:10, and it begins and ends at" in fault[1]
    (twice,) = read("start,end,person\n2026-10-25T02:30,2026-10-25T05:00,ida\n")
    assert twice.starts_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_every_line_that_is_wrong_is_named() -> None:
    assert wrong(
        "start,end,person\n"
        "2026-07-01T09:00,2026-07-02T09:00,ida\n"
        "tomorrow,2026-07-03T09:00,ida\n"
        "2026-07-03T09:00,2026-07-04T09:00,max\n"
        "2026-07-04T09:00,2026-07-04T08:00,jo\n"
        "2026-07-05T09:00,2026-07-06T09:00\n"
        "2026-07-01T20:00,2026-07-02T20:00,kim\n"
        "2026-07-07T09:00,2028-07-06T09:00,jo\n"
        "2026-07-08T09:00,2026-07-08T10:00,\n"
        "9999-12-31T23:59-12:00,9999-12-31T23:59-13:00,ida\n"
    ) == [
        (3, "'tomorrow' is no time; write it like 2026-12-01T09:00"),
        (4, "'max' names nobody of the plan; there is ida, jo and kim"),
        (5, "it ends at 2026-07-04 06:00:00 UTC, not later than it begins"),
        (6, "it has 2 columns instead of 3"),
        (7, "it overlaps line 2; only one person can be on call by an import"),
        (8, "it lasts longer than a year; that belongs into the plan"),
        (9, "it names nobody"),
        (10, "the year 9999 is out of reach"),
    ]
    assert wrong("from,to,who\n1,2,3\n") == [(1, "the first line must name the columns start,end,person")]
    assert wrong('start,end,person\n"2026"x,1,ida\n')[0][0] == 2


def test_what_holds_no_shift_is_no_import() -> None:
    for empty in ("start,end,person\n", calendar()):
        with pytest.raises(Invalid, match="no shift"):
            read(empty)
    rows = "".join(
        f"{NOW + timedelta(hours=one):%Y-%m-%dT%H:%MZ},{NOW + timedelta(hours=one + 1):%Y-%m-%dT%H:%MZ},ida\n"
        for one in range(importing.MOST_SHIFTS + 1)
    )
    with pytest.raises(Invalid, match="At most 1000"):
        read(f"start,end,person\n{rows}")


# ---- Calendars -------------------------------------------------------------------------------------------------------


def test_whom_a_calendar_means() -> None:
    day = ("DTSTART:20260701T070000Z", "DTEND:20260701T080000Z")
    for said, meant in {
        "Ida Lund": "ida",
        "On call: Jo Okoro (Kiln)": "jo",
        "KIM": "kim",
        "First line - kim": "kim",
        "jo okoro, not the joy of it": "jo",
    }.items():
        assert [one.person for one in read(calendar(event("UID:1", f"SUMMARY:{said}", *day)))] == [meant]
    assert wrong(calendar(event("UID:1", "SUMMARY:Ida Lund and Jo Okoro", *day))) == [
        (4, "'Ida Lund and Jo Okoro' may mean ida or jo")
    ]
    assert wrong(calendar(event("UID:1", *day))) == [(4, "it names nobody")]


def test_what_repeats_is_followed_with_what_was_changed_of_it() -> None:
    text = calendar(
        event("UID:9", "SUMMARY:kim", "DTSTART:20260101T070000Z", "DTEND:20260101T080000Z"),
        event(
            "UID:1",
            "SUMMARY:ida",
            "DTSTART;TZID=Europe/Berlin:20260604T090000",
            "DTEND;TZID=Europe/Berlin:20260605T090000",
            "RRULE:FREQ=WEEKLY;COUNT=4",
            "EXDATE;TZID=Europe/Berlin:20260618T090000",
        ),
        event(
            "UID:1",
            "SUMMARY:jo",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260611T090000",
            "DTSTART;TZID=Europe/Berlin:20260611T120000",
            "DTEND;TZID=Europe/Berlin:20260612T090000",
        ),
        event("UID:2", "STATUS:CANCELLED", "SUMMARY:ida", "DTSTART:20260604T080000Z", "DTEND:20260604T090000Z"),
        event("UID:3", "SUMMARY:kim", "DTSTART;VALUE=DATE:20260701", "DTEND;VALUE=DATE:20260703"),
        event("UID:4", "SUMMARY:jo", "DTSTART:20260801T090000", "DURATION:PT8H"),
    )
    assert [(one.person, one.starts_at, one.ends_at) for one in read(text)] == [
        ("kim", datetime(2026, 1, 1, 7, tzinfo=UTC), datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("ida", datetime(2026, 6, 4, 7, tzinfo=UTC), datetime(2026, 6, 5, 7, tzinfo=UTC)),
        ("jo", datetime(2026, 6, 11, 10, tzinfo=UTC), datetime(2026, 6, 12, 7, tzinfo=UTC)),
        ("ida", datetime(2026, 6, 25, 7, tzinfo=UTC), datetime(2026, 6, 26, 7, tzinfo=UTC)),
        ("kim", datetime(2026, 6, 30, 22, tzinfo=UTC), datetime(2026, 7, 2, 22, tzinfo=UTC)),
        ("jo", datetime(2026, 8, 1, 7, tzinfo=UTC), datetime(2026, 8, 1, 15, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("FREQ=SECONDLY", "it repeats secondly; a shift repeats daily, weekly, monthly or yearly"),
        ("FREQ=DAILY;BYSECOND=0,1,2", "it repeats by BYSECOND, which is not understood here"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "it repeats by BYMONTHDAY, which is not understood here"),
        ("FREQ=DAILY;INTERVAL=0", "it repeats after less than one step"),
    ],
)
def test_what_would_repeat_without_end_is_refused(rule: str, why: str) -> None:
    day = ("SUMMARY:ida", "DTSTART:20260604T070000Z", "DTEND:20260604T080000Z")
    sound = event("UID:1", *day)
    assert wrong(calendar(sound, event("UID:2", *day, f"RRULE:{rule}"))) == [(10, why)]


def test_an_appointment_that_is_broken_is_named_and_the_others_too() -> None:
    found = wrong(
        calendar(
            event("UID:1", "SUMMARY:ida", "DTSTART:garbage", "DTEND:20260604T080000Z"),
            event("UID:2", "SUMMARY:ida", "DTEND:20260604T080000Z"),
            event("UID:3", "SUMMARY:nobody", "DTSTART:20260604T080000Z", "DTEND:20260604T090000Z"),
        )
    )
    assert [line for line, _ in found] == [4, 10, 15]
    assert wrong("BEGIN:VCALENDAR\nBEGIN:VEVENT\nnot a line\n")[0][0] >= 1


PIECES = st.lists(
    st.sampled_from(
        [
            "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "UID:1", "SUMMARY:ida",
            "DTSTART:20260604T080000Z", "DTSTART;TZID=Nowhere/There:20260604T080000", "DTEND:20260604T090000Z",
            "DTEND;VALUE=DATE:20260605", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=", "RRULE:COUNT=x", "DURATION:P1D",
            "DURATION:-P1D",
            "RECURRENCE-ID:20260604T080000Z", "EXDATE:20260604", "RDATE:20260611T080000Z", "BEGIN:VTIMEZONE",
            "TZID:Nowhere/There", "END:VTIMEZONE", "X", ":", "DTSTART:", "STATUS:CANCELLED", " folded",
        ]
    ),
    max_size=14,
)  # fmt: skip


@given(PIECES)
def test_whatever_a_calendar_holds_it_is_understood_or_refused(pieces: list[str]) -> None:
    text = "\r\n".join(["BEGIN:VCALENDAR", *pieces, ""])
    with contextlib.suppress(Invalid):
        assert all(one.starts_at < one.ends_at and one.person == "ida" for one in read(text))


# ---- What is not so already ------------------------------------------------------------------------------------------


def test_what_is_so_already_and_what_is_over_is_left_as_it_is() -> None:
    rotas = Rotas({"kiln": ROTATION})
    (turn,) = [one for one in rotas.shifts("kiln", NOW, NOW + timedelta(days=14)) if one.starts_at > NOW][:1]
    (holder,) = turn.people
    other = next(one for one in NAMES if one != holder)
    wanted = [
        Wanted(2, other, NOW - timedelta(hours=2), NOW - timedelta(hours=1)),
        Wanted(3, holder, turn.starts_at, turn.ends_at),
        Wanted(4, other, turn.starts_at, turn.ends_at + timedelta(hours=1)),
    ]
    found = importing.changes(rotas, "kiln", wanted, NOW)
    assert (found.as_it_is, found.over) == (1, 1)
    assert [(one.line, one.person, holder in one.instead_of) for one in found.changes] == [(4, other, True)]


def test_a_rotation_of_several_at_once_takes_no_import() -> None:
    pair = Rotation(people=("ida", "jo"), together=2, starts_on=date(2026, 1, 5), handoff=time(9))
    wanted = [Wanted(2, "kim", NOW, NOW + timedelta(days=1))]
    with pytest.raises(Invalid, match="Several people"):
        importing.changes(Rotas({"kiln": pair}), "kiln", wanted, NOW)
