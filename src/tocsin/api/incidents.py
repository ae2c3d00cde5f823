"""Incidents over HTTP: reading them, and the same verbs that the pages have."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from tocsin.api import conditional, cursors, schema
from tocsin.api.caller import Call, act, app_of, needs
from tocsin.comms import corrections, templates
from tocsin.incidents import durations, lifecycle, sentences
from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident, Numbered, Status
from tocsin.kit.errors import Invalid, NotFound
from tocsin.obligations import store as obligations
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import answers, commands, replay, telling
from tocsin.signals import formats

LIMIT_MOST = 200
ENTRIES_MOST = 1000
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MOST, description="How many, at the most.")]
ManyMore = Annotated[int, QueryParameter(ge=1, le=ENTRIES_MOST, description="How many, at the most.")]
At = Annotated[str | None, QueryParameter(description="As it stood at this instant; now if left out.", required=False)]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before.", required=False)]

READ = needs(access.INCIDENT_READ, 400)
READ_ONE = needs(access.INCIDENT_READ, 400, 404)
VERB = needs(access.INCIDENT_WRITE, 400, 404, 409)


class NoTicket(NotFound):
    """The plan has no template for an incident ticket."""


def handlers() -> list[HTTPRouteHandler]:
    reading = [list_incidents, show_incident, show_timeline, show_obligations, show_ticket]
    working = [
        acknowledge,
        escalate,
        decline,
        snooze,
        wake,
        assign_role,
        change_severity,
        change_type,
        rename,
        note,
        decide,
        post_update,
        preview_update,
        waive,
    ]
    ending = [mitigate, resolve, reopen, close, schedule_review, hold_review]
    return [*reading, declare, *working, *ending]


# ---- Reading ----


Only = Annotated[
    str | None, QueryParameter(description="Only those of this one, by its id in the plan.", required=False)
]


@get("/incidents", summary="List incidents, the last declared first", **READ)
def list_incidents(
    request: Call,
    status: Annotated[
        list[Status] | None, QueryParameter(description="Only with one of these.", required=False)
    ] = None,
    open: Annotated[bool | None, QueryParameter(description="Only those that are, or are not.", required=False)] = None,  # noqa: A002 - the API's word
    severity: Only = None,
    type: Only = None,  # noqa: A002 - the API's word
    service: Only = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schema.Incidents:
    begun, statuses = cursors.start(cursor), _statuses(status, open)
    named = {"severity": severity, "type": type, "service": service}
    only = {name: value for name, value in named.items() if value is not None}
    with app_of(request).database.read(request.auth) as tx:
        rows = incidents.listing(tx, statuses=statuses, before=begun.before, only=only, limit=begun.wanted(limit))
    found, following = cursors.page(begun, rows, limit, lambda one: one.declared_at)
    return schema.Incidents([shown(one) for one in found], following)


def _statuses(wanted: list[Status] | None, is_open: bool | None) -> list[Status] | None:
    if wanted is None and is_open is None:
        return None
    found = set(wanted or Status)
    if is_open is not None:
        found &= OPEN_STATUSES if is_open else set(Status) - OPEN_STATUSES
    return sorted(found)


@get("/incidents/{incident_id:str}", summary="One incident, and what it still lacks to be closed", **READ_ONE)
def show_incident(request: Call, incident_id: FromPath[str], at: At = None) -> schema.IncidentInFull:
    then = instant(at, "at")
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        owed = commands.open_duties(tx, incident)
        if then is not None:
            moment = replay.load(tx, incident_id, then)
            incident, owed = moment.incident, commands.in_words(moment.standing)
        plan = plans.load(tx, incident.plan_revision)
        missing = lifecycle.missing_before_close(plan, incident, owed)
        times = durations.times(incident, then or tx.now)
    conditional.stands_at(request, str(incident.entries))
    kept = msgspec.convert(times, schema.Times, from_attributes=True)
    return schema.IncidentInFull(**msgspec.structs.asdict(shown(incident)), to_close=missing, times=kept)


@get("/incidents/{incident_id:str}/timeline", summary="Every entry of an incident's record, in order", **READ_ONE)
def show_timeline(
    request: Call, incident_id: FromPath[str], limit: ManyMore = ENTRIES_MOST, cursor: Cursor = None
) -> schema.Timeline:
    after = cursors.number(cursor) or 0
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
    conditional.stands_at(request, str(incident.entries))
    found, following = cursors.numbered([one for one in entries if one.number > after], limit, lambda one: one.number)
    return schema.Timeline([_entry(plan, one) for one in found], following)


@get("/incidents/{incident_id:str}/obligations", summary="What is owed, and how each promise ended", **READ_ONE)
def show_obligations(
    request: Call, incident_id: FromPath[str], limit: ManyMore = ENTRIES_MOST, cursor: Cursor = None
) -> schema.Obligations:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        owed = obligations.for_incident(tx, incident_id)
    conditional.stands_at(request, str(incident.entries))
    found, following = cursors.beyond(owed, cursor, limit, lambda one: one.id)
    return schema.Obligations(msgspec.convert(found, list[schema.Obligation], from_attributes=True), following)


@get(
    "/incidents/{incident_id:str}/ticket",
    media_type="text/markdown",
    summary="The incident ticket, as Markdown",
    **READ_ONE,
)
def show_ticket(request: Call, incident_id: FromPath[str]) -> Response[str]:
    app = app_of(request)
    link = f"{app.settings.public_url}/incidents/{incident_id}"
    with app.database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
        ticket = templates.ticket(plan, incident, tx.now, link, entries)
    if not ticket:
        raise NoTicket
    return Response(ticket, media_type="text/markdown")


# ---- The verbs ----


@post("/incidents", summary="Declare an incident", **needs(access.INCIDENT_WRITE, 400, 409))
def declare(request: Call, data: JSONBody[schema.Declaration]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    said["components"] = tuple(data.components)
    said["started_at"] = moment(data.started_at, "started_at")
    declared = act(request, lambda tx: commands.declare(tx, **said))
    conditional.stands_at(request, str(declared.entries))
    return shown(declared)


@post("/incidents/{incident_id:str}/acknowledge", status_code=200, summary="Answer for an incident", **VERB)
def acknowledge(request: Call, incident_id: FromPath[str]) -> schema.Incident:
    return after(request, lambda tx: commands.acknowledge(tx, incident_id, through="api"))


@post("/incidents/{incident_id:str}/escalate", status_code=200, summary="Page the next step now", **VERB)
def escalate(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Escalation]) -> schema.Incident:
    return after(request, lambda tx: answers.escalate(tx, incident_id, data.because, step=data.step, through="api"))


@post(
    "/incidents/{incident_id:str}/decline",
    status_code=200,
    summary="Say that you can't take it; whoever is next is paged",
    **VERB,
)
def decline(request: Call, incident_id: FromPath[str], data: JSONBody[schema.OptionalBecause]) -> schema.Incident:
    return after(request, lambda tx: answers.decline(tx, incident_id, data.because, through="api"))


@post("/incidents/{incident_id:str}/snooze", status_code=200, summary="Say that you will be silent, until when", **VERB)
def snooze(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Silence]) -> schema.Incident:
    return after(request, lambda tx: commands.snooze(tx, incident_id, data.until, data.because))


@post(
    "/incidents/{incident_id:str}/snooze/end",
    status_code=200,
    summary="End a snooze before its time; the silence counts again",
    **VERB,
)
def wake(request: Call, incident_id: FromPath[str], data: JSONBody[schema.OptionalBecause]) -> schema.Incident:
    return after(request, lambda tx: commands.wake(tx, incident_id, data.because))


@post("/incidents/{incident_id:str}/roles", status_code=200, summary="Give a role to a person", **VERB)
def assign_role(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Assignment]) -> schema.Incident:
    return after(request, lambda tx: commands.assign(tx, incident_id, data.role, data.person, seen=data.held_by))


@post("/incidents/{incident_id:str}/severity", status_code=200, summary="Change the severity", **VERB)
def change_severity(request: Call, incident_id: FromPath[str], data: JSONBody[schema.NewSeverity]) -> schema.Incident:
    return after(request, lambda tx: commands.change_severity(tx, incident_id, data.severity, data.because))


@post("/incidents/{incident_id:str}/type", status_code=200, summary="Change the type", **VERB)
def change_type(request: Call, incident_id: FromPath[str], data: JSONBody[schema.NewType]) -> schema.Incident:
    return after(request, lambda tx: commands.change_type(tx, incident_id, data.type, data.because))


@post("/incidents/{incident_id:str}/title", status_code=200, summary="Rename it", **VERB)
def rename(request: Call, incident_id: FromPath[str], data: JSONBody[schema.NewTitle]) -> schema.Incident:
    return after(request, lambda tx: commands.rename(tx, incident_id, data.title))


@post("/incidents/{incident_id:str}/notes", status_code=200, summary="Write a note into the record", **VERB)
def note(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Note]) -> schema.Incident:
    return after(request, lambda tx: commands.note(tx, incident_id, data.text))


@post("/incidents/{incident_id:str}/decisions", status_code=200, summary="Record a decision and its reason", **VERB)
def decide(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Decision]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return after(request, lambda tx: commands.decide(tx, incident_id, **said))


@post("/incidents/{incident_id:str}/updates", status_code=200, summary="Tell an audience", **VERB)
def post_update(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Update]) -> schema.Incident:
    about = (data.audience, data.fields, data.stage)
    return after(request, lambda tx: commands.post_update(tx, incident_id, *about, notice=data.notice))


@post(
    "/incidents/{incident_id:str}/updates/preview",
    status_code=200,
    summary="What an audience would read; nothing is posted",
    **VERB,
)
def preview_update(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Update]) -> schema.Preview:
    with app_of(request).database.read(request.auth) as tx:
        found = telling.look_over(tx, incident_id, data.audience, data.fields, data.stage, notice=data.notice)
    before = corrections.text(found.look.before) if found.look.before else None
    said = (found.composed.text, list(found.look.empty), list(found.look.hints), before, list(found.approvers))
    return schema.Preview(data.audience, found.composed.stage, *said)


@post("/incidents/{incident_id:str}/mitigate", status_code=200, summary="Say that the damage is contained", **VERB)
def mitigate(request: Call, incident_id: FromPath[str], data: JSONBody[schema.How]) -> schema.Incident:
    return after(request, lambda tx: commands.mitigate(tx, incident_id, data.how))


@post(
    "/incidents/{incident_id:str}/resolve", status_code=200, summary="Say that the fix is in; the watch begins", **VERB
)
def resolve(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Resolution]) -> schema.Incident:
    return after(request, lambda tx: commands.resolve(tx, incident_id, data.how, data.unverified_because))


@post("/incidents/{incident_id:str}/reopen", status_code=200, summary="Open it again", **VERB)
def reopen(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Because]) -> schema.Incident:
    return after(request, lambda tx: commands.reopen(tx, incident_id, data.because))


@post("/incidents/{incident_id:str}/close", status_code=200, summary="Close, or learn what is still required", **VERB)
def close(request: Call, incident_id: FromPath[str]) -> schema.Incident:
    return after(request, lambda tx: commands.close(tx, incident_id))


@post("/incidents/{incident_id:str}/waivers", status_code=200, summary="Waive something owed, and say why", **VERB)
def waive(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Waiver]) -> schema.Incident:
    return after(request, lambda tx: commands.waive(tx, incident_id, data.key, data.because))


@post("/incidents/{incident_id:str}/review", status_code=200, summary="Schedule the post-mortem meeting", **VERB)
def schedule_review(request: Call, incident_id: FromPath[str], data: JSONBody[schema.Meeting]) -> schema.Incident:
    meeting_at = moment(data.meeting_at, "meeting_at") or data.meeting_at
    return after(request, lambda tx: commands.schedule_review(tx, incident_id, meeting_at))


@post("/incidents/{incident_id:str}/review/held", status_code=200, summary="Say that the meeting was held", **VERB)
def hold_review(request: Call, incident_id: FromPath[str]) -> schema.Incident:
    return after(request, lambda tx: commands.hold_review(tx, incident_id))


# ---- Shapes ----


def shown(incident: Incident) -> schema.Incident:
    return msgspec.convert(incident, schema.Incident, from_attributes=True)


def moment(sent: datetime | None, field: str) -> datetime | None:
    """The instant in UTC. Raises Invalid for a year that nobody can mean, and that arithmetic would not survive."""
    if sent is None:
        return None
    known = formats.in_utc(sent)
    if known is None:
        raise Invalid(f"Nothing happens in the year {sent.year}.", field=field)
    return known


def instant(sent: str | None, name: str) -> datetime | None:
    """The instant that stands in the address under this name. Raises Invalid."""
    if sent is None:
        return None
    found = formats.instant(sent)
    if found is None:
        raise Invalid(f"'{name}' is not an instant; write it like 2026-11-24T03:34:19Z.", field=name)
    return found


def after(call: Call, command: Callable[[Any], Incident]) -> schema.Incident:
    """The incident as it is after a command, as far as the caller may see it."""
    (found,) = act(call, lambda tx: incidents.as_seen(tx, [command(tx)]))
    conditional.stands_at(call, str(found.entries))
    return shown(found)


def _entry(plan: Plan, numbered: Numbered) -> schema.Entry:
    entry = numbered.entry
    body = msgspec.to_builtins(entry)
    del body["at"], body["by"]
    text = sentences.sentence(plan, entry)
    return schema.Entry(numbered.number, type(entry).__name__, entry.at, entry.by, text, body)
