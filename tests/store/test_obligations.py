"""What is owed ends once, is owed once at a time, and is settled by one node only."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.races import together
from tocsin.db.engine import Database, Overtaken
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind, Obligation, State
from tocsin.plan import store as plans
from tocsin.response import commands, doctor, followups, tick


def declare(database: Database, severity: str = "P1", **words: str) -> Incident:
    about: dict[str, Any] = {"title": "Voice replies hang", "type": "service_outage", "service": "rose", **words}
    return database.run(SYSTEM, lambda tx: commands.declare(tx, severity=severity, **about))


def owe(database: Database, key: str, after: float, incident_id: str | None = None) -> Obligation:
    with database.work(SYSTEM) as tx:
        due_at = tx.now + timedelta(minutes=after)
        duty = Duty(key=key, kind=Kind.LOOK, what=f"Look at {key}", clause="", due_at=due_at)
        obligations.open_duty(tx, incident_id, duty)
    return standing(database, key)


def standing(database: Database, key: str) -> Obligation:
    with database.read(SYSTEM) as tx:
        (found,) = [one for one in obligations.open_looks(tx) if one.key == key]
    return found


def test_an_obligation_ends_once(database: Database) -> None:
    owed = owe(database, "look:a", 5)
    with database.work(SYSTEM) as tx:
        assert obligations.settle(tx, owed.id, State.MET, "seen") is True
        assert obligations.settle(tx, owed.id, State.WAIVED, "too late") is False
    with database.work(SYSTEM) as tx:
        assert obligations.settle(tx, owed.id, State.MISSED, "too late") is False
        assert obligations.open_looks(tx) == []


def test_of_two_nodes_that_settle_at_once_one_wins(nodes: tuple[Database, Database]) -> None:
    owed = [owe(nodes[0], f"look:{place}", 5) for place in range(10)]

    def settle_all(database: Database, evidence: str) -> list[bool]:
        return [
            database.run(SYSTEM, lambda tx, one=one: obligations.settle(tx, one.id, State.MET, evidence))  # type: ignore[misc]
            for one in owed
        ]

    one, other = together(lambda: settle_all(nodes[0], "one"), lambda: settle_all(nodes[1], "other"))
    assert [a != b for a, b in zip(one, other, strict=True)] == [True] * 10


def test_one_key_is_open_once_in_an_incident_and_once_without_one(database: Database) -> None:
    incident = declare(database)
    owe(database, "look:a", 5)
    with pytest.raises(Overtaken):
        owe(database, "look:a", 9)
    with database.read(SYSTEM) as tx:
        (resolve,) = [one for one in obligations.open_for(tx, incident.id) if one.key == "resolve"]
    duty = Duty(key="resolve", kind=Kind.RESOLVE, what="Again", clause="", due_at=resolve.due_at)
    with pytest.raises(Overtaken), database.work(SYSTEM) as tx:
        obligations.open_duty(tx, incident.id, duty)
    with database.work(SYSTEM) as tx:  # once the first has ended, the key is free
        obligations.settle(tx, resolve.id, State.VOID, "the level changed")
        obligations.open_duty(tx, incident.id, duty)
    second = declare(database)
    with database.read(SYSTEM) as tx:
        assert {"resolve"} <= {one.key for one in obligations.open_for(tx, second.id)}


def test_what_is_due_comes_soonest_first_and_no_more_than_asked_for(database: Database, clock: ManualClock) -> None:
    for place, after in enumerate((3, 1, 2, 60)):
        owe(database, f"look:{place}", after)
    with database.work(SYSTEM) as tx:
        assert obligations.claim_looks(tx, 10) == []
        assert obligations.next_due(tx) == tx.now + timedelta(minutes=1)
    clock.advance_to(clock.now() + timedelta(minutes=3))
    with database.work(SYSTEM) as tx:
        assert [one.key for one in obligations.claim_looks(tx, 10)] == ["look:1", "look:2", "look:0"]
        assert [one.key for one in obligations.claim_looks(tx, 2)] == ["look:1", "look:2"]
        assert obligations.neglected(tx, tx.now) == 2


def test_a_second_node_passes_over_what_the_first_is_settling(
    nodes: tuple[Database, Database], clock: ManualClock
) -> None:
    for place in range(6):
        owe(nodes[0], f"look:{place}", 1)
    clock.advance_to(clock.now() + timedelta(minutes=1))
    with nodes[0].work(SYSTEM) as first:
        mine = obligations.claim_looks(first, 4)
        (theirs,) = together(lambda: nodes[1].run(SYSTEM, lambda tx: obligations.claim_looks(tx, 10)))
    assert len(mine) == 4
    assert len(theirs) == 2
    assert {one.id for one in mine}.isdisjoint(one.id for one in theirs)


def test_deriving_twice_changes_nothing(database: Database) -> None:
    incident = declare(database, severity="P0")

    def ledger() -> list[Obligation]:
        with database.read(SYSTEM) as tx:
            return obligations.for_incident(tx, incident.id)

    before = ledger()
    assert len(before) > 5
    for _ in range(2):
        with database.work(SYSTEM) as tx:
            followups.rederive(tx, plans.current(tx), incidents.load(tx, incident.id))
    assert ledger() == before


def test_the_ledger_shows_what_is_open_first_and_then_what_ended_last(database: Database, clock: ManualClock) -> None:
    incident = declare(database, severity="P1")
    clock.advance_to(clock.now() + timedelta(minutes=1))
    database.run(SYSTEM, lambda tx: commands.acknowledge(tx, incident.id))
    clock.advance_to(clock.now() + timedelta(minutes=1))
    database.run(SYSTEM, lambda tx: commands.assign(tx, incident.id, "scribe", "ben"))
    with database.read(SYSTEM) as tx:
        found = obligations.for_incident(tx, incident.id)
        soonest = obligations.open_soonest(tx, [incident.id], 3)
        assert obligations.of_incidents(tx, []) == obligations.open_soonest(tx, [], 3) == []
        assert len(obligations.of_incidents(tx, [incident.id])) == len(found)
    states = [one.state is State.OPEN for one in found]
    assert states == sorted(states, reverse=True)
    assert next(one.key for one in found if one.state is State.MET) == "role:scribe"
    assert [one.due_at for one in soonest] == sorted(one.due_at for one in soonest)
    assert all(one.kind not in (Kind.LOOK, Kind.ANSWER) for one in soonest)


def test_what_fell_due_is_settled_once_and_the_doctor_sees_when_nobody_does(
    database: Database, clock: ManualClock
) -> None:
    incident = declare(database, severity="P2", type="performance_degradation")
    clock.advance_to(clock.now() + timedelta(hours=1))
    with database.read(SYSTEM) as tx:
        assert any("wait for time to pass" in problem for problem in doctor.examine(tx))
    while database.run(SYSTEM, tick.settle_due)[0]:
        pass
    with database.read(SYSTEM) as tx:
        assert doctor.examine(tx) == []
        (owed,) = [one for one in obligations.for_incident(tx, incident.id) if one.key == "acknowledge"]
    assert (owed.state, owed.overdue_at, owed.act_at) == (State.OPEN, clock.now(), None)
