"""What happened, in plain words: one sentence for each kind of entry, for timelines, post-mortems and messages."""

from datetime import UTC, datetime
from typing import assert_never

from tocsin.incidents import places, telling, work_sentences
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.correction import TimeCorrected
from tocsin.incidents.model import (
    WORKING,
    Acknowledged,
    AnyEntry,
    Closed,
    Decided,
    Declared,
    Disclosed,
    Escalated,
    FellDue,
    GlassBroken,
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
from tocsin.incidents.words import (
    audience_name,
    day_and_minute,
    day_and_second,
    more,
    name,
    one_line,
    role_name,
    spaced,
    type_name,
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
    WorkEntry,
)
from tocsin.kit.text import ended, listed
from tocsin.people.model import called
from tocsin.plan.model import Plan

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


def sentence(plan: Plan, entry: AnyEntry) -> str:
    """What happened, in one line of plain words. Every kind of entry has its own."""
    return one_line(_said(plan, entry, name(plan, entry.by)))


def _of_signals(entry: SignalAttached | SignalCleared | SignalFlapped | SignalsGathered) -> str:
    match entry:
        case SignalAttached():
            return f"Signal from {entry.source}: {ended(entry.title)}{more(entry.why)}"
        case SignalCleared():
            return f"Signal cleared: {ended(entry.title)}"
        case SignalFlapped():
            return f"Signal flaps: {ended(entry.title)}{more(entry.why)}"
        case SignalsGathered():
            return _gathered(entry)


def _gathered(entry: SignalsGathered) -> str:
    counts = ((entry.attached, "more signals came"), (entry.cleared, "more cleared"))
    counted = listed(f"{count} {words}" for count, words in counts if count)
    return f"{counted}: {ended(listed(entry.titles))}"


def _said(plan: Plan, entry: AnyEntry, who: str) -> str:
    match entry:
        case Declared():
            return f"{who} declared {entry.severity}: {ended(entry.title)}{more(entry.why)}"
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
            return work_sentences.decided(plan, entry, who)
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
            return work_sentences.said(plan, entry, who)


def _passed_over(entry: Resolved) -> str:
    return f" Not verified: {listed(entry.unverified)}; {ended(entry.because)}" if entry.unverified else ""


def _relation(entry: RelationEntry, who: str) -> str:
    match entry:
        case Merged():
            return f"{who} merged this incident into {_other(entry)}{_why(entry.because)} The work goes on there."
        case Absorbed():
            signals = f" {entry.signals} of its signals came along." if entry.signals else ""
            return f"{who} merged {_other(entry)} into this incident{_why(entry.because)}{signals}"
        case Linked():
            return f"{who} linked {_other(entry)}: this is {_IS[entry.relation]} it.{more(entry.because)}"
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
