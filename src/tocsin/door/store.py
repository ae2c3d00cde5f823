"""Second factors, recovery codes, passkeys, what is half proven at the door, and how often it was tried."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Row, Table, Text, delete, func, select

from tocsin.db.columns import SEALED, Instant, Json, metadata
from tocsin.db.engine import Overtaken, Tx
from tocsin.door import limits
from tocsin.door.limits import Key
from tocsin.door.model import Factor, Passkey
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id, new_secret
from tocsin.people.store import digest

second_factor = Table(
    "second_factor",
    metadata,
    Column("handle", Text, primary_key=True),
    Column("secret", Text, info=SEALED),
    Column("made_at", Instant),
    Column("confirmed_at", Instant),
    Column("used_step", BigInteger),
)
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("handle", Text),
    Column("made_at", Instant),
    Column("used_at", Instant),
)
passkey = Table(
    "passkey",
    metadata,
    Column("id", Text, primary_key=True),
    Column("handle", Text),
    Column("name", Text),
    Column("credential", Text),
    Column("public_key", Text),
    Column("uses", BigInteger),
    Column("transports", Json),
    Column("made_at", Instant),
    Column("used_at", Instant),
)
signin_step = Table(
    "signin_step",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("handle", Text),
    Column("way", Text),
    Column("created_at", Instant),
    Column("expires_at", Instant),
)
used_challenge = Table(
    "used_challenge", metadata, Column("hash", Text, primary_key=True), Column("expires_at", Instant)
)
tried = Table(
    "try",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer),
    Column("failed_at", Instant),
    Column("again_at", Instant),
)

STEP_LASTS = timedelta(minutes=10)  # between the password and the code


class NoSuchPasskey(NotFound):
    """There is no such passkey."""


# ---- The second factor -----------------------------------------------------------------------------------------------


def factor(tx: Tx, handle: str) -> Factor | None:
    row = tx.first(select(second_factor).where(second_factor.c.handle == handle))
    return _factor(tx, row) if row else None


def confirmed_factor(tx: Tx, handle: str) -> Factor | None:
    found = factor(tx, handle)
    return found if found and found.confirmed_at else None


def with_factor(tx: Tx) -> frozenset[str]:
    """The handles of whom a second factor is asked."""
    wanted = select(second_factor.c.handle).where(second_factor.c.confirmed_at.is_not(None))
    return frozenset(row.handle for row in tx.all(wanted))


def keep_factor(tx: Tx, handle: str, secret: str) -> None:
    """Keep the secret of an app that has shown no code yet."""
    drop_factor(tx, handle)
    row = {"handle": handle, "secret": tx.keys.seal(secret), "made_at": tx.now, "confirmed_at": None, "used_step": -1}
    tx.run(second_factor.insert().values(row))


def use_step(tx: Tx, handle: str, step: int) -> bool:
    """Use up the code of this step of time. The first caller gets True; it and every earlier one are used up then."""
    unused = (second_factor.c.handle == handle) & (second_factor.c.used_step < step)
    return tx.run(second_factor.update().where(unused).values(used_step=step)).rowcount == 1


def confirm_factor(tx: Tx, handle: str) -> None:
    tx.put(second_factor, handle, {"confirmed_at": tx.now})


def drop_factor(tx: Tx, handle: str) -> None:
    tx.run(delete(second_factor).where(second_factor.c.handle == handle))


def _factor(tx: Tx, row: Row[Any]) -> Factor:
    return Factor(
        handle=row.handle, secret=tx.keys.shown(row.secret), made_at=row.made_at, confirmed_at=row.confirmed_at
    )


def keep_recovery_codes(tx: Tx, handle: str, codes: Iterable[str]) -> None:
    """These, and no others from here on; only their hashes are kept."""
    drop_recovery_codes(tx, handle)
    for code in codes:
        tx.add(recovery_code, {"hash": digest(handle + code), "handle": handle, "made_at": tx.now, "used_at": None})


def use_recovery_code(tx: Tx, handle: str, code: str) -> bool:
    """Use a code up. The first caller gets True, everyone after gets False."""
    unused = (recovery_code.c.hash == digest(handle + code)) & recovery_code.c.used_at.is_(None)
    return tx.run(recovery_code.update().where(unused).values(used_at=tx.now)).rowcount == 1


def recovery_codes_left(tx: Tx, handle: str) -> int:
    unused = (recovery_code.c.handle == handle) & recovery_code.c.used_at.is_(None)
    return int(tx.scalar(select(func.count()).select_from(recovery_code).where(unused)))


def drop_recovery_codes(tx: Tx, handle: str) -> None:
    tx.run(delete(recovery_code).where(recovery_code.c.handle == handle))


# ---- Passkeys --------------------------------------------------------------------------------------------------------


def add_passkey(
    tx: Tx, handle: str, name: str, credential: str, public_key: str, uses: int, transports: Iterable[str] = ()
) -> Passkey:
    row = {
        "id": new_id("pky"),
        "handle": handle,
        "name": name,
        "credential": credential,
        "public_key": public_key,
        "uses": uses,
        "transports": sorted(transports),
        "made_at": tx.now,
        "used_at": None,
    }
    tx.run(passkey.insert().values(row))
    return passkey_by_credential(tx, credential)


def passkeys(tx: Tx, handle: str) -> list[Passkey]:
    wanted = select(passkey).where(passkey.c.handle == handle).order_by(passkey.c.made_at, passkey.c.id)
    return [_passkey(row) for row in tx.all(wanted)]


def with_passkey(tx: Tx) -> frozenset[str]:
    return frozenset(row.handle for row in tx.all(select(passkey.c.handle).distinct()))


def passkey_by_credential(tx: Tx, credential: str) -> Passkey:
    row = tx.first(select(passkey).where(passkey.c.credential == credential))
    if row is None:
        raise NoSuchPasskey
    return _passkey(row)


def use_passkey(tx: Tx, known: Passkey, uses: int) -> None:
    tx.put(passkey, known.id, {"uses": uses, "used_at": tx.now})


def drop_passkey(tx: Tx, handle: str, passkey_id: str) -> None:
    of_this = (passkey.c.id == passkey_id) & (passkey.c.handle == handle)
    if not tx.run(delete(passkey).where(of_this)).rowcount:
        raise NoSuchPasskey


def drop_passkeys(tx: Tx, handle: str) -> int:
    return tx.run(delete(passkey).where(passkey.c.handle == handle)).rowcount


def _passkey(row: Row[Any]) -> Passkey:
    values = {name: row._mapping[name] for name in Passkey.__annotations__ if name != "transports"}
    return Passkey(**values, transports=tuple(row.transports))


def use_challenge(tx: Tx, challenge: str, ends_at: Any) -> bool:
    """Use a challenge up. The first caller gets True; it is remembered for as long as it would be good."""
    key = digest(challenge)
    if tx.first(select(used_challenge.c.hash).where(used_challenge.c.hash == key)):
        return False
    tx.run(used_challenge.insert().values(hash=key, expires_at=ends_at))
    return True


# ---- Half way in -----------------------------------------------------------------------------------------------------


def begin_step(tx: Tx, handle: str, way: str) -> str:
    """Somebody has proven the first of two things. The secret goes into a cookie, and opens only the next step."""
    secret = new_secret()
    row = {"hash": digest(secret), "handle": handle, "way": way}
    tx.add(signin_step, {**row, "created_at": tx.now, "expires_at": tx.now + STEP_LASTS})
    return secret


def step_of(tx: Tx, secret: str) -> tuple[str, str] | None:
    """Who stands there, and by which way they came."""
    live = (signin_step.c.hash == digest(secret)) & (signin_step.c.expires_at > tx.now)
    row = tx.first(select(signin_step).where(live))
    return (row.handle, row.way) if row else None


def end_step(tx: Tx, secret: str) -> bool:
    """The first caller gets True, everyone after gets False."""
    return tx.run(delete(signin_step).where(signin_step.c.hash == digest(secret))).rowcount == 1


def end_steps_of(tx: Tx, handle: str) -> None:
    tx.run(delete(signin_step).where(signin_step.c.handle == handle))


# ---- Tries -----------------------------------------------------------------------------------------------------------


def take_try(tx: Tx, keys: Iterable[Key]) -> timedelta:
    """Count one more try before it is looked at, so that a hundred at once are a hundred. Returns how long to wait
    before another is looked at: nothing if this one may be, and then it is counted."""
    rows = {key: tx.first(select(tried).where(tried.c.key == key.name)) for key in keys}
    wait = max((row.again_at - tx.now for row in rows.values() if row), default=timedelta(0))
    if wait > timedelta(0):
        return wait
    for key, row in rows.items():
        before = row.failures if row and tx.now - row.failed_at < limits.FORGOTTEN_AFTER else 0
        _count(tx, key, row, before + 1)
    return timedelta(0)


def _count(tx: Tx, key: Key, row: Row[Any] | None, failures: int) -> None:
    values = {"failures": failures, "failed_at": tx.now, "again_at": tx.now + limits.wait(failures, key.free)}
    if row is None:
        tx.run(tried.insert().values(key=key.name, **values))
        return
    same = (tried.c.key == key.name) & (tried.c.failures == row.failures)
    if not tx.run(tried.update().where(same).values(values)).rowcount:
        raise Overtaken


def take_back(tx: Tx, keys: Iterable[Key]) -> None:
    """It was right after all: the failures of whoever it was are forgotten, and for a shared place this one try."""
    for key in keys:
        if key.is_shared:
            less = tried.update().where((tried.c.key == key.name) & (tried.c.failures > 0))
            tx.run(less.values(failures=tried.c.failures - 1, again_at=tx.now))
        else:
            tx.run(delete(tried).where(tried.c.key == key.name))


def forget_old(tx: Tx) -> None:
    for table in (signin_step, used_challenge):
        tx.run(delete(table).where(table.c.expires_at <= tx.now))
    tx.run(delete(tried).where(tried.c.failed_at <= tx.now - limits.FORGOTTEN_AFTER))
