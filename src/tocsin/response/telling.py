"""What people do with updates besides posting them: look over, send back, correct, withdraw, post elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.comms import lookover, updates
from tocsin.comms import social as social_posts
from tocsin.comms.lookover import Look, Shape
from tocsin.comms.social import Post
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.incidents import approving, confidential, lifecycle, places
from tocsin.incidents import store as incidents
from tocsin.incidents.approving import Standing
from tocsin.incidents.model import Incident, Updated
from tocsin.incidents.places import CallOpened
from tocsin.incidents.telling import NETWORK, Drafted, PostedElsewhere
from tocsin.kit.actor import ActorKind
from tocsin.kit.errors import Invalid
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.jargon import Jargon
from tocsin.plan.model import Plan, Stage
from tocsin.plan.networks import Network
from tocsin.response import commands, discretion, followups, posting


@dataclass(frozen=True, kw_only=True)
class LookedOver:
    """What an audience would read, what is to be said about it, and how it stands in each of its ways.

    It `waits` for the word of those in `approvers` before anybody reads it.
    """

    composed: updates.Composed
    look: Look
    shapes: Sequence[Shape]
    waits: bool
    approvers: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A draft that waits, in the words in which it would be told now."""

    number: int
    drafted: Drafted
    text: str
    jargon: Sequence[Jargon]
    before: Standing | None
    approvers: Sequence[str]
    may_approve: bool


def look_over(
    tx: Tx,
    incident_id: str,
    audience: str,
    typed: Mapping[str, str],
    stage: Stage | None = None,
    *,
    notice: bool = False,
) -> LookedOver:
    """An update before it is posted. Nothing is posted."""
    plan, incident = commands.opened(tx, incident_id)
    composed = commands.preview_update(tx, incident_id, audience, typed, stage, notice=notice)
    told, entries = plan.communication.audiences[audience], incidents.timeline(tx, incident_id)
    mail = discretion.update_mail(plan, incident, audience, composed.text, _room(tx, incident))
    waits = approving.waits(incident, told, tx.actor.handle)
    return LookedOver(
        composed=composed,
        look=lookover.look(plan, audience, lookover.asked_for(plan, audience, composed), typed, entries),
        shapes=lookover.shapes(plan, audience, composed.text, mail, _title(tx, plan, incident, audience, composed)),
        waits=waits,
        approvers=approving.approvers(plan, incident, told, tx.actor.handle) if waits else (),
    )


def _title(tx: Tx, plan: Plan, incident: Incident, audience: str, composed: updates.Composed) -> str:
    """What stands above it in a chat and in what subscribers are sent; what is confidential goes to neither."""
    if incident.confidential_at is not None:
        return ""
    update = Updated(
        at=tx.now,
        by=tx.actor.handle,
        audience=audience,
        text=composed.text,
        stage=composed.stage,
        fields=composed.fields,
        notice=composed.notice,
    )
    return posting.heading(tx, plan, incident, update)[0]


def drafts(tx: Tx, incident_id: str) -> list[Draft]:
    """The drafts that wait for a word. Raises NoSuchIncident."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
    return [
        _draft(tx, plan, incident, number, one, lookover.last(entries, one.audience))
        for number, one in approving.waiting(entries).items()
    ]


def draft(tx: Tx, incident_id: str, number: int) -> Draft:
    """One of them. Raises NoSuchDraft."""
    found = {one.number: one for one in drafts(tx, incident_id)}
    if number not in found:
        approving.waiting_one(incidents.timeline(tx, incident_id), number)
    return found[number]


def fate(tx: Tx, incident_id: str, number: int) -> approving.Fate | None:
    """What became of a draft that does not wait any more. Raises NoSuchIncident."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    return approving.became(incidents.timeline(tx, incident.id), number)


def _draft(tx: Tx, plan: Plan, incident: Incident, number: int, drafted: Drafted, before: Standing | None) -> Draft:
    audience = plan.communication.audiences[drafted.audience]
    able = approving.approvers(plan, incident, audience, drafted.by)
    stage = None if drafted.notice else drafted.stage
    about = (plan, incident, drafted.audience, drafted.fields, stage, tx.now, _room(tx, incident))
    return Draft(
        number=number,
        drafted=drafted,
        text=updates.compose(*about, notice=drafted.notice).text,
        jargon=lookover.said_plainly(plan, audience, drafted.fields.values()),
        before=before,
        approvers=able,
        may_approve=tx.actor.kind is ActorKind.PERSON and tx.actor.handle in able,
    )


def send_back(tx: Tx, incident_id: str, number: int, because: str) -> Incident:
    """Give a draft back to its author, with a word."""
    plan, incident = commands.opened(tx, incident_id)
    drafted = approving.waiting_one(incidents.timeline(tx, incident_id), number)
    told = plan.communication.audiences[drafted.audience]
    approving.require_approver(plan, incident, told, tx.actor.handle, drafted.by)
    entries = approving.send_back(number, drafted, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def correct(tx: Tx, incident_id: str, number: int, text: str, because: str) -> Incident:
    """Say what an update should have said. Whoever got the first is told."""
    plan, incident, update = _standing(tx, incident_id, number)
    updates.require_words(text)
    entries = approving.correct(incident, update, text, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


def withdraw(tx: Tx, incident_id: str, number: int, because: str) -> Incident:
    """Say that what an update told does not hold. Whoever got it is told."""
    plan, incident, update = _standing(tx, incident_id, number)
    entries = approving.withdraw(incident, update, because, by=tx.actor.handle, now=tx.now)
    return followups.record(tx, plan, incident, entries)


# ---- Elsewhere -------------------------------------------------------------------------------------------------------


def social(tx: Tx, incident_id: str) -> tuple[Post, ...]:
    """A draft for each network of the plan, from what the public was told last; none while it was told nothing."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
    if confidential.is_confidential(plan, incident):
        return ()
    public = {key for key, one in plan.communication.audiences.items() if one.public}
    told = [one for one in approving.standing(entries).values() if one.told.audience in public and one.text]
    if not told:
        return ()
    return social_posts.drafts(plan, social_posts.opening(told[-1].told.stage, told[-1].text), _status_page(tx, plan))


def _status_page(tx: Tx, plan: Plan) -> str:
    return plan.communication.channels.status_page or kept.public_link(tx, "/status")


def posted(tx: Tx, incident_id: str, network: Network, text: str, link: str) -> Incident:
    """A person says that they posted this there. Raises TooLong for what the network would have refused."""
    plan, incident = commands.opened(tx, incident_id)
    if tx.actor.kind is not ActorKind.PERSON:
        raise commands.NotAPerson("Only a person posts elsewhere, and says so.")
    if network not in plan.communication.networks:
        raise Invalid(f"The plan posts nothing on {NETWORK[network]}.", field="network")
    if confidential.is_confidential(plan, incident):
        raise confidential.NotForThisAudience("The public may not be told of a confidential incident.")
    words = lifecycle.said(text, "text")
    social_posts.require_fit(network, words)
    entry = PostedElsewhere(at=tx.now, by=tx.actor.handle, network=network, text=words, link=places.address(link))
    return followups.record(tx, plan, incident, [entry])


def replace_call(tx: Tx, incident_id: str, link: str) -> Incident:
    """Talk at another address from now on. The channel shows it, and whoever holds a role is told."""
    _, incident = commands.opened(tx, incident_id)
    plan = plans.load(tx, incident.plan_revision)
    lifecycle.require_open(incident)
    address = places.address(link)
    if address == incident.call:
        return incident
    return followups.record(tx, plan, incident, [CallOpened(at=tx.now, by=tx.actor.handle, link=address)])


def _standing(tx: Tx, incident_id: str, number: int) -> tuple[Plan, Incident, Standing]:
    """An update that can be put right, by somebody whose word counts for its audience."""
    plan, incident = commands.opened(tx, incident_id)
    update = approving.standing_one(incidents.timeline(tx, incident_id), number)
    approving.require_approver(plan, incident, plan.communication.audiences[update.told.audience], tx.actor.handle)
    return plan, incident, update


def _room(tx: Tx, incident: Incident) -> str:
    return followups.link(tx, f"/incidents/{incident.id}")
