"""The first assessment of an incident, put together before a person asks: what the program itself can know. Pure.

Five questions: how the service is, what was changed lately, how the vendors are, whom it touches, and what was like it
before. What nobody has looked at is said to be so; nothing is guessed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tocsin.incidents import dependence, standing, words, work, working
from tocsin.incidents.assessment import (
    Affected,
    Assessment,
    Heard,
    Kin,
    Looked,
    Material,
    Nearby,
    Seen,
    Similar,
    looked,
)
from tocsin.incidents.model import Incident, Numbered, Resolved
from tocsin.kit.text import ended, listed, span
from tocsin.plan.model import Plan
from tocsin.watch import courses
from tocsin.watch.courses import Course
from tocsin.watch.metering import Sample

AFFECTED = ("users_affected", "affected_users")  # the labels and details in which a signal may count users
USERS_MOST = 10**12


def assess(plan: Plan, incident: Incident, material: Material, now: datetime) -> Assessment:
    looks = tuple(_looks(plan, incident, material.seen))
    return Assessment(
        at=now,
        service=words.service_name(plan, incident.service) if incident.service else "",
        looks=looks,
        unwatched="" if looks else _unwatched(plan, incident),
        changes=tuple(Nearby(change=one, when=when(one.at, incident.started_at)) for one in material.changes),
        vendors=standing.seen(plan, incident, material),
        courses=tuple(_courses(plan, incident, material.samples)),
        users=_users(plan, incident, material.on_it),
        similar=tuple(_similar(plan, incident, material)),
    )


def _looks(plan: Plan, incident: Incident, seen: Mapping[str, Seen]) -> Iterator[Looked]:
    for service in dependence.services(plan, incident):
        for one in dependence.watched(plan.services[service]):
            name = f"{service}/{one}"
            yield looked(name, words.service_name(plan, service), seen.get(name))


def _courses(plan: Plan, incident: Incident, samples: Mapping[str, Sequence[Sample]]) -> Iterator[Course]:
    for name in (one for one in dependence.every_measured(plan, incident) if one in samples):
        service, _, which = name.partition("/")
        measure = plan.services[service].measures.get(which)
        level = "latency" if measure is None else None if measure.errors else "value"
        unit = "" if measure is None else "%" if measure.error_rate is not None else measure.unit
        yield from courses.courses(name, samples[name], incident.started_at, level, unit)


def _unwatched(plan: Plan, incident: Incident) -> str:
    if incident.service is None:
        return "No service is named, and the plan has no probe."
    return f"The plan has no probe for {words.service_name(plan, incident.service)}."


def when(at: datetime, began_at: datetime) -> str:
    """`12 min before it began`, `3 h 5 min after it began`."""
    apart = abs(at - began_at)
    if apart < timedelta(minutes=1):
        return "as it began"
    whole = timedelta(minutes=int(apart.total_seconds()) // 60)
    return f"{span(whole)} {'before' if at < began_at else 'after'} it began"


def _users(plan: Plan, incident: Incident, on_it: Iterable[Heard]) -> Affected:
    """As a person assessed it; else as a signal counts; else as the plan does; else unknown, and why."""
    if assessed := words.users_affected(incident.assessed):
        by = incident.assessed.by if incident.assessed else ""
        return Affected(said=assessed, source="person", because=f"as {words.name(plan, by)} assessed it")
    for signal in sorted(on_it, key=lambda one: one.last_at, reverse=True):
        if signal.users is not None:
            because = f"as a signal of {words.spaced(signal.source)} counts: {signal.title}"
            return Affected(said=_people(signal.users), source="signal", because=because)
    service = plan.services.get(incident.service or "")
    if service and service.users:
        because = f"as many use {service.name} on a usual day, says the plan"
        return Affected(said=f"up to {_people(service.users)}", source="plan", because=because)
    named = f"no number of users for {service.name}" if service else "no service is named"
    because = f"nobody has assessed it, no signal of it counts users, and {'the plan gives ' if service else ''}{named}"
    return Affected(said="unknown", source="nobody", because=because)


def counted(labels: Mapping[str, str], details: Mapping[str, object]) -> int | None:
    """How many users a signal says are affected."""
    for name in AFFECTED:
        said = str(labels.get(name, details.get(name, ""))).strip().replace(",", "")
        if said.isascii() and said.isdecimal() and int(said[:20]) < USERS_MOST:
            return int(said)
    return None


def _people(count: int) -> str:
    return f"{count:,} {'user' if count == 1 else 'users'}"


def alike(incident: Incident, other: Kin) -> str:
    """In what an earlier incident is like this one, in words; nothing if it is not."""
    if other.id == incident.id or other.merged_into is not None or other.declared_at > incident.declared_at:
        return ""
    if tie := incident.relations.get(other.id):
        return words.relation(tie)
    shared = [words.spaced(one) for one in incident.components if one in other.components]
    if other.type != incident.type or not (shared or other.service == incident.service):
        return ""
    same = "type and service" if other.service == incident.service else "type"
    return f"same {same}{f', also {listed(shared)}' if shared else ''}"


def _similar(plan: Plan, incident: Incident, material: Material) -> Iterator[Similar]:
    for one in material.similar:
        yield Similar(
            id=one.id,
            number=one.number,
            title=one.title,
            severity=one.severity,
            declared_at=one.declared_at,
            how_alike=alike(incident, one),
            how_ended=_ended(plan, one, material.records.get(one.id, ())),
        )


TELL_THE_END = (work.Found, Resolved)  # of a record, what is looked at


def _ended(plan: Plan, incident: Incident, entries: Sequence[Numbered]) -> str:
    if not incident.is_resolved:
        return "still open"
    how = next((one.entry.how for one in reversed(entries) if isinstance(one.entry, Resolved)), "")
    causes = working.causes(entries)
    way = words.strategy_name(plan, incident.work.strategy) if incident.work.strategy else ""
    cause = f"Cause: {listed(causes)}" if causes else ""
    return " ".join(ended(words.one_line(one)) for one in (f"{way}: {how}" if way else how, cause) if one)
