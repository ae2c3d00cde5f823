"""Telling somebody that a role is theirs: what it asks for, and where the incident is."""

from collections.abc import Sequence

import msgspec

from tocsin.db.engine import Tx
from tocsin.incidents import confidential, words
from tocsin.incidents.model import Incident, RoleAssigned
from tocsin.kit.text import ended
from tocsin.paging.reach import Text
from tocsin.people.hours import Way
from tocsin.plan.model import Plan
from tocsin.response import discretion, reaching

AUDIENCE = "role"


def tell(
    tx: Tx,
    plan: Plan,
    incident: Incident,
    entry: RoleAssigned,
    ways: Sequence[Way],
    room: str,
    prepared: Sequence[str] = (),
) -> None:
    """Write to whoever was named, by the ways on which they are reached first; whoever took the role knows. `prepared`
    are the lines of what lies ready for them."""
    if entry.by == entry.person:
        return
    text = _text(tx, plan, incident, entry, room, prepared)
    key = f"{incident.id}-{incident.entries}-role"
    reaching.write(tx, incident, entry.person, text, ways, key=key, audience=AUDIENCE)


def _text(tx: Tx, plan: Plan, incident: Incident, entry: RoleAssigned, room: str, prepared: Sequence[str]) -> Text:
    subject = f"{discretion.subject(incident)}: you are {words.role_name(plan, entry.role).lower()}"
    body, data = _body(plan, incident, entry, room, prepared), _data(tx, plan, incident, entry, room)
    return Text(subject, body, data, f"{subject}. {room}")


def _body(plan: Plan, incident: Incident, entry: RoleAssigned, room: str, prepared: Sequence[str]) -> str:
    """The same words for a confidential incident: the heading is discreet, and duties are the plan's."""
    role = plan.roles[entry.role]
    after = f", after {words.name(plan, entry.before)}" if entry.before else ""
    which = f"#{incident.number}, {confidential.heading(incident)}"
    lines = [
        f"{words.name(plan, entry.by)} named you {role.name.lower()} of {which}{after}.",
        "",
        f"{ended(role.purpose)} What it asks for:",
        *(f"- {one}" for one in role.duties),
        "",
        f"The incident: {room}",
        *([f"Call: {incident.call}"] if incident.call and not incident.confidential_at else []),
        *(["", *prepared] if prepared else []),
    ]
    return "\n".join(lines) + "\n"


def _data(tx: Tx, plan: Plan, incident: Incident, entry: RoleAssigned, room: str) -> str:
    about = {
        "incident": incident.id,
        "number": incident.number,
        "title": confidential.heading(incident),
        "severity": incident.severity,
        "role": entry.role,
        "named_by": entry.by,
        "before": entry.before,
        "duties": list(plan.roles[entry.role].duties),
        "link": room,
    }
    return msgspec.json.encode({"type": "incident.role_assigned", "timestamp": tx.now, "data": about}).decode()
