"""Stories drive the whole system, on both databases, with a manual clock and recording channels."""

from collections.abc import Iterator

import pytest

from tests.support.world import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(database_url)
    yield world
    world.close()


@pytest.fixture
def busy(world: World) -> Iterator[World]:
    """A world whose story is not about who is written to."""
    yield world
    world.overlook()
