"""An incident's room as plain values: what is owed, who does what, what to write, and the record."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from tocsin.comms import updates
from tocsin.delivery.channel import Message, MessageState
from tocsin.incidents import words
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    Escalated,
    Incident,
    Mitigated,
    Noted,
    Numbered,
    ObligationMissed,
    ObligationWaived,
    Paged,
    Recovered,
    Reopened,
    Resolved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalsGathered,
    Status,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.kit.text import listed, short_span, span
from tocsin.obligations.model import ANSWER_PREFIX, Kind, Obligation, State
from tocsin.plan.model import Audience, Need, Plan, Stage
from tocsin.web import present
from tocsin.web.present import Choice, Fact, Owed, Settled

NOTE, DECISION = "note", "decision"  # what a person writes that is no update

FIELD_LABELS = {
    "impact": "Impact",
    "actions": "Actions taken",
    "next": "What comes next",
    "eta": "When we expect it to be over",
    "issue": "What is wrong",
    "cause": "What caused it",
    "message": "Message",
}
SHORT_FIELDS = ("eta",)


# ---- Roles ----


@dataclass(frozen=True)
class Slot:
    key: str
    name: str
    purpose: str
    person: str
    is_you: bool
    since: str
    choices: tuple[Choice, ...]
    may_take: bool


def slots(plan: Plan, incident: Incident, entries: Sequence[Numbered], me: str, now: datetime) -> tuple[Slot, ...]:
    """Every role of the plan; an empty one is never hidden."""
    since = {one.entry.role: one.entry.at for one in entries if isinstance(one.entry, RoleAssigned)}
    found = []
    for key, role in plan.roles.items():
        held = incident.roles.get(key)
        found.append(
            Slot(
                key=key,
                name=role.name,
                purpose=role.purpose,
                person=words.name(plan, held) if held else "",
                is_you=held == me,
                since=present.moment(since[key], now) if held and key in since else "",
                choices=present.people_choices(plan, plan.members(role.eligible), held or ""),
                may_take=me in plan.people and held != me,
            )
        )
    return tuple(found)


# ---- The timeline ----


@dataclass(frozen=True)
class Item:
    """One entry. `said` is what an audience read; `because` belongs to a decision."""

    number: int
    time: str
    iso: str
    mark: str
    kind: str
    text: str
    said: str = ""
    audience: str = ""
    stage: str = ""
    who: str = ""
    because: str = ""
    receipts: str = ""


@dataclass(frozen=True)
class Filter:
    key: str
    label: str
    count: int
    is_here: bool


FILTERS: Mapping[str, tuple[str, tuple[type[AnyEntry], ...]]] = {
    "update": ("Updates", (Updated,)),
    "decision": ("Decisions", (Decided,)),
    "page": ("Pages", (Paged, Escalated, Undelivered, Acknowledged)),
    "obligation": ("Obligations", (ObligationMissed, ObligationWaived)),
    "signal": ("Signals", (SignalAttached, SignalCleared, SignalsGathered)),
    "note": ("Notes", (Noted,)),
}


def filters(entries: Sequence[Numbered], chosen: str) -> tuple[Filter, ...]:
    found = [Filter("", "All", len(entries), chosen not in FILTERS)]
    for key, (label, kinds) in FILTERS.items():
        count = sum(isinstance(one.entry, kinds) for one in entries)
        if count or key == chosen:
            found.append(Filter(key, label, count, key == chosen))
    return tuple(found)


def timeline(
    plan: Plan, entries: Sequence[Numbered], messages: Sequence[Message], chosen: str, now: datetime
) -> tuple[Item, ...]:
    """The record, newest first, as far as the chosen filter lets it through."""
    kinds = FILTERS[chosen][1] if chosen in FILTERS else ()
    wanted = [one for one in reversed(entries) if not kinds or isinstance(one.entry, kinds)]
    return tuple(_item(plan, one, messages, now) for one in wanted)


def _item(plan: Plan, numbered: Numbered, messages: Sequence[Message], now: datetime) -> Item:
    entry = numbered.entry
    item = Item(
        number=numbered.number,
        time=present.moment(entry.at, now),
        iso=present.iso(entry.at),
        mark=_mark(entry),
        kind=words.kind(entry).capitalize(),
        text=_after_its_kind(words.kind(entry), words.sentence(plan, entry)),
    )
    match entry:
        case Updated():
            return replace(
                item,
                kind="Update",
                text="",
                said=entry.text,
                stage=present.stage_name(entry.stage) if entry.stage else "",
                audience=words.audience_name(plan, entry.audience),
                who=words.name(plan, entry.by),
                receipts=receipts(messages, entry),
            )
        case Decided():
            return replace(item, text="", said=entry.decision, because=entry.because, who=words.name(plan, entry.by))
        case Noted():
            return replace(item, text="", said=entry.text, who=words.name(plan, entry.by))
        case _:
            return item


def _after_its_kind(kind: str, sentence: str) -> str:
    """The sentence, without the word that already stands before it as the entry's kind."""
    return re.sub(rf"^{re.escape(kind)}\b[: ]*", "", sentence, flags=re.IGNORECASE)


def receipts(messages: Iterable[Message], entry: Updated) -> str:
    """How far an update has come: messages of its unit of work carry its instant."""
    sent = [one for one in messages if one.audience == entry.audience and one.created_at == entry.at]
    if not sent:
        return ""
    counts = {state: sum(one.state is state for one in sent) for state in MessageState}
    parts = [f"{counts[MessageState.SENT]} of {len(sent)} delivered by mail"]
    if counts[MessageState.QUEUED]:
        parts.append(f"{counts[MessageState.QUEUED]} on the way")
    if counts[MessageState.DEAD]:
        parts.append(f"{counts[MessageState.DEAD]} failed")
    return ", ".join(parts)


def _mark(entry: AnyEntry) -> str:
    """A dot for what was noticed, a ring for what began or was decided, a tick or a cross for a promise."""
    match entry:
        case Declared() | Decided() | SeverityChanged() | TypeChanged() | Reopened() | ReviewScheduled():
            return "open"
        case Acknowledged() | RoleAssigned() | Updated() | Mitigated() | Resolved() | Recovered():
            return "met"
        case Closed() | ReviewHeld():
            return "met"
        case ObligationMissed() | Escalated() | Undelivered():
            return "missed"
        case ObligationWaived():
            return "waived"
        case SignalAttached() | SignalCleared() | SignalsGathered() | Paged() | Noted():
            return "dot"
    assert_never(entry)


# ---- The composer ----


@dataclass(frozen=True)
class Meets:
    """The obligation that posting meets."""

    what: str
    state: str
    time_left: str
    due_iso: str


@dataclass(frozen=True)
class Field:
    id: str
    name: str
    label: str
    value: str
    is_short: bool


@dataclass(frozen=True)
class StageTab:
    value: str
    place: int
    name: str
    fields: tuple[Field, ...]
    is_chosen: bool


@dataclass(frozen=True)
class Tab:
    """One audience of the composer. `place` ties the tab to its fields in the style sheet."""

    value: str
    place: int
    name: str
    is_chosen: bool
    is_public: bool
    fields: tuple[Field, ...]
    stages: tuple[StageTab, ...]
    meets: Meets | None
    to: str
    button: str


@dataclass(frozen=True)
class Preview:
    audience: str
    value: str
    name: str
    text: str
    is_public: bool


def tabs(
    plan: Plan,
    incident: Incident,
    duties: Sequence[Obligation],
    known: Mapping[str, str],
    typed: Mapping[str, str],
    now: datetime,
) -> tuple[Tab, ...]:
    """What can be written, to whom. `known` fills the fields with what was last said; `typed` wins over it."""
    audiences = {
        key: one
        for key, one in plan.communication.audiences.items()
        if not (one.public and plan.types[incident.type].private)
    }
    offered = [*audiences, NOTE, DECISION]
    chosen = typed.get("audience") or _most_urgent(duties, audiences) or NOTE
    found = [
        _tab(plan, incident, key, audiences[key], place, duties, known, typed, now)
        for place, key in enumerate(audiences)
    ]
    found.append(_own(NOTE, len(found), "Note only", [_field("note", "text", "Note for the timeline", typed)]))
    words_of = [
        _field("decision", "decision", "What was decided", typed),
        _field("decision", "because", "Because", typed),
    ]
    found.append(_own(DECISION, len(found), "Decision", words_of))
    chosen = chosen if chosen in offered else NOTE
    return tuple(replace(tab, is_chosen=tab.value == chosen) for tab in found)


def _most_urgent(duties: Sequence[Obligation], audiences: Mapping[str, Audience]) -> str:
    open_ = [one for one in duties if one.state is State.OPEN and one.audience in audiences]
    return min(open_, key=lambda one: one.due_at).audience if open_ else next(iter(audiences), "")


def _tab(
    plan: Plan,
    incident: Incident,
    key: str,
    audience: Audience,
    place: int,
    duties: Sequence[Obligation],
    known: Mapping[str, str],
    typed: Mapping[str, str],
    now: datetime,
) -> Tab:
    stages = _stages(plan, incident, key, known, typed) if audience.public else ()
    fields = () if audience.public else _fields(key, updates.fields_needed(plan, key, None), known, typed)
    people = plan.members(audience.to)
    return Tab(
        value=key,
        place=place,
        name=audience.name,
        is_chosen=False,
        is_public=audience.public,
        fields=fields,
        stages=stages,
        meets=_meets(duties, key, now),
        to="To everyone who reads the status page." if audience.public else f"To {present.names(plan, people)}.",
        button="Preview for everyone" if audience.public else f"Post to {audience.name.lower()}",
    )


def _own(key: str, place: int, name: str, fields: list[Field]) -> Tab:
    to = "Seen by responders only. It meets no obligation."
    button = "Add note" if key == NOTE else "Record the decision"
    return Tab(key, place, name, False, False, tuple(fields), (), None, to, button)


def _stages(
    plan: Plan, incident: Incident, key: str, known: Mapping[str, str], typed: Mapping[str, str]
) -> tuple[StageTab, ...]:
    """The stages that may be told now: nobody is told that it is over while it is not."""
    over = (Stage.MONITORING, Stage.RESOLVED)
    offered = [one for one in plan.communication.stages if one not in over or incident.is_resolved]
    likely = _likely_stage(incident)
    chosen = typed.get(f"{key}.stage") or (likely if likely in offered else next(iter(offered), ""))
    return tuple(
        StageTab(
            value=stage,
            place=place,
            name=present.stage_name(stage),
            fields=_fields(f"{key}.{stage}", updates.fields_needed(plan, key, stage), known, typed),
            is_chosen=stage == chosen,
        )
        for place, stage in enumerate(offered)
    )


def _likely_stage(incident: Incident) -> Stage:
    if incident.status is Status.WATCHING:
        return Stage.MONITORING
    if incident.is_resolved:
        return Stage.RESOLVED
    return Stage.IDENTIFIED if incident.mitigated_at or incident.stage is Stage.IDENTIFIED else Stage.INVESTIGATING


def _fields(prefix: str, names: Iterable[str], known: Mapping[str, str], typed: Mapping[str, str]) -> tuple[Field, ...]:
    return tuple(_field(prefix, name, FIELD_LABELS[name], typed, known.get(name, "")) for name in names)


def _field(prefix: str, name: str, label: str, typed: Mapping[str, str], known: str = "") -> Field:
    full = f"{prefix}.{name}"
    return Field(full.replace(".", "-"), full, label, typed.get(full, known), name in SHORT_FIELDS)


def _meets(duties: Iterable[Obligation], audience: str, now: datetime) -> Meets | None:
    for duty in duties:
        if duty.state is State.OPEN and duty.kind is Kind.UPDATE and duty.audience == audience:
            state, _ = present.urgency(duty, now)
            return Meets(duty.what, state, short_span(abs(duty.due_at - now)), present.iso(duty.due_at))
    return None


# ---- Messages ----


@dataclass(frozen=True)
class Delivery:
    mark: str
    word: str
    to: str
    by: str
    about: str
    queued: str
    sent: str
    problem: str


_DELIVERY = {
    MessageState.QUEUED: ("open", "On its way"),
    MessageState.SENT: ("met", "Delivered"),
    MessageState.DEAD: ("missed", "Not delivered"),
}


def deliveries(plan: Plan, messages: Iterable[Message], now: datetime) -> tuple[Delivery, ...]:
    """What left for whom, newest first."""
    found = []
    for one in reversed(list(messages)):
        mark, word = _DELIVERY[one.state]
        found.append(
            Delivery(
                mark=mark,
                word=word,
                to=words.name(plan, one.person) if one.person else one.address,
                by=one.channel,
                about="Page" if one.audience == "page" else words.audience_name(plan, one.audience),
                queued=present.moment(one.created_at, now),
                sent=present.moment(one.sent_at, now) if one.sent_at else "",
                problem=one.last_error,
            )
        )
    return tuple(found)


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
    end = incident.closed_at or incident.recovered_at or incident.resolved_at
    return Head(
        id=incident.id,
        number=incident.number,
        severity=present.severity(plan, incident.severity),
        status=words.status(incident.status),
        is_open=incident.is_open,
        is_resolved=incident.is_resolved,
        is_acknowledged=incident.acknowledged_at is not None,
        title=incident.title,
        type=words.type_name(plan, incident.type),
        text=incident.impact or "No impact is written yet.",
        why=incident.why,
        elapsed=short_span((end or now) - incident.declared_at),
        elapsed_label="From declaration to resolution" if end else "Time since declared",
        since_iso="" if end else present.iso(incident.declared_at),
        facts=tuple(_facts(plan, incident, duties, now)),
        phases=present.phases(plan, incident, now),
    )


def _facts(plan: Plan, incident: Incident, duties: Iterable[Obligation], now: datetime) -> Iterable[Fact]:
    yield Fact("Trouble began", present.moment(incident.started_at, now))
    yield Fact("Detected", f"{present.moment(incident.detected_at, now)}, {words.spaced(incident.source)}")
    by = words.name(plan, incident.declared_by)
    yield Fact("Declared", f"{present.moment(incident.declared_at, now)} by {by}")
    if incident.acknowledged_at and incident.acknowledged_by:
        who = words.name(plan, incident.acknowledged_by)
        yield Fact("Acknowledged", f"{present.moment(incident.acknowledged_at, now)} by {who}")
    elif not incident.is_resolved:
        yield Fact("Acknowledged", "by nobody yet", is_missing=True)
    for duty in duties:
        if duty.kind is Kind.RESOLVE and duty.state is State.OPEN:
            yield Fact("Resolve by", present.moment(duty.due_at, now))
    if incident.resolved_at:
        yield Fact("Resolved", present.moment(incident.resolved_at, now))
    if incident.recovered_at:
        yield Fact("Recovered", present.moment(incident.recovered_at, now))
    if broken := words.affected(plan, incident):
        yield Fact("Affects", listed(broken))
    yield Fact("Told in public", present.stage_name(incident.stage) if incident.stage else "nothing yet")
    if incident.review_held_at:
        yield Fact("Post-mortem", f"held {present.moment(incident.review_held_at, now)}")
    elif incident.review_at:
        yield Fact("Post-mortem", present.appointment(incident.review_at, now))


def ledger(
    plan: Plan, incident: Incident, duties: Sequence[Obligation], entries: Sequence[Numbered], now: datetime
) -> tuple[Owed, ...]:
    """What is owed now, soonest first, with the names of those who were paged."""
    open_ = sorted((one for one in duties if one.state is State.OPEN), key=lambda one: one.due_at)
    paged = {f"{ANSWER_PREFIX}{one.entry.step}": one.entry for one in entries if isinstance(one.entry, Paged)}
    rows = []
    for duty in open_:
        row = present.owed(plan, incident, duty, now)
        page = paged.get(duty.key)
        if page is not None and page.people:
            who = listed((words.name(plan, one) for one in page.people), "or")
            row = replace(row, what="Answer the page", who=who)
        rows.append(row)
    return tuple(rows)


def done(duties: Sequence[Obligation], now: datetime) -> tuple[Settled, ...]:
    return present.settled(duties, now)


def tally(rows: Sequence[Settled]) -> str:
    """`6 kept, 1 missed`."""
    kept, missed = (sum(row.state == state for row in rows) for state in ("met", "missed"))
    return f"{kept} kept, {missed} missed"


def ruler(duties: Sequence[Obligation], incident: Incident, now: datetime) -> present.Ruler | None:
    """The last hour and a half, and the hour to come."""
    if incident.is_resolved:
        return None
    marks = []
    for one in duties:
        if one.state is State.OPEN and one.kind is not Kind.ANSWER:
            marks.append((one.due_at, one.what, present.urgency(one, now)[0]))
        elif one.state in (State.MET, State.MISSED) and one.settled_at and one.kind is not Kind.ANSWER:
            marks.append((one.settled_at, one.what, str(one.state)))
    start = max(incident.declared_at, now - timedelta(minutes=90))
    return present.ruler(marks, start, now + timedelta(hours=1), now)


# ---- What to do ----


@dataclass(frozen=True)
class Guide:
    """The plan's own words for this type and for where the work stands."""

    type: str
    symptoms: str
    actions: tuple[str, ...]
    runbook: str
    runbook_href: str
    phase: str
    phase_actions: tuple[str, ...]
    watch: str
    review_within: str
    needs_review: bool


def guide(plan: Plan, incident: Incident, phases: Sequence[present.Phase]) -> Guide:
    kind = plan.types[incident.type]
    runbook = kind.runbook or ""
    href = plan.links.get(runbook, runbook)
    current = next((one.name for one in phases if one.is_current), "")
    return Guide(
        type=kind.name,
        symptoms=kind.symptoms,
        actions=kind.actions,
        runbook=runbook,
        runbook_href=href if href.startswith(("https://", "http://")) else "",
        phase=current,
        phase_actions=next((one.actions for one in plan.phases.values() if one.name == current), ()),
        watch=span(plan.recovery.watch_for),
        review_within=span(plan.review.meeting_within),
        needs_review=plan.severities[incident.severity].post_mortem is Need.REQUIRED,
    )
