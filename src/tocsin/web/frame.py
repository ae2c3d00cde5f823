"""What stands around every signed-in page: the bell line, the navigation, who is reading, and the clock."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from litestar.di import NamedDependency
from litestar.response import Template
from markupsafe import Markup

from tocsin.app import App
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.kit.actor import Actor
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind, Obligation
from tocsin.oncall import store as oncall
from tocsin.oncall.schedule import Rotas
from tocsin.people import access
from tocsin.people.model import Account
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.web import cookies, present
from tocsin.web.forms import AnyRequest

Tx = Any  # a unit of work; its own type belongs to the database, which pages may not know

STATIC = Path(__file__).parent / "static"
THEMES = ("light", "dark")
MOST_OPEN = 200
EVERYBODY = "*"  # no handle of an account is called so
OWED_LOOKED_AT = 1  # of what is owed, for a frame

NAVIGATION = (
    ("/", "Now"),
    ("/incidents", "Incidents"),
    ("/search", "Search"),
    ("/declare", "Declare"),
    ("/signals", "Signals"),
    ("/changes", "Changes"),
    ("/oncall", "On call"),
    ("/status", "Status page"),
    ("/post-mortems", "Post-mortems"),
    ("/insights", "Insights"),
    ("/plan", "Plan"),
    ("/integrations", "Integrations"),
    ("/undelivered", "Undelivered"),
)
ADMINISTRATION = (  # each for whoever has the right
    ("/people", "People", access.PEOPLE_INVITE),
    ("/tokens", "Tokens", access.PEOPLE_WRITE),
    ("/subscribers", "Subscribers", access.PEOPLE_WRITE),
    ("/webhooks", "Webhooks", access.PEOPLE_WRITE),
    ("/audit", "Audit log", access.AUDIT_READ),
)
BEGINS_A_GROUP = ("/post-mortems", "/people")

DONE = {
    "acknowledged": "Acknowledged. The pages that had not left are withdrawn.",
    "escalated": "The next step is paged.",
    "declined": "You declined. Whoever is next is asked.",
    "woken": "The snooze is ended. The silence counts again from now.",
    "snoozed": "It is snoozed. Whatever is due stays due; at the end you are asked again.",
    "assigned": "The role is filled.",
    "severity": "The severity is changed; its clocks run.",
    "same-severity": "It has this severity already. Nothing was changed.",
    "type": "The type is changed.",
    "same-type": "It is of this type already. Nothing was changed.",
    "renamed": "The title is changed.",
    "same-title": "It has this title already. Nothing was changed.",
    "device": "This device is added. A push is on its way to it: press it, and verify the code.",
    "noted": "The note is on the timeline.",
    "decided": "The decision is on the timeline.",
    "posted": "The update is posted.",
    "drafted": "It waits for a word. Whoever can approve it is told, and nobody else reads it.",
    "approved": "It is told.",
    "draft-told": "That draft waits no more: the update was told. It stands on the timeline.",
    "draft-withdrawn": "That draft waits no more: it was told, and withdrawn afterwards. The timeline says why.",
    "draft-returned": "That draft waits no more: it was sent back. The timeline says why.",
    "draft-rewritten": "That draft waits no more: it was written anew.",
    "draft-dropped": "That draft waits no more: it was dropped when the incident became confidential.",
    "sent-back": "It is sent back. Whoever wrote it is told why.",
    "put-right": "It is corrected. Whoever got the first is told.",
    "withdrawn": "It is withdrawn. Whoever got it is told.",
    "elsewhere": "It is on the record as posted.",
    "call": "The call is replaced. The channel and the room show the new one.",
    "mitigated": "It is recorded as mitigated.",
    "resolved": "It is recorded as fixed; the watch has begun.",
    "reopened": "The incident is open again.",
    "closed": "The incident is closed.",
    "waived": "It is waived, and the record says why.",
    "found": "The finding is on the record.",
    "assessed": "The impact is on the record.",
    "chosen": "The way out is chosen.",
    "deployed": "The fix is on the record. What was checked before it is open again.",
    "checked": "The check is on the record.",
    "confirmed": "It is on the record.",
    "told_change": "The change is in the register.",
    "contacted": "It is on the record.",
    "thanked": "Thanked, by mail and on the record.",
    "ticked": "The checklist is up to date.",
    "confidential": "From here on only its readers see it.",
    "disclosed": "It is open to everybody who may read incidents. Nothing was published.",
    "added": "They are a responder now, and have been told.",
    "team_added": "Those of the team are responders now, and have been told.",
    "taken_off": "They are taken off.",
    "left": "You are taken off. If it is confidential, you do not see it any more.",
    "glass": "The glass is broken. The record says so, and its readers are told.",
    "merged": "It is merged. The work goes on in the other incident.",
    "linked": "They are linked. An open record does not name what is confidential.",
    "unlinked": "The link is taken back.",
    "split": "This is the new incident. The plan is running.",
    "scheduled": "The post-mortem is scheduled.",
    "corrected": "The time is corrected. The record keeps both.",
    "held": "It is recorded that the post-mortem was held.",
    "declared": "Declared. The plan is running.",
    "dismissed": "The signal is dismissed.",
    "reread": "It was read again. The list says how that went.",
    "silenced": "It is held back. What still fires at the end is decided then.",
    "maintenance": "The maintenance is in force. What still fires at the end is decided then.",
    "planned": "It is planned. It holds nothing back before it begins.",
    "extended": "It ends later now, and what it holds back stays held.",
    "unsilenced": "It is over. What still fires is decided now.",
    "called_off": "It is called off, and never begins.",
    "saved": "Saved.",
    "final": "The post-mortem is final.",
    "plan": "The plan is in force. Open incidents go on under the one they began with.",
    "contact": "The contact method is added. A code is on its way to it, unless it is your account's own address.",
    "code": "A fresh code is on its way.",
    "verified": "The contact method is verified. You are paged there from now on.",
    "tested": "A test page is on its way. Confirm it where it comes.",
    "zone": "Your hours are read on a clock there.",
    "rule": "The rule is added.",
    "rule-removed": "The rule is removed.",
    "removed": "The contact method is removed.",
    "password": "The password is set. Other sessions have ended.",
    "factor_off": "No code is asked of you any more.",
    "passkey": "The passkey is added.",
    "passkey_off": "The passkey is removed.",
    "session_off": "The session is ended.",
    "sessions_off": "Every other session is ended.",
    "factor_taken": "Second factor and passkeys are taken away, and every session is ended. Give them a new link.",
    "unlinked_there": "They are nobody's at the provider now. Their next sign-in finds the account by its address.",
    "disabled": "The account is disabled: nothing of theirs lets anybody in, and nothing pages them.",
    "enabled": "The account is enabled. What they had lets them in again.",
    "their_sessions_off": "Every session of theirs is ended, and a link that was not used is worth nothing any more.",
    "resent": "It is on its way again.",
    "address": "The address is replaced. The one before is good for nothing any more.",
    "revoked": "The token is revoked.",
    "override": "It is arranged. Whoever it concerns is told.",
    "override_off": "It is cancelled. What it covered holds again.",
    "feed_off": "The calendar is revoked. Its address shows nothing any more.",
    "swap_asked": "They are asked by mail, and answer here.",
    "swap_accept": "Accepted. The rota is changed, and they are told.",
    "swap_decline": "Declined. They are told.",
    "swap_withdraw": "The request is taken back.",
    "handoff_write": "The handoff is written. Whoever comes is told.",
    "handoff_ask": "They are asked by mail, and write it again.",
    "handoff_accept": "Accepted. The shift is yours, and whoever goes is told.",
}
"""What a page says after it was changed, by the word in its address."""


@dataclass(frozen=True)
class Visitor:
    """Whoever is signed in."""

    app: App
    account: Account
    actor: Actor
    secret: str = field(default="", repr=False)  # of the session

    @property
    def can_write(self) -> bool:
        return self.actor.may(access.INCIDENT_WRITE)

    @property
    def is_administrator(self) -> bool:
        return self.actor.may(access.PEOPLE_WRITE)

    @property
    def is_many(self) -> bool:
        """Whether a page is drawn once for all who have the same rights; each browser then adds what is its own."""
        return self.account.handle == EVERYBODY


SignedIn = NamedDependency[Visitor]


@dataclass(frozen=True)
class Link:
    href: str
    label: str
    is_here: bool
    count: str
    count_of: str
    begins_group: bool


@dataclass(frozen=True)
class Worst:
    href: str
    severity: present.Severity
    title: str
    age: str
    since_iso: str


@dataclass(frozen=True)
class Next:
    href: str
    state: str
    word: str
    what: str
    time_left: str
    due_iso: str
    of: str  # the number of its incident, where that is not the worst


@dataclass(frozen=True)
class Frame:
    now_iso: str
    clock: str
    today: str
    me: str
    my_handle: str
    is_on_call: bool
    can_write: bool
    is_administrator: bool
    worst: Worst | None
    next: Next | None
    links: tuple[Link, ...]
    here: str
    revision: str
    since: str
    plan_name: str
    theme: str
    path: str
    done: str
    title: str
    zone: str


@dataclass(frozen=True)
class Situation:
    """What is open now: loaded once for a page and its frame."""

    plan: Plan
    revision: plans.Revision
    open: tuple[Incident, ...]
    owed: tuple[Obligation, ...]
    reviews_owed: int
    plans: dict[str, Plan]  # of the open incidents, by revision
    rotas_of: Callable[[Plan], Rotas]

    def plan_of(self, incident: Incident) -> Plan:
        return self.plans[incident.plan_revision]


def _open(tx: Tx, plan: Plan) -> list[Incident]:
    """What is open; in a storm the worst of it, for an old P0 counts more than the latest of the small ones."""
    found = incidents.listing(tx, statuses=OPEN_STATUSES, limit=MOST_OPEN)
    if len(found) < MOST_OPEN:
        return found
    of = partial(incidents.listing, tx, statuses=OPEN_STATUSES, limit=MOST_OPEN)
    worst = [one for level in plan.severities for one in of(only={"severity": level})]
    return list({one.id: one for one in (*worst, *found)}.values())[:MOST_OPEN]


def situation(tx: Tx, owed_shown: int = OWED_LOOKED_AT) -> Situation:
    found = _open(tx, plans.current(tx))
    known = {one.plan_revision: plans.load(tx, one.plan_revision) for one in found}
    worst_first = sorted(found, key=lambda one: (one.is_resolved, known[one.plan_revision].rank(one.severity)))
    worst = worst_first[0].id if worst_first else ""
    owed = obligations.open_soonest(tx, [one.id for one in found], owed_shown, worst)
    rotas_of = partial(oncall.rotas, tx)  # what was asked of them before is known to them
    reviews = obligations.count_open(tx, Kind.REVIEW)
    revision = plans.current_revision(tx)
    return Situation(plans.current(tx), revision, tuple(worst_first), tuple(owed), reviews, known, rotas_of)


@dataclass(frozen=True)
class Asked:
    """What a page takes from the request for it; its own where it is drawn for many who have it open."""

    path: str = ""
    theme: str = ""
    done: str = ""


def asked(request: AnyRequest) -> Asked:
    return Asked(request.url.path, theme(request), DONE.get(request.query_params.get("done", ""), ""))


def page(
    request: AnyRequest | Asked,
    visitor: Visitor,
    tx: Tx,
    template: str,
    *,
    title: str,
    here: str,
    status: int = 200,
    known: Situation | None = None,
    **view: Any,
) -> Template:
    """A whole page. `here` is its place in the navigation; `view` are plain values for its template."""
    now = known or situation(tx)
    frame = _frame(request if isinstance(request, Asked) else asked(request), visitor, now, tx.now, title, here)
    return Template(
        template,
        context={"frame": frame, "asset": asset, **view},
        status_code=status,
        headers={"cache-control": "no-store"},
    )


def _frame(asked: Asked, visitor: Visitor, known: Situation, now: datetime, title: str, here: str) -> Frame:
    on_call = known.rotas_of(known.plan).at(now).values()
    soonest = _next(known, now)
    return Frame(
        now_iso=present.iso(now),
        clock=present.clock(now),
        today=present.day(now),
        me=present.first_name(visitor.account.name),
        my_handle=visitor.account.handle,
        is_on_call=any(visitor.account.handle in people for people in on_call),
        can_write=visitor.can_write,
        is_administrator=visitor.is_administrator,
        worst=_worst(known, now),
        next=soonest,
        links=_links(known, visitor, here),
        here=here,
        revision=known.revision.id,
        since=present.day(known.revision.applied_at),
        plan_name=known.plan.name,
        theme=asked.theme,
        path=asked.path,
        done=asked.done,
        title=_title(known, soonest, title),
        zone=visitor.account.zone,
    )


def _worst(known: Situation, now: datetime) -> Worst | None:
    if not known.open:
        return None
    worst = known.open[0]
    level = present.severity(known.plan_of(worst), worst.severity)
    age = short_span(now - worst.declared_at)
    return Worst(f"/incidents/{worst.id}", level, worst.title, age, present.iso(worst.declared_at))


def _next(known: Situation, now: datetime) -> Next | None:
    row = next(iter(owed_rows(known, now, 1)), None)
    if row is None:
        return None
    incident = present.by_id(known.open)[known.owed[0].incident_id or ""]
    of = "" if incident is known.open[0] else f"#{incident.number}"
    return Next(row.href, row.state, row.word, row.what, row.time_left, row.due_iso, of)


def owed_rows(known: Situation, now: datetime, limit: int) -> list[present.Owed]:
    """What is owed next over all open incidents: what is overdue of the worst, and then the soonest first."""
    by_id = present.by_id(known.open)
    mine = [(duty, by_id[duty.incident_id]) for duty in known.owed if duty.incident_id and duty.incident_id in by_id]
    return [_owed_row(known, incident, duty, now) for duty, incident in mine[:limit]]


def _owed_row(known: Situation, incident: Incident, duty: Obligation, now: datetime) -> present.Owed:
    plan = known.plan_of(incident)
    return present.owed(plan, known.rotas_of(plan), incident, duty, now, named=True)


def _links(known: Situation, visitor: Visitor, here: str) -> tuple[Link, ...]:
    more = "+" if len(known.open) == MOST_OPEN else ""
    counts = {
        "/incidents": (f"{len(known.open) or ''}{more}", "open"),
        "/post-mortems": (f"{known.reviews_owed or ''}", "owed"),
    }
    entries = NAVIGATION + tuple((path, label) for path, label, right in ADMINISTRATION if visitor.actor.may(right))
    return tuple(
        Link(href, label, href == here, *counts.get(href, ("", "")), href in BEGINS_A_GROUP)
        for href, label in entries
        if visitor.can_write or href != "/declare"
    )


def _title(known: Situation, soonest: Next | None, title: str) -> str:
    """What a tab shows: the worst that is open, and what is due, before the page's own name."""
    if not known.open:
        return f"{title} · Tocsin"
    due = ""
    if soonest is not None:
        words = "overdue" if soonest.state == "overdue" else "next due in"
        of = f"{soonest.of} " if soonest.of else ""
        due = f", {of}{words} {soonest.time_left}"
    return f"{known.open[0].severity}{due} · {title} · Tocsin"


def rendered(request: AnyRequest, template: str, **view: Any) -> Markup:
    """A part of a page by itself, for what is kept as it was drawn."""
    engine = request.app.template_engine
    if engine is None:
        raise RuntimeError("this application draws no pages")
    return Markup(engine.get_template(template).render(**view))  # noqa: S704 - the template escapes what it shows


def theme(request: AnyRequest) -> str:
    """The chosen theme; empty to follow the system."""
    chosen = request.cookies.get(cookies.THEME, "")
    return chosen if chosen in THEMES else ""


def bare(request: AnyRequest, template: str, *, title: str, status: int = 200, **view: Any) -> Template:
    """A page for somebody who is not signed in, or of whom nothing is known."""
    context = {"theme": theme(request), "title": f"{title} · Tocsin", "asset": asset, **view}
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    return Template(template, context=context, status_code=status, headers=headers)


@cache
def asset(name: str) -> str:
    """The address of a static file: it changes with the file, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"
