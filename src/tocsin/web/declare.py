"""Declaring an incident: the definitions stand where one chooses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from tocsin.incidents import store as incidents
from tocsin.incidents.model import OPEN_STATUSES, Incident
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.text import clip, listed, span
from tocsin.oncall import store as oncall
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Need, Plan
from tocsin.response import commands
from tocsin.signals import store as signals
from tocsin.signals.model import Trigger
from tocsin.watch import store as watch
from tocsin.web import present
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.frame import SignedIn, Tx, Visitor, page
from tocsin.web.now import on_call, ways_to_reach
from tocsin.web.probes import Services, services
from tocsin.web.trouble import Trouble, trouble

FIELDS = ("title", "severity", "type", "service", "began", "impact")
TRIGGERS = (Trigger.OBSERVATION, Trigger.USER_REPORT)


@dataclass(frozen=True)
class Level:
    """A severity as one chooses it: what it means, and what it will do."""

    severity: present.Severity
    definition: str
    examples: tuple[str, ...]
    consequence: str
    is_chosen: bool


@dataclass(frozen=True)
class Kind:
    value: str
    name: str
    symptoms: str
    is_private: bool
    is_chosen: bool


@dataclass(frozen=True)
class Component:
    """A part of a service, to tick."""

    value: str
    name: str
    is_chosen: bool


@dataclass(frozen=True)
class Draft:
    """A declaration as it is being written."""

    signal: str
    evidence: str
    title: str
    impact: str
    began: str
    service: str
    trigger: str
    levels: tuple[Level, ...]
    kinds: tuple[Kind, ...]
    services: tuple[present.Choice, ...]
    components: tuple[Component, ...]


@dataclass(frozen=True)
class Alike:
    href: str
    severity: present.Severity
    title: str
    is_near: bool


def draft(plan: Plan, typed: Mapping[str, str], ticked: tuple[str, ...], signal: signals.Signal | None) -> Draft:
    """The form, filled with what was typed or with what the signal says."""
    only = next(iter(plan.services)) if len(plan.services) == 1 else ""
    return Draft(
        signal=signal.id if signal else "",
        evidence=f"From {signal.source}, heard {signal.count} times: {signal.title}" if signal else "",
        title=typed.get("title") or typed.get("what") or (signal.title if signal else ""),
        impact=typed.get("impact", ""),
        began=typed.get("began", ""),
        service=typed.get("service", only),
        trigger=typed.get("trigger", TRIGGERS[0]),
        levels=tuple(_level(plan, level, typed.get("severity", "")) for level in plan.severities),
        kinds=tuple(
            Kind(key, one.name, "; ".join(one.symptoms), one.private, key == typed.get("type"))
            for key, one in plan.types.items()
        ),
        services=tuple(present.Choice(key, one.name) for key, one in plan.services.items()),
        components=tuple(
            Component(f"{key}/{part}", one.name, f"{key}/{part}" in ticked)
            for key, service in plan.services.items()
            for part, one in service.components.items()
        ),
    )


def _level(plan: Plan, level: str, chosen: str) -> Level:
    known = plan.severities[level]
    return Level(
        severity=present.severity(plan, level),
        definition=known.definition,
        examples=known.examples,
        consequence=_consequence(plan, level),
        is_chosen=level == chosen,
    )


def _consequence(plan: Plan, level: str) -> str:
    """What declaring at this level sets going, in two short sentences."""
    severity = plan.severities[level]
    policy = plan.escalation.get(severity.escalation or "")
    paged = (
        f"Pages {listed(_target(plan, one) for one in policy.steps[0].page)} at once." if policy else "Pages nobody."
    )
    told = [one.name.lower() for one in plan.communication.audiences.values() if level in one.cadence]
    updates = f" Updates are owed to {listed(told)}." if told else ""
    review = " A post-mortem is owed." if severity.post_mortem is Need.REQUIRED else ""
    return f"{paged}{updates} Resolve within {span(severity.resolve_within)}.{review}"


def _target(plan: Plan, target: str) -> str:
    if target in plan.rotations:
        return f"the {(plan.rotations[target].name or target).lower()}"
    return plan.teams[target].name.lower() if target in plan.teams else present.names(plan, [target])


@get("/declare", sync_to_thread=True)
def show_declare(
    request: AnyRequest, visitor: SignedIn, what: FromQuery[str] = "", signal: FromQuery[str] = ""
) -> Template:
    access.require(visitor.actor, access.INCIDENT_WRITE)
    return _page(request, visitor, {"what": clip(what, 300)}, (), signal, None)


def _page(
    request: AnyRequest,
    visitor: Visitor,
    typed: Mapping[str, str],
    ticked: tuple[str, ...],
    signal_id: str,
    wrong: Trouble | None,
) -> Template:
    with visitor.app.database.read(visitor.actor) as tx:
        plan = plans.current(tx)
        signal = signals.load(tx, signal_id) if signal_id else None
        return page(
            request,
            visitor,
            tx,
            "declare.html",
            title="Declare an incident",
            here="/declare",
            status=wrong.status if wrong else 200,
            draft=draft(plan, typed, ticked, signal),
            declare_when=plan.declare_when,
            seen=_seen(tx, plan),
            alike=_alike(tx, plan, typed.get("title") or typed.get("what", "")),
            on_call=on_call(
                plan, oncall.rotas(tx, plan), ways_to_reach(tx, plan.people), visitor.account.handle, tx.now
            ),
            wrong=wrong,
        )


def _seen(tx: Tx, plan: Plan) -> Services:
    return services(plan, watch.standings(tx), tx.now)


def _alike(tx: Tx, plan: Plan, typed: str) -> list[Alike]:
    """What is open, as far as they may see it: first what shares words with the title."""
    said = said_in(typed)
    found = [(len(said & said_in(one.title)), one) for one in incidents.listing(tx, statuses=OPEN_STATUSES, limit=50)]
    found.sort(key=lambda one: -one[0])
    return [_line(plan, one, is_near=shared > 0) for shared, one in found[:10]]


def said_in(title: str) -> set[str]:
    """The words of a title that say something, for comparing it with another."""
    return {one.casefold() for one in re.findall(r"\w{4,}", title)}


def _line(plan: Plan, incident: Incident, *, is_near: bool) -> Alike:
    level = present.severity(plan, incident.severity)
    return Alike(f"/incidents/{incident.id}", level, incident.title, is_near)


@get("/declare/alike", sync_to_thread=True)
def show_alike(visitor: SignedIn, title: FromQuery[str] = "") -> Template:
    """What sounds like a title that is being typed, as the part of the page."""
    access.require(visitor.actor, access.INCIDENT_WRITE)
    with visitor.app.database.read(visitor.actor) as tx:
        alike = _alike(tx, plans.current(tx), clip(title, 300))
    return Template("_alike.html", context={"alike": alike}, headers={"cache-control": "no-store"})


@post("/declare", sync_to_thread=True)
def declare(request: AnyRequest, visitor: SignedIn, form: Sent) -> Template | Redirect:
    try:
        incident = visitor.app.database.run(visitor.actor, lambda tx: _declare(tx, form))
    except (Invalid, Refused) as why:
        wrong = trouble(why, {**{one: one for one in FIELDS}, "started_at": "began"})
        return _page(request, visitor, form.typed(), form.all("component"), form.text("signal"), wrong)
    return Redirect(f"/incidents/{incident.id}?done=declared", status_code=303)


def _declare(tx: Tx, form: Form) -> Incident:
    severity, kind, title = form.text("severity"), form.text("type"), form.text("title")
    if not severity:
        raise Invalid("Choose a severity; it can be changed later.", field="severity")
    if not kind:
        raise Invalid("Choose the type that comes nearest; it can be changed later.", field="type")
    if form.text("signal"):
        return commands.declare_from_signal(tx, form.text("signal"), severity=severity, type=kind, title=title)
    service = form.text("service")
    return commands.declare(
        tx,
        title=title,
        severity=severity,
        type=kind,
        service=service or None,
        impact=form.text("impact"),
        trigger=_trigger(form.text("trigger")),
        components=tuple(
            part for owner, _, part in (ticked.partition("/") for ticked in form.all("component")) if owner == service
        ),
        started_at=form.instant("began"),
    )


def _trigger(typed: str) -> Trigger:
    return Trigger(typed) if typed in TRIGGERS else Trigger.OBSERVATION


def routes() -> list[Any]:
    return [show_declare, show_alike, declare]
