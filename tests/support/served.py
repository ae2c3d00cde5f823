"""A whole installation that answers inside the test: a database of its own, a clock that stands, no engine."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from litestar import Litestar
from litestar.types import ASGIApp

from tests.support.inbox import decide_all
from tocsin import main
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.people import tokens
from tocsin.settings import Settings

START = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
EVERY_RIGHT = frozenset({"*"})

T = TypeVar("T")


class Served:
    """The installation, and a client of it. Time moves when the test says so."""

    def __init__(self, app: App, clock: ManualClock, asgi: Any, rest: Litestar, runner: asyncio.Runner) -> None:
        self.app = app
        self.clock = clock
        self.asgi = asgi  # each library that asks it has types of its own for what the standard says
        self.rest = rest  # the framework behind it, with its routes
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=asgi, raise_app_exceptions=False, client=("192.0.2.7", 4711)),
            base_url="https://tocsin.test",
        )
        self._runner = runner

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        return self.run(self.client.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx2.Response:
        return self.request("POST", path, **more)

    def token(self, *rights: str, name: str = "sender", person: str | None = None) -> str:
        """The secret of a new token."""
        with self.app.database.work(SYSTEM) as tx:
            return tokens.add(tx, name, frozenset(rights), lasts=None, owner=person)[1]

    def bearer(self, *rights: str, name: str = "caller", person: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*rights, name=name, person=person)}"}

    def take_database_away(self) -> None:
        """Put something in the place of the file that no database can be opened in."""
        self.app.database.dispose()
        file = Path(str(self.app.database.url.database))
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)
        file.mkdir()

    def harm_database(self) -> None:
        """Write over the file, as the next connections to it find it."""
        self.app.database.dispose()
        Path(str(self.app.database.url.database)).write_bytes(b"This was a database once. " * 4000)

    def decide(self) -> int:
        """Let the engine decide what has arrived."""
        return decide_all(self.app.database)


@contextmanager
def served(database_url: str, **settings: Any) -> Iterator[Served]:
    clock = ManualClock(START)
    settings.setdefault("api_a_minute", 1_000_000)  # the clock stands
    settings.setdefault("base_url", "https://tocsin.example.org")
    app = App(Settings(database_url=database_url, **settings), clock)
    app.prepare()
    with asyncio.Runner() as runner, web(app) as (asgi, rest):
        yield Served(app, clock, asgi, rest, runner)
    app.database.dispose()


# ---- The web application ---------------------------------------------------------------------------------------------

_idle: list[tuple[Litestar, main.Kept]] = []


@contextmanager
def web(app: App) -> Iterator[tuple[ASGIApp, Litestar]]:
    """What `main.asgi` makes, and the framework in it, which may have served an installation of an earlier test.

    Putting its two hundred routes together takes longer than most tests do. It knows an installation by its state and
    by what it keeps, and both begin anew here.
    """
    rest, kept = _idle.pop() if _idle else _made(app)
    rest.state["tocsin"] = app
    assert rest.csrf_config is not None
    rest.csrf_config.secret = app.signing_key
    for one in vars(kept).values():
        vars(one).clear()
        one.__init__()
    yield main.fronted(app, rest, kept), rest
    _idle.append((rest, kept))


def _made(app: App) -> tuple[Litestar, main.Kept]:
    kept = main.Kept()
    return main.rest(app, kept), kept
