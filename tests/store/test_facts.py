"""What reports keep of the record from one to the next is what the record says, whoever asks; on both databases."""

from datetime import timedelta
from typing import Any

from tests.store.test_sight import declare, person
from tocsin.db.engine import Database
from tocsin.insights import store as facts
from tocsin.kit.actor import SYSTEM, Actor
from tocsin.kit.clock import ManualClock
from tocsin.response import commands, secrecy, tick

ERIN, LUCIA = person("erin"), person("lucia")


def known(database: Database, by: Actor = SYSTEM, days: int = 30) -> tuple[list[Any], list[Any]]:
    with database.read(by) as tx:
        return facts.known(tx, tx.now - timedelta(days=days), tx.now + timedelta(milliseconds=1), 10)


def anew(database: Database) -> tuple[list[Any], list[Any]]:
    """The same, read by a unit of work that may write: of such a one nothing is kept."""
    with database.work(SYSTEM) as tx:
        return facts.known(tx, tx.now - timedelta(days=30), tx.now + timedelta(milliseconds=1), 10)


def test_what_changes_is_read_again(database: Database, clock: ManualClock) -> None:
    first = declare(database, "service_outage")
    assert [one.number for one in known(database)[0]] == [1]
    clock.advance_to(clock.now() + timedelta(hours=2))
    database.run(SYSTEM, tick.settle_due)
    database.run(LUCIA, lambda tx: commands.acknowledge(tx, first.id))
    declare(database, "service_outage")
    for later in (0, 1, 60):
        clock.advance_to(clock.now() + timedelta(seconds=later))
        found, ended = known(database)
        assert [one.number for one in found] == [2, 1]
        assert found[1].took.acknowledge == timedelta(hours=2)
        assert "acknowledge" in {one.key for one in ended if one.incident_id == first.id}
        assert (found, ended) == anew(database)


def test_what_was_declared_before_is_read_once_it_is_asked_for(database: Database, clock: ManualClock) -> None:
    declare(database, "service_outage")
    clock.advance_to(clock.now() + timedelta(days=5))
    declare(database, "service_outage")
    assert [one.number for one in known(database, days=1)[0]] == [2]
    assert [one.number for one in known(database, days=10)[0]] == [2, 1]
    assert [one.number for one in known(database, days=1)[0]] == [2]


def test_each_gets_what_they_may_see(database: Database, clock: ManualClock) -> None:
    one = declare(database, "service_outage")
    assert known(database, LUCIA)[0] == known(database, ERIN)[0] != []
    database.run(LUCIA, lambda tx: secrecy.make_confidential(tx, one.id, "it names a customer"))
    assert [found.title for found in known(database, LUCIA)[0]] == [one.title]
    assert known(database, ERIN) == ([], [])
    clock.advance_to(clock.now() + timedelta(minutes=1))
    assert known(database, ERIN) == ([], [])
    assert known(database, LUCIA) == anew(database)
