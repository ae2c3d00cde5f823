"""An incident's room as plain values: what is owed, who does what, and what the plan says to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tocsin.comms import naming, rooms
from tocsin.incidents import correcting, quiet, words, working
from tocsin.incidents.correction import Moment
from tocsin.incidents.model import Incident, Numbered, Paged, RoleAssigned
from tocsin.incidents.working import Tenure
from tocsin.kit.text import listed, short_span, span
from tocsin.obligations.model import ANSWER_PREFIX, WAITS, Kind, Obligation, State
from tocsin.oncall.schedule import Rotas
from tocsin.plan.model import Need, Plan
from tocsin.web import present
from tocsin.web.frame import EVERYBODY
from tocsin.web.present import Choice, Fact, Owed, Settled, timed

# ---- Roles ----


@dataclass(frozen=True)
class Slot:
    key: str
    name: str
    purpose: str
    person: str
    handle: str
    is_you: bool
    since: str
    since_iso: str
    choices: tuple[Choice, ...]
    may_take: bool
    duties: tuple[str, ...]
    is_eligible: bool  # whoever holds it is among those whom the plan names
    before: str  # who held it before, and when
    after: Choice | None  # to whom one press hands it over


def slots(
    plan: Plan, rotas: Rotas, incident: Incident, entries: Sequence[Numbered], me: str, now: datetime
) -> tuple[Slot, ...]:
    """Every role of the plan; an empty one is never hidden, and begins with whoever it falls to at this instant."""
    since = {one.entry.role: one.entry.at for one in entries if isinstance(one.entry, RoleAssigned)}
    tenures = working.tenures(entries)
    found = []
    for key, role in plan.roles.items():
        held = incident.roles.get(key)
        turn = next(iter(rotas.holders(role.rotation, now)), "") if role.rotation else ""
        choices = present.people_choices(plan, plan.members(role.eligible), turn)
        after = _after(choices, turn, held) if held else None
        found.append(
            Slot(
                key=key,
                name=role.name,
                purpose=role.purpose,
                person=words.name(plan, held) if held else "",
                handle=held or "",
                is_you=held == me,
                since=present.moment(since[key], now) if held and key in since else "",
                since_iso=present.iso(since[key]) if held and key in since else "",
                choices=tuple(replace(one, is_chosen=one == after) for one in choices) if held else choices,
                may_take=me == EVERYBODY or (me in plan.people and held != me),
                duties=role.duties,
                is_eligible=held is None or held in plan.members(role.eligible),
                before="; ".join(_tenure(plan, one, now) for one in tenures if one.role == key and one.until),
                after=after,
            )
        )
    return tuple(found)


def _after(choices: Sequence[Choice], turn: str, held: str) -> Choice | None:
    """Whoever's turn it is, or else the first of those who may hold it; never who holds it already."""
    others = [one for one in choices if one.value != held and (one.hint or one.value == turn)]
    return min(others, key=lambda one: one.value != turn, default=None)


def _tenure(plan: Plan, one: Tenure, now: datetime) -> str:
    until = present.moment(one.until, now) if one.until else ""
    return f"{words.name(plan, one.person)}, {present.moment(one.since, now)} to {until}"


# ---- The head ----


@dataclass(frozen=True)
class Head:
    id: str
    number: int
    severity: present.Severity
    status: str
    is_open: bool
    is_resolved: bool
    is_acknowledged: bool
    last_step: int  # of those that were paged
    may_escalate: bool
    snooze_until: str  # what the form offers; empty where it cannot be snoozed
    snooze_most: str
    is_snoozed: bool
    title: str
    type: str
    text: str
    why: str
    elapsed: str
    elapsed_label: str
    since_iso: str
    facts: tuple[Fact, ...]
    phases: tuple[present.Phase, ...]


def head(plan: Plan, incident: Incident, duties: Iterable[Obligation], now: datetime) -> Head:
    most = plan.severities[incident.severity].snooze_most
    may_snooze = most is not None and incident.acknowledged_at is not None and not incident.is_resolved
    end = incident.closed_at or incident.recovered_at or incident.resolved_at
    return Head(
        id=incident.id,
        number=incident.number,
        severity=present.severity(plan, incident.severity),
        status=words.status(incident.status),
        is_open=incident.is_open,
        is_resolved=incident.is_resolved,
        is_acknowledged=incident.acknowledged_at is not None and not incident.awaits_answer,
        last_step=max(incident.steps_paged - 1, 0),
        may_escalate=not incident.is_resolved and plan.severities[incident.severity].escalation is not None,
        snooze_until=present.typed_time(now + most) if most is not None and may_snooze else "",
        snooze_most=span(most) if most is not None else "",
        is_snoozed=incident.snoozed_until is not None,
        title=incident.title,
        type=words.type_name(plan, incident.type),
        text=words.impact(incident) or "No impact is written yet.",
        why=words.why(plan, incident),
        elapsed=short_span((end or now) - incident.declared_at),
        elapsed_label="From declaration to resolution" if end else "Time since declared",
        since_iso="" if end else present.iso(incident.declared_at),
        facts=tuple(_facts(plan, incident, duties, now)),
        phases=present.phases(plan, incident, now),
    )


def _facts(plan: Plan, incident: Incident, duties: Iterable[Obligation], now: datetime) -> Iterable[Fact]:
    yield from _places(plan, incident)
    yield timed("Trouble began", incident.started_at, now)
    yield timed("Detected", incident.detected_at, now, f", {words.spaced(incident.source)}")
    by = words.name(plan, incident.declared_by)
    yield timed("Declared", incident.declared_at, now, f" by {by}")
    if incident.acknowledged_at and incident.acknowledged_by:
        who = words.name(plan, incident.acknowledged_by)
        yield timed("Acknowledged", incident.acknowledged_at, now, f" by {who}")
    elif not incident.is_resolved:
        yield Fact("Acknowledged", "by nobody yet", is_missing=True)
    if incident.asked_again_at:
        yield Fact("Asked again", f"{present.moment(incident.asked_again_at, now)}, no word since", is_missing=True)
    if incident.snoozed_until and incident.snoozed_by:
        who = words.name(plan, incident.snoozed_by)
        yield Fact("Snoozed", f"until {present.moment(incident.snoozed_until, now)} by {who}")
    for duty in duties:
        if duty.kind is Kind.RESOLVE and duty.state is State.OPEN:
            yield timed("Resolve by", duty.due_at, now)
    if incident.resolved_at:
        yield timed("Resolved", incident.resolved_at, now)
    if incident.recovered_at:
        yield timed("Recovered", incident.recovered_at, now)
    if broken := words.affected(plan, incident):
        yield Fact("Affects", listed(broken))
    yield Fact("Told in public", present.stage_name(incident.stage) if incident.stage else "nothing yet")
    if incident.review_held_at:
        yield Fact("Post-mortem", f"held {present.moment(incident.review_held_at, now)}")
    elif incident.review_at:
        yield Fact("Post-mortem", present.appointment(incident.review_at, now), at=present.iso(incident.review_at))


def _places(plan: Plan, incident: Incident) -> Iterable[Fact]:
    """Where people talk and write."""
    if incident.call:
        yield Fact("Call", "Join the call", href=incident.call)
    chat = plan.communication.channels.chat
    if incident.channel:
        yield Fact("Channel", f"#{incident.channel.name}", href=incident.channel.link)
    elif chat and rooms.is_wanted(plan, incident):
        name = naming.channel_name(chat, incident, private=incident.confidential_at is not None)
        yield Fact("Channel", f"none yet; the plan calls it #{name}")


def ledger(
    plan: Plan,
    rotas: Rotas,
    incident: Incident,
    duties: Sequence[Obligation],
    entries: Sequence[Numbered],
    now: datetime,
) -> tuple[Owed, ...]:
    """What is owed now, soonest first, with the names of those who were paged."""
    owed = [one for one in duties if one.state is State.OPEN and one.kind is not Kind.QUIET]
    open_ = sorted(owed, key=lambda one: one.due_at)
    paged = {f"{ANSWER_PREFIX}{one.entry.step}": one.entry for one in entries if isinstance(one.entry, Paged)}
    rows = []
    for duty in open_:
        row = present.owed(plan, rotas, incident, duty, now)
        page = paged.get(duty.key)
        if page is not None and page.people:
            who = listed((words.name(plan, one) for one in page.people), "or")
            row = replace(row, what="Answer the page", who=who)
        rows.append(row)
    return tuple(rows)


def done(duties: Sequence[Obligation], now: datetime) -> tuple[Settled, ...]:
    return present.settled(duties, now)


def foretold(duties: Sequence[Obligation], signals: int, now: datetime) -> str:
    """When it resolves itself, as long as it is quiet; nothing if its end is a person's word."""
    due = (one.due_at for one in duties if one.state is State.OPEN and one.kind is Kind.QUIET)
    return next((quiet.foretold(signals, present.moment(one, now)) for one in due), "")


def tally(rows: Sequence[Settled]) -> str:
    """`6 kept, 1 missed`."""
    kept, late, missed = (sum(row.state == state for row in rows) for state in ("met", "late", "missed"))
    return f"{kept} kept, {late} late, {missed} missed" if late else f"{kept} kept, {missed} missed"


def ruler(duties: Sequence[Obligation], incident: Incident, now: datetime) -> present.Ruler | None:
    """The last hour and a half, and the hour to come."""
    if incident.is_resolved:
        return None
    marks = []
    for one in duties:
        if one.state is State.OPEN and one.kind not in WAITS:
            marks.append((one.due_at, one.what, present.urgency(one, now)[0]))
        elif one.state in (State.MET, State.LATE, State.MISSED) and one.settled_at and one.kind not in WAITS:
            marks.append((one.settled_at, one.what, str(one.state)))
    start = max(incident.declared_at, now - timedelta(minutes=90))
    return present.ruler(marks, start, now + timedelta(hours=1), now)


# ---- When it really was ----


def moments(incident: Incident, now: datetime) -> tuple[present.Choice, ...]:
    """What has happened and may have happened at another time, with the time that the record gives."""
    found = ((one, correcting.known(incident, one)) for one in Moment)
    return tuple(present.Choice(one, one.capitalize(), present.moment(at, now), False) for one, at in found if at)


# ---- What to do ----


@dataclass(frozen=True)
class Guide:
    """The plan's own words for this type and for its end."""

    type: str
    runbook: str
    runbook_href: str
    watch: str
    review_within: str
    needs_review: bool


def guide(plan: Plan, incident: Incident) -> Guide:
    kind = plan.types[incident.type]
    runbook = kind.runbook or ""
    href = plan.links.get(runbook, runbook)
    return Guide(
        type=kind.name,
        runbook=runbook,
        runbook_href=href if href.startswith(("https://", "http://")) else "",
        watch=span(plan.recovery.watch_for),
        review_within=span(plan.review.meeting_within),
        needs_review=plan.severities[incident.severity].post_mortem is Need.REQUIRED,
    )
