"""The post-mortem: what the record fills in, what people must still write, and when it may be final. Pure."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby

from tocsin.incidents import sentences, words, working
from tocsin.incidents.durations import Durations, between, durations
from tocsin.incidents.model import Decided, Incident, Mitigated, Numbered, Recovered, Resolved, SignalAttached
from tocsin.incidents.work import Deployed, RecoveryConfirmed, StrategyChosen, Verdict, Verified
from tocsin.kit.errors import Refused
from tocsin.kit.text import ended, harmless, listed, span
from tocsin.obligations.model import Obligation, State
from tocsin.plan.model import Plan
from tocsin.plan.reviewing import Section

NOT_RECORDED = "not on the record"
ACTION_COLUMNS = ("Action", "Horizon", "Owner", "Due", "Status")
TIMELINE_COLUMNS = ("Time (UTC)", "Event")
RELATED_COLUMNS = ("Incident", "How", "Declared", "Severity", "What it was", "Status")
ALIKE = "same type and service"

Row = tuple[str, ...]


class Standing(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


class NotWritten(Refused):
    """Required sections of the post-mortem are still empty."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something the record says; nobody edits it."""

    label: str
    value: str


@dataclass(frozen=True, kw_only=True)
class DraftSection:
    """`facts` and `rows` come from the record, `text` from people. A section without a prompt asks for no text."""

    id: str
    title: str
    part: str
    prompt: str
    required: bool
    facts: tuple[Fact, ...] = ()
    columns: Row = ()
    rows: tuple[Row, ...] = ()
    text: str = ""
    from_record: bool = False  # the record fills it and nobody is asked to write

    @property
    def is_done(self) -> bool:
        return bool(self.text or (self.from_record and (self.facts or self.rows)))

    @property
    def heading(self) -> str:
        return f"{self.part}: {self.title}" if self.part and self.part != self.title else self.title


@dataclass(frozen=True, kw_only=True)
class PostMortem:
    incident_id: str
    title: str
    declared_on: date
    status: Standing
    severity: str
    authors: tuple[str, ...]
    sections: tuple[DraftSection, ...]


@dataclass(frozen=True)
class _Material:
    """Everything that facts are made of."""

    plan: Plan
    incident: Incident
    entries: Sequence[Numbered]
    obligations: Sequence[Obligation]
    related: Sequence[Incident]
    actions: Sequence[Row]
    now: datetime

    @property
    def took(self) -> Durations:
        return durations(self.incident)


@dataclass(frozen=True)
class _Filling:
    facts: tuple[Fact, ...] = ()
    columns: Row = ()
    rows: tuple[Row, ...] = ()


def draft(
    plan: Plan,
    incident: Incident,
    entries: Sequence[Numbered],
    obligations: Sequence[Obligation],
    written: Mapping[str, str],
    related: Sequence[Incident],
    now: datetime,
    *,
    actions: Sequence[Row] = (),
    authors: Sequence[str] = (),
) -> PostMortem:
    """The post-mortem as it stands: every section of the plan, filled from the record and from what was written.

    `written` is text by the id of a section. `actions` are rows under ACTION_COLUMNS. `authors` are handles; without
    them the authors are those who held the roles.
    """
    material = _Material(plan, incident, entries, obligations, related, actions, now)
    return PostMortem(
        incident_id=incident.id,
        title=incident.title,
        declared_on=incident.declared_at.astimezone(UTC).date(),
        status=Standing.DRAFT,
        severity=words.severity_name(plan, incident.severity),
        authors=tuple(words.name(plan, one) for one in authors or _responders(plan, incident)),
        sections=tuple(_section(key, one, material, written) for key, one in plan.review.sections.items()),
    )


def missing(post_mortem: PostMortem) -> list[str]:
    """The required sections that nobody has written and the record does not fill, by heading."""
    return [one.heading for one in post_mortem.sections if one.required and not one.is_done]


def finalise(post_mortem: PostMortem) -> PostMortem:
    """The final document, or a refusal that names every section still missing."""
    empty = missing(post_mortem)
    if empty:
        raise NotWritten(f"Not final yet; still to write: {listed(empty)}.")
    return replace(post_mortem, status=Standing.FINAL)


# ---- Two who write at once ----


class WrittenMeanwhile(Refused):
    """Somebody else has written the same section since this writer began."""


def stamp(text: str) -> str:
    """What tells one text of a section from another; a form carries it for each text that it was drawn with."""
    return hashlib.sha256(text.strip().encode(errors="replace")).hexdigest()[:16]


def is_changed(typed: str, began_with: str | None) -> bool:
    """Whether the writer changed a section. Whoever does not say what they began with means what they send."""
    return began_with is None or stamp(typed) != began_with


def changed(
    texts: Mapping[str, str], written: Mapping[str, str], began_with: Mapping[str, str], titles: Mapping[str, str]
) -> dict[str, str]:
    """The sections that a writer changed, or a refusal that names those that somebody else changed in between."""
    mine = {name: text.strip() for name, text in texts.items() if is_changed(text, began_with.get(name))}
    lost = [
        titles[name]
        for name, text in mine.items()
        if name in began_with and written.get(name, "") != text and stamp(written.get(name, "")) != began_with[name]
    ]
    if lost:
        raise WrittenMeanwhile(
            f"Nothing was saved: somebody else has written {listed(lost)} meanwhile. Their words stand below yours; "
            "put both together and save again."
        )
    return mine


def _responders(plan: Plan, incident: Incident) -> list[str]:
    holders = [incident.roles[role] for role in plan.roles if role in incident.roles]
    answered = [incident.acknowledged_by] if incident.acknowledged_by else []
    return list(dict.fromkeys(holders or answered))


def _section(key: str, section: Section, material: _Material, written: Mapping[str, str]) -> DraftSection:
    fill = _FACTS.get(section.facts or "")
    filling = fill(material) if fill else _Filling()
    return DraftSection(
        id=key,
        title=section.title,
        part=section.part,
        prompt=section.prompt,
        required=section.required,
        facts=filling.facts,
        columns=filling.columns,
        rows=filling.rows,
        text=written.get(key, "").strip(),
        from_record=fill is not None and not section.prompt,
    )


# ---- What the record knows, by the name that a plan's section asks for ----


def _summary(material: _Material) -> _Filling:
    plan, incident = material.plan, material.incident
    held = {words.role_name(plan, role): words.name(plan, who) for role, who in incident.roles.items()}
    return _facts(
        ("Severity", words.severity_name(plan, incident.severity)),
        ("Type", words.type_name(plan, incident.type)),
        ("Started", words.day_and_minute(incident.started_at)),
        ("Detected", words.day_and_minute(incident.detected_at)),
        ("Resolved", _instant(incident.resolved_at)),
        ("Recovered", _instant(incident.recovered_at)),
        *held.items(),
    )


def _impact(material: _Material) -> _Filling:
    incident, took = material.incident, material.took
    so_far = "" if incident.recovered_at else " so far"
    still = "" if incident.closed_at else " so far"
    lasted = between(incident.started_at, incident.recovered_at or material.now)
    return _facts(
        ("User impact, start to recovery", f"{_long(lasted)}{so_far if lasted is not None else ''}"),
        ("Total, start to close", f"{_long(took.total or between(incident.started_at, material.now))}{still}"),
        ("Time to detect", _long(took.detect)),
        ("Time to resolve", _long(took.resolve)),
        *([("Impact as declared", incident.impact)] if incident.impact else []),
        *_assessed(incident),
        ("Affects", listed(words.affected(material.plan, incident)) or NOT_RECORDED),
    )


def _assessed(incident: Incident) -> Iterator[tuple[str, str]]:
    """The last assessment, as far as it says something."""
    if known := incident.assessed:
        users = words.users_affected(known)
        told = (("Users affected", users), ("Functions impacted", known.functions))
        cost = (("Revenue impact", known.revenue), ("Reputation impact", known.reputation))
        yield from ((label, text) for label, text in (*told, *cost) if text)


def _timeline(material: _Material) -> _Filling:
    moments = [(one.entry.at, sentences.sentence(material.plan, one.entry)) for one in material.entries]
    started = material.incident.started_at
    if moments and started < moments[0][0]:
        moments.insert(0, (started, "Trouble began, as far as the signals know."))
    days = {at.astimezone(UTC).date() for at, _ in moments}
    form = "%H:%M:%S" if len(days) < 2 else "%Y-%m-%d %H:%M:%S"
    rows = tuple((at.astimezone(UTC).strftime(form), event) for at, event in moments)
    return _Filling(columns=TIMELINE_COLUMNS, rows=rows)


def _detection(material: _Material) -> _Filling:
    incident = material.incident
    return _facts(
        ("Trigger", words.spaced(incident.trigger).capitalize()),
        ("Seen by", words.spaced(incident.source)),
        *([("Evidence", incident.why)] if incident.why else []),
        ("Declared by", words.name(material.plan, incident.declared_by)),
        ("Start to detection", _long(material.took.detect)),
    )


def _response(material: _Material) -> _Filling:
    return _facts(*_legs(material), *_duties(material.obligations))


def _legs(material: _Material) -> Iterator[tuple[str, str]]:
    """The three legs of the response. The severity promises one time to resolve; a later leg has what is left of it."""
    incident, severity = material.incident, material.plan.severities[material.incident.severity]
    due_at = incident.detected_at + severity.resolve_within
    answered, mitigated, resolved = incident.first_acknowledged_at, incident.mitigated_at, incident.resolved_at
    yield "Detection to response", _against(material.took.acknowledge, severity.acknowledge_within)
    yield "Response to mitigation", _against(between(answered, mitigated), between(answered, due_at))
    yield "Mitigation to resolution", _against(between(mitigated, resolved), between(mitigated, due_at))
    yield "Detection to resolution", _against(material.took.resolve, severity.resolve_within)


def _against(took: timedelta | None, target: timedelta | None) -> str:
    if took is None:
        return NOT_RECORDED if target is None else f"{NOT_RECORDED} (target: {_long(target)})"
    if target is None:
        return f"{_long(took)} (the target had passed before)"
    return f"{_long(took)} (target: {_long(target)}, {'kept' if took <= target else 'passed'})"


def _duties(obligations: Sequence[Obligation]) -> Iterator[tuple[str, str]]:
    counts = [
        f"{sum(one.state is state for one in obligations)} {state}"
        for state in (State.MET, State.LATE, State.MISSED, State.WAIVED)
    ]
    yield "Obligations", ", ".join(counts)
    for one in sorted(obligations, key=lambda one: (one.due_at, one.id)):
        if one.state in (State.MISSED, State.LATE):
            clause = f", clause {one.clause}" if one.clause else ""
            late = f", late by {_long(one.late_by)}" if one.state is State.LATE and one.late_by else ""
            yield one.state.capitalize(), f"{one.what}, due {_second(one.due_at)}{late}{clause}"


def _resolution(material: _Material) -> _Filling:
    return _facts(*_fixes(material))


_VERDICT = {
    Verdict.OBSERVATION: "Observed",
    Verdict.ROOT_CAUSE: "Root cause",
    Verdict.CONTRIBUTING_FACTOR: "Contributing factor",
    Verdict.RULED_OUT: "Ruled out",
}


def _fixes(material: _Material) -> Iterator[tuple[str, str]]:
    for one in working.standing_findings(material.entries).values():
        yield _VERDICT[one.verdict], one.finding + (f" ({one.evidence})" if one.evidence else "")
    for numbered in material.entries:
        match numbered.entry:
            case StrategyChosen(strategy=strategy, because=because):
                yield "Way out", f"{words.strategy_name(material.plan, strategy)}, because {ended(because)}"
            case Deployed(what=what, where=where):
                yield "Deployed", f"{what}, to {where}"
            case Verified() | RecoveryConfirmed():
                yield "Checked", sentences.sentence(material.plan, numbered.entry)
            case Mitigated(how=how):
                yield "Mitigated by", how
            case Resolved(how=how):
                yield "Resolved by", how
            case Decided(decision=decision, because=because):
                yield "Decided", f"{ended(decision)} Because: {ended(because)}"
            case Recovered(watched_minutes=minutes):
                yield "Watched", f"{minutes} min without a regression"
            case _:
                pass  # only what was done to end it


def _action_items(material: _Material) -> _Filling:
    rows = tuple(material.actions)
    return _Filling(columns=ACTION_COLUMNS if rows else (), rows=rows)


def _related(material: _Material) -> _Filling:
    if not material.related:
        return _facts(("Related incidents", "none on the record"))
    rows = tuple(_related_row(material.incident, one) for one in material.related)
    return _Filling(columns=RELATED_COLUMNS, rows=rows)


def _related_row(incident: Incident, other: Incident) -> Row:
    tie = incident.relations.get(other.id)
    how = words.relation(tie) if tie else ALIKE
    declared = words.day_and_minute(other.declared_at)
    return (f"#{other.number}", how, declared, other.severity, other.title, words.status(other.status))


def _appendix(material: _Material) -> _Filling:
    signals = [one.entry for one in material.entries if isinstance(one.entry, SignalAttached)]
    return _facts(
        ("Plan revision", material.incident.plan_revision),
        *((f"Signal from {one.source}", f"{one.title}, {_second(one.at)}") for one in signals),
        *material.plan.links.items(),
    )


_FACTS: Mapping[str, Callable[[_Material], _Filling]] = {
    "summary_facts": _summary,
    "impact": _impact,
    "timeline": _timeline,
    "detection": _detection,
    "response": _response,
    "resolution": _resolution,
    "action_items": _action_items,
    "related": _related,
    "appendix": _appendix,
}

FACT_NAMES = tuple(_FACTS)


def _facts(*pairs: tuple[str, str]) -> _Filling:
    return _Filling(facts=tuple(Fact(label=label, value=value) for label, value in pairs))


def _instant(at: datetime | None) -> str:
    return words.day_and_minute(at) if at else "not yet"


def _second(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _long(length: timedelta | None) -> str:
    """To the whole second that has passed, as the page counts it too."""
    return NOT_RECORDED if length is None else span(timedelta(seconds=length // timedelta(seconds=1)))


# ---- As Markdown ----

# An underscore inside a word is no emphasis in Markdown, and addresses are full of them.
_MARKUP = re.compile(r"[\\`*\[\]<>|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def markdown(post_mortem: PostMortem) -> str:
    """The whole document. What people wrote stays Markdown; what the record says is plain text, whatever it holds. As
    a file it steers nothing, whatever shows it."""
    blocks = [*_head(post_mortem)]
    for part, sections in groupby(post_mortem.sections, key=lambda one: one.part):
        if part:
            blocks.append(f"## {_plain(part)}")
        for section in sections:
            blocks += _blocks(section, level="###" if part else "##")
    return harmless("\n\n".join(blocks)) + "\n"


def _head(post_mortem: PostMortem) -> Iterator[str]:
    yield f"# Post-mortem: {_plain(post_mortem.title)}"
    yield "\n".join(
        (
            f"- **Date**: {post_mortem.declared_on.isoformat()}",
            f"- **Authors**: {_plain(', '.join(post_mortem.authors)) or 'nobody yet'}",
            f"- **Status**: {post_mortem.status.capitalize()}",
            f"- **Severity**: {_plain(post_mortem.severity)}",
            f"- **Incident**: {_plain(post_mortem.incident_id)}",
        )
    )


def _blocks(section: DraftSection, level: str) -> Iterator[str]:
    if section.title != section.part:
        yield f"{level} {_plain(section.title)}"
    if section.facts:
        yield "\n".join(f"- **{_plain(fact.label)}**: {_plain(fact.value)}" for fact in section.facts)
    if section.rows:
        yield _table(section.columns, section.rows)
    if section.text:
        yield section.text
    elif not section.is_done:
        yield "*Not written yet.*" if section.required else "*Nothing written.*"


def _table(columns: Row, rows: Sequence[Row]) -> str:
    lines = [columns, tuple("---" for _ in columns), *(tuple(map(_plain, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: f"\\{found[0]}", words.one_line(text))
