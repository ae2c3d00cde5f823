"""An incident that resolves itself: its alarm has cleared, the plan says that is enough, and nobody has it in hand."""

import re
from collections.abc import Iterator

import pytest

from tests.support.races import together
from tests.support.world import KEY, QUIET, World
from tocsin.db.engine import Database
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Reopened, Resolved, Status
from tocsin.kit.actor import SYSTEM
from tocsin.kit.sealing import Keyring
from tocsin.obligations.model import State as Ended
from tocsin.response import commands, intake, relating, tick, verification
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.signals.store import Disposition

ITSELF = re.sub(r"(    escalation: \w+\n)", r"\1    resolves_itself_after: 10 min\n", QUIET)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=ITSELF)
    yield world
    world.overlook()
    world.close()


def groq(state: State = State.FIRING, key: str = "groq") -> Arrival:
    labels = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded"}
    return Arrival(source="probe", key=key, title="Groq is down", state=state, labels=labels)


def fires(world: World, key: str = "groq") -> str:
    world.arrive(groq(key=key))
    return world.incident().id


def clears(world: World, *keys: str) -> None:
    world.arrive(*(groq(State.RESOLVED, key) for key in keys or ("groq",)))


def status(world: World, incident_id: str) -> Status:
    return world.incident(incident_id).status


def test_it_is_resolved_at_the_very_second_and_opened_again_by_what_comes_back(world: World, database_url: str) -> None:
    incident = fires(world)
    fires(world, "groq-2")
    world.expect_page("ana")
    world.advance(minutes=1)
    world.do(commands.acknowledge, incident)  # which does not keep it from resolving itself
    clears(world)
    assert "quiet" not in world.owed(incident)
    world.advance(minutes=1)
    clears(world, "groq-2")
    since = world.clock.now()
    due_at = world.owed(incident)["quiet"].due_at
    assert (due_at - since).total_seconds() == 600
    clears(world, "groq-2")  # said again by its sender, which changes nothing
    world.advance(minutes=4)
    world.database.dispose()
    world.database = Database(database_url, world.clock, Keyring(lambda: (KEY,)))  # another process takes over
    world.advance(minutes=5, seconds=59)
    assert status(world, incident) is Status.INVESTIGATING
    world.advance(seconds=1)
    assert status(world, incident) is Status.WATCHING
    (resolved,) = world.entries(incident, Resolved)
    assert (resolved.at, resolved.by) == (due_at, "tocsin")
    fired = f"since {since:%Y-%m-%d %H:%M:%S} UTC, for 10 min"
    assert resolved.how == f"Its 2 signals have all cleared, and none has fired {fired}"
    assert world.ended(incident, "quiet") == [Ended.MET] and world.ended(incident, "resolve") == [Ended.MET]
    assert "watch" in world.owed(incident)
    world.advance(minutes=5)
    fires(world, "groq-3")
    (again,) = world.entries(incident, Reopened)
    assert again.because == "A regression during the watch: Groq is down"
    world.expect_page("ana")
    clears(world, "groq-3")
    world.advance(minutes=5)
    world.overlook()  # ben was paged, since ana did not answer
    world.advance(minutes=5)
    assert status(world, incident) is Status.WATCHING
    world.expect_silence()  # the next step was due at this instant, and is not paged any more
    world.advance(hours=1)
    assert status(world, incident) is Status.RESOLVED


def test_each_signal_that_comes_back_begins_the_wait_anew(world: World) -> None:
    incident = fires(world)
    clears(world)
    world.advance(minutes=9)
    fires(world, "another")
    assert world.ended(incident, "quiet") == [Ended.VOID]
    world.advance(minutes=2)
    assert status(world, incident) is Status.INVESTIGATING
    clears(world, "another")
    world.advance(minutes=9, seconds=59)
    assert status(world, incident) is Status.INVESTIGATING
    world.advance(seconds=1)
    assert status(world, incident) is Status.WATCHING


def test_all_signals_of_a_storm_have_to_clear(world: World) -> None:
    storm = [f"groq-{number}" for number in range(30)]  # more than stand on the record by themselves
    world.arrive(*(groq(key=key) for key in storm))
    incident = world.incident().id
    clears(world, *storm[1:])
    world.advance(minutes=15)
    assert status(world, incident) is Status.INVESTIGATING
    clears(world, storm[0])
    world.advance(minutes=10)
    (resolved,) = world.entries(incident, Resolved)
    assert resolved.how.startswith("Its 30 signals have all cleared")


def test_what_somebody_has_in_hand_is_a_persons_to_end(world: World) -> None:
    incident = fires(world)
    clears(world)
    world.advance(minutes=2)
    world.do(commands.assign, incident, "technical_lead", "ana")
    assert world.ended(incident, "quiet") == [Ended.VOID]
    world.arrive(groq(key="again"), groq(State.RESOLVED, "again"))
    world.advance(minutes=15)
    assert status(world, incident) is Status.INVESTIGATING
    assert "quiet" not in world.owed(incident)


def test_what_a_person_mitigated_is_theirs_to_end(world: World) -> None:
    incident = fires(world)
    clears(world)
    world.do(commands.mitigate, incident, "switched over")
    world.advance(minutes=15)
    assert status(world, incident) is Status.MITIGATING
    assert world.ended(incident, "quiet") == [Ended.VOID]


def test_once_a_person_opens_it_again_only_what_clears_after_that_counts(world: World) -> None:
    incident = fires(world)
    clears(world)
    world.advance(minutes=10)
    world.do(commands.reopen, incident, "It is still slow")
    world.advance(minutes=15)
    assert status(world, incident) is Status.INVESTIGATING
    world.arrive(groq(key="late"))
    clears(world, "late")
    world.advance(minutes=10)
    assert status(world, incident) is Status.WATCHING


def test_what_a_person_declared_is_theirs_to_end(world: World) -> None:
    declared = world.declare(severity="P1", type="external_api_failure").id
    assert fires(world) == declared
    clears(world)
    world.advance(minutes=15)
    assert status(world, declared) is Status.INVESTIGATING


def part(world: World, incident_id: str, key: str) -> str:
    named = {one.key: one.id for one in world.read(signals.recent)}
    why = {"title": "Something else", "severity": "P3", "type": "external_api_failure", "because": "It is not the same"}
    return world.do(relating.split, incident_id, signal_ids=[named[key]], **why).id


def test_when_the_last_that_fires_is_split_off_the_wait_begins_as_if_it_had_cleared(world: World) -> None:
    incident = fires(world)
    fires(world, "another")
    clears(world)
    world.advance(minutes=5)
    part(world, incident, "another")
    world.advance(minutes=9, seconds=59)
    assert status(world, incident) is Status.INVESTIGATING
    world.advance(seconds=1)
    (resolved,) = world.entries(incident, Resolved)
    assert resolved.how.startswith("Its signal has cleared, and has not fired since 2026-11-24 02:")


def test_what_is_left_without_a_signal_is_a_persons_to_end(world: World) -> None:
    incident = fires(world)
    new = part(world, incident, "groq")
    assert "quiet" not in world.owed(incident)
    clears(world)
    world.advance(minutes=15)
    assert [status(world, one) for one in (incident, new)] == [Status.INVESTIGATING] * 2


def test_what_comes_by_a_merger_ends_the_wait_or_begins_it_anew(world: World) -> None:
    stays = fires(world)
    world.arrive(Arrival(source="generic", key="b", title="Rose is slow", severity="warning"))
    (gone,) = {one.id for one in world.read(incidents.listing)} - {stays}
    clears(world)
    world.advance(minutes=5)
    world.do(relating.merge, gone, stays, "The same")
    assert world.ended(stays, "quiet") == [Ended.VOID]
    world.arrive(Arrival(source="generic", key="b", title="Rose is slow", state=State.RESOLVED))
    assert "quiet" in world.owed(stays)
    world.advance(minutes=10)
    assert status(world, stays) is Status.WATCHING


def test_what_a_person_dismissed_fires_for_nothing(world: World) -> None:
    incident = fires(world)
    fires(world, "another")
    clears(world)
    waits = next(one for one in world.read(signals.recent) if one.key == "another")
    with world.database.work(SYSTEM) as tx:  # as one whose rules changed while its incident was confidential
        signals.dispose(tx, waits, Disposition.WAITING, "No rule matches.", incident)
    world.do(commands.dismiss_signal, waits.id)
    assert "quiet" in world.owed(incident)
    world.advance(minutes=10)
    assert status(world, incident) is Status.WATCHING


def test_what_flaps_has_cleared_when_it_is_calm(world: World) -> None:
    incident = fires(world)
    for _ in range(3):
        clears(world)
        world.advance(minutes=1)
        world.arrive(groq())
        world.advance(minutes=1)
    clears(world)
    assert "quiet" not in world.owed(incident)
    world.advance(minutes=15)  # it is calm
    assert status(world, incident) is Status.INVESTIGATING
    world.advance(minutes=9, seconds=59)
    assert status(world, incident) is Status.INVESTIGATING
    world.advance(seconds=1)
    assert status(world, incident) is Status.WATCHING


def test_two_nodes_resolve_it_once_and_what_comes_back_at_that_moment_is_not_lost(postgresql_url: str) -> None:
    world = World(postgresql_url, plan=ITSELF)
    other = Database(postgresql_url, world.clock, Keyring(lambda: (KEY,)))
    incident = fires(world)
    clears(world)
    world.sleep(minutes=10)
    together(*(lambda node=node: node.run(SYSTEM, tick.settle_due)[0] for node in (world.database, other)))
    assert status(world, incident) is Status.WATCHING
    assert len(world.entries(incident, Resolved)) == 1
    world.arrive(groq(key="again"))
    clears(world, "again")
    world.sleep(minutes=10)
    with other.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(groq(key="back"))])
    together(lambda: world.database.run(SYSTEM, tick.settle_due)[0], lambda: intake.decide_some(other))
    world.settle()
    assert status(world, incident) is Status.INVESTIGATING  # resolved and opened again, or not resolved at all
    assert len(world.entries(incident, Resolved)) == len(world.entries(incident, Reopened))
    assert not world.read(verification.verify, incident).fault
    other.dispose()
    world.overlook()
    world.close()
