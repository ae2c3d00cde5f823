"""Signals that are held back for a time: seen, counted, paging nobody; and never forgotten when the time is over."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.world import QUIET, World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import SignalAttached, Status
from tocsin.kit.actor import Actor, ActorKind
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.response import commands, explaining, intake
from tocsin.signals import commands as silences
from tocsin.signals import silences as kept
from tocsin.signals import store as signals
from tocsin.signals.commands import Wanted
from tocsin.signals.model import Arrival, State
from tocsin.signals.silencing import Silence, read_matcher
from tocsin.signals.store import Disposition, Signal

LABELS = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded"}


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=QUIET)
    yield world
    world.close()


def trouble(state: State = State.FIRING, key: str = "groq", **labels: str) -> Arrival:
    return Arrival(source="probe", key=key, title="Groq is down", state=state, labels={**LABELS, **labels})


def signal(world: World, key: str = "groq") -> Signal:
    return next(one for one in world.read(signals.recent) if one.key == key)


def hold(world: World, *matchers: str, start: float = 0, hours: float = 1, by: str = "ana", **more: Any) -> Silence:
    begin = world.clock.now() + timedelta(hours=start)
    wanted = Wanted(
        matchers=tuple(read_matcher(one) for one in matchers or ("component=groq",)),
        starts_at=begin,
        ends_at=begin + timedelta(hours=hours),
        **{"because": "Groq moves house", **more},
    )
    return world.do(silences.silence, wanted, by=by)


def maintain(world: World, *components: str, hours: float = 1) -> Silence:
    wanted = Wanted(
        service="rose",
        components=components,
        title="Voice is moved",
        text="Rose may not speak for a while.",
        ends_at=world.clock.now() + timedelta(hours=hours),
        because="The move",
    )
    return world.database.run(world.actor("ana"), lambda tx: silences.silence(tx, wanted, accept_worst=True))


def declared(world: World) -> list[str]:
    return [one.id for one in world.read(incidents.listing)]


def test_a_silenced_signal_is_counted_and_named_and_pages_nobody(world: World) -> None:
    made = hold(world)
    world.arrive(trouble())
    world.arrive(trouble())
    world.expect_page()
    assert declared(world) == []
    held = signal(world)
    assert (held.disposition, held.silence_id, held.held_until) == (Disposition.SILENCED, made.id, made.ends_at)
    assert held.count == 2
    assert held.why.startswith("Held back by the silence “Groq moves house” until 2026-11-24 03:38:00 UTC.")
    assert world.read(signals.waiting) == []
    assert world.read(kept.held_by, [made.id]) == {made.id: 1}
    world.arrive(trouble(key="other", component="qdrant", components="qdrant"))
    world.expect_page("ana")
    world.do(commands.acknowledge, declared(world)[0])


def test_what_still_fires_when_the_silence_ends_is_decided_then_though_nobody_says_it_again(world: World) -> None:
    made = hold(world)
    world.arrive(trouble())
    world.advance(minutes=59, seconds=59)
    world.expect_page()
    world.advance(seconds=1)
    world.expect_page("ana")
    (incident_id,) = declared(world)
    decided = signal(world)
    assert (decided.disposition, decided.incident_id, decided.held_until) == (
        Disposition.DECLARED,
        incident_id,
        None,
    )
    assert world.read(incidents.load, incident_id).declared_at == made.ends_at
    found = world.read(explaining.explain, decided.id)
    assert found.silence is not None and found.silence.id == made.id
    world.do(commands.acknowledge, incident_id)


def test_what_is_over_before_the_silence_pages_nobody_and_comes_again_as_news(world: World) -> None:
    hold(world)
    world.arrive(trouble())
    world.arrive(trouble(State.RESOLVED))
    assert signal(world).disposition is Disposition.CLEARED
    world.advance(hours=2)
    world.expect_page()
    world.arrive(trouble())
    world.expect_page("ana")
    world.do(commands.acknowledge, declared(world)[0])


def test_a_silence_that_is_ended_early_lets_go_at_once(world: World) -> None:
    made = hold(world, hours=5)
    world.arrive(trouble())
    world.expect_page()
    world.advance(minutes=10)
    world.do(silences.end_silence, made.id, by="ben")
    world.expect_page("ana")
    ended = world.read(kept.load, made.id)
    assert (ended.ended_by, ended.over_at) == ("ben", world.clock.now())
    assert ended.ends_at == made.ends_at
    with pytest.raises(silences.OverAlready):
        world.do(silences.end_silence, made.id)
    world.do(commands.acknowledge, declared(world)[0])


def test_a_silence_in_the_future_holds_nothing_back_before_it_starts(world: World) -> None:
    hold(world, start=1)
    world.arrive(trouble())
    world.expect_page("ana")
    world.do(commands.acknowledge, declared(world)[0])
    world.arrive(trouble(State.RESOLVED))
    world.advance(hours=1)
    world.overlook()
    world.arrive(trouble(key="later"))
    assert signal(world, "later").disposition is Disposition.SILENCED
    world.expect_page()


def test_of_two_silences_the_longer_holds_it_to_its_end(world: World) -> None:
    hold(world)
    hold(world, "service=rose", "outcome=degraded", hours=2)
    world.arrive(trouble())
    world.advance(minutes=90)
    world.expect_page()
    world.advance(minutes=30)
    world.expect_page("ana")
    world.do(commands.acknowledge, declared(world)[0])


def test_one_that_begins_later_takes_over_without_a_gap(world: World) -> None:
    hold(world)
    hold(world, start=0.5)
    world.arrive(trouble())
    world.advance(hours=1)
    world.expect_page()
    assert signal(world).held_until == world.clock.now() + timedelta(minutes=30)
    world.advance(minutes=30)
    world.expect_page("ana")
    world.do(commands.acknowledge, declared(world)[0])


def test_on_an_open_incident_it_stands_on_the_record_and_raises_nothing(world: World) -> None:
    incident = world.declare("Rose is slow", type="external_api_failure", severity="P2")
    world.expect_page("ana")
    world.do(commands.acknowledge, incident.id)
    hold(world)
    world.arrive(trouble())
    world.expect_page()
    now = world.read(incidents.load, incident.id)
    assert now.severity == "P2"
    timeline = world.read(incidents.timeline, incident.id)
    (attached,) = [one.entry for one in timeline if isinstance(one.entry, SignalAttached)]
    assert attached.why.startswith("Held back by the silence")
    assert declared(world) == [incident.id]
    assert signal(world).incident_id == incident.id
    world.overlook()
    world.advance(hours=1)
    assert declared(world) == [incident.id]
    assert (
        len([one for one in world.read(incidents.timeline, incident.id) if isinstance(one.entry, SignalAttached)]) == 2
    )
    assert world.read(incidents.load, incident.id).status is not Status.RESOLVED
    world.overlook()


def test_what_the_plan_takes_most_seriously_is_held_back_only_when_somebody_means_it(world: World) -> None:
    wanted = Wanted(
        matchers=(read_matcher("service=rose"),), ends_at=world.clock.now() + timedelta(hours=1), because="A test"
    )
    with pytest.raises(silences.HoldsBackTheWorst, match="rose does not answer"):
        world.do(silences.silence, wanted)
    seen = world.database.run(world.actor("ana"), lambda tx: silences.preview(tx, wanted))
    assert "rose does not answer" in seen.worst_rules
    made = world.database.run(world.actor("ana"), lambda tx: silences.silence(tx, wanted, accept_worst=True))
    assert made.made_by == "ana"


def test_a_preview_names_what_fires_now_and_what_fired_this_week(world: World) -> None:
    world.arrive(trouble(), trouble(key="calm"), trouble(key="other", component="qdrant"))
    world.overlook()
    world.arrive(trouble(State.RESOLVED, key="calm"))
    wanted = Wanted(
        matchers=(read_matcher("component=~gr.*"),), ends_at=world.clock.now() + timedelta(hours=1), because="A test"
    )
    found = world.database.run(world.actor("erin"), lambda tx: silences.preview(tx, wanted))
    assert [one.signal.key for one in found.firing] == ["groq"]
    assert [one.signal.key for one in found.earlier] == ["calm"]
    assert [one.severity for one in found.firing] == ["P1"]
    world.overlook()


def test_a_maintenance_window_holds_back_what_concerns_its_parts_alone(world: World) -> None:
    maintain(world, "voice")
    world.arrive(trouble())  # the rule says that it concerns voice
    world.expect_page()
    assert signal(world).why.startswith("Held back by the maintenance “Voice is moved”")
    world.arrive(trouble(key="both", component="elevenlabs", components="elevenlabs"))  # voice and audio
    world.expect_page("ana")
    world.advance(hours=1)
    world.overlook()
    assert signal(world).disposition is Disposition.ATTACHED


def test_a_window_over_a_whole_service_holds_back_all_of_it_and_nothing_of_others(world: World) -> None:
    maintain(world)
    down = Arrival(source="probe", key="down", title="Down", labels={"service": "rose", "outcome": "refused"})
    world.arrive(down, trouble())
    world.expect_page()
    assert {one.disposition for one in world.read(signals.recent)} == {Disposition.SILENCED}
    world.advance(hours=1)
    assert {one.disposition for one in world.read(signals.recent)} == {Disposition.DECLARED}
    world.overlook()


def test_what_cannot_be_decided_when_its_silence_ends_waits_for_a_person(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    hold(world)
    world.arrive(trouble(), trouble(key="fine", component="groq"))
    with world.database.work(access.local_operator("operator")) as tx:
        broken = signals.table.c.key == "groq"
        tx.run(signals.table.update().where(broken).values(incident_id="inc_that_is_gone"))
    world.advance(hours=1)
    left = signal(world)
    assert (left.disposition, left.held_until) == (Disposition.WAITING, None)
    assert left.why.startswith("Its silence is over, but it could not be decided")
    assert signal(world, "fine").disposition is Disposition.DECLARED
    assert "could not be released" in caplog.text
    world.overlook()


def test_who_may_not_change_incidents_holds_nothing_back(world: World) -> None:
    viewer = Actor("erin", ActorKind.PERSON, access.READING)
    wanted = Wanted(
        matchers=(read_matcher("component=groq"),), ends_at=world.clock.now() + timedelta(hours=1), because="A test"
    )
    with pytest.raises(access.NotAllowed):
        world.database.run(viewer, lambda tx: silences.silence(tx, wanted))
    made = hold(world)
    with pytest.raises(access.NotAllowed):
        world.database.run(viewer, lambda tx: silences.end_silence(tx, made.id))


def test_a_silence_that_makes_no_sense_is_refused_with_its_field(world: World) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"hours": 0}, "ends_at"),
        ({"hours": 24 * 91}, "ends_at"),
        ({"start": -3, "hours": 1}, "ends_at"),
        ({"because": "  "}, "because"),
    ]
    for more, field in cases:
        with pytest.raises(Invalid) as refused:
            hold(world, **more)
        assert refused.value.field == field
    with pytest.raises(Invalid, match="every signal"):
        hold(world, "component!=groq")
    assert world.read(lambda tx: kept.listing(tx, since=world.clock.now() - timedelta(days=9))) == []


def test_nothing_is_released_twice(world: World) -> None:
    hold(world)
    world.arrive(trouble())
    world.advance(hours=1)
    world.expect_page("ana")
    assert intake.release_some(world.database) == 0
    assert len(declared(world)) == 1
    world.do(commands.acknowledge, declared(world)[0])
