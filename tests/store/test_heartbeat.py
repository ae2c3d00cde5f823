"""The sign of life: sent while the engine turns, and only then; lost ones are no harm, and the address stays secret."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from tests.support.server import free_port
from tocsin.app import App
from tocsin.delivery import heartbeat
from tocsin.kit.clock import SystemClock
from tocsin.settings import Settings

SOON = timedelta(milliseconds=20)


@dataclass
class Watchdog:
    """Counts who checks in, and answers as it is told."""

    url: str = ""
    status: int = 200
    heard: list[str] = field(default_factory=list)

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watchdog() -> AsyncIterator[Watchdog]:
    here = Watchdog()

    async def take(request: web.Request) -> web.Response:
        here.heard.append(f"{request.method} {request.path}")
        return web.Response(status=here.status)

    application = web.Application()
    application.router.add_route("*", "/ping/{key}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/s3cret"
    try:
        yield here
    finally:
        await runner.cleanup()


def test_it_is_sent_while_there_is_life_and_not_otherwise() -> None:
    async def story() -> None:
        alive, stopping = True, asyncio.Event()
        async with watchdog() as dog, ClientSession() as session:
            beating = asyncio.create_task(heartbeat.beat(session, dog.url, lambda: alive, stopping, SOON))
            await dog.hears(3)
            alive = False
            await asyncio.sleep(0.1)
            count = len(dog.heard)
            await asyncio.sleep(0.3)
            assert len(dog.heard) == count and set(dog.heard) == {"GET /ping/s3cret"}
            alive = True
            await dog.hears(count + 1)
            stopping.set()
            await beating

    asyncio.run(story())


def test_one_that_is_refused_or_lost_is_followed_by_the_next_and_names_no_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        stopping = asyncio.Event()
        async with watchdog() as dog, ClientSession() as session:
            dog.status = 500
            beating = asyncio.create_task(heartbeat.beat(session, dog.url, lambda: True, stopping, SOON))
            await dog.hears(2)
            stopping.set()
            await beating
            stopping = asyncio.Event()
            nowhere = f"http://127.0.0.1:{free_port()}/ping/s3cret"
            beating = asyncio.create_task(heartbeat.beat(session, nowhere, lambda: True, stopping, SOON))
            await asyncio.sleep(0.2)
            assert not beating.done()
            stopping.set()
            await beating

    with caplog.at_level(logging.WARNING, logger="tocsin"):
        asyncio.run(story())
    said = [record.getMessage() for record in caplog.records if record.name.startswith("tocsin")]
    assert any("refused the heartbeat with 500" in one for one in said)
    assert any("did not reach the watchdog" in one for one in said)
    assert not any("s3cret" in one for one in said)


def test_a_server_whose_engine_turns_checks_in(tmp_path: Path) -> None:
    async def story() -> None:
        async with watchdog() as dog:
            settings = Settings(database_url=f"sqlite:///{tmp_path / 'tocsin.db'}", heartbeat_url=dog.url)
            app = App(settings, SystemClock())
            await asyncio.to_thread(app.prepare)
            async with app.running():
                await dog.hears(1)
            app.database.dispose()

    asyncio.run(story())


def test_a_server_that_sends_no_mail_runs_all_the_same(sqlite_url: str) -> None:
    app = App(Settings(database_url=sqlite_url, base_url="https://tocsin.example.org"), SystemClock())
    app.prepare()

    async def begun() -> bool:
        async with app.running():
            return True

    assert asyncio.run(begun())
    app.database.dispose()
