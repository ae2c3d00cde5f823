"""How bad an incident is, who is paged for it and who holds which role, in the printed plan."""

from collections.abc import Mapping

from tocsin.kit.text import listed, span
from tocsin.people.model import Urgency
from tocsin.plan import printing_rotas as rotas
from tocsin.plan.markdown import Blocks, bullets, code, heading, items, numbered, plain, statement, table
from tocsin.plan.model import EscalationPolicy, Need, Plan, Role, Severity, Step
from tocsin.plan.who import all_whom, whom

POST_MORTEM: Mapping[Need, str] = {
    Need.REQUIRED: "A post-mortem is required",
    Need.OPTIONAL: "A post-mortem is optional",
    Need.NONE: "Of post-mortems, none is asked for",
}


def severities(plan: Plan) -> Blocks:
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


def escalation(plan: Plan) -> Blocks:
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


def roles(plan: Plan) -> Blocks:
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


def people(plan: Plan) -> Blocks:
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
