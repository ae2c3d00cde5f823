"""Changing the plan in the browser: what a text does is shown first, and only what was looked at comes into force."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from tocsin.incidents import words
from tocsin.kit.errors import Invalid, Refused
from tocsin.people import access
from tocsin.plan import check
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.commands import BadPlan, LargeChange
from tocsin.plan.consequences import Consequence, Weight
from tocsin.plan.diff import diff
from tocsin.plan.model import Plan
from tocsin.web import findings, present, trouble
from tocsin.web.forms import LONGEST_PLAN, MOST_PLAN_BYTES, AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Visitor, page
from tocsin.web.trouble import Trouble

PATH = "/plan/change"
REASON_MOST = 1000
CHANGES_SHOWN = 200
SINCE_SHOWN = 3
IDS: Mapping[str, str] = {"plan": "plan", "reason": "reason", "accept": "accept"}


class NotLookedAt(Refused):
    """This is not what you looked at: the text is another, or another plan has come into force since. What it changes
    now stands below; put it into force once more if it is meant."""


class NotAccepted(Invalid):
    """Less would be promised than before. Say below that it is meant, or change the text."""


@dataclass(frozen=True)
class Typed:
    """What the form holds: a text, the revision that it was taken from, and why the plan is changed."""

    text: str
    revision: str
    reason: str = ""


@dataclass(frozen=True)
class Line:
    mark: str
    word: str
    sentence: str
    path: str
    takes_back: bool


@dataclass(frozen=True)
class Looked:
    """What a text would do. `seen` is its sign together with that of the plan that it would follow. `since` names what
    came into force after the revision that the text was taken from: what of it is missing in the text goes with it."""

    name: str
    version: str
    since: tuple[str, ...]
    changes: tuple[Line, ...]
    more: int
    is_large: bool
    found: findings.Found
    seen: str


@get(PATH, sync_to_thread=True)
def show_change(request: AnyRequest, visitor: SignedIn, revision: FromQuery[str] = "") -> Template:
    access.require(visitor.actor, access.PLAN_WRITE)
    with visitor.app.database.read(visitor.actor) as tx:
        chosen = revision or plans.current_id(tx)
        return _page(request, visitor, tx, Typed(plans.text(tx, chosen), chosen))


@post(PATH, sync_to_thread=True, status_code=200, request_max_body_size=MOST_PLAN_BYTES)
def change(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Show what the text would do, or put it into force. A refusal shows the text again, with what it would do."""
    access.require(visitor.actor, access.PLAN_WRITE)
    typed = Typed(form.secret("plan").replace("\r\n", "\n"), form.text("revision"), form.text("reason"))
    wrong: Trouble | None = None
    try:
        _check_bounds(typed)
        if form.text("step") == "apply":
            visitor.app.database.run(visitor.actor, lambda tx: _apply(tx, typed, form))
            return Redirect("/plan?done=plan", status_code=303)
    except BadPlan:
        pass  # each of its mistakes is shown, with its line
    except LargeChange:
        wrong = trouble.trouble(NotAccepted(field="accept"), IDS)
    except (Invalid, Refused) as why:
        wrong = trouble.trouble(why, IDS)
    with visitor.app.database.read(visitor.actor) as tx:
        return _shown(request, visitor, tx, typed, wrong)


def _check_bounds(typed: Typed) -> None:
    if len(typed.text) > LONGEST_PLAN:
        raise Invalid(f"This is longer than {LONGEST_PLAN:,} characters; use tocsin plan apply.", field="plan")
    if len(typed.reason) > REASON_MOST:
        raise Invalid(f"A reason has at most {REASON_MOST} characters.", field="reason")


def _apply(tx: Any, typed: Typed, form: Form) -> None:
    if not typed.reason:
        raise Invalid("Say why the plan is changed; it stands beside the revision.", field="reason")
    if form.text("seen") != _sign(tx, typed.text):
        raise NotLookedAt
    plan_commands.apply(tx, typed.text, typed.reason, accept_large=form.has("accept"))


def _sign(tx: Any, text: str) -> str:
    return hashlib.sha256(f"{plans.current_id(tx)}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _shown(request: AnyRequest, visitor: Visitor, tx: Any, typed: Typed, wrong: Trouble | None) -> Template:
    if len(typed.text) > LONGEST_PLAN:
        return _page(request, visitor, tx, typed, wrong=wrong)
    try:
        return _page(request, visitor, tx, typed, looked=_look(tx, typed), wrong=wrong)
    except BadPlan as why:
        return _page(request, visitor, tx, typed, mistakes=findings.mistakes(why), wrong=wrong)


def _look(tx: Any, typed: Typed) -> Looked:
    plan, now = check.load(typed.text, "plan.yaml"), plans.current(tx)
    if not isinstance(plan, Plan):
        raise BadPlan(plan)
    since = _since(tx, typed.revision)
    theirs = _taken_back(plans.load(tx, typed.revision), now, plan) if since else frozenset()
    consequences = sorted(diff(now, plan), key=lambda one: (one.weight is not Weight.LARGE, one.path not in theirs))
    return Looked(
        name=plan.name,
        version=plan.version,
        since=tuple(_told(now, one, tx) for one in since[:SINCE_SHOWN]),
        changes=tuple(_line(one, takes_back=one.path in theirs) for one in consequences[:CHANGES_SHOWN]),
        more=max(0, len(consequences) - CHANGES_SHOWN),
        is_large=any(one.weight is Weight.LARGE for one in consequences),
        found=findings.found(plan_commands.examine(tx, typed.text)),
        seen=_sign(tx, typed.text),
    )


def _since(tx: Any, revision: str) -> list[plans.Revision]:
    """What came into force after this revision did, the plan in force first: it may be an older one that came back."""
    known, now = plans.revisions(tx), plans.current_revision(tx)
    begun = next((one for one in known if one.id == revision), now)
    later = [one for one in known if one.applied_at > begun.applied_at and one.id != now.id]
    return [] if begun.id == now.id else [now, *later]


def _taken_back(begun: Plan, now: Plan, typed: Plan) -> frozenset[str]:
    """What others have changed since, and whoever typed the text has not touched."""
    return frozenset(one.path for one in diff(begun, now)) - {one.path for one in diff(begun, typed)}


def _told(plan: Plan, one: plans.Revision, tx: Any) -> str:
    by, at = words.name(plan, one.applied_by), present.moment(one.applied_at, tx.now)
    return f"{one.id} by {by}, {at}" + (f": {one.reason}" if one.reason else "")


def _line(one: Consequence, *, takes_back: bool) -> Line:
    mark, word = ("due", "Large") if one.weight is Weight.LARGE else ("open", "Small")
    if takes_back:
        mark, word = "missed", f"{word}, takes back"
    return Line(mark, word, one.sentence, one.path, takes_back)


def _page(
    request: AnyRequest,
    visitor: Visitor,
    tx: Any,
    typed: Typed,
    *,
    looked: Looked | None = None,
    mistakes: tuple[findings.Mistake, ...] = (),
    wrong: Trouble | None = None,
) -> Template:
    current = plans.current_id(tx)
    return page(
        request,
        visitor,
        tx,
        "plan_change.html",
        title="Change the plan",
        here="/plan",
        status=wrong.status if wrong else 400 if mistakes else 200,
        typed=typed,
        looked=looked,
        mistakes=mistakes,
        wrong=wrong,
        revisions=[(one.id, f"{one.id}, version {one.version}", one.id == current) for one in plans.revisions(tx)],
    )


def routes() -> list[Any]:
    return [show_change, change]
