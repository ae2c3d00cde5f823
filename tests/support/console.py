"""The console of a world: its pages and its API, on the world's own database and clock."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.served import Served, web
from tests.support.visitor import Page, Visitor
from tests.support.world import KEY, World
from tocsin.app import App
from tocsin.incidents.model import Incident
from tocsin.settings import Settings


class Console:
    """What people see of a world."""

    def __init__(self, world: World, here: Served) -> None:
        self.world = world
        self.here = here
        self._visitors: dict[str, Visitor] = {}

    def visitor(self, handle: str) -> Visitor:
        return self._visitors.setdefault(handle, Visitor(self.here, handle))

    def room(self, incident: Incident, handle: str = "ben", query: str = "") -> Page:
        return self.visitor(handle).open(f"/incidents/{incident.id}{query}")

    def press(self, incident: Incident, verb: str, handle: str = "ben", **typed: object) -> Page:
        """Fill in a form of the room and press its button; what follows has happened when this returns."""
        room = f"/incidents/{incident.id}"
        answer = self.visitor(handle).do(room, f"{room}/{verb}", **typed)
        self.world.settle()
        return answer


@contextmanager
def console_of(world: World, database_url: str) -> Iterator[Console]:
    settings = Settings(database_url=database_url, base_url="https://tocsin.example.org", secret_key=KEY)
    app = App(settings, world.clock)
    app.prepare()
    world.look_away()  # whoever wants to look at Rose says so
    with asyncio.Runner() as runner, web(app) as (asgi, rest):
        yield Console(world, Served(app, world.clock, asgi, rest, runner))
    app.database.dispose()
