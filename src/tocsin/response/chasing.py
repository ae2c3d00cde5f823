"""Telling people about their duties: one message for each person and incident, whatever comes together."""

from collections.abc import Sequence

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents.model import Incident
from tocsin.obligations.model import Obligation
from tocsin.oncall import store as oncall
from tocsin.paging import chase
from tocsin.paging.reach import Text
from tocsin.people import hours
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
        _send(tx, incident, person, told, chase.text(plan, rotas, incident, told, room, tx.now), ways)


def _send(tx: Tx, incident: Incident, person: str, told: chase.News, text: Text, ways: Sequence[hours.Way]) -> None:
    for place, way in enumerate(ways):
        method = way.method
        outbox.queue(
            tx,
            dedup_key=f"{told.first.id}-{told.about}-{person}-{place}",
            channel=method.channel,
            address=method.address,
            subject=text.subject,
            body=text.said(method.channel),
            person=person,
            audience=told.about,
            thread=incident.id,
            secret=method.secret,
            incident_id=incident.id,
            send_at=tx.now + way.after,
        )
