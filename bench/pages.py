"""Every page of the console and the public one, over a year's worth of records: how long the server takes for each."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import httpx2

from bench import besides, installation, postgres, stored
from bench.measure import Measured, percentile
from tests.support import everypage
from tests.support.postgres import fresh_database
from tests.support.visitor import SESSION
from tocsin import main
from tocsin.app import App
from tocsin.events import outbox as endpoints
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import stopwatch
from tocsin.plan import store as plans
from tocsin.response import watching
from tocsin.signals import store as signals

Get = Callable[[str], int]  # a path, and the status of the answer

INCIDENTS, SIGNALS = 10_000, 1_000_000
TIMES = 40
WARM = 3
TARGETS = {50: 15.0, 99: 60.0}
MORE = (  # what a page shows otherwise when it is asked
    "/incidents?status=closed&severity=P1",
    "/insights?days=365",
    "/plan/coverage?only=timed&sort=missed&days=365",
    "/search?q=redis+memory",
    "/search/found?q=redi",
)


def pages() -> list[Measured]:
    return on_both(_of)


def on_both(measured: Callable[[str, str], list[Measured]]) -> list[Measured]:
    """What is measured of a fresh database of each kind, by its address and the name of its kind."""
    with installation.folder() as folder:
        found = measured(f"sqlite:///{folder / 'tocsin.db'}", "SQLite")
    with postgres.durable_server(), fresh_database() as url:
        return found + measured(url, "PostgreSQL")


def _of(url: str, database: str) -> list[Measured]:
    app, secret = stored.prepared(url, INCIDENTS, SIGNALS)
    stored.index_all(app.database)
    stored.tidy(app.database)
    try:
        return list(_measured(app, secret, database))
    finally:
        app.database.dispose()


def _measured(app: App, secret: str, database: str) -> Iterator[Measured]:
    taken = times(app, secret, TIMES)
    floor = percentile(taken.pop("/livez"), 50)
    for percent, target in TARGETS.items():
        slowest = max(taken, key=lambda path: percentile(taken[path], percent))
        yield Measured(
            name=f"pages, {database}: {percent} %, the slowest",
            value=percentile(taken[slowest], percent),
            unit="ms",
            target=target,
            less_is_better=True,
            floor=floor,
            about={"slowest": slowest, **{path: round(percentile(these, percent), 1) for path, these in taken.items()}},
        )


def times(app: App, secret: str, count: int, only: Callable[[str], bool] = lambda _: True) -> dict[str, list[float]]:
    """Milliseconds that the server took for each page, so many times, one after the other."""
    with client(app, secret) as (get, known):
        main.settle()  # as a server does when it starts; what was made before belongs to the preparation
        wanted = ["/livez", *(path for path in known if only(path))]
        for _ in range(WARM):
            for path in wanted:
                must_answer(get, path)
        return {path: [milliseconds(get, path) for _ in range(count)] for path in wanted}


def must_answer(get: Get, path: str) -> None:
    if (status := get(path)) != 200:
        raise RuntimeError(f"{path} answered with {status}")


def milliseconds(get: Get, path: str) -> float:
    began = stopwatch()
    get(path)
    return (stopwatch() - began) * 1000


@contextmanager
def client(app: App, secret: str) -> Iterator[tuple[Get, Sequence[str]]]:
    """A signed-in browser in the server's own process, and every page that it can open."""
    kept = main.Kept()
    rest = main.rest(app, kept)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # as a server has it; here each request would be a line
    asgi = main.fronted(app, rest, kept)
    transport = httpx2.ASGITransport(app=cast(Any, asgi), client=("192.0.2.7", 4711))
    client = httpx2.AsyncClient(transport=transport, base_url="http://tocsin.test", cookies={SESSION: secret})
    known, found = _known(app), [path for path in everypage.paths(rest) if path not in everypage.OF_NOBODY]
    filled = [everypage.filled(path, known) for path in found]
    if None in filled:
        raise RuntimeError(f"nothing is known for {found[filled.index(None)]}")
    with asyncio.Runner() as runner:
        yield lambda path: runner.run(client.get(path)).status_code, [*(one for one in filled if one), *MORE]


def _known(app: App) -> Mapping[str, object]:
    with app.database.read(SYSTEM) as tx:
        incident_id = incidents.listing(tx, limit=1)[0].id
        closed = incidents.listing(tx, limit=100)[-1].id
        template = next(iter(plans.current(tx).templates))
        signal_id = signals.recent(tx, limit=1)[0].id
        webhook_id = endpoints.listing(tx)[0].id
        look = next(one for one in watching.everything(tx) if "/" in one.name)
    return {
        "incident_id": incident_id,
        "signal_id": signal_id,
        "silence_id": besides.SILENCE,
        "webhook_id": webhook_id,
        "guide": "alertmanager",  # which sent most of the signals
        "/post-mortems/{name:str} name": closed,
        "/probes/{service:str}/{probe:str} service": look.of,
        "/probes/{service:str}/{probe:str} probe": look.name.partition("/")[2],
        "/incidents/{incident_id:str}/templates/{name:str} name": template,
    }
