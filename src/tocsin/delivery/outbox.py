"""Messages waiting to leave. A message is a row before it is bytes, and a leased row while bytes travel."""

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Column, ColumnElement, Integer, Row, Table, Text, bindparam, func, literal_column, select

from tocsin.db import sight
from tocsin.db.columns import MOST, SEALED, Instant, Json, metadata
from tocsin.db.engine import Tx
from tocsin.delivery.channel import SIGN_IN_LINK, TEST, Dead, Delivered, Message, MessageState, Result, Retry
from tocsin.kit.ids import new_id
from tocsin.kit.text import harmless

table = Table(
    "message",
    metadata,
    Column("id", Text, primary_key=True),
    Column("dedup_key", Text),
    Column("channel", Text),
    Column("address", Text),
    Column("lane", Text),
    Column("person", Text),
    Column("audience", Text),
    Column("subject", Text),
    Column("body", Text),
    Column("thread", Text),
    Column("secret", Text, info=SEALED),
    Column("incident_id", Text),
    Column("page_id", Text),
    Column("created_at", Instant),
    Column("send_at", Instant),
    Column("state", Text),
    Column("attempts", Integer),
    Column("last_error", Text),
    Column("sent_at", Instant),
    Column("withdrawn_at", Instant),
    Column("provider_id", Text),
    Column("actions", Json),
    Column("planned_at", Instant),
    Column("gathered_into", Text),
    Column("meant_at", Instant),
    Column("leased_by", Text),
    Column("replaces", Text),
    Column("urgency", Text),
)

MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)  # longer than any channel waits for the other side
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(hours=24)
POST = "chat_post"  # the channel of updates in a chat that the settings name
REPLY = "reply"  # the audience of an answer to what somebody did in a chat
JITTER = 0.25  # of a wait, at the most, so that those who failed together do not come again together


def queue(tx: Tx, *, dedup_key: str, channel: str, address: str, subject: str, body: str, **about: Any) -> str:
    """Put a message on its way, due now. `about` are further fields of `Message`.

    Whatever brings it there, its words steer nothing: neither a terminal nor the order in which they are read.
    """
    message_id = new_id("msg", 12)
    message = Message(
        id=message_id,
        dedup_key=dedup_key,
        channel=channel,
        address=address,
        lane=lane_of(channel, address),
        subject=harmless(subject),
        body=harmless(body),
        created_at=tx.now,
        **{"send_at": tx.now, "meant_at": about.get("planned_at") or about.get("send_at") or tx.now, **about},
    )
    tx.add(table, dict(vars(message)))
    tx.wakes = True
    return message_id


def unique(about: str) -> str:
    """A key for what may be said any number of times."""
    return f"{about}-{new_id('once', 12)}"


def is_queued(tx: Tx, channel: str) -> bool:
    queued = (table.c.channel == channel) & (table.c.state == MessageState.QUEUED)
    return tx.first(select(table.c.id).where(queued).limit(1)) is not None


def hurry_channel(tx: Tx, channel: str) -> bool:
    """Let what waits for this channel go out now: False if nothing waits, but for what is on its way already."""
    waiting = (table.c.channel == channel) & (table.c.state == MessageState.QUEUED)
    waiting &= (table.c.attempts == 0) | (table.c.last_error != "")
    tx.wakes = True
    return tx.run(table.update().where(waiting).values(send_at=tx.now)).rowcount > 0


def lane_of(channel: str, address: str) -> str:
    """Whom a message waits for: the channel, or the one server that an address of the web names. What stands behind
    each address of Apprise, and each name of a chat, is another service."""
    if channel in ("apprise", POST):
        return f"{channel} {address}"
    host = urlsplit(address).hostname if address.startswith(("http://", "https://")) else None
    return f"{channel} {host}" if host else channel


def due_lanes(tx: Tx) -> list[str]:
    """The lanes in which something is due."""
    due = _leaves_by_itself() & (table.c.send_at <= tx.now)
    return [row.lane for row in tx.all(select(table.c.lane).where(due).distinct())]


def is_page_due(tx: Tx) -> bool:
    """Whether something that wakes somebody is about to leave."""
    due = _leaves_by_itself() & (table.c.send_at <= tx.now) & table.c.page_id.is_not(None)
    return tx.first(select(table.c.id).where(due).limit(1)) is not None


def claim(tx: Tx, limit: int, lane: str | None = None, by: str | None = None) -> list[Message]:
    """Lease messages that are due, pages first. If we die before `record`, they fall due again when the lease ends, or
    sooner where another node sees that the one of this name is gone."""
    due = _leaves_by_itself() & (table.c.send_at <= tx.now)
    due = due if lane is None else due & (table.c.lane == lane)
    pages_first = select(table).where(due).order_by(table.c.page_id.is_(None), table.c.send_at)
    wanted = pages_first.limit(limit).with_for_update(skip_locked=True)
    messages = [_message(row) for row in tx.all(wanted)]
    for message in messages:
        leased = {"send_at": tx.now + LEASE, "attempts": message.attempts + 1, "leased_by": by}
        tx.put(table, message.id, leased)
    return messages


def holders(tx: Tx) -> list[str]:
    """The nodes that have leased something."""
    leased = (table.c.state == MessageState.QUEUED) & table.c.leased_by.is_not(None)
    return [str(row.leased_by) for row in tx.all(select(table.c.leased_by).where(leased).distinct())]


def free(tx: Tx, holder: str) -> int:
    """Let what a node had leased fall due now: it is gone. Returns how many messages that were.

    Whether any of them arrived nobody knows, so each goes out again, under the key that it had.
    """
    held = (table.c.state == MessageState.QUEUED) & (table.c.leased_by == holder)
    return tx.run(table.update().where(held).values(send_at=tx.now, leased_by=None)).rowcount


def _leaves_by_itself() -> ColumnElement[bool]:
    return (table.c.state == MessageState.QUEUED) & table.c.gathered_into.is_(None)


# ---- Pages that come together ----


def held_until(tx: Tx, person: str, channel: str, address: str, planned: datetime, within: timedelta) -> datetime:
    """Until when a page that would leave at `planned` waits for others: not at all, unless one went there shortly
    before. Those that wait already are joined."""
    there = (table.c.person == person) & (table.c.channel == channel) & (table.c.address == address)
    there &= table.c.planned_at.is_not(None) & table.c.withdrawn_at.is_(None) & (table.c.planned_at <= planned)
    waiting = there & (table.c.state == MessageState.QUEUED) & (table.c.attempts == 0) & (table.c.send_at > planned)
    joined: datetime | None = tx.scalar(select(func.min(table.c.send_at)).where(waiting))
    if joined is not None:
        return joined
    left_at = func.coalesce(table.c.sent_at, table.c.planned_at)
    last: datetime | None = tx.scalar(select(func.max(left_at, type_=Instant)).where(there))
    return planned if last is None or last <= planned - within else last + within


def held_in_storm(
    tx: Tx, person: str, channel: str, address: str, planned: datetime, *, of: str, most: int
) -> datetime:
    """Until when a page `of` an incident that would leave at `planned` waits, where pages of so many others went there
    within a minute: until the first of those is a minute old. Those that wait already are joined."""
    there: dict[str, Any] = {"person": person, "channel": channel, "address": address}
    there.update(planned=planned, since=planned - MINUTE)
    joined: datetime | None = tx.scalar(_JOINED, there)
    if joined is not None:
        return joined
    before = tx.all(_SHORTLY_BEFORE, {**there, "incident": of, "most": most})
    return before[-1].at + MINUTE if len(before) == most else planned


# Put together once: every page asks, and to build a statement takes longer than to run it.
_THERE = (
    (table.c.person == bindparam("person"))
    & (table.c.channel == bindparam("channel"))
    & (table.c.address == bindparam("address"))
    & table.c.page_id.is_not(None)
    & (table.c.meant_at > bindparam("since"))
    & table.c.withdrawn_at.is_(None)
)
_JOINED = select(func.min(table.c.send_at)).where(
    _THERE,
    table.c.planned_at.is_not(None),
    table.c.state == MessageState.QUEUED,
    table.c.attempts == 0,
    table.c.send_at > bindparam("planned"),
)
_MEANT_AT = func.max(table.c.meant_at, type_=Instant).label("at")
_SHORTLY_BEFORE = (
    select(_MEANT_AT)
    .where(_THERE, table.c.meant_at <= bindparam("planned"), table.c.incident_id != bindparam("incident"))
    .group_by(table.c.incident_id)
    .order_by(_MEANT_AT.desc())
    .limit(MOST)
)


def gather(tx: Tx, leader: Message) -> list[Message]:
    """Let a page that leaves now take along all others that wait for the same place. Returns those, the first first.

    One that leaves again takes nobody along who was not with it before: it may have arrived, and whoever knows its key
    would pass over what is new in it.
    """
    if leader.planned_at is None:
        return []
    if leader.attempts:
        return gathered(tx, leader.id)
    there = (table.c.person == leader.person) & (table.c.address == leader.address)
    there &= (table.c.channel == leader.channel) & (table.c.planned_at <= tx.now) & (table.c.attempts == 0)
    others = _leaves_by_itself() & there & (table.c.id != leader.id)
    tx.run(table.update().where(others).values(gathered_into=leader.id))
    return gathered(tx, leader.id)


def join(tx: Tx, leader: Message, message: Message) -> None:
    """Let a message that was claimed leave with another one instead."""
    tx.put(table, message.id, {"gathered_into": leader.id, "attempts": message.attempts, "leased_by": None})


def gathered(tx: Tx, leader_id: str) -> list[Message]:
    """What still waits for this message to say it too."""
    with_it = (table.c.gathered_into == leader_id) & (table.c.state == MessageState.QUEUED)
    return [_message(row) for row in tx.all(select(table).where(with_it).order_by(table.c.created_at, table.c.id))]


def said_by(tx: Tx, leader_id: str) -> list[Message]:
    """Everything that this message said besides its own, whatever became of it."""
    with_it = select(table).where(table.c.gathered_into == leader_id)
    return [_message(row) for row in tx.all(with_it.order_by(table.c.created_at, table.c.id))]


def restate(tx: Tx, message: Message, subject: str, said: str, key: str) -> None:
    """Put what became of it in the place of a message that was sent, once for each `key`."""
    dedup_key = f"{message.dedup_key}-{key}"
    if not message.provider_id or tx.first(select(table.c.id).where(table.c.dedup_key == dedup_key)):
        return
    queue(
        tx,
        dedup_key=dedup_key,
        channel=message.channel,
        address=message.address,
        subject=subject,
        body=f"{subject}\n{said}\n",
        person=message.person,
        audience="answered",
        incident_id=message.incident_id,
        replaces=message.provider_id,
    )


def said_alone(tx: Tx, incident_id: str, channel: str) -> list[Message]:
    """The pages of this incident that this channel has taken, but for those that were said with others."""
    taken = (table.c.incident_id == incident_id) & table.c.page_id.is_not(None) & (table.c.channel == channel)
    taken &= (table.c.state == MessageState.SENT) & table.c.gathered_into.is_(None)
    other = table.alias()
    with_others = select(other.c.id).where(other.c.gathered_into == table.c.id).exists()
    return [_message(row) for row in tx.all(select(table).where(taken & ~with_others))]


def _release(tx: Tx) -> None:
    """What was to be said by a message that is withdrawn leaves by itself again."""
    led = select(table.c.id).where((table.c.state == MessageState.DEAD) & (table.c.withdrawn_at == tx.now))
    waiting = (table.c.state == MessageState.QUEUED) & table.c.gathered_into.in_(led)
    tx.run(table.update().where(waiting).values(gathered_into=None))


def record(tx: Tx, message: Message, result: Result) -> bool:
    """Write down what came of an attempt. True if the message died of it, now and not before."""
    match result:
        case Delivered():
            values: dict[str, Any] = {"state": MessageState.SENT, "sent_at": tx.now, "last_error": ""}
            values["provider_id"] = result.provider_id
        case Retry() if tx.now - message.created_at < GIVE_UP_AFTER:
            wait = result.after or backoff(message.attempts + 1, _spread(message))
            values = {"send_at": tx.now + wait, "last_error": result.reason, "leased_by": None}
        case Retry() | Dead():
            values = {"state": MessageState.DEAD, "last_error": result.reason}
    # A page may be withdrawn while its bytes travel; that it arrived is the truth all the same.
    before = [MessageState.QUEUED, MessageState.DEAD] if isinstance(result, Delivered) else [MessageState.QUEUED]
    of_this = (table.c.id == message.id) & table.c.state.in_(before)
    changed = tx.run(table.update().where(of_this).values(values)).rowcount == 1
    return changed and values.get("state") is MessageState.DEAD


def backoff(attempts: int, spread: float = 0.0) -> timedelta:
    """How long to wait after so many attempts: 2, 4, 8… seconds, five minutes at the most, and a little longer.

    `spread`, from 0 to 1, says how much of the jitter this message gets.
    """
    doublings: int = min(max(attempts, 1) - 1, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT) * (1 + JITTER * spread)


def _spread(message: Message) -> float:
    """A number of its own for each message and attempt: nothing secret, and the same in every node."""
    return zlib.crc32(f"{message.id} {message.attempts}".encode()) / 2**32


def defer(tx: Tx, message: Message, until: datetime, reason: str) -> None:
    """Let a leased message wait without trying it: whoever should take it takes nothing now."""
    wait = (until - tx.now) * (1 + JITTER * _spread(message))
    still_queued = (table.c.id == message.id) & (table.c.state == MessageState.QUEUED)
    values = {"send_at": tx.now + wait, "last_error": reason, "attempts": message.attempts, "leased_by": None}
    tx.run(table.update().where(still_queued).values(values))


def hurry_next(tx: Tx, page_id: str) -> None:
    """The way that was tried does not work now: let the person's next one, if it still waits for its turn, go out."""
    untried = (table.c.state == MessageState.QUEUED) & (table.c.last_error == "") & (table.c.send_at > tx.now)
    untried &= table.c.attempts == 0
    waiting = select(table.c.id).where((table.c.page_id == page_id) & untried).order_by(table.c.send_at).limit(1)
    if (found := tx.scalar(waiting)) is not None:
        tx.put(table, found, {"send_at": tx.now, "meant_at": tx.now})
        tx.wakes = True


def withdraw_pages(tx: Tx, incident_id: str, reason: str) -> None:
    """Somebody has answered: pages that have not left need not wake anyone any more."""
    unsent = (table.c.incident_id == incident_id) & table.c.page_id.is_not(None)
    still_queued = unsent & (table.c.state == MessageState.QUEUED)
    tx.run(table.update().where(still_queued).values(_withdrawn(tx, reason)))
    _release(tx)


def withdraw_messages(tx: Tx, page_ids: Collection[str], reason: str) -> None:
    """What has not left of these pages need not wake anyone any more."""
    still_queued = table.c.page_id.in_(list(page_ids)) & (table.c.state == MessageState.QUEUED)
    tx.run(table.update().where(still_queued).values(_withdrawn(tx, reason)))
    _release(tx)


def withdraw_updates(tx: Tx, incident_id: str, reason: str) -> None:
    """Updates of this incident that have not left are not to be read any more; its pages must still wake people."""
    of_this = (table.c.incident_id == incident_id) & table.c.page_id.is_(None)
    still_queued = of_this & (table.c.state == MessageState.QUEUED)
    tx.run(table.update().where(still_queued).values(_withdrawn(tx, reason)))


def end_invitations(tx: Tx, person: str) -> None:
    """The link in each is worth nothing any more: what has not left never does, and what was given up is no loss."""
    theirs = (table.c.person == person) & (table.c.audience == SIGN_IN_LINK)
    unsent = theirs & (table.c.state != MessageState.SENT) & table.c.withdrawn_at.is_(None)
    tx.run(table.update().where(unsent).values(_withdrawn(tx, "the link in it is worth nothing any more")))
    forget_secrets(tx, person)


def forget_secrets(tx: Tx, person: str) -> None:
    """Keep no link that somebody was mailed: it is too old, or was used, or another one took its place."""
    kept = (table.c.person == person) & (table.c.audience == SIGN_IN_LINK) & table.c.secret.is_not(None)
    tx.run(table.update().where(kept).values(secret=None))


def invitations(tx: Tx, people: Collection[str]) -> dict[str, Message]:
    """The mail with the link that each of them has and did not use, where it was mailed or is to be."""
    theirs = table.c.person.in_(list(people)) & (table.c.audience == SIGN_IN_LINK) & table.c.secret.is_not(None)
    return {str(row.person): _message(row) for row in (tx.all(select(table).where(theirs)) if people else [])}


def _withdrawn(tx: Tx, reason: str) -> dict[str, Any]:
    return {"state": MessageState.DEAD, "last_error": reason, "withdrawn_at": tx.now}


def reword(tx: Tx, message_id: str, *, subject: str, body: str) -> None:
    """Say something else in a message that has not left."""
    tx.put(table, message_id, {"subject": subject, "body": body})


def next_due(tx: Tx, without: Collection[str] = ()) -> datetime | None:
    """When the next message falls due, in other lanes than these."""
    queued = _leaves_by_itself()
    queued = queued & table.c.lane.not_in(list(without)) if without else queued
    soonest: datetime | None = tx.scalar(select(func.min(table.c.send_at)).where(queued))
    return soonest


def for_incident(tx: Tx, incident_id: str) -> list[Message]:
    return [_message(row) for row in sight.rows(tx, _OF_INCIDENT, table.c.incident_id, {"incident": incident_id})]


_OF_INCIDENT = (
    select(table)
    .where(table.c.incident_id == bindparam("incident", type_=Text))
    .order_by(table.c.created_at, table.c.id)
)


def alive_for_pages(tx: Tx, page_ids: Collection[str]) -> int:
    """How many messages of these pages were sent or still may be."""
    alive = table.c.page_id.in_(list(page_ids)) & (table.c.state != MessageState.DEAD)
    return int(tx.scalar(select(func.count()).select_from(table).where(alive)) or 0)


UNTOLD = ("verification", TEST, REPLY)  # what these messages say is for their reader alone


def undelivered(tx: Tx, limit: int, before: datetime | None = None) -> list[Message]:
    """What was given up and not withdrawn, the latest first."""
    wanted = select(table).where(_given_up()).order_by(table.c.created_at.desc()).limit(limit)
    wanted = wanted if before is None else wanted.where(table.c.created_at < before)
    return [_message(row) for row in tx.all(sight.within(tx, wanted, table.c.incident_id))]


def load_undelivered(tx: Tx, message_id: str) -> Message | None:
    wanted = select(table).where(_given_up() & (table.c.id == message_id))
    row = tx.first(sight.within(tx, wanted, table.c.incident_id))
    return _message(row) if row else None


def revive(tx: Tx, message_id: str) -> bool:
    """Queue something again that was given up. The first caller gets True."""
    fresh = {"send_at": tx.now, "created_at": tx.now, "meant_at": tx.now}
    values = {**fresh, "state": MessageState.QUEUED, "attempts": 0, "last_error": ""}
    tx.wakes = True
    return tx.run(table.update().where(_given_up() & (table.c.id == message_id)).values(values)).rowcount == 1


def _given_up() -> ColumnElement[bool]:
    given_up = (table.c.state == literal_column(f"'{MessageState.DEAD}'")) & table.c.withdrawn_at.is_(None)
    return given_up & table.c.audience.not_in(UNTOLD)


def count_for_page(tx: Tx, page_id: str) -> int:
    return int(tx.scalar(select(func.count()).select_from(table).where(table.c.page_id == page_id)) or 0)


def load(tx: Tx, message_id: str) -> Message | None:
    row = tx.first(select(table).where(table.c.id == message_id))
    return _message(row) if row else None


def for_page(tx: Tx, page_id: str, channel: str) -> list[Message]:
    """What brought this page by this channel."""
    of_this = (table.c.page_id == page_id) & (table.c.channel == channel)
    return [_message(row) for row in tx.all(select(table).where(of_this))]


def came_back(tx: Tx, message: Message, reason: str) -> bool:
    """It had been taken, and did not arrive. The first caller gets True."""
    taken = (table.c.id == message.id) & (table.c.state == MessageState.SENT)
    values = {"state": MessageState.DEAD, "last_error": reason}
    return tx.run(table.update().where(taken).values(values)).rowcount == 1


def of_page(tx: Tx, page_id: str, place: int) -> Message | None:
    """One of a page's messages, by its place among them."""
    row = tx.first(select(table).where(table.c.dedup_key == f"{page_id}-{place}"))
    return _message(row) if row else None


def addresses_of_page(tx: Tx, page_id: str) -> set[tuple[str, str]]:
    """Where this page went or will go."""
    wanted = select(table.c.channel, table.c.address).where(table.c.page_id == page_id)
    return {(row.channel, row.address) for row in tx.all(wanted)}


def waiting(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(table).where(table.c.state == MessageState.QUEUED)) or 0)


def _message(row: Row[Any]) -> Message:
    return Message(**{**row._mapping, "state": MessageState(row.state)})
