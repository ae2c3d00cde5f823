"""Trying over HTTP how a sender of the plan would be read."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Meta, Struct

from tocsin.api.caller import Call, app_of, needs
from tocsin.people import access
from tocsin.response import mapping
from tocsin.signals.model import State

Text = Annotated[str, Meta(max_length=mapping.BODY_MOST)]


class Attempt(Struct, forbid_unknown_fields=True):
    """`mapping` are the lines under the sender's name in a plan, with or without `senders` and that name above them;
    without them it is read as the plan in force says."""

    sender: Annotated[str, Meta(max_length=40)]
    body: Text
    mapping: Text | None = None


class Mistake(Struct):
    """In the `mapping` or in the `body`, and where in it."""

    where: str
    place: str
    message: str


class WouldBe(Struct):
    """A signal that would come, and what the plan's rules would make of it."""

    source: str
    key: str
    state: State
    title: str
    severity: str | None
    labels: dict[str, str]
    details: dict[str, Any]
    link: str | None
    started_at: datetime | None
    warnings: list[str]
    why: str


class Outcome(Struct):
    """Either mistakes or signals; neither, where the body says nothing about trouble. `piece` goes into the plan."""

    signals: list[WouldBe]
    mistakes: list[Mistake]
    piece: str


def handlers() -> list[HTTPRouteHandler]:
    return [try_sender]


@post(
    "/signals/try",
    status_code=200,
    summary="What would come of a body, read as a sender of the plan; nothing is kept",
    **needs(access.INCIDENT_READ, 400),
)
def try_sender(request: Call, data: JSONBody[Attempt]) -> Outcome:
    with app_of(request).database.read(request.auth) as tx:
        written = mapping.as_written(tx, data.sender) if data.mapping is None else data.mapping
        found = mapping.attempt(tx, data.sender, written, data.body)
    return Outcome(
        [msgspec.convert({**msgspec.structs.asdict(one.arrival), "why": one.why}, WouldBe) for one in found.signals],
        [Mistake(one.where, one.place, one.message) for one in found.wrong],
        "" if found.wrong else mapping.for_the_plan(data.sender, written),
    )
