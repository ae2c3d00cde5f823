"""Where the people of an incident meet: what follows of an entry for its channel and its call.

Nothing here touches the network. A channel is a row and a message in a lane of its own before anything is asked of a
chat; a call is an address that follows from the plan, the incident and the installation's key.
"""

from tocsin.comms import naming, rooms
from tocsin.comms import store as comms
from tocsin.comms.rooms import Room
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents.model import AnyEntry, Incident, MadeConfidential
from tocsin.incidents.places import CallOpened
from tocsin.kit.actor import SYSTEM
from tocsin.kit.ids import new_id
from tocsin.plan.model import Chat, Plan
from tocsin.response import discretion

AUDIENCE = "channel"
BODY = "What is to be said there follows from the record when it is said."


def call(tx: Tx, plan: Plan, incident: Incident, entry: AnyEntry) -> list[AnyEntry]:
    """The entry that opens the call, or a new one for the readers of what has become confidential."""
    secret = isinstance(entry, MadeConfidential) and incident.call
    if not secret and (incident.call or not incident.is_open or not naming.wants_call(plan, incident)):
        return []
    link = naming.call_link(plan, incident, naming.call_token(_key(tx), incident))
    return [CallOpened(at=tx.now, by=SYSTEM.handle, link=link)] if link not in ("", incident.call) else []


def see_to_channel(tx: Tx, plan: Plan, incident: Incident) -> None:
    """Have the channel opened that the plan wants, or those that there are brought up to date."""
    provider = _provider(tx)
    if not provider:
        return
    standing = comms.rooms(tx, incident.id)
    secret = incident.confidential_at is not None
    wanted = incident.is_open and (bool(standing) or rooms.is_wanted(plan, incident))
    if wanted and not any(one.private or not secret for one in standing):
        standing.append(_begin(tx, plan, incident, provider, private=secret))
    if standing:
        _queue(tx, incident, standing[-1])


def _begin(tx: Tx, plan: Plan, incident: Incident, provider: str, *, private: bool) -> Room:
    name, place = free_name(tx, plan, incident, provider, private=private)
    room = Room(
        id=new_id("rom", 12), incident_id=incident.id, provider=provider, name=name, place=place, private=private
    )
    comms.add_room(tx, room)
    return room


def free_name(
    tx: Tx, plan: Plan, incident: Incident, provider: str, *, private: bool, after: int = 0
) -> tuple[str, int]:
    """The first name by the plan's pattern that no other channel of ours has."""
    chat = plan.communication.channels.chat or Chat()
    place = after + 1
    while comms.is_named(tx, provider, name := naming.channel_name(chat, incident, private=private, place=place)):
        place += 1
    return name, place


def _queue(tx: Tx, incident: Incident, room: Room) -> None:
    """One message for each state of the record, whatever led to it."""
    key = f"{incident.id}-{incident.entries}-{room.provider}"
    told: set[str] = tx.memo.setdefault("channels seen to", set())
    if key in told:
        return
    told.add(key)
    outbox.queue(
        tx,
        dedup_key=key,
        channel=room.provider,
        address=f"#{room.name}",
        subject=discretion.subject(incident),
        body=BODY,
        audience=AUDIENCE,
        thread=incident.id,
        incident_id=incident.id,
    )


def _key(tx: Tx) -> bytes:
    """Asked for once in a unit of work: a storm declares many incidents in one."""
    if "signing key" not in tx.memo:
        tx.memo["signing key"] = kept.signing_key(tx)
    return bytes(tx.memo["signing key"])


def _provider(tx: Tx) -> str:
    if "chat" not in tx.memo:
        tx.memo["chat"] = kept.read(tx, kept.CHAT) or ""
    return str(tx.memo["chat"])
