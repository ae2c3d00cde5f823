"""The plan as a document: Markdown with nothing left out, derived from the very values that are run.

Each statement ends with its id, which is the path of the value in the plan file, such as
`severities.P1.acknowledge_within`; items of a list count from 1. An id stays as long as the path does. A value inside a
statement (a name in a heading, a cell of a row) is named by the id of that statement.
"""

from collections.abc import Iterable

from tocsin.kit.text import listed, span
from tocsin.plan import printing_paging as paging
from tocsin.plan import (
    printing_people,
    printing_public,
    printing_review,
    printing_senders,
    printing_services,
    printing_telling,
)
from tocsin.plan import printing_rotas as rotas
from tocsin.plan import printing_work as work
from tocsin.plan.markdown import Blocks, address, bullets, code, items, plain, statement, table
from tocsin.plan.model import Plan
from tocsin.plan.promises import Promise, looks, promises
from tocsin.plan.who import all_whom, owner


def document(plan: Plan, revision: str = "") -> str:
    """The whole plan as Markdown. The same plan gives the same text, to the letter."""
    blocks = [
        *_head(plan, revision),
        *_scope(plan),
        *printing_people.severities(plan),
        *printing_people.escalation(plan),
        *printing_people.roles(plan),
        *printing_people.people(plan),
        *rotas.rotations(plan),
        *work.phases(plan),
        *work.types(plan),
        *work.resolution(plan),
        *printing_services.services(plan),
        *printing_services.vendors(plan),
        *printing_senders.senders(plan),
        *printing_services.rules(plan),
        *printing_telling.communication(plan),
        *printing_telling.templates(plan),
        *printing_review.recovery(plan),
        *printing_review.review(plan),
        *work.metrics(plan),
        *printing_review.reminders(plan),
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
