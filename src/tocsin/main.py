"""The program: one ASGI application out of pages, API and hooks, and the commands that run it."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State

from tocsin import settings as environment
from tocsin.api import hooks, problems, resources
from tocsin.app import App
from tocsin.cli.main import app as cli
from tocsin.cli.main import run as run_cli
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.rehearsal.serve import Addresses, RehearsalSettings
from tocsin.rehearsal.serve import serve as serve_stand_in
from tocsin.settings import Settings
from tocsin.web import site, status

API_PATHS = ("/api/", "/v2/", "/in/")
GRACE = 2  # seconds that requests have to end when the server stops
AGAIN_AFTER = 1.0  # seconds before a server that died is started again in a rehearsal


def asgi(app: App) -> Litestar:
    """The web application of an installation that is prepared; the engine runs as long as the application does."""

    @contextlib.asynccontextmanager
    async def engine(_: Litestar) -> AsyncIterator[None]:
        async with app.running():
            yield

    return Litestar(
        route_handlers=[*hooks.routes(), *resources.routes(), *status.routes(), *site.routes(), livez, readyz],
        template_config=site.template_config(),
        csrf_config=site.csrf_config(app.signing_key, secure=app.settings.secure_cookies),
        openapi_config=resources.openapi_config(),
        exception_handlers=_exception_handlers(),
        state=State({"tocsin": app}),
        lifespan=[engine],
    )


def _exception_handlers() -> dict[Any, Any]:
    """Each mistake in the form that its reader understands: problem+json under the API, a page elsewhere."""
    pages, machines = site.exception_handlers(), problems.exception_handlers()
    return {kind: _by_reader(pages.get(kind), machines.get(kind)) for kind in {**pages, **machines}}


def _by_reader(page: Any, machine: Any) -> Any:
    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        asked_by_machine = request.url.path.startswith(API_PATHS)
        handler = (machine if asked_by_machine else page) or page or machine
        answer: Response[Any] = handler(request, error)
        return answer

    return handle


@get("/livez", media_type=MediaType.TEXT, include_in_schema=False, sync_to_thread=False)
def livez() -> Response[str]:
    """The process answers."""
    return Response("ok\n", headers={"cache-control": "no-store"})


@get("/readyz", media_type=MediaType.TEXT, include_in_schema=False, sync_to_thread=True)
def readyz(state: State) -> Response[str]:
    """The database answers and the engine turns: somebody would be paged."""
    app: App = state["tocsin"]
    ready = app.is_turning() and _answers(app)
    words = "ok\n" if ready else "the engine does not turn: nobody is being paged by this node\n"
    return Response(words, status_code=200 if ready else 503, headers={"cache-control": "no-store"})


def _answers(app: App) -> bool:
    try:
        with app.database.read(SYSTEM) as tx:
            plans.current_id(tx)
    except Exception:
        logging.getLogger("tocsin").exception("the database does not answer")
        return False
    return True


@cli.command
def serve() -> None:
    """Run the server: pages, API, and the engine that pages people. Settings come from the environment."""
    app = _prepared(environment.read(os.environ))
    _offer_the_way_in(app)
    uvicorn.run(
        asgi(app),
        host=app.settings.host,
        port=app.settings.port,
        log_level=app.settings.log_level,
        access_log=False,  # addresses hold the links that answer pages
        timeout_graceful_shutdown=GRACE,
        server_header=False,
    )


def _prepared(settings: Settings) -> App:
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("alembic", "httpx2", "mail.log"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app = App(settings, SystemClock())
    app.prepare()
    return app


def _offer_the_way_in(app: App) -> None:
    """Nobody can administer a new installation yet: print a link for the first person of the plan, once."""
    with app.database.work(SYSTEM) as tx:
        handle = next(iter(plans.current(tx).people))
        secret = people_commands.first_link(tx, handle)
    if secret:
        print(f"Sign in as {handle} (once, within the hour): {app.settings.public_url}/signin/{secret}", flush=True)


rehearse = type(cli)(name="rehearse", help="Try everything out against a stand-in for the guarded service.")
cli.command(rehearse)


@rehearse.command(name="serve")
def rehearse_serve() -> None:
    """Run the stand-in for Rose, with its switches, and a mail catcher, on loopback."""
    asyncio.run(_until_told(serve_stand_in))


@rehearse.command(name="run")
def rehearse_run() -> None:
    """Run a server, the stand-in for Rose and a mail catcher together, with an address for everybody in the plan.

    Mails go to the catcher unless TOCSIN_SMTP_URL says otherwise. A server that is killed is started again.
    """
    asyncio.run(_until_told(_rehearse))


async def _until_told(program: Any) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(told, stop.set)
    await program(RehearsalSettings(), SystemClock(), stop)


async def _rehearse(rehearsal: RehearsalSettings, clock: SystemClock, stop: asyncio.Event) -> None:
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    stand_in = asyncio.create_task(serve_stand_in(rehearsal, clock, stop, ready.set_result))
    await asyncio.wait([stand_in, ready], return_when=asyncio.FIRST_COMPLETED)
    if not stand_in.done():
        await _serve_beside(ready.result(), stop)
    await stand_in


async def _serve_beside(at: Addresses, stop: asyncio.Event) -> None:
    os.environ.setdefault("TOCSIN_SMTP_URL", f"smtp://{at.smtp}?starttls=no")
    app = _prepared(environment.read(os.environ))
    await asyncio.to_thread(_welcome, app, at)
    app.database.dispose()
    while not stop.is_set():
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tocsin.main", "serve")
        ended, told = asyncio.create_task(server.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            server.terminate()
            await ended
        elif not stop.is_set():
            print(f"The server ended with {ended.result()}; it is started again.", flush=True)
            await asyncio.sleep(AGAIN_AFTER)
        told.cancel()


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


def run() -> None:
    """The console script."""
    run_cli()


if __name__ == "__main__":
    run()
