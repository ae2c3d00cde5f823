"""What templates are given: plain values, already in words. Shared by every page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.incidents import anchors, words
from tocsin.incidents import phases as incident_phases
from tocsin.incidents.model import Incident, Status
from tocsin.kit import wall
from tocsin.kit.text import ended, listed, short_span, span
from tocsin.obligations.model import WAITS, Kind, Obligation, State
from tocsin.oncall.schedule import Rotas
from tocsin.paging import reach
from tocsin.plan.model import ON_CALL, Plan, Stage

DUE_SOON = timedelta(minutes=5)
NOBODY = "Nobody"


# ---- Instants ----


def iso(at: datetime) -> str:
    """An instant for machines, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H:%M:%S")


def clock_in(at: datetime, zone: str) -> str:
    """`14:05`, on a clock there; in an hour that is put back, `02:30 (UTC+1)`."""
    which = wall.offset_if_twice(zone, at)
    return f"{at.astimezone(ZoneInfo(zone)):%H:%M}{f' ({which})' if which else ''}"


def day(at: datetime) -> str:
    """`Tue 24 Nov`."""
    there = at.astimezone(UTC)  # without strftime, which takes ten times as long: a page says hundreds of days
    return f"{_DAYS[there.weekday()]} {there.day} {_MONTHS[there.month - 1]}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: datetime, now: datetime) -> str:
    """An instant beside the present: the time of day, with the day if it is another, and the year if it is far."""
    at = at.astimezone(UTC)
    if at.date() == now.astimezone(UTC).date():
        return clock(at)
    far = abs(at - now) > timedelta(days=180)
    return f"{day(at)}{f' {at.year}' if far else ''}, {at:%H:%M}"


def appointment(at: datetime, now: datetime) -> str:
    """An appointment: to the minute, `today` where it is."""
    at = at.astimezone(UTC)
    return f"{'today' if at.date() == now.astimezone(UTC).date() else day(at)} {at:%H:%M}"


def typed_time(at: datetime) -> str:
    """An instant as a date-time field holds it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


# ---- Severity ----


@dataclass(frozen=True)
class Severity:
    """`rank` chooses the shape and colour: P0 to P3, whatever the plan calls its levels."""

    level: str
    name: str
    rank: str


def severity(plan: Plan, level: str) -> Severity:
    if level not in plan.severities:
        return Severity(level, level, "P3")
    return Severity(level, plan.severities[level].name, f"P{min(plan.rank(level), 3)}")


# ---- What is owed ----


@dataclass(frozen=True)
class Owed:
    """One open obligation: `left` of `whole` seconds remain."""

    key: str
    what: str
    clause: str
    who: str
    href: str
    state: str
    word: str
    time_left: str
    due_iso: str
    by: str
    due: str
    whole: int
    left: int
    is_waivable: bool


@dataclass(frozen=True)
class Settled:
    state: str
    word: str
    what: str
    how: str
    evidence: str
    proof: str = ""  # the address of the entry that ended it


def owed(plan: Plan, rotas: Rotas, incident: Incident, duty: Obligation, now: datetime, *, named: bool = False) -> Owed:
    """An open obligation. `named` puts the incident before whoever owes it, for lists over several."""
    left, whole = duty.due_at - now, duty.due_at - duty.opened_at
    state, word = urgency(duty, now)
    who = owner(plan, rotas, incident, duty.owner, now)
    return Owed(
        key=duty.key,
        what=duty.what,
        clause=duty.clause,
        who=f"{incident.severity} {ended(incident.title)} {who}" if named else who,
        href=anchors.done_at(f"/incidents/{incident.id}", duty),
        state=state,
        word=word,
        time_left=short_span(abs(left)),
        due_iso=iso(duty.due_at),
        due=moment(duty.due_at, now),
        by=f"{'was' if state == 'overdue' else 'by'} {moment(duty.due_at, now)}",
        whole=max(1, int(whole.total_seconds())),
        left=max(0, int(left.total_seconds())),
        is_waivable=duty.kind not in (Kind.WATCH, Kind.PROGRESS, Kind.SNOOZE, *WAITS),
    )


def urgency(duty: Obligation, now: datetime) -> tuple[str, str]:
    """The state of an open obligation: due once five minutes or a fifth of its time is left, whichever is less."""
    left, whole = duty.due_at - now, duty.due_at - duty.opened_at
    if left < timedelta(0):
        return "overdue", "Overdue"
    return ("due", "Due soon") if left <= min(DUE_SOON, whole / 5) else ("open", "Open")


def owner(plan: Plan, rotas: Rotas, incident: Incident, name: str, now: datetime) -> str:
    """Who owes it now: whoever holds the role, or whoever is on call."""
    if name in plan.roles:
        held = incident.roles.get(name)
        return words.name(plan, held) if held else f"{plan.roles[name].name}: nobody yet"
    if name == ON_CALL:
        person = reach.owner_at(plan, rotas, incident, name, now)
        return words.name(plan, person) if person else "whoever is on call"
    return words.name(plan, name)


def settled(duties: Iterable[Obligation], now: datetime) -> tuple[Settled, ...]:
    """What has ended, missed first; what is no longer owed at all is left out."""
    order = {State.MISSED: 0, State.LATE: 1, State.MET: 2, State.WAIVED: 3}
    ended = [one for one in duties if one.state in order and one.kind not in WAITS]
    ended.sort(key=lambda one: order[one.state])
    return tuple(Settled(*ended_as(one), one.what, _how(one, now), one.evidence, _proof(one)) for one in ended)


def ended_as(duty: Obligation) -> tuple[str, str]:
    """The state of an obligation that has ended, for marks, and in a word."""
    return str(duty.state), "Not owed" if duty.state is State.VOID else duty.state.capitalize()


def _proof(duty: Obligation) -> str:
    return f"/incidents/{duty.incident_id}#e{duty.proof}" if duty.proof else ""


def _how(duty: Obligation, now: datetime) -> str:
    at = duty.settled_at or duty.due_at
    if duty.state is State.MISSED:
        return moment(at, now)
    if duty.state is State.WAIVED:
        return duty.evidence
    if duty.late_by:
        return f"late by {short_span(duty.late_by)}"
    if duty.kind is Kind.UPDATE and duty.due_at > at:
        return f"{short_span(duty.due_at - at)} to spare"
    return f"in {short_span(at - duty.opened_at)}"


# ---- Phases ----


@dataclass(frozen=True)
class Phase:
    name: str
    is_past: bool
    is_current: bool
    is_over: bool  # past its time
    text: str


def phases(plan: Plan, incident: Incident, now: datetime) -> tuple[Phase, ...]:
    """Where the incident stands in the plan's phases, and how long each took against its time."""
    began = incident_phases.began_at(incident)
    starts = [began[phase.begins_when] for phase in plan.phases.values()]
    finished = incident.closed_at or incident.recovered_at
    found = []
    for place, phase in enumerate(plan.phases.values()):
        later = next((start for start in starts[place + 1 :] if start is not None), finished)
        found.append(_phase(phase.name, phase.within, starts[place], later, now))
    return tuple(found)


def _phase(name: str, within: timedelta | None, start: datetime | None, end: datetime | None, now: datetime) -> Phase:
    if start is None:
        return Phase(name, end is not None, False, False, "passed over" if end else "next")
    took = max(timedelta(0), (end or now) - start)
    over = within is not None and took > within
    if over and within is not None:
        text = f"{short_span(took)}, {short_span(took - within)} over"
    elif end is None:
        text = f"{short_span(took)} so far"
    else:
        text = f"{short_span(took)} of {span(within)}" if within else short_span(took)
    return Phase(name, end is not None, end is None, over, text)


# ---- Time ruler ----


@dataclass(frozen=True)
class Tick:
    x: str
    label: str
    anchor: str


@dataclass(frozen=True)
class Point:
    """`y` is where its label hangs; 0 without one."""

    x: str
    state: str
    label: str
    y: int
    anchor: str
    dx: int


@dataclass(frozen=True)
class Ruler:
    ticks: tuple[Tick, ...]
    points: tuple[Point, ...]
    now_x: str
    now_label: str
    height: int
    text: str  # the same in words


LABEL_HEIGHTS = (89, 69, 49)  # the earliest hangs lowest, so that no stem crosses a text


def ruler(marks: Sequence[tuple[datetime, str, str]], start: datetime, end: datetime, now: datetime) -> Ruler | None:
    """Instants on a line: (when, what, state). Those that are open or missed carry a label, three at the most."""
    inside = sorted(one for one in marks if start <= one[0] <= end)
    if not inside:
        return None
    whole = end - start
    labelled = [one for one in inside if one[2] in ("due", "open")][:3]
    heights = dict(zip(labelled, LABEL_HEIGHTS[len(LABEL_HEIGHTS) - len(labelled) :], strict=False))
    points = tuple(_point((one[0] - start) / whole, one[1], one[2], heights.get(one, 0)) for one in inside)
    ticks = tuple(_tick(start + whole * quarter / 4, quarter) for quarter in range(5))
    text = "; ".join(f"{what} {state} {clock(at)[:5]}" for at, what, state in inside)
    height = 24 + 8 if not labelled else max(heights.values()) + 3
    return Ruler(ticks, points, _percent((now - start) / whole), f"now {clock(now)[:5]}", height, text)


def _point(place: float, what: str, state: str, y: int) -> Point:
    right = place > 0.6
    return Point(_percent(place), state, what, y, "end" if right else "start", -8 if right else 8)


def _tick(at: datetime, quarter: int) -> Tick:
    anchor = {0: "start", 4: "end"}.get(quarter, "middle")
    return Tick(_percent(quarter / 4), clock(at)[:5], anchor)


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0) * 100:.1f}%"


# ---- An incident in a list, and at the head of a page ----


@dataclass(frozen=True)
class Fact:
    label: str
    value: str
    is_missing: bool = False
    since: str = ""  # counts up from here
    due: str = ""  # counts down to here
    href: str = ""
    at: str = ""  # the instant that the value is
    more: str = ""  # what follows the instant


def timed(label: str, at: datetime, now: datetime, more: str = "") -> Fact:
    """A fact that is an instant, so that whoever reads may see it on their own clock."""
    return Fact(label, moment(at, now), at=iso(at), more=more)


@dataclass(frozen=True)
class Hero:
    id: str
    number: int
    href: str
    severity: Severity
    status: str
    is_answered: bool  # by a person, or by its end
    title: str
    type: str
    text: str
    age: str
    since_iso: str
    facts: tuple[Fact, ...]
    phases: tuple[Phase, ...]
    summary: str


def hero(plan: Plan, incident: Incident, duties: Iterable[Obligation], now: datetime) -> Hero:
    """An open incident as the front page shows it."""
    return Hero(
        id=incident.id,
        number=incident.number,
        href=f"/incidents/{incident.id}",
        severity=severity(plan, incident.severity),
        status=words.status(incident.status),
        is_answered=incident.is_resolved or incident.acknowledged_at is not None,
        title=incident.title,
        type=words.type_name(plan, incident.type),
        text=incident.impact or words.why(plan, incident) or "Declared by a person; no impact is written yet.",
        age=short_span(now - incident.declared_at),
        since_iso=iso(incident.declared_at),
        facts=(*_hero_times(incident, duties, now), *_holders(plan, incident)),
        phases=phases(plan, incident, now),
        summary=_summary(plan, incident, now),
    )


def _hero_times(incident: Incident, duties: Iterable[Obligation], now: datetime) -> Iterable[Fact]:
    yield Fact("Since declared", short_span(now - incident.declared_at), since=iso(incident.declared_at))
    for duty in duties:
        if duty.kind is Kind.RESOLVE and duty.state is State.OPEN:
            yield timed("Resolve by", duty.due_at, now)
    if incident.resolved_at:
        yield timed("Resolved", incident.resolved_at, now)


def _holders(plan: Plan, incident: Incident) -> Iterable[Fact]:
    """Every role the severity wants, and every other that is held; an empty one is not hidden."""
    wanted = plan.severities[incident.severity].roles_within
    for role in plan.roles:
        held = incident.roles.get(role)
        if held or role in wanted:
            yield Fact(plan.roles[role].name, words.name(plan, held) if held else NOBODY, is_missing=held is None)


def _summary(plan: Plan, incident: Incident, now: datetime) -> str:
    who = words.name(plan, incident.acknowledged_by) if incident.acknowledged_by else "Nobody"
    has = f"{who} has it" if incident.acknowledged_by else "Nobody has answered yet"
    return f"{has}. Declared {moment(incident.declared_at, now)}, {short_span(now - incident.declared_at)} ago."


@dataclass(frozen=True)
class Line:
    """An incident as one row of a table."""

    id: str
    number: int
    href: str
    severity: Severity
    status: str
    mark: str
    title: str
    type: str
    declared: str
    declared_iso: str
    took: str


def line(plan: Plan, incident: Incident, now: datetime) -> Line:
    end = incident.recovered_at or incident.resolved_at
    took = short_span((end or now) - incident.started_at)
    return Line(
        id=incident.id,
        number=incident.number,
        href=f"/incidents/{incident.id}",
        severity=severity(plan, incident.severity),
        status=words.status(incident.status),
        mark=_STATUS_MARK[incident.status],
        title=incident.title,
        type=words.type_name(plan, incident.type),
        declared=moment(incident.declared_at, now),
        declared_iso=iso(incident.declared_at),
        took=took if end else f"{took} so far",
    )


_STATUS_MARK = {
    Status.INVESTIGATING: "down",
    Status.MITIGATING: "degraded",
    Status.WATCHING: "due",
    Status.RESOLVED: "ok",
    Status.CLOSED: "met",
    Status.MERGED: "waived",
}


# ---- Choices in forms ----


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    hint: str = ""
    is_chosen: bool = False


def people_choices(plan: Plan, first: Iterable[str] = (), chosen: str = "") -> tuple[Choice, ...]:
    """Everybody of the plan, the likely ones first."""
    likely = dict.fromkeys(handle for handle in first if handle in plan.people)
    handles = dict.fromkeys([*likely, *plan.people])
    return tuple(
        Choice(handle, plan.people[handle].name, "eligible" if handle in likely else "", handle == chosen)
        for handle in handles
    )


def stage_name(stage: Stage) -> str:
    return stage.capitalize()


def first_name(full: str) -> str:
    return full.split(" ", 1)[0]


def initials(full: str) -> str:
    """Of the first name and the last."""
    parts = full.split()
    return "".join(one[0] for one in (*parts[:1], *parts[1:][-1:]))


def names(plan: Plan, handles: Iterable[str]) -> str:
    return listed(words.name(plan, one) for one in handles)


def by_id(incidents: Iterable[Incident]) -> Mapping[str, Incident]:
    return {one.id: one for one in incidents}
