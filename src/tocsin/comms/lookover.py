"""What there is to say about an update before anybody reads it: what is left empty, words of the trade, what the
audience read before, and how it stands in each way that it takes. Pure.

All of it is advice. Whoever writes decides.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tocsin.comms import updates
from tocsin.comms.rooms import LONGEST_POST
from tocsin.incidents import approving
from tocsin.incidents.approving import Standing
from tocsin.incidents.model import Numbered
from tocsin.kit.text import clip, listed
from tocsin.plan import jargon as trade
from tocsin.plan.jargon import Jargon
from tocsin.plan.model import Audience, Plan

CALLED = {
    "impact": "the impact",
    "actions": "what was done",
    "next": "what comes next",
    "eta": "ETA",
    "issue": "what is wrong",
    "cause": "the cause",
    "message": "the message",
    "explanation": "the explanation",
    "prevention": "the prevention",
}
DISCORD_MOST = 2000
_GSM = re.compile(
    "[A-Za-z0-9 \\n\\r@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,\\-./:;<=>?¡ÄÖÑÜ§¿äöñüà]|[\\^{}\\\\\\[~\\]|€]"
)
_DOUBLE = re.compile("[\\^{}\\\\\\[~\\]|€]")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An update in one of its ways: as a mail, on the status page, in the chat, as a text message."""

    way: str
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is to be said about an update. `empty` are fields that may stay so; `before` is what was told last."""

    empty: tuple[str, ...]
    jargon: tuple[Jargon, ...]
    before: Standing | None

    @property
    def hints(self) -> tuple[str, ...]:
        return hints(self.empty, self.jargon)


def hints(empty: Iterable[str], jargon: Iterable[Jargon]) -> tuple[str, ...]:
    """What to think of before anybody reads it, each in a sentence."""
    missing = [f"{CALLED[field][0].upper()}{CALLED[field][1:]} is empty." for field in empty]
    return (*missing, *(f"“{word}” is a word of the trade; the plan says “{plainly}”." for word, plainly in jargon))


def look(
    plan: Plan, audience: str, asked: Iterable[str], typed: Mapping[str, str], entries: Iterable[Numbered]
) -> Look:
    """`asked` are the fields that the template asks for."""
    told = plan.communication.audiences[audience]
    given = {field: text for field, text in typed.items() if text.strip()}
    empty = tuple(field for field in asked if field not in given)
    return Look(empty=empty, jargon=said_plainly(plan, told, given.values()), before=last(entries, audience))


def said_plainly(plan: Plan, audience: Audience, texts: Iterable[str]) -> tuple[Jargon, ...]:
    """The words of the trade in what was typed for an audience; none for those who work in it."""
    if not (audience.public or audience.plain):
        return ()
    return tuple(trade.found_in("\n".join(texts), plan.communication.plain_words))


def last(entries: Iterable[Numbered], audience: str) -> Standing | None:
    """What this audience was told last, as it holds now."""
    told = [one for one in approving.standing(entries).values() if one.told.audience == audience]
    return told[-1] if told else None


def shapes(plan: Plan, audience: str, text: str, mail: tuple[str, str], title: str) -> tuple[Shape, ...]:
    """The ways that an update to this audience takes. `mail` is its subject and its body; `title` stands above it in
    what subscribers are sent and in the chats that the plan names; without one, neither is told."""
    told, chat = plan.communication.audiences[audience], plan.communication.channels.chat
    found = []
    if told.public:
        found.append(Shape(way="Status page", text=text))
    if told.public and title and plan.communication.subscribe_by:
        found.append(Shape(way="Subscribers", text=f"{title}\n\n{text}", note="With what it affects, and links."))
    if told.to:
        found.append(Shape(way="Mail", text=f"{mail[0]}\n\n{mail[1].strip()}"))
    if chat is not None and audience in chat.audiences:
        note = f"It is cut after {LONGEST_POST} letters." if len(text) > LONGEST_POST else ""
        found.append(Shape(way="Chat", text=clip(text, LONGEST_POST), note=note))
    if told.chats and title:
        posted = f"{title}\n\n{text}"
        note = f"A Discord cuts it after {DISCORD_MOST:,} letters." if len(posted) > DISCORD_MOST else ""
        found.append(Shape(way=f"Chat of {listed(told.chats)}", text=posted, note=note))
    found.append(Shape(way="Text message", text=text, note=text_message(text)))
    return tuple(found)


def text_message(text: str) -> str:
    """How long it would be as a text message: its letters as the networks count them, and its parts."""
    if all(map(_GSM.fullmatch, text)):
        length, single, part = len(text) + len(_DOUBLE.findall(text)), 160, 153
    else:
        length, single, part = len(text.encode("utf-16-le")) // 2, 70, 67
    parts = 1 if length <= single else -(-length // part)
    return f"{length} of {single} letters" if parts == 1 else f"{length} letters, {parts} parts"


def asked_for(plan: Plan, audience: str, composed: updates.Composed) -> list[str]:
    """The fields that the template of this update asks for."""
    stage = None if composed.notice else composed.stage
    return updates.fields_needed(plan, audience, stage, notice=composed.notice)
