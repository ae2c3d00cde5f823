"""How each clause of the plan is kept, over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.incidents import instant
from tocsin.api.schema import Name
from tocsin.insights import coverage as covering
from tocsin.insights import report
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.response import beating
from tocsin.watch.heartbeats import Run


class LastUse(Struct):
    """`outcome` is how the obligation ended; null for what is no obligation."""

    at: datetime
    incident_id: str
    number: int
    title: str
    outcome: Literal["kept", "late", "missed", "waived", "open"] | None


class Counts(Struct):
    """Obligations of the clause that were opened since then, by how they stand."""

    kept: int
    late: int
    missed: int
    waived: int
    open: int
    void: int


class CoveredClause(Struct):
    """`number` is that of the clause in the written plan, if the plan gives one."""

    id: str
    text: str
    section: str
    number: str | None
    how: Literal["enforced", "timed", "guided", "only written"]
    use: Literal["used", "never exercised", "no trace is kept"]
    last: LastUse | None
    obligations: Counts


class CoverageSummary(Struct):
    clauses: int
    enforced: int
    timed: int
    guided: int
    only_written: int
    never_exercised: int
    text: str


class PlanCoverage(Struct):
    """`complete` says whether every incident was read; `aside` counts obligations of clauses that the plan lost."""

    plan: str
    revision: str
    since: datetime
    until: datetime
    incidents: int
    complete: bool
    aside: int
    summary: CoverageSummary
    clauses: list[CoveredClause]


Sort = Annotated[
    Literal["missed", "late", "used"] | None,
    QueryParameter(required=False, description="By what was missed or late most, or used last; else as printed."),
]
Only = Annotated[
    Literal["enforced", "timed", "guided", "written", "never", "missed"] | None,
    QueryParameter(required=False, description="Clauses of one kind, never exercised, or missed or late at all."),
]
WRITE = needs(access.PLAN_WRITE)
Since = Annotated[
    str | None,
    QueryParameter(required=False, description="From when obligations are counted; 90 days ago if left out."),
]


def handlers() -> list[HTTPRouteHandler]:
    return [show_coverage, list_heartbeats, replace_address]


class JobRun(Struct):
    """As far as the job said so: `began_at` is null without a start, and `ended_at` until it ends.

    A run is `overdue` when it did not end in time, and `lost` when the next began before its end. `said` is the end of
    what it wrote, without what looks like a secret.
    """

    id: str
    state: Literal["running", "well", "failed", "overdue", "lost"]
    began_at: datetime | None
    ended_at: datetime | None
    took_seconds: float | None
    status: int | None
    said: str


class Heartbeat(Struct):
    """`address` is secret: who has it can speak for the job. `state` is `waiting` until it was heard of.

    `runs` are the last 20, the newest first; `runs_within` is empty where the plan sets them no limit of their own.
    """

    name: str
    address: str
    every: str
    grace: str
    state: Literal["waiting", "healthy", "failed", "silent"]
    said: str
    heard_at: datetime | None
    due_at: datetime | None
    runs_within: str
    runs: list[JobRun]


class Heartbeats(Struct):
    heartbeats: list[Heartbeat]


@get("/plan/heartbeats", summary="The signs of life of the plan in force, with their secret addresses", **WRITE)
def list_heartbeats(request: Call) -> Heartbeats:
    return _heartbeats(request)


def _heartbeats(request: Call) -> Heartbeats:
    with app_of(request).database.read(request.auth) as tx:
        found = beating.shown(tx)
    return Heartbeats([_heartbeat(one) for one in found])


def _heartbeat(one: beating.Shown) -> Heartbeat:
    told = {field: getattr(one, field) for field in Heartbeat.__struct_fields__}
    return msgspec.convert({**told, "runs": [_run(run) for run in one.runs]}, Heartbeat)


def _run(run: Run) -> JobRun:
    took = run.took.total_seconds() if run.took is not None else None
    told = {
        "took_seconds": took,
        **{name: getattr(run, name) for name in JobRun.__struct_fields__ if name != "took_seconds"},
    }
    return msgspec.convert(told, JobRun)


@get(
    "/plan/coverage",
    summary="How each clause of the plan in force is kept, by the record",
    **needs(access.PLAN_READ, 400, 409),
)
def show_coverage(request: Call, since: Since = None, sort: Sort = None, only: Only = None) -> PlanCoverage:
    access.require(request.auth, access.INCIDENT_READ)
    with app_of(request).database.read(request.auth) as tx:
        begin = instant(since, "since") or tx.now - report.COVERED
        if begin >= tx.now:
            raise Invalid("'since' lies in the future.", field="since")
        found = report.coverage(tx, begin)
    rows = covering.ordered(covering.chosen(found.clauses, only or ""), sort or "")
    return msgspec.convert(covering.as_json(found, rows), PlanCoverage)


class Renewed(Struct, forbid_unknown_fields=True):
    """`name` is as `GET /plan/heartbeats` shows it, such as `rose/backup`."""

    name: Name


@post(
    "/plan/heartbeats/replace-address",
    status_code=200,
    summary="Give a heartbeat another secret address; the one before is good for nothing any more",
    **needs(access.PLAN_WRITE, 400, 404),
)
def replace_address(request: Call, data: JSONBody[Renewed]) -> Heartbeats:
    act(request, lambda tx: beating.replace_address(tx, data.name))
    return _heartbeats(request)
