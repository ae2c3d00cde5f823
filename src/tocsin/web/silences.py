"""What holds signals back: in force, coming and past; and the forms that add to it, with a look at what they do."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from litestar import get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.incidents import words
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import clip, parse_span
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.signals import commands, found, silences, silencing
from tocsin.signals import store as signals
from tocsin.signals.commands import Preview, Wanted
from tocsin.signals.silencing import Matcher, Means, Phase, Silence
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.present import Choice
from tocsin.web.signals import signal_row, signal_rows
from tocsin.web.trouble import Trouble, trouble

PAST = timedelta(days=30)
SHOWN = 12  # signals of a preview; the others are counted
LINE_MOST = 1000
HELD_SHOWN = 100
FIELDS = ("matchers", "service", "components", "title", "text", "starts_at", "length", "ends_at", "because")
TWO_HOURS = "2 h"
SILENCE, MAINTENANCE = "silence", "maintenance"


@dataclass(frozen=True)
class Row:
    id: str
    called: str
    scope: str
    when: str
    by: str
    because: str
    held: int
    may_end: bool


@dataclass(frozen=True)
class Seen:
    """A preview: its warning, what would be held back now, and what was this week."""

    form: str
    warning: str
    firing: tuple[Any, ...]
    earlier: tuple[Any, ...]
    counts: tuple[int, int]  # of both, also of what is not shown
    looked_at: int


@get("/silences", sync_to_thread=True)
def show_silences(request: AnyRequest, visitor: SignedIn, signal: FromQuery[str] = "") -> Template:
    return _page(request, visitor, signal_id=signal)


@post("/silences", sync_to_thread=True)
def add(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Add one, or only show what it would do. A refusal shows the page again, with what was typed."""
    run, actor = visitor.app.database.run, visitor.actor
    try:
        wanted = _wanted(form, visitor.app.database.now())
        if form.text("do") == "preview":
            return _page(request, visitor, form=form, preview=run(actor, lambda tx: commands.preview(tx, wanted)))
        made = run(actor, lambda tx: commands.silence(tx, wanted, accept_worst=form.has("yes")))
    except commands.HoldsBackTheWorst as why:
        seen = run(actor, lambda tx: commands.preview(tx, wanted))
        wrong = replace(_trouble(why, form), field_id=f"{_kind(form)}-yes")  # where it is said that it is meant
        return _page(request, visitor, form=form, wrong=wrong, preview=seen)
    except (Invalid, Refused) as why:
        return _page(request, visitor, form=form, wrong=_trouble(why, form))
    if made.starts_at > made.made_at:
        return Redirect(f"/silences/{made.id}?done=planned", status_code=303)  # its page says from when and until when
    return Redirect(f"/silences?done={'maintenance' if made.is_window else 'silenced'}", status_code=303)


@post("/silences/{silence_id:str}/end", sync_to_thread=True)
def end(visitor: SignedIn, silence_id: FromPath[str]) -> Redirect:
    ended = visitor.app.database.run(visitor.actor, lambda tx: commands.end_silence(tx, silence_id))
    return Redirect(f"/silences?done={'called_off' if _is_called_off(ended) else 'unsilenced'}", status_code=303)


@get("/silences/{silence_id:str}", sync_to_thread=True)
def show_silence(request: AnyRequest, visitor: SignedIn, silence_id: FromPath[str]) -> Template:
    return _one(request, visitor, silence_id)


@post("/silences/{silence_id:str}/extend", sync_to_thread=True)
def extend(request: AnyRequest, visitor: SignedIn, form: Sent, silence_id: FromPath[str]) -> Template | Redirect:
    """Let it end later. A refusal shows its page again, with what was typed."""
    accepts = form.has("yes")

    def longer(tx: Tx) -> Silence:
        access.require(tx.actor, access.INCIDENT_WRITE)  # before anything is said of whether there is such a silence
        ends_at = _end(form, silences.load(tx, silence_id).ends_at)
        return commands.extend_silence(tx, silence_id, ends_at, accept_worst=accepts)

    try:
        visitor.app.database.run(visitor.actor, longer)
    except (Invalid, Refused) as why:
        ids = {name: f"extend-{name}" for name in FIELDS}
        wrong, is_grave = trouble(why, ids), isinstance(why, commands.HoldsBackTheWorst)
        wrong = replace(wrong, field_id="extend-yes") if is_grave else wrong
        return _one(request, visitor, silence_id, form=form, wrong=wrong, is_grave=is_grave)
    return Redirect(f"/silences/{silence_id}?done=extended", status_code=303)


def _end(form: Form, begin: datetime) -> datetime:
    """When it ends: at the time that was said, or else so long after the beginning."""
    ends_at, length = form.instant("ends_at"), form.text("length")
    if ends_at is not None:
        return ends_at
    if not length:
        raise Invalid("Say how long it lasts, or when it ends.", field="length")
    try:
        return begin + parse_span(length)
    except (ValueError, OverflowError):
        raise Invalid(f"'{clip(length, 40)}' is no length of time; write it like 2 h.", field="length") from None


def _wanted(form: Form, now: datetime) -> Wanted:
    ends_at = _end(form, form.instant("starts_at") or now)
    for name in ("title", "because"):
        if len(form.text(name)) > LINE_MOST:
            raise Invalid(f"This is longer than {LINE_MOST} characters.", field=name)
    about: dict[str, Any]
    if form.text("kind") == MAINTENANCE:
        parts = (one.strip() for one in form.text("components").split(","))
        about = {"service": form.text("service"), "components": tuple(one for one in parts if one)}
        about |= {"title": form.text("title"), "text": form.text("text")}
    else:
        lines = (one for one in form.text("matchers").split("\n") if one.strip())
        about = {"matchers": tuple(silencing.read_matcher(one) for one in lines)}
    return Wanted(**about, starts_at=form.instant("starts_at"), ends_at=ends_at, because=form.text("because"))


def _kind(form: Form) -> str:
    return MAINTENANCE if form.text("kind") == MAINTENANCE else SILENCE


def _trouble(why: Invalid | Refused, form: Form) -> Trouble:
    kind = _kind(form)
    return trouble(why, {name: f"{kind}-{name}" for name in FIELDS})


def _page(
    request: AnyRequest,
    visitor: Visitor,
    *,
    form: Form | None = None,
    wrong: Trouble | None = None,
    preview: Preview | None = None,
    signal_id: str = "",
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now = plans.current(tx), tx.now
        known = silences.listing(tx, since=now - PAST)
        held = silences.held_by(tx, [one.id for one in known])
        rows: dict[Phase, list[Row]] = {phase: [] for phase in Phase}
        for one in known:
            rows[one.phase(now)].append(_row(plan, one, held.get(one.id, 0), now, visitor))
        typed = {_kind(form): form.typed()} if form else {SILENCE: _of_signal(tx, signal_id)}
        return page(
            request,
            visitor,
            tx,
            "silences.html",
            title="Silences and maintenance",
            here="/signals",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed={kind: {"length": TWO_HOURS, **typed.get(kind, {})} for kind in (SILENCE, MAINTENANCE)},
            seen=_seen(preview, _kind(form), now) if preview and form else None,
            groups=[("In force", rows[Phase.ACTIVE]), ("Coming", rows[Phase.COMING]), ("Past", rows[Phase.PAST])],
            services=[Choice(key, one.name) for key, one in plan.services.items()],
            parts=", ".join(dict.fromkeys(key for one in plan.services.values() for key in one.components)),
            may_add=visitor.actor.may(access.INCIDENT_WRITE),
        )


def _one(
    request: AnyRequest,
    visitor: Visitor,
    silence_id: str,
    *,
    form: Form | None = None,
    wrong: Trouble | None = None,
    is_grave: bool = False,
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        plan, now, one = plans.current(tx), tx.now, silences.load(tx, silence_id)
        asked = found.Asked(silence=one.id)
        held = found.listing(tx, asked, HELD_SHOWN + 1).signals
        return page(
            request,
            visitor,
            tx,
            "silence.html",
            title="A maintenance window" if one.is_window else "A silence",
            here="/signals",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed=form.typed() if form else {"length": TWO_HOURS},
            row=_row(plan, one, silences.held_by(tx, [one.id]).get(one.id, 0), now, visitor),
            phase=_PHASES[one.phase(now)],
            is_window=one.is_window,
            is_coming=one.phase(now) is Phase.COMING,
            text=one.text,
            facts=list(_facts(plan, one, now)),
            signals=signal_rows(tx, held[:HELD_SHOWN], now),
            more=f"/signals?silence={one.id}" if len(held) > HELD_SHOWN else "",
            is_grave=is_grave,
        )


_PHASES = {Phase.COMING: ("due", "Coming"), Phase.ACTIVE: ("ok", "In force"), Phase.PAST: ("open", "Over")}


def _facts(plan: Plan, one: Silence, now: datetime) -> Iterator[present.Fact]:
    """When, and who did what to it."""
    yield present.Fact("From", present.moment(one.starts_at, now))
    yield present.Fact("Until", present.moment(_until(one), now))
    yield present.Fact("Made", f"{present.moment(one.made_at, now)}, by {words.name(plan, one.made_by)}")
    if one.extended_at:
        by = words.name(plan, one.extended_by or "")
        yield present.Fact("Extended last", f"{present.moment(one.extended_at, now)}, by {by}")
    if one.ended_at:
        over = "Called off" if _is_called_off(one) else "Ended"
        yield present.Fact(over, f"{present.moment(one.ended_at, now)}, by {words.name(plan, one.ended_by or '')}")


def _is_called_off(one: Silence) -> bool:
    """Whether it was ended before it began."""
    return one.ended_at is not None and one.ended_at < one.starts_at


def _until(one: Silence) -> datetime:
    """When it is over; what was called off keeps the time it was to have."""
    return one.ends_at if _is_called_off(one) else one.over_at


def _of_signal(tx: Tx, signal_id: str) -> dict[str, str]:
    """The form filled with all that a signal says of itself; whoever makes the silence takes lines away."""
    if not signal_id:
        return {}
    signal = signals.load(tx, signal_id)
    said = {"source": signal.source, **signal.labels}
    lines = (str(Matcher(name, Means.IS, value)) for name, value in said.items() if value and "\n" not in value)
    return {"matchers": "\n".join(lines)}


def _row(plan: Plan, one: Silence, held: int, now: datetime, visitor: Visitor) -> Row:
    begin, until = present.moment(one.starts_at, now), present.moment(_until(one), now)
    how = "called off" if _is_called_off(one) else "ended"
    ended = f", {how} by {words.name(plan, one.ended_by)}" if one.ended_by else ""
    longer = f", extended by {words.name(plan, one.extended_by)}" if one.extended_by and not ended else ""
    return Row(
        id=one.id,
        called=one.title if one.is_window else one.because,
        scope=one.scope,
        when=f"{begin} to {until}{ended}{longer}",
        by=words.name(plan, one.made_by),
        because=one.because if one.is_window else "",
        held=held,
        may_end=visitor.actor.may(access.INCIDENT_WRITE) and one.phase(now) is not Phase.PAST,
    )


def _seen(preview: Preview, form: str, now: datetime) -> Seen:
    firing = tuple((signal_row(one.signal, now), one.severity or "") for one in preview.firing)
    earlier = tuple((signal_row(one.signal, now), one.severity or "") for one in preview.earlier)
    return Seen(
        form=form,
        warning=preview.warning,
        firing=firing[:SHOWN],
        earlier=earlier[:SHOWN],
        counts=(len(firing), len(earlier)),
        looked_at=preview.looked_at,
    )


def routes() -> list[Any]:
    return [show_silences, show_silence, add, extend, end]
