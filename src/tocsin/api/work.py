"""The work on an incident over HTTP: findings, impact, fixes; and how incidents are merged, linked and split off."""

from collections.abc import Mapping

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from tocsin.api import schema, work_schema
from tocsin.api.caller import Call, app_of, needs
from tocsin.api.incidents import READ_ONE, VERB, after
from tocsin.incidents import phases, working
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.incidents.work import ItemTicked, Result
from tocsin.incidents.working import Estimate
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import relating
from tocsin.response import working as work


def handlers() -> list[HTTPRouteHandler]:
    reading = [show_work, show_checklists, show_roles]
    working_on_it = [find, assess, choose, deploy, verify, confirm, thank, contact, tick, untick]
    return [*reading, *working_on_it, merge, link, unlink, split]


@get(
    "/incidents/{incident_id:str}/work",
    summary="What was found, whom it touches, and how far the fix and its proof have come",
    **READ_ONE,
)
def show_work(request: Call, incident_id: FromPath[str]) -> work_schema.Work:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        entries = incidents.timeline(tx, incident_id)
    return _work(plan, incident, working.picture(entries))


@get(
    "/incidents/{incident_id:str}/checklists",
    summary="The phases, the conditions under which each is over, and what is to be done",
    **READ_ONE,
)
def show_checklists(request: Call, incident_id: FromPath[str]) -> work_schema.Checklists:
    with app_of(request).database.read(request.auth) as tx:
        incident = incidents.load(tx, incident_id)
        plan = plans.load(tx, incident.plan_revision)
        entries = incidents.timeline(tx, incident_id)
    ticked, exits = phases.last_ticks(entries), phases.exits(plan, incident, entries)
    began, present = phases.began_at(incident), phases.present(plan, incident)
    return work_schema.Checklists(
        type=[_item(one, ticked) for one in phases.of_type(plan, incident)],
        phases=[
            work_schema.Phase(
                key=key,
                name=phase.name,
                is_present=key == present,
                began_at=began[phase.begins_when],
                ends_when=[work_schema.Exit(one.exit, one.is_met, one.entry) for one in exits[key]],
                items=[_item(one, ticked) for one in phases.of_phase(plan, incident, key)],
            )
            for key, phase in plan.phases.items()
        ],
    )


@get("/incidents/{incident_id:str}/roles", summary="Who held which role, and when", **READ_ONE)
def show_roles(request: Call, incident_id: FromPath[str]) -> work_schema.Roles:
    with app_of(request).database.read(request.auth) as tx:
        incidents.load(tx, incident_id)
        entries = incidents.timeline(tx, incident_id)
    found = msgspec.convert(working.tenures(entries), list[work_schema.Tenure], from_attributes=True)
    return work_schema.Roles(found)


@post("/incidents/{incident_id:str}/findings", status_code=200, summary="Put a finding on the record", **VERB)
def find(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewFinding]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return after(request, lambda tx: work.find(tx, incident_id, **said))


@post("/incidents/{incident_id:str}/impact", status_code=200, summary="Say whom it touches, and how", **VERB)
def assess(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewImpact]) -> schema.Incident:
    estimate = Estimate(**msgspec.structs.asdict(data))
    return after(request, lambda tx: work.assess(tx, incident_id, estimate))


@post("/incidents/{incident_id:str}/fixes", status_code=200, summary="Say that a fix was deployed", **VERB)
def deploy(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewFix]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    return after(request, lambda tx: work.deploy(tx, incident_id, **said))


@post("/incidents/{incident_id:str}/strategy", status_code=200, summary="Choose the way out", **VERB)
def choose(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewStrategy]) -> schema.Incident:
    return after(request, lambda tx: work.choose(tx, incident_id, data.strategy, data.because))


@post("/incidents/{incident_id:str}/checks", status_code=200, summary="Record a check after the fix", **VERB)
def verify(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewCheck]) -> schema.Incident:
    return after(request, lambda tx: work.verify(tx, incident_id, data.check, data.result, data.evidence))


@post("/incidents/{incident_id:str}/confirmations", status_code=200, summary="Confirm the full recovery", **VERB)
def confirm(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewConfirmation]) -> schema.Incident:
    return after(request, lambda tx: work.confirm(tx, incident_id, data.confirmation, data.result, data.evidence))


@post("/incidents/{incident_id:str}/thanks", status_code=200, summary="Thank those who helped", **VERB)
def thank(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.Thanks]) -> schema.Incident:
    return after(request, lambda tx: work.thank(tx, incident_id, data.text))


@post("/incidents/{incident_id:str}/support", status_code=200, summary="Record a word with a vendor's support", **VERB)
def contact(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewContact]) -> schema.Incident:
    return after(request, lambda tx: work.contact(tx, incident_id, data.vendor, data.what, data.reference))


@post("/incidents/{incident_id:str}/ticks", status_code=200, summary="Tick an item of a checklist off", **VERB)
def tick(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewTick]) -> schema.Incident:
    return after(request, lambda tx: work.tick(tx, incident_id, data.item, data.tick, data.note))


@post("/incidents/{incident_id:str}/ticks/remove", status_code=200, summary="Take a tick back", **VERB)
def untick(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.OldTick]) -> schema.Incident:
    return after(request, lambda tx: work.untick(tx, incident_id, data.item, data.note))


# ---- Other incidents ----


@post("/incidents/{incident_id:str}/merge", status_code=200, summary="Merge a duplicate into another incident", **VERB)
def merge(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.Merging]) -> schema.Incident:
    return after(request, lambda tx: relating.merge(tx, incident_id, data.into, data.because))


@post("/incidents/{incident_id:str}/links", status_code=200, summary="Link it with another incident", **VERB)
def link(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.NewLink]) -> schema.Incident:
    return after(request, lambda tx: relating.link(tx, incident_id, data.incident, data.relation, data.because))


@post("/incidents/{incident_id:str}/links/remove", status_code=200, summary="Take a link back", **VERB)
def unlink(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.OldLink]) -> schema.Incident:
    return after(request, lambda tx: relating.unlink(tx, incident_id, data.incident, data.because))


@post(
    "/incidents/{incident_id:str}/split",
    summary="Open an incident of its own for a part of this one",
    **needs(access.INCIDENT_WRITE, 400, 404, 409),
)
def split(request: Call, incident_id: FromPath[str], data: JSONBody[work_schema.Part]) -> schema.Incident:
    said = msgspec.structs.asdict(data)
    signal_ids = said.pop("signals")
    return after(request, lambda tx: relating.split(tx, incident_id, signal_ids=signal_ids, **said))


def _work(plan: Plan, incident: Incident, found: working.Picture) -> work_schema.Work:
    impact, done = incident.assessed, incident.work
    return work_schema.Work(
        findings=[work_schema.finding(number, one) for number, one in found.findings.items()],
        impact=msgspec.convert(impact, work_schema.Impact, from_attributes=True) if impact else None,
        decisions=[msgspec.convert(one, work_schema.Decision, from_attributes=True) for one in found.decisions],
        strategy=done.strategy,
        strategies={key: one.name for key, one in plan.resolution.strategies.items()},
        fixes=[msgspec.convert(one, work_schema.Fix, from_attributes=True) for one in found.fixes],
        verification=_checks(plan.resolution.verification, done.checks),
        confirmations=_checks(plan.recovery.confirm, done.confirmations),
    )


def _checks(wanted: Mapping[str, str], found: Mapping[str, Result]) -> list[work_schema.Check]:
    return [work_schema.Check(key, what, found.get(key)) for key, what in wanted.items()]


def _item(item: phases.Item, ticked: Mapping[str, ItemTicked]) -> work_schema.Item:
    entry = ticked.get(item.key)
    if entry is None:
        return work_schema.Item(item.key, item.what, item.effect, None, None, None, "")
    return work_schema.Item(item.key, item.what, item.effect, entry.tick, entry.by, entry.at, entry.note)
