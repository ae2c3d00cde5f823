"""The first assessment: gathering what the program knows of an incident, with the eyes of whoever will read it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tocsin.changes import store as changes
from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.incidents import assessment
from tocsin.incidents import store as incidents
from tocsin.incidents.assessment import Assessment, Heard, Material, Seen
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.plan.model import Plan
from tocsin.signals import store as signals
from tocsin.watch import store as watch

CHANGES_SHOWN = 8
FIRING_LOOKED_AT = 200
OPEN_LOOKED_AT = 50
PAST_LOOKED_AT = 50


_CALLING = "signal that calls for an incident"


@contextmanager
def called_for_by(tx: Tx, signal: signals.Signal) -> Iterator[None]:
    """Within the block an incident is declared for this signal, which is not on its record yet and belongs to it."""
    tx.memo[_CALLING] = signal
    try:
        yield
    finally:
        del tx.memo[_CALLING]


def assess(tx: Tx, plan: Plan, incident: Incident) -> Assessment:
    """What is known now, as far as whoever asks may see it."""
    past = incidents.of_type(tx, incident.type, PAST_LOOKED_AT)
    past = list({one.id: one for one in (*incidents.glimpse(tx, list(incident.relations)), *past)}.values())
    alike = [one.id for one in past if assessment.alike(incident, one)]
    listed = incidents.listing(tx, statuses=OPEN_STATUSES, limit=OPEN_LOOKED_AT)
    named = None if incident.service is None else assessment.services(plan, incident)
    calling = [tx.memo[_CALLING]] if _CALLING in tx.memo else []
    since = incident.started_at - assessment.RECENT
    material = Material(
        seen={name: Seen(outcome=one.outcome, looked_at=one.looked_at) for name, one in watch.standings(tx).items()},
        changes=changes.made_between(tx, since, tx.now, named, CHANGES_SHOWN),
        firing=_heard([*calling, *signals.firing(tx, FIRING_LOOKED_AT)]),
        on_it=_heard([*calling, *signals.of_incident(tx, incident.id)]),
        open=[one for one in listed if one.id != incident.id],
        past=past,
        records=incidents.timelines(tx, alike[: assessment.SIMILAR_SHOWN]),
    )
    return assessment.assess(plan, incident, material, tx.now)


def _heard(found: Iterable[signals.Signal]) -> list[Heard]:
    return [
        Heard(
            source=one.source,
            title=one.title,
            said=" ".join((one.title, one.why, *one.labels.values())),
            users=assessment.counted(one.labels, one.details),
            last_at=one.last_at,
        )
        for one in found
    ]


def for_a_message(tx: Tx, plan: Plan, incident: Incident) -> list[str]:
    """The same in lines of text, of what everybody may see: a message lies open in many places."""
    with sight.of_strangers(tx):
        return assessment.text(assessment.parts(plan, assess(tx, plan, incident)))
