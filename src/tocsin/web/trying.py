"""Trying in the browser what another plan's rules would make of the signals. Nothing is changed by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from litestar import get, post
from litestar.params import FromQuery
from litestar.response import Template

from tocsin.kit.errors import Invalid
from tocsin.kit.text import clip
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.commands import BadPlan
from tocsin.response import explaining, subsiding, trying
from tocsin.signals import store as signals
from tocsin.web import findings, present
from tocsin.web.forms import LONGEST_PLAN, MOST_PLAN_BYTES, AnyRequest, Sent
from tocsin.web.frame import SignedIn, Visitor, page
from tocsin.web.signal import RulingLine, ruling

PATH = "/plan/try"
BACK = timedelta(days=30)
SIGNALS_MOST = 2000  # that a page waits for; the command line tries more


@dataclass(frozen=True)
class Tally:
    rule: str
    before: int
    after: int
    is_changed: bool


@dataclass(frozen=True)
class Change:
    sentence: str
    mark: str
    word: str
    examples: tuple[tuple[str, str], ...]  # id, title
    more: int


@dataclass(frozen=True)
class Month:
    """What the plan would make of last month's signals."""

    signals: int
    is_whole: bool
    since: str
    tallies: tuple[Tally, ...]
    idle: tuple[str, ...]  # rules that decide nothing, neither then nor now
    changes: tuple[Change, ...]
    endings: tuple[str, ...]


@dataclass(frozen=True)
class One:
    """What the plan would make of one signal, beside what is made of it now."""

    id: str
    title: str
    now: str
    would: str
    is_same: bool
    decides: RulingLine | None
    others: tuple[RulingLine, ...]


@dataclass(frozen=True)
class Tried:
    plan: str
    month: Month
    one: One | None


@dataclass(frozen=True)
class Typed:
    """What the form holds: the text of a plan, the revision that it was taken from, and a signal to try it on."""

    text: str = ""
    revision: str = ""
    signal: str = ""


@get(PATH, sync_to_thread=True)
def show_try(
    request: AnyRequest, visitor: SignedIn, revision: FromQuery[str] = "", signal: FromQuery[str] = ""
) -> Template:
    access.require(visitor.actor, access.PLAN_READ)
    access.require(visitor.actor, access.INCIDENT_READ)
    with visitor.app.database.read(visitor.actor) as tx:
        if signal:
            signals.load(tx, signal)
        chosen = revision or plans.current_id(tx)
        return _page(request, visitor, tx, Typed(plans.text(tx, chosen), chosen, signal))


@post(PATH, sync_to_thread=True, status_code=200, request_max_body_size=MOST_PLAN_BYTES)
def try_it(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template:
    access.require(visitor.actor, access.PLAN_READ)
    access.require(visitor.actor, access.INCIDENT_READ)
    typed = Typed(form.secret("plan").replace("\r\n", "\n"), form.text("revision"), form.text("signal"))
    with visitor.app.database.read(visitor.actor) as tx:
        if len(typed.text) > LONGEST_PLAN:
            raise Invalid(
                f"This is longer than {LONGEST_PLAN:,} characters; try it with tocsin plan try-rules.", field="plan"
            )
        try:
            found = _tried(tx, typed)
        except BadPlan as why:
            return _page(request, visitor, tx, typed, mistakes=findings.mistakes(why))
        return _page(request, visitor, tx, typed, tried=found)


def _tried(tx: Any, typed: Typed) -> Tried:
    one = explaining.explain(tx, typed.signal, typed.text) if typed.signal else None
    until = tx.now + timedelta(milliseconds=1)
    month = trying.try_rules(tx, typed.text, tx.now - BACK, until, most=SIGNALS_MOST)
    return Tried(month.plan, _month(month, tx.now), _one(tx, one) if one else None)


def _month(found: trying.Trial, now: datetime) -> Month:
    return Month(
        signals=found.signals,
        is_whole=found.is_whole,
        since=present.moment(found.since, now),
        tallies=tuple(
            Tally(one.rule or "No rule: a person decides", one.before, one.after, one.before != one.after)
            for one in found.tallies
            if one.before or one.after
        ),
        idle=tuple(one.rule for one in found.tallies if one.rule and not (one.before or one.after)),
        changes=tuple(_change(one) for one in found.changes),
        endings=tuple(subsiding.sentence(one) for one in found.endings),
    )


def _change(one: trying.Change) -> Change:
    mark, word = ("down", "Less") if one.is_less else ("degraded", "Otherwise")
    examples = tuple((each.id, clip(each.title, 120)) for each in one.examples)
    return Change(trying.sentence(one), mark, word, examples, one.count - len(examples))


def _one(tx: Any, found: explaining.Explained) -> One:
    now, would = explaining.explain(tx, found.signal.id).rules.decision.why, found.rules.decision.why
    rulings = [ruling(one) for one in found.rules.rulings]
    decides = next((one for one in rulings if one.decides), None)
    others = tuple(one for one in rulings if not one.decides)
    return One(found.signal.id, clip(found.signal.title, 120), now, would, now == would, decides, others)


def _page(
    request: AnyRequest,
    visitor: Visitor,
    tx: Any,
    typed: Typed,
    *,
    tried: Tried | None = None,
    mistakes: Sequence[findings.Mistake] = (),
) -> Template:
    current = plans.current_id(tx)
    known = [(one.id, f"{one.id}, version {one.version}", one.id == current) for one in plans.revisions(tx)]
    return page(
        request,
        visitor,
        tx,
        "plan_try.html",
        title="Try a plan's rules",
        here="/plan",
        status=400 if mistakes else 200,
        typed=typed,
        revisions=known,
        tried=tried,
        mistakes=mistakes,
    )


def routes() -> list[Any]:
    return [show_try, try_it]
