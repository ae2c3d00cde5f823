"""What the plan promises at each severity, before anything has happened: who owes what, how soon, counted from when.

`incidents.owed` derives the same for an incident that there is; the tests hold the two against each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from tocsin.kit.text import span
from tocsin.plan.model import ON_CALL, Need, Plan


class Since(StrEnum):
    """What a span is counted from."""

    DECLARATION = "the declaration"
    PAGE = "the page"
    UPDATE = "the last update"
    RESOLUTION = "the resolution"
    LOOK = "the last look"


@dataclass(frozen=True, kw_only=True)
class Promise:
    """An obligation that will be opened. `path` is the place in the plan that says so."""

    kind: str
    key: str
    what: str
    owners: tuple[str, ...]  # a role, `on_call`, or the targets of a page
    within: timedelta
    since: Since
    clause: str
    path: str


def promises(plan: Plan, severity: str) -> list[Promise]:
    """Everything that an incident of this severity will owe, in the order in which it comes up."""
    return [
        _acknowledgement(plan, severity),
        *_answers(plan, severity),
        *_roles(plan, severity),
        *_updates(plan, severity),
        _resolution(plan, severity),
        _watch(plan),
        *_review(plan, severity),
    ]


def looks(plan: Plan) -> list[Promise]:
    """How often we look at each address, whether there is an incident or not."""
    services = [
        _look(f"{key}/{name}", f"Look at {service.name}, {name}", probe.every, f"services.{key}.probes.{name}")
        for key, service in plan.services.items()
        for name, probe in service.probes.items()
    ]
    measures = [
        _look(f"{key}/{name}", f"Measure {name} of {service.name}", one.every, f"services.{key}.measures.{name}")
        for key, service in plan.services.items()
        for name, one in service.measures.items()
    ]
    vendors = [
        _look(f"{key}/{name}", f"Look at {vendor.name}, {name}", probe.every, f"vendors.{key}.probes.{name}")
        for key, vendor in plan.vendors.items()
        for name, probe in vendor.probes.items()
    ] + [
        _look(f"{key}/status_page", f"Read the status page of {one.name}", one.look_every, f"vendors.{key}.look_every")
        for key, one in plan.vendors.items()
        if one.look_every
    ]
    logs = [
        _look(f"{key}/{name}", f"Read the log {name} of {service.name}", one.every, f"services.{key}.logs.{name}")
        for key, service in plan.services.items()
        for name, one in service.logs.items()
    ]
    journeys = [
        _look(f"{key}/{name}", f"Walk {name} of {service.name}", one.every, f"services.{key}.journeys.{name}")
        for key, service in plan.services.items()
        for name, one in service.journeys.items()
    ]
    return services + measures + logs + journeys + vendors


def _look(name: str, what: str, every: timedelta, path: str) -> Promise:
    key = f"look:{name}"
    return Promise(
        kind="look", key=key, what=what, owners=("tocsin",), within=every, since=Since.LOOK, clause="", path=path
    )


def _acknowledgement(plan: Plan, severity: str) -> Promise:
    return Promise(
        kind="acknowledge",
        key="acknowledge",
        what="Acknowledge the incident",
        owners=(ON_CALL,),
        within=plan.severities[severity].acknowledge_within,
        since=Since.DECLARATION,
        clause=plan.clauses.get("acknowledge", ""),
        path=f"severities.{severity}.acknowledge_within",
    )


def _answers(plan: Plan, severity: str) -> Iterator[Promise]:
    policy = plan.severities[severity].escalation
    if policy is None:
        return
    for number, step in enumerate(plan.escalation[policy].steps, start=1):
        yield Promise(
            kind="answer",
            key=f"answer:{number - 1}",
            what=f"Answer the page of step {number}",
            owners=step.page,
            within=step.wait,
            since=Since.PAGE,
            clause="",
            path=f"escalation.{policy}.steps.{number}",
        )


def _roles(plan: Plan, severity: str) -> Iterator[Promise]:
    for role, within in plan.severities[severity].roles_within.items():
        yield Promise(
            kind="role",
            key=f"role:{role}",
            what=f"Name the {plan.roles[role].name.lower()}",
            owners=(ON_CALL,),
            within=within,
            since=Since.DECLARATION,
            clause=plan.clauses.get("role", ""),
            path=f"severities.{severity}.roles_within.{role}",
        )


def _updates(plan: Plan, severity: str) -> Iterator[Promise]:
    for key, audience in plan.communication.audiences.items():
        pace = audience.cadence.get(severity)
        if pace is None:
            continue
        for what, within, since in (
            ("first update", pace.first_within, Since.DECLARATION),
            ("each further update", pace.every, Since.UPDATE),
            ("say that it is resolved", pace.every, Since.RESOLUTION),
        ):
            yield Promise(
                kind="update",
                key=f"update:{key}",
                what=f"{audience.name}: {what}",
                owners=(audience.owner,),
                within=within,
                since=since,
                clause=audience.clause,
                path=f"communication.audiences.{key}.cadence.{severity}",
            )


def _resolution(plan: Plan, severity: str) -> Promise:
    return Promise(
        kind="resolve",
        key="resolve",
        what="Resolve the incident",
        owners=(plan.recovery.owner or ON_CALL,),
        within=plan.severities[severity].resolve_within,
        since=Since.DECLARATION,
        clause=plan.clauses.get("resolve", ""),
        path=f"severities.{severity}.resolve_within",
    )


def _watch(plan: Plan) -> Promise:
    return Promise(
        kind="watch",
        key="watch",
        what=f"Watch for {span(plan.recovery.watch_for)} without a regression",
        owners=(ON_CALL,),
        within=plan.recovery.watch_for,
        since=Since.RESOLUTION,
        clause=plan.clauses.get("watch", ""),
        path="recovery.watch_for",
    )


def _review(plan: Plan, severity: str) -> Iterator[Promise]:
    if plan.severities[severity].post_mortem is Need.REQUIRED:
        yield Promise(
            kind="review",
            key="review",
            what="Hold the post-mortem",
            owners=(plan.review.owner or ON_CALL,),
            within=plan.review.meeting_within,
            since=Since.RESOLUTION,
            clause=plan.clauses.get("review", ""),
            path="review.meeting_within",
        )
