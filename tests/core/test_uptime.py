"""How much of ninety days a component was up: by day, by how bad it was, and by what was the worst at once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import PLAN, declared, incident, later, public, timeline
from tocsin.comms.statuspage import PublicIncident, component_id, public_incident
from tocsin.comms.uptime import DAYS, Day, uptime
from tocsin.incidents.model import AnyEntry, Reopened, SeverityChanged
from tocsin.plan.model import Stage

MEMORY = component_id("rose", "memory")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=400)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def trouble(impact: str, begin: datetime, end: datetime | None, name: str = "one") -> PublicIncident:
    course = ((begin, impact), *([(end, "none")] if end else []))
    return PublicIncident(
        id=name,
        name=name,
        impact=impact,
        stage=Stage.RESOLVED if end else Stage.INVESTIGATING,
        components=(MEMORY,),
        updates=(),
        started_at=begin,
        created_at=begin,
        updated_at=end or begin,
        course=course,
    )


def days(*incidents: PublicIncident, now: datetime = NOON) -> dict[int, Day]:
    """The days that were not well, by how many before today."""
    found = uptime(MEMORY, incidents, LONG_AGO, now).days
    assert len(found) == DAYS
    return {DAYS - 1 - place: day for place, day in enumerate(found) if day.impact != "none"}


def percent(*incidents: PublicIncident, now: datetime = NOON) -> Decimal | None:
    return uptime(MEMORY, incidents, LONG_AGO, now).percent


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_nothing_ever_happened() -> None:
    assert days() == {}
    assert percent() == Decimal("100.00")


def test_a_major_outage_loses_all_of_its_time_and_a_partial_one_three_tenths() -> None:
    measured = timedelta(days=89) + hours(12)
    for impact, share in (("critical", 1.0), ("major", 0.3), ("minor", 0.0)):
        found = percent(trouble(impact, MIDNIGHT - hours(20), MIDNIGHT - hours(10)))
        assert found is not None
        assert float(found) == pytest.approx(100 * (1 - share * hours(10) / measured), abs=0.01)


def test_a_day_ends_at_midnight_in_utc_and_belongs_to_the_next() -> None:
    found = days(trouble("critical", MIDNIGHT - hours(2), MIDNIGHT + hours(1)))
    assert {back: day.troubled for back, day in found.items()} == {1: hours(2), 0: hours(1)}
    assert list(days(trouble("critical", MIDNIGHT - hours(2), MIDNIGHT))) == [1]
    assert list(days(trouble("critical", MIDNIGHT, MIDNIGHT + hours(1)))) == [0]


def test_at_midnight_the_new_day_has_not_begun() -> None:
    assert uptime(MEMORY, [], LONG_AGO, MIDNIGHT).days[-1].on == MIDNIGHT.date() - timedelta(days=1)


def test_where_incidents_overlap_the_worst_counts_once() -> None:
    mild = trouble("major", MIDNIGHT, MIDNIGHT + hours(4), "mild")
    grave = trouble("critical", MIDNIGHT + hours(1), MIDNIGHT + hours(2), "grave")
    (day,) = days(mild, grave).values()
    assert (day.impact, day.troubled) == ("critical", hours(4))
    assert day.lost == hours(1) + 0.3 * hours(3)


def test_what_is_not_over_goes_on_until_now() -> None:
    (day,) = days(trouble("critical", NOON - hours(3), None)).values()
    assert day.troubled == hours(3)


def test_a_degraded_day_is_seen_and_loses_nothing() -> None:
    slow = trouble("minor", MIDNIGHT, MIDNIGHT + hours(4))
    (day,) = days(slow).values()
    assert (day.impact, day.lost) == ("minor", timedelta(0))
    assert percent(slow) == Decimal("100.00")


def test_another_component_is_not_touched() -> None:
    grave = trouble("critical", MIDNIGHT, None)
    assert uptime("other", [grave], LONG_AGO, NOON).percent == Decimal("100.00")


def test_days_before_the_page_began_are_not_measured() -> None:
    began = MIDNIGHT - timedelta(days=2) + hours(6)
    found = uptime(MEMORY, [trouble("critical", MIDNIGHT, MIDNIGHT + hours(1))], began, NOON)
    assert [day.impact for day in found.days][-4:] == [None, "none", "none", "critical"]
    measured = NOON - began
    assert found.percent == Decimal(100 * (1 - hours(1) / measured)).quantize(Decimal("0.01"), "ROUND_DOWN")
    assert uptime(MEMORY, [], NOON, NOON).percent is None


def test_a_second_of_trouble_is_not_rounded_away() -> None:
    assert percent(trouble("critical", MIDNIGHT, MIDNIGHT + timedelta(seconds=1))) == Decimal("99.99")


@given(
    st.lists(st.tuples(st.integers(-3000, 719), st.integers(0, 900), st.sampled_from(["critical", "major", "minor"])))
)
def test_the_percentage_lies_between_nothing_and_all(spans: list[tuple[int, int, str]]) -> None:
    minute = timedelta(minutes=1)
    incidents = [
        trouble(impact, MIDNIGHT + begin * minute, MIDNIGHT + (begin + length) * minute, str(number))
        for number, (begin, length, impact) in enumerate(spans)
    ]
    found = uptime(MEMORY, incidents, LONG_AGO, NOON)
    assert found.percent is not None and 0 <= found.percent <= 100
    assert all(timedelta(0) <= day.lost <= day.troubled <= timedelta(days=1) for day in found.days)


# ---- From the record ----


def course(*entries: AnyEntry) -> list[tuple[float, str]]:
    """How bad it was, from which minute after the declaration on."""
    record = (declared(), *entries)
    found = public_incident(PLAN, incident(*record), timeline(*record))
    assert found is not None
    return [((at - later(0)) / timedelta(minutes=1), impact) for at, impact in found.course]


def test_trouble_counts_from_its_beginning_and_not_from_when_it_was_told() -> None:
    start = (declared().started_at - later(0)) / timedelta(minutes=1)
    told = public(Stage.INVESTIGATING, "We look.", 10)
    assert course(told) == [(start, "major")]
    assert course(told, public(Stage.RESOLVED, "Over.", 60)) == [(start, "major"), (60, "none")]


def test_a_change_of_severity_counts_from_the_change() -> None:
    worse = SeverityChanged(at=later(30), by="ana", severity="P0", before="P1", raised=True, because="all")
    found = course(public(Stage.INVESTIGATING, "We look.", 10), worse, public(Stage.RESOLVED, "Over.", 60))
    assert found[1:] == [(30, "critical"), (60, "none")]


def test_what_is_reopened_counts_again_from_then() -> None:
    again = Reopened(at=later(90), by="ana", because="back")
    found = course(public(Stage.INVESTIGATING, "We look.", 10), public(Stage.RESOLVED, "Over.", 60), again)
    assert found[1:] == [(60, "none"), (90, "major")]
