"""The numbers: how long it took, how often, and each severity's target held against what happened."""

from datetime import timedelta
from typing import Any

from tests.support.console import Console
from tests.support.ending import mend
from tests.support.world import World
from tocsin.incidents.model import Incident
from tocsin.incidents.relation import Relation
from tocsin.response import commands, relating


def passed(world: World, *, severity: str = "P1", resolve: int = 30, began: int = 10, **about: Any) -> Incident:
    """An incident that began some minutes before it was noticed, was answered after four, resolved, and recovered."""
    started = world.clock.now() - timedelta(minutes=began)
    incident = world.declare(severity=severity, started_at=started, **about)
    world.advance(minutes=4)
    world.do(commands.acknowledge, incident.id)
    world.advance(minutes=resolve - 4)
    world.do(mend, incident.id)
    world.advance(minutes=31)
    return world.incident(incident.id)


def numbers(console: Console) -> Any:
    answer = console.here.get("/api/v1/metrics/incidents", headers=console.here.bearer("metrics:read"))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_met_01_each_mean_is_counted_from_and_to_the_moments_that_the_plan_names(console: Console) -> None:
    passed(console.world, resolve=30)
    passed(console.world, resolve=60, began=20)
    times = numbers(console)["times"]
    assert {name: times[name]["mean_seconds"] for name in times if name != "incidents"} == {
        "time_to_detect": 15 * 60,
        "time_to_acknowledge": 4 * 60,
        "time_to_resolve": 45 * 60,
        "time_to_recover": 75 * 60,
    }
    assert times["time_to_resolve"]["n"] == 2 and times["time_to_resolve"]["few"]
    page = console.visitor("ben").open("/insights")
    assert page.says("MTTD") and page.says("Mean time to detect") and page.says("detection to recovery")


def test_met_01_what_has_not_happened_yet_is_left_out_and_not_guessed(console: Console) -> None:
    passed(console.world)
    console.world.declare(title="Memory is gone", type="performance_degradation")
    console.world.advance(minutes=1)
    times = numbers(console)["times"]
    assert (times["incidents"], times["time_to_detect"]["n"], times["time_to_resolve"]["n"]) == (2, 2, 1)


def test_met_02_incidents_are_counted_by_month_by_severity_and_by_type(console: Console) -> None:
    world = console.world
    passed(world)
    passed(world, severity="P2", type="performance_degradation")
    world.sleep(days=10)  # into December
    passed(world, severity="P2", type="performance_degradation")
    counts = numbers(console)["counts"]
    assert counts["total"] == 3
    by_month = {month: count for month, count in counts["by_month"].items() if count}
    assert by_month == {"2026-11": 2, "2026-12": 1}
    assert counts["by_severity"] == {"P0": 0, "P1": 1, "P2": 2, "P3": 0}
    assert counts["by_type"] == {"performance_degradation": 2, "service_outage": 1}


def test_met_02_repeats_of_a_cause_are_those_that_people_have_tied_together(console: Console) -> None:
    world = console.world
    first = passed(world, title="The disk is full")
    world.sleep(days=40)  # longer ago than what merely looks alike is looked for
    second = passed(world, title="The volume is full", type="performance_degradation")
    assert numbers(console)["repeats"] == []
    world.do(relating.link, second.id, first.id, Relation.SAME_CAUSE_AS)
    third = passed(world, title="No room again")
    world.do(relating.link, third.id, second.id, Relation.SAME_CAUSE_AS)
    (repeat,) = numbers(console)["repeats"]
    assert [one["number"] for one in repeat["incidents"]] == [first.number, second.number, third.number]
    page = console.visitor("ben").open("/insights")
    assert page.says("The same cause again") and page.says("3 times")


def test_met_02_what_only_looks_alike_is_called_perhaps(console: Console) -> None:
    passed(console.world)
    passed(console.world)
    found = numbers(console)
    assert found["repeats"] == [] and len(found["repeat_candidates"]) == 1
    assert console.visitor("ben").open("/insights").says("Perhaps the same cause")


def test_met_03_each_severitys_target_is_held_against_what_happened(console: Console) -> None:
    world = console.world
    passed(world, severity="P0", resolve=59)
    late = passed(world, severity="P0", resolve=61)
    passed(world, severity="P1", resolve=4 * 60)
    targets = {one["severity"]: one for one in numbers(console)["resolve_targets"]}
    assert (targets["P0"]["within_seconds"], targets["P0"]["held"], targets["P0"]["of"]) == (3600, 1, 2)
    assert (targets["P1"]["within_seconds"], targets["P1"]["held"], targets["P1"]["of"]) == (4 * 3600, 1, 1)
    (missed,) = targets["P0"]["missed"]
    assert (missed["number"], missed["took_seconds"]) == (late.number, 61 * 60)
    page = console.visitor("ben").open("/insights")
    assert page.says("Targets kept: resolution") and page.says("1 of 2")


def test_met_03_an_incident_is_held_to_the_target_it_was_declared_under(console: Console) -> None:
    world = console.world
    incident = passed(world, severity="P2", resolve=5 * 60)
    world.do(commands.reopen, incident.id, "It is back")
    world.do(commands.change_severity, incident.id, "P1", "worse than we thought")
    world.do(mend, incident.id)
    (target,) = numbers(console)["resolve_targets"]
    assert (target["severity"], target["within_seconds"], target["held"], target["of"]) == ("P1", 4 * 3600, 0, 1)
