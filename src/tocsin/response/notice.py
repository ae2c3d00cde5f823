"""What whoever was given the role that writes to the public is handed: the first update, as good as written.

Nothing is published by it. The link opens the room's composer, where a person reads, mends and posts.
"""

from tocsin.comms import templates
from tocsin.db.engine import Tx
from tocsin.incidents import lifecycle, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.plan.model import Plan, Stage


def prepared(tx: Tx, plan: Plan, incident: Incident, role: str, room: str) -> list[str]:
    """The update and where it is posted, in lines; none if this role owes the public no first words. `room` is the
    address of the incident's page."""
    audience = _owed(plan, incident, role)
    if not audience:
        return []
    stages = plan.communication.stages
    template = stages.get(Stage.INVESTIGATING) or next(iter(stages.values()))
    entries = incidents.timeline(tx, incident.id)
    draft = templates.render(plan, incident, template, tx.now, room, entries)
    name = words.audience_name(plan, audience)
    return [
        f"The first update for “{name}” is prepared. Where a bracket stands, words are missing:",
        "",
        draft.text.strip(),
        "",
        "Read it, mend it and post it here. Nothing is published before you do:",
        f"{room}?audience={audience}#compose",
    ]


def _owed(plan: Plan, incident: Incident, role: str) -> str:
    """The audience that is the public, if this role owes it the first words about this incident."""
    if not incident.is_open or incident.stage is not None or not lifecycle.owes_public(plan, incident):
        return ""
    audiences = plan.communication.audiences
    return next((name for name, one in audiences.items() if one.public and one.owner == role), "")
