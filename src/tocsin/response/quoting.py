"""Putting what was written in a chat onto an incident's record: once, with who wrote it, when and where.

Somebody marks a message in the channel of an incident, with an emoji or by pinning it. What is marked is then fetched,
as a message in a lane of the outbox, so that a chat that hangs loses nothing. Nothing else that people write is read.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from tocsin.comms import store as comms
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.chat import Busy, Chat, ChatTrouble, NotLetIn
from tocsin.delivery.slackin import Edited, Marked, Quoted
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.places import MessageKept
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, NotFound, Refused
from tocsin.kit.text import clip
from tocsin.people import access
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.response import discretion, followups, linking

CHANNEL = "slack_keep"
AUDIENCE = "channel"
LONGEST = 3000  # letters of a message that are kept
BODY = "Somebody marked a message in the chat; it is put onto the record."


# ---- Onto the record -------------------------------------------------------------------------------------------------


def keep(tx: Tx, incident: Incident, message: Quoted) -> Incident:
    """Put a message onto the record, in the name of whoever acts. Twice is once."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    if not message.text.strip() or _kept(tx, incident, message.channel, message.ts) is not None:
        return incident
    entry = MessageKept(
        at=tx.now,
        by=tx.actor.handle,
        provider=linking.PROVIDER,
        channel=message.channel,
        message=message.ts,
        author=_author(tx, message),
        written_at=min(_instant(message.ts) or tx.now, tx.now),
        text=clip(message.text.strip(), LONGEST),
        link=message.link,
    )
    return followups.record(tx, plans.load(tx, incident.plan_revision), incident, [entry])


def _author(tx: Tx, message: Quoted) -> str:
    """A handle; or a name that can't be taken for one, since everybody calls themselves there as they like."""
    handle = linking.handle_of(tx, message.author) if message.author else None
    return handle or f"{clip(message.called or message.author, 80) or 'An app'} (Slack)"


def _kept(tx: Tx, incident: Incident, channel: str, ts: str) -> MessageKept | None:
    """The message as the record has it last."""
    found = (one.entry for one in reversed(incidents.timeline(tx, incident.id)))
    return next(
        (one for one in found if isinstance(one, MessageKept) and (one.channel, one.message) == (channel, ts)), None
    )


def _instant(ts: str) -> datetime | None:
    """When a message was written: its name there is the second since 1970."""
    seconds = ts.partition(".")[0]
    return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() and len(seconds) <= 10 else None


def amend(tx: Tx, edited: Edited) -> None:
    """Somebody changed a message of theirs that is on the record: what it says now stands there too."""
    incident_id = comms.incident_of(tx, linking.PROVIDER, edited.channel)
    if incident_id is None:
        return
    incident = incidents.survivor(tx, incidents.load(tx, incident_id))
    before = _kept(tx, incident, edited.channel, edited.ts)
    text = clip(edited.text.strip(), LONGEST)
    if before is None or before.text == text:
        return
    entry = MessageKept(**{**vars(before), "at": tx.now, "by": SYSTEM.handle, "text": text, "edited": True})
    followups.record(tx, plans.load(tx, incident.plan_revision), incident, [entry])


# ---- Fetching --------------------------------------------------------------------------------------------------------


def mark(tx: Tx, marked: Marked) -> None:
    """Have a marked message fetched, if it stands in the channel of an incident that whoever marked it may work on."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    incident_id = comms.incident_of(tx, linking.PROVIDER, marked.channel)
    if incident_id is None:
        return
    incident = incidents.survivor(tx, incidents.load(tx, incident_id))
    outbox.queue(
        tx,
        dedup_key=marked.key,
        channel=CHANNEL,
        address=f"{marked.channel}/{marked.ts}",
        subject=discretion.subject(incident),
        body=BODY,
        person=tx.actor.handle,
        audience=AUDIENCE,
        thread=incident.id,
        incident_id=incident.id,
    )


class Quoting:
    """Fetches what was marked. It is a channel of the outbox, though what it takes goes the other way."""

    def __init__(self, database: Database, chat: Chat) -> None:
        self._database = database
        self._chat = chat

    async def send(self, message: Message) -> Result:
        channel, _, ts = message.address.partition("/")
        try:
            found = await self._chat.message(channel, ts)
            if found is None:
                return Dead("the message is gone")
            name = await self._chat.person(found.author) if found.author else ""
        except Busy as busy:
            return Retry(busy.reason, busy.after, down=busy.down)
        except NotLetIn as closed:  # what an administrator can mend
            return Retry(closed.reason)
        except ChatTrouble as never:
            return Dead(never.reason)
        quoted = Quoted(channel=channel, ts=ts, author=found.author, called=name, text=found.text)
        return await asyncio.to_thread(_fetched, self._database, message, quoted)


def _fetched(database: Database, message: Message, quoted: Quoted) -> Result:
    """Put it onto the record in the name of whoever marked it; who may not any more is refused as everywhere."""
    with database.read(SYSTEM) as tx:
        marker = access.person(people.load_person(tx, str(message.person)))
    try:
        database.run(marker, lambda tx: _keep_here(tx, str(message.incident_id), quoted))
    except (Forbidden, NotFound, Refused) as refused:
        return Dead(refused.message)
    return Delivered(quoted.ts, linking.PROVIDER)


def _keep_here(tx: Tx, incident_id: str, quoted: Quoted) -> None:
    room = next((one for one in comms.rooms(tx, incident_id) if one.channel == quoted.channel), None)
    if room is not None and not room.renamed:
        link = f"{room.link}/p{quoted.ts.replace('.', '')}" if room.link else ""
        keep(tx, incidents.load(tx, incident_id), replace(quoted, link=link))
