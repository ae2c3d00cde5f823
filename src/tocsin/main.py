"""One ASGI application out of pages, API and hooks, and what runs it: alone, or beside a stand-in to try it out."""

import contextlib
import gc
import logging
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.types import ASGIApp

from tocsin import settings as environment
from tocsin.api import hooks, problems, replies, resources, slack
from tocsin.app import App
from tocsin.kit import joining
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.kit.errors import Overloaded
from tocsin.people import commands as people_commands
from tocsin.plan import store as plans
from tocsin.settings import Settings
from tocsin.web import cookies, feeds, guards, heads, hosts, live, oncallnow, sessions, site, status

API_PATHS = ("/api/", "/v1/", "/v2/", "/in/", "/generic/")
GRACE = 2  # seconds that requests have to end when the server stops
TICKS_A_SECOND = 10  # of the server that we build on
LOOKED_AFTER = 10_000  # objects, until the collector of garbage looks through them: a page makes a few thousand


@dataclass(frozen=True)
class Kept:
    """What the web application remembers of its installation, so that many readers cost no more than one."""

    public: status.Board = field(default_factory=status.Board)
    on_call: oncallnow.OnCallBoard = field(default_factory=oncallnow.OnCallBoard)
    calendars: feeds.Calendars = field(default_factory=feeds.Calendars)
    hub: live.Hub = field(default_factory=live.Hub)


def asgi(app: App) -> ASGIApp:
    """The web application of an installation that is prepared; the engine runs as long as the application does."""
    kept = Kept()
    return fronted(app, rest(app, kept), kept)


def fronted(app: App, inner: Litestar, kept: Kept) -> ASGIApp:
    """The same with what answers before all routes: the addresses for signals, and the public page."""
    pages = hosts.Hosts(cookies.Jar(app.settings, heads.Heads(inner)))
    return status.Doorway(app, hooks.Front(app, pages), inner, kept.public)


def rest(app: App, kept: Kept) -> Litestar:
    """Everything but the addresses for signals. It knows its installation by its state alone."""
    machines = [*resources.routes(), *replies.routes(), *slack.routes()]
    pages = [*site.routes(kept.calendars, kept.on_call), *live.routes(kept.hub)]
    templates = site.template_config()

    @contextlib.asynccontextmanager
    async def attended(rest: Litestar) -> AsyncIterator[None]:
        async with kept.hub.attending(rest.state["tocsin"], templates.engine_instance.engine):
            yield

    return Litestar(
        route_handlers=[*machines, *status.routes(kept.public), *pages, livez, readyz],
        template_config=templates,
        csrf_config=site.csrf_config(app.signing_key),
        openapi_config=resources.openapi_config(),
        exception_handlers=_exception_handlers(),
        state=State({"tocsin": app}),
        lifespan=[_engine, attended],
        before_send=[guards.guard(_is_by_tls), sessions.hand_over],
    )


def _is_by_tls(scope: Any) -> bool:
    app: App = scope["litestar_app"].state["tocsin"]
    return cookies.is_by_tls(app.settings, scope)


@contextlib.asynccontextmanager
async def _engine(rest: Litestar) -> AsyncIterator[None]:
    app: App = rest.state["tocsin"]
    async with app.running():
        yield


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
    ready = app.pulse.is_felt() and _answers(app)
    words = "ok\n" if ready else "the engine does not turn: nobody is being paged by this node\n"
    return Response(words, status_code=200 if ready else 503, headers={"cache-control": "no-store"})


def _answers(app: App) -> bool:
    try:
        with app.database.read(SYSTEM) as tx:
            plans.current_id(tx)
    except Overloaded:
        return False  # the log has one line of it already, and balancers ask each second
    except Exception:
        logging.getLogger("tocsin").exception("the database does not answer")
        return False
    return True


def serve() -> None:
    """Run the server: pages, API, and the engine that pages people. Settings come from the environment."""
    app = prepared(environment.read(os.environ))
    _offer_the_way_in(app)
    kept = Kept()
    served = fronted(app, rest(app, kept), kept)
    settle()
    about = uvicorn.Config(
        served,
        host=app.settings.host,
        port=app.settings.port,
        log_level=app.settings.log_level,
        access_log=False,  # addresses hold the links that answer pages
        timeout_graceful_shutdown=GRACE,
        server_header=False,
        http=joining.JoiningProtocol,
        ws="none",
        limit_concurrency=joining.most_connections(),
    )
    Server(about, kept.hub).run()


def settle() -> None:
    """What is loaded by now stays, so that the collector of garbage need not look through it again and again; and what
    a request needs is gone with it, so that the collector need not look after every seven hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOKED_AFTER)


class Server(uvicorn.Server):
    """It ends streams before it waits for requests to end, since whoever only listens would keep it; and it ends
    connections on which a request is waited for too long."""

    def __init__(self, config: uvicorn.Config, hub: live.Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def on_tick(self, counter: int) -> bool:
        if counter % (TICKS_A_SECOND * joining.LOOKED_AT_EVERY) == 0:
            joining.look_at(self.server_state.connections, stopwatch())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)


def prepared(settings: Settings) -> App:
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
