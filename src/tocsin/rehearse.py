"""A rehearsal: the stand-in for the guarded service, a mail catcher, and beside them a real server."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tocsin import settings as environment
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import Clock, SystemClock
from tocsin.main import prepared
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.rehearsal.serve import Addresses, RehearsalSettings, serve

HERE = RehearsalSettings()
AGAIN_AFTER = 1.0  # seconds before a server that died is started again

Program = Callable[[RehearsalSettings, Clock, asyncio.Event], Awaitable[None]]


def run_stand_in() -> None:
    """Run the stand-in and the mail catcher until told to stop."""
    asyncio.run(_until_told(serve))


def run_with_server(where: RehearsalSettings = HERE) -> None:
    """Run the stand-in, the mail catcher and a server until told to stop."""
    asyncio.run(_until_told(_rehearse, where))


async def _until_told(program: Program, where: RehearsalSettings = HERE) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(told, stop.set)
    await program(where, SystemClock(), stop)


async def _rehearse(rehearsal: RehearsalSettings, clock: Clock, stop: asyncio.Event) -> None:
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    stand_in = asyncio.create_task(serve(rehearsal, clock, stop, ready.set_result))
    try:
        first: set[asyncio.Future[Any]] = {stand_in, ready}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not stand_in.done():
            await _serve_beside(ready.result(), stop)
    finally:
        stop.set()
        await stand_in


async def _serve_beside(at: Addresses, stop: asyncio.Event) -> None:
    os.environ.setdefault("TOCSIN_SMTP_URL", f"smtp://{at.smtp}?starttls=no")
    app = prepared(environment.read(os.environ))
    await asyncio.to_thread(_welcome, app, at)
    app.database.dispose()
    while not stop.is_set():
        # A process of its own group: Ctrl-C reaches this one only, which then ends both in order.
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tocsin", "serve", start_new_session=True)
        ended, told = asyncio.create_task(server.wait()), asyncio.create_task(stop.wait())
        either: set[asyncio.Future[Any]] = {ended, told}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not ended.done():
            server.terminate()
            await ended
        elif not stop.is_set():
            print(f"The server ended with {ended.result()}; it is started again.", flush=True)
            await asyncio.sleep(AGAIN_AFTER)


def _welcome(app: App, at: Addresses) -> None:
    """Give everybody an address that the mail catcher takes, and say where everything is."""
    with app.database.work(SYSTEM) as tx:
        for account in people.people(tx):
            if account.email is None:
                people.change_person(tx, account.handle, email=f"{account.handle}@rose.example")
        handle = next(iter(plans.current(tx).people))
        people_commands.first_link(tx, handle)
        secret = people_commands.signin_link(tx, handle)
    url = app.settings.public_url
    print(
        f"Tocsin          {url}/\n"
        f"Sign in once    {url}/signin/{secret}\n"
        f"Status page     {url}/status\n"
        f"Break and mend  {at.control}/\n"
        f"Mails           {at.control}/mails\n"
        f"Rose            {at.rose}/api/health\n"
        f"Stop with Ctrl-C. The data is in {app.settings.database_url}.",
        flush=True,
    )
