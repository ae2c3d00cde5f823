"""What reached us: the list of signals, as far as somebody asks for it, and what could not be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template

from tocsin.incidents import confidential
from tocsin.incidents import store as incidents
from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.text import clip, short_span
from tocsin.people import access
from tocsin.response import commands, rereading
from tocsin.signals import flapping, found, mapping, quarantine, reporting, silences
from tocsin.signals import store as signals
from tocsin.signals.found import Asked
from tocsin.signals.model import State as SignalState
from tocsin.signals.quarantine import Quarantined
from tocsin.signals.store import Disposition, Signal
from tocsin.web import frame, present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.present import Choice

PATH = "/signals"
A_PAGE = 100
InState = Annotated[str, QueryParameter(name="state", required=False)]


@dataclass(frozen=True)
class SignalRow:
    id: str
    source: str
    title: str
    key: str
    state: str
    mark: str
    count: int
    disposition: str
    why: str
    incident: str
    number: str  # of the incident
    last: str
    last_iso: str
    first: str
    age: str
    link: str
    warnings: tuple[str, ...]
    words: str  # what a user said, in full
    contact: str
    is_waiting: bool
    flapping: str


def signal_rows(tx: Tx, listed: Iterable[Signal], now: datetime) -> list[SignalRow]:
    """Signals as rows, each with the number of its incident."""
    known = list(listed)
    standing = incidents.standing_of(tx, {one.incident_id for one in known if one.incident_id})
    numbers = {name: f"#{number}" for name, (_, number) in standing.items()}
    return [replace(signal_row(one, now), number=numbers.get(one.incident_id or "", "")) for one in known]


def signal_row(signal: Signal, now: datetime) -> SignalRow:
    """A signal as a row. Its link is shown only where a browser may follow it."""
    waiting = signal.disposition is Disposition.WAITING and signal.state is SignalState.FIRING
    link = signal.link or ""
    return SignalRow(
        id=signal.id,
        source=signal.source,
        title=signal.title,
        key=signal.key,
        state=signal.state.capitalize(),
        mark="degraded" if waiting else "down" if signal.state is SignalState.FIRING else "ok",
        count=signal.count,
        disposition=signal.disposition.capitalize(),
        why=signal.why,
        incident=signal.incident_id or "",
        number="",
        last=present.moment(signal.last_at, now),
        last_iso=present.iso(signal.last_at),
        first=present.moment(signal.first_at, now),
        age=short_span(now - signal.first_at),
        link=link if link.startswith(("https://", "http://")) else "",
        warnings=tuple(signal.warnings),
        words=str(signal.details.get("words", "")) if signal.source == reporting.SOURCE else "",
        contact=str(signal.details.get("contact", "")) if signal.source == reporting.SOURCE else "",
        is_waiting=waiting,
        flapping=flapping.told(signal.flapping_since, signal.calm_at),
    )


@dataclass(frozen=True)
class Unread:
    id: int
    at: str
    source: str
    sender: str
    reason: str
    size: int
    body: str
    result: str
    is_read: bool
    own: str  # the name of a sender of the plan, which can be tried


def unread(one: Quarantined, now: datetime) -> Unread:
    return Unread(
        id=one.id,
        at=present.moment(one.at, now),
        source=one.source,
        sender=one.sender,
        reason=one.reason,
        size=one.size,
        body=one.body,
        result=one.result or "",
        is_read=one.read_at is not None,
        own=one.source.removeprefix(mapping.PREFIX) if one.source.startswith(mapping.PREFIX) else "",
    )


# ---- The page ----

_STATES = [Choice("firing", "Fires"), Choice("acknowledged", "Acknowledged"), Choice("resolved", "Cleared")]
BECAME = {
    Disposition.WAITING: "Waits for a person",
    Disposition.DECLARED: "Declared an incident",
    Disposition.ATTACHED: "Joined an incident",
    Disposition.SILENCED: "Held back",
    Disposition.CLEARED: "Over before anything followed",
    Disposition.DISMISSED: "Dismissed",
}


@dataclass(frozen=True)
class Narrowed:
    """In whose signals alone somebody is interested, in words, and where that leads."""

    words: str
    called: str
    href: str


@get(PATH, sync_to_thread=True)
def show_signals(
    request: AnyRequest,
    visitor: SignedIn,
    words: FromQuery[str] = "",
    in_state: InState = "",
    became: FromQuery[str] = "",
    source: FromQuery[str] = "",
    silence: FromQuery[str] = "",
    incident: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    asked = Asked(
        words=words.strip(), state=in_state, became=became, source=source.strip(), silence=silence, incident=incident
    )
    with visitor.app.database.read(visitor.actor) as tx:
        return draw_signals(request, visitor, tx, asked, before)


def draw_signals(
    request: AnyRequest | frame.Asked, visitor: Visitor, tx: Tx, asked: Asked | None = None, before: str = ""
) -> Template:
    now, asked = tx.now, asked or Asked()
    if asked.incident:
        asked = replace(asked, incident=incidents.id_of(tx, asked.incident))
    at, below = _cursor(before)
    listed, of_many = found.listing(tx, asked, A_PAGE + 1, at, below)
    typed = {name: value for name, value in vars(asked).items() if value}
    return page(
        request,
        visitor,
        tx,
        "signals.html",
        title="Signals",
        here=PATH,
        rows=signal_rows(tx, listed[:A_PAGE], now),
        more=_more(typed, listed[A_PAGE - 1]) if len(listed) > A_PAGE else "",
        typed=vars(asked),
        of_many=found.NAMED_MOST if of_many else 0,
        narrowed=_narrowed(tx, asked),
        is_live=not typed and not before,
        is_asked=bool(typed),
        is_later=bool(before),
        states=_STATES,
        dispositions=[Choice(one, name) for one, name in BECAME.items()],
        sources=[Choice(one, one) for one in sorted({*found.sources(tx), *filter(None, [asked.source])})],
        unread=[unread(one, now) for one in quarantine.listed(tx)] if not typed and not before else [],
        backlog=signals.backlog(tx),
        may_read=visitor.actor.may(access.SIGNAL_WRITE),
    )


def _cursor(before: str) -> tuple[datetime | None, str]:
    """Where the page before ended; one that can't be read is the beginning."""
    at, _, below = before.partition("-")
    return (from_millis(int(at)), below) if at.isascii() and at.isdecimal() and len(at) < 15 else (None, "")


def _more(typed: Mapping[str, str], last: Signal) -> str:
    return f"{PATH}?{urlencode({**typed, 'before': f'{to_millis(last.last_at)}-{last.id}'})}"


def _narrowed(tx: Tx, asked: Asked) -> list[Narrowed]:
    narrowed = []
    if asked.silence:
        one = silences.load(tx, asked.silence)
        narrowed.append(Narrowed("Held back by", one.called, f"/silences/{one.id}"))
    if asked.incident:
        of = incidents.load(tx, asked.incident)
        called = f"#{of.number}, {clip(confidential.heading(of), 120)}"
        narrowed.append(Narrowed("On the record of", called, f"/incidents/{of.id}"))
    return narrowed


@post("/signals/{signal_id:str}/dismiss", sync_to_thread=True)
def dismiss(visitor: SignedIn, form: Sent, signal_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.dismiss_signal(tx, signal_id, form.text("because")))
    return Redirect(
        "/signals?done=dismissed" if form.text("from") == "signals" else "/?done=dismissed", status_code=303
    )


@post("/signals/quarantine/read", sync_to_thread=True)
def read_again(visitor: SignedIn, form: Sent) -> Redirect:
    """Read one body again, or all of them; the list says how it went."""
    run, actor, which = visitor.app.database.run, visitor.actor, form.text("body")
    if which.isdecimal() and len(which) < 16:
        run(actor, lambda tx: rereading.read_again(tx, int(which)))
    else:
        run(actor, rereading.read_all_again)
    return Redirect("/signals?done=reread#quarantine-h", status_code=303)


def routes() -> list[Any]:
    return [show_signals, dismiss, read_again]
