"""The first assessment of an incident, put together before a person asks: what the program itself can know. Pure.

Five questions: how the service is, what was changed lately, how the vendors are, whom it touches, and what was like it
before. What nobody has looked at is said to be so; nothing is guessed.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import chain
from typing import Protocol

from tocsin.changes.model import Change
from tocsin.changes.model import Kind as ChangeKind
from tocsin.incidents import words, work, working
from tocsin.incidents.model import Incident, Numbered, Resolved
from tocsin.kit.text import ended, listed, span
from tocsin.plan.model import Plan, Service, Vendor
from tocsin.watch import courses
from tocsin.watch.courses import Course
from tocsin.watch.metering import Sample
from tocsin.watch.outcomes import LEARNED_NOTHING, Kind, Outcome

RECENT = timedelta(hours=24)  # how long before the trouble a change still counts as recent
SIMILAR_SHOWN = 5
MEASURED_MOST = 8  # probes and measures
LINES_MOST = 12  # of one part, in a message
AFFECTED = ("users_affected", "affected_users")  # the labels and details in which a signal may count users
USERS_MOST = 10**12


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A signal, as far as it is asked here: `said` are all its words, `users` how many it counts."""

    source: str
    title: str
    said: str
    users: int | None
    last_at: datetime


class Titled(Protocol):
    """An incident, as far as what it is called."""

    @property
    def id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def why(self) -> str: ...


class Kin(Protocol):
    """An incident, as far as it takes to see whether another is like it."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def service(self) -> str | None: ...
    @property
    def components(self) -> tuple[str, ...]: ...
    @property
    def merged_into(self) -> str | None: ...
    @property
    def declared_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The last look of a probe."""

    outcome: Outcome | None
    looked_at: datetime | None


class How(StrEnum):
    """How something is, as far as anybody looked."""

    WELL = "well"
    TROUBLE = "trouble"
    NOT_LOOKED = "not_looked_at"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a probe saw last. `states` are the components that its answer named, each with the word it gave."""

    probe: str
    service: str
    how: How
    said: str
    states: Mapping[str, str]
    looked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Nearby:
    """A change, and how it lies to the beginning of the trouble."""

    change: Change
    when: str  # "12 min before it began"


@dataclass(frozen=True, kw_only=True)
class VendorSeen:
    key: str
    name: str
    how: How
    because: str
    status_page: str | None
    support: str


@dataclass(frozen=True, kw_only=True)
class Affected:
    """How many users are touched. `source` is who says so: a person, a signal, the plan; or nobody."""

    said: str
    source: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Similar:
    id: str
    number: int
    title: str
    severity: str
    declared_at: datetime
    how_alike: str
    how_ended: str


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """`unwatched` says why there is no look at the service, where there is none."""

    at: datetime
    service: str
    looks: tuple[Looked, ...]
    unwatched: str
    changes: tuple[Nearby, ...]
    vendors: tuple[VendorSeen, ...]
    courses: tuple[Course, ...]
    users: Affected
    similar: tuple[Similar, ...]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What was loaded for it. Whoever loads it decides whose eyes it is loaded with.

    `firing` are all signals that fire now, `on_it` those on this incident, `open` the other open incidents; `similar`
    are those before it that are like it, in the order in which they are shown, and `records` their timelines. `samples`
    are what was measured around its beginning, by probe or measure.
    """

    seen: Mapping[str, Seen]
    changes: Sequence[Change]
    firing: Sequence[Heard]
    on_it: Sequence[Heard]
    open: Sequence[Titled]
    similar: Sequence[Incident]
    samples: Mapping[str, Sequence[Sample]]
    records: Mapping[str, Sequence[Numbered]]

    @cached_property
    def all_said(self) -> str:
        """What all signals that fire say, squeezed: who is not named in it need not be looked for in each."""
        return _squeezed(" ".join(one.said for one in self.firing).casefold())


def assess(plan: Plan, incident: Incident, material: Material, now: datetime) -> Assessment:
    looks = tuple(_looks(plan, incident, material.seen))
    return Assessment(
        at=now,
        service=words.service_name(plan, incident.service) if incident.service else "",
        looks=looks,
        unwatched="" if looks else _unwatched(plan, incident),
        changes=tuple(Nearby(change=one, when=when(one.at, incident.started_at)) for one in material.changes),
        vendors=tuple(_vendor(plan, incident, key, one, material) for key, one in vendors(plan, incident).items()),
        courses=tuple(_courses(plan, incident, material.samples)),
        users=_users(plan, incident, material.on_it),
        similar=tuple(_similar(plan, incident, material)),
    )


# ---- What it depends on ----


def services(plan: Plan, incident: Incident) -> tuple[str, ...]:
    """The incident's service and every other service of ours without which it does not work; all if none is named."""
    if incident.service is None:
        return tuple(plan.services)
    return tuple(one for one in _needs(plan, incident.service) if one in plan.services)


def vendors(plan: Plan, incident: Incident) -> dict[str, Vendor]:
    """The vendors on which the service depends, directly or by way of another; all of the plan if none is named."""
    if incident.service is None:
        return dict(plan.vendors)
    return {one: plan.vendors[one] for one in _needs(plan, incident.service) if one in plan.vendors}


def is_watched(plan: Plan, incident: Incident) -> bool:
    """Whether anything looks at what it is about."""
    return any(name for one in services(plan, incident) for name in _watched(plan.services[one]))


def _watched(service: Service) -> Iterator[str]:
    """The names of what is looked at of a service."""
    return chain(service.probes, service.measures, service.logs, service.journeys)


def _needs(plan: Plan, service: str) -> list[str]:
    """The service and all that it needs, each once, the nearest first."""
    found = {service: None}
    waiting = [service]
    while waiting:
        known = plan.services.get(waiting.pop(0))
        parts = known.components.values() if known else ()
        needed = [*(known.depends_on if known else ()), *(name for part in parts for name in part.depends_on)]
        fresh = [one for one in dict.fromkeys(needed) if one not in found]
        found.update(dict.fromkeys(fresh))
        waiting += fresh
    return list(found)


# ---- How the service is ----


def _looks(plan: Plan, incident: Incident, seen: Mapping[str, Seen]) -> Iterator[Looked]:
    for service in services(plan, incident):
        for one in _watched(plan.services[service]):
            name = f"{service}/{one}"
            yield _looked(name, words.service_name(plan, service), seen.get(name))


def _looked(name: str, service: str, seen: Seen | None) -> Looked:
    outcome = seen.outcome if seen else None
    if seen is None or outcome is None:
        said = "not looked at yet"
        return Looked(probe=name, service=service, how=How.NOT_LOOKED, said=said, states={}, looked_at=None)
    how = How.WELL if outcome.kind is Kind.HEALTHY else How.TROUBLE
    if outcome.kind in LEARNED_NOTHING:
        how = How.NOT_LOOKED
    said = f"{words.spaced(outcome.kind)}: {outcome.reason}"
    return Looked(probe=name, service=service, how=how, said=said, states=outcome.states, looked_at=seen.looked_at)


def measured(plan: Plan, incident: Incident, spoke: Container[str] = ()) -> list[str]:
    """The names under which something is measured of what it is about: first those of which it has signals."""
    return sorted(_measured(plan, incident), key=lambda one: one not in spoke)[:MEASURED_MOST]


def _measured(plan: Plan, incident: Incident) -> Iterator[str]:
    known = ((one, plan.services[one]) for one in services(plan, incident))
    return (f"{key}/{name}" for key, one in known for name in (*one.probes, *one.measures))


def _courses(plan: Plan, incident: Incident, samples: Mapping[str, Sequence[Sample]]) -> Iterator[Course]:
    for name in (one for one in _measured(plan, incident) if one in samples):
        service, _, which = name.partition("/")
        measure = plan.services[service].measures.get(which)
        level = "latency" if measure is None else None if measure.errors else "value"
        unit = "" if measure is None else "%" if measure.error_rate is not None else measure.unit
        yield from courses.courses(name, samples[name], incident.started_at, level, unit)


def _unwatched(plan: Plan, incident: Incident) -> str:
    if incident.service is None:
        return "No service is named, and the plan has no probe."
    return f"The plan has no probe for {words.service_name(plan, incident.service)}."


# ---- What was changed ----


def when(at: datetime, began_at: datetime) -> str:
    """`12 min before it began`, `3 h 5 min after it began`."""
    apart = abs(at - began_at)
    if apart < timedelta(minutes=1):
        return "as it began"
    whole = timedelta(minutes=int(apart.total_seconds()) // 60)
    return f"{span(whole)} {'before' if at < began_at else 'after'} it began"


CHANGE_NAMES = {
    ChangeKind.DEPLOYMENT: "Deployment",
    ChangeKind.CONFIGURATION: "Configuration",
    ChangeKind.FLAG: "Flag",
    ChangeKind.OTHER: "Change",
}


# ---- How the vendors are ----


def vendors_now(plan: Plan, material: Material) -> tuple[VendorSeen, ...]:
    """Every vendor of the plan as it is known to be, whatever is broken."""
    return tuple(_vendor(plan, None, key, one, material) for key, one in plan.vendors.items())


def _vendor(plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material) -> VendorSeen:
    how, because = _standing(plan, incident, key, vendor, material)
    return VendorSeen(
        key=key,
        name=vendor.name,
        how=how,
        because=because,
        status_page=vendor.status_page,
        support=vendor.support,
    )


def _standing(plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material) -> tuple[How, str]:
    """How a vendor is, and how that is known: what we see ourselves, the strongest first, and then its own word."""
    seen = _evidence(plan, incident, key, vendor, material)
    page = material.seen.get(f"{key}/status_page") if vendor.look_every else None
    own = _own_word(page.outcome) if page and page.outcome else None
    told = [one for one in (*_looked_at(key, vendor, material), seen, own) if one]
    if not told:
        return How.NOT_LOOKED, "no signal, no open incident and no probe speaks of it"
    known = [how for how, _ in told if how is not How.NOT_LOOKED]
    how = How.TROUBLE if How.TROUBLE in known else known[0] if known else How.NOT_LOOKED
    return how, "; ".join(because for _, because in told)


def _evidence(
    plan: Plan, incident: Incident | None, key: str, vendor: Vendor, material: Material
) -> tuple[How, str] | None:
    called = _called(key, vendor.name)
    may_be_named = any(_squeezed(one.casefold()) in material.all_said for one in (key, vendor.name))
    for signal in material.firing if may_be_named else ():
        if signal.source != "vendor" and called.search(signal.said):  # those are told by our look itself
            return How.TROUBLE, f"a signal of {words.spaced(signal.source)} that fires: {signal.title}"
    own = [] if incident is None or incident.is_resolved else [incident]
    for one in (*own, *material.open):
        if called.search(f"{one.title} {one.why}"):
            which = "this incident" if one in own else f"#{one.number}, which is open"
            return How.TROUBLE, f"{which}: {one.title}"
    return _reported(plan, key, material)


def _looked_at(key: str, vendor: Vendor, material: Material) -> Iterator[tuple[How, str]]:
    """What our own probes of it saw: whether it answers us, and takes our credentials."""
    for name in vendor.probes:
        found = _looked(f"{key}/{name}", vendor.name, material.seen.get(f"{key}/{name}"))
        if found.looked_at is not None:
            yield found.how, f"our look {words.spaced(name)}: {found.said}"


def _own_word(outcome: Outcome) -> tuple[How, str]:
    """What the vendor says of itself, or why that could not be read."""
    match outcome.kind:
        case Kind.HEALTHY:
            return How.WELL, f"its status page says: {outcome.reason}"
        case Kind.DEGRADED:
            return How.TROUBLE, f"its status page says: {outcome.reason}"
        case _:
            return How.NOT_LOOKED, f"its status page could not be read: {outcome.reason}"


def _reported(plan: Plan, key: str, material: Material) -> tuple[How, str] | None:
    """How the health report of a service of ours calls it."""
    for name, seen in material.seen.items():
        outcome = seen.outcome
        if outcome and key in outcome.states:
            how = How.TROUBLE if key in outcome.components else How.WELL
            return how, f"the health report of {_of_probe(plan, name)} calls it {outcome.states[key]}"
    return None


def _of_probe(plan: Plan, name: str) -> str:
    return words.service_name(plan, name.partition("/")[0])


def _squeezed(text: str) -> str:
    """Without what may stand between the parts of a name."""
    return "".join(text.replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=200)
def _called(key: str, name: str) -> re.Pattern[str]:
    """The vendor's key or name as a word of its own, however it is spaced: `ElevenLabs`, `eleven labs`."""
    spelled = (r"[\s_-]*".join(map(re.escape, _squeezed(one))) for one in dict.fromkeys((key, name)))
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(spelled)})(?![a-z0-9])", re.IGNORECASE)


# ---- Whom it touches ----


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


# ---- What was like it ----


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


# ---- In words ----


@dataclass(frozen=True)
class Line:
    """One line of the assessment. `how` chooses its mark; `href` is an address of another, `path` one of ours; `about`
    is whom it speaks of, where others may share what is said."""

    text: str
    how: How | None = None
    more: str = ""
    href: str = ""
    path: str = ""
    about: str = ""


@dataclass(frozen=True)
class Part:
    title: str
    lines: tuple[Line, ...]


def parts(plan: Plan, found: Assessment, *, are_drawn: bool = False) -> tuple[Part, ...]:
    """The assessment as everybody reads it, on whatever they read it; without the measures where those are drawn."""
    return (
        Part("Service", tuple(_service_lines(found))),
        *([Part("Measured", tuple(_course_lines(plan, found)))] if found.courses and not are_drawn else []),
        Part("Recent changes", tuple(_change_lines(plan, found))),
        Part("Vendors", tuple(_vendor_lines(found))),
        Part("Users affected", (Line(found.users.said, None, found.users.because),)),
        Part("Like it before", tuple(_similar_lines(found))),
    )


_FIRST = (How.TROUBLE, How.NOT_LOOKED, How.WELL)  # whoever is woken reads first what is wrong


def _service_lines(found: Assessment) -> Iterator[Line]:
    if found.unwatched:
        yield Line("Not looked at", How.NOT_LOOKED, found.unwatched)
    several = Counter(one.service for one in found.looks)
    for one in sorted(found.looks, key=lambda one: _FIRST.index(one.how)):
        states = listed(f"{name} {state}" for name, state in one.states.items())
        seen = f"{_ago(found.at - one.looked_at)} ago" if one.looked_at else ""
        which = f" {words.spaced(one.probe.partition('/')[2])}" if several[one.service] > 1 else ""
        yield Line(f"{one.service}{which}: {one.said}", one.how, "; ".join(filter(None, (states, seen))))


def _course_lines(plan: Plan, found: Assessment) -> Iterator[Line]:
    for one in found.courses:
        yield Line(f"{course_title(plan, one)}: {courses.said(one)}")


def course_title(plan: Plan, one: Course) -> str:
    service, _, which = one.name.partition("/")
    return f"{words.service_name(plan, service)} {words.spaced(which)}"


def _ago(length: timedelta) -> str:
    seconds = max(0, int(length.total_seconds()))
    return span(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def _change_lines(plan: Plan, found: Assessment) -> Iterator[Line]:
    if not found.changes:
        yield Line("None is known", None, f"in the {span(RECENT)} before it began, or since")
    for one in found.changes:
        change = one.change
        where = words.service_name(plan, change.service) if change.service else change.place
        about = (where, change.place if change.place != where else "", f"by {words.name(plan, change.by)}")
        more = ", ".join(dict.fromkeys(filter(None, about)))
        said = f"{one.when}: {CHANGE_NAMES[change.kind].lower()}, {change.what}"
        yield Line(said[:1].upper() + said[1:], None, more, href=change.link or "")


def _vendor_lines(found: Assessment) -> Iterator[Line]:
    if not found.vendors:
        yield Line("The plan names none for it")
    for one in sorted(found.vendors, key=lambda one: _FIRST.index(one.how)):
        said = {How.WELL: "no trouble known", How.TROUBLE: "in trouble", How.NOT_LOOKED: "not looked at"}[one.how]
        yield Line(f"{one.name}: {said}", one.how, one.because, href=one.status_page or "", about=one.name)


def _similar_lines(found: Assessment) -> Iterator[Line]:
    if not found.similar:
        yield Line("None on the record")
    for one in found.similar:
        day = words.day_and_minute(one.declared_at)
        said = f"#{one.number} {one.severity} {one.title}"
        yield Line(said, None, f"{day}; {one.how_alike}; {one.how_ended}", path=f"/incidents/{one.id}")


def _shortened(lines: Sequence[Line]) -> Iterator[Line]:
    """Of many, those in trouble, which stand first; the others are counted. Whoever is woken reads on a telephone."""
    if len(lines) <= LINES_MOST:
        yield from lines
        return
    shown = [one for one in lines if one.how in (None, How.TROUBLE)][:LINES_MOST]
    yield from shown
    counts = Counter(one.how for one in lines[len(shown) :])
    called = {How.TROUBLE: "more in trouble", How.NOT_LOOKED: "not known", How.WELL: "well"}
    if rest := [f"{counts[how]} {called[how]}" for how in _FIRST if counts[how]]:
        yield Line(f"And {listed(rest)}")


def text(found: Iterable[Part]) -> list[str]:
    """The same as lines of plain text, for a mail. One line speaks of all that are unknown for the same reason."""
    said = ["What is known without anybody asking:"]
    for part in found:
        unseen: dict[str, list[str]] = {}
        for one in part.lines:
            if one.about and one.how is How.NOT_LOOKED:
                unseen.setdefault(one.more, []).append(one.about)
        told = [one for one in part.lines if not (one.about and one.how is How.NOT_LOOKED)]
        told = list(_shortened(told))
        for more, names in unseen.items():
            told.append(Line(f"{listed(names)}: not looked at", None, more if len(names) == 1 else ""))
        said += [f"{part.title}:", *(f"- {one.text}{f' ({one.more})' if one.more else ''}" for one in told)]
    return said
