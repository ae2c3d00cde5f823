"""Post-mortems to write, and the numbers to learn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template

from tocsin.incidents import store as incidents
from tocsin.incidents.durations import durations
from tocsin.incidents.model import UNRESOLVED, Incident, Status
from tocsin.insights import report as reports
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind, Obligation
from tocsin.oncall import store as oncall
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Need, Plan
from tocsin.review import commands as review_commands
from tocsin.review import postmortem
from tocsin.review import store as reviews
from tocsin.review.postmortem import DraftSection, PostMortem, Standing
from tocsin.web import charts, present
from tocsin.web.forms import AnyRequest, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.trouble import Trouble, trouble

LISTED = 100
PERIODS = {"30": "Last 30 days", "90": "Last 90 days", "180": "Last 180 days", "365": "Last 365 days"}
USUAL_PERIOD = "180"


# ---- The list ----


@dataclass(frozen=True)
class ReviewLine:
    href: str
    severity: present.Severity
    title: str
    number: int
    resolved: str
    mark: str
    state: str
    owed: str


def _line(
    plan: Plan, incident: Incident, standing: Standing | None, duty: Obligation | None, now: datetime
) -> ReviewLine:
    return ReviewLine(
        href=f"/post-mortems/{incident.id}",
        severity=present.severity(plan, incident.severity),
        title=incident.title,
        number=incident.number,
        resolved=present.moment(incident.resolved_at, now) if incident.resolved_at else "",
        mark="met" if standing is Standing.FINAL else "open",
        state="Final" if standing is Standing.FINAL else "Draft" if standing else "Not begun",
        owed=f"meeting owed by {present.moment(duty.due_at, now)}" if duty else "",
    )


@get("/post-mortems", sync_to_thread=True)
def show_list(request: AnyRequest, visitor: SignedIn) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        found = incidents.listing(tx, statuses=frozenset(Status) - UNRESOLVED, limit=LISTED)
        known = {one.id: plans.load(tx, one.plan_revision) for one in found}
        begun = reviews.statuses(tx, list(known))
        duties = {one.incident_id: one for one in obligations.open_of(tx, Kind.REVIEW)}
        shown = [
            one
            for one in found
            if one.id in begun or known[one.id].severities[one.severity].post_mortem is not Need.NONE
        ]
        return page(
            request,
            visitor,
            tx,
            "postmortems.html",
            title="Post-mortems",
            here="/post-mortems",
            rows=[_line(known[one.id], one, begun.get(one.id), duties.get(one.id), tx.now) for one in shown],
        )


# ---- One post-mortem ----


@dataclass(frozen=True)
class Section:
    """`is_written` is about the whole section; `facts` and `rows` are the record's own. `text` is for the field;
    `stored` is what people wrote so far where that is something else: the words of another writer beside one's own."""

    id: str
    title: str
    part: str
    prompt: str
    is_required: bool
    is_written: bool
    mark: str
    state: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: str
    stamp: str
    stored: str | None


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    is_late: bool
    owed: str


@dataclass(frozen=True)
class Review:
    incident_id: str
    title: str
    severity: present.Severity
    standing: str
    is_final: bool
    authors: str
    sections: tuple[Section, ...]
    written: int
    missing: tuple[str, ...]
    figures: tuple[Figure, ...]
    owed: tuple[present.Owed, ...]
    about_meeting: str


def _section(one: DraftSection, typed: Mapping[str, str]) -> Section:
    mine = typed.get(f"section.{one.id}", one.text).replace("\r\n", "\n").strip()
    if not postmortem.is_changed(mine, typed.get(f"began.{one.id}")):
        mine = one.text  # whoever did not touch it sees how it stands now
    state = "written" if one.text else "from the record" if one.from_record and one.is_done else "empty"
    return Section(
        id=one.id,
        title=one.title,
        part=one.part,
        prompt=one.prompt,
        is_required=one.required,
        is_written=one.is_done,
        mark="met" if one.is_done else "open",
        state=state if one.is_done or one.required else "empty, optional",
        facts=tuple((fact.label, fact.value) for fact in one.facts),
        columns=one.columns,
        rows=one.rows,
        text=mine,
        stamp=postmortem.stamp(one.text),
        stored=one.text if mine != one.text else None,
    )


def _review(tx: Tx, incident_id: str, typed: Mapping[str, str]) -> Review:
    incident = incidents.load(tx, incident_id)
    plan = plans.load(tx, incident.plan_revision)
    found: PostMortem = reviews.load(tx, incident_id)
    sections = tuple(_section(one, typed) for one in found.sections)
    duties = [one for one in obligations.open_for(tx, incident_id) if one.kind is Kind.REVIEW]
    return Review(
        incident_id=incident_id,
        title=incident.title,
        severity=present.severity(plan, incident.severity),
        standing=found.status.capitalize(),
        is_final=found.status is Standing.FINAL,
        authors=", ".join(found.authors),
        sections=sections,
        written=sum(one.is_written for one in sections),
        missing=tuple(postmortem.missing(found)),
        figures=_figures(plan, incident),
        owed=tuple(present.owed(plan, oncall.rotas(tx, plan), incident, one, tx.now) for one in duties),
        about_meeting=_about_meeting(plan, incident, tx.now),
    )


def _figures(plan: Plan, incident: Incident) -> tuple[Figure, ...]:
    took, severity = durations(incident), plan.severities[incident.severity]
    targets = {"To acknowledge": severity.acknowledge_within, "To resolve": severity.resolve_within}
    times = {
        "To detect": took.detect,
        "To acknowledge": took.acknowledge,
        "To resolve": took.resolve,
        "To recover": took.recover,
    }
    found = []
    for label, length in times.items():
        target = targets.get(label)
        late = length is not None and target is not None and length > target
        owed = f"owed in {short_span(target)}, {'missed' if late else 'met'}" if target and length else ""
        found.append(Figure(label, short_span(length) if length is not None else "not known", late, owed))
    return tuple(found)


def _about_meeting(plan: Plan, incident: Incident, now: datetime) -> str:
    if incident.review_held_at:
        return f"The meeting was held {present.moment(incident.review_held_at, now)}."
    agenda = ", ".join(f"{one.topic.lower()} {one.minutes}" for one in plan.review.agenda)
    when = f"The meeting is {present.appointment(incident.review_at, now)}. " if incident.review_at else ""
    return f"{when}{plan.review.minutes} min: {agenda}."


def _page(
    request: AnyRequest, visitor: Visitor, incident_id: str, typed: Mapping[str, str], wrong: Trouble | None
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        view = _review(tx, incident_id, typed)
        return page(
            request,
            visitor,
            tx,
            "postmortem.html",
            title=f"Post-mortem: {view.title}",
            here="/post-mortems",
            status=wrong.status if wrong else 200,
            view=view,
            wrong=wrong,
            may_edit=visitor.can_write and not view.is_final,
        )


@get("/post-mortems/{name:str}", sync_to_thread=True)
def show_one(request: AnyRequest, visitor: SignedIn, name: FromPath[str]) -> Template | Response[str]:
    """The document to read and write; with `.md` after its name, as Markdown."""
    if name.endswith(".md"):
        return _markdown(visitor, name.removesuffix(".md"))
    return _page(request, visitor, name, {}, None)


def _markdown(visitor: Visitor, incident_id: str) -> Response[str]:
    with visitor.app.database.read(visitor.actor) as tx:
        text = postmortem.markdown(reviews.load(tx, incident_id))
    disposition = f'attachment; filename="post-mortem-{incident_id}.md"'
    return Response(text, media_type="text/markdown; charset=utf-8", headers={"content-disposition": disposition})


@post("/post-mortems/{incident_id:str}", sync_to_thread=True)
def save(request: AnyRequest, visitor: SignedIn, form: Sent, incident_id: FromPath[str]) -> Template | Redirect:
    """Save what was written; make it final if that was asked for. A refusal keeps what was saved."""
    final = form.text("do") == "final"
    try:
        texts = {name.removeprefix("section."): form.text(name) for name in form.fields if name.startswith("section.")}
        began = {name.removeprefix("began."): form.text(name) for name in form.fields if name.startswith("began.")}
        visitor.app.database.run(visitor.actor, lambda tx: review_commands.write_section(tx, incident_id, texts, began))
        if final:
            visitor.app.database.run(visitor.actor, lambda tx: review_commands.finalise(tx, incident_id))
    except (Invalid, Refused) as why:
        return _page(request, visitor, incident_id, form.typed(), trouble(why))
    done = "final" if final else "saved"
    return Redirect(f"/post-mortems/{incident_id}?done={done}", status_code=303)


# ---- The numbers ----


@get("/insights", sync_to_thread=True)
def show_insights(request: AnyRequest, visitor: SignedIn, days: FromQuery[str] = USUAL_PERIOD) -> Template:
    access.require(visitor.actor, access.METRICS_READ)
    chosen = days if days in PERIODS else USUAL_PERIOD
    with visitor.app.database.read(visitor.actor) as tx:
        end = tx.now + timedelta(milliseconds=1)  # what was declared this very instant counts
        start = (
            (tx.now - timedelta(days=int(chosen))).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        )
        found = reports.report(tx, start, end)
        proposed = reports.proposals(tx, start, end, visitor.app.settings.proposals_after)
        plan = plans.current(tx)
        return page(
            request,
            visitor,
            tx,
            "insights.html",
            title="Insights",
            here="/insights",
            periods=[present.Choice(key, label, "", key == chosen) for key, label in PERIODS.items()],
            since=present.day(start),
            view=charts.insights(plan, found, tx.now),
            proposals=proposed,
        )


def routes() -> list[Any]:
    return [show_list, show_one, save, show_insights]
