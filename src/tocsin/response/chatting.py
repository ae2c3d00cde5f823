"""What is done about what a chat brings, by whichever way it came: a signed request, or a socket.

Whoever acts is the account here to which theirs there is linked, with the rights of that account. What they asked for,
that it was asked, and the answer are one unit of work: what is brought twice is done once, on whichever node. The
answer leaves by the outbox, in a lane of its own. Before the chat has its answer, what is asked for is written down: a
node that dies then, or another, does it later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

import msgspec

from tocsin.comms import store as comms
from tocsin.db.engine import Database, Tx
from tocsin.delivery import outbox, slackdm, slackin, slackreplies
from tocsin.delivery.slackin import AnyHeard, Chosen, Edited, Heard, Marked, Pressed, Said, Sent
from tocsin.delivery.slackviews import Part
from tocsin.incidents import store as incidents
from tocsin.incidents.answer import Answer
from tocsin.incidents.model import Incident
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, Refused, TocsinError
from tocsin.kit.text import clip
from tocsin.plan import store as plans
from tocsin.response import answers, chatforms, chatverbs, commands, followups, linking, quoting

log = logging.getLogger(__name__)

BROKEN = "Something went wrong here, and it is written down. The incident's page does the same."
BODY = "An answer to what somebody did in the chat; it is for them alone."
LATER = (
    "Very much is going on, and this is not written down yet. It is done as soon as it can be; if nothing comes in a"
    " minute, ask again."
)
AGAIN = "Very much is going on. Send it again: it is done once."
LONGEST = 10_000  # letters of an answer
PATIENCE = 2.0  # seconds for which the chat waits: Slack's three, less the way
LEFT_FOR = timedelta(seconds=30)  # after which what was asked for is somebody else's to do
LEFT_AT_ONCE = 100
KINDS: Mapping[str, type[AnyHeard]] = {one.__name__: one for one in (Said, Pressed, Chosen, Sent, Marked, Edited)}
Answering = Callable[[Mapping[str, Any]], Awaitable[None]]
NOTHING: Mapping[str, Any] = {}


class NotLinked(Refused):
    """Nobody here is known by this account."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the settings say: how the command is called, and with which emoji a message is put onto the record."""

    command: str
    emoji: str


class Taken(Enum):
    """What became of something that was brought: it is nothing to us, is written down, or could not be in time."""

    NOTHING = "nothing"
    KEPT = "kept"
    LATE = "late"


class Chatting:
    """The ear of an installation. `hear` may take a moment: whoever waits for an answer has it in time, or none."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms
        self._late: set[asyncio.Task[None]] = set()

    async def take(self, heard: AnyHeard, seconds: float = PATIENCE) -> Taken:
        """Write down what is asked for, so that it is done whatever happens to this node."""
        if not await asyncio.to_thread(_is_for_us, self._database, self._terms, heard):
            return Taken.NOTHING
        work = asyncio.create_task(asyncio.to_thread(self._database.run, SYSTEM, lambda tx: _keep(tx, heard)))
        done, _ = await asyncio.wait([work], timeout=seconds)
        if done:
            work.result()
            return Taken.KEPT
        self._leave(work)
        return Taken.LATE

    def hear(self, heard: AnyHeard) -> Mapping[str, Any]:
        return hear(self._database, self._terms, heard)

    async def brought(self, kind: str, payload: Mapping[str, Any], answer: Answering) -> None:
        """Take what came through a socket: write it down, answer, and then do it; a form is done first, and answered in
        time. What could not be written down in time is done, and has no answer, so that it is brought again."""
        try:
            heard = slackin.read(kind, payload)
        except slackin.NotUnderstood:
            log.warning("something of the kind %s came through Slack's socket that can't be read", kind)
            heard = None
        taken = Taken.NOTHING if heard is None else await self.take(heard)
        if heard is None or taken is Taken.NOTHING:
            await answer(NOTHING)
        elif isinstance(heard, Sent):
            await answer(await self.in_time(heard, taken))
        else:
            if taken is Taken.KEPT or isinstance(heard, Said):
                await answer(patience() if taken is Taken.LATE else NOTHING)
            await asyncio.to_thread(self.hear, heard)

    @property
    def is_late(self) -> bool:
        """Whether something is still done that nobody waits for any more."""
        return bool(self._late)

    async def in_time(self, sent: Sent, taken: Taken = Taken.KEPT, seconds: float = PATIENCE) -> Mapping[str, Any]:
        """The answer to a form. After so many seconds it closes, and what is wrong with it is said when it is known.
        One that could not be written down in time stays open."""
        work = asyncio.create_task(asyncio.to_thread(self.hear, sent))
        if taken is Taken.LATE:
            self._leave(work)
            return _errors(sent, Refused(AGAIN))
        done, _ = await asyncio.wait([work], timeout=seconds)
        if done:
            return work.result()
        self._leave(self._after_all(work, sent))
        return NOTHING

    def _leave(self, work: Awaitable[Any]) -> None:
        late = asyncio.create_task(_finished(work))
        self._late.add(late)
        late.add_done_callback(self._late.discard)

    async def _after_all(self, work: "asyncio.Task[Mapping[str, Any]]", sent: Sent) -> None:
        await asyncio.to_thread(self._say_after_all, sent, await work)

    def _say_after_all(self, sent: Sent, said: Mapping[str, Any]) -> None:
        if errors := said.get("errors"):
            why = Refused(" ".join(errors.values()))
            self._database.run(SYSTEM, lambda tx: _say_why(tx, sent, why))

    def resume(self, *, begins: bool = False) -> int:
        """Do what a node had written down and did not come to. Whoever does a thing second finds it done."""
        until = self._database.now() - (timedelta(0) if begins else LEFT_FOR)
        with self._database.read(SYSTEM) as tx:
            left = comms.requests(tx, until, LEFT_AT_ONCE)
        for kind, payload in left:
            heard = msgspec.json.decode(payload, type=KINDS[kind])
            said = self.hear(heard)
            if isinstance(heard, Sent):  # nobody has its form before them any more
                self._say_after_all(heard, said)
        return len(left)


async def _finished(work: Awaitable[Any]) -> None:
    try:
        await work
    except Exception:
        log.exception("what Slack brought could not be kept or done")


def patience() -> Mapping[str, Any]:
    """What whoever wrote the command reads at once, when it could not be written down in time."""
    return {"response_type": "ephemeral", "text": LATER}


def _is_for_us(database: Database, terms: Terms, heard: AnyHeard) -> bool:
    """Of what people do in other channels nothing is written down."""
    if isinstance(heard, Marked):
        return heard.emoji in ("", terms.emoji) and _is_ours(database, heard)
    return not isinstance(heard, Edited) or _is_ours(database, heard)


def _keep(tx: Tx, heard: AnyHeard) -> None:
    comms.keep_request(tx, heard.key, type(heard).__name__, msgspec.json.encode(heard).decode())


def hear(database: Database, terms: Terms, heard: AnyHeard) -> Mapping[str, Any]:
    """Do what was asked for. Returns what a form that was sent is answered with: nothing closes it.

    Whatever is wrong is said in words to whoever asked; nothing that Slack brings ends in an error.
    """
    try:
        return _done(database, terms, heard)
    except TocsinError as error:
        return _refused(database, heard, error)
    except Exception:
        log.exception("what Slack brought could not be done")
        return _refused(database, heard, Refused(BROKEN))
    finally:
        _cross_off(database, heard)


def _done(database: Database, terms: Terms, heard: AnyHeard) -> Mapping[str, Any]:
    if isinstance(heard, Pressed) and heard.action in list(Answer):
        database.run(SYSTEM, lambda tx: _answer(tx, heard))
        return NOTHING
    return _as_themselves(database, terms, heard)


def _cross_off(database: Database, heard: AnyHeard) -> None:
    """What came to nothing need not be done again either."""
    with database.read(SYSTEM) as tx:
        is_waiting = comms.is_waiting(tx, heard.key)
    if is_waiting:
        database.run(SYSTEM, lambda tx: comms.done_with(tx, heard.key))


def _answer(tx: Tx, pressed: Pressed) -> None:
    """A button under a page: the message itself says whose it is."""
    comms.done_with(tx, pressed.key)
    answers.answer_message(tx, pressed.value, Answer(pressed.action), slackdm.CHANNEL, address=pressed.user)


def _as_themselves(database: Database, terms: Terms, heard: AnyHeard) -> Mapping[str, Any]:
    if isinstance(heard, Edited):
        database.run(SYSTEM, lambda tx: _once(tx, terms, heard))
        return NOTHING
    if isinstance(heard, Marked) and not _is_for_us(database, terms, heard):
        return NOTHING
    with database.read(SYSTEM) as tx:
        actor = linking.actor_of(tx, heard.user)
        how = followups.link(tx, "/me#contacts")
    if actor is None:
        raise NotLinked(
            f"Nobody in Tocsin is linked to this account, {heard.user}. Add it to your contact methods: {how}"
            f" – or have an administrator say so: tocsin slack account YOU {heard.user}"
        )
    database.run(actor, lambda tx: _once(tx, terms, heard))
    return NOTHING


def _is_ours(database: Database, there: Marked | Edited) -> bool:
    with database.read(SYSTEM) as tx:
        return comms.incident_of(tx, linking.PROVIDER, there.channel) is not None


def _once(tx: Tx, terms: Terms, heard: AnyHeard) -> None:
    comms.done_with(tx, heard.key)
    if not comms.first_time(tx, heard.key):
        return
    match heard:
        case Said():
            own = comms.incident_of(tx, linking.PROVIDER, heard.channel)
            where = chatverbs.Where(own=own, command=terms.command, user=heard.user)
            _reply(tx, heard, chatverbs.run(tx, where, heard.text))
        case Pressed():
            _reply(tx, heard, _press(tx, heard))
        case Chosen():
            _reply(tx, heard, _choose(tx, heard))
        case Sent():
            _reply(tx, heard, chatforms.sent(tx, heard))
        case Marked():
            quoting.mark(tx, heard)
        case Edited():
            quoting.amend(tx, heard)


def _press(tx: Tx, pressed: Pressed) -> chatverbs.Said:
    """A button under the first message of a channel, whose value is the incident; or a choice in a form."""
    if pressed.view:
        return chatforms.for_another(tx, pressed.state, pressed.value) if pressed.action == chatforms.AUDIENCE else ""
    if pressed.action not in PRESSED:
        return ""
    incident = incidents.survivor(tx, incidents.load(tx, pressed.value))
    return PRESSED[pressed.action](tx, pressed, incident)


def _acknowledge(tx: Tx, pressed: Pressed, incident: Incident) -> str:
    after = commands.acknowledge(tx, incident.id, through=chatverbs.THROUGH)
    return f"{followups.in_chat(after)} is acknowledged."


def _lead(tx: Tx, pressed: Pressed, incident: Incident) -> chatverbs.Said:
    plan = plans.load(tx, incident.plan_revision)
    if plan.lead is None:
        raise Refused("The plan has no role that leads.")
    given = chatforms.give(tx, incident, plan.lead, tx.actor.handle, seen="")  # the button says nothing of who leads
    if not isinstance(given, Incident):
        return given
    return f"{followups.in_chat(given)}: you are the {plan.roles[plan.lead].name.lower()}."


def _ask_role(tx: Tx, pressed: Pressed, incident: Incident) -> Part:
    return chatforms.roles(tx, incident, pressed.user)


def _ask_update(tx: Tx, pressed: Pressed, incident: Incident) -> Part:
    return chatforms.update(tx, incident)


def _ask_note(tx: Tx, pressed: Pressed, incident: Incident) -> Part:
    return chatforms.note(tx, incident)


PRESSED: Mapping[str, Callable[[Tx, Pressed, Incident], chatverbs.Said]] = {
    slackreplies.ACKNOWLEDGE: _acknowledge,
    slackreplies.LEAD: _lead,
    slackreplies.ROLES: _ask_role,
    slackreplies.UPDATE: _ask_update,
    slackreplies.NOTE: _ask_note,
}


def _choose(tx: Tx, chosen: Chosen) -> chatverbs.Said:
    """A shortcut: to declare, from a message or without one, or to put a message onto the record."""
    message = chosen.message
    if chosen.shortcut in ("declare", "declare_from"):
        return chatforms.declare(tx, message.text if message else "", message)
    if chosen.shortcut != "keep" or message is None:
        return ""
    own = comms.incident_of(tx, linking.PROVIDER, chosen.channel)
    if own is None:
        return chatforms.keep(tx, message)
    incident = quoting.keep(tx, incidents.survivor(tx, incidents.load(tx, own)), message)
    return f"The message is on the record of {followups.in_chat(incident)}."


# ---- Answering -------------------------------------------------------------------------------------------------------


def _reply(tx: Tx, heard: Heard, said: str | Part) -> None:
    """A form opens at once; a word goes where it was asked for, or else to whoever asked, alone."""
    if not said:
        return
    if isinstance(said, str):
        answer = slackreplies.Answer(text=clip(said, LONGEST), reply_to=heard.reply_to)
    else:
        open_one = heard.view if isinstance(heard, Pressed) else ""
        answer = slackreplies.Answer(trigger=heard.trigger, reply_to=heard.reply_to, form=said, instead_of=open_one)
    outbox.queue(
        tx,
        dedup_key=f"reply to {heard.key}",
        channel=slackreplies.CHANNEL,
        address=heard.user,
        subject="An answer in Slack",
        body=BODY,
        secret=tx.keys.seal(msgspec.json.encode(answer).decode()),
        person=tx.actor.handle,
        audience=outbox.REPLY,
    )


def _refused(database: Database, heard: Heard, error: TocsinError) -> Mapping[str, Any]:
    if isinstance(heard, Sent) and heard.values:
        return _errors(heard, error)
    database.run(SYSTEM, lambda tx: _say_why(tx, heard, error))
    return NOTHING


def _errors(sent: Sent, error: TocsinError) -> Mapping[str, Any]:
    """What is wrong, at the field of the form that it is about."""
    if not sent.values:
        return NOTHING
    named = error.field if isinstance(error, Invalid) else None
    place = named if named in sent.values else next(iter(sent.values))
    return {"response_action": "errors", "errors": {place: error.message}}


def _say_why(tx: Tx, heard: Heard, error: TocsinError) -> None:
    """Say it once; and to somebody whom nobody knows not at each of their emojis, but once a day."""
    key = f"unlinked {heard.user} {tx.now.date()}" if isinstance(heard, Marked) else heard.key
    if heard.user and comms.first_time(tx, key):
        _reply(tx, heard, error.message)
