"""The room's composer as plain values: what can be written, to whom, and which promise that would meet."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from tocsin.comms import corrections, lookover, updates
from tocsin.comms.lookover import Shape
from tocsin.incidents import approving, confidential, words
from tocsin.incidents.model import Incident, Numbered, Status
from tocsin.kit.text import short_span
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan.model import Audience, Plan, Stage
from tocsin.response import commands
from tocsin.response.telling import LookedOver
from tocsin.web import present
from tocsin.web.forms import Form
from tocsin.web.frame import Tx

NOTE, DECISION = "note", "decision"  # what a person writes that is no update

NOTICE = "notice"  # what stands where a stage does, for the notice of how it ended
NOTICE_NAME = "How it ended"
SHORT_FIELDS = ("eta", "decider", "basis")


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
    before: str = ""  # what this audience was told last, as it is read now
    before_when: str = ""
    waits_for: str = ""  # whose word it waits for
    guidance: tuple[str, ...] = ()  # what the plan says of writing to them
    draft: int | None = None  # the entry of a draft for them that waits
    came_back: str = ""  # why the last draft for them was sent back


@dataclass(frozen=True)
class Preview:
    """What an audience would read, and what is to be said about it before."""

    audience: str
    name: str
    text: str
    is_public: bool
    hints: tuple[str, ...]
    shapes: tuple[Shape, ...]
    waits_for: str
    button: str
    seal: str  # of what was typed: whoever confirms it has seen these words


def preview(plan: Plan, audience: str, found: LookedOver, seal: str) -> Preview:
    told = plan.communication.audiences[audience]
    button = "Publish to everyone" if told.public else f"Post to {told.name.lower()}"
    return Preview(
        audience=audience,
        name=told.name,
        text=found.composed.text,
        is_public=told.public,
        hints=found.look.hints,
        shapes=tuple(found.shapes),
        waits_for=present.names(plan, tuple(found.approvers)) or "whoever is named next" if found.waits else "",
        button="Hand in for approval" if found.waits else button,
        seal=seal,
    )


def sealed(audience: str, stage: str, typed: Mapping[str, str]) -> str:
    """What tells these words from any others that somebody types afterwards."""
    said = msgspec.json.encode([stage, sorted(typed.items())])
    return f"{audience}:{hashlib.sha256(said).hexdigest()[:20]}"


def changed(shown: Preview) -> Preview:
    """What is shown once more, because other words were confirmed than had been seen."""
    return replace(
        shown, hints=("You changed it after you had looked. This is what they would read now.", *shown.hints)
    )


def tabs(
    plan: Plan,
    incident: Incident,
    duties: Sequence[Obligation],
    known: Mapping[str, str],
    typed: Mapping[str, str],
    now: datetime,
    *,
    entries: Sequence[Numbered] = (),
    me: str = "",
) -> tuple[Tab, ...]:
    """What can be written, to whom. `known` fills the fields with what was last said; `typed` wins over it."""
    audiences = {
        key: one for key, one in plan.communication.audiences.items() if confidential.may_be_told(plan, incident, one)
    }
    typed = _drafted(entries) | dict(typed)
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
        _field("decision", "options", "What else was considered, one a line", typed),
        _field("decision", "basis", "On what evidence: a text or a link", typed),
        _field("decision", "decider", "Who decided, by handle, if not you", typed),
    ]
    found.append(_own(DECISION, len(found), "Decision", words_of))
    found = [
        _beside(plan, incident, tab, audiences[tab.value], entries, me, now) if tab.value in audiences else tab
        for tab in found
    ]
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
    people = confidential.recipients(plan, incident, audience)
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


def _beside(
    plan: Plan, incident: Incident, tab: Tab, audience: Audience, entries: Sequence[Numbered], me: str, now: datetime
) -> Tab:
    """The tab with what its audience was told last, and whose word an update waits for."""
    last = lookover.last(entries, tab.value)
    waits = approving.waits(incident, audience, me)
    drafts = {one.audience: number for number, one in approving.waiting(entries).items()}
    able = present.names(plan, approving.approvers(plan, incident, audience, me)) if waits else ""
    return replace(
        tab,
        before=corrections.text(last) if last else "",
        before_when=present.moment(last.told.at, now) if last else "",
        waits_for=(able or "whoever is named next") if waits else "",
        button="Hand in for approval" if waits and not tab.is_public else tab.button,
        guidance=audience.guidance,
        draft=drafts.get(tab.value),
        came_back=_came_back(plan, entries, tab.value, now),
    )


def _came_back(plan: Plan, entries: Sequence[Numbered], audience: str, now: datetime) -> str:
    found = approving.came_back(entries).get(audience)
    if found is None:
        return ""
    word = found[1]
    return f"{words.name(plan, word.by)} sent it back, {present.moment(word.at, now)}: {word.because}"


def _drafted(entries: Sequence[Numbered]) -> dict[str, str]:
    """What stands in a draft that waits or came back, under the names of the fields: nobody types it twice."""
    back = [one for one, _ in approving.came_back(entries).values()]
    found: dict[str, str] = {}
    for one in (*back, *approving.waiting(entries).values()):
        stage = NOTICE if one.notice else one.stage or ""
        prefix = f"{one.audience}.{stage}" if stage else one.audience
        found |= {f"{prefix}.{name}": text for name, text in one.fields.items()}
        found |= {f"{one.audience}.stage": stage} if stage else {}
    return found


def _own(key: str, place: int, name: str, fields: list[Field]) -> Tab:
    to = "Seen by responders only. It meets no obligation."
    button = "Add note" if key == NOTE else "Record the decision"
    return Tab(key, place, name, False, False, tuple(fields), (), None, to, button)


def _stages(
    plan: Plan, incident: Incident, key: str, known: Mapping[str, str], typed: Mapping[str, str]
) -> tuple[StageTab, ...]:
    """The stages that may be told now: nobody is told that it is over while it is not."""
    over = (Stage.MONITORING, Stage.RESOLVED)
    said = {name: text for name, text in known.items() if name != updates.OWN_WORDS}  # those are always new
    offered = [one for one in plan.communication.stages if one not in over or incident.is_resolved]
    likely = _likely_stage(incident)
    chosen = typed.get(f"{key}.stage") or (likely if likely in offered else next(iter(offered), ""))
    needed = {str(one): (present.stage_name(one), updates.fields_needed(plan, key, one)) for one in offered}
    if plan.recovery.notice and incident.is_resolved:
        needed[NOTICE] = (NOTICE_NAME, updates.fields_needed(plan, key, None, notice=True))
        is_next = incident.stage is Stage.RESOLVED and incident.notice_at is None
        chosen = NOTICE if is_next and not typed.get(f"{key}.stage") else chosen
    return tuple(
        StageTab(value, place, name, _fields(f"{key}.{value}", fields, said, typed), value == chosen)
        for place, (value, (name, fields)) in enumerate(needed.items())
    )


def _likely_stage(incident: Incident) -> Stage:
    if incident.status is Status.WATCHING:
        return Stage.MONITORING
    if incident.is_resolved:
        return Stage.RESOLVED
    return Stage.IDENTIFIED if incident.mitigated_at or incident.stage is Stage.IDENTIFIED else Stage.INVESTIGATING


def _fields(prefix: str, names: Iterable[str], known: Mapping[str, str], typed: Mapping[str, str]) -> tuple[Field, ...]:
    return tuple(_field(prefix, name, updates.LABELS[name], typed, known.get(name, "")) for name in names)


def _field(prefix: str, name: str, label: str, typed: Mapping[str, str], known: str = "") -> Field:
    full = f"{prefix}.{name}"
    return Field(full.replace(".", "-"), full, label, typed.get(full, known), name in SHORT_FIELDS)


def _meets(duties: Iterable[Obligation], audience: str, now: datetime) -> Meets | None:
    for duty in duties:
        if duty.state is State.OPEN and duty.kind is Kind.UPDATE and duty.audience == audience:
            state, _ = present.urgency(duty, now)
            return Meets(duty.what, state, short_span(abs(duty.due_at - now)), present.iso(duty.due_at))
    return None


# ---- A decision ----


def decide(tx: Tx, incident_id: str, form: Form) -> Incident:
    """Record the decision that was typed."""
    return commands.decide(
        tx,
        incident_id,
        form.text("decision.decision"),
        form.text("decision.because"),
        decider=form.text("decision.decider"),
        options=form.text("decision.options").splitlines(),
        basis=form.text("decision.basis"),
    )
