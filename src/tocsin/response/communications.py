"""The log of an incident's communications: everything that left and came in, with what became of it.

No address and no body of a page stands in it: that body holds the link which answers it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.comms import store as comms
from tocsin.comms.rooms import Room
from tocsin.comms.subscribers import outbox as subscribers
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import sentences, words
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Declined, EscalationAsked
from tocsin.incidents.model import WORKING, Acknowledged, Incident, Numbered, SignalAttached, Updated
from tocsin.incidents.places import MessageKept
from tocsin.incidents.telling import PostedElsewhere, UpdateCorrected, UpdateWithdrawn
from tocsin.incidents.work import SupportContacted
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import letters
from tocsin.response.letters import Letter
from tocsin.response.told import ANNOUNCED, PUBLISHED, STATUS_PAGE, SUBSCRIBERS, TAKEN_DOWN, whereto, without_address

OURS = ("web", "api", WORKING)  # ways by which nobody answered a message
RECEIVED = "received"
POSTED = "posted"  # by a person, who says so


class Direction(StrEnum):
    OUT = "out"
    IN = "in"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that became of a message."""

    kind: str
    at: datetime
    provider: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Communication:
    """`way` is a channel, `status_page`, a chat, a network, `signal` or `support`; `about` an audience or what it was.

    `who` is whom it went to or came from, as far as the record names them. `entry` is the one that it stands on.
    """

    at: datetime
    direction: Direction
    way: str
    about: str
    who: str
    what: str
    state: str
    done_at: datetime | None = None
    problem: str = ""
    entry: int | None = None
    message: str = ""
    steps: Sequence[Step] = ()


def log(tx: Tx, incident_id: str) -> list[Communication]:
    """Everything, in the order in which it happened. Raises NoSuchIncident."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
    sent = letters.letters_of(tx, outbox.for_incident(tx, incident_id))
    found = [
        *map(_letter, sent),
        *(one for entry in entries for one in _entry(plan, incident, entry)),
        *_posts(comms.rooms(tx, incident_id), entries),
        *_announced(tx, incident_id),
    ]
    return sorted(found, key=lambda one: (one.at, one.entry or 0, one.message))


def _letter(letter: Letter) -> Communication:
    """A mail, a page, a text or a webhook, and what became of it."""
    message = letter.message
    steps = [
        Step(kind=one.kind, at=one.at, provider=one.provider, detail=without_address(message, one.detail))
        for one in letter.receipts
    ]
    return Communication(
        at=message.created_at,
        direction=Direction.OUT,
        way=message.channel,
        about=message.audience,
        who=message.person or whereto(message),
        what=message.subject,
        state="withdrawn" if message.withdrawn_at and not message.sent_at else str(message.state),
        done_at=message.sent_at,
        problem=without_address(message, message.last_error),
        message=message.id,
        steps=tuple(steps),
    )


def _entry(plan: Plan, incident: Incident, numbered: Numbered) -> Iterator[Communication]:
    """What the record itself shows to have been said to somebody, or by them."""
    entry, number = numbered.entry, numbered.number
    match entry:
        case Updated() | UpdateCorrected() | UpdateWithdrawn():
            audience = plan.communication.audiences.get(entry.audience)
            if audience and audience.public:
                yield _published(incident, entry, number)
        case PostedElsewhere():
            yield _of(entry, Direction.OUT, entry.network, "public", entry.link, entry.text, POSTED, number)
        case SupportContacted():
            about = f"{entry.what} ({entry.reference})" if entry.reference else entry.what
            yield _of(entry, Direction.OUT, "support", "vendor", entry.vendor, about, POSTED, number)
        case Acknowledged() | Declined() | EscalationAsked():
            if entry.through not in OURS:
                yield _of(entry, Direction.IN, entry.through, "page", entry.by, sentences.kind(entry), RECEIVED, number)
        case MessageKept():
            yield _of(entry, Direction.IN, entry.provider, "channel", entry.author, entry.text, RECEIVED, number)
        case SignalAttached():
            yield _of(entry, Direction.IN, "signal", "signal", entry.source, entry.title, RECEIVED, number)
        case _:
            pass  # nobody outside of the room said it or was told


def _published(incident: Incident, entry: Updated | UpdateCorrected | UpdateWithdrawn, number: int) -> Communication:
    gone = incident.confidential_at is not None or incident.stage is None
    what = entry.because if isinstance(entry, UpdateWithdrawn) else entry.text
    state = TAKEN_DOWN if gone else PUBLISHED
    return _of(entry, Direction.OUT, STATUS_PAGE, entry.audience, "everyone", what, state, number)


_Shown = (
    Updated
    | UpdateCorrected
    | UpdateWithdrawn
    | PostedElsewhere
    | SupportContacted
    | Acknowledged
    | Declined
    | EscalationAsked
    | MessageKept
    | SignalAttached
)


def _of(
    entry: _Shown, direction: Direction, way: str, about: str, who: str, what: str, state: str, number: int
) -> Communication:
    return Communication(
        at=entry.at,
        direction=direction,
        way=str(way),
        about=about,
        who=who,
        what=words.one_line(what),
        state=state,
        done_at=entry.at,
        entry=number,
    )


def _posts(rooms: Iterable[Room], entries: Iterable[Numbered]) -> Iterator[Communication]:
    """What we said in the channel, as far as the chat has taken it."""
    by_number = {str(one.number): one for one in entries}
    for room in rooms:
        for key in room.posted:
            if key in by_number:
                one = by_number[key]
                yield Communication(
                    at=one.entry.at,
                    direction=Direction.OUT,
                    way=room.provider,
                    about="channel",
                    who=f"#{room.name}",
                    what=sentences.kind(one.entry),
                    state="sent",
                    entry=one.number,
                )


def _announced(tx: Tx, incident_id: str) -> Iterator[Communication]:
    """What went to those who subscribe to the status page. Whom each came to stands beside that subscriber."""
    for key in subscribers.announced(tx, incident_id):
        one = subscribers.announcement(tx, key)
        if one is not None:
            yield Communication(
                at=one.at,
                direction=Direction.OUT,
                way=SUBSCRIBERS,
                about="public",
                who="whoever subscribes",
                what=words.one_line(one.text),
                state=ANNOUNCED,
                message=one.id,
            )
