"""The list of incidents, and the room of each: everything that is written into its record from a browser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from litestar import get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.comms import templates, updates
from tocsin.delivery import outbox
from tocsin.incidents import assessment_words, lifecycle, words
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident, Status
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import listed
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.oncall import store as oncall
from tocsin.paging import store as pages
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Stage
from tocsin.response import assessing, commands, letters, secrecy, telling, verification
from tocsin.signals import found as signals_found
from tocsin.web import (
    checklists,
    composer,
    documents,
    graphs,
    ledger,
    moment,
    present,
    readers,
    record,
    related,
    room,
    work,
)
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import Asked, SignedIn, Tx, Visitor, page, situation
from tocsin.web.signals import signal_row
from tocsin.web.trouble import Trouble, trouble
from tocsin.web.verbs import VERBS, Verb

A_PAGE = 50
MOST_NUMBER = 2**31  # more than that no database counts incidents
SIGNALS_SHOWN = 50  # of one incident; a storm has thousands


# ---- The list ----


@dataclass(frozen=True)
class Option:
    """A filter as a link."""

    label: str
    query: str
    is_here: bool


@get("/incidents", sync_to_thread=True)
def show_list(
    request: AnyRequest,
    visitor: SignedIn,
    status: FromQuery[str] = "",
    severity: FromQuery[str] = "",
    before: FromQuery[int] = 0,
) -> Template:
    return _list(request, visitor, status, severity, before)


@post("/incidents/break-glass", sync_to_thread=True)
def break_glass(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    """Let an administrator read what is confidential. Whether there is such an incident shows only by doing it."""
    try:
        found = visitor.app.database.run(
            visitor.actor, lambda tx: secrecy.break_glass(tx, form.text("glass.incident"), form.text("glass.because"))
        )
    except incidents.NoSuchIncident as why:
        wrong = trouble(Invalid(why.message, field="incident"), GLASS)
    except (Invalid, Refused) as why:
        wrong = trouble(why, GLASS)
    else:
        return _back(found.id, "glass", "readers")
    return _list(request, visitor, "", "", 0, wrong, form.typed())


GLASS = {"incident": "glass-incident", "because": "glass-because"}


def _list(
    request: AnyRequest,
    visitor: Visitor,
    status: str,
    severity: str,
    before: int,
    wrong: Trouble | None = None,
    typed: Mapping[str, str] | None = None,
) -> Template:
    statuses = _statuses(status)
    with visitor.app.database.read(visitor.actor) as tx:
        plan = plans.current(tx)
        shown, more = _a_page(tx, statuses, severity, before)
        shown.sort(key=lambda one: not one.is_open)
        return page(
            request,
            visitor,
            tx,
            "incidents.html",
            title="Incidents",
            here="/incidents",
            status=wrong.status if wrong else 200,
            wrong=wrong,
            typed=typed or {},
            may_break_glass=visitor.actor.may(access.BREAK_GLASS),
            rows=[present.line(plans.load(tx, one.plan_revision), one, tx.now) for one in shown],
            by_status=_status_options(status, severity),
            by_severity=_severity_options(plan, status, severity),
            more=_query(status, severity, more) if more else "",
        )


def _a_page(tx: Tx, statuses: frozenset[Status] | None, severity: str, before: int) -> tuple[list[Incident], int]:
    """Incidents, and before when the next page begins, if there is one. Of all, the open ones stand on the first."""
    below, only = before if 0 < before < MOST_NUMBER else None, {"severity": severity} if severity else None
    found = incidents.listing(tx, statuses=statuses, below=below, only=only, limit=A_PAGE + 1)
    more = found[A_PAGE - 1].number if len(found) > A_PAGE else 0
    if statuses is not None:
        return found[:A_PAGE], more
    opened = incidents.listing(tx, statuses=OPEN_STATUSES, only=only, limit=A_PAGE)
    known = {one.id for one in opened}
    return [*(() if before else opened), *(one for one in found[:A_PAGE] if one.id not in known)], more


def _statuses(wanted: str) -> frozenset[Status] | None:
    if wanted == "open":
        return OPEN_STATUSES
    return frozenset({Status(wanted)}) if wanted in list(Status) else None


def _status_options(status: str, severity: str) -> list[Option]:
    known = [("", "All"), ("open", "Open"), *((str(one), words.status(one)) for one in Status)]
    return [Option(label, _query(key, severity), key == status) for key, label in known]


def _severity_options(plan: Plan, status: str, severity: str) -> list[Option]:
    known = [("", "Any severity"), *((level, level) for level in plan.severities)]
    return [Option(label, _query(status, key), key == severity) for key, label in known]


def _query(status: str, severity: str, before: int = 0) -> str:
    parts = [("status", status), ("severity", severity), ("before", str(before or ""))]
    return "/incidents?" + "&".join(f"{name}={value}" for name, value in parts if value)


# ---- The room ----


@get("/incidents/{incident_id:str}", sync_to_thread=True)
def show_room(
    request: AnyRequest,
    visitor: SignedIn,
    incident_id: FromPath[str],
    kind: FromQuery[str] = "",
    before: FromQuery[int] = 0,
    at: FromQuery[str] = "",
    entry: FromQuery[str] = "",
    audience: FromQuery[str] = "",
) -> Template | Redirect:
    """The room, or how it was. `audience` opens the composer for whom a reminder is about."""
    if at or entry:
        return moment.show(request, visitor, incident_id, at=at, entry=entry)
    return _room(request, visitor, incident_id, part=record.Part(kind, before), typed={"audience": audience})


def _room(
    request: AnyRequest,
    visitor: Visitor,
    incident_id: str,
    *,
    part: record.Part = record.NEWEST,
    wrong: Trouble | None = None,
    typed: Mapping[str, str] | None = None,
    preview: composer.Preview | None = None,
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        return draw_room(request, visitor, tx, incident_id, part=part, wrong=wrong, typed=typed or {}, preview=preview)


def draw_room(
    request: AnyRequest | Asked,
    visitor: Visitor,
    tx: Tx,
    incident_id: str,
    *,
    part: record.Part = record.NEWEST,
    wrong: Trouble | None = None,
    typed: Mapping[str, str] = MappingProxyType({}),
    preview: composer.Preview | None = None,
) -> Template:
    known = situation(tx)
    incident = incidents.load_among(tx, incident_id, known.open)
    plan = plans.load(tx, incident.plan_revision)
    return page(
        request,
        visitor,
        tx,
        "room.html",
        title=incident.title,
        here="/incidents",
        known=known,
        status=wrong.status if wrong else 200,
        wrong=wrong,
        typed=typed,
        preview=preview,
        **_view(tx, plan, incident, visitor, part, typed, known.open),
    )


def _view(
    tx: Tx,
    plan: Plan,
    incident: Incident,
    visitor: Visitor,
    part: record.Part,
    typed: Mapping[str, str],
    opened: Sequence[Incident],
) -> dict[str, Any]:
    now, me = tx.now, visitor.account.handle
    rotas = oncall.rotas(tx, plan)
    entries, duties = incidents.timeline(tx, incident.id), obligations.for_incident(tx, incident.id)
    messages = outbox.for_incident(tx, incident.id)
    head, settled = room.head(plan, incident, duties, now), room.done(duties, now)
    known = {"impact": incident.impact, **updates.last_typed(entries)}
    on_it = signals_found.listing(tx, signals_found.Asked(incident=incident.id), SIGNALS_SHOWN).signals
    many, firing = signals_found.count_on(tx, incident.id, on_it if len(on_it) < SIGNALS_SHOWN else None)
    owed = commands.in_words(one for one in duties if one.state is State.OPEN)
    missing = lifecycle.missing_before_close(plan, incident, owed)
    assessed = assessing.assess(tx, plan, incident, assessing.Around(tx, opened), on_it)
    return {
        "head": head,
        "owed": room.ledger(plan, rotas, incident, duties, entries, now),
        "settled": settled,
        "ledger": ledger.lines(plan, rotas, incident, duties, now),
        "may_waive": commands.may_waive(visitor.actor, plan, incident),
        "tally": room.tally(settled),
        "ruler": room.ruler(duties, incident, now),
        "slots": room.slots(plan, rotas, incident, entries, me, now),
        "tabs": composer.tabs(plan, incident, duties, known, typed, now, entries=entries, me=me),
        "proof": verification.verify(tx, incident.id),
        "filters": record.filters(entries, part.kind),
        "record": record.timeline(plan, entries, messages, part, now),
        "guide": room.guide(plan, incident),
        "signals": [signal_row(one, now) for one in on_it],
        "signals_more": max(0, many - len(on_it)),
        "signals_firing": firing,
        "foretold": "" if firing else room.foretold(duties, many, now),
        "deliveries": record.deliveries(plan, letters.letters_of(tx, messages), now),
        "may_decline": _may_decline(tx, incident, me),
        "missing": missing if incident.is_resolved else [],
        "severities": [
            present.Choice(key, key, one.name, key == incident.severity) for key, one in plan.severities.items()
        ],
        "types": [present.Choice(key, one.name, "", key == incident.type) for key, one in plan.types.items()],
        "moments": room.moments(incident, now),
        "work": work.view(plan, incident, entries, now),
        "lists": checklists.view(plan, incident, entries, now),
        "assessed": assessment_words.parts(plan, assessed, are_drawn=True),
        "graphs": graphs.graphs(plan, incident, assessed.courses, now),
        "kin": related.view(tx, incident, opened, on_it, now),
        "sight": readers.view(tx, plan, incident, now),
        "review_at": present.typed_time(incident.review_at) if incident.review_at else "",
        "review_held": incident.review_held_at is not None,
    }


def _may_decline(tx: Tx, incident: Incident, me: str) -> bool:
    """Whether a page of theirs waits for an answer."""
    if not incident.awaits_answer:
        return False
    mine = pages.last_of(tx, incident.id, me)
    return mine is not None and mine.declined_at is None


@get("/incidents/{incident_id:str}/ticket", sync_to_thread=True)
def show_ticket(request: AnyRequest, visitor: SignedIn, incident_id: FromPath[str]) -> Template:
    """The ticket as the record stands, in the words of the plan's template."""
    return documents.show(request, visitor, incident_id, templates.TICKET)


# ---- The verbs ----


@post("/incidents/{incident_id:str}/{verb:str}", sync_to_thread=True)
def act(
    request: AnyRequest, visitor: SignedIn, form: Sent, incident_id: FromPath[str], verb: FromPath[str]
) -> Template | Redirect:
    """Do what a form of the room asks. A refusal shows the room again, with what was typed."""
    if verb not in VERBS:
        raise incidents.NoSuchIncident("There is nothing of that name to do with an incident.")
    known = VERBS[verb]
    try:
        after, is_same = visitor.app.database.run(visitor.actor, lambda tx: _do(tx, known, incident_id, form))
    except (Invalid, Refused) as why:
        wrong = replace(trouble(why, known.ids), form=verb)
        return _room(request, visitor, incident_id, wrong=wrong, typed=form.typed())
    if verb == "remove-responder" and form.text("remove.person") == visitor.account.handle:
        return Redirect("/incidents?done=left", status_code=303)  # the room may be shut to them now
    return _back(after.id, known.same if is_same else known.done, known.anchor)


def _do(tx: Tx, known: Verb, incident_id: str, form: Form) -> tuple[Incident, bool]:
    """Do it. Returns the incident, and whether it was so before and that is worth saying."""
    before = incidents.load(tx, incident_id) if known.same else None
    after = known.do(tx, incident_id, form)
    return after, after == before


def _back(incident_id: str, done: str, anchor: str = "") -> Redirect:
    return Redirect(f"/incidents/{incident_id}?done={done}{f'#{anchor}' if anchor else ''}", status_code=303)


@post("/incidents/{incident_id:str}/updates", sync_to_thread=True)
def write(
    request: AnyRequest, visitor: SignedIn, form: Sent, incident_id: FromPath[str], preview: FromQuery[bool] = False
) -> Template | Redirect:
    """Post what was composed. What everyone would read is always shown first."""
    audience = form.text("audience")
    try:
        if audience == composer.NOTE:
            _run(visitor, lambda tx: commands.note(tx, incident_id, form.text("note.text")))
            return _back(incident_id, "noted", "timeline")
        if audience == composer.DECISION:
            _run(visitor, lambda tx: composer.decide(tx, incident_id, form))
            return _back(incident_id, "decided", "timeline")
        return _update(request, visitor, form, incident_id, audience, preview)
    except (Invalid, Refused) as why:
        wrong = replace(trouble(why, _ids(audience, form)), form="compose")
        return _room(request, visitor, incident_id, wrong=wrong, typed=form.typed())


def _update(
    request: AnyRequest, visitor: Visitor, form: Form, incident_id: str, audience: str, preview: bool
) -> Template | Redirect:
    typed, notice = _typed(form, audience), form.text(f"{audience}.stage") == composer.NOTICE
    stage = None if notice else _stage(form, audience)
    shown = _preview(visitor, incident_id, audience, typed, stage, notice)
    if preview or form.has("preview") or (shown.is_public and form.text("confirmed") != shown.seal):
        again = form.has("confirmed") and not form.has("preview")
        shown = composer.changed(shown) if again else shown
        return _room(request, visitor, incident_id, typed=form.typed(), preview=shown)
    _run(visitor, lambda tx: commands.post_update(tx, incident_id, audience, typed, stage, notice=notice))
    return _back(incident_id, "drafted" if shown.waits_for else "posted", "timeline")


def _run(visitor: Visitor, command: Callable[[Tx], Incident]) -> None:
    visitor.app.database.run(visitor.actor, command)


def _preview(
    visitor: Visitor, incident_id: str, audience: str, typed: Mapping[str, str], stage: Stage | None, notice: bool
) -> composer.Preview:
    """What this audience would read, by the words that posting would use."""
    with visitor.app.database.read(visitor.actor) as tx:
        found = telling.look_over(tx, incident_id, audience, typed, stage, notice=notice)
        plan = plans.load(tx, incidents.load(tx, incident_id).plan_revision)
    return composer.preview(plan, audience, found, composer.sealed(audience, str(stage or notice), typed))


def _stage(form: Form, audience: str) -> Stage | None:
    chosen = form.text(f"{audience}.stage")
    if not chosen:
        return None
    if chosen not in list(Stage):
        raise Invalid(f"A stage is one of {listed(Stage, 'or')}.", field="stage")
    return Stage(chosen)


def _prefix(form: Form, audience: str) -> str:
    stage = form.text(f"{audience}.stage")
    return f"{audience}.{stage}." if stage else f"{audience}."


def _typed(form: Form, audience: str) -> dict[str, str]:
    prefix = _prefix(form, audience)
    return {name: form.text(prefix + name) for name in updates.TYPED if form.has(prefix + name)}


def _ids(audience: str, form: Form) -> dict[str, str]:
    """Which element of the composer holds each field."""
    prefix = _prefix(form, audience).replace(".", "-")
    names = (*updates.TYPED, "text", "decision", "because")
    return {name: prefix + name for name in names} | {"audience": "compose", "stage": "compose"}


def routes() -> list[Any]:
    return [show_list, break_glass, show_room, show_ticket, act, write]
