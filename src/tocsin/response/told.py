"""Who was told what about an incident: when, through what, whether it came there, and who is owed what next."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.comms import corrections, statuspage
from tocsin.comms import store as comms
from tocsin.comms.rooms import Room
from tocsin.comms.subscribers import outbox as subscribers
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.delivery.channel import Message, MessageState
from tocsin.incidents import approving, words
from tocsin.incidents import store as incidents
from tocsin.incidents.approving import Standing
from tocsin.incidents.model import Incident
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind, Obligation, State
from tocsin.oncall import store as oncall
from tocsin.paging import reach
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan

STATUS_PAGE = "status_page"
SUBSCRIBERS = "subscribers"
PUBLISHED, TAKEN_DOWN, ON_ITS_WAY, ANNOUNCED = "published", "taken_down", "queued", "announced"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One way of an update to somebody. `state` is that of a message, or `published` on the status page."""

    way: str
    who: str
    state: str
    at: datetime | None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An update as it holds now."""

    entry: int
    at: datetime
    by: str
    stage: str
    text: str
    first_text: str
    last_text: str
    changed_at: datetime | None
    is_withdrawn: bool
    ways: Sequence[Arrival]


@dataclass(frozen=True, kw_only=True)
class Next:
    """What is owed to an audience, and by whom."""

    what: str
    due_at: datetime
    is_overdue: bool
    by: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """An audience, what it was told and what it is owed. `draft` is the entry of one that waits for a word."""

    audience: str
    name: str
    is_public: bool
    told: Sequence[Told]
    next: Next | None
    draft: int | None


def matrix(tx: Tx, incident_id: str) -> list[Row]:
    """A row for each audience of the plan, in its order. Raises NoSuchIncident."""
    access.require(tx.actor, access.INCIDENT_READ)
    incident = incidents.load(tx, incident_id)
    plan, entries = plans.load(tx, incident.plan_revision), incidents.timeline(tx, incident_id)
    told, drafts = approving.standing(entries).values(), approving.waiting(entries)
    messages, rooms = outbox.for_incident(tx, incident_id), comms.rooms(tx, incident_id)
    announced = subscribers.announced(tx, incident_id)
    owed = _owed(tx, plan, incident)
    found = []
    for key, audience in plan.communication.audiences.items():
        of_this = [one for one in told if one.told.audience == key]
        found.append(
            Row(
                audience=key,
                name=audience.name,
                is_public=audience.public,
                told=[_told(plan, incident, one, messages, rooms, announced) for one in of_this],
                next=owed.get(key),
                draft=next((number for number, one in drafts.items() if one.audience == key), None),
            )
        )
    return found


def _owed(tx: Tx, plan: Plan, incident: Incident) -> dict[str, Next]:
    rotas = oncall.rotas(tx, plan)

    def due(duty: Obligation) -> Next:
        person = reach.owner_at(plan, rotas, incident, duty.owner, tx.now)
        by = words.name(plan, person) if person else ""
        return Next(what=duty.what, due_at=duty.due_at, is_overdue=duty.is_overdue(tx.now), by=by)

    standing = obligations.open_for(tx, incident.id)
    return {one.audience: due(one) for one in standing if one.kind is Kind.UPDATE and one.state is State.OPEN}


def _told(
    plan: Plan,
    incident: Incident,
    one: Standing,
    messages: Sequence[Message],
    rooms: Sequence[Room],
    announced: Collection[str],
) -> Told:
    return Told(
        entry=one.number,
        at=one.told.at,
        by=one.told.by,
        stage=one.told.stage or "",
        text=corrections.text(one),
        first_text=one.told.text,
        last_text=one.text or one.told.text,
        changed_at=one.changed_at,
        is_withdrawn=one.is_withdrawn,
        ways=(*_published(plan, incident, one, announced), *_posted(plan, one, rooms), *_mailed(plan, one, messages)),
    )


def _published(plan: Plan, incident: Incident, one: Standing, announced: Collection[str]) -> Iterator[Arrival]:
    audience = plan.communication.audiences.get(one.told.audience)
    if audience and audience.public:
        gone = incident.confidential_at is not None or incident.stage is None
        state, at = (TAKEN_DOWN, incident.confidential_at) if gone else (PUBLISHED, one.told.at)
        yield Arrival(way=STATUS_PAGE, who="everyone", state=state, at=at)
    if statuspage.stable_id("update", incident.id, str(one.number)) in announced:
        yield Arrival(way=SUBSCRIBERS, who="whoever subscribes", state=ANNOUNCED, at=one.told.at)


def _posted(plan: Plan, one: Standing, rooms: Iterable[Room]) -> Iterator[Arrival]:
    chat = plan.communication.channels.chat
    if chat is None or one.told.audience not in chat.audiences:
        return
    for room in rooms:
        is_there = str(one.number) in room.posted
        state = str(MessageState.SENT) if is_there else ON_ITS_WAY
        yield Arrival(way=room.provider, who=f"#{room.name}", state=state, at=one.told.at if is_there else None)


def _mailed(plan: Plan, one: Standing, messages: Iterable[Message]) -> Iterator[Arrival]:
    """The messages of an update carry the instant of its unit of work."""
    for message in messages:
        if message.audience == one.told.audience and message.created_at == one.told.at:
            yield Arrival(
                way=message.channel,
                who=words.name(plan, message.person) if message.person else whereto(message),
                state="withdrawn" if message.withdrawn_at else str(message.state),
                at=message.sent_at,
                problem=without_address(message, message.last_error),
            )


def whereto(message: Message) -> str:
    """The name of the chat or channel that a message went to; an address of anything else may be a secret."""
    is_name = message.channel == outbox.POST or message.address.startswith("#")
    return message.address if is_name else ""


def without_address(message: Message, text: str) -> str:
    """What a provider said, without the address of the person."""
    return text if not message.address or whereto(message) else text.replace(message.address, "…")
