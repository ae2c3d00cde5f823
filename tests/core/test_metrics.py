"""The numbers: how long it took, how often, and whether the plan was kept."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NIGHT, PLAN, declared, incident, later, obligation, timelines
from tocsin.incidents import folding
from tocsin.incidents.model import Acknowledged, AnyEntry, Incident, Numbered, Recovered, Reopened, Resolved
from tocsin.insights.metrics import Report, Summary, as_json, durations, report, summary
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.web import charts

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def handled(name: str, *, at: datetime = NIGHT, ack: float = 2, fixed: float | None = 60, **changes: Any) -> Incident:
    """An incident acknowledged and, unless `fixed` is None, resolved so many minutes after it was declared."""
    start = at - minutes(1)
    entries: list[AnyEntry] = [declared(at=at, detected_at=at, started_at=start, title=name, **changes)]
    entries.append(Acknowledged(at=at + minutes(ack), by="ana"))
    if fixed is not None:
        entries.append(Resolved(at=at + minutes(fixed), by="ana", how="Done"))
        entries.append(Recovered(at=at + minutes(fixed + 30), by="tocsin", watched_minutes=30))
    return incident(*entries, incident_id=f"inc_{name}")


def reported(incidents: Sequence[Incident], obligations: Sequence[Obligation] = ()) -> Report:
    return report(PLAN, incidents, obligations, START, END)


# ---- Summaries ----


def test_a_summary_of_nothing_knows_nothing() -> None:
    assert summary([]) == Summary(n=0, mean=None, median=None, p90=None, few=True)


def test_a_summary_is_not_moved_by_the_order() -> None:
    found = summary(minutes(count) for count in (100, 1, 2, 3))
    assert found == Summary(n=4, mean=minutes(26.5), median=minutes(2.5), p90=minutes(100), few=True)


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (9, 9), (10, 9), (11, 10), (20, 18), (100, 90)])
def test_nine_in_ten_do_not_exceed_the_ninth_decile(n: int, rank: int) -> None:
    assert summary(minutes(count) for count in range(1, n + 1)).p90 == minutes(rank)


@pytest.mark.parametrize(("n", "few"), [(19, True), (20, False)])
def test_fewer_than_twenty_are_few(n: int, few: bool) -> None:
    assert summary([minutes(1)] * n).few is few


@given(st.lists(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=900)), min_size=1))
def test_a_summary_lies_within_its_values(values: list[timedelta]) -> None:
    found = summary(values)
    assert found.mean is not None
    assert found.median is not None
    assert found.p90 is not None
    assert min(values) <= found.mean <= max(values)
    assert min(values) <= found.median <= found.p90 <= max(values)
    assert sum(one <= found.p90 for one in values) * 10 >= len(values) * 9


# ---- Durations ----


@given(timelines())
def test_no_duration_is_ever_negative(record: tuple[Numbered, ...]) -> None:
    one = folding.fold("inc_ANY", record)
    took = durations(one)
    lengths = (took.detect, took.acknowledge, took.mitigate, took.resolve, took.recover, took.user_impact, took.total)
    assert all(length is None or length >= timedelta(0) for length in lengths)
    assert (took.resolve is not None) is one.is_resolved
    if took.resolve is not None and took.recover is not None:
        assert took.resolve <= took.recover


def test_after_a_reopening_the_last_resolution_counts() -> None:
    entries = (
        declared(),
        Acknowledged(at=later(2), by="ana"),
        Resolved(at=later(10), by="ana", how="Restart"),
        Reopened(at=later(20), by="ana", because="back"),
    )
    assert durations(incident(*entries)).resolve is None
    again = incident(*entries, Acknowledged(at=later(21), by="ben"), Resolved(at=later(90), by="ben", how="Replica"))
    assert durations(again).resolve == minutes(90)
    assert durations(again).acknowledge == minutes(2)  # the first answer is the one the plan asks about


# ---- The report ----


def test_the_four_times_overall_and_by_severity() -> None:
    found = reported([handled("a", fixed=60), handled("b", fixed=120, severity="P0"), handled("c", fixed=180)])
    assert found.overall.incidents == 3
    assert found.overall.detect.median == minutes(1)
    assert found.overall.acknowledge.median == minutes(2)
    assert found.overall.resolve.mean == minutes(120)
    assert found.overall.recover.p90 == minutes(210)
    assert list(found.by_severity) == ["P0", "P1", "P2", "P3"]
    assert found.by_severity["P1"].resolve.n == 2
    assert found.by_severity["P0"].resolve.median == minutes(120)
    assert found.by_severity["P3"].resolve == summary([])


def test_an_open_incident_counts_and_has_no_time_it_has_not_reached() -> None:
    found = reported([handled("a"), handled("b", fixed=None)])
    assert (found.counts.total, found.counts.open) == (2, 1)
    assert (found.overall.incidents, found.overall.resolve.n, found.overall.recover.n) == (2, 1, 1)
    assert found.overall.acknowledge.n == 2
    assert [target.of for target in found.resolve_targets] == [1]


def test_the_period_holds_its_start_and_not_its_end() -> None:
    found = reported([handled("first", at=START), handled("after", at=END), handled("before", at=START - minutes(1))])
    assert [one.title for one in found.incidents] == ["first"]


def test_counts_by_month_severity_and_type() -> None:
    october = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    found = reported([handled("a", at=october), handled("b", severity="P0", type="outage"), handled("c")]).counts
    assert found.by_month == {"2026-10": 1, "2026-11": 2}
    assert found.by_severity == {"P0": 1, "P1": 2, "P2": 0, "P3": 0}
    assert found.by_type == {"api": 2, "outage": 1}
    assert found.by_month_and_severity["2026-11"] == {"P0": 1, "P1": 1, "P2": 0, "P3": 0}


def test_every_month_of_the_period_is_counted() -> None:
    start, end = datetime(2025, 11, 15, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    found = report(PLAN, [], [], start, end).counts.by_month
    assert found == {"2025-11": 0, "2025-12": 0, "2026-01": 0, "2026-02": 0}


# ---- Targets and obligations ----


def test_targets_are_held_and_missed() -> None:
    found = reported(
        [
            handled("exactly", fixed=240),
            handled("late", fixed=241, ack=16, number=9),
            handled("grave", severity="P0", fixed=59),
        ]
    )
    worst, high = found.resolve_targets
    assert (worst.severity, worst.within, worst.held, worst.of, worst.missed) == ("P0", minutes(60), 1, 1, ())
    assert (high.severity, high.within, high.held, high.of) == ("P1", minutes(240), 1, 2)
    (missed,) = high.missed
    assert (missed.incident_id, missed.number, missed.title) == ("inc_late", 9, "late")
    assert (missed.took, missed.within) == (minutes(241), minutes(240))
    assert [(target.severity, target.held, target.of) for target in found.acknowledge_targets] == [
        ("P0", 1, 1),
        ("P1", 1, 2),
    ]


def test_an_incident_is_held_to_the_revision_it_was_declared_under() -> None:
    strict = replace(PLAN, severities={"P1": replace(PLAN.severities["P1"], resolve_within=minutes(30))})
    plans = {"rev1": PLAN, "rev2": strict}
    old = handled("old", at=NIGHT - timedelta(days=1))
    new = handled("new", plan_revision="rev2")
    found = report(plans.__getitem__, [new, old], [], START, END)
    (target,) = found.resolve_targets
    assert (target.held, target.of, target.within) == (1, 2, minutes(30))
    assert [missed.title for missed in target.missed] == ["new"]
    assert set(found.by_severity) == {"P0", "P1", "P2", "P3"}


def test_obligations_are_counted_by_kind_and_audience() -> None:
    owed = [
        obligation("update:public", Kind.UPDATE, State.MISSED, audience="public"),
        obligation("update:internal", Kind.UPDATE, State.MET, audience="internal"),
        obligation("update:internal", Kind.UPDATE, State.WAIVED, audience="internal"),
        obligation("acknowledge", Kind.ACKNOWLEDGE, State.MET),
        obligation("acknowledge", Kind.ACKNOWLEDGE, State.LATE),
        obligation("resolve", Kind.RESOLVE, State.OPEN),
        obligation("role:scribe", Kind.ROLE, State.VOID),
        obligation("acknowledge", Kind.ACKNOWLEDGE, State.MISSED, opened_at=END),
    ]
    kept = reported([], owed).obligations
    assert [(one.kind, one.audience, one.met, one.late, one.missed, one.waived) for one in kept] == [
        (Kind.ACKNOWLEDGE, "", 1, 1, 0, 0),
        (Kind.UPDATE, "internal", 1, 0, 0, 1),
        (Kind.UPDATE, "public", 0, 0, 1, 0),
    ]


# ---- Repeats ----


def days_before(count: float) -> datetime:
    return NIGHT - timedelta(days=count)


def test_incidents_of_one_kind_within_thirty_days_may_be_repeats() -> None:
    found = reported(
        [
            handled("now"),
            handled("month", at=days_before(30)),
            handled("other service", service="site"),
            handled("other type", type="outage"),
        ]
    )
    (repeat,) = found.repeat_candidates
    assert (repeat.type, repeat.service) == ("api", "rose")
    assert [one.title for one in repeat.incidents] == ["month", "now"]


def test_a_longer_gap_ends_a_chain() -> None:
    assert reported([handled("now"), handled("long ago", at=days_before(30.01))]).repeat_candidates == ()


def test_a_repeat_may_begin_before_the_period_and_must_end_in_it() -> None:
    first, second = handled("first", at=START - minutes(60)), handled("second", at=START + minutes(60))
    (repeat,) = reported([first, second]).repeat_candidates
    assert [one.title for one in repeat.incidents] == ["first", "second"]
    earlier = handled("earlier", at=START - minutes(120))
    assert reported([earlier, first]).repeat_candidates == ()


# ---- As plain values ----


def test_the_report_as_json_names_its_units() -> None:
    owed = [obligation("acknowledge", Kind.ACKNOWLEDGE, State.MET)]
    found = reported([handled("a", fixed=241), handled("b", at=days_before(3), fixed=None)], owed)
    written = json.loads(json.dumps(as_json(found)))
    assert (written["period_start"], written["period_end"]) == ("2026-10-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z")
    assert written["times"]["incidents"] == 2
    assert written["times"]["time_to_resolve"] == {
        "n": 1,
        "mean_seconds": 14460.0,
        "median_seconds": 14460.0,
        "p90_seconds": 14460.0,
        "few": True,
    }
    assert written["times_by_severity"]["P0"]["time_to_detect"]["mean_seconds"] is None
    assert written["counts"]["by_month"] == {"2026-10": 0, "2026-11": 2}
    (target,) = written["resolve_targets"]
    assert (target["within_seconds"], target["held"], target["of"]) == (14400.0, 0, 1)
    assert target["missed"][0]["took_seconds"] == 14460.0
    assert written["obligations"] == [
        {"kind": "acknowledge", "audience": None, "met": 1, "late": 0, "missed": 0, "waived": 0}
    ]
    assert [one["incident_id"] for one in written["repeat_candidates"][0]["incidents"]] == ["inc_b", "inc_a"]
    first = written["incidents"][0]
    assert (first["declared_at"], first["is_resolved"]) == ("2026-11-21T02:39:31.000Z", False)
    assert (first["acknowledge_seconds"], first["resolve_seconds"]) == (120.0, None)


@given(st.lists(timelines(), max_size=5))
def test_any_incidents_make_a_report_that_adds_up(records: list[tuple[Numbered, ...]]) -> None:
    incidents = [folding.fold(f"inc_{number}", record) for number, record in enumerate(records)]
    found = reported(incidents)
    assert found.counts.total == len(incidents) == sum(found.counts.by_month.values())
    assert sum(found.counts.by_severity.values()) == sum(found.counts.by_type.values()) == len(incidents)
    assert found.overall.resolve.n == len(incidents) - found.counts.open
    assert all(target.held + len(target.missed) == target.of for target in found.resolve_targets)
    assert json.dumps(as_json(found))


# ---- As they are drawn ----


def test_of_many_incidents_the_latest_are_drawn_and_named() -> None:
    many = [handled(f"n{number}", at=NIGHT + minutes(number), fixed=60) for number in range(250)]
    view = charts.insights(PLAN, reported(many), END)
    assert view.total == 250
    assert [len(one.dots) for one in view.figures] == [charts.DRAWN] * 4
    assert [len(one.dots) for one in view.resolve] == [charts.DRAWN]
    (repeat,) = view.repeats
    assert repeat.times == 250
    assert repeat.text.startswith(f"{250 - charts.NAMED} before, #")
    assert repeat.text.count("#") == charts.NAMED
    assert view.unknown == ()
