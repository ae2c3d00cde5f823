"""Plans and incidents for tests: entries are built here and folded by the real lifecycle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import strategies as st

from tocsin.incidents import folding, lifecycle
from tocsin.incidents.model import AnyEntry, Declared, Incident, Numbered, Paged, Updated
from tocsin.kit.errors import TocsinError
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.plan.model import (
    Audience,
    Cadence,
    Communication,
    EscalationPolicy,
    IncidentType,
    Milestone,
    Need,
    Person,
    Phase,
    Plan,
    Recovery,
    Role,
    Severity,
    Stage,
    Step,
)
from tocsin.plan.procedure import Action
from tocsin.plan.reviewing import Review, Section, Topic
from tocsin.plan.rotas import Rotation
from tocsin.plan.services import Component, Service

NIGHT = datetime(2026, 11, 24, 2, 39, 31, tzinfo=UTC)
"""When the incident of these tests is detected and declared."""

LINK = "https://tocsin.example.org/incidents/inc_NIGHT"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def later(count: float) -> datetime:
    """So many minutes after the declaration."""
    return NIGHT + minutes(count)


# ---- The plan ----

TEMPLATES = {
    "internal": (
        "[{time}] Status update\n- Current status: {status}\n- Impact: {impact}\n- Actions taken: {actions}\n"
        "- Next steps: {next}\n- ETA: {eta}"
    ),
    "investigating": "[{time_utc}] Investigating\nWe look into reports of {issue}. Users may notice {impact}.",
    "identified": "[{time_utc}] Identified\nThe cause is {cause}. Expected end: {eta}.",
    "resolved": "[{time_utc}] Resolved\nIt is over, and we are sorry.",
    "incident_ticket": (
        "# {title}\n{severity} · {status} · {commander}\nStarted {started}, resolved {resolved}, {duration}\n"
        "Impact: {impact}\nCause: {cause}\n{milestones}\n{link}"
    ),
}


def _severity(name: str, acknowledge: float, resolve: float, impact: Any, need: Need) -> Severity:
    return Severity(
        name=name,
        definition=f"What {name.lower()} means.",
        acknowledge_within=minutes(acknowledge),
        resolve_within=minutes(resolve),
        public_impact=impact,
        post_mortem=need,
    )


def _role(name: str) -> Role:
    return Role(name=name, purpose=f"The purpose of the {name}.", duties=("Do it.",), eligible=("everyone",))


def _section(title: str, **more: Any) -> Section:
    return Section(title=title, **more)


SECTIONS = {
    "summary": _section("Executive summary", prompt="What happened?", facts="summary_facts"),
    "impact": _section("Impact", prompt="Who was affected?", facts="impact"),
    "timeline": _section("Timeline", facts="timeline"),
    "technical": _section("Technical root cause", part="Root cause", prompt="Why?"),
    "contributing": _section("Contributing factors", part="Root cause", prompt="What helped it along?"),
    "detection": _section("Detection", facts="detection"),
    "response": _section("Response", facts="response"),
    "resolution": _section("Resolution", facts="resolution"),
    "actions": _section("Action items", facts="action_items", required=False),
    "lessons": _section("Lessons learned", prompt="What do we know now?", required=False),
    "related": _section("Related incidents", facts="related"),
    "appendix": _section("Appendix", facts="appendix", required=False),
}

LOOK = (Action(do="Look."),)

PLAN = Plan(
    tocsin=1,
    name="Rose",
    version="1.0",
    people={
        "ana": Person(name="Ana Okafor"),
        "ben": Person(name="Ben Halvorsen"),
        "lucia": Person(name="Lucía Ferrer"),
    },
    roles={
        "incident_commander": _role("Incident commander"),
        "tech": _role("Technical lead"),
        "communications_lead": _role("Communications lead"),
        "scribe": _role("Scribe"),
    },
    services={
        "rose": Service(
            name="Rose",
            components={
                "voice": Component(name="Voice conversation", description="Talk and be answered"),
                "memory": Component(name="Memory"),
            },
        ),
        "site": Service(name="Web site", description="The pages about Rose"),
    },
    severities={
        "P0": _severity("Critical", 5, 60, "critical", Need.REQUIRED),
        "P1": _severity("High", 15, 240, "major", Need.REQUIRED),
        "P2": _severity("Medium", 60, 1440, "minor", Need.OPTIONAL),
        "P3": _severity("Low", 240, 10080, "none", Need.NONE),
    },
    rotations={"on_call": Rotation(people=("ana", "ben"), starts_on=date(2026, 1, 5), handoff=time(9))},
    escalation={"standard": EscalationPolicy(steps=(Step(page=("on_call",), wait=minutes(5)),))},
    phases={"detection": Phase(name="Detection", begins_when=Milestone.DECLARED)},
    types={
        "api": IncidentType(name="External API failure", symptoms=("A supplier fails.",), actions=LOOK),
        "outage": IncidentType(name="Service outage", symptoms=("Nothing answers.",), actions=LOOK),
        "breach": IncidentType(name="Security incident", symptoms=("A door is open.",), actions=LOOK, private=True),
    },
    communication=Communication(
        audiences={
            "internal": Audience(
                name="Incident channel",
                owner="incident_commander",
                template="internal",
                cadence={"P1": Cadence(first_within=minutes(15), every=minutes(30))},
            ),
            "public": Audience(name="Status page", owner="communications_lead", public=True),
            "customer_success": Audience(name="Customer success", owner="communications_lead"),
        },
        stages={
            Stage.INVESTIGATING: "investigating",
            Stage.IDENTIFIED: "identified",
            Stage.RESOLVED: "resolved",
        },
    ),
    templates=TEMPLATES,
    recovery=Recovery(watch_for=minutes(30)),
    review=Review(
        meeting_within=timedelta(hours=48),
        minutes=60,
        attendees=("everyone",),
        agenda=(Topic(topic="Timeline", minutes=10),),
        sections=SECTIONS,
    ),
    links={"Dashboard": "https://dash.example.org/rose_main"},
)


def with_templates(plan: Plan, **templates: str) -> Plan:
    return replace(plan, templates={**plan.templates, **templates})


# ---- The record ----


def declared(**changes: Any) -> Declared:
    known: dict[str, Any] = {
        "at": NIGHT,
        "by": "tocsin",
        "title": "Memory system down",
        "severity": "P1",
        "type": "api",
        "service": "rose",
        "components": ("memory",),
        "source": "probe",
        "trigger": "health_check",
        "why": "3 looks of 3 say that qdrant is disconnected",
        "started_at": NIGHT - timedelta(seconds=81),
        "detected_at": NIGHT,
        "plan_revision": "rev1",
        "number": 12,
    }
    return Declared(**{**known, **changes})


def public(stage: Stage, text: str, after: float, issue: str = "memory system down") -> Updated:
    fields = {"issue": issue}
    return Updated(at=later(after), by="lucia", audience="public", text=text, stage=stage, fields=fields)


def timeline(*entries: AnyEntry) -> tuple[Numbered, ...]:
    return tuple(Numbered(number=number, entry=entry) for number, entry in enumerate(entries, start=1))


def incident(*entries: AnyEntry, incident_id: str = "inc_NIGHT") -> Incident:
    """The fold of these entries; of a declaration alone if there are none."""
    return folding.fold(incident_id, timeline(*(entries or (declared(),))))


def obligation(key: str, kind: Kind, state: State, **changes: Any) -> Obligation:
    known: dict[str, Any] = {
        "id": f"obl_{key}",
        "incident_id": "inc_NIGHT",
        "key": key,
        "kind": kind,
        "what": f"Keep {key}",
        "clause": "",
        "audience": "",
        "owner": "on_call",
        "opened_at": NIGHT,
        "due_at": later(15),
        "state": state,
    }
    return Obligation(**{**known, **changes})


# ---- Any record that the rules allow ----

_Verb = Callable[[Incident, datetime], list[AnyEntry]]

_VERBS: tuple[_Verb, ...] = (
    lambda one, now: lifecycle.acknowledge(one, by="ana", now=now),
    lambda one, now: lifecycle.assign(PLAN, one, "scribe", "ben", by="ana", now=now),
    lambda one, now: lifecycle.change_severity(PLAN, one, "P0", "worse", by="ana", now=now),
    lambda one, now: lifecycle.change_severity(PLAN, one, "P3", "better", by="ana", now=now),
    lambda one, now: lifecycle.change_type(PLAN, one, "outage", "it is all down", by="ana", now=now),
    lambda one, now: lifecycle.rename(one, "The title | is another", by="ana", now=now),
    lambda one, now: lifecycle.note(one, "Seen | done", by="ben", now=now),
    lambda one, now: lifecycle.decide(one, "Wait", "nothing else helps", by="ben", now=now),
    lambda one, now: lifecycle.mitigate(one, "Serve without it", by="ana", now=now),
    lambda one, now: lifecycle.resolve(one, "Back again", by="ana", now=now),
    lambda one, now: lifecycle.recover(one, by="tocsin", now=now),
    lambda one, now: lifecycle.reopen(one, "It came back", by="ana", now=now),
    lambda one, now: [Updated(at=now, by="lucia", audience="public", text="Told <you>", stage=Stage.IDENTIFIED)],
    lambda one, now: [Updated(at=now, by="lucia", audience="public", text="Over & out", stage=Stage.RESOLVED)],
    lambda one, now: [Updated(at=now, by="ben", audience="internal", text="Only for us")],
    lambda one, now: [Paged(at=now, by="tocsin", step=0, people=("ana",), through=("push",), answer_by=now)],
)


@st.composite
def timelines(draw: st.DrawFn) -> tuple[Numbered, ...]:
    """A record made by doing random things at random moments, as far as the rules allow them."""
    skew = timedelta(seconds=draw(st.integers(-600, 600)))  # a sender's clock may be wrong in either direction
    severity = draw(st.sampled_from(list(PLAN.severities)))
    entries: list[AnyEntry] = [declared(severity=severity, started_at=NIGHT - skew)]
    now = NIGHT
    for verb in draw(st.lists(st.sampled_from(_VERBS), max_size=12)):
        now += timedelta(seconds=draw(st.integers(0, 4000)))
        entries += _tried(verb, incident(*entries), now)
    return timeline(*entries)


def _tried(verb: _Verb, one: Incident, now: datetime) -> list[AnyEntry]:
    try:
        return verb(one, now)
    except TocsinError:
        return []
