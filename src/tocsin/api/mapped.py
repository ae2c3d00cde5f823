"""`/in/json/NAME`: JSON of any shape, read as the plan says under `senders`."""

import asyncio

from litestar.types import Receive, Scope

from tocsin.api import packing, taking
from tocsin.api.keys import Keys, any_secret
from tocsin.api.wire import Reply
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import NotFound
from tocsin.plan import senders
from tocsin.plan import store as plans
from tocsin.plan.model import Sender
from tocsin.signals import formats, mapping
from tocsin.signals.model import Arrival

ROOT = "/in/json/"


class NoSuchSender(NotFound):
    """/in/json/NAME or /in/json/NAME/TOKEN is the whole address, with a name that could stand in a plan."""


async def take(app: App, keys: Keys, scope: Scope, receive: Receive) -> Reply:
    """Take in what a sender of the plan sends. What no plan names is kept for people to see, and refused."""
    name, _, secret = scope["path"].removeprefix(ROOT).strip("/").partition("/")
    token = await taking.sender(app, keys, secret or any_secret(scope))
    if not senders.NAME.fullmatch(name):
        raise NoSuchSender
    body = await packing.body_of(scope, receive, taking.BODY_MOST)
    sender = await asyncio.to_thread(_of_the_plan, app, name)

    def form(sent: bytes) -> list[Arrival]:
        if sender is None:
            raise formats.Unreadable([f"$: the plan has no sender called {name}; write it under `senders`"])
        return mapping.read(name, sender, sent)

    arrivals = await taking.take(app, mapping.source(name), form, token, body)
    return Reply(200, b'{"accepted":%d}' % len(arrivals))


def _of_the_plan(app: App, name: str) -> Sender | None:
    with app.database.read(SYSTEM) as tx:
        return plans.current(tx).senders.get(name)
