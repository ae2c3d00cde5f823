"""A storm of signals: however many services they name, and however many wait, people are told what matters, in time."""

from collections.abc import Iterator

import pytest

from tests.support.world import ROSE, World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.response import intake
from tocsin.response.lookout import EVERY, Lookout
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State

RULES = """
rules:
  - name: a host
    when: { alertname: HostGone }
    type: service_outage
    severity: P1
  - name: data
    when: { alertname: DataGone }
    type: data_loss
    severity: P0
"""
PLAN = ROSE.replace("\nrules:\n", RULES, 1)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=PLAN)
    yield world
    world.overlook()
    world.close()


def host(number: int) -> Arrival:
    labels = {"alertname": "HostGone", "service": f"host-{number}"}
    return Arrival(source="zabbix", key=f"host-{number}", title=f"Host {number} is gone", labels=labels)


def data(state: State = State.FIRING) -> Arrival:
    labels = {"alertname": "DataGone", "service": "rose"}
    return Arrival(source="zabbix", key="data-100%", title="Memories are gone", labels=labels, state=state)


def queue(world: World, *arrivals: Arrival) -> None:
    with world.database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(one) for one in arrivals])


def every(world: World) -> list[Incident]:
    return world.read(lambda tx: incidents.listing(tx, limit=100))


def test_services_that_the_plan_does_not_know_declare_so_many_incidents_and_then_join_the_latest(world: World) -> None:
    world.arrive(*(host(number) for number in range(intake.STRANGERS + 5)))
    found = every(world)
    assert len(found) == intake.STRANGERS
    latest = found[0]
    assert latest.service == f"host-{intake.STRANGERS - 1}"
    on_it = world.read(signals.of_incident, latest.id)
    assert len(on_it) == 6
    assert [intake.CROWDED in one.why for one in on_it] == [False, *[True] * 5]


def test_a_service_that_has_an_incident_keeps_to_it_in_a_crowd(world: World) -> None:
    world.arrive(*(host(number) for number in range(intake.STRANGERS)))
    again = Arrival(source="zabbix", key="other", title="Again", labels=host(3).labels)
    world.arrive(again)
    (own,) = [one for one in every(world) if one.service == "host-3"]
    joined = world.read(signals.of_incident, own.id)[-1]
    assert joined.title == "Again" and intake.CROWDED not in joined.why


def test_a_service_of_the_plan_has_its_own_incident_in_a_crowd(world: World) -> None:
    world.arrive(*(host(number) for number in range(intake.STRANGERS)))
    labels = {"alertname": "HostGone", "service": "rose"}
    world.arrive(Arrival(source="zabbix", key="rose", title="Rose is gone", labels=labels))
    assert every(world)[0].service == "rose"


def test_what_is_worst_does_not_wait_behind_a_storm(world: World) -> None:
    queue(world, *(host(number) for number in range(intake.BATCH + 1)), data(), data())
    assert Lookout(world.database).turn() == 1
    (found,) = every(world)
    assert found.severity == "P0" and "Memories are gone" in found.title
    assert world.read(signals.backlog) == intake.BATCH + 2


def test_nothing_is_looked_at_before_its_turn_where_few_wait(world: World) -> None:
    queue(world, *(host(number) for number in range(5)), data())
    assert Lookout(world.database).turn() == 0
    assert every(world) == []


def test_a_signal_takes_along_what_was_said_of_it_before(world: World) -> None:
    """Else its old end would be read after its new beginning, and end it."""
    queue(world, data(), data(State.RESOLVED), *(host(number) for number in range(intake.BATCH)), data())
    lookout = Lookout(world.database)
    assert lookout.turn() == 1  # the first beginning alone is enough
    world.clock.advance_to(world.clock.now() + EVERY)
    assert lookout.turn() == 0  # all were looked at
    world.settle()
    (signal,) = [one for one in world.read(lambda tx: signals.recent(tx, 1000)) if one.key == "data-100%"]
    assert signal.state is State.FIRING and signal.count == 2


def test_an_earlier_end_is_decided_before_a_later_beginning(world: World) -> None:
    quiet = [host(number) for number in range(intake.BATCH)]
    queue(world, data(State.RESOLVED), *quiet, data())
    assert Lookout(world.database).turn() == 2
    (signal,) = world.read(lambda tx: signals.recent(tx, 10))
    assert signal.state is State.FIRING
    assert world.read(signals.backlog) == intake.BATCH


def test_where_it_is_known_already_nothing_hurries(world: World) -> None:
    world.arrive(data())
    queue(world, *(host(number) for number in range(intake.BATCH)), data())
    assert Lookout(world.database).turn() == 0
