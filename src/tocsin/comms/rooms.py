"""The chat room of an incident: what it should be, and the next step from what it is.

Pure. Nothing is remembered about what is still to be done: each step follows from the record, the plan and what a room
is known to have. So a room that could not be reached for an hour catches up with what holds now, says nothing that has
become confidential meanwhile, and a step that was taken twice changes nothing the second time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from tocsin.comms.naming import SHORT_TOPIC
from tocsin.incidents import confidential, words
from tocsin.incidents.model import (
    Closed,
    Declared,
    Incident,
    MadeConfidential,
    Numbered,
    Reopened,
    Updated,
)
from tocsin.incidents.relation import Merged
from tocsin.incidents.telling import UpdateCorrected, UpdateWithdrawn
from tocsin.kit.text import clip
from tocsin.plan.model import Plan

LONGEST_POST = 3000  # letters: what one section of a message may hold
TOLD = "There is an update. It is confidential, and stands in the incident's room:"
NOBODY = ""  # the account of somebody whom the provider does not know


@dataclass(frozen=True, kw_only=True)
class Room:
    """A channel as far as we have come with it. `channel` is what the provider calls it by, once it is open.

    `members` are the accounts of those who were invited, by handle; `posted` the provider's names of our messages, by
    the number of the entry that each tells of.
    """

    id: str
    incident_id: str
    provider: str
    name: str
    private: bool
    place: int = 1  # counts on while names are taken
    channel: str = ""
    link: str = ""
    topic: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    posted: Mapping[str, str] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    archived: bool = False
    renamed: bool = False  # to a name that tells nothing
    failed: bool = False  # the record says so already


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a room should be: who is in it, what its topic is, and what stands in it, in order."""

    incident_id: str
    purpose: str
    topic: str
    people: tuple[str, ...]
    posts: tuple["Words", ...]
    archived: bool
    left: bool = False  # nothing of the incident is to be told here any more


@dataclass(frozen=True)
class Words:
    """A message of ours. `key` is the number of the entry that it tells of; with `offers` it has buttons."""

    key: str
    text: str
    pinned: bool
    offers: bool = False


# ---- What it should be ----


def is_wanted(plan: Plan, incident: Incident) -> bool:
    """Whether the plan wants a channel for this incident now."""
    chat = plan.communication.channels.chat
    return chat is not None and incident.is_open and (not chat.severities or incident.severity in chat.severities)


def wish(plan: Plan, incident: Incident, entries: Sequence[Numbered], room: Room, link: str) -> Wish:
    """What the room should be now. An open room of an incident that has become confidential is left, for good."""
    left = room.renamed or (incident.confidential_at is not None and not room.private)
    since = _secret_since(entries) if room.private else 0
    return Wish(
        incident_id=incident.id,
        purpose=link,
        topic=link if left else topic(plan, incident, link),
        people=incident.responders,
        posts=() if left else tuple(_posts(plan, incident, entries, since, link)),
        archived=left or not incident.is_open,
        left=left,
    )


def topic(plan: Plan, incident: Incident, link: str) -> str:
    """How bad it is, how far the work has come, who commands, and where everything is: 250 letters at the most."""
    if incident.confidential_at:
        return f"{incident.severity} | {confidential.HEADING} | {link}"
    shown = [incident.severity, words.status(incident.status), *_who_leads(plan, incident)]
    whole = " | ".join([*shown, *([f"Call: {incident.call}"] if incident.call else []), link])
    return whole if len(whole) <= SHORT_TOPIC else clip(" | ".join([*shown, link]), SHORT_TOPIC)


def _who_leads(plan: Plan, incident: Incident) -> Iterator[str]:
    if plan.lead is not None:
        person = incident.roles.get(plan.lead)
        yield f"{words.role_name(plan, plan.lead)}: {words.name(plan, person) if person else 'nobody yet'}"


def _secret_since(entries: Iterable[Numbered]) -> int:
    """The entry from which on a room of its own stands: what came before was told in the open, or not at all."""
    return max((one.number for one in entries if isinstance(one.entry, MadeConfidential)), default=0)


def _posts(plan: Plan, incident: Incident, entries: Iterable[Numbered], since: int, link: str) -> Iterator[Words]:
    chat = plan.communication.channels.chat
    audiences = chat.audiences if chat else ()
    for one in entries:
        key, secret = str(one.number), incident.confidential_at is not None
        match one.entry:
            case Declared():
                yield Words(key, _first(plan, incident, link), pinned=True, offers=True)
            case Updated() as update if update.audience in audiences and one.number > since:
                yield Words(key, f"{TOLD}\n{link}" if secret else update.text, pinned=True)
            case UpdateCorrected() as by if by.audience in audiences and one.number > since:
                yield Words(key, f"{TOLD}\n{link}" if secret else f"Correction: {by.text}", pinned=False)
            case UpdateWithdrawn() as by if by.audience in audiences and one.number > since:
                yield Words(key, f"{TOLD}\n{link}" if secret else f"Withdrawn: {by.because}", pinned=False)
            case Reopened() if one.number > since:
                yield Words(key, "The incident was reopened.", pinned=False)
            case Closed() if one.number > since:
                yield Words(key, f"The incident is closed. Its record: {link}", pinned=False)
            case Merged() if one.number > since:  # which one is for its readers to know
                yield Words(key, f"It was a duplicate, and the work goes on in another incident: {link}", pinned=False)
            case _:
                pass  # the channel itself is for the state of things; the rest is in the room


def _first(plan: Plan, incident: Incident, link: str) -> str:
    """What stands first in the room: what is wrong, how bad, where to talk, where everything is."""
    call = [f"Call: {incident.call}"] if incident.call else []
    if incident.confidential_at:
        return "\n".join([f"{incident.severity}: {confidential.HEADING}", *call, f"Incident: {link}"])
    chat = plan.communication.channels.chat
    lines = [
        f"{incident.severity} {plan.severities[incident.severity].name}: {incident.title}",
        words.why(plan, incident) or f"Declared by {words.name(plan, incident.declared_by)}.",
        *call,
        f"Incident: {link}",
        *(f"• {habit}" for habit in (chat.habits if chat else ())),
    ]
    return "\n".join(lines)


# ---- The next step ----


@dataclass(frozen=True)
class Open:
    """Make the channel, or find the one that we made before we could write it down."""

    name: str
    private: bool
    purpose: str


@dataclass(frozen=True)
class SetTopic:
    topic: str


@dataclass(frozen=True)
class Invite:
    handle: str


@dataclass(frozen=True)
class Remove:
    handle: str
    account: str


@dataclass(frozen=True)
class Post:
    key: str
    text: str
    offers: bool = False


@dataclass(frozen=True)
class Pin:
    key: str
    message: str


@dataclass(frozen=True)
class TakeBack:
    key: str
    message: str


@dataclass(frozen=True)
class Rename:
    """To a name that tells nothing of the incident."""

    name: str


@dataclass(frozen=True)
class Archive:
    pass


@dataclass(frozen=True)
class Unarchive:
    pass


Step = Open | SetTopic | Invite | Remove | Post | Pin | TakeBack | Rename | Archive | Unarchive


def next_step(wish: Wish, room: Room) -> Step | None:
    """What is to be done first; nothing if the room is what it should be."""
    if not room.channel:
        return None if wish.archived else Open(room.name, room.private, wish.purpose)
    if room.archived:  # nothing can be taken back in it as long as it is
        return None if wish.archived and (room.renamed or not wish.left) else Unarchive()
    return next(_missing(wish, room), Archive() if wish.archived else None)


def _missing(wish: Wish, room: Room) -> Iterator[Step]:
    if wish.left:
        yield from _emptied(wish, room)
    if room.topic != wish.topic:
        yield SetTopic(wish.topic)
    if wish.left:
        return
    yield from _said(wish.posts[:1], room)  # what stands first in it, before anybody comes in
    if room.private:
        for handle, account in room.members.items():
            if account and handle not in wish.people:
                yield Remove(handle, account)
    for handle in wish.people:
        if handle not in room.members:
            yield Invite(handle)
    yield from _said(wish.posts, room)


def _said(posts: Iterable[Words], room: Room) -> Iterator[Step]:
    for one in posts:
        if one.key not in room.posted:
            yield Post(one.key, clip(one.text, LONGEST_POST), one.offers)
        elif one.pinned and one.key not in room.pinned and room.posted[one.key]:
            yield Pin(one.key, room.posted[one.key])


def _emptied(wish: Wish, room: Room) -> Iterator[Step]:
    for key, message in room.posted.items():
        if message:
            yield TakeBack(key, message)
    if not room.renamed:
        yield Rename(f"left-{wish.incident_id.lower()}")


# ---- What a step has changed ----


def after(room: Room, step: Step, answer: str = "", link: str = "") -> Room:
    """The room once the step is taken; `answer` is what the provider calls the channel, message or person by."""
    match step:
        case Open(name=name):
            return replace(room, name=name, channel=answer, link=link)
        case SetTopic(topic=topic):
            return replace(room, topic=topic)
        case Invite(handle=handle):
            return replace(room, members={**room.members, handle: answer})
        case Remove(handle=handle):
            return replace(room, members={one: who for one, who in room.members.items() if one != handle})
        case Post(key=key):
            return replace(room, posted={**room.posted, key: answer})
        case Pin(key=key):
            return replace(room, pinned=(*room.pinned, key))
        case TakeBack(key=key):
            return replace(room, posted={one: ts for one, ts in room.posted.items() if one != key})
        case Rename(name=name):
            return replace(room, name=name, renamed=True)
        case Archive():
            return replace(room, archived=True)
        case Unarchive():
            return replace(room, archived=False)
    assert_never(step)


def named(room: Room, name: str, place: int) -> Room:
    return replace(room, name=name, place=place)


def failing(room: Room, *, failed: bool) -> Room:
    return replace(room, failed=failed)
