"""Telling people about their duties: one message for each person and incident, whatever comes together."""

from collections.abc import Sequence

from tocsin.db.engine import Tx
from tocsin.incidents.model import Incident
from tocsin.obligations.model import Obligation
from tocsin.oncall import store as oncall
from tocsin.paging import chase
from tocsin.plan.model import Plan
from tocsin.response import followups, reaching


def tell(tx: Tx, plan: Plan, incident: Incident, soon: Sequence[Obligation], over: Sequence[Obligation]) -> None:
    """Remind the owners of what is due soon, and tell the next in line of what is overdue."""
    if not soon and not over:
        return
    rotas = oncall.rotas(tx, plan)

    def can_be_reached(person: str) -> bool:
        return bool(reaching.ways_of(tx, plan, incident, [person])[person])

    found = chase.news(plan, rotas, incident, soon, over, tx.now, can_be_reached)
    room = followups.link(tx, f"/incidents/{incident.id}")
    for person, told in found.items():
        ways = reaching.first_ways(tx, plan, incident, person)
        text = chase.text(plan, rotas, incident, told, room, tx.now)
        key = f"{told.first.id}-{told.about}"
        reaching.write(tx, incident, person, text, ways, key=key, audience=told.about)
