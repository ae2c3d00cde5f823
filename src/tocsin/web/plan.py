"""The plan in force, to read: what was agreed, by level, role, phase, type and audience."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from tocsin.incidents import words
from tocsin.kit.text import listed, span
from tocsin.obligations.model import Kind
from tocsin.people import access
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Audience, Phase, Plan, Rule
from tocsin.plan.store import Revision
from tocsin.web import findings, present
from tocsin.web.forms import AnyRequest
from tocsin.web.frame import SignedIn, page
from tocsin.web.oncall import Policy, policies, target_name


@dataclass(frozen=True)
class Level:
    severity: present.Severity
    definition: str
    examples: tuple[str, ...]
    response: str
    acknowledge: str
    resolve: str
    roles: str
    pages: str
    post_mortem: str


@dataclass(frozen=True)
class Part:
    """Something of the plan with a name, a sentence and points."""

    name: str
    text: str
    points: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Told:
    name: str
    owner: str
    to: str
    clause: str
    cadence: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ruling:
    name: str
    when: str
    then: str


@dataclass(frozen=True)
class RevisionLine:
    id: str
    version: str
    by: str
    at: str
    reason: str
    is_current: bool
    is_shown: bool


@dataclass(frozen=True)
class Document:
    name: str
    version: str
    purpose: str
    scope: tuple[str, ...]
    levels: tuple[Level, ...]
    roles: tuple[Part, ...]
    phases: tuple[Part, ...]
    types: tuple[Part, ...]
    audiences: tuple[Told, ...]
    policies: tuple[Policy, ...]
    rules: tuple[Ruling, ...]
    recovery: tuple[str, ...]
    review: Part
    history: tuple[tuple[str, str, str], ...]
    clauses: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]


def document(plan: Plan) -> Document:
    return Document(
        name=plan.name,
        version=plan.version,
        purpose=plan.purpose,
        scope=plan.scope,
        levels=tuple(_level(plan, level) for level in plan.severities),
        roles=tuple(
            Part(
                one.name, one.purpose, one.duties, f"Eligible: {listed(target_name(plan, who) for who in one.eligible)}"
            )
            for one in plan.roles.values()
        ),
        phases=tuple(Part(one.name, _phase_text(one), one.lines) for one in plan.phases.values()),
        types=tuple(
            Part(
                one.name,
                "; ".join(one.symptoms),
                tuple(action.line for action in one.actions),
                "Never shown in public" if one.private else "",
            )
            for one in plan.types.values()
        ),
        audiences=tuple(_told(plan, one) for one in plan.communication.audiences.values()),
        policies=policies(plan),
        rules=tuple(_ruling(plan, rule) for rule in plan.ranked_rules()),
        recovery=_recovery(plan),
        review=_review(plan),
        history=tuple((one.on.isoformat(), one.version, one.changes) for one in plan.history),
        clauses=tuple(
            (Kind(kind).capitalize() if kind in list(Kind) else kind, no) for kind, no in plan.clauses.items()
        ),
        links=tuple(plan.links.items()),
    )


def _level(plan: Plan, level: str) -> Level:
    one = plan.severities[level]
    roles = [f"{plan.roles[role].name.lower()} within {span(within)}" for role, within in one.roles_within.items()]
    return Level(
        severity=present.severity(plan, level),
        definition=one.definition,
        examples=one.examples,
        response=one.response,
        acknowledge=span(one.acknowledge_within),
        resolve=span(one.resolve_within),
        roles=listed(roles).capitalize(),
        pages=words.spaced(one.escalation).capitalize() if one.escalation else "nobody",
        post_mortem=one.post_mortem,
    )


def _phase_text(phase: Phase) -> str:
    ends = f", within {span(phase.within)}" if phase.within else ""
    return f"Begins when {phase.begins_when}{ends}"


def _told(plan: Plan, audience: Audience) -> Told:
    people = present.names(plan, plan.members(audience.to))
    cadence = tuple(
        (level, f"first within {span(one.first_within)}, then every {span(one.every)}")
        for level, one in audience.cadence.items()
    )
    return Told(
        name=audience.name,
        owner=words.role_name(plan, audience.owner),
        to="everyone, on the status page" if audience.public else people,
        clause=audience.clause,
        cadence=cadence,
    )


def _ruling(plan: Plan, rule: Rule) -> Ruling:
    conditions = [
        f"{name} is {wanted if isinstance(wanted, str) else listed(wanted, 'or')}" for name, wanted in rule.when.items()
    ]
    return Ruling(rule.name, " and ".join(conditions), f"{rule.declares}, {words.type_name(plan, rule.type).lower()}")


_CONDITIONS = {
    "recovered": "the watch after the fix has passed",
    "final_public_update": "the final public update is posted",
    "review_scheduled": "the post-mortem is scheduled, where one is required",
    "duties_settled": "nothing is owed any more",
    "recovery_confirmed": "the recovery is confirmed",
    "ticket_complete": "the ticket is complete",
    "team_thanked": "the team is thanked",
    "resolution_notice": "users are told how it ended",
}


def _recovery(plan: Plan) -> tuple[str, ...]:
    watch = f"The service is watched for {span(plan.recovery.watch_for)} after the fix."
    wanted = listed(_CONDITIONS[one] for one in plan.recovery.close_requires)
    return (watch, f"An incident is closed once {wanted}.") if wanted else (watch,)


def _review(plan: Plan) -> Part:
    review = plan.review
    text = f"Held within {span(review.meeting_within)} of the fix, {review.minutes} min."
    points = tuple(f"{one.topic}, {one.minutes} min" for one in review.agenda)
    required = [one.title for one in review.sections.values() if one.required]
    return Part("Post-mortem", text, points, f"Required sections: {listed(required)}.")


def _revision(one: Revision, current: str, shown: str, now: datetime) -> RevisionLine:
    return RevisionLine(
        one.id,
        one.version,
        one.applied_by,
        present.moment(one.applied_at, now),
        one.reason,
        one.id == current,
        one.id == shown,
    )


@get("/plan", sync_to_thread=True)
def show_plan(request: AnyRequest, visitor: SignedIn, revision: FromQuery[str] = "") -> Template:
    access.require(visitor.actor, access.PLAN_READ)
    with visitor.app.database.read(visitor.actor) as tx:
        current, known = plans.current_id(tx), plans.revisions(tx)
        wanted = revision or current
        plan = plans.load(tx, wanted)
        text = next(one.text for one in known if one.id == wanted)
        return page(
            request,
            visitor,
            tx,
            "plan.html",
            title="Plan",
            here="/plan",
            plan=document(plan),
            found=findings.found(plan_commands.examine(tx, text)),
            text=text,
            shown=wanted,
            is_current=wanted == current,
            may_change=visitor.actor.may(access.PLAN_WRITE),
            revisions=[_revision(one, current, wanted, tx.now) for one in known],
        )


def routes() -> list[Any]:
    return [show_plan]
