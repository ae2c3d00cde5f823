"""Trouble of what depends on something that is broken already joins that incident, and pages nobody a second time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.support.ending import mend
from tests.support.world import QUIET, World
from tocsin.incidents import store as incidents
from tocsin.incidents.model import SignalAttached, Status
from tocsin.response import commands, explaining
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.signals.store import Disposition, Signal

RULES = """
rules:
  - { name: db, precedence: 1, when: { alertname: DbDown }, type: service_outage, severity: P1, service: database }
  - { name: slow, precedence: 2, when: { alertname: DbSlow }, type: service_outage, severity: P2, service: database }
  - { name: theft, precedence: 3, when: { alertname: Theft }, type: security, severity: P1, service: rose }
"""
DEPENDENT = (
    QUIET.replace("\nrules:\n", RULES)
    .replace("depends_on: [railway]", "depends_on: [railway, database]")
    .replace("\nservices:\n", "\nservices:\n  database: { name: Database }\n")
)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url, plan=DEPENDENT)
    yield world
    world.close()


def alert(name: str, state: State = State.FIRING) -> Arrival:
    return Arrival(source="alertmanager", key=name, title=name, state=state, labels={"alertname": name})


def groq(**labels: str) -> Arrival:
    about = {"service": "rose", "component": "groq", "components": "groq", "outcome": "degraded", **labels}
    return Arrival(source="probe", key="groq", title="Groq is down", labels=about)


def down() -> Arrival:
    return Arrival(source="probe", key="down", title="Down", labels={"service": "rose", "outcome": "refused"})


def signal(world: World, key: str) -> Signal:
    return next(one for one in world.read(signals.recent) if one.key == key)


def numbers(world: World) -> list[int]:
    return [one.number for one in world.read(incidents.listing)]


def test_a_symptom_joins_the_incident_of_its_cause_and_says_why(world: World) -> None:
    world.arrive(alert("DbDown"))
    world.expect_page("ana")
    world.arrive(groq())
    world.expect_page()
    assert numbers(world) == [1]
    joined = signal(world, "groq")
    assert joined.disposition is Disposition.ATTACHED
    assert joined.why.endswith("A symptom: rose depends on database, of which #1 is open.")
    assert joined.incident_id is not None
    (attached,) = [
        one.entry
        for one in world.read(incidents.timeline, joined.incident_id)
        if isinstance(one.entry, SignalAttached) and one.entry.signal_id == joined.id
    ]
    assert attached.why == joined.why
    found = world.read(explaining.explain, joined.id)
    assert found.joined.endswith("A symptom: rose depends on database, of which #1 is open.")
    assert found.differs == ""
    world.do(commands.acknowledge, joined.incident_id)


def test_a_symptom_that_is_worse_raises_the_incident_and_pages(world: World) -> None:
    world.arrive(alert("DbSlow"))
    world.expect_page("ana")
    cause = signal(world, "DbSlow").incident_id
    assert cause is not None
    world.arrive(groq())
    assert numbers(world) == [1]
    assert world.read(incidents.load, cause).severity == "P1"
    world.overlook()
    world.arrive(down())
    assert numbers(world) == [1]
    assert world.read(incidents.load, cause).severity == "P0"
    assert world.read(incidents.load, cause).acknowledged_at is None
    world.do(commands.acknowledge, cause)
    world.overlook()


def test_where_a_person_set_the_level_what_is_worse_is_an_incident_of_its_own(world: World) -> None:
    incident = world.declare("The database limps", severity="P2", service="database")
    world.do(commands.acknowledge, incident.id)
    world.do(commands.change_severity, incident.id, "P3", "It limps only a little")
    world.overlook()
    world.arrive(groq())
    assert numbers(world) == [2, 1]
    world.expect_page("ana")
    world.do(commands.acknowledge, world.read(incidents.listing)[0].id)


def test_what_is_confidential_is_never_a_symptom(world: World) -> None:
    world.arrive(alert("DbDown"))
    world.overlook()
    world.arrive(alert("Theft"))
    assert len(numbers(world)) == 2
    world.overlook()


def test_a_cause_whose_fix_is_in_takes_no_new_symptoms(world: World) -> None:
    world.arrive(alert("DbDown"))
    cause = signal(world, "DbDown").incident_id
    assert cause is not None
    world.do(commands.acknowledge, cause)
    world.do(commands.mitigate, cause, "failed over")
    world.arrive(alert("DbDown", State.RESOLVED))
    world.do(mend, cause)
    assert world.read(incidents.load, cause).status is Status.WATCHING
    world.overlook()
    world.arrive(groq())
    assert numbers(world) == [2, 1]
    world.overlook()


def test_a_symptom_that_outlives_its_cause_opens_the_incident_again(world: World) -> None:
    world.arrive(alert("DbDown"))
    cause = signal(world, "DbDown").incident_id
    assert cause is not None
    world.arrive(groq())
    world.do(commands.acknowledge, cause)
    world.do(commands.mitigate, cause, "failed over")
    world.arrive(alert("DbDown", State.RESOLVED))
    world.do(mend, cause)
    world.advance(seconds=timedelta(hours=1).total_seconds())
    assert world.read(incidents.load, cause).status in (Status.INVESTIGATING, Status.MITIGATING)
    world.overlook()
