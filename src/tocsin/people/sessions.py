"""Where people are signed in, and the links that sign them in once. Of each secret only the hash is kept."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Row, Table, Text, bindparam, delete, func, select

from tocsin.db.columns import SEALED, Instant, metadata
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_secret
from tocsin.people.model import Account, Seen, Session
from tocsin.people.store import account_of, digest, load_person, person


def _expiring(name: str, *more: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("hash", Text, primary_key=True),
        Column("handle", Text),
        Column("created_at", Instant),
        Column("expires_at", Instant),
        *more,
    )


table = _expiring(
    "session",
    Column("way", Text),
    Column("browser", Text),
    Column("source", Text),
    Column("used_at", Instant),
    Column("proven_at", Instant),
    Column("provider_session", Text),  # what the provider calls it; empty where it says nothing, none for other ways
    Column("id_token", Text, info=SEALED),
)
link = _expiring("signin_link")
LASTS = timedelta(days=14)
IDLE = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=5)  # that a session is in use
LINK_LASTS = timedelta(hours=1)
INVITATION_LASTS = timedelta(days=3)  # of somebody who has never come in, and may be away or asleep
MARK = "s."  # begins every secret of a session since cookies have a guarded name


class NoSuchSession(NotFound):
    """There is no such session; it may have ended."""


_NOBODY_IN_PARTICULAR = Seen()


def begin(tx: Tx, handle: str, seen: Seen = _NOBODY_IN_PARTICULAR) -> str:
    """Begin a session; the secret goes into the cookie, its hash into the database.

    With a person's first one their invitation ends: whoever made it may hold it still, and would come in as them.
    """
    if load_person(tx, handle).signed_in_at is None:
        drop_links(tx, handle)
    tx.put(person, handle, {"signed_in_at": tx.now})
    return _issue(tx, table, handle, LASTS, MARK, used_at=tx.now, proven_at=tx.now, **vars(seen))


def renew(tx: Tx, secret: str) -> str:
    """Give a session another secret, once more can be done with it; the one before is good for nothing any more."""
    fresh = MARK + new_secret()
    if not tx.run(table.update().where(table.c.hash == digest(secret)).values(hash=digest(fresh))).rowcount:
        raise NoSuchSession
    return fresh


def prove(tx: Tx, secret: str) -> str:
    """Whoever has this session has proven who they are; it gets another secret. Returns that."""
    fresh = renew(tx, secret)
    tx.run(table.update().where(table.c.hash == digest(fresh)).values(proven_at=tx.now))
    return fresh


def add_way(tx: Tx, secret: str, way: str) -> None:
    """Whoever has this session has shown another thing than that by which it was begun: `password and a passkey`."""
    known = of_secret(tx, secret)
    if known and not known.seen.way.endswith(way):
        shown = f"{known.seen.way} and a {way}" if known.seen.way else way
        tx.run(table.update().where(table.c.hash == digest(secret)).values(way=shown))


def accounts(tx: Tx, secrets: Collection[str]) -> dict[str, Account | None]:
    """Whose session each of these is; None where it is over."""
    hashes = {digest(secret): secret for secret in secrets}
    rows = tx.all(_OF_SESSIONS, {"hashes": [*hashes], "now": tx.now, "idle_since": tx.now - IDLE})
    return dict.fromkeys(secrets) | {hashes[row.hash]: account_of(row) for row in rows}


def signed_in(tx: Tx, secret: str) -> tuple[Account, Session] | None:
    """Whose session this is, and the session; None where it is over."""
    row = tx.first(_SIGNED_IN, {"hashes": [digest(secret)], "now": tx.now, "idle_since": tx.now - IDLE})
    return (account_of(row), _session(row)) if row else None


_used_at = func.coalesce(table.c.used_at, table.c.created_at, type_=Instant)
_BESIDE = (table.c.created_at.label("begun_at"), *table.c["used_at", "proven_at", "way", "browser", "source"])
_SESSIONS = select(table.c.hash, table.c.handle, *_BESIDE)
_SESSION = _SESSIONS.where(table.c.hash == bindparam("hash"))
_OF_SESSIONS = (
    select(table.c.hash, *person.c)
    .join(person, table.c.handle == person.c.handle)
    .where(table.c.hash.in_(bindparam("hashes", expanding=True)), person.c.disabled_at.is_(None))
    .where(table.c.expires_at > bindparam("now", type_=Instant))
    .where(_used_at > bindparam("idle_since", type_=Instant))
)
_SIGNED_IN = _OF_SESSIONS.add_columns(*_BESIDE)


def of_secret(tx: Tx, secret: str) -> Session | None:
    row = tx.first(_SESSION, {"hash": digest(secret)})
    return _session(row) if row else None


def note_use(tx: Tx, secret: str) -> None:
    tx.run(table.update().where(table.c.hash == digest(secret)).values(used_at=tx.now))


def of_person(tx: Tx, handle: str) -> list[Session]:
    """Where a person is signed in; what was used last stands first."""
    live = (table.c.handle == handle) & (table.c.expires_at > tx.now) & (_used_at > tx.now - IDLE)
    return [_session(row) for row in tx.all(_SESSIONS.where(live).order_by(_used_at.desc()))]


def end(tx: Tx, secret: str) -> None:
    tx.run(delete(table).where(table.c.hash == digest(secret)))


def end_by_id(tx: Tx, handle: str, session_id: str) -> None:
    of_these = (table.c.handle == handle) & table.c.hash.startswith(session_id.removeprefix("ses_"), autoescape=True)
    if len(session_id) != _SESSION_ID or not tx.run(delete(table).where(of_these)).rowcount:
        raise NoSuchSession


def end_all(tx: Tx, handle: str, but: str = "") -> int:
    """End all of them, or all but the one with this secret. Returns how many."""
    others = (table.c.handle == handle) & (table.c.hash != digest(but))
    return tx.run(delete(table).where(others)).rowcount


_SESSION_ID = len("ses_") + 16


def _session(row: Row[Any]) -> Session:
    return Session(
        id=f"ses_{row.hash[:16]}",
        handle=row.handle,
        begun_at=row.begun_at,
        used_at=row.used_at or row.begun_at,
        proven_at=row.proven_at or row.begun_at,
        seen=Seen(way=row.way or "", browser=row.browser or "", source=row.source or ""),
    )


# ---- Links that sign in once ----


def issue_link(tx: Tx, handle: str, lasts: timedelta = LINK_LASTS) -> str:
    """The one way in that a person was sent: those that they were sent before are good for nothing any more."""
    load_person(tx, handle)
    drop_links(tx, handle)
    return _issue(tx, link, handle, lasts)


def link_account(tx: Tx, secret: str) -> Account | None:
    """Whom this link would sign in; looking does not use it up."""
    unused = (link.c.hash == digest(secret)) & (link.c.expires_at > tx.now)
    theirs = select(person).join(link, link.c.handle == person.c.handle)
    row = tx.first(theirs.where(unused & person.c.disabled_at.is_(None)))
    return account_of(row) if row else None


def use_link(tx: Tx, secret: str) -> Account | None:
    """Use a link up. The first caller gets the account, everyone after gets None."""
    account = link_account(tx, secret)
    used = tx.run(delete(link).where(link.c.hash == digest(secret))).rowcount == 1
    if account and used:
        outbox.end_invitations(tx, account.handle)
    return account if used else None


def drop_links(tx: Tx, handle: str) -> int:
    """What they were sent is good for nothing any more, and what was not sent yet never is."""
    outbox.end_invitations(tx, handle)
    return tx.run(delete(link).where(link.c.handle == handle)).rowcount


def unused_links(tx: Tx) -> dict[str, datetime]:
    """Until when the link of each person lasts who has one that nobody has used."""
    return {row.handle: row.expires_at for row in tx.all(_UNUSED, {"now": tx.now})}


_UNUSED = select(link.c.handle, link.c.expires_at).where(link.c.expires_at > bindparam("now", type_=Instant))


def forget_expired(tx: Tx) -> None:
    for row in tx.all(select(link.c.handle).where(link.c.expires_at <= tx.now)):
        outbox.forget_secrets(tx, row.handle)
    for one in (table, link):
        tx.run(delete(one).where(one.c.expires_at <= tx.now))
    tx.run(delete(table).where(_used_at <= tx.now - IDLE))


def _issue(tx: Tx, kind: Table, handle: str, lasts: timedelta, mark: str = "", **more: object) -> str:
    secret = mark + new_secret()
    row = {"hash": digest(secret), "handle": handle, "created_at": tx.now, "expires_at": tx.now + lasts}
    tx.add(kind, {**row, **more})
    return secret
