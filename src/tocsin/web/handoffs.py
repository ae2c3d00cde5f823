"""Handing shifts on: the list, and a handoff with what is handed over and the forms that write and accept it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed, utc
from tocsin.obligations.model import Obligation
from tocsin.oncall import store as oncall
from tocsin.oncall.handoff import Deed, Did, Handoff, State
from tocsin.people import store as people
from tocsin.people.model import called
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import handing
from tocsin.response.packet import Packet
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.trouble import Trouble, trouble

SHOWN = 50
WORDS = {
    State.OPEN: ("open", "To be written"),
    State.WRITTEN: ("due", "To be accepted"),
    State.ASKED: ("due", "Asked back"),
    State.ACCEPTED: ("met", "Accepted"),
    State.MISSED: ("missed", "Missed"),
    State.VOID: ("waived", "Not needed"),
}


@dataclass(frozen=True)
class Line:
    """A handoff in the list, and at the head of its own page."""

    href: str
    state: str
    word: str
    rotation: str
    outgoing: str
    incoming: str
    at: str
    at_iso: str
    is_yours: bool


@dataclass(frozen=True)
class Note:
    """One line that the plan wants handed over, and what was written of it last."""

    id: str
    line: str
    text: str


@dataclass(frozen=True)
class Said:
    at: str
    text: str
    quote: str


@dataclass(frozen=True)
class Going:
    href: str
    severity: present.Severity
    number: int
    title: str
    facts: tuple[str, ...]
    update: str
    findings: tuple[str, ...]
    owed: tuple[str, ...]


def line(plan: Plan, one: Handoff, me: str, now: Any) -> Line:
    state, word = WORDS[one.state]
    return Line(
        href=f"/oncall/handoffs/{one.id}",
        state=state,
        word=word,
        rotation=rota_name(plan, one.rotation),
        outgoing=present.names(plan, one.outgoing),
        incoming=present.names(plan, one.incoming),
        at=present.appointment(one.begins_at, now),
        at_iso=present.iso(one.begins_at),
        is_yours=one.is_standing and me in (*one.outgoing, *one.incoming),
    )


def rota_name(plan: Plan, rotation: str) -> str:
    return (plan.rotations[rotation].name if rotation in plan.rotations else "") or rotation


def notes(one: Handoff, deeds: Sequence[Deed], typed: Form | None) -> tuple[Note, ...]:
    written = next((deed.notes for deed in reversed(deeds) if deed.did is Did.WRITTEN), ())
    return tuple(
        Note(
            f"note-{number}",
            text,
            typed.text(f"note-{number}") if typed else (written[number - 1] if number <= len(written) else ""),
        )
        for number, text in enumerate(one.lines, start=1)
    )


_DID = {
    Did.WRITTEN: "{} wrote it.",
    Did.ASKED: "{} asked back:",
    Did.ACCEPTED: "{} accepted it and confirmed the contact details.",
    Did.GIVEN_UP: "The turn after it ended; nobody had accepted it.",
    Did.VOIDED: "The rota was arranged otherwise.",
}


def said(plan: Plan, deeds: Sequence[Deed], now: Any) -> tuple[Said, ...]:
    return tuple(
        Said(present.moment(deed.at, now), _DID[deed.did].format(present.names(plan, [deed.by])), deed.text)
        for deed in deeds
    )


def going(plan: Plan, packet: Packet, now: Any) -> tuple[Going, ...]:
    return tuple(
        Going(
            href=f"/incidents/{one.incident_id}",
            severity=present.severity(plan, one.severity),
            number=one.number,
            title=one.title,
            facts=(
                one.status,
                f"acknowledged by {one.acknowledged_by}" if one.acknowledged_by else "nobody has acknowledged it",
                *((f"way out: {one.strategy}",) if one.strategy else ()),
            ),
            update=f"{present.moment(one.updated_at, now)}: {one.update}" if one.updated_at else "",
            findings=one.findings,
            owed=one.owed,
        )
        for one in packet.incidents
    )


def due(duties: Sequence[Obligation], now: Any) -> tuple[present.Fact, ...]:
    return tuple(
        present.Fact(duty.what, _how(duty, now), is_missing=duty.is_overdue(now) and _open(duty)) for duty in duties
    )


def _open(duty: Obligation) -> bool:
    return duty.settled_at is None


def _how(duty: Obligation, now: Any) -> str:
    if duty.settled_at is None:
        word = "was due" if duty.is_overdue(now) else "due"
        return f"{word} {present.appointment(duty.due_at, now)}"
    return f"{duty.state}: {duty.evidence}"


def reached(tx: Tx, plan: Plan, one: Handoff, packet: Packet, me: str) -> tuple[present.Fact, ...]:
    """By which channels whoever comes is reached; the addresses are shown to whom they belong."""
    own = [method for method in people.contacts(tx, [me]).get(me, []) if method.verified_at]
    account = people.addresses(tx, [me])
    mine = [f"{called(method.channel)} {method.address}" for method in own] or [
        f"mail {address}" for address in account.values()
    ]
    return tuple(
        present.Fact(
            present.names(plan, [contact.person]),
            listed(mine if contact.person == me and one.is_standing else map(called, contact.channels))
            or "nothing reaches them",
            is_missing=not contact.channels,
        )
        for contact in packet.contacts
    )


# ---- Pages -----------------------------------------------------------------------------------------------------------


@get("/oncall/handoffs", sync_to_thread=True)
def show_handoffs(request: AnyRequest, visitor: SignedIn) -> Template:
    me = visitor.account.handle
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now = plans.current(tx), tx.now
        found = [line(plan, one, me, now) for one in oncall.latest_handoffs(tx, SHOWN)]
        asked_for = [rota_name(plan, key) for key, one in plan.rotations.items() if one.handing_over is not None]
        return page(
            request,
            visitor,
            tx,
            "handoffs.html",
            title="Handoffs",
            here="/oncall",
            handoffs=found,
            asked_for=listed(asked_for),
        )


@get("/oncall/handoffs/{handoff_id:str}", sync_to_thread=True)
def show_handoff(request: AnyRequest, visitor: SignedIn, handoff_id: FromPath[str]) -> Template:
    return _page(request, visitor, handoff_id, None, None)


def _page(request: AnyRequest, visitor: Visitor, handoff_id: str, form: Form | None, wrong: Trouble | None) -> Template:
    me = visitor.account.handle
    with visitor.app.database.read(visitor.actor) as tx:
        one = oncall.load_handoff(tx, handoff_id)
        plan, now, deeds = plans.current(tx), tx.now, oncall.deeds(tx, one.id)
        packet = handing.handed_over(tx, one, deeds)
        return page(
            request,
            visitor,
            tx,
            "handoff.html",
            title=f"Handoff of {rota_name(plan, one.rotation)}",
            here="/oncall",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed=form.typed() if form else {},
            handoff=line(plan, one, me, now),
            is_standing=one.is_standing,
            may_write=one.is_standing and handing.may(tx, one, one.outgoing),
            may_accept=one.is_standing and handing.may(tx, one, one.incoming),
            is_written=one.state is not State.OPEN,
            notes=notes(one, deeds, form if wrong and wrong.form == "write" else None),
            said=said(plan, deeds, now),
            due=due(handing.duties(tx, one), now),
            going=going(plan, packet, now),
            actions=packet.actions,
            waiting=packet.waiting_signals,
            unreadable=packet.unreadable_bodies,
            reached=reached(tx, plan, one, packet, me),
            as_of=utc(packet.made_at),
        )


# ---- Forms -----------------------------------------------------------------------------------------------------------


def _act(
    request: AnyRequest,
    visitor: Visitor,
    handoff_id: str,
    form: Form,
    name: str,
    command: Callable[[Tx], object],
) -> Template | Redirect:
    """Carry out what a form asks for, or show it again with what is wrong."""
    try:
        visitor.app.database.run(visitor.actor, command)
    except (Invalid, Refused) as why:
        field = why.field if isinstance(why, Invalid) and why.field else ""
        wrong = trouble(why, {field: field if name == "write" else f"{name}-{field}"})
        return _page(request, visitor, handoff_id, form, Trouble(**{**vars(wrong), "form": name}))
    return Redirect(f"/oncall/handoffs/{handoff_id}?done=handoff_{name}", status_code=303)


@post("/oncall/handoffs/{handoff_id:str}/write", sync_to_thread=True)
def write(request: AnyRequest, visitor: SignedIn, handoff_id: FromPath[str], form: Sent) -> Template | Redirect:
    def command(tx: Tx) -> None:
        count = len(oncall.load_handoff(tx, handoff_id).lines)
        handing.write(tx, handoff_id, [form.text(f"note-{number}") for number in range(1, count + 1)])

    return _act(request, visitor, handoff_id, form, "write", command)


@post("/oncall/handoffs/{handoff_id:str}/accept", sync_to_thread=True)
def accept(request: AnyRequest, visitor: SignedIn, handoff_id: FromPath[str], form: Sent) -> Template | Redirect:
    confirmed, words = form.has("contacts_confirmed"), form.text("said")
    return _act(
        request,
        visitor,
        handoff_id,
        form,
        "accept",
        lambda tx: handing.accept(tx, handoff_id, contacts_confirmed=confirmed, said=words),
    )


@post("/oncall/handoffs/{handoff_id:str}/ask", sync_to_thread=True)
def ask(request: AnyRequest, visitor: SignedIn, handoff_id: FromPath[str], form: Sent) -> Template | Redirect:
    question = form.text("question")
    return _act(request, visitor, handoff_id, form, "ask", lambda tx: handing.ask(tx, handoff_id, question))


def routes() -> list[Any]:
    return [show_handoffs, show_handoff, write, accept, ask]
