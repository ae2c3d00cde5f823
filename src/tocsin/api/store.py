"""Answers that were given to requests with a key, so that the same request sent twice is carried out once.

A row is written in the unit of work that the request carries out: its key is the lock. The answer follows when it is
known. What it says is sealed under the caller's own token and key, which are kept nowhere, so that it holds no secret
that whoever reads the database could use.
"""

import base64
import hashlib
from datetime import timedelta
from typing import NamedTuple

from cryptography.fernet import Fernet
from sqlalchemy import Column, Integer, Table, Text, delete, select

from tocsin.db.columns import Instant, metadata
from tocsin.db.engine import Tx
from tocsin.kit.errors import Invalid

KEPT_FOR = timedelta(days=1)

given = Table(
    "given_answer",
    metadata,
    Column("id", Text, primary_key=True),
    Column("request", Text),  # a hash of what was asked
    Column("at", Instant),
    Column("status", Integer),
    Column("answer", Text),
)


class KeyReused(Invalid):
    """This Idempotency-Key came with another request before; use a new one for each."""


class Given(NamedTuple):
    """What became of a request. Without a status its answer is not known yet."""

    request: str
    status: int | None
    answer: str | None


def name(secret: str, key: str) -> str:
    """Under what a key of a token is kept."""
    return hashlib.sha256(f"{secret}\0{key}".encode()).hexdigest()


def find(tx: Tx, row_id: str) -> Given | None:
    wanted = (given.c.id == row_id) & (given.c.at > tx.now - KEPT_FOR)
    row = tx.first(select(given.c.request, given.c.status, given.c.answer).where(wanted))
    return Given._make(row) if row else None


def check(known: Given, request: str) -> None:
    """Raises KeyReused where a key came with another request."""
    if known.request != request:
        raise KeyReused


def begin(tx: Tx, row_id: str, request: str) -> None:
    """Write down that a request is carried out now, and forget those of yesterday."""
    tx.run(delete(given).where(given.c.at <= tx.now - KEPT_FOR))
    tx.add(given, {"id": row_id, "request": request, "at": tx.now, "status": None, "answer": None})


def finish(tx: Tx, row_id: str, status: int, answer: str) -> None:
    tx.put(given, row_id, {"status": status, "answer": answer})


def sealed(secret: str, key: str, answer: bytes) -> str:
    return _fernet(secret, key).encrypt(answer).decode()


def opened(secret: str, key: str, answer: str) -> bytes:
    return _fernet(secret, key).decrypt(answer.encode())


def _fernet(secret: str, key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"answer\0{secret}\0{key}".encode()).digest()))
