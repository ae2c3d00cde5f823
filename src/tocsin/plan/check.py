"""Whether a plan holds together: every name leads somewhere, and nothing is empty that must not be."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from tocsin.kit.text import listed, span, sparingly
from tocsin.people.model import Urgency
from tocsin.plan import (
    check_measures,
    check_paging,
    check_probes,
    check_public,
    check_rotas,
    check_words,
    check_work,
    senders,
)
from tocsin.plan.findings import Finding, each, empty, nobody, unknown
from tocsin.plan.model import (
    EVERYONE,
    ON_CALL,
    RESPONDERS,
    Audience,
    EscalationPolicy,
    Plan,
    Rule,
    Severity,
    Stage,
)
from tocsin.plan.parse import Document, Problem, build, read

REMINDED_KINDS = ("acknowledge", "role", "update", "resolve", "review", "handoff", "progress")
CLAUSE_KINDS = (
    "acknowledge",
    "answer",
    "role",
    "update",
    "resolve",
    "watch",
    "review",
    "look",
    "handoff",
    "progress",
    "snooze",
)
"""The kinds of obligation that a clause can stand for."""

FACTS = (
    "summary_facts",
    "impact",
    "timeline",
    "detection",
    "response",
    "resolution",
    "action_items",
    "related",
    "appendix",
)
"""What the record can fill into a section of the post-mortem."""

KNOWN_FIELDS: Mapping[str, str] = {
    "title": "the incident's title",
    "number": "its number",
    "incident_id": "its id",
    "severity": "the severity, such as P1",
    "severity_name": "the severity's name",
    "type": "the type's name",
    "status": "how far the work has come",
    "stage": "how far the work has come, as the public is told",
    "service": "the service's name",
    "components": "the components that are touched",
    "time": "the time of writing, such as 03:34",
    "time_utc": "the same with its zone, such as 03:34 UTC",
    "started": "when trouble began, in UTC",
    "detected": "when it reached us, in UTC",
    "acknowledged": "when somebody first answered, in UTC",
    "resolved": "when it was resolved, in UTC",
    "recovered": "when it had fully recovered, in UTC",
    "duration": "how long it has lasted",
    "time_to_detect": "from the start to the detection",
    "time_to_respond": "from the detection to the first answer",
    "time_to_resolve": "from the detection to the resolution",
    "total_duration": "from the start until it was closed",
    "user_impact_duration": "from the start to full recovery",
    "commander": "who is incident commander",
    "technical_lead": "who is technical lead",
    "communications_lead": "who is communications lead",
    "scribe": "who is scribe",
    "milestones": "the moments on the record, one a line",
    "users": "how many users are affected and how that is known",
    "functions": "what does not work for them",
    "revenue": "what it costs",
    "reputation": "what it does to trust",
    "strategy": "the way out that was chosen",
    "next_update": "when this audience hears again",
    "link": "the address of the incident's page",
    "links": "the plan's links, one a line",
    "impact": "typed: what people notice",
    "actions": "typed: what has been done",
    "next": "typed: what comes next",
    "eta": "typed: when it should be over",
    "issue": "typed: what is being looked into",
    "cause": "typed: what was found",
    "message": "typed: your own words",
    "explanation": "typed: what happened, for readers who know nothing of the trade",
    "prevention": "typed: what keeps it from happening again",
}
"""What a template may ask for between braces, beside the plan's own roles."""

NOTICE_ASKS = ("explanation", "prevention")
"""What the notice to users must have somebody write."""

_NAME = re.compile(r"[\w-]+")
_HANDLE = re.compile(r"[a-z][a-z0-9._-]{0,39}")  # a person signs in with it
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


MOST_GUESSED = 10_000  # pairs of words that are compared to say what was meant, for all mistakes of a text


def load(text: str, name: str = "plan.yaml") -> Plan | list[Problem]:
    """A plan that can be run, or everything that is wrong with its text, by line. Never raises."""
    found = _loaded(text, name)
    return found if isinstance(found, Plan) else list(found)


@lru_cache(maxsize=4)
def _loaded(text: str, name: str) -> Plan | list[Problem]:
    """The same text is read once, however often it is tried and put into force: that takes a tenth of a second."""
    with sparingly(MOST_GUESSED):
        document = read(text, name)
        plan = document if isinstance(document, list) else build(document)
        if isinstance(document, list) or isinstance(plan, list):
            return plan
        return _placed(document, check(plan)) or plan


def _placed(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    return document.sorted(document.problem(one.path, one.message) for one in findings)


def check(plan: Plan) -> list[Finding]:
    """Everything that would make the plan fail when it is run."""
    return [
        *_whole(plan),
        *_names(plan),
        *_people(plan),
        *_severities(plan),
        *check_rotas.check(plan),
        *_escalation(plan),
        *check_paging.check(plan),
        *_services(plan),
        *senders.check(plan),
        *_rules(plan),
        *_communication(plan),
        *_templates(plan),
        *_review(plan),
        *_history(plan),
        *check_work.check(plan),
        *check_public.check(plan),
    ]


# --- Names ------------------------------------------------------------------------------------------------------------


def _whole(plan: Plan) -> Iterator[Finding]:
    yield from nobody("people", plan.people, "a plan without people reaches nobody")
    yield from empty("severities", plan.severities, "no incident can be declared without a severity")
    yield from empty("types", plan.types, "no incident can be declared without a type")
    for kind in plan.clauses:
        yield from unknown(f"clauses.{kind}", "kind of obligation", kind, CLAUSE_KINDS)
    for kind in plan.reminders.before:
        yield from unknown(f"reminders.before.{kind}", "kind of obligation", kind, REMINDED_KINDS)
    if plan.reminders.overdue_to is not None:
        yield from unknown("reminders.overdue_to", "role", plan.reminders.overdue_to, plan.roles)
    owner = plan.recovery.owner
    yield from unknown("recovery.owner", "role", owner, _owners(plan)) if owner else ()
    yield from _notice(plan)


def _notice(plan: Plan) -> Iterator[Finding]:
    """A notice that explains nothing, or promises nothing, is no notice to users of how it ended."""
    name = plan.recovery.notice
    if name is None:
        return
    yield from unknown("recovery.notice", "template", name, plan.templates)
    for field in NOTICE_ASKS if name in plan.templates else ():
        if f"{{{field}}}" not in plan.templates[name]:
            yield Finding("recovery.notice", f'the template "{name}" does not ask for {{{field}}}')


def _names(plan: Plan) -> Iterator[Finding]:
    for handle in plan.people:
        if not _HANDLE.fullmatch(handle):
            sentence = "is not a handle; use a letter, then up to 39 of a-z 0-9 . _ -"
            yield Finding(f"people.{handle}", f'"{handle}" {sentence}')
    for path, words in _named(plan):
        for word in words:
            if not _NAME.fullmatch(word):
                # Names stand in addresses, in paths and in the keys of obligations.
                yield Finding(f"{path}.{word}", f'"{word}" is not a name; use letters, digits, - and _')
    taken = {word: "a word of the format" for word in (EVERYONE, RESPONDERS)} | {"tocsin": "the program"}
    for path, words in (("people", plan.people), ("teams", plan.teams), ("rotations", plan.rotations)):
        for word in words:
            if word in taken:
                yield Finding(f"{path}.{word}", f'"{word}" is also {taken[word]}; a page must know whom it is for')
        taken |= {word: f"one of the {path}" for word in words}
    taken |= {ON_CALL: "a word of the format"}
    for role in plan.roles:
        if role in taken:
            yield Finding(f"roles.{role}", f'"{role}" is also {taken[role]}; an invitation must know whom it is for')


_SECTIONS = (
    "teams",
    "roles",
    "services",
    "vendors",
    "severities",
    "rotations",
    "escalation",
    "phases",
    "types",
    "metrics",
)


def _named(plan: Plan) -> Iterator[tuple[str, Iterable[str]]]:
    for section in _SECTIONS:
        yield section, getattr(plan, section)
    yield "templates", plan.templates
    yield "communication.audiences", plan.communication.audiences
    yield "resolution.strategies", plan.resolution.strategies
    yield "resolution.verification", plan.resolution.verification
    yield "recovery.confirm", plan.recovery.confirm
    yield "review.sections", plan.review.sections
    yield "review.horizons", plan.review.horizons
    for key, vendor in plan.vendors.items():
        yield f"vendors.{key}.probes", vendor.probes
    for key, service in plan.services.items():
        yield f"services.{key}.components", service.components
        yield f"services.{key}.probes", service.probes
        yield f"services.{key}.measures", service.measures
        yield f"services.{key}.logs", service.logs
        for name, log in service.logs.items():
            yield f"services.{key}.logs.{name}.patterns", log.patterns
        yield f"services.{key}.journeys", service.journeys
        yield f"services.{key}.heartbeats", service.heartbeats


def _owners(plan: Plan) -> list[str]:
    return [*plan.roles, ON_CALL]


def _groups(plan: Plan) -> list[str]:
    return [*plan.people, *plan.teams, EVERYONE]


# --- People, and how they are reached ---------------------------------------------------------------------------------


def _people(plan: Plan) -> Iterator[Finding]:
    for key, team in plan.teams.items():
        yield from nobody(f"teams.{key}.members", team.members, "nobody is in this team")
        yield from each(f"teams.{key}.members", "person", team.members, plan.people)
        yield from each(f"teams.{key}.leads", "person", team.leads, plan.people)
    for key, role in plan.roles.items():
        yield from nobody(f"roles.{key}.eligible", role.eligible, "nobody may hold this role")
        yield from each(f"roles.{key}.eligible", "person or team", role.eligible, _groups(plan))
        if role.rotation is not None:
            yield from unknown(f"roles.{key}.rotation", "rotation", role.rotation, plan.rotations)
        targets = [*plan.rotations, *_groups(plan)]
        yield from each(f"roles.{key}.fallback", "rotation, team or person", role.fallback, targets)


def _severities(plan: Plan) -> Iterator[Finding]:
    for key, severity in plan.severities.items():
        path = f"severities.{key}"
        if severity.escalation is not None:
            yield from unknown(f"{path}.escalation", "escalation policy", severity.escalation, plan.escalation)
        for role in severity.roles_within:
            yield from unknown(f"{path}.roles_within.{role}", "role", role, plan.roles)
        yield from _order_of_times(path, severity)
        if severity.urgency is Urgency.LOW and plan.rank(key) == 0:
            yield Finding(f"{path}.urgency", "quiet hours would hold the worst severity; it is always high")


def _order_of_times(path: str, severity: Severity) -> Iterator[Finding]:
    answer, end = severity.acknowledge_within, severity.resolve_within
    if answer > end:
        message = f"to be acknowledged within {span(answer)}, but resolved within {span(end)}"
        yield Finding(f"{path}.acknowledge_within", message)


def _escalation(plan: Plan) -> Iterator[Finding]:
    for key, policy in plan.escalation.items():
        yield from _policy(plan, f"escalation.{key}", policy)


def _policy(plan: Plan, path: str, policy: EscalationPolicy) -> Iterator[Finding]:
    yield from nobody(f"{path}.steps", policy.steps, "a policy without steps pages nobody")
    if policy.rounds is not None and policy.rounds < 1:
        yield Finding(f"{path}.rounds", "at least 1 round; without this key, until somebody acknowledges")
    targets = [*plan.rotations, *_groups(plan)]
    for number, step in enumerate(policy.steps, start=1):
        here = f"{path}.steps.{number}.page"
        yield from nobody(here, step.page, "this step pages nobody")
        yield from each(here, "rotation, team or person", step.page, targets)


# --- Services, and what signals mean ----------------------------------------------------------------------------------


def _services(plan: Plan) -> Iterator[Finding]:
    for key, service in plan.services.items():
        if service.users is not None and service.users < 1:
            yield Finding(f"services.{key}.users", "at least 1; leave it out where nobody has counted")
        for name, probe in service.probes.items():
            yield from check_probes.problems(f"services.{key}.probes.{name}", probe)
        yield from check_probes.heartbeats(f"services.{key}", service)
        yield from check_measures.problems(plan, f"services.{key}", service)


def _rules(plan: Plan) -> Iterator[Finding]:
    names: dict[str, int] = {}
    ranks: dict[int, int] = {}
    for number, rule in enumerate(plan.rules, start=1):
        path = f"rules.{number}"
        if rule.name in names:
            yield Finding(f"{path}.name", f'rule {names[rule.name]} is called "{rule.name}" too')
        names.setdefault(rule.name, number)
        if rule.precedence is not None:
            if rule.precedence in ranks:
                yield Finding(
                    f"{path}.precedence",
                    f"rule {ranks[rule.precedence]} has the precedence {rule.precedence} too; which of them decides?",
                    "same-precedence",
                )
            ranks.setdefault(rule.precedence, number)
        yield from _rule(plan, path, rule)
    yield from _hidden(plan)


def _hidden(plan: Plan) -> Iterator[Finding]:
    """Rules that no signal comes to, because an earlier one has no condition that they do not have."""
    places = {id(rule): number for number, rule in enumerate(plan.rules, start=1)}
    # Each earlier rule stands under one of its conditions: whoever has not even that one need not be compared with it.
    earlier: dict[object, list[Rule]] = {}
    for rule in plan.ranked_rules():
        wanted = rule.when.items()
        before = (one for condition in (None, *wanted) for one in earlier.get(condition, ()))
        hiding = [places[id(one)] for one in before if one.when.items() <= wanted]
        if hiding:
            path = f"rules.{places[id(rule)]}.when"
            first = next(places[id(one)] for one in plan.ranked_rules() if places[id(one)] in hiding)
            yield Finding(path, f"no signal comes this far: rule {first} takes them all", "rule-hidden")
        if rule.measured is None:  # one that goes by a rate lets pass what no band holds
            earlier.setdefault(next(iter(wanted), None), []).append(rule)


def _rule(plan: Plan, path: str, rule: Rule) -> Iterator[Finding]:
    yield from unknown(f"{path}.type", "type", rule.type, plan.types)
    if [rule.severity, rule.band_of, rule.slowdown_of].count(None) != 2:
        message = "a rule has either a severity, or the label whose number decides it, in band_of or in slowdown_of"
        yield Finding(path, message)
    if rule.severity is not None:
        yield from unknown(f"{path}.severity", "severity", rule.severity, plan.severities)
    if rule.band_of is not None and not any(one.error_rate for one in plan.severities.values()):
        yield Finding(f"{path}.band_of", "no severity has a band of error rates")
    if rule.slowdown_of is not None and not any(one.slowdown for one in plan.severities.values()):
        yield Finding(f"{path}.slowdown_of", "no severity has a band of slowdowns")
    if rule.service is not None:
        yield from unknown(f"{path}.service", "service", rule.service, plan.services)
    yield from each(f"{path}.components", "component", rule.components, _components(plan, rule.service))
    for name, wanted in rule.when.items():
        yield from check_words.condition(f"{path}.when.{name}", wanted)


def _components(plan: Plan, service: str | None) -> list[str]:
    services = [one for key, one in plan.services.items() if service in (None, key)]
    return [component for one in services for component in one.components]


# --- What is told, and to whom ----------------------------------------------------------------------------------------


def _communication(plan: Plan) -> Iterator[Finding]:
    audiences = plan.communication.audiences
    for key, audience in audiences.items():
        yield from _audience(plan, f"communication.audiences.{key}", audience)
    for stage, template in plan.communication.stages.items():
        yield from unknown(f"communication.stages.{stage}", "template", template, plan.templates)
    for word in plan.communication.plain_words:
        yield from empty("communication.plain_words", word.strip(), "an empty word would be found nowhere")
    unworded = [stage for stage in Stage if stage not in plan.communication.stages]
    if unworded and any(audience.public for audience in audiences.values()):
        message = f"the public is told in stages; no template for {listed(unworded)}"
        yield Finding("communication.stages", message, "stage-without-words")


def _audience(plan: Plan, path: str, audience: Audience) -> Iterator[Finding]:
    yield from unknown(f"{path}.owner", "role", audience.owner, _owners(plan))
    yield from each(f"{path}.to", "person or team", audience.to, _groups(plan))
    for place, name in enumerate(audience.chats, start=1):
        if not check_measures.SECRET_NAME.fullmatch(name):
            said = "the name of a chat of the setting TOCSIN_CHATS: small letters, digits and dashes"
            yield Finding(f"{path}.chats.{place}", said)
    if audience.template is not None:
        yield from unknown(f"{path}.template", "template", audience.template, plan.templates)
    if audience.approved_by is not None:
        yield from unknown(f"{path}.approved_by", "role", audience.approved_by, plan.roles)
    for severity in audience.cadence:
        yield from unknown(f"{path}.cadence.{severity}", "severity", severity, plan.severities)
    if audience.public and audience.confidential:
        yield Finding(f"{path}.confidential", "what is confidential is never shown in public")
    if not audience.public and not audience.to:
        yield from nobody(path, None, "nobody would hear: name people or teams in `to`, or make it public")


def _templates(plan: Plan) -> Iterator[Finding]:
    known = {*KNOWN_FIELDS, *plan.roles}
    for key, template in plan.templates.items():
        for token in _FIELD.finditer(template):
            yield from _field(f"templates.{key}", token, known)


def _field(path: str, token: re.Match[str], known: Iterable[str]) -> Iterator[Finding]:
    if token[0] in ("{{", "}}"):
        return
    if token[1] is None:
        yield Finding(path, f"a {token[0]} stands alone; write {token[0] * 2} for a plain brace")
    else:
        yield from unknown(path, "field", token[1], known, "field-nothing-fills")


# --- What comes after -------------------------------------------------------------------------------------------------


def _review(plan: Plan) -> Iterator[Finding]:
    review = plan.review
    if review.owner is not None:
        yield from unknown("review.owner", "role", review.owner, _owners(plan))
    known = [*plan.roles, *_groups(plan), RESPONDERS]
    yield from each("review.attendees", "role, team or person", review.attendees, known)
    yield from nobody("review.attendees", review.attendees, "nobody would come")
    yield from empty("review.sections", review.sections, "a post-mortem without sections says nothing")
    for key, section in review.sections.items():
        if section.facts is not None:
            yield from unknown(f"review.sections.{key}.facts", "facts", section.facts, FACTS)
    yield from _agenda(plan)


def _agenda(plan: Plan) -> Iterator[Finding]:
    review = plan.review
    for number, topic in enumerate(review.agenda, start=1):
        if topic.minutes < 1:
            yield Finding(f"review.agenda.{number}.minutes", "at least 1 minute")
    planned = sum(topic.minutes for topic in review.agenda)
    if planned > review.minutes:
        yield Finding("review.agenda", f"the topics take {planned} min, and the meeting {review.minutes}")
    if not 1 <= review.minutes <= 24 * 60:
        yield Finding("review.minutes", "a meeting takes from 1 minute to a day")


def _history(plan: Plan) -> Iterator[Finding]:
    versions = [change.version for change in plan.history]
    if versions and plan.version not in versions:
        yield Finding("version", f"the history knows no version {plan.version}; it has {listed(versions)}")
