"""Tokens, by which programs come in. Of each secret only the hash is kept."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Row, Table, Text, select

from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id, new_key, new_secret
from tocsin.people import access
from tocsin.people.model import Account, Token
from tocsin.people.store import digest, load_person

table = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("hash", Text),
    Column("rights", Json),
    Column("created_by", Text),
    Column("created_at", Instant),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("person", Text),
    Column("used_at", Instant),
)


class NoSuchToken(NotFound):
    """There is no such token."""


def add(
    tx: Tx, name: str, rights: frozenset[str], *, lasts: timedelta | None, owner: str | None = None
) -> tuple[Token, str]:
    """Make a token; its secret is shown this once. One that only sends signals has the shape of a routing key."""
    secret = new_key() if rights == frozenset({"signals:write"}) else "tcs_" + new_secret()
    row = {
        "id": new_id("tok"),
        "name": name,
        "hash": digest(secret),
        "rights": sorted(rights),
        "created_by": tx.actor.handle,
        "created_at": tx.now,
        "expires_at": tx.now + lasts if lasts else None,
        "revoked_at": None,
        "person": owner,
        "used_at": None,
    }
    tx.add(table, row)
    made = live(tx, secret)
    assert made is not None  # noqa: S101 - written in this very unit of work
    return made, secret


def listed(tx: Tx) -> list[Token]:
    return [_token(row) for row in tx.all(select(table).order_by(table.c.created_at))]


def live(tx: Tx, secret: str) -> Token | None:
    """The token with this secret, unless it is revoked or has expired.

    A person's token gives no more than the person has now, and nothing once the account is disabled.
    """
    row = tx.first(select(table).where((table.c.hash == digest(secret)) & table.c.revoked_at.is_(None)))
    if row is None or (row.expires_at and row.expires_at <= tx.now):
        return None
    found = _token(row)
    return found if found.person is None else _within(found, load_person(tx, found.person))


def _within(found: Token, owner: Account) -> Token | None:
    if owner.disabled_at is not None:
        return None
    allowed = access.RIGHTS[owner.role]
    return found if "*" in allowed else replace(found, rights=found.rights & allowed)


def keep_uses(tx: Tx, uses: Mapping[str, datetime]) -> None:
    """Write down when tokens were last used; what another node has kept of a later use stays."""
    for token_id, at in uses.items():
        is_news = table.c.used_at.is_(None) | (table.c.used_at < at)
        tx.run(table.update().where((table.c.id == token_id) & is_news).values(used_at=at))


def revoke(tx: Tx, token_id: str) -> None:
    known = (table.c.id == token_id) & table.c.revoked_at.is_(None)
    if not tx.run(table.update().where(known).values(revoked_at=tx.now)).rowcount:
        raise NoSuchToken(f"There is no live token {token_id}.")


def _token(row: Row[Any]) -> Token:
    plain = ("id", "name", "created_by", "created_at", "expires_at", "revoked_at", "person", "used_at")
    return Token(**{name: row._mapping[name] for name in plain}, rights=frozenset(row.rights))
