"""Calling endpoints: each event goes to whoever listens, one endpoint never waits for another, and what fails is tried
again for days before the endpoint is disabled and those who can mend it are told."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from tocsin.db import settings as kept
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox as mails
from tocsin.delivery.hookposts import Answer, Post
from tocsin.events import outbox, store
from tocsin.events.model import Delivery, Event, Webhook, body
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Refused
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.response import covering, travelling

log = logging.getLogger(__name__)

NUMBERED_AT_ONCE = 500
TAKEN_AT_ONCE = 10  # deliveries to one endpoint, one after the other

Taken = list[tuple[Delivery, Event | None]]


class Calls:
    def __init__(
        self, database: Database, post: Post, base: str, *, on_done: Callable[[], object] = lambda: None
    ) -> None:
        self._database = database
        self._post = post
        self._base = base
        self._on_done = on_done
        self._closing = False
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def turn(self) -> bool:
        """Number what is new, and let each endpoint that is free be called. Returns whether there was anything."""
        numbered = await asyncio.to_thread(self._number)
        claimed = await asyncio.to_thread(self._claim)
        for webhook, taken in claimed:
            self._busy[webhook.id] = asyncio.create_task(self._call(webhook, taken))
        return bool(numbered or claimed)

    def next_due(self) -> datetime | None:
        with self._database.read(SYSTEM) as tx:
            return tx.now if store.is_new(tx) else outbox.next_due(tx, self._busy)

    async def drained(self) -> None:
        """Wait for everything that travels now."""
        await asyncio.gather(*self._busy.values())

    async def close(self, within: timedelta) -> None:
        """Take up nothing more; what is cut off falls due again when its lease ends."""
        self._closing = True
        await travelling.cut_off(self._busy.values(), within)

    def _number(self) -> int:
        with self._database.read(SYSTEM) as tx:  # most of the time there is nothing: no writer waits for that
            if not store.is_new(tx):
                return 0
        return self._database.run(SYSTEM, lambda tx: outbox.fan_out(tx, NUMBERED_AT_ONCE))

    def _claim(self) -> list[tuple[Webhook, Taken]]:
        with self._database.read(SYSTEM) as tx:
            due = outbox.due(tx, self._busy)
        return self._database.run(SYSTEM, lambda tx: _claim(tx, due)) if due else []

    async def _call(self, webhook: Webhook, taken: Taken) -> None:
        try:
            secrets = [self._database.keys.open_(one) for one in webhook.secrets_at(self._database.now())]
            while taken and not self._closing:
                delivery, event = taken.pop(0)
                if event is None:
                    await self._write(partial(outbox.withdraw, one=delivery, why=HIDDEN))
                elif not await self._deliver(webhook, secrets, delivery, event):
                    break
            await self._write(lambda tx: _put_back(tx, taken))
        except Refused as why:  # it waits until the key is back
            log.warning("the webhook %s is not called: %s", webhook.id, why.message)
            await self._write(lambda tx: _put_back(tx, taken))
        except Exception:  # the leases run out, and it is sent again under the same ids
            log.exception("the deliveries to the webhook %s could not be made", webhook.id)
        finally:
            del self._busy[webhook.id]
            self._on_done()

    async def _deliver(self, webhook: Webhook, secrets: Sequence[str], delivery: Delivery, event: Event) -> bool:
        """Post one event. False if there was no answer, so that the next would fare no better."""
        answer = await self._post(webhook.url, event.id, secrets, body(event, self._base))
        await self._write(lambda tx: _record(tx, webhook, delivery, answer))
        return answer.status is not None and not answer.is_gone

    async def _write(self, change: Callable[[Tx], object]) -> None:
        await asyncio.to_thread(self._database.run, SYSTEM, change)


HIDDEN = "it was not sent: the incident is confidential, or the event is too old"


def _claim(tx: Tx, due: list[str]) -> list[tuple[Webhook, Taken]]:
    found = ((one, outbox.claim(tx, one.id, TAKEN_AT_ONCE)) for one in outbox.listing(tx) if one.id in due)
    return [(one, taken) for one, taken in found if taken]


def _put_back(tx: Tx, taken: Taken) -> None:
    for one, _ in taken:
        outbox.put_back(tx, one)


def _record(tx: Tx, webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
    if answer.is_taken and answer.status is not None:
        outbox.sent(tx, delivery, answer.status, answer.said, answer.took)
        return
    about = (answer.status, answer.said, answer.took, answer.retry_after)
    why = outbox.failed(tx, delivery, *about, gone=answer.is_gone)
    if why:
        _warn(tx, webhook, why, answer)


def _warn(tx: Tx, webhook: Webhook, why: str, answer: Answer) -> None:
    """Tell those who can mend it, once: from here on nothing is sent there."""
    subject = f"Webhook {webhook.id} is disabled: {why}"
    last = f"HTTP {answer.status}" if answer.status is not None else answer.said
    lines = [
        f"Nothing is sent to {webhook.url} any more, because {why}.",
        f"The last answer was: {last[:200]}",
        "",
        f"Mend it, enable it and replay what was missed: {kept.link(tx, f'/webhooks/{webhook.id}')}",
    ]
    for handle, address in people.addresses(tx, covering.menders(tx)).items():
        mails.queue(
            tx,
            dedup_key=mails.unique(f"webhook-{webhook.id}-{handle}"),
            channel=Channel.EMAIL,
            address=address,
            subject=subject,
            body="\n".join(lines) + "\n",
            person=handle,
        )
