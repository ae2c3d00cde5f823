"""What follows from each entry: the only place where one fact of an incident causes another thing to happen.

Entries are recorded through `record`. Whatever follows is written in the same unit of work.
"""

from collections.abc import Iterable, Sequence
from typing import assert_never

from tocsin.comms import statuspage
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import confidential, quiet, silence, words
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.correction import TimeCorrected
from tocsin.incidents.model import (
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    Disclosed,
    Escalated,
    FellDue,
    GlassBroken,
    Incident,
    MadeConfidential,
    Mitigated,
    Noted,
    ObligationWaived,
    Paged,
    Recovered,
    Renamed,
    Reopened,
    Resolved,
    ResponderAdded,
    ResponderRemoved,
    ReviewHeld,
    ReviewScheduled,
    RoleAssigned,
    Secrecy,
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.incidents.owed import difference, owed
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, MessageKept
from tocsin.incidents.relation import Absorbed, Linked, Merged, SplitFrom, SplitOff, Unlinked
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.telling import (
    Drafted,
    DraftReturned,
    PostedElsewhere,
    TellingEntry,
    UpdateCorrected,
    UpdateWithdrawn,
)
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Verified,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import listed
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Duty, Kind, State
from tocsin.oncall import store as oncall
from tocsin.paging import ladder, reach
from tocsin.paging import store as pages
from tocsin.people.model import Channel
from tocsin.plan.model import Plan
from tocsin.response import (
    announcing,
    assessing,
    discretion,
    gathering,
    inviting,
    naming,
    notice,
    posting,
    reaching,
    sending,
)
from tocsin.status import store as public_site

ANSWERED = "answered"  # once, whoever answers and by whichever way


def record(tx: Tx, plan: Plan, incident: Incident, entries: Iterable[AnyEntry]) -> Incident:
    """Add entries to an incident and do what follows from each. Returns the incident as it is then."""
    for entry in entries:
        before = incident
        incident = incidents.append(tx, incident, [entry])
        if silence.is_word(entry):
            _heard(tx, plan, before, incident, entry)
        incident = follow(tx, plan, incident, entry)
    return incident


def _heard(tx: Tx, plan: Plan, before: Incident, incident: Incident, entry: AnyEntry) -> None:
    """A person has written something: whoever was asked again has answered, and the clock of silence begins anew."""
    evidence = f"entry {incident.entries}, by {entry.by}"
    if before.asked_again_at is not None and incident.asked_again_at is None:
        _stop_paging(tx, incident, State.MET, evidence)
        obligations.meet(tx, incident.id, ["progress"], evidence, incident.entries)
    if plan.severities[incident.severity].silent_after is not None:
        duty = owed(plan, incident).get("progress")
        if duty is not None and not obligations.postpone(tx, incident.id, duty):
            obligations.open_duty(tx, incident.id, duty, incident.entries)


def follow(tx: Tx, plan: Plan, incident: Incident, entry: AnyEntry) -> Incident:
    """Do what follows from an entry that has just been added, and let the channel know if it shows there."""
    incident = _follow(tx, plan, incident, entry)
    if isinstance(entry, SHOWN_IN_CHANNEL) or (isinstance(entry, CallOpened) and entry.by != SYSTEM.handle):
        gathering.see_to_channel(tx, plan, incident)
    if statuspage.shows(plan, entry):
        public_site.owe(tx)
    return incident


SHOWN_IN_CHANNEL = (
    Declared,
    Acknowledged,
    RoleAssigned,
    SeverityChanged,
    Renamed,
    MadeConfidential,
    Disclosed,
    ResponderAdded,
    ResponderRemoved,
    Updated,
    UpdateCorrected,
    UpdateWithdrawn,
    Escalated,
    Mitigated,
    Resolved,
    Recovered,
    Reopened,
    Closed,
    Merged,
)
"""What changes who is in the channel, its topic, or what stands in it; a call opens with one of these."""


def _follow(tx: Tx, plan: Plan, incident: Incident, entry: AnyEntry) -> Incident:
    evidence = f"entry {incident.entries}, by {entry.by}"
    match entry:
        case Declared():
            incident = record(tx, plan, incident, confidential.by_plan(plan, incident, by=SYSTEM.handle, now=tx.now))
            rederive(tx, plan, incident)
            return page_next(tx, plan, _open_call(tx, plan, incident, entry))
        case Acknowledged():
            obligations.meet(tx, incident.id, ["acknowledge"], evidence, incident.entries)
            _stop_paging(tx, incident, State.MET, evidence, _acknowledged(plan, incident, entry))
        case RoleAssigned() | Mitigated():
            _taken_in_hand(tx, plan, incident, entry, evidence)
        case SeverityChanged():
            incident = _rederive_visibly(tx, plan, incident, f"{entry.before} became {entry.severity}")
            return _page_at_new_level(tx, plan, _open_call(tx, plan, incident, entry), entry)
        case TypeChanged():
            return _at_new_type(tx, plan, incident, entry)
        case MadeConfidential() | Disclosed() | ResponderAdded() | ResponderRemoved() | GlassBroken():
            return _read_by_others(tx, plan, incident, entry)
        case Merged():
            _end_here(tx, plan, incident, f"it was merged into #{entry.number}")
        case Updated():
            _told(tx, plan, incident, entry, evidence)
        case Resolved():
            _fixed(tx, plan, incident, evidence)
        case Recovered() | Closed():
            is_over = "the incident was closed" if isinstance(entry, Closed) else "the watch has passed"
            rederive(tx, plan, incident, is_over)
        case Reopened():
            rederive(tx, plan, incident, "the incident was reopened")
            return page_next(tx, plan, _open_call(tx, plan, incident, entry))
        case ReviewHeld():
            obligations.meet(tx, incident.id, ["review"], evidence, incident.entries)
        case ObligationWaived():
            _owe_again(tx, plan, incident, entry.key)
        case EscalationAsked():
            obligations.settle_answers(tx, incident.id, State.VOID, evidence, incident.entries)
            return page_next(tx, plan, incident)
        case Declined():
            return _declined(tx, plan, incident, entry, evidence)
        case Escalated():
            return page_next(tx, plan, incident)
        case Snoozed() | SnoozeEnded() | AskedAgain():
            return _about_silence(tx, plan, incident, entry)
        case TimeCorrected():
            rederive(tx, plan, incident, f"the time at which it was {entry.moment} was corrected")
        case ReviewScheduled():
            inviting.tell(tx, plan, incident, entry, link(tx, f"/post-mortems/{incident.id}"))
        case SignalFlapped() | Thanked() | SupportContacted() | DutiesChanged() | FellDue():
            pass  # of what is overdue the tick itself has told those concerned
        case SignalAttached() | SignalCleared() | SignalsGathered() | Undelivered() | Paged() | Noted() | Decided():
            pass
        case Found() | ImpactAssessed() | StrategyChosen() | Deployed() | Verified() | RecoveryConfirmed() | Renamed():
            pass  # the public reads no title
        case (
            Absorbed()
            | Linked()
            | Unlinked()
            | SplitOff()
            | SplitFrom()
            | ItemTicked()
            | ItemUnticked()
            | ChannelOpened()
            | ChannelFailed()
            | ChannelLeft()
            | MessageKept()
        ):
            pass
        case CallOpened() | Drafted() | DraftReturned() | UpdateCorrected() | UpdateWithdrawn() | PostedElsewhere():
            _about_telling(tx, plan, incident, entry)
        case _:
            assert_never(entry)
    return incident


def _fixed(tx: Tx, plan: Plan, incident: Incident, evidence: str) -> None:
    obligations.meet(tx, incident.id, ["resolve"], evidence, incident.entries)
    _stop_paging(tx, incident, State.VOID, "the incident was resolved", "It was resolved; nothing is asked of you.")
    rederive(tx, plan, incident, "the incident was resolved")


def _taken_in_hand(tx: Tx, plan: Plan, incident: Incident, entry: RoleAssigned | Mitigated, evidence: str) -> None:
    """Where it would have resolved itself, its end is a person's word from now on."""
    if isinstance(entry, RoleAssigned):
        _named(tx, plan, incident, entry, evidence)
    if plan.severities[incident.severity].resolves_itself_after is not None:
        obligations.settle_quiet(tx, incident.id, evidence, incident.entries)


def _named(tx: Tx, plan: Plan, incident: Incident, entry: RoleAssigned, evidence: str) -> None:
    obligations.meet(tx, incident.id, [f"role:{entry.role}"], evidence, incident.entries)
    ways = reaching.first_ways(tx, plan, incident, entry.person)
    room = link(tx, f"/incidents/{incident.id}")
    naming.tell(tx, plan, incident, entry, ways, room, notice.prepared(tx, plan, incident, entry.role, room))


def _told(tx: Tx, plan: Plan, incident: Incident, entry: Updated, evidence: str) -> None:
    """An update is sent whoever posted it; it meets what is owed only if a person did."""
    if entry.counts:
        key = f"update:{entry.audience}"
        obligations.meet(tx, incident.id, [key], evidence, incident.entries)
        _owe_again(tx, plan, incident, key)
    send_update(tx, plan, incident, entry)


def _at_new_type(tx: Tx, plan: Plan, incident: Incident, entry: TypeChanged) -> Incident:
    incident = _rederive_visibly(tx, plan, incident, f"the type became {entry.type}")
    return record(tx, plan, incident, confidential.by_plan(plan, incident, by=entry.by, now=tx.now))


def _end_here(tx: Tx, plan: Plan, incident: Incident, why: str) -> None:
    _stop_paging(tx, incident, State.VOID, why, f"Nothing is asked of you: {why}.")
    rederive(tx, plan, incident, why)


def _read_by_others(tx: Tx, plan: Plan, incident: Incident, entry: Secrecy) -> Incident:
    rederive(tx, plan, incident, "who may read it changed")
    discretion.follow(tx, plan, incident, entry, link(tx, f"/incidents/{incident.id}"))
    return _open_call(tx, plan, incident, entry)


def _open_call(tx: Tx, plan: Plan, incident: Incident, entry: AnyEntry) -> Incident:
    """The call that the plan wants now, before anybody is paged: the page says where it is."""
    return record(tx, plan, incident, gathering.call(tx, plan, incident, entry))


def rederive(tx: Tx, plan: Plan, incident: Incident, because: str = "") -> None:
    """Make the open obligations those that the plan owes now. Doing it twice changes nothing."""
    wanted = owed(plan, incident)
    for standing in obligations.open_for(tx, incident.id):
        if standing.kind is Kind.ANSWER or (standing.kind is Kind.QUIET and quiet.lasts(plan, incident) is not None):
            continue
        duty = wanted.get(standing.key)
        if duty is not None and (duty.due_at, duty.given_up_at) == (standing.due_at, standing.given_up_at):
            del wanted[standing.key]
        else:  # what was overdue has been missed; that it need not be done any more does not mend that
            state = State.MISSED if standing.is_overdue(tx.now) else State.VOID
            if state is State.MISSED:
                incidents.tell_missed(tx, incident, standing)
            obligations.settle(tx, standing.id, state, because, incident.entries)
    for duty in wanted.values():
        obligations.open_duty(tx, incident.id, duty, incident.entries)


def _rederive_visibly(tx: Tx, plan: Plan, incident: Incident, because: str) -> Incident:
    """Derive every duty anew, and say on the record what that changed."""
    before = obligations.open_for(tx, incident.id)
    rederive(tx, plan, incident, because)
    changed = difference(before, obligations.open_for(tx, incident.id), because, by=SYSTEM.handle, now=tx.now)
    return incidents.append(tx, incident, changed)


def _owe_again(tx: Tx, plan: Plan, incident: Incident, key: str) -> None:
    if key in incident.spent:
        return
    duty = owed(plan, incident).get(key)
    if duty is not None:
        obligations.open_duty(tx, incident.id, duty, incident.entries)


def page_next(tx: Tx, plan: Plan, incident: Incident) -> Incident:
    """Page the next step of the ladder. A step that reaches nobody is passed at once, and the record says so."""
    name = plan.severities[incident.severity].escalation
    if name is None:
        return incident
    policy = plan.escalation[name]
    for left in reversed(range(len(policy.steps))):
        match ladder.climb(policy, steps_taken=incident.steps_paged):
            case ladder.Exhausted(rounds=rounds):
                why = f"nobody answered in {rounds} rounds; the ladder ends here"
                return incidents.append(tx, incident, [Escalated(at=tx.now, by=SYSTEM.handle, step=-1, why=why)])
            case ladder.PageStep() as step:
                incident, paged = _page_step(tx, plan, incident, step)
        if paged or not left:
            _await_answer(tx, incident, step, paged)
            break
    return incident


def _declined(tx: Tx, plan: Plan, incident: Incident, entry: Declined, evidence: str) -> Incident:
    """Whoever declines is left in peace. When nobody of the step is left who could answer, the next step is paged now,
    but for the last one of a round: there everybody has been asked, and the wait before the next round is kept."""
    of_step = pages.of_step(tx, incident.id, entry.step)
    own = [page.id for page in of_step if page.handle == entry.by]
    pages.decline(tx, own)
    outbox.withdraw_messages(tx, own, "it was declined")
    others = [page.id for page in of_step if page.id not in own and page.declined_at is None]
    is_last = entry.step == incident.steps_paged - 1
    if outbox.alive_for_pages(tx, others) or not is_last or ends_a_round(plan, incident, entry.step):
        return incident
    obligations.settle_answers(tx, incident.id, State.VOID, evidence, incident.entries)
    return page_next(tx, plan, incident)


def ends_a_round(plan: Plan, incident: Incident, step: int) -> bool:
    """Whether the ladder begins again, or ends, after this step."""
    name = plan.severities[incident.severity].escalation
    return name is None or (step != silence.AGAIN and (step + 1) % len(plan.escalation[name].steps) == 0)


def _about_silence(tx: Tx, plan: Plan, incident: Incident, entry: Snoozed | SnoozeEnded | AskedAgain) -> Incident:
    """Whoever snoozes it is asked again at the end. Whoever is asked again is paged once more; if they say nothing,
    the ladder is climbed from its first step."""
    if isinstance(entry, Snoozed | SnoozeEnded):
        did = "snoozed it" if isinstance(entry, Snoozed) else "ended the snooze"
        rederive(tx, plan, incident, f"{entry.by} {did}")
        if isinstance(entry, SnoozeEnded):
            obligations.release(tx, incident.id, entry.until)
        return incident
    level = plan.severities[incident.severity]
    first = plan.escalation[level.escalation].steps[0].wait if level.escalation else level.acknowledge_within
    step = ladder.PageStep(step=silence.AGAIN, targets=(entry.person,), wait=first)
    incident, paged = _page_step(tx, plan, incident, step)
    if not paged:
        return page_next(tx, plan, incident)
    _await_answer(tx, incident, step, paged)
    return incident


def _page_step(tx: Tx, plan: Plan, incident: Incident, step: ladder.PageStep) -> tuple[Incident, tuple[str, ...]]:
    choices = reach.whom_to_page(plan, oncall.rotas(tx, plan), incident, step.targets, tx.now)
    handles = _reachable_first(tx, plan, incident, choices)
    ways = reaching.ways_of(tx, plan, incident, handles)
    through: dict[str, None] = {}
    known = assessing.for_a_message(tx, plan, incident) if any(ways.values()) else []
    source = assessing.seen_at(tx, incident) if any(ways.values()) else ""
    lately = reach.lately(incidents.timeline(tx, incident.id))
    for handle in (one for one in handles if ways[one]):
        page = pages.open_page(tx, incident.id, step.step, handle)
        reaching.send(tx, plan, incident, page, ways[handle], tx.now + step.wait, known, source, lately=lately)
        through.update({way.method.channel: None for way in ways[handle]})
    paged = Paged(
        at=tx.now,
        by=SYSTEM.handle,
        step=step.step,
        people=tuple(handle for handle in handles if ways[handle]),
        through=tuple(through),
        unreachable=tuple(handle for handle in handles if not ways[handle]),
        answer_by=tx.now + step.wait,
    )
    return incidents.append(tx, incident, [paged]), paged.people


def _reachable_first(tx: Tx, plan: Plan, incident: Incident, choices: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The first of these among whom somebody can be reached; if nobody can be at all, simply the first."""
    can_be = (one for one in choices if any(reaching.ways_of(tx, plan, incident, one).values()))
    return next(can_be, next(iter(choices), ()))


def _await_answer(tx: Tx, incident: Incident, step: ladder.PageStep, handles: tuple[str, ...]) -> None:
    """The step's delay is the obligation to answer; its miss climbs on.

    When the whole ladder reaches nobody, its last step waits all the same, and then tries again.
    """
    if not incident.awaits_answer:
        return
    duty = Duty(
        key=f"{ANSWER_PREFIX}{step.step}",
        kind=Kind.ANSWER,
        what=f"Answer the page: {listed(handles, 'or')}" if handles else "Nobody can be reached; try again",
        clause="",
        due_at=tx.now + step.wait,
        owner=handles[0] if handles else "",
    )
    obligations.open_duty(tx, incident.id, duty, incident.entries)


def _page_at_new_level(tx: Tx, plan: Plan, incident: Incident, entry: SeverityChanged) -> Incident:
    """A raise pages whom the new level wants; a lowered level stops only what its own ladder would not climb."""
    before, after = (plan.severities[name].escalation for name in (entry.before, entry.severity))
    if before == after or not entry.raised:
        return incident
    because = f"{entry.before} became {entry.severity}"
    obligations.settle_answers(tx, incident.id, State.VOID, because, incident.entries)
    return page_next(tx, plan, incident)


def _stop_paging(tx: Tx, incident: Incident, state: State, evidence: str, said: str = "") -> None:
    """Nobody need answer any more. `said` is what became of it, for the pages that stand in chats."""
    obligations.settle_answers(tx, incident.id, state, evidence, incident.entries)
    outbox.withdraw_pages(tx, incident.id, "somebody has answered already")
    if said:
        _say_in_chats(tx, incident, said)


def _acknowledged(plan: Plan, incident: Incident, entry: Acknowledged) -> str:
    return "It is acknowledged." if incident.confidential_at else f"Acknowledged by {words.name(plan, entry.by)}."


def in_chat(incident: Incident) -> str:
    """What a message in a chat calls an incident from now on, whatever it said before."""
    return f"[{incident.severity}] {confidential.heading(incident)} (#{incident.number})"


def _say_in_chats(tx: Tx, incident: Incident, said: str) -> None:
    """Where a page stands in a chat with its buttons, what became of it stands there from now on."""
    for message in outbox.said_alone(tx, incident.id, Channel.SLACK):
        outbox.restate(tx, message, in_chat(incident), said, ANSWERED)


def send_update(tx: Tx, plan: Plan, incident: Incident, entry: Updated) -> None:
    """Mail an update to the people of its audience. The public reads the status page, or subscribes to it."""
    if plan.communication.audiences[entry.audience].public:
        announcing.announce(tx, plan, incident)
    posting.post(tx, plan, incident, entry)
    subject, body = discretion.update_mail(plan, incident, entry.audience, entry.text, _room(tx, incident))
    sending.mail(tx, incident, entry.recipients, subject, body, entry.audience)


def _about_telling(tx: Tx, plan: Plan, incident: Incident, entry: TellingEntry | CallOpened) -> None:
    """A draft is put before whoever approves it; what was put right goes to whoever got the first; of a call that a
    person moved those hear who respond."""
    room = _room(tx, incident)
    match entry:
        case Drafted():
            sending.ask(tx, plan, incident, entry, room)
        case DraftReturned():
            sending.give_back(tx, plan, incident, entry, room)
        case UpdateCorrected() | UpdateWithdrawn():
            if plan.communication.audiences[entry.audience].public:
                public_site.owe(tx)
                announcing.put_right(tx, plan, incident, entry.update)
            sending.put_right(tx, plan, incident, entry, room)
        case CallOpened():
            sending.moved(tx, plan, incident, entry, room)
        case PostedElsewhere():
            pass


def _room(tx: Tx, incident: Incident) -> str:
    return link(tx, f"/incidents/{incident.id}")


def link(tx: Tx, path: str) -> str:
    """A path of ours as an address that works from outside."""
    return kept.link(tx, path)
