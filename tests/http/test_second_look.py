"""The worst is looked at twice, over real sockets: a service that answers the second time is not declared dead."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.http.test_probe_fetch import REPORT, answer, server
from tests.support.world import ROSE
from tocsin.db.engine import Database
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.response import looking, seeing
from tocsin.watch import store as watch

NIGHT = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)


@pytest.mark.parametrize(("recovers", "asked", "declared"), [(3, 4, False), (4, 4, True), (99, 4, True)])
def test_a_third_failure_is_tried_once_more_at_once(sqlite_url: str, recovers: int, asked: int, declared: bool) -> None:
    """`recovers` is after how many requests it answers well again."""
    database = Database(sqlite_url, ManualClock(NIGHT))
    calls = 0

    async def behave(path, reader, writer) -> None:
        nonlocal calls
        calls += 1
        writer.write(answer(REPORT) if calls > recovers else answer(b"", "503 Service Unavailable"))

    async def look(session, base: str) -> None:
        with database.work(SYSTEM) as tx:
            first = next(looking.looks(plans.current(tx)))
            ready = looking.ready(tx, first)
        assert isinstance(ready, looking.Look)
        here = replace(ready, probe=replace(ready.probe, url=base, usual=None))
        learn: Callable[..., None] = await seeing.see(session, here, "tocsin-probe")
        database.run(SYSTEM, learn)

    async def run() -> None:
        async with (
            server(behave) as (base, _),
            open_session(PublicResolver(allow_private=True), timedelta(seconds=20), anew=True) as one,
        ):
            for _ in range(3):
                await look(one, base)

    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE, "the tests' plan")
    asyncio.run(run())
    with database.read(SYSTEM) as tx:
        standing = watch.standings(tx)["rose/health"]
    assert calls == asked
    assert (standing.confirmed is not None) is declared
    database.dispose()
