"""Copies of a PostgreSQL database that are emptied and lent again.

A copy costs the server ten times as much as taking a test's rows away: it is four hundred files to make, and to remove.
So a test gets one that an earlier test of this process had, if that left the tables as they were made; what the
template holds is put back. Whatever else a test did there (a table, a trigger, a setting) ends the copy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import Connection, sql

from tests.support import postgres

MUCH = 256 * 1024  # bytes in one table, after which a new copy is cheaper than what is left of the old rows

_rested: dict[str, list[str]] = {}
_templates: dict[str, "_Made"] = {}


@contextmanager
def copy_of(template: str) -> Iterator[str]:
    """The address of a database that is as the template is; the test's own until the block ends."""
    rested = _rested.setdefault(template, [])
    name = rested.pop() if rested else _new(template)
    try:
        yield postgres.address(name)
    finally:
        if _is_as_new(name, _templates[template]):
            rested.append(name)
        else:
            postgres.drop(name)


def _new(template: str) -> str:
    name = postgres.create(template)
    if template not in _templates:  # read from its copy: nobody may be in a template while it is copied
        _templates[template] = _look(name)
    return name


def _is_as_new(name: str, made: "_Made") -> bool:
    """Take away what was written there; False if that does not make it what the template is."""
    try:
        with psycopg.connect(postgres.address(name)) as connection:
            _be_alone(connection)
            if _shape(connection) != made.shape or _largest(connection) > MUCH:
                return False
            _empty(connection)
            _fill(connection, made)
    except psycopg.errors.InsufficientPrivilege:  # a server that was lent to us: its triggers are not ours to pass by
        return False
    return True


# ---- What the template is --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """What a copy must be brought back to."""

    shape: list[tuple[str, str]]
    rows: dict[str, list[str]]  # of each table that is not empty, as PostgreSQL writes a row
    sequences: dict[str, tuple[int, bool]]


def _look(name: str) -> _Made:
    with psycopg.connect(postgres.address(name)) as connection:
        rows = {
            table: _column(connection, sql.SQL("select t::text from {} t").format(sql.Identifier(table)))
            for table in _tables(connection)
        }
        sequences = {
            name: connection.execute(
                sql.SQL("select last_value, is_called from {}").format(sql.Identifier(name))
            ).fetchone()
            or (1, False)
            for name in _column(connection, sql.SQL("select sequencename::text from pg_sequences"))
        }
        return _Made(_shape(connection), {table: found for table, found in rows.items() if found}, sequences)


# Each version of a row in the catalogues that describe what people made: a copy's are the template's to the place.
_SHAPE = " union all ".join(
    f"select '{catalogue}', md5(string_agg(ctid::text || xmin::text, ' ' order by ctid)) from {catalogue} where {own}"
    for catalogue, own in {
        "pg_class": "oid >= 16384",
        "pg_attribute": "attrelid >= 16384",
        "pg_attrdef": "oid >= 16384",
        "pg_index": "indexrelid >= 16384",
        "pg_constraint": "oid >= 16384",
        "pg_trigger": "oid >= 16384",
        "pg_proc": "oid >= 16384",
        "pg_type": "oid >= 16384",
        "pg_extension": "oid >= 16384",
        "pg_db_role_setting": "setdatabase = (select oid from pg_database where datname = current_database())",
    }.items()
)


def _shape(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(_SHAPE).fetchall()


# ---- Bringing a copy back to it --------------------------------------------------------------------------------------

_OWN_TABLES = "from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


def _be_alone(connection: Connection) -> None:
    """End what still has a connection, and have no trigger keep a row."""
    connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    connection.execute("set session_replication_role = replica")


def _largest(connection: Connection) -> int:
    (size,) = connection.execute(f"select max(pg_relation_size(oid)) {_OWN_TABLES}").fetchone() or (0,)
    return int(size)


def _tables(connection: Connection) -> list[str]:
    """All tables that may hold a row: those whose file is not empty."""
    return _column(connection, sql.SQL(f"select relname::text {_OWN_TABLES} and pg_relation_size(oid) > 0"))


def _column(connection: Connection, query: sql.SQL | sql.Composed) -> list[str]:
    return [value for (value,) in connection.execute(query).fetchall()]


def _empty(connection: Connection) -> None:
    for table in _tables(connection):
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(table)))


def _fill(connection: Connection, made: _Made) -> None:
    for table, rows in made.rows.items():
        name = sql.Identifier(table)
        connection.execute(
            sql.SQL("insert into {} select (row::{}).* from unnest(%s::text[]) row").format(name, name), [rows]
        )
    for sequence, (last, called) in made.sequences.items():
        connection.execute("select setval(%s::regclass, %s, %s)", [sequence, last, called])
