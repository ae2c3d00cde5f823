"""Answers to what people do in Slack: a word that only they see, a form, a message to them alone.

They leave by the outbox, in a lane of their own: an answer is a row before it is bytes, and no page waits for it. What
each needs besides its words, an address or a trigger, is the message's secret and stands in no log.
"""

from typing import Any, Protocol

import msgspec

from tocsin.delivery import slackviews
from tocsin.delivery.channel import Dead, Delivered, Message, Result, Retry
from tocsin.delivery.chat import Busy, ChatTrouble
from tocsin.delivery.slackviews import Part

CHANNEL = "slack_reply"
ACKNOWLEDGE, LEAD, ROLES, UPDATE, NOTE = ("room_acknowledge", "room_lead", "room_roles", "room_update", "room_note")
TOO_LATE = "The form came too late, or Slack did not take it. Try again."
ATTEMPTS_MOST = 6


class Answers(Protocol):
    """What a workspace must be able to do for this; each call raises `ChatTrouble` and nothing else."""

    async def reply(self, address: str, text: str) -> None: ...

    async def open_form(self, trigger: str, view: dict[str, Any]) -> None: ...

    async def change_form(self, form: str, view: dict[str, Any]) -> None: ...

    async def tell(self, account: str, text: str, blocks: str) -> str: ...


class Answer(msgspec.Struct, omit_defaults=True):
    """What is answered: without a `form`, a word. `reply_to` is where it is said that a form failed, and `instead_of`
    the form that stands open, in whose place this one is put.
    """

    text: str = ""
    trigger: str = ""
    reply_to: str = ""
    form: dict[str, Any] | None = None
    instead_of: str = ""


def buttons(incident_id: str, link: str) -> Part:
    """What can be done with a press, under the first message of an incident's channel."""
    return slackviews.actions(
        "room",
        [
            slackviews.button("Acknowledge", ACKNOWLEDGE, incident_id, primary=True),
            slackviews.button("I lead", LEAD, incident_id),
            slackviews.button("Roles", ROLES, incident_id),
            slackviews.button("Update", UPDATE, incident_id),
            slackviews.button("Note", NOTE, incident_id),
            slackviews.button("Open the room", "room_link", incident_id, url=link),
        ],
    )


class SlackReplies:
    def __init__(self, workspace: Answers) -> None:
        self._workspace = workspace

    async def send(self, message: Message) -> Result:
        answer = msgspec.json.decode(message.secret or "{}", type=Answer)
        try:
            if answer.form is not None:
                return await self._open(message, answer)
            if answer.reply_to:
                await self._workspace.reply(answer.reply_to, answer.text)
            else:
                await self._workspace.tell(message.address, answer.text, "")
        except Busy as busy:
            if message.attempts >= ATTEMPTS_MOST:  # half an hour later nobody waits for an answer
                return Dead(busy.reason)
            return Retry(busy.reason, busy.after, down=busy.down)
        except ChatTrouble as never:
            return Dead(never.reason)
        return Delivered(provider="slack")

    async def _open(self, message: Message, answer: Answer) -> Result:
        """A trigger works once and for three seconds: what fails is not tried again, but said."""
        try:
            if answer.instead_of:
                await self._workspace.change_form(answer.instead_of, answer.form or {})
            else:
                await self._workspace.open_form(answer.trigger, answer.form or {})
        except ChatTrouble as trouble:
            if answer.reply_to:
                await self._workspace.reply(answer.reply_to, TOO_LATE)
            elif not answer.instead_of:
                await self._workspace.tell(message.address, TOO_LATE, "")
            return Dead(trouble.reason)
        return Delivered(provider="slack")
