"""Whatever a set of rows holds comes out as it went in, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, select

from tocsin.db.columns import Instant, Json
from tocsin.db.engine import Database, Overtaken, Tx
from tocsin.kit.actor import SYSTEM

metadata = MetaData()
thing = Table(
    "thing",
    metadata,
    Column("id", Text, primary_key=True),
    Column("by", Text),  # a word that SQL has for itself
    Column("size", Integer),
    Column("at", Instant),
    Column("body", Json),
)

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(-(2**31), 2**31 - 1)
values = st.recursive(
    st.none() | st.booleans() | numbers | words | st.integers(-999, 999).map(lambda n: n / 8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
seconds = st.integers(0, 4 * 10**9).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
rows = st.fixed_dictionaries(
    {
        "by": st.none() | words,
        "size": st.none() | numbers,
        "at": st.none() | seconds,
        "body": st.dictionaries(words, values, max_size=4),
    }
)


@pytest.fixture
def things(database: Database) -> Iterator[Database]:
    with database.work(SYSTEM) as tx:
        metadata.create_all(tx.connection)
    yield database
    with database.work(SYSTEM) as tx:
        metadata.drop_all(tx.connection)


def kept(tx: Tx) -> dict[str, dict[str, Any]]:
    found = {row.id: dict(row._mapping) for row in tx.all(select(thing))}
    for row in found.values():
        del row["id"]
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(words, rows, min_size=1, max_size=4), after=rows)
def test_rows_are_read_as_they_were_written_and_changed(
    things: Database, before: dict[str, dict[str, Any]], after: dict[str, Any]
) -> None:
    with things.work(SYSTEM) as tx:
        tx.run(thing.delete())
        for key, row in before.items():
            tx.add(thing, {"id": key, **row})
        assert kept(tx) == before
        for key in before:
            tx.put(thing, key, after)
        assert kept(tx) == dict.fromkeys(before, after)


def test_a_change_of_one_row_leaves_the_others_alone(things: Database) -> None:
    with things.work(SYSTEM) as tx:
        for key in "abc":
            tx.add(thing, {"id": key, "by": "ana", "size": 1, "at": None, "body": {}})
        tx.flush()
        tx.put(thing, "b", {"size": 2})
        tx.put(thing, "c", {"by": "ben"})
        assert [(row["by"], row["size"]) for row in kept(tx).values()] == [("ana", 1), ("ana", 2), ("ben", 1)]


def test_whoever_writes_a_key_second_is_told_so_and_keeps_nothing_of_the_set(things: Database) -> None:
    def put_in(tx: Tx, *keys: str) -> None:
        for key in keys:
            tx.add(thing, {"id": key, "by": None, "size": None, "at": None, "body": {}})

    things.run(SYSTEM, lambda tx: put_in(tx, "taken"))
    with pytest.raises(Overtaken):
        things.run(SYSTEM, lambda tx: put_in(tx, "new", "taken"))
    with things.read(SYSTEM) as tx:
        assert list(kept(tx)) == ["taken"]
