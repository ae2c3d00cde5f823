"""Carrying out what an incident's channels need, one step after another, each written down before the next.

It is a channel of the outbox like mail is, in a lane of its own. A message says only that something has changed; what
is to be done follows from the record when it is done. No unit of work is open while bytes travel.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import NamedTuple, TypeVar, assert_never
from weakref import WeakValueDictionary

from tocsin.comms import rooms
from tocsin.comms import store as comms
from tocsin.comms.rooms import (
    Archive,
    Invite,
    Open,
    Pin,
    Post,
    Remove,
    Rename,
    Room,
    SetTopic,
    Step,
    TakeBack,
    Unarchive,
)
from tocsin.db.engine import Database, Tx
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.chat import (
    Busy,
    ChannelArchived,
    Chat,
    ChatTrouble,
    Declined,
    NameTaken,
    NoSuchChannel,
    NotLetIn,
    Opened,
)
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Incident
from tocsin.incidents.places import ChannelFailed, ChannelLeft, ChannelOpened, Wanted
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import stopwatch
from tocsin.people import store as people
from tocsin.plan import store as plans
from tocsin.response import followups, gathering

T = TypeVar("T")

AT_A_TIME = timedelta(seconds=20)  # that one message may keep its place in the lane; then others have their turn
HELD = timedelta(seconds=45)  # longer than a message may travel: nobody else sees to the channel meanwhile
TOLD_AFTER = timedelta(minutes=2)  # of failing, the record says so and what to do by hand

_BY_HAND = {
    Wanted.OPENED: "Open a channel by hand and put its link into a note.",
    Wanted.KEPT: "Say there by hand what people have to know.",
    Wanted.LEFT: "Have somebody who owns the workspace delete that channel: what stands in it can be read.",
}
STAYS = "What people wrote in it themselves can still be read; whoever owns the workspace can delete it."


class Work(NamedTuple):
    """The next step, and who is meant by it if it is about a person: their account there, or else their address."""

    room: Room
    step: Step
    account: str = ""
    email: str = ""
    link: str = ""


class Rooms:
    """The channels of all incidents in one chat."""

    def __init__(self, database: Database, chat: Chat) -> None:
        self._database = database
        self._chat = chat
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def send(self, message: Message) -> Result:
        """Do whatever the channels of this incident need now."""
        incident_id = str(message.incident_id)
        turn = self._turns.setdefault(incident_id, asyncio.Lock())
        async with turn, self._held(incident_id) as held:
            if not held:
                return Retry("another server sees to this channel", timedelta(seconds=2))
            return await self._catch_up(message, incident_id)

    @asynccontextmanager
    async def _held(self, incident_id: str) -> AsyncIterator[bool]:
        held = await self._write(lambda tx: comms.hold(tx, incident_id, tx.now + HELD))
        try:
            yield held
        finally:
            if held:
                await self._write(lambda tx: comms.release(tx, incident_id))

    async def _catch_up(self, message: Message, incident_id: str) -> Result:
        began, work = stopwatch(), None
        try:
            while (work := await asyncio.to_thread(self._next, incident_id)) is not None:
                await self._do(work)
                if stopwatch() - began > AT_A_TIME.total_seconds():
                    return Retry("there is more to do in this channel", timedelta(seconds=1))
        except ChatTrouble as trouble:
            change = partial(_troubled, message=message, work=work, trouble=trouble)
            return await self._write(change)
        await self._write(lambda tx: _well_again(tx, incident_id))
        return Delivered(provider=self._chat.name)

    def _next(self, incident_id: str) -> Work | None:
        with self._database.read(SYSTEM) as tx:
            return next(_steps(tx, incident_id), None)

    async def _do(self, work: Work) -> None:
        room, step = work.room, work.step
        try:
            answer, link = await self._take(work)
        except NameTaken:
            await self._write(lambda tx: _name_anew(tx, room))
        except ChannelArchived:
            await self._write(lambda tx: _keep(tx, rooms.after(_now(tx, room), Archive())))
        except Declined as declined:
            if isinstance(step, Open | Unarchive):
                raise
            await self._write(partial(_go_on_without, room=room, step=step, declined=declined))
        else:
            await self._write(lambda tx: _taken(tx, work, answer, link))

    async def _take(self, work: Work) -> tuple[str, str]:
        """Ask for one step. Returns what the provider calls it by, and its link."""
        chat, channel = self._chat, work.room.channel
        match work.step:
            case Open(name=name, private=private, purpose=purpose):
                opened: Opened = await chat.open(name, private=private, purpose=purpose)
                return opened.channel, opened.link
            case SetTopic(topic=topic):
                await chat.set_topic(channel, topic)
            case Invite():
                account = work.account or (await chat.account(work.email) if work.email else "")
                if account:
                    await chat.invite(channel, account)
                return account, ""
            case Remove(account=account):
                await chat.remove(channel, account)
            case Post(text=text, offers=offers):
                about = work.room.incident_id if offers else ""
                return await chat.post(channel, text, about, work.link), ""
            case Pin(message=ts):
                await chat.pin(channel, ts)
            case TakeBack(message=ts):
                await chat.take_back(channel, ts)
            case Rename(name=name):
                await chat.rename(channel, name)
            case Archive():
                await chat.archive(channel)
            case Unarchive():
                await chat.unarchive(channel)
            case _:
                assert_never(work.step)
        return "", ""

    async def _write(self, change: Callable[[Tx], T]) -> T:
        return await asyncio.to_thread(self._database.run, SYSTEM, change)


def _steps(tx: Tx, incident_id: str) -> Iterator[Work]:
    """What is to be done, the open channel of what is confidential first: it is read while we wait."""
    incident = incidents.load(tx, incident_id)
    plan = plans.load(tx, incident.plan_revision)
    entries = incidents.timeline(tx, incident_id)
    link = followups.link(tx, f"/incidents/{incident_id}")
    for room in comms.rooms(tx, incident_id):
        step = rooms.next_step(rooms.wish(plan, incident, entries, room, link), room)
        if step is not None:
            account, email = _whom(tx, room, step)
            yield Work(room, step, account, email, link)


def _whom(tx: Tx, room: Room, step: Step) -> tuple[str, str]:
    if not isinstance(step, Invite):
        return "", ""
    account, _ = people.chat_accounts(tx, room.provider).get(step.handle, ("", False))
    return account, people.addresses(tx, [step.handle]).get(step.handle, "")


# ---- Writing down ----


def _now(tx: Tx, room: Room) -> Room:
    return comms.load_room(tx, room.id)


def _keep(tx: Tx, room: Room) -> None:
    comms.save_room(tx, room)


def _name_anew(tx: Tx, room: Room) -> None:
    """Somebody else has a channel of this name: the next one is ours from now on."""
    incident = incidents.load(tx, room.incident_id)
    plan = plans.load(tx, incident.plan_revision)
    name, place = gathering.free_name(tx, plan, incident, room.provider, private=room.private, after=room.place)
    _keep(tx, rooms.named(_now(tx, room), name, place))


def _taken(tx: Tx, work: Work, answer: str, link: str) -> None:
    room = rooms.after(_now(tx, work.room), work.step, answer, link)
    _keep(tx, room)
    match work.step:
        case Open():
            opened = ChannelOpened(
                at=tx.now,
                by=SYSTEM.handle,
                provider=room.provider,
                channel=room.channel,
                name=room.name,
                link=room.link,
                private=room.private,
            )
            _record(tx, room.incident_id, opened)
        case Invite(handle=handle) if answer and not work.account:
            people.keep_chat_account(tx, room.provider, handle, answer, entered=False)
        case Archive() if room.renamed:
            left = ChannelLeft(at=tx.now, by=SYSTEM.handle, provider=room.provider, name=room.name, by_hand=STAYS)
            _record(tx, room.incident_id, left)
        case _:
            pass


def _go_on_without(tx: Tx, room: Room, step: Step, declined: Declined) -> None:
    """One step can't be done, ever: the record says so, and the others are done."""
    _keep(tx, rooms.after(_now(tx, room), step))
    wanted = _wanted(incidents.load(tx, room.incident_id), room)
    by_hand = _mend(step) or _BY_HAND[wanted]
    _record(tx, room.incident_id, _failure(tx, room, wanted, f"{_what(step)}: {declined.reason}", by_hand))


def _troubled(tx: Tx, message: Message, work: Work | None, trouble: ChatTrouble) -> Result:
    """What comes of a message that could not do everything, and whether the record says so now."""
    lasting = isinstance(trouble, NotLetIn | Declined | NoSuchChannel)
    if work is not None and (lasting or tx.now - message.created_at >= TOLD_AFTER):
        _say_once(tx, work, trouble)
    if isinstance(trouble, Busy):
        return Retry(trouble.reason, trouble.after, down=trouble.down)
    return Retry(trouble.reason) if isinstance(trouble, NotLetIn) else Dead(trouble.reason)


def _say_once(tx: Tx, work: Work, trouble: ChatTrouble) -> None:
    room = _now(tx, work.room)
    if room.failed:
        return
    _keep(tx, rooms.failing(room, failed=True))
    incident = incidents.load(tx, room.incident_id)
    wanted = _wanted(incident, room)
    _record(tx, room.incident_id, _failure(tx, room, wanted, trouble.reason, _BY_HAND[wanted]))


def _wanted(incident: Incident, room: Room) -> Wanted:
    if not room.channel:
        return Wanted.OPENED
    return Wanted.LEFT if incident.confidential_at and not room.private else Wanted.KEPT


def _failure(tx: Tx, room: Room, wanted: Wanted, reason: str, by_hand: str) -> ChannelFailed:
    about = {"provider": room.provider, "name": room.name, "reason": reason, "by_hand": by_hand}
    return ChannelFailed(at=tx.now, by=SYSTEM.handle, wanted=wanted, **about)


def _well_again(tx: Tx, incident_id: str) -> None:
    for room in comms.rooms(tx, incident_id):
        if room.failed:
            _keep(tx, rooms.failing(room, failed=False))


def _record(tx: Tx, incident_id: str, entry: AnyEntry) -> None:
    incident = incidents.load(tx, incident_id)
    followups.record(tx, plans.load(tx, incident.plan_revision), incident, [entry])


def _what(step: Step) -> str:
    match step:
        case Invite(handle=handle):
            return f"{handle} is not invited"
        case Remove(handle=handle):
            return f"{handle} is not removed"
        case _:
            return _REFUSED[type(step)]


_REFUSED: dict[type[Step], str] = {
    SetTopic: "the topic is not set",
    Post: "an update is not posted",
    Pin: "an update is not pinned",
    TakeBack: "a message is not taken back",
    Rename: "it is not renamed",
    Archive: "it is not archived",
}


def _mend(step: Step) -> str:
    match step:
        case Invite(handle=handle):
            return f"Invite {handle} by hand, or enter who they are there: tocsin slack account."
        case Remove(handle=handle):
            return f"Remove {handle} from the channel by hand: they may not read this incident any more."
        case _:
            return ""
