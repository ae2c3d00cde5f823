"""Each fault that Rose can show is declared as the plan has it, in time; and nothing is while she is well."""

import pytest

from tests.support import faults
from tests.support.faults import FAULTS, Fault
from tests.support.world import World


@pytest.mark.parametrize("fault", FAULTS, ids=[one.name for one in FAULTS])
def test_a_fault_is_declared_as_what_it_is_in_time(sqlite_url: str, fault: Fault) -> None:
    world = World(sqlite_url)
    found = faults.live(world, fault)
    shown = [(one.type, one.severity, one.title) for one in found.incidents]
    assert found.is_right(fault), (shown, found.after)
    world.overlook()
    world.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_of_a_healthy_service_declares_nothing(sqlite_url: str, seed: int) -> None:
    world = World(sqlite_url)
    faults.jitter(world, seed)
    world.watch_rose()
    for minute in range(60):
        faults.talk(world, well=20, failing=int(minute % 10 == 0))
        world.advance(minutes=1)
    assert [one.title for one in faults.declared(world)] == []
    world.expect_silence()
    world.close()
