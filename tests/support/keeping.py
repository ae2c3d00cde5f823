"""How a promise stands, as the ledger and the timeline tell it."""

from datetime import datetime, timedelta

from tests.support.world import World
from tocsin.incidents.model import FellDue, Incident
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation, State


def fell_due(world: World, incident: Incident) -> dict[str, datetime]:
    """What was not done by its time, as the timeline says; the first time of each."""
    found: dict[str, datetime] = {}
    for one in world.entries(incident.id, FellDue):
        found.setdefault(one.key, one.due_at)
    return found


def kept(world: World, incident: Incident, key: str) -> bool:
    """Whether every obligation of this key that has ended was kept, and at least one was."""
    return set(world.ended(incident.id, key)) == {State.MET}


def due_in(world: World, incident: Incident, key: str) -> timedelta | None:
    """How long from now this is due; None if it is not owed."""
    duty = world.owed(incident.id).get(key)
    return duty.due_at - world.clock.now() if duty else None


def all_of(world: World, incident: Incident) -> list[Obligation]:
    return world.read(obligations.for_incident, incident.id)
