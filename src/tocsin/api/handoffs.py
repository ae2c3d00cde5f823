"""Handing shifts on over HTTP: what is to be handed over, writing it, asking back, accepting it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from tocsin.api import conditional, cursors
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.api.conditional import Change, Guarded
from tocsin.api.incidents import Cursor, Limit
from tocsin.api.schema import Line, Name, Text
from tocsin.obligations.model import Obligation
from tocsin.obligations.model import State as Owed
from tocsin.oncall import store
from tocsin.oncall.handoff import Did, Handoff, State
from tocsin.people import access
from tocsin.response import handing

READ = needs(access.INCIDENT_READ, 400, 404, 409)
WRITE = needs(access.INCIDENT_WRITE, 400, 404, 409)


class Notes(Struct, forbid_unknown_fields=True):
    """One note for each of the handoff's `lines`, in their order."""

    notes: list[Text]


class Question(Struct, forbid_unknown_fields=True):
    question: Text


class Acceptance(Struct, forbid_unknown_fields=True):
    """`contacts_confirmed` says that what stands there about reaching whoever comes is right."""

    contacts_confirmed: bool
    said: Line = ""


class Handed(Struct):
    """A handoff as it stands. `lines` are what the plan wants handed over."""

    id: str
    state: State
    rotation: str
    outgoing: list[str]
    incoming: list[str]
    leaves_at: datetime
    begins_at: datetime
    ends_at: datetime
    lines: list[str]
    opened_at: datetime
    settled_at: datetime | None


class HandoffDuty(Struct):
    """The writing or the acceptance, as it is owed."""

    key: str
    what: str
    clause: str
    due_at: datetime
    overdue_at: datetime | None
    state: Owed
    settled_at: datetime | None
    settled_by: str
    evidence: str
    late_by_seconds: float | None


class HandoffDeed(Struct):
    """What somebody did to it; `notes` stand in the order of the lines."""

    at: datetime
    by: str
    did: Did
    text: str
    notes: list[str]


class GoingOn(Struct):
    incident_id: str
    number: int
    title: str
    severity: str
    status: str
    declared_at: datetime
    acknowledged_by: str
    strategy: str
    update: str
    updated_at: datetime | None
    findings: list[str]
    owed: list[str]


class WrittenActions(Struct):
    """What a post-mortem says is to be done, as people wrote it."""

    incident_id: str
    number: int
    title: str
    section: str
    text: str


class ReachedBy(Struct):
    person: str
    channels: list[str]


class HandedOver(Struct):
    """What is handed over, as far as the caller may see it; kept as it was once the handoff is settled."""

    made_at: datetime
    incidents: list[GoingOn]
    actions: list[WrittenActions]
    waiting_signals: int
    unreadable_bodies: int
    contacts: list[ReachedBy]


class HandoffInFull(Handed):
    owed: list[HandoffDuty]
    deeds: list[HandoffDeed]
    packet: HandedOver


class Handoffs(Struct):
    handoffs: list[Handed]
    next: str | None


def handlers() -> list[HTTPRouteHandler]:
    return [list_handoffs, show_handoff, write_handoff, ask_about_handoff, accept_handoff]


@get("/oncall/handoffs", summary="The handoffs of shifts, those of the latest changes first", **READ)
def list_handoffs(request: Call, limit: Limit = 50, cursor: Cursor = None) -> Handoffs:
    begun = cursors.start(cursor)
    with app_of(request).database.read(request.auth) as tx:
        rows = store.latest_handoffs(tx, begun.wanted(limit), begun.before)
    found, following = cursors.page(begun, rows, limit, lambda one: one.begins_at)
    return Handoffs([Handed(**_plain(one)) for one in found], following)


@get("/oncall/handoffs/{handoff_id:str}", summary="A handoff with everything that is handed over", **READ)
def show_handoff(request: Call, handoff_id: FromPath[Name]) -> HandoffInFull:
    with app_of(request).database.read(request.auth) as tx:
        conditional.stands_at(request, _guarded(handoff_id).version(tx))
        return _full(tx, store.load_handoff(tx, handoff_id))


def _guarded(handoff_id: str) -> Guarded:
    def contents(tx: Any) -> Any:
        return _plain(store.load_handoff(tx, handoff_id)), len(store.deeds(tx, handoff_id))

    def last(tx: Any) -> list[Change]:
        return [Change(f"{deed.did}: {deed.text}", deed.at, deed.by) for deed in store.deeds(tx, handoff_id)[-1:]]

    return conditional.of_contents("handoff", contents, last)


@post("/oncall/handoffs/{handoff_id:str}/write", status_code=200, summary="Write a handoff", **WRITE)
def write_handoff(request: Call, handoff_id: FromPath[Name], data: JSONBody[Notes]) -> HandoffInFull:
    return _after(request, handoff_id, lambda tx: handing.write(tx, handoff_id, data.notes))


@post("/oncall/handoffs/{handoff_id:str}/ask", status_code=200, summary="Ask back instead of accepting", **WRITE)
def ask_about_handoff(request: Call, handoff_id: FromPath[Name], data: JSONBody[Question]) -> HandoffInFull:
    return _after(request, handoff_id, lambda tx: handing.ask(tx, handoff_id, data.question))


@post("/oncall/handoffs/{handoff_id:str}/accept", status_code=200, summary="Take a shift over", **WRITE)
def accept_handoff(request: Call, handoff_id: FromPath[Name], data: JSONBody[Acceptance]) -> HandoffInFull:
    def accept(tx: Any) -> Handoff:
        return handing.accept(tx, handoff_id, contacts_confirmed=data.contacts_confirmed, said=data.said)

    return _after(request, handoff_id, accept)


def _after(request: Call, handoff_id: str, command: Callable[[Any], Handoff]) -> HandoffInFull:
    guarded = _guarded(handoff_id)

    def carried_out(tx: Any) -> HandoffInFull:
        found = _full(tx, command(tx))
        conditional.stands_at(request, guarded.version(tx))
        return found

    return act(request, carried_out, guarded)


def _plain(one: Handoff) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Handed.__struct_fields__} | {
        name: list(getattr(one, name)) for name in ("outgoing", "incoming", "lines")
    }


def _full(tx: Any, one: Handoff) -> HandoffInFull:
    deeds = store.deeds(tx, one.id)
    return HandoffInFull(
        **_plain(one),
        owed=[_duty(duty) for duty in handing.duties(tx, one)],
        deeds=[HandoffDeed(deed.at, deed.by, deed.did, deed.text, list(deed.notes)) for deed in deeds],
        packet=msgspec.convert(handing.handed_over(tx, one, deeds), HandedOver, from_attributes=True),
    )


def _duty(duty: Obligation) -> HandoffDuty:
    return msgspec.convert(duty, HandoffDuty, from_attributes=True)
