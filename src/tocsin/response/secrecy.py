"""The verbs of what is confidential: who may see an incident, and who said so."""

from collections.abc import Collection, Sequence

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.incidents import confidential
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit.actor import ActorKind
from tocsin.kit.errors import Invalid, Refused
from tocsin.people import access
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import followups


class OnlyAPerson(Refused):
    """Only a person can break the glass: the record must say who reads."""


class NobodyThere(Refused):
    """Nobody of this team has an account."""


def make_confidential(tx: Tx, incident_id: str, because: str) -> Incident:
    """From here on only its readers see the incident; what stood on the status page is taken down."""
    plan, incident = _mine(tx, incident_id)
    entries = confidential.make_confidential(plan, incident, because, by=tx.actor.handle, now=tx.now)
    _audit(tx, Deed.MADE_CONFIDENTIAL, incident, entries)
    return followups.record(tx, plan, incident, entries)


def keep(tx: Tx, incident: Incident, because: str) -> Incident:
    """The same of an incident that has only just begun, and comes of a confidential one."""
    plan = plans.load(tx, incident.plan_revision)
    entries = confidential.make_confidential(plan, incident, because, by=tx.actor.handle, now=tx.now)
    _audit(tx, Deed.MADE_CONFIDENTIAL, incident, entries)
    return followups.record(tx, plan, incident, entries)


def disclose(tx: Tx, incident_id: str, because: str) -> Incident:
    """Open it to everybody who may read incidents. Nothing is published by it."""
    plan, incident = _mine(tx, incident_id)
    entries = confidential.disclose(plan, incident, because, by=tx.actor.handle, now=tx.now)
    _audit(tx, Deed.DISCLOSED, incident, entries)
    return followups.record(tx, plan, incident, entries)


def add_responder(tx: Tx, incident_id: str, person: str, because: str) -> Incident:
    """Bring somebody in. Anybody who has an account can be: also whom the plan does not name."""
    plan, incident = _mine(tx, incident_id)
    handle = people.load_person(tx, person).handle
    entries = confidential.add_responder(incident, handle, because, by=tx.actor.handle, now=tx.now)
    if sight.is_hidden(tx, incident.id):
        _audit(tx, Deed.READER_ADDED, incident, entries, handle)
    return followups.record(tx, plan, incident, entries)


def add_team(tx: Tx, incident_id: str, team: str, because: str) -> Incident:
    """Bring in a team of the plan in force: those who are its members at this moment and have an account."""
    plan, incident = _mine(tx, incident_id)
    known = plans.current(tx).teams.get(team)
    if known is None:
        raise Invalid(f"The plan has no team called '{team}'.", field="team")
    accounts = people.names(tx)
    able = [one for one in known.members if one in accounts]
    if not able:
        raise NobodyThere(f"Nobody of the team {known.name} has an account.")
    entries = confidential.add_team(incident, known.name, able, because, by=tx.actor.handle, now=tx.now)
    if sight.is_hidden(tx, incident.id):
        for one in entries:
            _audit(tx, Deed.READER_ADDED, incident, [one], one.person)
    return followups.record(tx, plan, incident, entries)


def remove_responder(tx: Tx, incident_id: str, person: str, because: str) -> Incident:
    """Take somebody off: from here on they do not see it, if it is confidential."""
    plan, incident = _mine(tx, incident_id)
    entries = confidential.remove_responder(incident, person, because, by=tx.actor.handle, now=tx.now)
    if sight.is_hidden(tx, incident.id):
        _audit(tx, Deed.READER_REMOVED, incident, entries, person)
    return followups.record(tx, plan, incident, entries)


def break_glass(tx: Tx, name: str, because: str) -> Incident:
    """Let an administrator read what is confidential. The record says so and why, and the readers are told."""
    access.require(tx.actor, access.BREAK_GLASS)
    if tx.actor.kind is not ActorKind.PERSON:
        raise OnlyAPerson
    sight.see_everything(tx)  # to find it; what is shown of it afterwards is read with the actor's own eyes
    incident = incidents.load(tx, incidents.id_of(tx, name))
    plan = plans.load(tx, incident.plan_revision)
    entries = confidential.break_glass(incident, because, by=tx.actor.handle, now=tx.now)
    _audit(tx, Deed.GLASS_BROKEN, incident, entries)
    return followups.record(tx, plan, incident, entries)


def _audit(tx: Tx, deed: Deed, incident: Incident, entries: Sequence[object], whom: str = "") -> None:
    """Write it down where those look who look after the door. Why, only the record of the incident says."""
    if entries:
        audit.record(tx, deed, incident.id, whom)


def _mine(tx: Tx, incident_id: str) -> tuple[Plan, Incident]:
    access.require(tx.actor, access.INCIDENT_WRITE)
    incident = incidents.load(tx, incident_id)
    return plans.load(tx, incident.plan_revision), incident


def sights(
    tx: Tx, incident_ids: Collection[str], handles: Collection[str]
) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """Which of these incidents are there for their readers alone, and what each of these people may see of all such."""
    return frozenset(sight.hidden_of(tx, incident_ids)), sight.seen_by(tx, handles)
