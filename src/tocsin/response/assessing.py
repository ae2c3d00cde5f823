"""The first assessment: gathering what the program knows of an incident, with the eyes of whoever will read it."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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
TOLD_AT_ONCE = 10  # messages of one unit of work

log = logging.getLogger(__name__)

_CALLING, _AROUND, _TOLD = "signal that calls for an incident", "what strangers know", "assessments told"


@contextmanager
def called_for_by(tx: Tx, signal: signals.Signal) -> Iterator[None]:
    """Within the block an incident is declared for this signal, which is not on its record yet and belongs to it."""
    tx.memo[_CALLING] = signal
    try:
        yield
    finally:
        del tx.memo[_CALLING]


@dataclass
class Around:
    """What is known whichever incident is asked about: many that begin together ask for it once."""

    seen: dict[str, Seen]
    firing: list[Heard]
    open: list[Incident]
    past: dict[str, list[Incident]] = field(default_factory=dict)  # by type


def around(tx: Tx) -> Around:
    return Around(
        seen={name: Seen(outcome=one.outcome, looked_at=one.looked_at) for name, one in watch.standings(tx).items()},
        firing=_heard(signals.firing(tx, FIRING_LOOKED_AT)),
        open=incidents.listing(tx, statuses=OPEN_STATUSES, limit=OPEN_LOOKED_AT),
    )


def assess(tx: Tx, plan: Plan, incident: Incident, known: Around | None = None) -> Assessment:
    """What is known now, as far as whoever asks may see it."""
    known = known or around(tx)
    if incident.type not in known.past:
        known.past[incident.type] = incidents.of_type(tx, incident.type, PAST_LOOKED_AT)
    related = incidents.glimpse(tx, list(incident.relations))
    past = list({one.id: one for one in (*related, *known.past[incident.type])}.values())
    alike = [one.id for one in past if assessment.alike(incident, one)]
    named = None if incident.service is None else assessment.services(plan, incident)
    calling = _heard([tx.memo[_CALLING]] if _CALLING in tx.memo else [])
    since = incident.started_at - assessment.RECENT
    material = Material(
        seen=known.seen,
        changes=changes.made_between(tx, since, tx.now, named, CHANGES_SHOWN),
        firing=[*calling, *known.firing],
        on_it=[*calling, *_heard(signals.of_incident(tx, incident.id))],
        open=[one for one in known.open if one.id != incident.id],
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
    """The same in lines of text, of what everybody may see: a message lies open in many places.

    In a storm only the first few of a unit of work carry it, and a mistake in it is logged: the page comes first.
    """
    told = tx.memo[_TOLD] = tx.memo.get(_TOLD, 0) + 1
    if incident.confidential_at or told > TOLD_AT_ONCE:
        return []
    with sight.of_strangers(tx):
        if _AROUND not in tx.memo:
            tx.memo[_AROUND] = around(tx)
        try:
            return assessment.text(assessment.parts(plan, assess(tx, plan, incident, tx.memo[_AROUND])))
        except (LookupError, TypeError, ValueError):
            log.exception("%s is paged without its first assessment, which could not be put together", incident.id)
            return []
