"""Writing many rows with one statement: the whole set travels as one JSON parameter.

However large the set is, the database is called once, so that whoever else waits for the interpreter is not kept
waiting row by row. SQLite takes the set apart with `json_each`, PostgreSQL with `jsonb_array_elements`.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, Column, Connection, Dialect, Table

from tocsin.kit.clock import to_millis

_encoder = msgspec.json.Encoder()


def insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns, in whatever order."""
    names = tuple(rows[0])
    sql = _insert(table, names, connection.dialect)
    connection.exec_driver_sql(sql, (encoded([_listed(row[name] for name in names) for row in rows]),))


def update(connection: Connection, table: Table, names: tuple[str, ...], rows: Mapping[Any, Iterable[Any]]) -> None:
    """Give these columns of the rows with these primary keys the values that stand beside each key."""
    sql = _update(table, names, connection.dialect)
    connection.exec_driver_sql(sql, (encoded([[key, *_listed(values)] for key, values in rows.items()]),))


def _listed(values: Iterable[Any]) -> list[Any]:
    return [_millis(value) if type(value) is datetime else value for value in values]


# Most instants of a set are the one of its unit of work, and a thousand duties fall due at a few.
_millis = functools.lru_cache(maxsize=4096)(to_millis)


def encoded(rows: Sequence[Sequence[Any]]) -> str:
    return _encoder.encode(rows).decode()


@functools.cache
def _insert(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    values = ", ".join(_value(table.c[name], place, dialect) for place, name in enumerate(names))
    columns = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    return f"insert into {table.name} ({columns}) select {values} from {_set_of(dialect)}"  # noqa: S608 - names of ours


@functools.cache
def _update(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    (key,) = table.primary_key.columns
    quote = dialect.identifier_preparer.quote
    changes = ", ".join(
        f"{quote(name)} = {_value(table.c[name], place, dialect)}" for place, name in enumerate(names, 1)
    )
    this = f"{table.name}.{key.name} = {_value(key, 0, dialect)}"
    return f"update {table.name} set {changes} from {_set_of(dialect)} where {this}"  # noqa: S608 - names of ours


def _set_of(dialect: Dialect) -> str:
    if dialect.name == "sqlite":
        return "json_each(?) as one"
    return "jsonb_array_elements(cast(%s as jsonb)) as one(value)"


def _value(column: Column[Any], place: int, dialect: Dialect) -> str:
    """The element at this place of one row's array, in the column's own type."""
    if dialect.name == "sqlite":
        return f"json_extract(one.value, '$[{place}]')"
    if isinstance(column.type, JSON):
        return f"nullif(one.value -> {place}, 'null')"
    return f"cast(one.value ->> {place} as {column.type.compile(dialect)})"
