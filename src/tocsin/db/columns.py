"""Column types that mean the same on both databases."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    MetaData,
    Text,
    bindparam,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from tocsin.kit.clock import from_millis, to_millis

metadata = MetaData()

SECRET = "secret"
SEALED = {SECRET: True}
"""The `info` of a column whose values are sealed before they are written: `tx.keys.seal(…)`."""

# SQLite numbers rows by itself only where the key is called INTEGER.
AutoKey = BigInteger().with_variant(Integer(), "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


def bound(name: str) -> BindParameter[int]:
    """How many rows are wanted, written into the statement itself: PostgreSQL plans once for whatever is bound to a
    place, and for a number of rows that it does not know it takes a tenth of the table."""
    return bindparam(name, type_=Integer, literal_execute=True)


MOST = bound("most")


def fixed(value: str | int) -> ColumnElement[Any]:
    """A constant of ours that is written into the statement itself: how many are open, and by which index they are
    found, PostgreSQL has to know when it plans."""
    if isinstance(value, int):
        return literal_column(str(value), Integer)
    return literal_column("'" + value.replace("'", "''") + "'", Text)


class Instant(TypeDecorator[datetime]):
    """An instant, kept as milliseconds since 1970 in UTC: the same order, index and SQL on both databases."""

    impl = BigInteger
    cache_ok = True

    # The conversions themselves, not the `process_…` hooks around them: thousands of rows hold seven instants each.

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return _to_column

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return _from_column


class Decoded(TypeDecorator[Any]):
    """JSON cast to this is read as one of our types at once: what it is made of is not made before."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.kind = kind

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        return msgspec.json.Decoder(self.kind).decode


def _to_column(value: datetime | None) -> int | None:
    return None if value is None else to_millis(value)


def _from_column(value: int | None) -> datetime | None:
    return None if value is None else from_millis(value)
