"""Users say that something does not work: one alone waits for a look, several are an incident."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.ending import see_all_pass
from tests.support.races import together
from tests.support.world import World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import SignalAttached, Status
from tocsin.kit.actor import SYSTEM
from tocsin.response import commands, reporting
from tocsin.response.reporting import Kept
from tocsin.signals import reports as counted
from tocsin.signals import store as signals
from tocsin.signals.reporting import Report
from tocsin.signals.store import Disposition, Signal


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    yield world
    world.close()


def says(world: World, by: str, words: str = "Replies come twice", **more: str) -> Kept:
    return world.do(reporting.take, Report(words=words, by=by, **more))


def reports(world: World) -> list[Signal]:
    return sorted(world.read(signals.recent), key=lambda one: one.first_at)


def test_one_report_is_a_signal_to_look_at(world: World) -> None:
    assert says(world, "u1") == Kept(reports(world)[0].key, 1, False)
    (signal,) = reports(world)
    assert (signal.disposition, signal.labels) == (Disposition.WAITING, {"reports": "few"})
    world.expect_silence()


def test_several_people_within_the_time_are_an_incident_and_all_they_said_is_on_it(world: World) -> None:
    says(world, "u1")
    world.advance(minutes=4)
    says(world, "u2", "No sound", about="voice")
    world.expect_silence()
    world.advance(minutes=4)
    assert says(world, "u3").is_many
    incident = world.incident()
    assert (incident.severity, incident.title, incident.source) == ("P2", "Several users report trouble", "report")
    assert {one.disposition for one in reports(world)} == {Disposition.DECLARED, Disposition.ATTACHED}
    assert {one.incident_id for one in reports(world)} == {incident.id}
    assert len(world.entries(incident.id, SignalAttached)) == 3
    world.overlook()
    says(world, "u4")
    assert len(world.read(incidents.listing)) == 1


def test_one_person_is_one_however_often_they_say_it(world: World) -> None:
    first = says(world, "u1")
    assert says(world, "u1") == first
    for place in range(5):
        assert not says(world, "u1", f"Still {place}").is_many
    says(world, "u2")
    assert len(reports(world)) == 7
    assert world.read(incidents.listing) == []


def test_what_was_said_too_long_ago_does_not_count(world: World) -> None:
    says(world, "u1")
    says(world, "u2")
    world.advance(minutes=10)
    assert says(world, "u3").people == 1
    assert world.read(incidents.listing) == []


def test_reports_keep_no_incident_from_ending(world: World) -> None:
    for who in ("u1", "u2", "u3"):
        says(world, who)
    incident = world.incident()
    world.do(commands.acknowledge, incident.id)
    world.do(see_all_pass, incident.id)
    world.do(commands.resolve, incident.id, "Restarted it")
    world.overlook()
    world.advance(minutes=31)
    assert world.incident(incident.id).status is Status.RESOLVED
    world.overlook()


def test_those_who_report_at_once_are_counted_together(world: World) -> None:
    def one(who: str) -> bool:
        said = Report(words="Nothing works", by=who)
        return world.database.run(SYSTEM, lambda tx: reporting.take(tx, said)).is_many

    found = together(*[lambda who=who: one(who) for who in ("u1", "u2", "u3")])
    assert sorted(found) == [False, False, True]
    world.settle()
    assert world.incident().title == "Several users report trouble"
    world.overlook()


def test_what_no_longer_counts_is_forgotten(world: World) -> None:
    says(world, "u1")
    world.sleep(hours=25)
    says(world, "u2")
    assert len(world.read(counted.lately, world.clock.now() - timedelta(days=9))) == 1
    world.overlook()
