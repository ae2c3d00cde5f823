"""A PostgreSQL database that is lent to a second test is as the first one found it, or it is not lent again."""

import os
from collections.abc import Callable

import psycopg
import pytest
from psycopg import Connection, sql

from tests.support import copies, postgres


def _make(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (id bigserial primary key, text text, raw bytea, words tsvector)")
        connection.execute("create table noted (kept bigint references kept, note text)")
        connection.execute("insert into kept (text, raw, words) values ('it''s, {\"so\"}', '\\x00ff', 'one:1 two:2')")
        connection.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'only ever added'; end $$"
        )
        connection.execute(
            "create trigger only_added before delete or update or truncate on kept "
            "for each statement execute function refuse()"
        )


Lend = Callable[[Callable[[Connection], object]], str]


@pytest.fixture(scope="module")
def template() -> str:
    name = postgres.create()
    _make(postgres.address(name))
    return name


@pytest.fixture
def lent(template: str) -> Lend:
    """Lend a database, do something to it, take it back; says which it was."""

    def lend(deed: Callable[[Connection], object]) -> str:
        with copies.copy_of(template) as url, psycopg.connect(url) as connection:
            deed(connection)
            return connection.info.dbname

    return lend


def _holds(connection: Connection) -> list[tuple[object, ...]]:
    return [
        *connection.execute("select k::text from kept k").fetchall(),
        *connection.execute("select n::text from noted n").fetchall(),
        *connection.execute("select last_value, is_called from kept_id_seq").fetchall(),
    ]


def test_what_one_test_writes_the_next_does_not_find(lent: Lend, template: str) -> None:
    def write(connection: Connection) -> None:
        connection.execute("insert into kept (text) values ('of this test')")
        connection.execute("insert into noted values (2, 'of this test')")

    def change(connection: Connection) -> None:
        connection.execute("alter table kept disable trigger only_added")
        connection.execute("update kept set text = 'changed'")
        connection.execute("alter table kept enable trigger only_added")

    with psycopg.connect(postgres.address(template)) as made:
        as_made = _holds(made)
    found: list[list[tuple[object, ...]]] = []
    first, then = lent(write), lent(lambda connection: found.append(_holds(connection)))
    assert first == then or postgres.OWN_SERVER in os.environ, "it was not lent again"
    lent(change)
    lent(lambda connection: found.append(_holds(connection)))
    assert found == [as_made, as_made]


DEEDS = {
    "a table more": "create table more (id int)",
    "a table less": "drop table noted",
    "a column": "alter table noted add column more int",
    "a default": "alter table noted alter column note set default 'so'",
    "an index": "create index more on noted (note)",
    "a trigger that is off": "alter table kept disable trigger only_added",
    "a function": "alter function refuse() immutable",
    "a constraint": "alter table noted add constraint short check (length(note) < 5)",
    "a setting": "do $$ begin execute format('alter database %I set work_mem = 64', current_database()); end $$",
    "more than is worth it": "insert into noted (note) select repeat('so ', 100) from generate_series(1, 2000)",
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_what_is_not_as_it_was_made_is_not_lent_again(deed: str, lent: Lend) -> None:
    changed = lent(lambda connection: connection.execute(sql.SQL(deed)))
    assert lent(lambda connection: None) != changed


def test_whoever_still_has_a_connection_loses_it(template: str) -> None:
    with copies.copy_of(template) as url:
        left = psycopg.connect(url)
        left.execute("insert into kept (text) values ('never committed')")
    with pytest.raises(psycopg.OperationalError, match="terminat"):
        left.execute("select 1")
    left.close()
