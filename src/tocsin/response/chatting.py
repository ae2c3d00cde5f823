"""What is done about what a chat brings, by whichever way it came: a signed request, or a socket.

Whoever acts is the account here to which theirs there is linked, with the rights of that account. What they asked for,
that it was asked, and the answer are one unit of work: what is brought twice is done once, on whichever node. The
answer leaves by the outbox, in a lane of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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
LONGEST = 10_000  # letters of an answer
PATIENCE = 2.0  # seconds for which a form waits: Slack's three, less the way
Answering = Callable[[Mapping[str, Any]], Awaitable[None]]
NOTHING: Mapping[str, Any] = {}


class NotLinked(Refused):
    """Nobody here is known by this account."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the settings say: how the command is called, and with which emoji a message is put onto the record."""

    command: str
    emoji: str


class Chatting:
    """The ear of an installation. `hear` may take a moment: whoever waits for an answer has it in time, or none."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms
        self._late: set[asyncio.Task[None]] = set()

    def hear(self, heard: AnyHeard) -> Mapping[str, Any]:
        return hear(self._database, self._terms, heard)

    async def brought(self, kind: str, payload: Mapping[str, Any], answer: Answering) -> None:
        """Take what came through a socket: answer, and then do it; a form is done first, and answered in time."""
        try:
            heard = slackin.read(kind, payload)
        except slackin.NotUnderstood:
            log.warning("something of the kind %s came through Slack's socket that can't be read", kind)
            heard = None
        if isinstance(heard, Sent):
            await answer(await self.in_time(heard))
            return
        await answer(NOTHING)
        if heard is not None:
            await asyncio.to_thread(self.hear, heard)

    @property
    def is_late(self) -> bool:
        """Whether something is still done about a form that was closed meanwhile."""
        return bool(self._late)

    async def in_time(self, sent: Sent, seconds: float = PATIENCE) -> Mapping[str, Any]:
        """The answer to a form. After so many seconds it closes, and what is wrong with it is said when it is known."""
        work = asyncio.create_task(asyncio.to_thread(self.hear, sent))
        done, _ = await asyncio.wait([work], timeout=seconds)
        if done:
            return work.result()
        late = asyncio.create_task(self._after_all(work, sent))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return NOTHING

    async def _after_all(self, work: "asyncio.Task[Mapping[str, Any]]", sent: Sent) -> None:
        if errors := (await work).get("errors"):
            why = Refused(" ".join(errors.values()))
            await asyncio.to_thread(self._database.run, SYSTEM, lambda tx: _say_why(tx, sent, why))


def hear(database: Database, terms: Terms, heard: AnyHeard) -> Mapping[str, Any]:
    """Do what was asked for. Returns what a form that was sent is answered with: nothing closes it.

    Whatever is wrong is said in words to whoever asked; nothing that Slack brings ends in an error.
    """
    try:
        if isinstance(heard, Pressed) and heard.action in list(Answer):
            database.run(SYSTEM, lambda tx: _answer(tx, heard))
            return NOTHING
        return _as_themselves(database, terms, heard)
    except TocsinError as error:
        return _refused(database, heard, error)
    except Exception:
        log.exception("what Slack brought could not be done")
        return _refused(database, heard, Refused(BROKEN))


def _answer(tx: Tx, pressed: Pressed) -> None:
    """A button under a page: the message itself says whose it is."""
    answers.answer_message(tx, pressed.value, Answer(pressed.action), slackdm.CHANNEL, address=pressed.user)


def _as_themselves(database: Database, terms: Terms, heard: AnyHeard) -> Mapping[str, Any]:
    if isinstance(heard, Edited):
        database.run(SYSTEM, lambda tx: _once(tx, terms, heard))
        return NOTHING
    if isinstance(heard, Marked) and ((heard.emoji and heard.emoji != terms.emoji) or not _is_ours(database, heard)):
        return NOTHING  # of what people do in other channels nothing is written down
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


def _is_ours(database: Database, marked: Marked) -> bool:
    with database.read(SYSTEM) as tx:
        return comms.incident_of(tx, linking.PROVIDER, marked.channel) is not None


def _once(tx: Tx, terms: Terms, heard: AnyHeard) -> None:
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


def _lead(tx: Tx, pressed: Pressed, incident: Incident) -> str:
    plan = plans.load(tx, incident.plan_revision)
    if plan.lead is None:
        raise Refused("The plan has no role that leads.")
    after = commands.assign(tx, incident.id, plan.lead, tx.actor.handle)
    return f"{followups.in_chat(after)}: you are the {plan.roles[plan.lead].name.lower()}."


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
        secret=msgspec.json.encode(answer).decode(),
        person=tx.actor.handle,
        audience=outbox.REPLY,
    )


def _refused(database: Database, heard: Heard, error: TocsinError) -> Mapping[str, Any]:
    if isinstance(heard, Sent) and heard.values:
        named = error.field if isinstance(error, Invalid) else None
        place = named if named in heard.values else next(iter(heard.values))
        return {"response_action": "errors", "errors": {place: error.message}}
    database.run(SYSTEM, lambda tx: _say_why(tx, heard, error))
    return NOTHING


def _say_why(tx: Tx, heard: Heard, error: TocsinError) -> None:
    """Say it once; and to somebody whom nobody knows not at each of their emojis, but once a day."""
    key = f"unlinked {heard.user} {tx.now.date()}" if isinstance(heard, Marked) else heard.key
    if heard.user and comms.first_time(tx, key):
        _reply(tx, heard, error.message)
