"""The record in plain words: one sentence for each kind of entry, for timelines, post-mortems and messages."""

from datetime import UTC, datetime
from typing import assert_never

from tocsin.incidents import places, telling
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
    Status,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.incidents.places import (
    CallOpened,
    ChannelFailed,
    ChannelLeft,
    ChannelOpened,
    MessageKept,
    PlaceEntry,
)
from tocsin.incidents.relation import (
    Absorbed,
    Linked,
    Merged,
    Relation,
    RelationEntry,
    SplitFrom,
    SplitOff,
    Unlinked,
)
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.work import (
    Deployed,
    DutiesChanged,
    Found,
    ImpactAssessed,
    ItemTicked,
    ItemUnticked,
    RecoveryConfirmed,
    Result,
    StrategyChosen,
    SupportContacted,
    Thanked,
    Tick,
    Verdict,
    Verified,
    WorkEntry,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import ended, listed
from tocsin.people.model import called
from tocsin.plan.model import Plan

WORKING = "working on it"  # how somebody acknowledges who simply starts to mitigate or resolve

_STATUS = {
    Status.INVESTIGATING: "Investigating",
    Status.MITIGATING: "Mitigating",
    Status.WATCHING: "Resolved, being watched",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
    Status.MERGED: "Merged",
}

_KIND: dict[type[AnyEntry], str] = {
    Declared: "declared",
    SignalAttached: "signal",
    SignalCleared: "signal cleared",
    SignalFlapped: "signal flaps",
    SignalsGathered: "signals",
    Paged: "page",
    Escalated: "escalated",
    Undelivered: "not delivered",
    EscalationAsked: "escalated",
    Declined: "declined",
    Acknowledged: "acknowledged",
    Snoozed: "snoozed",
    SnoozeEnded: "snooze ended",
    AskedAgain: "asked again",
    RoleAssigned: "role",
    SeverityChanged: "severity",
    TypeChanged: "type",
    Renamed: "title",
    Noted: "note",
    Decided: "decision",
    Found: "finding",
    ImpactAssessed: "impact",
    StrategyChosen: "strategy",
    Deployed: "fix deployed",
    Verified: "verification",
    RecoveryConfirmed: "recovery",
    ItemTicked: "checklist",
    ItemUnticked: "checklist",
    DutiesChanged: "duties",
    Thanked: "thanks",
    SupportContacted: "support",
    Merged: "merged",
    Absorbed: "merged",
    Linked: "linked",
    Unlinked: "link removed",
    SplitOff: "split off",
    SplitFrom: "split off",
    Mitigated: "mitigated",
    Resolved: "resolved",
    Recovered: "recovered",
    Reopened: "reopened",
    Closed: "closed",
    ReviewScheduled: "post-mortem scheduled",
    ReviewHeld: "post-mortem held",
    FellDue: "overdue",
    ObligationWaived: "waived",
    TimeCorrected: "time corrected",
    MadeConfidential: "confidential",
    Disclosed: "disclosed",
    ResponderAdded: "responder",
    ResponderRemoved: "responder",
    GlassBroken: "glass broken",
    ChannelOpened: "channel",
    ChannelFailed: "channel failed",
    ChannelLeft: "channel left",
    CallOpened: "call",
    MessageKept: "message",
}


def kind(entry: AnyEntry) -> str:
    """A short label, such as `declared` or `internal update`."""
    if isinstance(entry, Updated):
        return f"{entry.audience.replace('_', ' ')} update"
    return telling.KIND[type(entry)] if isinstance(entry, telling.Telling) else _KIND[type(entry)]


def status(state: Status) -> str:
    """How a status reads: `Resolved, being watched`."""
    return _STATUS[state]


def name(plan: Plan, handle: str) -> str:
    """The person's name, `Tocsin` for the program itself, or the handle of someone the plan does not know."""
    if handle in plan.people:
        return plan.people[handle].name
    return "Tocsin" if handle == SYSTEM.handle else handle


def severity_name(plan: Plan, severity: str) -> str:
    """`P1, High`: the level and its name; just the level where the plan says no more."""
    known = plan.severities.get(severity)
    return f"{severity}, {known.name}" if known and known.name != severity else severity


def type_name(plan: Plan, incident_type: str) -> str:
    known = plan.types.get(incident_type)
    return known.name if known else spaced(incident_type)


def role_name(plan: Plan, role: str) -> str:
    known = plan.roles.get(role)
    return known.name if known else spaced(role)


def audience_name(plan: Plan, audience: str) -> str:
    known = plan.communication.audiences.get(audience)
    return known.name if known else spaced(audience)


def service_name(plan: Plan, service: str) -> str:
    known = plan.services.get(service)
    return known.name if known else spaced(service)


def vendor_name(plan: Plan, vendor: str) -> str:
    known = plan.vendors.get(vendor)
    return known.name if known else spaced(vendor)


def affected(plan: Plan, incident: Incident) -> list[str]:
    """What is broken, by name: the components that the record names, or else the service."""
    services = [one for key, one in plan.services.items() if incident.service in (None, key)]
    named = {key: part.name for one in services for key, part in one.components.items()}
    whole = [service_name(plan, incident.service)] if incident.service else []
    return [named.get(key, spaced(key)) for key in incident.components] or whole


def spaced(word: str) -> str:
    """A name of the program as a reader would write it: `health_check` is `health check`."""
    return word.replace("_", " ")


def one_line(text: str) -> str:
    return " ".join(text.split())


def day_and_minute(instant: datetime) -> str:
    """An instant as people are told it: `2026-11-24 03:34 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def day_and_second(instant: datetime) -> str:
    """The same to the second, for what is measured: `2026-11-24 03:34:19 UTC`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def sentence(plan: Plan, entry: AnyEntry) -> str:
    """What happened, in one line of plain words. Every kind of entry has its own."""
    return one_line(_said(plan, entry, name(plan, entry.by)))


def _of_signals(entry: SignalAttached | SignalCleared | SignalFlapped | SignalsGathered) -> str:
    match entry:
        case SignalAttached():
            return f"Signal from {entry.source}: {ended(entry.title)}{_more(entry.why)}"
        case SignalCleared():
            return f"Signal cleared: {ended(entry.title)}"
        case SignalFlapped():
            return f"Signal flaps: {ended(entry.title)}{_more(entry.why)}"
        case SignalsGathered():
            return _gathered(entry)


def _gathered(entry: SignalsGathered) -> str:
    counts = ((entry.attached, "more signals came"), (entry.cleared, "more cleared"))
    counted = listed(f"{count} {words}" for count, words in counts if count)
    return f"{counted}: {ended(listed(entry.titles))}"


def _said(plan: Plan, entry: AnyEntry, who: str) -> str:
    match entry:
        case Declared():
            return f"{who} declared {entry.severity}: {ended(entry.title)}{_more(entry.why)}"
        case SignalAttached() | SignalCleared() | SignalFlapped() | SignalsGathered():
            return _of_signals(entry)
        case Paged():
            return _paged(plan, entry)
        case Escalated() | Snoozed() | SnoozeEnded() | AskedAgain():
            return _unheard(plan, entry, who)
        case Undelivered():
            to = name(plan, entry.to)
            return f"The {spaced(entry.channel)} message to {to} was not delivered: {ended(entry.reason)}"
        case EscalationAsked() | Declined():
            return _sent_on(entry, who)
        case Acknowledged():
            through = f"by {WORKING}" if entry.through == WORKING else f"through {spaced(entry.through)}"
            return f"{who} acknowledged {through}."
        case RoleAssigned():
            return _assigned(plan, entry, who)
        case SeverityChanged():
            verb = "raised" if entry.raised else "lowered"
            change = f"{who} {verb} the severity from {entry.before} to {entry.severity}"
            return f"{change}: {ended(entry.because)}"
        case TypeChanged():
            change = f"from {type_name(plan, entry.before)} to {type_name(plan, entry.type)}"
            return f"{who} changed the type {change}: {ended(entry.because)}"
        case Renamed():
            return f"{who} renamed it from \u201c{entry.before}\u201d to \u201c{entry.title}\u201d."
        case Noted():
            return f"{who} noted: {ended(entry.text)}"
        case Decided():
            return _decided(plan, entry, who)
        case Updated():
            stage = f" ({entry.stage})" if entry.stage else ""
            counts = "" if entry.counts else ", which as a program's keeps no promise"
            to = f"{audience_name(plan, entry.audience)}{stage}"
            what = "the notice of how it ended" if entry.notice else "an update"
            drafted = f" that {name(plan, entry.drafted_by)} drafted" if entry.drafted_by else ""
            return f"{who} posted {what}{drafted} for {to}{counts}: {ended(entry.text)}"
        case Mitigated():
            return f"{who} mitigated it: {ended(entry.how)}"
        case Resolved():
            return f"{who} resolved it: {ended(entry.how)}{_passed_over(entry)}"
        case Recovered():
            return f"Fully recovered after a watch of {entry.watched_minutes} min."
        case Reopened():
            return f"{who} reopened it: {ended(entry.because)}"
        case Closed():
            return f"{who} closed the incident."
        case ReviewScheduled():
            return _review(plan, entry, who)
        case ReviewHeld():
            return f"{who} recorded that the post-mortem was held."
        case FellDue():
            return f"Overdue: {entry.what}, which was due {_second(entry.due_at)}."
        case TimeCorrected() | ObligationWaived():
            return _put_right(entry, who)
        case _:
            return _further(plan, entry, who)


def _further(
    plan: Plan,
    entry: Secrecy | telling.TellingEntry | RelationEntry | PlaceEntry | WorkEntry | ImpactAssessed,
    who: str,
) -> str:
    match entry:
        case MadeConfidential() | Disclosed() | ResponderAdded() | ResponderRemoved() | GlassBroken():
            return _secrecy(plan, entry, who)
        case Merged() | Absorbed() | Linked() | Unlinked() | SplitOff() | SplitFrom():
            return _relation(entry, who)
        case ChannelOpened() | ChannelFailed() | ChannelLeft() | CallOpened() | MessageKept():
            return places.said(entry, who, name(plan, getattr(entry, "author", "")))
        case telling.Telling():
            done, told = telling.said(entry, who, audience_name(plan, getattr(entry, "audience", "")))
            return f"{done}: {ended(told)}"
        case _:
            return _work(plan, entry, who)


def _work(plan: Plan, entry: WorkEntry | ImpactAssessed, who: str) -> str:
    """What people found, chose, did and proved."""
    match entry:
        case Found():
            return (
                f"{who} {_VERDICT[entry.verdict]}: {ended(entry.finding)}{_evidence(entry.evidence)}{_revised(entry)}"
            )
        case ImpactAssessed():
            return f"{who} assessed the impact: {ended(assessed(entry))}"
        case StrategyChosen():
            return f"{who} chose the way out: {strategy_name(plan, entry.strategy)}, because {ended(entry.because)}"
        case Deployed():
            tried = "tested in staging" if entry.tested else "not tested in staging"
            how = f": {entry.staging}" if entry.staging else ""
            return f"{who} deployed to {entry.where}: {ended(entry.what)} It was {ended(tried + how)}"
        case Verified():
            return f"{check_name(plan, entry.check)}: {_RESULT[entry.result]}, says {who}.{_evidence(entry.evidence)}"
        case RecoveryConfirmed():
            what = confirmation_name(plan, entry.confirmation)
            return f"{what}: {_HOLDS[entry.result]}, says {who}.{_evidence(entry.evidence)}"
        case ItemTicked():
            done = "ticked off" if entry.tick is Tick.DONE else "set aside as not applicable"
            return f"{who} {done} “{entry.what}”.{_more(entry.note)}"
        case ItemUnticked():
            return f"{who} took back the tick on “{entry.what}”.{_more(entry.note)}"
        case DutiesChanged():
            return _duties(entry)
        case Thanked():
            return f"{who} thanked {listed(name(plan, one) for one in entry.people) or 'the team'}: {ended(entry.text)}"
        case SupportContacted():
            case_ = f" (case {entry.reference})" if entry.reference else ""
            return (
                f"{who} was in touch with the support of {vendor_name(plan, entry.vendor)}{case_}: {ended(entry.what)}"
            )
    assert_never(entry)


_VERDICT = {
    Verdict.OBSERVATION: "found",
    Verdict.ROOT_CAUSE: "found the root cause",
    Verdict.CONTRIBUTING_FACTOR: "found a contributing factor",
    Verdict.RULED_OUT: "ruled out",
}
_RESULT = {Result.PASSED: "passed", Result.FAILED: "failed", Result.NOT_APPLICABLE: "does not apply"}
_HOLDS = {Result.PASSED: "confirmed", Result.FAILED: "not yet", Result.NOT_APPLICABLE: "does not apply"}


def _evidence(text: str) -> str:
    return f" Evidence: {ended(text)}" if text else ""


def _revised(entry: Found) -> str:
    return f" This replaces entry {entry.revises}." if entry.revises else ""


def _decided(plan: Plan, entry: Decided, who: str) -> str:
    decider = f"{name(plan, entry.decider)} decided, written down by {who}" if entry.decider else f"{who} decided"
    considered = f" Considered: {ended('; '.join(entry.options))}" if entry.options else ""
    return f"{decider}: {ended(entry.decision)} Because: {ended(entry.because)}{considered}{_evidence(entry.basis)}"


def _passed_over(entry: Resolved) -> str:
    return f" Not verified: {listed(entry.unverified)}; {ended(entry.because)}" if entry.unverified else ""


def _duties(entry: DutiesChanged) -> str:
    """`P1 became P0. Now owed: … No longer owed: … Due at another time: …`"""
    parts = (("Now owed", entry.begun), ("No longer owed", entry.ended), ("Due at another time", entry.moved))
    said = "".join(f" {label}: {ended('; '.join(those))}" for label, those in parts if those)
    return f"{ended(entry.because)}{said}"


def assessed(entry: ImpactAssessed) -> str:
    """An assessment in a line: who is touched, which functions, revenue and reputation as far as they are known."""
    source = f" ({entry.source})" if entry.source else ""
    users = listed(_users(entry))
    revenue = f"revenue: {entry.revenue}" if entry.revenue else ""
    reputation = f"reputation: {entry.reputation}" if entry.reputation else ""
    return "; ".join(one for one in (f"{users}{source}" if users else "", entry.functions, revenue, reputation) if one)


def users_affected(entry: ImpactAssessed | None) -> str:
    """`120 users and 40 % of users (Grafana)`; nothing where nobody has counted."""
    users = listed(_users(entry)) if entry else ""
    return f"{users} ({entry.source})" if entry and users and entry.source else users


def _users(entry: ImpactAssessed) -> list[str]:
    counted = [] if entry.users is None else [f"{entry.users:,} {'user' if entry.users == 1 else 'users'}"]
    return counted if entry.percent is None else [*counted, f"{entry.percent:g} % of users"]


def why(plan: Plan, incident: Incident) -> str:
    """Why it has its level, and if that is another than at first, why it was declared."""
    because = incident.level_because
    if not because:
        return incident.why
    said = because if incident.severity_by == SYSTEM.handle else f"{name(plan, incident.severity_by)}: {because}"
    return f"{ended(said)} At first: {incident.why}" if incident.why else said


def impact(incident: Incident) -> str:
    """The impact as it was last assessed, or else as it was declared."""
    return (assessed(incident.assessed) if incident.assessed else "") or incident.impact


def relation(kind: Relation) -> str:
    """`caused by`, `same cause as`."""
    return spaced(kind)


def _relation(entry: RelationEntry, who: str) -> str:
    match entry:
        case Merged():
            return f"{who} merged this incident into {_other(entry)}{_why(entry.because)} The work goes on there."
        case Absorbed():
            signals = f" {entry.signals} of its signals came along." if entry.signals else ""
            return f"{who} merged {_other(entry)} into this incident{_why(entry.because)}{signals}"
        case Linked():
            return f"{who} linked {_other(entry)}: this is {_IS[entry.relation]} it.{_more(entry.because)}"
        case Unlinked():
            return f"{who} removed the link to {_other(entry)}{_why(entry.because)}"
        case SplitOff():
            signals = f" {entry.signals} of the signals went with it." if entry.signals else ""
            return f"{who} split off {_other(entry)}{_why(entry.because)}{signals}"
        case SplitFrom():
            return f"{who} split this off from {_other(entry)}{_why(entry.because)}"
    assert_never(entry)


def _other(entry: RelationEntry) -> str:
    """`#12 (Voice hangs)`; of one that may not be seen only that there is one."""
    title = getattr(entry, "title", "")
    return f"#{entry.number}{f' ({title})' if title else ''}" if entry.number else "another incident"


def _why(because: str) -> str:
    return f": {ended(because)}" if because else "."


_IS = {
    **{one: spaced(one) for one in Relation},
    Relation.RELATED_TO: "related to",
    Relation.CAUSED: "the cause of",
    Relation.SAME_CAUSE_AS: "of the same cause as",
}


def strategy_name(plan: Plan, strategy: str) -> str:
    known = plan.resolution.strategies.get(strategy)
    return known.name if known else spaced(strategy)


def check_name(plan: Plan, check: str) -> str:
    return plan.resolution.verification.get(check) or spaced(check).capitalize()


def confirmation_name(plan: Plan, confirmation: str) -> str:
    return plan.recovery.confirm.get(confirmation) or spaced(confirmation).capitalize()


def _put_right(entry: TimeCorrected | ObligationWaived, who: str) -> str:
    """What a person changed by saying so."""
    match entry:
        case TimeCorrected():
            was, now = day_and_second(entry.before), day_and_second(entry.instant)
            return f"{who} corrected when it was {entry.moment}: {now} instead of {was}. {ended(entry.because)}"
        case ObligationWaived():
            is_overdue = entry.due_at is not None and entry.due_at < entry.at
            overdue = f", which was due {_second(entry.due_at)}" if entry.due_at and is_overdue else ""
            return f"{who} waived “{entry.what}”{overdue}: {ended(entry.because)}"
    assert_never(entry)


def _sent_on(entry: EscalationAsked | Declined, who: str) -> str:
    """What somebody said who did not acknowledge."""
    because = f": {ended(entry.because)}" if entry.because else "."
    said = "asked for the next step" if isinstance(entry, EscalationAsked) else "cannot take it, and said so"
    return f"{who} {said} through {spaced(entry.through)}{because}"


def _unheard(plan: Plan, entry: Escalated | Snoozed | SnoozeEnded | AskedAgain, who: str) -> str:
    """Who did not answer, will not for a while, or is asked again."""
    match entry:
        case Escalated():
            what = f"Step {entry.step + 1}" if entry.step >= 0 else "It"
            return f"{what} went unanswered: {ended(entry.why)}"
        case Snoozed():
            return f"{who} snoozed it until {day_and_minute(entry.until)}: {ended(entry.because)}"
        case SnoozeEnded():
            return f"{who} ended the snooze{f': {ended(entry.because)}' if entry.because else '.'}"
        case AskedAgain():
            return f"{name(plan, entry.person)} is asked again: {ended(entry.because)}"
    assert_never(entry)


def _paged(plan: Plan, entry: Paged) -> str:
    lost = listed(name(plan, one) for one in entry.unreachable)
    without = f" No way is known to reach {lost}." if lost else ""
    at = "again" if entry.step < 0 else f"at step {entry.step + 1}"
    if not entry.people:
        return f"Nobody could be paged {at}.{without}"
    people, ways = listed(name(plan, one) for one in entry.people), listed(called(way) for way in entry.through)
    through = f" through {ways}" if ways else ""
    return f"Paged {people} {at}{through}; an answer was due {_second(entry.answer_by)}.{without}"


def _secrecy(plan: Plan, entry: Secrecy, who: str) -> str:
    because = ended(entry.because)
    match entry:
        case MadeConfidential():
            return _made_confidential(plan, entry)
        case Disclosed():
            return f"{who} disclosed it; from here on it is there for everybody: {because}"
        case ResponderAdded():
            return f"{who} added {name(plan, entry.person)} as a responder: {because}"
        case ResponderRemoved():
            return f"{who} took {name(plan, entry.person)} off the responders: {because}"
        case GlassBroken():
            return f"{who} broke the glass and may read this until {day_and_minute(entry.until)}: {because}"
    assert_never(entry)


def _made_confidential(plan: Plan, entry: MadeConfidential) -> str:
    named = listed(name(plan, one) for one in entry.readers)
    readers = f"its responders, and {named}" if named else "its responders"
    down = " What stood on the status page was taken down." if entry.withdrawn else ""
    return f"Confidential from here on, for {readers} alone: {ended(entry.because)}{down}"


def _assigned(plan: Plan, entry: RoleAssigned, who: str) -> str:
    person, role = name(plan, entry.person), role_name(plan, entry.role).lower()
    after = f", after {name(plan, entry.before)}" if entry.before else ""
    named = "" if entry.by == entry.person else f"; {who} named them"
    return f"{person} became {role}{after}{named}."


def _review(plan: Plan, entry: ReviewScheduled, who: str) -> str:
    people = listed(name(plan, one) for one in entry.attendees)
    invited = f", with {people}" if people else ""
    return f"{who} scheduled the post-mortem for {day_and_minute(entry.meeting_at)}{invited}."


def _second(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("at %H:%M:%S UTC")


def _more(text: str) -> str:
    return f" {ended(text)}" if text.strip() else ""
