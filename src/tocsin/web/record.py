"""An incident's timeline and its messages as plain values: what happened, who said it, and how far it came."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, MessageState
from tocsin.incidents import sentences, words
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
    MadeConfidential,
    Mitigated,
    Noted,
    Numbered,
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
    SeverityChanged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    TypeChanged,
    Undelivered,
    Updated,
)
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened, MessageKept
from tocsin.incidents.relation import Absorbed, Linked, Merged, SplitFrom, SplitOff, Unlinked
from tocsin.incidents.snooze import AskedAgain, Snoozed, SnoozeEnded
from tocsin.incidents.telling import Drafted, DraftReturned, PostedElsewhere, UpdateCorrected, UpdateWithdrawn
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
    Verified,
)
from tocsin.people.model import called
from tocsin.plan.model import Plan
from tocsin.response.letters import Letter
from tocsin.web import letters, present

A_PAGE = 50  # entries


@dataclass(frozen=True)
class Item:
    """One entry. `said` is what an audience read; `because` belongs to a decision."""

    number: int
    time: str
    iso: str
    mark: str
    kind: str
    text: str
    filter: str = ""  # the key of the filter that it falls under
    said: str = ""
    audience: str = ""
    stage: str = ""
    who: str = ""
    because: str = ""
    options: tuple[str, ...] = ()
    basis: str = ""
    receipts: str = ""
    link: str = ""
    signal: str = ""  # the id of the one that it tells of


@dataclass(frozen=True)
class Filter:
    key: str
    label: str
    count: int
    is_here: bool


FILTERS: Mapping[str, tuple[str, tuple[type[AnyEntry], ...]]] = {
    "update": (
        "Updates",
        (Updated, Drafted, DraftReturned, UpdateCorrected, UpdateWithdrawn, PostedElsewhere),
    ),
    "decision": ("Decisions", (Decided,)),
    "page": (
        "Pages",
        (Paged, Escalated, Undelivered, EscalationAsked, Declined, Acknowledged, Snoozed, SnoozeEnded, AskedAgain),
    ),
    "obligation": ("Obligations", (FellDue, ObligationWaived)),
    "signal": ("Signals", (SignalAttached, SignalCleared, SignalFlapped, SignalsGathered)),
    "finding": ("Findings", (Found, ImpactAssessed, SupportContacted)),
    "work": ("Fix and checks", (StrategyChosen, Mitigated, Deployed, Verified, RecoveryConfirmed, Resolved)),
    "checklist": ("Checklists", (ItemTicked, ItemUnticked)),
    "related": ("Related", (Merged, Absorbed, Linked, Unlinked, SplitOff, SplitFrom)),
    "note": ("Notes", (Noted,)),
}


def filters(entries: Sequence[Numbered], chosen: str) -> tuple[Filter, ...]:
    found = [Filter("", "All", len(entries), chosen not in FILTERS)]
    for key, (label, kinds) in FILTERS.items():
        count = sum(isinstance(one.entry, kinds) for one in entries)
        if count or key == chosen:
            found.append(Filter(key, label, count, key == chosen))
    return tuple(found)


@dataclass(frozen=True)
class Part:
    """What of a record is asked for: of which kind, and the entries before which one; 0 begins with the newest."""

    kind: str = ""
    before: int = 0


NEWEST = Part()


@dataclass(frozen=True)
class Shown:
    """A page of the record. `earlier` is the number before which the next one begins, 0 at the end of it."""

    kind: str
    before: int
    items: tuple[Item, ...]
    earlier: int
    left: int  # entries that are earlier than these


def timeline(plan: Plan, entries: Sequence[Numbered], messages: Sequence[Message], part: Part, now: datetime) -> Shown:
    """The record, newest first, as far as the chosen filter lets it through, a page of it at a time."""
    kinds = FILTERS[part.kind][1] if part.kind in FILTERS else ()
    wanted = [one for one in reversed(entries) if not kinds or isinstance(one.entry, kinds)]
    wanted = [one for one in wanted if not part.before or one.number < part.before]
    shown, left = wanted[:A_PAGE], len(wanted) - A_PAGE
    earlier = shown[-1].number if left > 0 else 0
    items = tuple(_item(plan, one, messages, now) for one in shown)
    return Shown(part.kind if kinds else "", part.before, items, earlier, max(0, left))


def whole(plan: Plan, entries: Sequence[Numbered], messages: Sequence[Message], now: datetime) -> tuple[Item, ...]:
    """All of the record, newest first."""
    return tuple(_item(plan, one, messages, now) for one in reversed(entries))


def _filter_of(entry: AnyEntry) -> str:
    return next((key for key, (_, kinds) in FILTERS.items() if isinstance(entry, kinds)), "")


def _item(plan: Plan, numbered: Numbered, messages: Sequence[Message], now: datetime) -> Item:
    entry = numbered.entry
    item = Item(
        number=numbered.number,
        time=present.moment(entry.at, now),
        iso=present.iso(entry.at),
        mark=_mark(entry),
        kind=sentences.kind(entry).capitalize(),
        text=_after_its_kind(sentences.kind(entry), sentences.sentence(plan, entry)),
        filter=_filter_of(entry),
    )
    match entry:
        case Updated():
            return replace(
                item,
                kind="Update",
                text="",
                said=entry.text,
                stage=present.stage_name(entry.stage) if entry.stage else "",
                audience=words.audience_name(plan, entry.audience),
                who=words.name(plan, entry.by),
                receipts=receipts(messages, entry),
            )
        case Decided():
            who = words.name(plan, entry.decider or entry.by)
            said = replace(item, text="", said=entry.decision, because=entry.because, who=who)
            return replace(said, options=entry.options, basis=entry.basis)
        case Noted():
            return replace(item, text="", said=entry.text, who=words.name(plan, entry.by))
        case MessageKept():
            where = f" in {entry.provider.capitalize()}, {words.day_and_minute(entry.written_at)}"
            text = where + (", and changed it since" if entry.edited else "")
            link = entry.link if entry.link.startswith("https://") else ""
            return replace(item, text=text, said=entry.text, who=words.name(plan, entry.author), link=link)
        case SignalAttached() | SignalCleared() | SignalFlapped():
            return replace(item, signal=entry.signal_id)
        case _:
            return item


def _after_its_kind(kind: str, sentence: str) -> str:
    """The sentence, without the word that already stands before it as the entry's kind."""
    return re.sub(rf"^{re.escape(kind)}\b[: ]*", "", sentence, flags=re.IGNORECASE)


def _by_way(sent: list[Message], posted: list[Message]) -> tuple[tuple[list[Message], str], ...]:
    mailed = [one for one in sent if one not in posted]
    return (mailed, "delivered by mail"), (posted, "posted in chats")


def _taken(sent: Iterable[Message]) -> int:
    return sum(one.state is MessageState.SENT for one in sent)


def receipts(messages: Iterable[Message], entry: Updated) -> str:
    """How far an update has come: messages of its unit of work carry its instant."""
    sent = [one for one in messages if one.audience == entry.audience and one.created_at == entry.at]
    if not sent:
        return ""
    counts = {state: sum(one.state is state for one in sent) for state in MessageState}
    posted = [one for one in sent if one.channel == outbox.POST]
    parts = [f"{_taken(group)} of {len(group)} {how}" for group, how in _by_way(sent, posted) if group]
    if counts[MessageState.QUEUED]:
        parts.append(f"{counts[MessageState.QUEUED]} on the way")
    if counts[MessageState.DEAD]:
        parts.append(f"{counts[MessageState.DEAD]} failed")
    return ", ".join(parts)


_RESULT_MARK = {Result.PASSED: "met", Result.FAILED: "missed", Result.NOT_APPLICABLE: "waived"}


def _mark(entry: AnyEntry) -> str:
    """A dot for what was noticed, a ring for what began or was decided, a tick or a cross for a promise."""
    match entry:
        case Declared() | Decided() | SeverityChanged() | TypeChanged() | Renamed() | Reopened() | ReviewScheduled():
            return "open"
        case Acknowledged() | RoleAssigned() | Updated() | Mitigated() | Resolved() | Recovered():
            return "met"
        case Closed() | ReviewHeld():
            return "met"
        case MadeConfidential() | Disclosed() | ResponderAdded() | ResponderRemoved():
            return "open"
        case EscalationAsked() | Declined():
            return "due"
        case ChannelOpened() | CallOpened():
            return "met"
        case Snoozed():
            return "waived"
        case SnoozeEnded():
            return "open"
        case FellDue() | Escalated() | Undelivered() | GlassBroken() | ChannelFailed() | ChannelLeft() | AskedAgain():
            return "missed"
        case ObligationWaived():
            return "waived"
        case SignalAttached() | SignalCleared() | SignalFlapped() | SignalsGathered() | Paged() | Noted():
            return "dot"
        case MessageKept():
            return "dot"
        case Verified() | RecoveryConfirmed():
            return _RESULT_MARK[entry.result]
        case Deployed() | ItemTicked() | Thanked():
            return "met"
        case StrategyChosen() | DutiesChanged() | Merged() | Absorbed() | SplitOff() | SplitFrom():
            return "open"
        case Found() | SupportContacted() | TimeCorrected() | ImpactAssessed() | ItemUnticked() | Linked() | Unlinked():
            return "dot"
        case Drafted() | DraftReturned():
            return "open"
        case UpdateCorrected() | PostedElsewhere():
            return "met"
        case UpdateWithdrawn():
            return "waived"
    assert_never(entry)


# ---- Messages ----


@dataclass(frozen=True)
class Delivery:
    mark: str
    word: str
    to: str
    by: str
    about: str
    queued: str
    sent: str
    problem: str
    steps: tuple[str, ...]


ABOUT = {
    "page": "Page",
    "role": "A role that is theirs",
    "invitation": "Invitation",
    "channel": "What stands in the channel",
    "approval": "A draft that waits for a word",
    "call": "Where people talk",
}  # what a message is about, where it is for no audience
_DELIVERY = {
    MessageState.QUEUED: ("open", "On its way"),
    MessageState.SENT: ("met", "Taken"),
    MessageState.DEAD: ("missed", "Not delivered"),
}


def deliveries(plan: Plan, sent: Iterable[Letter], now: datetime) -> tuple[Delivery, ...]:
    """What left for whom, newest first, and what became of it."""
    found = []
    for letter in reversed(list(sent)):
        one = letter.message
        mark, word = ("waived", "Withdrawn") if one.withdrawn_at else _DELIVERY[one.state]
        if one.state is MessageState.QUEUED and one.attempts == 0 and one.send_at > now:
            word = f"Waits until {present.moment(one.send_at, now)}"
        found.append(
            Delivery(
                mark=mark,
                word=word,
                to=words.name(plan, one.person) if one.person else one.address,
                by=called(one.channel),
                about=ABOUT.get(one.audience) or words.audience_name(plan, one.audience),
                queued=present.moment(one.created_at, now),
                sent=present.moment(one.sent_at, now) if one.sent_at else "",
                problem=one.last_error,
                steps=tuple(letters.step(each, one.created_at) for each in letter.receipts),
            )
        )
    return tuple(found)
