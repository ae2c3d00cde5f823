"""The plan as a document: Markdown with nothing left out, derived from the very values that are run.

Each statement ends with its id, which is the path of the value in the plan file, such as
`severities.P1.acknowledge_within`; items of a list count from 1. An id stays as long as the path does. A value inside a
statement (a name in a heading, a cell of a row) is named by the id of that statement.
"""

from collections.abc import Iterable, Mapping

from tocsin.kit.text import listed, span
from tocsin.people.model import Urgency
from tocsin.plan import printing_paging as paging
from tocsin.plan import printing_public, printing_senders, printing_telling
from tocsin.plan import printing_rotas as rotas
from tocsin.plan import printing_watching as watching
from tocsin.plan import printing_work as work
from tocsin.plan.markdown import (
    Blocks,
    address,
    block,
    bullets,
    code,
    code_in_a_cell,
    heading,
    items,
    numbered,
    plain,
    statement,
    table,
)
from tocsin.plan.model import (
    Audience,
    Condition,
    EscalationPolicy,
    Need,
    Plan,
    Reminders,
    Role,
    Rule,
    Section,
    Service,
    Severity,
    Step,
)
from tocsin.plan.promises import Promise, looks, promises
from tocsin.plan.who import all_whom, key_and_name, owner, whom

CONDITIONS: Mapping[Condition, str] = {
    Condition.RECOVERED: "the watch after the fix has passed",
    Condition.FINAL_PUBLIC_UPDATE: "the public was told that it is resolved, if it was owed a word at all",
    Condition.REVIEW_SCHEDULED: "the post-mortem has a time, if the severity requires one",
    Condition.DUTIES_SETTLED: "nothing else is owed any more",
    Condition.RECOVERY_CONFIRMED: "people have confirmed everything that the plan lists",
    Condition.TICKET_COMPLETE: "the ticket has its impact and its root cause, as far as its template shows them",
    Condition.TEAM_THANKED: "whoever helped was thanked",
    Condition.RESOLUTION_NOTICE: "users were told how it ended, if the public was owed a word and there is a notice",
}
POST_MORTEM: Mapping[Need, str] = {
    Need.REQUIRED: "A post-mortem is required",
    Need.OPTIONAL: "A post-mortem is optional",
    Need.NONE: "Of post-mortems, none is asked for",
}


def document(plan: Plan, revision: str = "") -> str:
    """The whole plan as Markdown. The same plan gives the same text, to the letter."""
    blocks = [
        *_head(plan, revision),
        *_scope(plan),
        *_severities(plan),
        *_escalation(plan),
        *_roles(plan),
        *_people(plan),
        *rotas.rotations(plan),
        *work.phases(plan),
        *work.types(plan),
        *work.resolution(plan),
        *_services(plan),
        *_vendors(plan),
        *printing_senders.senders(plan),
        *_rules(plan),
        *_communication(plan),
        *_templates(plan),
        *_recovery(plan),
        *_review(plan),
        *work.metrics(plan),
        *_reminders(plan),
        *paging.pages(plan),
        *_owed(plan),
        *printing_public.page(plan),
        *_links(plan),
        *_history(plan),
    ]
    return "\n\n".join(blocks) + "\n"


# --- What it is for ---------------------------------------------------------------------------------------------------


def _head(plan: Plan, revision: str) -> Blocks:
    yield f"# Incident response plan: {plain(plan.name)} {code('name')}"
    yield (
        "Printed from the plan file that Tocsin runs. Each statement ends with its id, the path of the value in that "
        "file."
    )
    yield from bullets(
        [
            statement(f"Version {plain(plan.version)}", "version"),
            *([f"- Revision {code(revision)}"] if revision else []),
            statement(f"Format {plan.tocsin} of plan files", "tocsin"),
            *([statement(plain(plan.purpose), "purpose")] if plan.purpose else []),
        ]
    )


def _scope(plan: Plan) -> Blocks:
    if plan.scope or plan.declare_when:
        yield "## Scope"
        yield from items("What this plan is about", plan.scope, "scope")
        yield from items("To decide whether to declare an incident, ask", plan.declare_when, "declare_when")
    yield from items("Files that belong to this plan", plan.include, "include")


def _links(plan: Plan) -> Blocks:
    if plan.links:
        yield "## Related documents"
        yield from bullets(
            statement(f"{plain(name)}: {address(where)}", f"links.{name}") for name, where in plan.links.items()
        )


def _history(plan: Plan) -> Blocks:
    if plan.history:
        yield "## Revision history"
        rows = (
            (one.on.isoformat(), plain(one.version), plain(one.changes), code(f"history.{number}"))
            for number, one in enumerate(plan.history, start=1)
        )
        yield from table(("Day", "Version", "What was changed", "Id"), rows)


# --- How bad it is ----------------------------------------------------------------------------------------------------


def _severities(plan: Plan) -> Blocks:
    yield "## Severities"
    yield f"The worst first: {', '.join(code(key) for key in plan.severities)}."
    for key, severity in plan.severities.items():
        yield from _severity(plan, key, severity)


def _silence(severity: Severity, path: str) -> Blocks:
    if severity.silent_after is not None:
        text = f"Whoever acknowledged is paged again after {span(severity.silent_after)} without a word."
        yield statement(text, f"{path}.silent_after")
    if severity.snooze_most is not None:
        text = f"A responder snoozes it for {span(severity.snooze_most)} at the most."
        yield statement(text, f"{path}.snooze_most")


def _end(severity: Severity, path: str) -> Blocks:
    if severity.resolves_itself_after is not None:
        after = span(severity.resolves_itself_after)
        text = f"It resolves itself once all of its signals have cleared for {after} and nobody has taken it in hand."
        yield statement(text, f"{path}.resolves_itself_after")


def _severity(plan: Plan, key: str, severity: Severity) -> Blocks:
    path = f"severities.{key}"
    yield heading(3, f"{plain(key)}: {plain(severity.name)}", path)
    yield from bullets(
        [
            statement(plain(severity.definition), f"{path}.definition"),
            *([statement(plain(severity.response), f"{path}.response")] if severity.response else []),
            statement(f"Acknowledge within {span(severity.acknowledge_within)}.", f"{path}.acknowledge_within"),
            statement(f"Resolve within {span(severity.resolve_within)}.", f"{path}.resolve_within"),
            *_silence(severity, path),
            *_end(severity, path),
            *(
                statement(f"{whom(plan, role)} is named within {span(within)}.", f"{path}.roles_within.{role}")
                for role, within in severity.roles_within.items()
            ),
            statement(_paging(severity), f"{path}.escalation"),
            statement(_urgency(plan, key), f"{path}.urgency"),
            statement(f"{POST_MORTEM[severity.post_mortem]}.", f"{path}.post_mortem"),
            statement(f"In public it counts as {code(severity.public_impact)}.", f"{path}.public_impact"),
            *(
                [statement(f"Holds error rates {severity.error_rate}.", f"{path}.error_rate")]
                if severity.error_rate
                else []
            ),
            *(
                [statement(f"Holds what is slower than usual: {severity.slowdown}.", f"{path}.slowdown")]
                if severity.slowdown
                else []
            ),
        ]
    )
    yield from items("What it demands", severity.requires, f"{path}.requires")
    yield from items("Examples", severity.examples, f"{path}.examples")


def _urgency(plan: Plan, key: str) -> str:
    if plan.urgency(key) is Urgency.HIGH:
        return f"Pages are of {code('high')} urgency: nobody's quiet hours hold them."
    return f"Pages are of {code('low')} urgency: they wait for the end of a person's quiet hours."


def _paging(severity: Severity) -> str:
    if severity.escalation is None:
        return "Nobody is paged."
    return f"People are paged by the escalation policy {code(severity.escalation)}."


# --- Who, and how they are reached ------------------------------------------------------------------------------------


def _escalation(plan: Plan) -> Blocks:
    if plan.escalation:
        yield "## Who is paged, and in which order"
    for key, policy in plan.escalation.items():
        yield from _policy(plan, key, policy)


def _policy(plan: Plan, key: str, policy: EscalationPolicy) -> Blocks:
    path = f"escalation.{key}"
    yield heading(3, f"Escalation policy {plain(key)}", path)
    levels = [code(name) for name, severity in plan.severities.items() if severity.escalation == key]
    yield f"Used at {listed(levels)}." if levels else "No severity uses it."
    yield from numbered((_step(plan, step) for step in policy.steps), f"{path}.steps")
    yield from bullets([statement(_rounds(policy.rounds), f"{path}.rounds")])


def _step(plan: Plan, step: Step) -> str:
    return f"Page {all_whom(plan, step.page)}, and wait {span(step.wait)} for an answer."


def _rounds(rounds: int | None) -> str:
    if rounds is None:
        return "After the last step the first comes again, until somebody acknowledges."
    return f"All steps are gone through {rounds} {'time' if rounds == 1 else 'times'}, then paging ends."


def _roles(plan: Plan) -> Blocks:
    if plan.roles:
        yield "## Roles"
    for key, role in plan.roles.items():
        yield from _role(plan, key, role)


def _role(plan: Plan, key: str, role: Role) -> Blocks:
    path = f"roles.{key}"
    yield heading(3, plain(role.name), path)
    yield from bullets(
        [
            statement(f"{plain(role.purpose)}", f"{path}.purpose"),
            statement(f"May be held by {all_whom(plan, role.eligible)}.", f"{path}.eligible"),
            *([statement(f"Falls to {whom(plan, role.rotation)}.", f"{path}.rotation")] if role.rotation else []),
            *([statement(_fallback(plan, role), f"{path}.fallback")] if role.fallback else []),
        ]
    )
    yield from items("Duties", role.duties, f"{path}.duties")


def _fallback(plan: Plan, role: Role) -> str:
    return f"If nobody of those can be reached: {all_whom(plan, role.fallback)}."


def _people(plan: Plan) -> Blocks:
    yield "## People and teams"
    yield from table(
        ("Handle", "Name", "Title", "Id"),
        ((code(key), plain(one.name), plain(one.title), code(f"people.{key}")) for key, one in plan.people.items()),
    )
    yield from bullets(
        line
        for key, team in plan.teams.items()
        for line in (
            statement(f"Team {plain(team.name)}: {all_whom(plan, team.members)}", f"teams.{key}"),
            *([statement(f"Led by {all_whom(plan, team.leads)}.", f"teams.{key}.leads")] if team.leads else []),
            *rotas.served_by(plan, f"teams.{key}", team.rotation),
        )
    )


# --- Services, and what signals mean ----------------------------------------------------------------------------------


def _services(plan: Plan) -> Blocks:
    if plan.services:
        yield "## Services"
    for key, service in plan.services.items():
        yield from _service(plan, key, service)


def _service(plan: Plan, key: str, service: Service) -> Blocks:
    path = f"services.{key}"
    yield heading(3, plain(service.name), path)
    yield from bullets([statement(plain(service.description), f"{path}.description")] if service.description else [])
    yield from bullets(
        [
            *([statement(f"Used by {service.users} people on a usual day.", f"{path}.users")] if service.users else []),
            *(
                [statement(f"Depends on {_needs(service.depends_on)}.", f"{path}.depends_on")]
                if service.depends_on
                else []
            ),
        ]
    )
    yield from bullets(rotas.served_by(plan, path, service.rotation, service.team))
    who = f"Its confidential incidents are also read by {all_whom(plan, service.readers)}."
    yield from bullets([statement(who, f"{path}.readers")] if service.readers else [])
    yield from table(
        ("Component", "What it does", "Depends on", "Id"),
        (
            (plain(one.name), plain(one.description), _needs(one.depends_on), code(f"{path}.components.{name}"))
            for name, one in service.components.items()
        ),
    )
    yield from watching.watched(path, service)


def _needs(names: Iterable[str]) -> str:
    return listed(code(name) for name in names)


def _vendors(plan: Plan) -> Blocks:
    if plan.vendors:
        yield "## Vendors"
    for key, vendor in plan.vendors.items():
        path = f"vendors.{key}"
        yield heading(3, key_and_name(key, vendor.name), path)
        yield from bullets(
            [
                *([statement(plain(vendor.description), f"{path}.description")] if vendor.description else []),
                *(
                    [statement(f"Status: {address(vendor.status_page)}", f"{path}.status_page")]
                    if vendor.status_page
                    else []
                ),
                *(
                    [statement(f"Looked at every {span(vendor.look_every)}.", f"{path}.look_every")]
                    if vendor.look_every
                    else []
                ),
                *([statement(f"Support: {plain(vendor.support)}", f"{path}.support")] if vendor.support else []),
            ]
        )
        yield from watching.probes(path, vendor.probes)


def _rules(plan: Plan) -> Blocks:
    if plan.rules:
        yield "## What signals mean"
        yield "The first rule whose conditions all hold decides. A signal that fits none waits for a person."
    numbers = {id(rule): number for number, rule in enumerate(plan.rules, start=1)}
    yield from table(
        ("Precedence", "Rule", "When", "Severity", "Type", "Service", "Components", "Title", "Id"),
        (_rule(numbers[id(rule)], rule) for rule in plan.ranked_rules()),
    )


def _rule(number: int, rule: Rule) -> tuple[str, ...]:
    return (
        "as it stands" if rule.precedence is None else str(rule.precedence),
        plain(rule.name),
        _conditions(rule) or "always",
        plain(rule.severity) if rule.severity else _measured(rule),
        plain(rule.type),
        plain(rule.service) if rule.service else "the one that the signal names",
        ", ".join(plain(one) for one in rule.components),
        plain(rule.title) if rule.title else "that of the signal",
        code(f"rules.{number}"),
    )


def _measured(rule: Rule) -> str:
    what = "error rate" if rule.band_of else "slowdown"
    return f"by the {what} in {code_in_a_cell(rule.measured or '')}"


def _conditions(rule: Rule) -> str:
    return listed(
        f"{code_in_a_cell(name)} is {listed((code_in_a_cell(word) for word in _alternatives(wanted)), 'or')}"
        for name, wanted in rule.when.items()
    )


def _alternatives(wanted: tuple[str, ...] | str) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


# --- What is told, and to whom ----------------------------------------------------------------------------------------


def _communication(plan: Plan) -> Blocks:
    yield "## Communication"
    yield from work.channels(plan)
    for key, audience in plan.communication.audiences.items():
        yield from _audience(plan, key, audience)
    yield from printing_telling.outside(plan)
    if plan.communication.stages:
        yield "**What the public is told, by stage**"
        yield from bullets(
            statement(f"At the stage {stage}: the template {code(template)}", f"communication.stages.{stage}")
            for stage, template in plan.communication.stages.items()
        )
    if plan.communication.subscribe_by:
        yield "**By which ways whoever subscribes to the status page is told**"
        yield from bullets(
            statement(code(way), f"communication.subscribe_by.{place}")
            for place, way in enumerate(plan.communication.subscribe_by, start=1)
        )


def _audience(plan: Plan, key: str, audience: Audience) -> Blocks:
    path = f"communication.audiences.{key}"
    yield heading(3, plain(audience.name), path)
    yield from bullets(
        [
            statement(f"Told by {owner(plan, audience.owner)}.", f"{path}.owner"),
            statement(_readers(audience), f"{path}.public"),
            statement(_of_what_is_confidential(audience), f"{path}.confidential"),
            *([statement(f"Sent to {all_whom(plan, audience.to)}.", f"{path}.to")] if audience.to else []),
            *(
                statement(f"Posted in the chat {code(name)}.", f"{path}.chats.{place}")
                for place, name in enumerate(audience.chats, start=1)
            ),
            *([] if audience.public and not audience.template else [statement(_wording(audience), f"{path}.template")]),
            *([statement(f"Keeps clause {plain(audience.clause)}.", f"{path}.clause")] if audience.clause else []),
            *printing_telling.approval(plan, audience, path),
            *(
                statement(
                    f"At {plain(level)}: a first update within {span(pace.first_within)} of the declaration, then one "
                    f"at least every {span(pace.every)} until it is resolved, and a last one.",
                    f"{path}.cadence.{level}",
                )
                for level, pace in audience.cadence.items()
            ),
        ]
    )
    yield from items("To be kept in mind", audience.guidance, f"{path}.guidance")
    if not audience.cadence:
        yield "Nothing is owed to them by the clock."


def _of_what_is_confidential(audience: Audience) -> str:
    if audience.confidential:
        return "Also told of what is confidential, as far as its people may read it."
    return "Not told of what is confidential."


def _readers(audience: Audience) -> str:
    return "Reads the public status page." if audience.public else "Is not public: updates go to people by name."


def _wording(audience: Audience) -> str:
    return f"In the words of the template {code(audience.template)}." if audience.template else "In free words."


def _templates(plan: Plan) -> Blocks:
    if plan.templates:
        yield "## Templates"
        yield "What stands between braces is filled in when the update is written."
    for key, template in plan.templates.items():
        yield heading(3, plain(key), f"templates.{key}")
        yield block(template)


# --- What comes after -------------------------------------------------------------------------------------------------


def _recovery(plan: Plan) -> Blocks:
    recovery = plan.recovery
    yield "## Recovery and closing"
    yield from bullets(
        [
            statement(f"To be resolved by {owner(plan, recovery.owner)}.", "recovery.owner"),
            statement(f"After the fix the service is watched for {span(recovery.watch_for)}.", "recovery.watch_for"),
            *(
                [statement(f"Users are told how it ended by {code(recovery.notice)}.", "recovery.notice")]
                if recovery.notice
                else []
            ),
        ]
    )
    if recovery.confirm:
        yield "**Then people confirm**"
        yield from bullets(statement(plain(text), f"recovery.confirm.{key}") for key, text in recovery.confirm.items())
    if not recovery.close_requires:
        yield "Nothing is required before an incident is closed."
        return
    yield "**Before an incident is closed**"
    yield from bullets(
        statement(f"{code(one)}: {CONDITIONS[one]}", f"recovery.close_requires.{number}")
        for number, one in enumerate(recovery.close_requires, start=1)
    )


def _review(plan: Plan) -> Blocks:
    review = plan.review
    yield "## Post-mortem"
    yield from bullets(
        [
            statement(f"Led by {owner(plan, review.owner)}.", "review.owner"),
            statement(f"Held within {span(review.meeting_within)} of the resolution.", "review.meeting_within"),
            statement(f"The meeting takes {review.minutes} minutes.", "review.minutes"),
            statement(f"Invited: {all_whom(plan, review.attendees)}", "review.attendees"),
        ]
    )
    yield from _agenda(plan)
    yield "**The document**"
    rows = (_section(key, one) for key, one in review.sections.items())
    yield from table(("Part", "Section", "What is asked", "Filled in from the record", "Needed", "Id"), rows)
    yield from _horizons(plan)


def _reminders(plan: Plan) -> Blocks:
    if plan.reminders == Reminders():
        return
    yield "## Reminders"
    ahead = [
        statement(f"{code(kind)}: its owner is reminded {span(before)} before it is due.", f"reminders.before.{kind}")
        for kind, before in plan.reminders.before.items()
    ]
    lead = plan.reminders.overdue_to
    told = f"What is overdue is told to {owner(plan, lead)}, or to whoever could hold that role."
    yield from bullets([*ahead, *([statement(told, "reminders.overdue_to")] if lead else [])])


def _agenda(plan: Plan) -> Blocks:
    if plan.review.agenda:
        yield "**Agenda**"
        topics = (f"{plain(one.topic)} ({one.minutes} min)" for one in plan.review.agenda)
        yield from numbered(topics, "review.agenda")


def _section(key: str, section: Section) -> tuple[str, ...]:
    return (
        plain(section.part),
        plain(section.title),
        plain(section.prompt) if section.prompt else "nothing",
        code(section.facts) if section.facts else "nothing",
        "required" if section.required else "may stay empty",
        code(f"review.sections.{key}"),
    )


def _horizons(plan: Plan) -> Blocks:
    if plan.review.horizons:
        yield "### When action items are done"
    for key, horizon in plan.review.horizons.items():
        path = f"review.horizons.{key}"
        yield heading(4, plain(horizon.name), path)
        yield from bullets([statement(f"Done within {span(horizon.within)}.", f"{path}.within")])
        yield from items("Such as", horizon.examples, f"{path}.examples")


# --- Everything that is owed ------------------------------------------------------------------------------------------


def _owed(plan: Plan) -> Blocks:
    yield "## Everything that is owed"
    yield (
        "Tocsin opens each of these as an obligation with a due time, and records how it ended. What counts from the "
        "declaration counts anew when the severity is raised or the incident is reopened. Public updates are not owed "
        "for types that are never shown in public."
    )
    for severity in plan.severities:
        yield f"### Owed at {plain(severity)}"
        yield from _promised(plan, promises(plan, severity))
    if watched := looks(plan):
        yield "### Owed at all times"
        yield from _promised(plan, watched)
    if plan.clauses:
        yield "### Clauses of the written plan"
        yield from bullets(
            statement(f"The obligation {code(kind)} keeps clause {plain(clause)}.", f"clauses.{kind}")
            for kind, clause in plan.clauses.items()
        )


def _promised(plan: Plan, rows: Iterable[Promise]) -> Blocks:
    yield from table(("Kind", "What", "Who", "By when", "Clause", "Id"), (_promise(plan, one) for one in rows))


def _promise(plan: Plan, one: Promise) -> tuple[str, ...]:
    answers = one.kind in ("answer", "look")
    who = all_whom(plan, one.owners) if answers else listed(owner(plan, role) for role in one.owners)
    by_when = f"{span(one.within)} from {one.since}"
    return code(one.kind), plain(one.what), who, by_when, plain(one.clause), code(one.path)
