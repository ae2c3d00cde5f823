"""The program: one ASGI application out of pages, API and hooks, and the commands that run it."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import uvicorn
from litestar import Litestar
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

log = logging.getLogger("tocsin")
RESTART_AFTER = 1.0  # seconds


def asgi(app: App) -> Litestar:
    """The web application of an installation; its engine runs as long as the application does."""

    @contextlib.asynccontextmanager
    async def engine(_: Litestar) -> AsyncIterator[None]:
        async with app.running():
            yield
        app.database.dispose()

    return Litestar(
        route_handlers=[*hooks.routes(), *resources.routes(), *status.routes(), *site.routes()],
        template_config=site.template_config(),
        csrf_config=site.csrf_config(app),
        openapi_config=resources.openapi_config(),
        exception_handlers={**site.exception_handlers(), **problems.exception_handlers()},
        state=State({"tocsin": app}),
        lifespan=[engine],
    )
