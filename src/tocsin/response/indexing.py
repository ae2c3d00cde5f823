"""The index of words follows the record: what changed is read, taken apart, and written in short units of work.

Whoever changes something pays for one row that says so. A kill loses nothing: those rows go in the same unit of work as
the words come, and where reading what was stored before an index was there has come to is such a row too.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tocsin.db import fulltext
from tocsin.db.engine import Database, Overtaken, Tx
from tocsin.db.fulltext import Passage, Place, Queued
from tocsin.incidents import indexed, sentences, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident, Numbered
from tocsin.kit.actor import SYSTEM
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.review import store as reviews
from tocsin.signals import found as found_signals
from tocsin.signals import store as signals
from tocsin.signals.store import Signal

ROWS = 20  # that say what changed, in one unit of work
INCIDENTS_AT_ONCE = 10  # of those that were there before, with their timelines
SIGNALS_AT_ONCE = 100
ENTRIES_AT_ONCE = 500  # of one incident

INCIDENT, ENTRY, POST_MORTEM, SIGNAL = incidents.TO_BE_FOUND, "entry", reviews.TO_BE_FOUND, signals.TO_BE_FOUND


class _Work(NamedTuple):
    """What rows ask for: incidents with the entry from which on, and the subjects after which everything goes on."""

    incidents: dict[str, int]
    post_mortems: set[str]
    signals: set[str]
    onward: list[tuple[Queued, str]]


def catch_up(database: Database) -> bool:
    """Index some of what changed. Returns whether there was anything."""
    with database.read(SYSTEM) as tx:
        rows = fulltext.waiting(tx, ROWS)
        work = _work(tx, rows)
        passages = list(_passages(tx, work)) if rows else []
    if rows:
        _write(database, rows, work, passages)
    return bool(rows)


def _write(database: Database, rows: Sequence[Queued], work: _Work, passages: Sequence[Passage]) -> None:
    try:
        with database.work(SYSTEM) as tx:
            if not fulltext.taken(tx, rows):
                raise Overtaken
            fulltext.put(tx, passages)
            for row, after in work.onward:
                fulltext.go_on(tx, row, after)
    except Overtaken:
        return  # another node does it


def _work(tx: Tx, rows: Sequence[Queued]) -> _Work:
    work = _Work({}, set(), set(), [])
    for row in rows:
        match row.kind:
            case "incident":
                for incident_id, number in row.subjects:
                    work.incidents[incident_id] = min(number, work.incidents.get(incident_id, number))
            case "post_mortem":
                work.post_mortems.update(one for (one,) in row.subjects)
            case "signal":
                work.signals.update(one for (one,) in row.subjects)
            case _:
                _some_of_all(tx, row, work)
    return work


def _some_of_all(tx: Tx, row: Queued, work: _Work) -> None:
    """A piece of what was there before the index; the row stays, with its new beginning, until nothing is left."""
    after = row.subjects[0][0]
    if row.kind == fulltext.EVERY + SIGNAL:
        ids = found_signals.ids_after(tx, after, SIGNALS_AT_ONCE)
        work.signals.update(ids)
    else:
        ids = incidents.ids_after(tx, after, INCIDENTS_AT_ONCE)
        work.incidents.update(dict.fromkeys(ids, 1))
        work.post_mortems.update(ids)
    if ids:
        work.onward.append((row, ids[-1]))


def _passages(tx: Tx, work: _Work) -> Iterator[Passage]:
    known = {one.id: one for one in incidents.load_many(tx, [*work.incidents, *work.post_mortems])}
    known_as = fulltext.severities(tx, INCIDENT, work.incidents)
    for incident_id, number in work.incidents.items():
        incident = known[incident_id]
        plan = plans.load(tx, incident.plan_revision)
        is_as_serious = known_as.get(incident_id, incident.severity) == incident.severity
        yield of_incident(plan, incident)
        yield from _entries(tx, plan, incident, number if is_as_serious else 1)
    documents = reviews.documents(tx, {*work.post_mortems, *(one for one in work.incidents if one in known_as)})
    for incident_id, document in documents.items():
        yield of_document(known[incident_id], document)
    for signal in found_signals.glimpse(tx, work.signals).values():
        yield of_signal(signal)


def _entries(tx: Tx, plan: Plan, incident: Incident, number: int) -> Iterator[Passage]:
    while some := incidents.entries_from(tx, incident.id, number, ENTRIES_AT_ONCE):
        for one in some:
            if indexed.is_found(one.entry):
                yield of_entry(plan, incident, one)
        number = some[-1].number + 1


# ---- What the words of each are ----


def of_incident(plan: Plan, incident: Incident) -> Passage:
    return Passage(
        place=Place(INCIDENT, incident.id),
        at=incident.declared_at,
        title=title(incident),
        body=about(plan, incident),
        tags=_tags(incident.severity, incident.service),
        incident_id=incident.id,
        severity=incident.severity,
    )


def of_entry(plan: Plan, incident: Incident, one: Numbered) -> Passage:
    return Passage(
        place=Place(ENTRY, incident.id, one.number),
        at=one.entry.at,
        title="",
        body=sentences.sentence(plan, one.entry),
        tags=_tags(incident.severity, incident.service),
        incident_id=incident.id,
    )


def of_document(incident: Incident, document: reviews.Document) -> Passage:
    return Passage(
        place=Place(POST_MORTEM, incident.id),
        at=document.updated_at,
        title=title(incident),
        body=document.text,
        tags=_tags(incident.severity, incident.service),
        incident_id=incident.id,
    )


def of_signal(signal: Signal) -> Passage:
    return Passage(
        place=Place(SIGNAL, signal.id),
        at=signal.last_at,
        title=signal.title,
        body=found_signals.text(signal),
        tags=_tags(signal.severity, signal.labels.get("service")),
        incident_id=None,  # the signal itself says whose it is, now
    )


def title(incident: Incident) -> str:
    return f"#{incident.number} {incident.title}"


def about(plan: Plan, incident: Incident) -> str:
    """What an incident says of itself besides its title."""
    kind = f"{words.severity_name(plan, incident.severity)}, {words.type_name(plan, incident.type)}"
    broken = ", ".join(words.affected(plan, incident))
    said = (kind, broken, words.impact(incident), incident.why, incident.id)
    return ". ".join(one.rstrip(".") for one in said if one) + "."


def _tags(severity: str | None, service: str | None) -> dict[str, str]:
    said = {"severity": severity, "service": service}
    return {name: value for name, value in said.items() if value}
