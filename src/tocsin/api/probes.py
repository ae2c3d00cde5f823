"""All that Tocsin looks at by itself over HTTP: how each stands, and what was measured of it."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from tocsin.api import cursors
from tocsin.api.caller import Call, app_of, needs
from tocsin.api.incidents import Cursor, Limit
from tocsin.people import access
from tocsin.response import watching
from tocsin.response.watching import Health, Sort, Watched
from tocsin.watch.metering import Sample
from tocsin.watch.outcomes import Kind

READ = needs(access.INCIDENT_READ, 400)
READ_ONE = needs(access.INCIDENT_READ, 400, 404)

InHealth = Annotated[Health | None, QueryParameter(name="health", required=False, description="How they stand.")]
OfSort = Annotated[Sort | None, QueryParameter(required=False, description="What is looked at.")]
OfService = Annotated[str | None, QueryParameter(required=False, description="Of this service or vendor of the plan.")]


class Seen(Struct):
    """The last look. `measured` are the labels under which a rule can ask for what was measured."""

    outcome: Kind
    reason: str
    components: list[str]
    states: dict[str, str]
    latency_seconds: float
    path: str
    measured: dict[str, str]


class AgreedOn(Struct):
    """What enough looks agreed on, which is what the signal says."""

    outcome: Kind
    components: list[str]


class Probe(Struct):
    """`name` is that of the service or the vendor, and its own: `rose/health`. `looks` in a row saw the same, `since`
    the first of them. Nothing is `seen` before the first look."""

    name: str
    sort: Sort
    service: str
    health: Health
    every_seconds: float
    looked_at: datetime | None
    due_at: datetime | None
    seen: Seen | None
    agreed: AgreedOn | None
    looks: int
    since: datetime | None


class Probes(Struct):
    probes: list[Probe]
    next: str | None


class Looks(Struct):
    """The looks of a minute, or of the quarter of an hour into which they are gathered later. Of `timed` of them the
    mean and the highest are known; `failed` of `counted` looks, or of the requests that a measure counts, failed. What
    is usual is learned from those in which nothing was wrong."""

    at: datetime
    seconds: int
    timed: int
    mean: float | None
    highest: float | None
    failed: float
    counted: float
    is_usual: bool


class LooksOfProbe(Struct):
    """`unit` is that of the mean and the highest: seconds, or what a measure is measured in."""

    name: str
    unit: str
    looks: list[Looks]
    next: str | None


class OneProbe(Probe):
    """The same with the id of its signal, if there was ever trouble to tell of."""

    signal_id: str | None


def handlers() -> list[HTTPRouteHandler]:
    return [list_probes, show_probe, list_looks]


@get("/probes", summary="All that is looked at by the plan in force, and how each of it stands", **READ)
def list_probes(
    request: Call,
    health: InHealth = None,
    sort: OfSort = None,
    service: OfService = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Probes:
    with app_of(request).database.read(request.auth) as tx:
        rows = [
            one
            for one in watching.everything(tx)
            if health in (None, one.health) and sort in (None, one.sort) and service in (None, one.of)
        ]
    found, following = cursors.after(rows, cursor, limit, lambda one: one.name)
    return Probes([msgspec.convert(_told(one), Probe) for one in found], following)


@get("/probes/{service:str}/{probe:str}", summary="How one of them stands", **READ_ONE)
def show_probe(request: Call, service: FromPath[str], probe: FromPath[str]) -> OneProbe:
    with app_of(request).database.read(request.auth) as tx:
        one = watching.one(tx, f"{service}/{probe}")
        signal = watching.signal_of(tx, one)
    return msgspec.convert({**_told(one), "signal_id": signal.id if signal else None}, OneProbe)


@get(
    "/probes/{service:str}/{probe:str}/looks",
    summary="What its looks measured, the latest first: by the minute for six hours, and by the quarter for four weeks",
    **READ_ONE,
)
def list_looks(
    request: Call, service: FromPath[str], probe: FromPath[str], limit: Limit = 50, cursor: Cursor = None
) -> LooksOfProbe:
    begun, name = cursors.start(cursor), f"{service}/{probe}"
    with app_of(request).database.read(request.auth) as tx:
        one = watching.one(tx, name)
        rows = watching.measured(tx, name, begun.wanted(limit), begun.before)
    found, following = cursors.page(begun, rows, limit, lambda sample: sample.at)
    return LooksOfProbe(name, one.unit, [_looks(sample) for sample in found], following)


def _told(one: Watched) -> dict[str, object]:
    standing = one.standing
    outcome, run, agreed = standing.outcome, standing.run, standing.confirmed
    seen = outcome and {
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "components": list(outcome.components),
        "states": outcome.states,
        "latency_seconds": outcome.latency.total_seconds(),
        "path": outcome.path,
        "measured": outcome.measured,
    }
    return {
        "name": one.name,
        "sort": one.sort,
        "service": one.of,
        "health": one.health,
        "every_seconds": one.every.total_seconds(),
        "looked_at": standing.looked_at,
        "due_at": one.due_at,
        "seen": seen,
        "agreed": agreed and {"outcome": agreed.kind, "components": list(agreed.components)},
        "looks": run.count if run else 0,
        "since": run.since if run and run.count else None,
    }


def _looks(one: Sample) -> Looks:
    is_timed = one.count > 0
    return Looks(
        at=one.at,
        seconds=round(one.span.total_seconds()),
        timed=one.count,
        mean=one.mean if is_timed else None,
        highest=one.most if is_timed else None,
        failed=one.failed,
        counted=one.counted,
        is_usual=one.is_usual,
    )
