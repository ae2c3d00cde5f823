"""Writing to an audience: the plan's template, what the record knows, and what a person types.

Pure. A template holds `{field}` and nothing cleverer; `{{` and `}}` are braces.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tocsin.incidents import confidential, words
from tocsin.incidents.durations import Durations, durations, times
from tocsin.incidents.lifecycle import NotResolved
from tocsin.incidents.model import Incident, Mitigated, Numbered, Resolved, Updated
from tocsin.incidents.work import Found, ImpactAssessed, Verdict
from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip, listed, nearest, span
from tocsin.plan.model import Audience, Plan, Stage

TYPED = ("impact", "actions", "next", "eta", "issue", "cause", "message", "explanation", "prevention")
"""The fields that people fill in. Everything else in a template comes from the record."""

UNSAID = {"eta": "not known yet"}
"""What is written for a typed field that may stay empty."""

LABELS = {
    "impact": "Impact",
    "actions": "Actions taken",
    "next": "What comes next",
    "eta": "When we expect it to be over",
    "issue": "What is wrong",
    "cause": "What caused it",
    "message": "Message",
    "explanation": "What happened, in plain words",
    "prevention": "What keeps it from happening again",
}
"""What a form calls the fields that people fill in."""

ROLES = ("commander", "technical_lead", "communications_lead", "scribe")
"""The usual roles, by which a template may ask for whoever holds them, whatever the plan calls the role."""

NOBODY = "nobody yet"
NOT_YET = "not yet"
UNKNOWN = "not known yet"
NO_TIME = "when there is more to say"
SO_FAR = " so far"
TICKET = "incident_ticket"
FREE = "{message}"  # the template of an audience for which the plan has none

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
OWN_WORDS = "message"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]|<[^<>]*>|[.…\-_?*\s]+|(?i:tbd|todo|lorem ipsum.*)")
"""What stands where words should: a field between braces or brackets as templates have them, dots, `TBD`."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class BadTemplate(Invalid):
    """A template of the plan cannot be filled in."""


class Unwritten(Invalid):
    """Something that this audience must be told is empty."""


class NoSuchAudience(Invalid):
    """The plan knows no such audience."""


@dataclass(frozen=True, kw_only=True)
class Composed:
    """An update ready to be recorded. `fields` are what was typed, without what was left empty.

    A `notice` is the one that tells users how it ended.
    """

    text: str
    stage: Stage | None
    fields: Mapping[str, str]
    notice: bool = False


def render(template: str, fields: Mapping[str, str]) -> str:
    """Fill in a template, once: a value that looks like a field stays as it is. Refuses and names a field it lacks."""

    def fill(token: re.Match[str]) -> str:
        field = _field(token)
        if field is None:
            return token[0][0]
        value = _value(field, fields)
        # Where the template ends the sentence itself, a typed full stop would be the second.
        return value.removesuffix(".") if template[token.end() :].startswith(".") else value

    return _TOKEN.sub(fill, template)


def fields_of(template: str) -> list[str]:
    """The fields that a template uses, each once, in order."""
    found = (_field(token) for token in _TOKEN.finditer(template))
    return list(dict.fromkeys(field for field in found if field is not None))


def _field(token: re.Match[str]) -> str | None:
    """The name between braces; None for a doubled brace."""
    if token[0] in ("{{", "}}"):
        return None
    if token[1] is None:
        raise BadTemplate(f"A '{token[0]}' stands alone in the template; write '{token[0] * 2}' for a plain brace.")
    if not _NAME.fullmatch(token[1]):
        raise BadTemplate(f"'{token[0]}' is not a field; a field is a plain name such as {{title}}.", field=token[1])
    return token[1]


def _value(field: str, fields: Mapping[str, str]) -> str:
    if field in fields:
        return fields[field]
    meant = nearest(field, fields)
    hint = f"; did you mean {{{meant}}}?" if meant else "."
    raise BadTemplate(f"The template asks for {{{field}}}, and there is no such field{hint}", field=field)


def facts(plan: Plan, incident: Incident, now: datetime, link: str) -> dict[str, str]:
    """Every field that the record knows, in words. What has not happened says so."""
    now = now.astimezone(UTC)
    return {
        **_holders(plan, incident),
        **_impact(plan, incident),
        "title": incident.title,
        "severity": incident.severity,
        "severity_name": plan.severities[incident.severity].name,
        "type": words.type_name(plan, incident.type),
        "status": words.status(incident.status),
        "stage": incident.stage.capitalize() if incident.stage else NOT_YET,
        "time": now.strftime("%H:%M"),
        "time_utc": now.strftime("%H:%M UTC"),
        "incident_id": incident.id,
        "number": str(incident.number),
        "started": words.day_and_minute(incident.started_at),
        **_times(incident, now),
        "duration": lasting((incident.resolved_at or now) - incident.started_at),
        "link": link,
        "service": words.service_name(plan, incident.service) if incident.service else UNKNOWN,
        "components": listed(words.affected(plan, incident)) or UNKNOWN,
        "milestones": _milestones(plan, incident),
        "next_update": NO_TIME,
        "links": "\n".join(f"- {name}: {address}" for name, address in plan.links.items()) or "- none",
    }


def _times(incident: Incident, now: datetime) -> dict[str, str]:
    """The moments, and how long the parts of it took; what still lasts says so."""
    took, kept = durations(incident), times(incident, now)
    return {
        "detected": words.day_and_minute(incident.detected_at),
        "acknowledged": _moment(incident.first_acknowledged_at),
        "resolved": _moment(incident.resolved_at),
        "recovered": _moment(incident.recovered_at),
        **_took(took),
        "total_duration": lasting(kept.total) + ("" if kept.is_over else SO_FAR),
        "user_impact_duration": lasting(kept.user_impact) + ("" if kept.is_recovered else SO_FAR),
    }


def _moment(at: datetime | None) -> str:
    return words.day_and_minute(at) if at else NOT_YET


def _took(took: Durations) -> dict[str, str]:
    found = {"detect": took.detect, "respond": took.acknowledge, "resolve": took.resolve}
    return {f"time_to_{name}": NOT_YET if length is None else lasting(length) for name, length in found.items()}


def _impact(plan: Plan, incident: Incident) -> dict[str, str]:
    """The impact as it was last assessed, and the way out."""
    known, strategy = incident.assessed, incident.work.strategy
    return {
        "users": words.users_affected(known) or UNKNOWN,
        "functions": (known.functions if known else "") or incident.impact or UNKNOWN,
        "revenue": (known.revenue if known else "") or UNKNOWN,
        "reputation": (known.reputation if known else "") or UNKNOWN,
        "strategy": words.strategy_name(plan, strategy) if strategy else NOT_YET,
    }


def _holders(plan: Plan, incident: Incident) -> dict[str, str]:
    """Who holds each role of the plan, and each of the four roles by its usual name, whatever the plan's key."""
    found = {role: _holder(plan, incident, role) for role in plan.roles}
    for usual in ROLES:
        key = next((role for role in plan.roles if _is_called(plan, role, usual)), None)
        found.setdefault(usual, _holder(plan, incident, key) if key else NOBODY)
    return found


def _is_called(plan: Plan, role: str, usual: str) -> bool:
    written = (role, plan.roles[role].name.lower().replace(" ", "_"))
    return any(word == usual or word.endswith(f"_{usual}") for word in written)


def _holder(plan: Plan, incident: Incident, role: str) -> str:
    person = incident.roles.get(role)
    return words.name(plan, person) if person else NOBODY


def lasting(length: timedelta) -> str:
    """A length of time as people are told it: whole minutes, seconds only below one."""
    seconds = max(0, int(length.total_seconds()))
    return span(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def _milestones(plan: Plan, incident: Incident) -> str:
    """The moments that the record has, one a line, in order."""
    answered = words.name(plan, incident.acknowledged_by) if incident.acknowledged_by else ""
    moments = (
        (incident.detected_at, "Incident detected"),
        (incident.declared_at, f"Declared by {words.name(plan, incident.declared_by)}"),
        (incident.reopened_at, "It was back"),
        (incident.acknowledged_at, f"Acknowledged by {answered}"),
        (incident.mitigated_at, "Mitigated"),
        (incident.work.cause_at, "Root cause identified"),
        (incident.work.deployed_at, "Fix deployed"),
        (incident.resolved_at, "Incident resolved"),
        (incident.recovered_at, "Fully recovered"),
        (incident.closed_at, "Closed"),
    )
    happened = sorted(((at, what) for at, what in moments if at), key=lambda moment: moment[0])
    return "\n".join(f"- {at.astimezone(UTC):%H:%M} {what}" for at, what in happened)


def fields_needed(plan: Plan, audience: str, stage: Stage | None, *, notice: bool = False) -> list[str]:
    """The fields that the form asks for: those of this audience's template, in its order.

    A template that asks for nothing is followed by a person's own words: otherwise nobody would have written it.
    """
    told = _audience(plan, audience)
    return _typed(_notice(plan, told) if notice else _template(plan, told, stage)) or [OWN_WORDS]


def _typed(template: str) -> list[str]:
    return [field for field in fields_of(template) if field in TYPED]


def compose(
    plan: Plan,
    incident: Incident,
    audience: str,
    typed: Mapping[str, str],
    stage: Stage | None,
    now: datetime,
    link: str,
    *,
    notice: bool = False,
) -> Composed:
    """What this audience will read. Refuses an audience that may not be told, and what is left unsaid.

    The notice of how it ended is told at the stage `resolved`, and not before it is resolved.
    """
    told = _audience(plan, audience)
    confidential.require_may_be_told(plan, incident, told)
    template = _notice(plan, told) if notice else _template(plan, told, stage)
    stage = _of_notice(incident, stage) if notice else stage
    given = _given(typed)
    if not _typed(template):
        template += "\n\n{" + OWN_WORDS + "}"
    _require(given, _typed(template), told)
    known = facts(plan, incident, now, link) | ({"stage": stage.capitalize()} if stage else {})
    known["next_update"] = next_update(incident, told, now)
    text = render(template, {**known, **UNSAID, **given}).strip()
    return Composed(text=text, stage=stage, fields=given, notice=notice)


def next_update(incident: Incident, audience: Audience, now: datetime) -> str:
    """When this audience hears again, as the plan paces it; no time where nothing more is owed by the clock."""
    pace = audience.cadence.get(incident.severity)
    if pace is None or incident.is_resolved:
        return NO_TIME
    return words.day_and_minute(now + pace.every)


def _notice(plan: Plan, audience: Audience) -> str:
    """The template of the notice by which users learn how it ended."""
    if not audience.public:
        raise Invalid(f"The notice of how it ended is for users; {audience.name} is not public.", field="notice")
    if plan.recovery.notice is None:
        raise Invalid("The plan has no notice of how it ended; name its template as recovery.notice.", field="notice")
    return _named(plan, plan.recovery.notice)


def _of_notice(incident: Incident, stage: Stage | None) -> Stage:
    if stage not in (None, Stage.RESOLVED):
        raise Invalid(f"The notice of how it ended is told at the stage resolved, not {stage}.", field="stage")
    if not incident.is_resolved:
        raise NotResolved("The incident is not resolved; users can't be told how it ended.")
    return Stage.RESOLVED


def _audience(plan: Plan, name: str) -> Audience:
    audiences = plan.communication.audiences
    if name not in audiences:
        raise NoSuchAudience(f"The plan has no audience called '{name}'; it has {listed(audiences)}.", field="audience")
    return audiences[name]


def _template(plan: Plan, audience: Audience, stage: Stage | None) -> str:
    if audience.public:
        return _named(plan, _stage_template(plan, stage))
    if stage:
        raise Invalid(f"Only a public update has a stage; {audience.name} is not public.", field="stage")
    return _named(plan, audience.template) if audience.template else FREE


def _stage_template(plan: Plan, stage: Stage | None) -> str:
    stages = plan.communication.stages
    if stage is None:
        raise Invalid(f"A public update needs a stage: {listed(stages, last='or')}.", field="stage")
    if stage not in stages:
        raise Invalid(f"The plan has no wording for the stage {stage}; it has {listed(stages)}.", field="stage")
    return stages[stage]


def _named(plan: Plan, template: str) -> str:
    if template not in plan.templates:
        raise BadTemplate(f"The plan has no template called '{template}'; it has {listed(plan.templates)}.")
    return plan.templates[template]


def _given(typed: Mapping[str, str]) -> dict[str, str]:
    for field in typed:
        if field not in TYPED:
            raise Invalid(f"An update has no field '{field}'; it has {listed(TYPED)}.", field=field)
    given = {field: text.strip() for field, text in typed.items() if text.strip()}
    for field, text in given.items():
        require_words(text, field)
    return given


def require_words(text: str, field: str = "text") -> None:
    """Raises Unwritten where something stands that only holds the place of words."""
    if _PLACEHOLDER.fullmatch(text.strip()):
        said = clip(text, 40)
        raise Unwritten(f"'{said}' stands where words should; fill in {field}, or leave it empty.", field=field)


def _require(given: Mapping[str, str], needed: Iterable[str], audience: Audience) -> None:
    empty = [field for field in needed if field not in given and field not in UNSAID]
    if empty:
        raise Unwritten(f"{audience.name} must be told more; fill in {listed(empty)}.", field=empty[0])


def last_typed(entries: Iterable[Numbered]) -> dict[str, str]:
    """What people last wrote of each field, to whomever: in an update, or as a finding, an impact or a fix."""
    known: dict[str, str] = {}
    findings: dict[int, Found] = {}
    for numbered in entries:
        match numbered.entry:
            case Updated(fields=fields):
                known |= {field: text for field, text in fields.items() if field in TYPED and text}
            case Mitigated(how=how) | Resolved(how=how):
                known["actions"] = how
            case ImpactAssessed():
                known["impact"] = words.assessed(numbered.entry)
            case Found():
                findings[numbered.number] = numbered.entry
                _judge(known, findings, numbered.entry)
            case _:
                pass  # nothing else fills a field
    return known


def _judge(known: dict[str, str], findings: Mapping[int, Found], found: Found) -> None:
    """A root cause is the cause, until a later finding replaces it."""
    replaced = findings.get(found.revises or 0)
    if replaced is not None and known.get("cause") == replaced.finding:
        del known["cause"]
    if found.verdict is Verdict.ROOT_CAUSE:
        known["cause"] = found.finding
