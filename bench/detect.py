"""Every fault that the stand-in of Rose can show: declared as what it is, and how soon? And what while she is well?"""

from pathlib import Path

from bench import installation
from bench.measure import Measured
from tests.support import faults
from tests.support.faults import FAULTS
from tests.support.world import World
from tocsin.db.migrate import upgrade

SEEDS = (1, 2, 3)
MINUTES = 60


def detection() -> list[Measured]:
    with installation.folder() as folder:
        right, after = 0, {}
        for number, fault in enumerate(FAULTS):
            world = _world(folder / f"fault-{number}.db")
            found = faults.live(world, fault)
            right += found.is_right(fault)
            after[fault.name] = None if found.after is None else found.after.total_seconds()
            _leave(world)
        false_alarms = sum(_false_alarms(folder / f"well-{seed}.db", seed) for seed in SEEDS)
    told = [seconds for seconds in after.values() if seconds is not None]
    about: dict[str, object] = {"seconds": after, "of": len(FAULTS)}
    return [
        Measured(
            name="detect, right of all faults", value=100 * right / len(FAULTS), unit="%", target=100, about=about
        ),
        Measured(
            name="detect, slowest",
            value=max(told),
            unit="s",
            target=faults.NEXT_WALK.total_seconds(),
            less_is_better=True,
        ),
        Measured(
            name="detect, false alarms an hour",
            value=false_alarms / len(SEEDS),
            unit="incidents",
            target=0,
            less_is_better=True,
        ),
    ]


def _false_alarms(path: Path, seed: int) -> int:
    world = _world(path)
    faults.jitter(world, seed)
    world.watch_rose()
    for minute in range(MINUTES):
        faults.talk(world, well=20, failing=int(minute % 10 == 0))
        world.advance(minutes=1)
    found = faults.declared(world)
    _leave(world)
    return len(found)


def _world(path: Path) -> World:
    url = f"sqlite:///{path}"
    upgrade(url)
    return World(url)


def _leave(world: World) -> None:
    world.overlook()
    world.close()
