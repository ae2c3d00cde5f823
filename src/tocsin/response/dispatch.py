"""Sending what is queued. No unit of work is open while bytes travel."""

import asyncio
import logging
from collections.abc import Mapping

from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Channel, Dead, Message, Result, Retry
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Undelivered
from tocsin.kit.actor import SYSTEM
from tocsin.obligations import store as obligations
from tocsin.paging import store as pages
from tocsin.plan import store as plans
from tocsin.response import followups

log = logging.getLogger(__name__)

BATCH = 20  # messages leased at a time


async def send_due(database: Database, channels: Mapping[str, Channel], limit: int = BATCH) -> int:
    """Lease messages that are due, send them side by side, write down what came of each. Returns how many."""
    claimed = await asyncio.to_thread(_claim, database, limit)
    await asyncio.gather(*(_send_one(database, channels, message) for message in claimed))
    return len(claimed)


def _claim(database: Database, limit: int) -> list[Message]:
    with database.read(SYSTEM) as tx:  # most wake-ups are about something else: they need not wait for the writer
        due_at = outbox.next_due(tx)
        if due_at is None or due_at > tx.now:
            return []
    return database.run(SYSTEM, lambda tx: outbox.claim(tx, limit))


async def _send_one(database: Database, channels: Mapping[str, Channel], message: Message) -> None:
    result = await _attempt(channels, message)
    await asyncio.to_thread(database.run, SYSTEM, lambda tx: _record(tx, message, result))


async def _attempt(channels: Mapping[str, Channel], message: Message) -> Result:
    channel = channels.get(message.channel)
    if channel is None:
        return Retry(f"no {message.channel} channel is set up on this server")
    try:
        return await channel.send(message)
    except Exception as error:  # a mistake in one channel must not stop the others
        log.exception("the %s channel failed", message.channel)
        return Retry(f"{type(error).__name__}: {error}")


def _record(tx: Tx, message: Message, result: Result) -> None:
    died = outbox.record(tx, message, result)
    if died and message.incident_id and message.page_id:
        _page_died(tx, message, result)


def _page_died(tx: Tx, message: Message, result: Result) -> None:
    """A page that reaches nobody is said on the record; if it was the step's last, the next step is paged now.

    The last step of the ladder waits all the same: otherwise a mail server that refuses everything would let it be
    climbed round after round without a pause.
    """
    incident = incidents.load(tx, str(message.incident_id))
    plan = plans.load(tx, incident.plan_revision)
    reason = result.reason if isinstance(result, Dead | Retry) else ""
    to = message.person or message.address
    entry = Undelivered(at=tx.now, by=SYSTEM.handle, channel=message.channel, to=to, reason=reason)
    incident = followups.record(tx, plan, incident, [entry])
    step = pages.load(tx, str(message.page_id)).step
    of_step = [page.id for page in pages.of_step(tx, incident.id, step)]
    if not outbox.alive_for_pages(tx, of_step) and not followups.ends_a_round(plan, incident, step):
        obligations.hurry_answer(tx, incident.id, step)
