"""The first assessment: gathering what the program knows of an incident, with the eyes of whoever will read it."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from tocsin.changes import store as changes
from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.incidents import alike, assessing, assessment, assessment_words, dependence, standing
from tocsin.incidents import store as incidents
from tocsin.incidents.assessment import Assessment, Heard, Kin, Material, Seen, VendorSeen
from tocsin.incidents.model import UNRESOLVED, Incident
from tocsin.plan.model import Plan
from tocsin.signals import found as found_signals
from tocsin.signals import store as signals
from tocsin.watch import store as watch
from tocsin.watch.courses import AFTER, BEFORE
from tocsin.watch.metering import Sample

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
    """What is known whichever incident is asked about, read when it is first asked for: many that begin together share
    it."""

    tx: Tx
    opened: Iterable[Incident] | None = None  # every incident that is open, where they were read for something else
    past: dict[str, list[alike.Kin]] = field(default_factory=dict)  # by type

    @cached_property
    def seen(self) -> dict[str, Seen]:
        standings = watch.standings(self.tx).items()
        return {name: Seen(outcome=one.outcome, looked_at=one.looked_at) for name, one in standings}

    @cached_property
    def firing(self) -> list[found_signals.Firing]:
        return found_signals.firing(self.tx, FIRING_LOOKED_AT)

    @cached_property
    def open(self) -> list[incidents.Heading]:
        if self.opened is None:
            return incidents.open_headings(self.tx, UNRESOLVED, OPEN_LOOKED_AT)
        return [incidents.Heading(one.id, one.number, one.title, one.why) for one in self.opened if not one.is_resolved]

    def of_type(self, kind: str) -> list[alike.Kin]:
        if kind not in self.past:
            self.past[kind] = alike.kin(self.tx, kind, PAST_LOOKED_AT)
        return self.past[kind]


def assess(
    tx: Tx,
    plan: Plan,
    incident: Incident,
    known: Around | None = None,
    on_it: Iterable[signals.Signal] | None = None,
) -> Assessment:
    """What is known now, as far as whoever asks may see it. `on_it` are the signals on it, where they are read."""
    known = known or Around(tx)
    similar = _similar(tx, incident, known)
    named = None if incident.service is None else dependence.services(plan, incident)
    calls = [tx.memo[_CALLING]] if _CALLING in tx.memo else []
    calling, on_it = _heard(calls), [*calls, *(signals.of_incident(tx, incident.id) if on_it is None else on_it)]
    since = incident.started_at - assessment.RECENT
    needs_vendors = bool(dependence.vendors(plan, incident))  # else nothing that others say is asked for
    material = Material(
        seen=known.seen if needs_vendors or dependence.is_watched(plan, incident) else {},
        changes=changes.made_between(tx, since, tx.now, named, CHANGES_SHOWN),
        firing=[*calling, *known.firing] if needs_vendors else [],
        on_it=_heard(on_it),
        open=[one for one in known.open if one.id != incident.id] if needs_vendors else [],
        similar=similar,
        samples=_samples(tx, plan, incident, on_it),
        records=incidents.timelines(tx, [one.id for one in similar], assessing.TELL_THE_END),
    )
    return assessing.assess(plan, incident, material, tx.now)


def vendors(tx: Tx, plan: Plan, known: Around | None = None) -> tuple[VendorSeen, ...]:
    """How every vendor of the plan is, by what we see and by its own word."""
    known = known or Around(tx)
    return standing.now(
        plan,
        Material(
            seen=known.seen,
            changes=(),
            firing=known.firing,
            on_it=(),
            open=known.open,
            similar=(),
            samples={},
            records={},
        ),
    )


def _samples(tx: Tx, plan: Plan, incident: Incident, on_it: Iterable[signals.Signal]) -> dict[str, list[Sample]]:
    began, spoke = incident.started_at, {one.key.partition(":")[2] for one in on_it}
    return watch.samples_around(tx, dependence.measured(plan, incident, spoke), began - BEFORE, began + AFTER)


def _similar(tx: Tx, incident: Incident, known: Around) -> list[Incident]:
    """Those before it that are like it: the related ones first, then the latest."""
    related = incidents.glimpse(tx, list(incident.relations))
    others: list[Kin] = [*related, *known.of_type(incident.type)]
    past = {one.id: one for one in others}
    alike = [one.id for one in past.values() if assessing.alike(incident, one)][: assessment.SIMILAR_SHOWN]
    found = {one.id: one for one in incidents.glimpse(tx, alike)}
    return [found[one] for one in alike if one in found]


def _heard(found: Iterable[signals.Signal]) -> list[Heard]:
    return [
        Heard(
            source=one.source,
            title=one.title,
            said=found_signals.words_of(one.title, one.why, one.labels),
            users=assessing.counted(one.labels, one.details),
            last_at=one.last_at,
        )
        for one in found
    ]


def seen_at(tx: Tx, incident: Incident) -> str:
    """Where the trouble was seen, if the signal that called for the incident, or the first after it, leads there."""
    if incident.confidential_at:
        return ""
    calling: signals.Signal | None = tx.memo.get(_CALLING)
    return (calling.link if calling else None) or found_signals.first_link(tx, incident.id) or ""


def for_a_message(tx: Tx, plan: Plan, incident: Incident) -> list[str]:
    """The same in lines of text, of what everybody may see: a message lies open in many places.

    In a storm only the first few of a unit of work carry it, and a mistake in it is logged: the page comes first.
    """
    told = tx.memo[_TOLD] = tx.memo.get(_TOLD, 0) + 1
    if incident.confidential_at or told > TOLD_AT_ONCE:
        return []
    with sight.of_strangers(tx):
        if _AROUND not in tx.memo:
            tx.memo[_AROUND] = Around(tx)
        try:
            return assessment_words.text(assessment_words.parts(plan, assess(tx, plan, incident, tx.memo[_AROUND])))
        except (LookupError, TypeError, ValueError):
            log.exception("%s is paged without its first assessment, which could not be put together", incident.id)
            return []
