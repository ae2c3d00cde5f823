"""What holds signals back: in force, coming and past; and the forms that add to it, with a look at what they do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.incidents import words
from tocsin.kit.errors import Invalid, Refused
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.signals import commands, silences, silencing
from tocsin.signals import store as signals
from tocsin.signals.commands import Preview, Wanted
from tocsin.signals.silencing import Matcher, Means, Phase, Silence
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.now import signal_row
from tocsin.web.present import Choice
from tocsin.web.trouble import Trouble, trouble

PAST = timedelta(days=30)
SHOWN = 12  # signals of a preview; the others are counted
LINE_MOST = 1000
FIELDS = ("matchers", "service", "components", "title", "text", "starts_at", "ends_at", "because")
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
    more: int
    looked_at: int


@get("/silences", sync_to_thread=True)
def show_silences(request: AnyRequest, visitor: SignedIn, signal: FromQuery[str] = "") -> Template:
    return _page(request, visitor, signal_id=signal)


@post("/silences", sync_to_thread=True)
def add(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Add one, or only show what it would do. A refusal shows the page again, with what was typed."""
    run, actor = visitor.app.database.run, visitor.actor
    try:
        wanted = _wanted(form)
        if form.text("do") == "preview":
            return _page(request, visitor, form=form, preview=run(actor, lambda tx: commands.preview(tx, wanted)))
        run(actor, lambda tx: commands.silence(tx, wanted, accept_worst=form.has("yes")))
    except commands.HoldsBackTheWorst as why:
        seen = run(actor, lambda tx: commands.preview(tx, wanted))
        return _page(request, visitor, form=form, wrong=_trouble(why, form), preview=seen)
    except (Invalid, Refused) as why:
        return _page(request, visitor, form=form, wrong=_trouble(why, form))
    return Redirect("/silences?done=silenced", status_code=303)


@post("/silences/{silence_id:str}/end", sync_to_thread=True)
def end(visitor: SignedIn, silence_id: FromPath[str]) -> Redirect:
    visitor.app.database.run(visitor.actor, lambda tx: commands.end_silence(tx, silence_id))
    return Redirect("/silences?done=unsilenced", status_code=303)


def _wanted(form: Form) -> Wanted:
    ends_at = form.instant("ends_at")
    if ends_at is None:
        raise Invalid("Say when it ends.", field="ends_at")
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
        found = silences.listing(tx, since=now - PAST)
        held = silences.held_by(tx, [one.id for one in found])
        rows: dict[Phase, list[Row]] = {phase: [] for phase in Phase}
        for one in found:
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
            typed={kind: typed.get(kind, {}) for kind in (SILENCE, MAINTENANCE)},
            seen=_seen(preview, _kind(form), now) if preview and form else None,
            groups=[("In force", rows[Phase.ACTIVE]), ("Coming", rows[Phase.COMING]), ("Past", rows[Phase.PAST])],
            services=[Choice(key, one.name) for key, one in plan.services.items()],
            parts=", ".join(dict.fromkeys(key for one in plan.services.values() for key in one.components)),
            may_add=visitor.actor.may(access.INCIDENT_WRITE),
        )


def _of_signal(tx: Tx, signal_id: str) -> dict[str, str]:
    """The form filled with all that a signal says of itself; whoever makes the silence takes lines away."""
    if not signal_id:
        return {}
    found = signals.load(tx, signal_id)
    said = {"source": found.source, **found.labels}
    lines = (str(Matcher(name, Means.IS, value)) for name, value in said.items() if value and "\n" not in value)
    return {"matchers": "\n".join(lines)}


def _row(plan: Plan, one: Silence, held: int, now: datetime, visitor: Visitor) -> Row:
    begin, until = present.moment(one.starts_at, now), present.moment(one.over_at, now)
    ended = f", ended by {words.name(plan, one.ended_by)}" if one.ended_by else ""
    return Row(
        id=one.id,
        called=one.title if one.is_window else one.because,
        scope=one.scope,
        when=f"{begin} to {until}{ended}",
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
        more=max(0, len(firing) - SHOWN) + max(0, len(earlier) - SHOWN),
        looked_at=preview.looked_at,
    )


def routes() -> list[Any]:
    return [show_silences, add, end]
