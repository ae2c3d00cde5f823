"""Single values that belong to the installation: the current plan, the key that signs links."""

from sqlalchemy import Column, Table, Text, select

from tocsin.db.columns import metadata
from tocsin.db.engine import Tx
from tocsin.kit.ids import new_secret
from tocsin.kit.sealing import NoKey, WrongKey

table = Table("setting", metadata, Column("key", Text, primary_key=True), Column("value", Text))

SIGNING_KEY = "signing.key"
EVIDENCE_KEY = "evidence.key"
PUSH_KEY = "push.key"
STAND_IN_KEY = "signing.key.meanwhile"  # that signs links while the signing key can't be opened
SECRETS = (SIGNING_KEY, EVIDENCE_KEY, PUSH_KEY)  # whose values are sealed
CHAT = "chat.provider"  # in which channels are opened; written at each start, empty if there is none
HEARTBEAT_TURNS = "heartbeat.turns"  # how often the address of each was replaced, as JSON
MAIL_TURNS = "mail.turns"  # the same for the addresses whose mail becomes signals
THERE_AT = "engine.there_at"  # when some node's engine was last known to turn, in milliseconds since 1970
STATUS_URL = "status.url"  # under which the public reaches its page; written at each start
SUBSCRIBE_BY = "subscribe.by"  # the ways by which this installation can tell subscribers; written at each start
PUBLISHED = "status.published"  # what is known of the published page, as JSON
BASE_URL = "base.url"  # under which people reach this installation; written at each start

_KNOWN = "settings"
_ALL = select(table)


def read(tx: Tx, key: str) -> str | None:
    """A value as this unit of work knows it: they are few, so that the first who asks reads them all."""
    if _KNOWN not in tx.memo:
        tx.memo[_KNOWN] = {row.key: row.value for row in tx.all(_ALL)}
    value: str | None = tx.memo[_KNOWN].get(key)
    return value


def write(tx: Tx, key: str, value: str) -> None:
    tx.memo.pop(_KNOWN, None)
    change = table.update().where(table.c.key == key).values(value=value)
    if not tx.run(change).rowcount:
        tx.run(table.insert().values(key=key, value=value))


def swap(tx: Tx, key: str, before: str, value: str) -> bool:
    """Write a value in the place of this one. The first caller gets True, everyone after gets False."""
    tx.memo.pop(_KNOWN, None)
    change = table.update().where((table.c.key == key) & (table.c.value == before)).values(value=value)
    return tx.run(change).rowcount == 1


def link(tx: Tx, path: str) -> str:
    """A path of ours as an address that works from outside."""
    return f"{read(tx, BASE_URL) or 'http://127.0.0.1:8000'}{path}"


def public_link(tx: Tx, path: str) -> str:
    """The address of something on the status page, wherever the public reads that. `path` begins with /status."""
    page = read(tx, STATUS_URL) or link(tx, "/status")
    return f"{page.rstrip('/')}{path.removeprefix('/status')}"


def signing_key(tx: Tx) -> bytes:
    """The installation's secret for signed links, made at its first use; needs a unit of work that may write.

    Where it can't be opened another one stands in, so that a page still goes out with links that answer it.
    """
    try:
        return _secret(tx, SIGNING_KEY).encode()
    except (NoKey, WrongKey):
        if (meanwhile := read(tx, STAND_IN_KEY)) is None:
            raise
        return meanwhile.encode()


def make_stand_in(tx: Tx) -> None:
    """See that there is a key to sign links with while the real one can't be opened."""
    if read(tx, STAND_IN_KEY) is None:
        write(tx, STAND_IN_KEY, new_secret())


def drop_stand_in(tx: Tx) -> None:
    if read(tx, STAND_IN_KEY) is not None:
        tx.memo.pop(_KNOWN, None)
        tx.run(table.delete().where(table.c.key == STAND_IN_KEY))


def evidence_key(tx: Tx) -> str | None:
    """The private key that signs archives; None before it was made."""
    value = read(tx, EVIDENCE_KEY)
    return None if value is None else tx.keys.open_(value)


def make_evidence_key(tx: Tx) -> None:
    """See that there is a private key to sign archives with: 32 random bytes, as URL-safe text."""
    if read(tx, EVIDENCE_KEY) is None:
        _secret(tx, EVIDENCE_KEY)


def push_key(tx: Tx) -> str:
    """The secret by which push services know this installation: 32 random bytes, as URL-safe text."""
    return _secret(tx, PUSH_KEY)


def _secret(tx: Tx, key: str) -> str:
    sealed = read(tx, key)
    if sealed is not None:
        value = tx.keys.open_(sealed)
    else:
        value = new_secret()
        # Never `write`: another node may have made one since we looked, and what it signed must stay valid. Whoever
        # inserts second is refused with `Overtaken`, and reads the first one's when it is run again.
        tx.run(table.insert().values(key=key, value=tx.keys.seal(value)))
        tx.memo.pop(_KNOWN, None)
    return value
