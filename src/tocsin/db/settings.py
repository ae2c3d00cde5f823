"""Single values that belong to the installation: the current plan, the key that signs links."""

from sqlalchemy import Column, Table, Text, select

from tocsin.db.columns import metadata
from tocsin.db.engine import Tx
from tocsin.kit.ids import new_secret

table = Table("setting", metadata, Column("key", Text, primary_key=True), Column("value", Text))

SIGNING_KEY = "signing.key"
BASE_URL = "base.url"  # under which people reach this installation; written at each start


def read(tx: Tx, key: str) -> str | None:
    value: str | None = tx.scalar(select(table.c.value).where(table.c.key == key))
    return value


def write(tx: Tx, key: str, value: str) -> None:
    change = table.update().where(table.c.key == key).values(value=value)
    if not tx.run(change).rowcount:
        tx.run(table.insert().values(key=key, value=value))


def signing_key(tx: Tx) -> bytes:
    """The installation's secret for signed links, made at its first use; needs a unit of work that may write."""
    value = read(tx, SIGNING_KEY)
    if value is None:
        value = new_secret()
        write(tx, SIGNING_KEY, value)
    return value.encode()
