"""Bringing a database to this release's schema, safely with several nodes starting at once."""

import importlib
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tocsin.db.engine import Database
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Refused

VERSIONS = Path(__file__).parent / "migrations" / "versions"


class TooNew(Refused):
    """The database was written by a newer Tocsin."""


def upgrade(url: str) -> None:
    database = Database(url, SystemClock())
    try:
        migrate(database)
    finally:
        database.dispose()


def migrate(database: Database) -> None:
    """Run the migrations that are missing, in one transaction. Raises TooNew for a database of a later release.

    A database that misses none, as at every start but the first of a release, does not load what runs them: it would
    be a tenth of the server's memory.
    """
    known = revisions()
    with database.begin_exclusive() as connection:
        present = _present(connection)
        if present is not None and present not in known:
            raise TooNew(
                f"The database was written by a newer Tocsin (its schema is {present}; this release knows "
                f"{known[-1]}). Start that release, or restore a copy from before."
            )
        if present != known[-1]:
            importlib.import_module("tocsin.db.upgrading").upgrade(connection)


def revisions() -> list[str]:
    """The schemas of this release, the newest last: each migration's file begins with the number that it is called."""
    return sorted(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))


def _present(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("select version_num from alembic_version")).scalar()
    return found
