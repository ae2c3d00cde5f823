"""The public side of what is on the record, and the rooms of incidents as far as they are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Table, Text, delete, select

from tocsin.comms import corrections, statuspage
from tocsin.comms.maintenance import PublicMaintenance, public_maintenance
from tocsin.comms.rooms import Room
from tocsin.comms.statuspage import OldMonth, PublicIncident, PublicMonth, PublicPage
from tocsin.db import settings as kept
from tocsin.db import sight
from tocsin.db.columns import Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident, Numbered
from tocsin.kit.clock import to_millis
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Stage
from tocsin.signals import silences

HISTORY = timedelta(days=90)
SHOWN = 250  # incidents, at the most


Seen = dict[str, tuple[int, PublicIncident | None]]
"""The public side of incidents as it was read, each with the number of entries that it was read from."""


def public_page(tx: Tx, seen: Seen | None = None) -> PublicPage:
    """Everything that the public may see, as of now: open incidents and those of the last ninety days.

    Whoever asks again and again gives what was `seen`: an incident with no new entry need not be read anew.
    """
    plan, seen = plans.current(tx), {} if seen is None else seen
    known = {one.id: one for one in incidents.listing(tx, statuses=OPEN_STATUSES, limit=SHOWN)}
    known.update({one.id: one for one in incidents.listing(tx, since=tx.now - HISTORY, limit=SHOWN)})
    told = [one for one in known.values() if one.stage is not None and one.merged_into is None]
    news = [one for one in told if seen.get(one.id, (0, None))[0] != one.entries]
    timelines = incidents.timelines(tx, [one.id for one in news])
    seen.update({one.id: (one.entries, _public(tx, one, timelines)) for one in news})
    for gone in seen.keys() - {one.id for one in told}:
        del seen[gone]
    shown = [seen[one.id][1] for one in told]
    url = kept.public_link(tx, "/status")
    began_at = min((revision.applied_at for revision in plans.revisions(tx)), default=tx.now)
    found = [one for one in shown if one is not None]
    return statuspage.public_page(plan, plan.public_name, url, found, began_at, _maintenances(tx, plan))


def old_months(tx: Tx) -> tuple[OldMonth, ...]:
    """The months that are not in the page as a whole, the last first, back to the first incident."""
    last = statuspage.month_of(tx.now - HISTORY)
    marks: dict[str, list[str]] = {}
    for incident_id, resolved_at, updated_at in incidents.resolved_until(tx, statuspage.bounds(last)[1]):
        marks.setdefault(statuspage.month_of(resolved_at), []).append(f"{incident_id} {to_millis(updated_at)}")
    months = statuspage.months_between(min(marks), last) if marks else []
    return tuple(OldMonth(path=one, mark=statuspage.stable_id(one, *marks.get(one, ()))) for one in months)


def public_month(tx: Tx, month: str) -> PublicMonth:
    """What the public may see of a month, from when incidents were resolved."""
    plan, (start, end) = plans.current(tx), statuspage.bounds(month)
    found = incidents.resolved(tx, start, end, SHOWN)
    told = [one for one in found if one.stage is Stage.RESOLVED and one.merged_into is None]
    timelines = incidents.timelines(tx, [one.id for one in told])
    shown = [one for each in told if (one := _public(tx, each, timelines)) is not None]
    return PublicMonth(incidents=tuple(shown), maintenances=tuple(_maintenances(tx, plan, start, end)))


def _maintenances(
    tx: Tx, plan: Plan, since: datetime | None = None, until: datetime | None = None
) -> Iterator[PublicMaintenance]:
    for one in silences.listing(tx, since=since or tx.now - HISTORY, until=until, windows_only=True):
        components = statuspage.components_of(plan, one.service or "", one.components)
        if (found := public_maintenance(one, components, tx.now)) is not None:
            yield found


def _public(tx: Tx, incident: Incident, timelines: dict[str, list[Numbered]]) -> PublicIncident | None:
    plan, entries = plans.load(tx, incident.plan_revision), corrections.as_read(timelines[incident.id])
    return statuspage.public_incident(plan, incident, entries)


# ---- Rooms -----------------------------------------------------------------------------------------------------------

room = Table(
    "room",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_id", Text),
    Column("provider", Text),
    Column("name", Text),
    Column("private", Boolean),
    Column("done", Json),
    Column("held_until", Instant),
    Column("channel", Text),
)
heard = Table(
    "heard",
    metadata,
    Column("key", Text, primary_key=True),
    Column("heard_at", Instant),
)
asked = Table(
    "chat_request",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text),
    Column("payload", Text),
    Column("received_at", Instant),
)
REPEATED_FOR = timedelta(days=1)  # that a chat may bring the same thing again; a request is signed for five minutes


def rooms(tx: Tx, incident_id: str) -> list[Room]:
    """The channels of an incident, the open one before the private one."""
    wanted = select(room.c.done).where(room.c.incident_id == incident_id).order_by(room.c.private)
    return [msgspec.convert(row.done, Room) for row in tx.all(sight.within(tx, wanted, room.c.incident_id))]


def load_room(tx: Tx, room_id: str) -> Room:
    return msgspec.convert(tx.scalar(select(room.c.done).where(room.c.id == room_id)), Room)


def add_room(tx: Tx, added: Room) -> None:
    """Write down a channel that is to be. Its name is ours from now on: `Overtaken` if another node took it first."""
    tx.add(room, {"id": added.id, "held_until": None, **_columns(added)})


def save_room(tx: Tx, saved: Room) -> None:
    tx.put(room, saved.id, _columns(saved))


def is_named(tx: Tx, provider: str, name: str) -> bool:
    """Whether a channel of ours has this name, or is to have it."""
    return tx.first(select(room.c.id).where((room.c.provider == provider) & (room.c.name == name))) is not None


def incident_of(tx: Tx, provider: str, channel: str) -> str | None:
    """Whose channel this is, if it is one of ours and the actor may see the incident. One that was left is nobody's."""
    there = (room.c.provider == provider) & (room.c.channel == channel)
    wanted = sight.within(tx, select(room.c.incident_id, room.c.done).where(there), room.c.incident_id)
    row = tx.first(wanted)
    return None if row is None or msgspec.convert(row.done, Room).renamed else str(row.incident_id)


def hold(tx: Tx, incident_id: str, until: datetime) -> bool:
    """Keep others from seeing to these channels meanwhile. The first caller gets True."""
    free = (room.c.incident_id == incident_id) & (room.c.held_until.is_(None) | (room.c.held_until <= tx.now))
    return tx.run(room.update().where(free).values(held_until=until)).rowcount > 0


def release(tx: Tx, incident_id: str) -> None:
    tx.run(room.update().where(room.c.incident_id == incident_id).values(held_until=None))


def _columns(one: Room) -> dict[str, Any]:
    named = {name: getattr(one, name) for name in ("incident_id", "provider", "name", "private", "channel")}
    return {**named, "done": msgspec.to_builtins(one)}


# ---- What a chat brings ----------------------------------------------------------------------------------------------


def first_time(tx: Tx, key: str) -> bool:
    """Whether this is heard for the first time, on whichever node. Whoever writes second is run again, and told no."""
    if _is_known(tx, heard, key):
        return False
    tx.add(heard, {"key": key, "heard_at": tx.now})
    tx.flush()
    return True


def forget_heard(tx: Tx) -> None:
    tx.run(delete(heard).where(heard.c.heard_at < tx.now - REPEATED_FOR))


def keep_request(tx: Tx, key: str, kind: str, payload: str) -> None:
    """Write down what a chat asks for, unless it is done or is written down already."""
    if _is_known(tx, heard, key) or _is_known(tx, asked, key):
        return
    tx.add(asked, {"key": key, "kind": kind, "payload": payload, "received_at": tx.now})
    tx.flush()


def done_with(tx: Tx, key: str) -> None:
    """What a chat asked for is done, or will never be."""
    tx.run(delete(asked).where(asked.c.key == key))


def is_waiting(tx: Tx, key: str) -> bool:
    return _is_known(tx, asked, key)


def requests(tx: Tx, until: datetime, limit: int) -> list[tuple[str, str]]:
    """Kind and payload of what was asked for until then and is not done, the oldest first."""
    waiting = select(asked).where(asked.c.received_at <= until).order_by(asked.c.received_at).limit(limit)
    return [(row.kind, row.payload) for row in tx.all(waiting)]


def _is_known(tx: Tx, table: Table, key: str) -> bool:
    return tx.first(select(table.c.key).where(table.c.key == key)) is not None
