"""Starting on an empty database, on one that is up to date, on one of a later release, and on no database at all."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import ProgrammingError

import tocsin.main  # noqa: F401 - with all that a server is made of come all its tables
from tests.support.races import together
from tocsin.app import App
from tocsin.db import keys
from tocsin.db.columns import metadata
from tocsin.db.engine import BadDatabaseUrl, Database, StorageUnavailable
from tocsin.db.migrate import TooNew, migrate, revisions, upgrade
from tocsin.db.upgrading import FOLDER
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.plan import store as plans
from tocsin.review import store as reviews
from tocsin.settings import Settings

OF_NO_STORE = {"alembic_version"}
WORDS = "passage_words"  # the index, which each database has in its own way


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url, SystemClock())
    yield database
    database.dispose()


def columns(database: Database) -> dict[str, set[str]]:
    with database.begin_exclusive() as connection:
        found = inspect(connection)
        names = [one for one in found.get_table_names() if one not in OF_NO_STORE and not one.startswith(WORDS)]
        return {name: {column["name"] for column in found.get_columns(name)} for name in names}


def revision(database: Database) -> str:
    with database.read(SYSTEM) as tx:
        return str(tx.scalar(text("select version_num from alembic_version")))


def test_an_empty_database_gets_every_table_and_again_changes_nothing(empty: Database) -> None:
    migrate(empty)
    first = (revision(empty), columns(empty))
    migrate(empty)
    assert (revision(empty), columns(empty)) == first
    with empty.read(SYSTEM) as tx:
        assert incidents.listing(tx) == []


def test_the_files_are_numbered_in_the_order_in_which_they_run() -> None:
    chain = [one.revision for one in ScriptDirectory(str(FOLDER)).walk_revisions()]
    assert revisions() == chain[::-1]


def test_a_database_that_is_up_to_date_does_not_load_what_runs_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    upgrade(url)
    start = f"import sys; from tocsin.db.migrate import upgrade; upgrade({url!r}); print('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_tables_are_those_that_the_stores_speak_of(empty: Database) -> None:
    migrate(empty)
    assert reviews.table.metadata is metadata  # with the imports above, every store has named its tables
    assert columns(empty) == {
        table.name: {column.name for column in table.columns} for table in metadata.tables.values()
    }


def test_keys_that_must_be_unique_are_unique_in_the_database_too(empty: Database) -> None:
    migrate(empty)
    with empty.begin_exclusive() as connection:
        found = inspect(connection)
        keys = {name: found.get_pk_constraint(name)["constrained_columns"] for name in metadata.tables}
        unique = {(name, *one["column_names"]) for name in UNIQUE for one in found.get_unique_constraints(name)}
    assert keys == {name: [one.name for one in table.primary_key.columns] for name, table in metadata.tables.items()}
    assert unique == {(name, *wanted) for name, wanted in UNIQUE.items()}


UNIQUE = {
    "message": ("dedup_key",),
    "signal": ("source", "key"),
    "token": ("hash",),
    "incident": ("number",),
    "room": ("incident_id", "private"),
}


def test_two_nodes_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    def start() -> str:
        database = Database(empty_database_url, SystemClock())
        try:
            migrate(database)
            return revision(database)
        finally:
            database.dispose()

    assert len(set(together(start, start, start))) == 1


def test_two_nodes_that_start_at_once_furnish_the_installation_once(empty_database_url: str) -> None:
    settings = Settings(database_url=empty_database_url)

    def start() -> tuple[str, str]:
        app = App(settings, SystemClock())
        try:
            app.prepare()
            with app.database.read(SYSTEM) as tx:
                return plans.current_id(tx), keys.problem(tx)
        finally:
            app.database.dispose()

    ((_, trouble),) = set(together(start, start))
    assert trouble == ""  # nor do two of them make two keys, of which one is lost


def test_a_database_of_a_later_release_is_refused_and_left_alone(empty: Database) -> None:
    migrate(empty)
    with empty.begin_exclusive() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    before = columns(empty)
    with pytest.raises(TooNew, match=r"newer Tocsin.*9999.*restore a copy"):
        migrate(empty)
    assert (revision(empty), columns(empty)) == ("9999", before)


def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    with empty.begin_exclusive() as connection:
        connection.execute(text("create table message (odd integer)"))
    with pytest.raises((StorageUnavailable, ProgrammingError), match="message"):
        migrate(empty)
    assert columns(empty) == {"message": {"odd"}}


# ---- What is no database ---------------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused_in_a_sentence_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Things to do\n" * 100)
    with pytest.raises(BadDatabaseUrl, match="not a SQLite database"):
        upgrade(f"sqlite:///{file}")
    assert file.read_text() == "Things to do\n" * 100


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="unable to open"):
        upgrade(f"sqlite:///{tmp_path}")


def test_a_folder_that_can_not_be_made_is_said_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadDatabaseUrl, match="file"):
        upgrade(f"sqlite:///{tmp_path / 'file' / 'below' / 'tocsin.db'}")


def test_a_server_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match=f"does not take this now.*{tmp_path}") as why:
        upgrade(f"postgresql://tocsin@/tocsin?host={tmp_path}")
    assert str(tmp_path) not in why.value.message  # which is what strangers read


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'var' / 'lib' / 'tocsin.db'}")
    assert (tmp_path / "var" / "lib" / "tocsin.db").is_file()


def test_an_index_of_an_earlier_form_is_made_anew(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with empty.begin_exclusive() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0036")
        connection.execute(text("delete from to_index"))
        connection.execute(text("insert into passage (id, kind, subject, number) values (1, 'signal', 'sig_1', 0)"))
        words = "tags) values (1, 'x')" if empty.is_sqlite else "words) values (1, 'x')"
        connection.execute(text(f"insert into passage_words (rowid, {words}"))
    migrate(empty)
    with empty.read(SYSTEM) as tx:
        assert [tx.scalar(text(f"select count(*) from {table}")) for table in ("passage", WORDS)] == [0, 0]
        assert {row.id for row in tx.all(text("select id from to_index"))} == {"every incident", "every signal"}
