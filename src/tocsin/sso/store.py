"""Whose account somebody of the provider has, and which sign-ins came back already."""

import hashlib

from sqlalchemy import Column, ColumnElement, Row, Table, Text, delete, select

from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.people.sessions import table as session
from tocsin.people.store import digest
from tocsin.sso.model import ATTEMPT_LASTS, Identity

identity = Table(
    "sso_identity",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("handle", Text),
    Column("linked_at", Instant),
    Column("used_at", Instant),
)
used = Table(
    "sso_used",
    metadata,
    Column("state", Text, primary_key=True),
    Column("used_at", Instant),
)


def known(tx: Tx, issuer: str, subject: str) -> Identity | None:
    row = tx.first(select(identity).where((identity.c.issuer == issuer) & (identity.c.subject == subject)))
    return _identity(row) if row else None


def is_linked(tx: Tx, handle: str, issuer: str) -> bool:
    """Whether an account is somebody's at this provider."""
    of_this = (identity.c.handle == handle) & (identity.c.issuer == issuer)
    return tx.first(select(identity.c.subject).where(of_this)) is not None


def linked(tx: Tx) -> frozenset[str]:
    """The handles of all accounts that are somebody's at a provider."""
    return frozenset(str(row.handle) for row in tx.all(select(identity.c.handle).distinct()))


def unlink(tx: Tx, handle: str) -> int:
    return tx.run(delete(identity).where(identity.c.handle == handle)).rowcount


def link(tx: Tx, issuer: str, subject: str, handle: str) -> None:
    row = {"issuer": issuer, "subject": subject, "handle": handle, "linked_at": tx.now, "used_at": tx.now}
    tx.run(identity.insert().values(row))


def note_use(tx: Tx, issuer: str, subject: str) -> None:
    of_this = (identity.c.issuer == issuer) & (identity.c.subject == subject)
    tx.run(identity.update().where(of_this).values(used_at=tx.now))


def use_up(tx: Tx, state: str) -> bool:
    """Note that a sign-in has come back. The first caller gets True, everyone after gets False."""
    tx.run(delete(used).where(used.c.used_at <= tx.now - 2 * ATTEMPT_LASTS))
    digest = hashlib.sha256(state.encode()).hexdigest()
    if tx.first(select(used.c.state).where(used.c.state == digest)):
        return False
    tx.run(used.insert().values(state=digest, used_at=tx.now))
    return True


# ---- Sessions that were begun by the word of a provider ----


def note_session(tx: Tx, secret: str, provider_session: str, id_token: str) -> None:
    """This session was begun by the word of a provider; with its proof it is signed out there too."""
    row = {"provider_session": provider_session, "id_token": tx.keys.seal(id_token)}
    tx.run(session.update().where(session.c.hash == digest(secret)).values(row))


def id_token_of(tx: Tx, secret: str) -> str:
    """The proof by which this session was begun; empty where it was begun otherwise."""
    kept = tx.scalar(select(session.c.id_token).where(session.c.hash == digest(secret)))
    return (tx.keys.shown(kept) or "") if kept else ""


def end_sessions(tx: Tx, handle: str | None, provider_session: str) -> list[str]:
    """End what was begun by the word of a provider: what it calls so, or whatever somebody has of it. Returns whose."""
    of_these: ColumnElement[bool] = session.c.provider_session.is_not(None)
    if provider_session:
        of_these = session.c.provider_session == provider_session
    if handle is not None:
        of_these &= session.c.handle == handle
    ended = [str(row.handle) for row in tx.all(select(session.c.handle).where(of_these))]
    tx.run(delete(session).where(of_these))
    return ended


def _identity(row: Row[tuple[object, ...]]) -> Identity:
    named = row._mapping
    return Identity(
        issuer=named["issuer"], subject=named["subject"], handle=named["handle"], linked_at=named["linked_at"]
    )
