"""An installation with Rose's plan in force, on both databases, and two nodes on one PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources

import pytest

from tocsin.db.engine import Database
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.kit.sealing import Keyring
from tocsin.people import store as people
from tocsin.plan import commands as plan_commands

START = datetime(2026, 11, 24, 2, 38, tzinfo=UTC)
KEYS = Keyring(lambda: ("tsk_which-seals-what-the-tests-keep-of-secrets",))
ROSE = (resources.files("tocsin") / "plans" / "rose.yaml").read_text(encoding="utf-8")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def database(database_url: str, clock: ManualClock) -> Iterator[Database]:
    """Migrated, with a plan, and an e-mail address for everybody whom it names."""
    database = Database(database_url, clock, KEYS)
    _furnish(database)
    yield database
    database.dispose()


@pytest.fixture
def nodes(postgresql_url: str, clock: ManualClock) -> Iterator[tuple[Database, Database]]:
    """Two nodes of one installation: each with connections of its own."""
    one, other = Database(postgresql_url, clock, KEYS), Database(postgresql_url, clock, KEYS)
    _furnish(one)
    yield one, other
    one.dispose()
    other.dispose()


def _furnish(database: Database) -> None:
    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE, "the tests' plan")
        for account in people.people(tx):
            people.change_person(tx, account.handle, email=f"{account.handle}@rose.example")
