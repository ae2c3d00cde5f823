"""Endpoints, and events on their way to them: a delivery is a row before it is bytes, and leased while they travel."""

import zlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, Row, Table, Text, delete, func, select

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import sight
from tocsin.db.columns import SEALED, Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.events import store
from tocsin.events.model import (
    KEPT_FOR,
    Delivery,
    DeliveryState,
    Event,
    EventType,
    Webhook,
    is_hopeless,
    wait,
)
from tocsin.kit.errors import NotFound
from tocsin.kit.ids import new_id

webhooks = Table(
    "webhook",
    metadata,
    Column("id", Text, primary_key=True),
    Column("url", Text),
    Column("description", Text),
    Column("types", Json),
    Column("confidential", Boolean),
    Column("secret", Text, info=SEALED),
    Column("old_secret", Text, info=SEALED),
    Column("old_until", Instant),
    Column("made_at", Instant),
    Column("made_by", Text),
    Column("failing_since", Instant),
    Column("disabled_at", Instant),
    Column("disabled_because", Text),
)
deliveries = Table(
    "webhook_delivery",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook_id", Text),
    Column("event_id", Text),
    Column("event_type", Text),
    Column("created_at", Instant),
    Column("send_at", Instant),
    Column("state", Text),
    Column("attempts", Integer),
    Column("status", Integer),
    Column("answer", Text),
    Column("tried_at", Instant),
    Column("took_seconds", Float),
)

LEASE = timedelta(minutes=5)  # longer than what is taken for one endpoint may travel
NOT_THERE = timedelta(seconds=10)
ANSWER_KEPT = 1000  # characters
THINNED_AT_ONCE = 2000


class NoSuchWebhook(NotFound):
    """There is no such webhook."""


class NoSuchDelivery(NotFound):
    """There is no such delivery, or it is more than a month old."""


# ---- Endpoints ----


def add(tx: Tx, one: Webhook) -> None:
    """Keep one whose secret is in plain; what is read again is sealed."""
    tx.add(webhooks, {**vars(one), "types": list(one.types), "secret": tx.keys.seal(one.secret)})


def load(tx: Tx, webhook_id: str, *, held: bool = False) -> Webhook:
    """One of them; `held` until this unit of work ends, so that nothing is queued for one that is gone."""
    wanted = select(webhooks).where(webhooks.c.id == webhook_id)
    row = tx.first(wanted.with_for_update(read=True) if held else wanted)
    if row is None:
        raise NoSuchWebhook(f"There is no webhook {webhook_id}.")
    return _webhook(row)


def listing(tx: Tx, *, held: bool = False) -> list[Webhook]:
    wanted = select(webhooks).order_by(webhooks.c.made_at, webhooks.c.id)
    return [_webhook(row) for row in tx.all(wanted.with_for_update(read=True) if held else wanted)]


def change(tx: Tx, webhook_id: str, **values: Any) -> None:
    tx.run(webhooks.update().where(webhooks.c.id == webhook_id).values(**values))


def remove(tx: Tx, webhook_id: str) -> None:
    tx.run(delete(webhooks).where(webhooks.c.id == webhook_id))  # first: it waits for whoever queues something for it
    tx.run(delete(deliveries).where(deliveries.c.webhook_id == webhook_id))


# ---- Setting out ----


def fan_out(tx: Tx, limit: int) -> int:
    """Number what is new, and put it on its way to every endpoint that wants it. Returns how many events that were."""
    positions = store.number(tx, limit)
    live = [one for one in listing(tx, held=True) if one.disabled_at is None] if positions else []
    events = store.at(tx, positions) if live else []
    hidden = sight.hidden_of(tx, {one.incident_id for one in events if one.incident_id})
    for event in events:
        if event.type is not EventType.TEST:
            for one in live:
                if one.wants(event.type) and (one.confidential or event.incident_id not in hidden):
                    queue(tx, one, event)
    return len(positions)


def queue(tx: Tx, one: Webhook, event: Event) -> str:
    delivery_id = new_id("whd", 12)
    row: dict[str, Any] = {"id": delivery_id, "webhook_id": one.id, "event_id": event.id}
    row |= {
        "event_type": str(event.type),
        "created_at": tx.now,
        "send_at": tx.now,
        "state": DeliveryState.QUEUED,
        "attempts": 0,
        "status": None,
    }
    tx.add(deliveries, {**row, "answer": "", "tried_at": None, "took_seconds": None})
    tx.wakes = True
    return delivery_id


def due(tx: Tx, busy: Collection[str]) -> list[str]:
    """The endpoints for which something is due, but for those that are being sent to."""
    wanted = select(deliveries.c.webhook_id).where(_QUEUED, deliveries.c.send_at <= tx.now).distinct()
    return [row.webhook_id for row in tx.all(wanted) if row.webhook_id not in busy]


def claim(tx: Tx, webhook_id: str, limit: int) -> list[tuple[Delivery, Event | None]]:
    """Lease what is due for one endpoint, the oldest first. An event that it may not hear of any more is None."""
    of_this = _QUEUED & (deliveries.c.webhook_id == webhook_id) & (deliveries.c.send_at <= tx.now)
    wanted = select(deliveries).where(of_this).order_by(deliveries.c.event_id, deliveries.c.id).limit(limit)
    found = [_delivery(row) for row in tx.all(wanted.with_for_update(skip_locked=True))]
    events = store.load_many(tx, {one.event_id for one in found})
    hidden: set[str] = set()
    if found and not load(tx, webhook_id).confidential:
        hidden = sight.hidden_of(tx, {one.incident_id for one in events.values() if one.incident_id})
    for one in found:
        tx.put(deliveries, one.id, {"send_at": tx.now + LEASE})
    shown = {name: one for name, one in events.items() if one.incident_id not in hidden}
    return [(one, shown.get(one.event_id)) for one in found]


def next_due(tx: Tx, busy: Collection[str]) -> datetime | None:
    wanted = select(func.min(deliveries.c.send_at, type_=Instant)).where(_QUEUED)
    found: datetime | None = tx.scalar(wanted.where(deliveries.c.webhook_id.not_in(sorted(busy))) if busy else wanted)
    return found


_QUEUED = deliveries.c.state == DeliveryState.QUEUED


# ---- What became of it ----


def sent(tx: Tx, one: Delivery, status: int, answer: str, took: float) -> None:
    tx.put(deliveries, one.id, {**_tried(tx, one, status, answer, took), "state": DeliveryState.SENT})
    change(tx, one.webhook_id, failing_since=None)


def put_back(tx: Tx, one: Delivery) -> None:
    """It was taken and not tried: the endpoint is not there now."""
    still = (deliveries.c.id == one.id) & _QUEUED
    tx.run(deliveries.update().where(still).values(send_at=tx.now + NOT_THERE))


def withdraw(tx: Tx, one: Delivery, why: str) -> None:
    tx.put(deliveries, one.id, {"state": DeliveryState.DEAD, "answer": why})


def failed(
    tx: Tx, one: Delivery, status: int | None, answer: str, took: float, after: timedelta | None, *, gone: bool
) -> str:
    """Put it off, or give it up. Returns why its endpoint is disabled from now on, if it is."""
    row = tx.first(select(webhooks).where(webhooks.c.id == one.webhook_id))
    if row is None:
        return ""
    there, values = _webhook(row), _tried(tx, one, status, answer, took)
    planned = wait(one.attempts + 1, _spread(one))
    # No sooner than it asks, and no oftener than we would: one that always says "in a second" is not asked each second.
    next_try = planned if planned is None or after is None else max(planned, after)
    if next_try is None:
        values["state"] = DeliveryState.DEAD
    else:
        values["send_at"] = tx.now + next_try
    tx.put(deliveries, one.id, values)
    failing_since = there.failing_since or tx.now
    change(tx, there.id, failing_since=failing_since)
    why = "it says that it is gone for good (HTTP 410)" if gone else ""
    if not why and is_hopeless(failing_since, tx.now):
        why = "nothing went through for five days"
    if not why or there.disabled_at is not None:
        return ""
    disable(tx, there.id, why)
    return why


def disable(tx: Tx, webhook_id: str, why: str) -> None:
    """Send nothing there any more; what waits is given up, and can be replayed."""
    change(tx, webhook_id, disabled_at=tx.now, disabled_because=why)
    audit.record(tx, Deed.WEBHOOK_DISABLED, webhook_id, why)
    waiting = _QUEUED & (deliveries.c.webhook_id == webhook_id)
    tx.run(deliveries.update().where(waiting).values(state=DeliveryState.DEAD))


def _tried(tx: Tx, one: Delivery, status: int | None, answer: str, took: float) -> dict[str, Any]:
    said = answer.replace("\0", "")[:ANSWER_KEPT]
    about = {"attempts": one.attempts + 1, "status": status, "answer": said}
    return {**about, "tried_at": tx.now, "took_seconds": round(took, 3)}


def _spread(one: Delivery) -> float:
    """A number of its own for each delivery and attempt: nothing secret, and the same in every node."""
    return zlib.crc32(f"{one.id} {one.attempts}".encode()) / 2**32


# ---- Looking back ----


def latest(tx: Tx, webhook_id: str, limit: int, before: datetime | None = None) -> list[Delivery]:
    """The deliveries to one endpoint, the last made first."""
    wanted = select(deliveries).where(deliveries.c.webhook_id == webhook_id)
    wanted = wanted if before is None else wanted.where(deliveries.c.created_at < before)
    latest_first = wanted.order_by(deliveries.c.created_at.desc(), deliveries.c.id).limit(limit)
    return [_delivery(row) for row in tx.all(latest_first)]


def load_delivery(tx: Tx, webhook_id: str, delivery_id: str) -> Delivery:
    row = tx.first(select(deliveries).where(deliveries.c.webhook_id == webhook_id, deliveries.c.id == delivery_id))
    if row is None:
        raise NoSuchDelivery
    return _delivery(row)


def replay(tx: Tx, one: Webhook, events: Sequence[Event]) -> int:
    """Send these events again, under the ids that they had. Returns how many that are."""
    hidden = sight.hidden_of(tx, {event.incident_id for event in events if event.incident_id})
    wanted = [event for event in events if one.confidential or event.incident_id not in hidden]
    for event in wanted:
        queue(tx, one, event)
    return len(wanted)


def thin(tx: Tx) -> None:
    """Forget what is more than a month old, a part of it at a time."""
    old = select(deliveries.c.id).where(deliveries.c.created_at < tx.now - KEPT_FOR).limit(THINNED_AT_ONCE)
    tx.run(delete(deliveries).where(deliveries.c.id.in_(old)))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._mapping, "types": tuple(row.types)})


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**{**row._mapping, "state": DeliveryState(row.state)})
