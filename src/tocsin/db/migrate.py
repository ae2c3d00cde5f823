"""Bringing a database to this release's schema, safely with several nodes starting at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tocsin.db.engine import Database
from tocsin.kit.clock import SystemClock
from tocsin.kit.errors import Refused


class TooNew(Refused):
    """The database was written by a newer Tocsin."""


def upgrade(url: str) -> None:
    database = Database(url, SystemClock())
    try:
        migrate(database)
    finally:
        database.dispose()


def migrate(database: Database) -> None:
    """Run the migrations that are missing, in one transaction. Raises TooNew for a database of a later release."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    with database.begin_exclusive() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        known = {revision.revision for revision in script.walk_revisions()}
        if present is not None and present not in known:
            raise TooNew(
                f"The database was written by a newer Tocsin (its schema is {present}; this release knows "
                f"{script.get_current_head()}). Start that release, or restore a copy from before."
            )
        if present != script.get_current_head():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
