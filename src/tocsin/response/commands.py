"""The verbs of an incident, each one unit of work: check who asks, load, decide, record, follow up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.comms import updates
from tocsin.db.engine import Tx
from tocsin.incidents import approving, confidential, correcting, lifecycle, silence, working
from tocsin.incidents import store as incidents
from tocsin.incidents.correction import Moment
from tocsin.incidents.model import AnyEntry, Declared, Incident, SignalAttached, SignalFlapped, Updated
from tocsin.kit.actor import Actor, ActorKind
from tocsin.kit.errors import NotFound, Refused
from tocsin.obligations import store as obligations
from tocsin.obligations.model import WAITS, Kind, Obligation, State
from tocsin.paging import store as pages
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Stage
from tocsin.response import assessing, followups, quieting
from tocsin.signals import flapping
from tocsin.signals import store as signals
from tocsin.signals.model import Trigger
from tocsin.signals.store import Disposition

WAIVABLE = frozenset(Kind) - {
    *(Kind.LOOK, Kind.CANARY, Kind.COVER, Kind.TURN, Kind.HANDOFF, Kind.WATCH, Kind.PROGRESS, Kind.SNOOZE, *WAITS)
}


class NoSuchObligation(NotFound):
    """The incident owes no such thing now."""


class DeclaredAlready(Refused):
    """This signal is on the record of an open incident already."""


class NotAPerson(Refused):
    """Only a person of the plan can do this."""


def declare(
    tx: Tx,
    *,
    title: str,
    severity: str,
    type: str,  # noqa: A002 - the plan's word
    service: str | None = None,
    impact: str = "",
    trigger: Trigger = Trigger.OBSERVATION,
    components: tuple[str, ...] = (),
    started_at: datetime | None = None,
) -> Incident:
    """A person declares an incident. Raises UnknownWord for words that are not the plan's."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    plan = plans.current(tx)
    lifecycle.known("severity", severity, plan.severities)
    lifecycle.known("type", type, plan.types)
    if service is not None:
        lifecycle.known("service", service, plan.services)
        for component in components:
            lifecycle.known("component", component, plan.services[service].components)
    return open_incident(
        tx,
        plan,
        title=lifecycle.said(title, "title", lifecycle.TITLE_MOST),
        severity=severity,
        type=type,
        service=service,
        components=components,
        source="person" if tx.actor.kind is ActorKind.PERSON else tx.actor.handle,
        trigger=trigger,
        impact=impact.strip(),
        started_at=lifecycle.not_after(started_at, tx.now),
        detected_at=tx.now,
    )


def open_incident(
    tx: Tx,
    plan: Plan,
    *,
    title: str,
    severity: str,
    type: str,  # noqa: A002 - the plan's word
    service: str | None,
    components: tuple[str, ...],
    source: str,
    trigger: Trigger,
    why: str = "",
    impact: str = "",
    started_at: datetime | None,
    detected_at: datetime,
) -> Incident:
    """Begin an incident's record, whoever asked for it, and do what follows."""
    declared = Declared(
        at=tx.now,
        by=tx.actor.handle,
        title=title,
        severity=severity,
        type=type,
        service=service,
        components=components,
        source=source,
        trigger=trigger,
        why=why,
        impact=impact,
        started_at=started_at or detected_at,
        detected_at=detected_at,
        plan_revision=plans.current_id(tx),
        number=incidents.next_number(tx),
    )
    incident = incidents.begin(tx, declared)
    return followups.follow(tx, plan, incident, declared)


def declare_from_signal(tx: Tx, signal_id: str, *, severity: str, type: str, title: str = "") -> Incident:  # noqa: A002 - the plan's word
    """A person declares what a waiting signal shows."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    plan = plans.current(tx)
    lifecycle.known("severity", severity, plan.severities)
    lifecycle.known("type", type, plan.types)
    signal = signals.load(tx, signal_id)
    is_on_one = signal.disposition in (Disposition.DECLARED, Disposition.ATTACHED)
    if is_on_one and signal.incident_id is not None and incidents.load(tx, signal.incident_id).is_open:
        raise DeclaredAlready(f"{DeclaredAlready.__doc__}")  # somebody pressed twice, or two people at once
    with assessing.called_for_by(tx, signal):
        incident = open_incident(
            tx,
            plan,
            title=lifecycle.said(title, "title", lifecycle.TITLE_MOST) if title.strip() else signal.title,
            severity=severity,
            type=type,
            service=signal.labels.get("service") if signal.labels.get("service") in plan.services else None,
            components=(),
            source=signal.source,
            trigger=signal.trigger,
            why=f"Declared by {tx.actor.handle} from a signal of {signal.source}: {signal.title}",
            started_at=signal.started_at,
            detected_at=signal.first_at,
        )
    return attach(tx, plan, incident, signal, Disposition.DECLARED, incident.why)


def attach(
    tx: Tx, plan: Plan, incident: Incident, signal: signals.Signal, disposition: Disposition, why: str
) -> Incident:
    """Put a signal on an incident's record."""
    signals.dispose(tx, signal, disposition, why, incident.id)
    entry = SignalAttached(
        at=tx.now, by=tx.actor.handle, signal_id=signal.id, title=signal.title, source=signal.source, why=why
    )
    return followups.record(tx, plan, incident, [entry, *_flapping(tx, signal)])


def _flapping(tx: Tx, signal: signals.Signal) -> list[AnyEntry]:
    """What is said of a signal that flaps when it comes on an incident; of others nothing."""
    told = flapping.told(signal.flapping_since, signal.calm_at)
    flaps = SignalFlapped(at=tx.now, by=tx.actor.handle, signal_id=signal.id, title=signal.title, why=told)
    return [flaps] if told else []


def dismiss_signal(tx: Tx, signal_id: str, because: str = "") -> None:
    """A person says that a waiting signal calls for nothing."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    signal = signals.load(tx, signal_id)
    if signal.disposition is not Disposition.WAITING:
        raise Refused("Only a signal that waits can be dismissed.")
    why = f"Dismissed by {tx.actor.handle}. {because}".strip()
    # One that waits on an incident does so because that is confidential, and stays hidden with it.
    signals.dispose(tx, signal, Disposition.DISMISSED, why, signal.incident_id)
    if signal.incident_id is not None:
        quieting.see_to(tx, signal.incident_id, begins=signals.is_loud(signal))


def acknowledge(tx: Tx, incident_id: str, through: str = "web") -> Incident:
    plan, incident = opened(tx, incident_id)
    entries = lifecycle.acknowledge(incident, by=tx.actor.handle, now=tx.now, through=through)
    return followups.record(tx, plan, incident, entries)


def acknowledge_page(tx: Tx, token: str, through: str = "link") -> Incident:
    """Answer a page through its link: the link itself says who answers."""
    page = pages.by_link_token(tx, token)
    return acknowledge_as(tx, incidents.survivor(tx, incidents.load(tx, page.incident_id)), page.handle, through)


def require_paged(incident: Incident, handle: str) -> None:
    """Let pass whoever was paged, but for what is confidential and not theirs to read."""
    if incident.confidential_at and handle not in confidential.readers(incident):
        raise lifecycle.MergedAway  # to have been paged for the duplicate lets nobody in


def acknowledge_as(tx: Tx, incident: Incident, handle: str, through: str) -> Incident:
    """Acknowledge in the name of whoever has proven who they are in another way than by signing in."""
    require_paged(incident, handle)
    plan = plans.load(tx, incident.plan_revision)
    entries = lifecycle.acknowledge(incident, by=handle, now=tx.now, through=through)
    return followups.record(tx, plan, incident, entries)


def snooze(tx: Tx, incident_id: str, until: datetime, because: str) -> Incident:
    """A responder says that they will be silent until then, as far as the plan allows it."""
    plan, incident = opened(tx, incident_id)
    lifecycle.require_unresolved(incident)
    entries = silence.snooze(plan, incident, until, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def wake(tx: Tx, incident_id: str, because: str = "") -> Incident:
    """A responder ends the snooze: from now on the silence counts again."""
    plan, incident = opened(tx, incident_id)
    lifecycle.require_unresolved(incident)
    return followups.record(tx, plan, incident, silence.wake(incident, because, by=tx.actor.handle, now=tx.now))


def assign(tx: Tx, incident_id: str, role: str, person: str, *, seen: str | None = None) -> Incident:
    """Give a role to a person; if somebody holds it, this hands it over: unless somebody else than was seen there."""
    plan, incident = opened(tx, incident_id)
    people_commands.require_present(tx, person)
    entries = lifecycle.assign(plan, incident, role, person, by=tx.actor.handle, now=tx.now, seen=seen)
    return followups.record(tx, plan, incident, entries)


def change_severity(tx: Tx, incident_id: str, severity: str, because: str) -> Incident:
    plan, incident = opened(tx, incident_id)
    entries = lifecycle.change_severity(plan, incident, severity, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def change_type(tx: Tx, incident_id: str, type: str, because: str) -> Incident:  # noqa: A002 - the plan's word
    plan, incident = opened(tx, incident_id)
    entries = lifecycle.change_type(plan, incident, type, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def rename(tx: Tx, incident_id: str, title: str) -> Incident:
    """Give an incident another title, for those who work on it: the public reads none."""
    plan, incident = opened(tx, incident_id)
    return followups.record(tx, plan, incident, lifecycle.rename(incident, title, by=tx.actor.handle, now=tx.now))


def note(tx: Tx, incident_id: str, text: str) -> Incident:
    plan, incident = opened(tx, incident_id)
    return followups.record(tx, plan, incident, lifecycle.note(incident, text, by=tx.actor.handle, now=tx.now))


def decide(
    tx: Tx,
    incident_id: str,
    decision: str,
    because: str,
    *,
    decider: str = "",
    options: Sequence[str] = (),
    basis: str = "",
) -> Incident:
    """Record a decision: who made it, why, on what evidence, and what else was considered."""
    plan, incident = opened(tx, incident_id)
    if decider:
        lifecycle.known("person", decider, plan.people)
    by, now = tx.actor.handle, tx.now
    entries = lifecycle.decide(
        incident, decision, because, by=by, now=now, decider=decider, options=options, basis=basis
    )
    return followups.record(tx, plan, incident, entries)


def preview_update(
    tx: Tx,
    incident_id: str,
    audience: str,
    typed: Mapping[str, str],
    stage: Stage | None = None,
    *,
    notice: bool = False,
) -> updates.Composed:
    """What this audience would read, in the words that posting would use. Nothing is posted."""
    plan, incident = opened(tx, incident_id)
    link = followups.link(tx, f"/incidents/{incident.id}")
    return updates.compose(plan, incident, audience, typed, stage, tx.now, link, notice=notice)


def post_update(
    tx: Tx,
    incident_id: str,
    audience: str,
    typed: Mapping[str, str],
    stage: Stage | None = None,
    *,
    notice: bool = False,
) -> Incident:
    """Compose an update from the plan's template for this audience and post it.

    A `notice` tells users how it ended, by the template that the plan names for it. Where the plan has somebody
    approve what this audience is told, it waits for their word.
    """
    plan, incident = opened(tx, incident_id)
    composed = preview_update(tx, incident_id, audience, typed, stage, notice=notice)
    told, by = plan.communication.audiences[audience], tx.actor.handle
    entries = _tell(tx, plan, incident, audience, composed)
    if approving.waits(incident, told, by):
        asked = approving.approvers(plan, incident, told, by)
        return followups.record(tx, plan, incident, [approving.draft(one, asked) for one in entries])
    return followups.record(tx, plan, incident, entries)


def approve(tx: Tx, incident_id: str, number: int) -> Incident:
    """Tell an audience what waits for a word, as the record stands now. Whoever approves it is who told it."""
    plan, incident = opened(tx, incident_id)
    draft = approving.waiting_one(incidents.timeline(tx, incident_id), number)
    told = plan.communication.audiences[draft.audience]
    approving.require_approver(plan, incident, told, tx.actor.handle, draft.by)
    stage = None if draft.notice else draft.stage
    composed = preview_update(tx, incident_id, draft.audience, draft.fields, stage, notice=draft.notice)
    entries = _tell(tx, plan, incident, draft.audience, composed)
    approved = [replace(one, draft=number, drafted_by=draft.by) for one in entries]
    return followups.record(tx, plan, incident, approved)


def _tell(tx: Tx, plan: Plan, incident: Incident, audience: str, composed: updates.Composed) -> list[Updated]:
    return lifecycle.tell(
        incident,
        audience=audience,
        text=composed.text,
        stage=composed.stage,
        fields=composed.fields,
        recipients=confidential.recipients(plan, incident, plan.communication.audiences[audience]),
        notice=composed.notice,
        counts=tx.actor.kind is ActorKind.PERSON,  # a program may tell people something; it keeps no promise
        by=tx.actor.handle,
        now=tx.now,
    )


def mitigate(tx: Tx, incident_id: str, how: str) -> Incident:
    plan, incident = opened(tx, incident_id)
    return followups.record(tx, plan, incident, lifecycle.mitigate(incident, how, by=tx.actor.handle, now=tx.now))


def resolve(tx: Tx, incident_id: str, how: str, unverified_because: str = "") -> Incident:
    """The fix is in: the watch after it begins. Refused while a check of the plan is not recorded.

    Whoever may waive may pass the checks over, and says why.
    """
    plan, incident = opened(tx, incident_id)
    entries = working.resolve(
        plan,
        incident,
        how,
        unverified_because,
        may_pass_over=may_waive(tx.actor, plan, incident),
        by=tx.actor.handle,
        now=tx.now,
    )
    return followups.record(tx, plan, incident, entries)


def reopen(tx: Tx, incident_id: str, because: str) -> Incident:
    plan, incident = opened(tx, incident_id)
    return followups.record(tx, plan, incident, lifecycle.reopen(incident, because, by=tx.actor.handle, now=tx.now))


def close(tx: Tx, incident_id: str) -> Incident:
    """Close, or refuse and name what the plan still requires."""
    plan, incident = opened(tx, incident_id)
    owed = open_duties(tx, incident)
    return followups.record(tx, plan, incident, lifecycle.close(plan, incident, owed, by=tx.actor.handle, now=tx.now))


def open_duties(tx: Tx, incident: Incident) -> list[str]:
    """What is still owed, in words."""
    return in_words(obligations.open_for(tx, incident.id))


def in_words(standing: Iterable[Obligation]) -> list[str]:
    """What closing must wait for. The watch and the meeting have conditions of their own in the plan."""
    return [duty.what for duty in standing if duty.kind not in (Kind.WATCH, Kind.REVIEW, Kind.QUIET)]


def waive(tx: Tx, incident_id: str, key: str, because: str) -> Incident:
    """A person says that something owed need not be done this time, and why."""
    plan, incident = opened(tx, incident_id)
    _require_waiver(tx, plan, incident)
    standing = {duty.key: duty for duty in obligations.open_for(tx, incident.id) if duty.kind in WAIVABLE}
    if key not in standing:
        raise NoSuchObligation(f"Nothing called '{key}' is owed now.")
    entries = lifecycle.waive(incident, standing[key], because, by=tx.actor.handle, now=tx.now)
    obligations.settle(tx, standing[key].id, State.WAIVED, because.strip(), incident.entries + 1)
    return followups.record(tx, plan, incident, entries)


def may_waive(actor: Actor, plan: Plan, incident: Incident) -> bool:
    """Whoever leads this incident may, and whoever has the right; a program never."""
    leads = plan.lead is not None and incident.roles.get(plan.lead) == actor.handle
    return actor.kind is ActorKind.PERSON and (leads or actor.may(access.WAIVE))


def _require_waiver(tx: Tx, plan: Plan, incident: Incident) -> None:
    if not may_waive(tx.actor, plan, incident):
        lead = f"the {plan.roles[plan.lead].name.lower()} of the incident" if plan.lead else "nobody else"
        raise access.NotAllowed(f"Only {lead} may waive, or a person with the right {access.WAIVE}.")


def correct_time(tx: Tx, incident_id: str, moment: Moment, instant: datetime, because: str) -> Incident:
    """A person says when something really happened. What was written before stays on the record."""
    plan, incident = opened(tx, incident_id)
    entries = correcting.correct(incident, moment, instant, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def schedule_review(tx: Tx, incident_id: str, meeting_at: datetime) -> Incident:
    plan, incident = opened(tx, incident_id)
    entries = lifecycle.schedule_review(plan, incident, meeting_at, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def hold_review(tx: Tx, incident_id: str) -> Incident:
    """The post-mortem meeting was held."""
    plan, incident = opened(tx, incident_id)
    return followups.record(tx, plan, incident, lifecycle.hold_review(incident, by=tx.actor.handle, now=tx.now))


def opened(tx: Tx, incident_id: str) -> tuple[Plan, Incident]:
    """The incident and the plan it is run by: the revision it was declared under."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    incident = incidents.load(tx, incident_id)
    return plans.load(tx, incident.plan_revision), incident
