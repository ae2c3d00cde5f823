"""Endpoints that are told of events: made, changed, tried, replayed and removed, by whoever administers."""

import base64
import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db.engine import Tx
from tocsin.events import outbox, store
from tocsin.events.model import KEPT_FOR, Delivery, EventType, Webhook
from tocsin.kit.actor import CONFIDENTIAL
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.ids import new_id
from tocsin.kit.text import listed, nearest, utc
from tocsin.people import access

PREFIX = "whsec_"
SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
OLD_SIGNS_FOR = timedelta(hours=24)
URL_MOST = 2000
DESCRIPTION_MOST = 200
WEBHOOKS_MOST = 100
REPLAYED_MOST = 10_000
LISTENED_TO = tuple(one for one in EventType if one is not EventType.TEST)


class IsDisabled(Refused):
    """The webhook is disabled; enable it first."""


class TooManyToReplay(Refused):
    """That is too much to be sent again at once; begin later."""


def make(tx: Tx, url: str, description: str, types: Collection[str], *, confidential: bool) -> Webhook:
    """Make an endpoint. What it hears of confidential incidents only those may give who see them themselves."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    if confidential:
        access.require(tx.actor, CONFIDENTIAL)
    if len(outbox.listing(tx)) >= WEBHOOKS_MOST:
        raise Refused(f"There are {WEBHOOKS_MOST} webhooks already; remove one first.")
    one = Webhook(
        id=new_id("whk", 8),
        url=_address(url),
        description=_described(description),
        types=_known(types),
        confidential=confidential,
        secret=new_secret(),
        old_secret=None,
        old_until=None,
        made_at=tx.now,
        made_by=tx.actor.handle,
        failing_since=None,
        disabled_at=None,
        disabled_because="",
    )
    outbox.add(tx, one)
    audit.record(
        tx, Deed.WEBHOOK_MADE, one.id, f"{_host(one.url)}{', of confidential incidents too' if confidential else ''}"
    )
    return one


def change(
    tx: Tx,
    webhook_id: str,
    url: str | None = None,
    description: str | None = None,
    types: Collection[str] | None = None,
) -> Webhook:
    """Change what is given, and leave the rest. Where one leads that hears of confidential incidents, and of what it
    hears, only those may change who see them themselves."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    if outbox.load(tx, webhook_id).confidential and (url is not None or types is not None):
        access.require(tx.actor, CONFIDENTIAL)
    wanted = {
        "url": _address(url) if url is not None else None,
        "description": _described(description) if description is not None else None,
        "types": list(_known(types)) if types is not None else None,
    }
    values = {name: value for name, value in wanted.items() if value is not None}
    if values:
        outbox.change(tx, webhook_id, **values)
        to = f", to {_host(str(values['url']))}" if "url" in values else ""
        audit.record(tx, Deed.WEBHOOK_CHANGED, webhook_id, f"{listed(sorted(values))}{to}")
    return outbox.load(tx, webhook_id)


def rotate(tx: Tx, webhook_id: str) -> Webhook:
    """Give it another secret. For a day the old one signs too, so that the receiver can change over at leisure."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    one, secret = outbox.load(tx, webhook_id), new_secret()
    until = tx.now + OLD_SIGNS_FOR
    outbox.change(tx, one.id, secret=tx.keys.seal(secret), old_secret=one.secret, old_until=until)
    audit.record(tx, Deed.WEBHOOK_ROTATED, one.id)
    return replace(outbox.load(tx, webhook_id), secret=secret)


def enable(tx: Tx, webhook_id: str) -> Webhook:
    """Send there again. What was missed meanwhile can be replayed."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    outbox.load(tx, webhook_id)
    outbox.change(tx, webhook_id, disabled_at=None, disabled_because="", failing_since=None)
    audit.record(tx, Deed.WEBHOOK_ENABLED, webhook_id)
    return outbox.load(tx, webhook_id)


def disable(tx: Tx, webhook_id: str) -> Webhook:
    access.require(tx.actor, access.PEOPLE_WRITE)
    if outbox.load(tx, webhook_id).disabled_at is None:
        outbox.disable(tx, webhook_id, f"{tx.actor.handle} disabled it")
    return outbox.load(tx, webhook_id)


def remove(tx: Tx, webhook_id: str) -> None:
    access.require(tx.actor, access.PEOPLE_WRITE)
    outbox.load(tx, webhook_id)
    outbox.remove(tx, webhook_id)
    audit.record(tx, Deed.WEBHOOK_REMOVED, webhook_id)


def try_out(tx: Tx, webhook_id: str) -> Delivery:
    """Send it a test, whatever it listens to."""
    one = _live(tx, webhook_id)
    event_id = store.tell(tx, EventType.TEST, {"by": tx.actor.handle})
    return outbox.load_delivery(tx, one.id, outbox.queue(tx, one, store.load(tx, event_id)))


def replay_one(tx: Tx, webhook_id: str, delivery_id: str) -> Delivery:
    """Send an event again, under the id that it had."""
    one = _live(tx, webhook_id)
    event = store.load(tx, outbox.load_delivery(tx, one.id, delivery_id).event_id)
    audit.record(tx, Deed.WEBHOOK_REPLAYED, one.id, event.id)
    return outbox.load_delivery(tx, one.id, outbox.queue(tx, one, event))


def replay_since(tx: Tx, webhook_id: str, since: datetime) -> int:
    """Send everything again that it listens to and that happened since. Returns how many events that are."""
    one = _live(tx, webhook_id)
    if since > tx.now:
        raise Invalid("That is still to come.", field="since")
    if since < tx.now - KEPT_FOR:
        raise Invalid(f"Events are kept for {KEPT_FOR.days} days.", field="since")
    events = store.since(tx, since, one.types, REPLAYED_MOST + 1)
    if len(events) > REPLAYED_MOST:
        raise TooManyToReplay
    audit.record(tx, Deed.WEBHOOK_REPLAYED, one.id, f"{len(events)} since {utc(since)}")
    return outbox.replay(tx, one, events)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _live(tx: Tx, webhook_id: str) -> Webhook:
    access.require(tx.actor, access.PEOPLE_WRITE)
    one = outbox.load(tx, webhook_id, held=True)
    if one.disabled_at is not None:
        raise IsDisabled
    return one


def _host(url: str) -> str:
    """What the log tells of an address: its path may be a secret."""
    return urlsplit(url).hostname or ""


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good or len(url) > URL_MOST or not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid("An endpoint is an address such as https://example.org/hooks.", field="url")
    if parts.username or parts.password:
        raise Invalid("An endpoint's address holds no password: what is sent there is signed.", field="url")
    return url


def _described(text: str) -> str:
    found = " ".join(text.split())
    if len(found) > DESCRIPTION_MOST or "\0" in found:
        raise Invalid(f"A description has at most {DESCRIPTION_MOST} characters.", field="description")
    return found


def _known(types: Collection[str]) -> tuple[str, ...]:
    names = [str(one) for one in LISTENED_TO]
    for one in types:
        if one not in names:
            meant = nearest(one, names)
            hint = f"did you mean {meant}?" if meant else f"there is {listed(names)}."
            raise Invalid(f"There is no event '{one[:60]}'; {hint}", field="types")
    return tuple(sorted(set(types)))
