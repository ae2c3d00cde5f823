"""A message to a subscriber as it leaves: the words of what is announced, with the links that are theirs alone. Pure.

Ten thousand mails differ in their links and in nothing else, so the words are set once, with a mark where each link's
secret goes.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from tocsin.comms.language import LANGUAGES
from tocsin.comms.subscribers import links, words
from tocsin.comms.subscribers.announcing import Announcement
from tocsin.comms.subscribers.links import PATH, Purpose
from tocsin.comms.subscribers.model import CONFIRM_WITHIN, Note, Subscriber
from tocsin.comms.subscribers.words import Links, Said
from tocsin.kit.text import harmless
from tocsin.plan.model import Way

LEAVE_MARK, MANAGE_MARK, CONFIRM_MARK = "\ue000", "\ue001", "\ue002"  # letters of nobody's language
_UNMARKED = str.maketrans("", "", LEAVE_MARK + MANAGE_MARK + CONFIRM_MARK)
TYPES = {
    Note.TOLD: "status.{kind}",
    Note.CONFIRM: "subscription.confirm",
    Note.ALREADY: "subscription.exists",
    Note.LISTED: "subscription.entered",
}


@dataclass(frozen=True, kw_only=True)
class House:
    """What every message says of the installation: the page's name, address and language, and the key of its links.
    `base` is where its forms are, and `page` where the public reads the page, if that is elsewhere."""

    name: str
    base: str
    key: bytes
    page: str = ""
    language: str = "en"

    def speaks(self, one: Subscriber) -> str:
        """The language of what they are sent: theirs, or that of the page."""
        return one.language if one.language in LANGUAGES else self.language


@dataclass(frozen=True, kw_only=True)
class Tokens:
    leave: str
    manage: str
    confirm: str

    def by_mark(self) -> dict[str, str]:
        return {LEAVE_MARK: self.leave, MANAGE_MARK: self.manage, CONFIRM_MARK: self.confirm}


MARKS = Tokens(leave=LEAVE_MARK, manage=MANAGE_MARK, confirm=CONFIRM_MARK)


def tokens(house: House, subscriber_id: str, asked_at: datetime) -> Tokens:
    return Tokens(
        leave=links.token(house.key, Purpose.LEAVE, subscriber_id),
        manage=links.token(house.key, Purpose.MANAGE, subscriber_id),
        confirm=links.confirming(house.key, subscriber_id, asked_at + CONFIRM_WITHIN),
    )


def said(house: House, note: Note, told: Announcement | None, consent: str = "", language: str = "") -> Said:
    """`language` is the reader's, where it is not that of the page."""
    language = language or house.language
    about = words.announced(told, house.name, language) if told else None
    found = about or words.about_itself(note, house.name, consent, language)
    return replace(
        found,
        subject=harmless(" ".join(found.subject.translate(_UNMARKED).split())),
        text=harmless(found.text.translate(_UNMARKED)),
        affects=harmless(found.affects.translate(_UNMARKED)),
        name=found.name.translate(_UNMARKED),
    )


def links_of(house: House, note: Note, told: Announcement | None, own: Tokens, language: str = "") -> Links:
    """The links that a message offers: before somebody said yes, there is nothing to change and nothing to leave."""
    if note is Note.CONFIRM:
        return Links(confirm=f"{house.base}{PATH}/confirm/{own.confirm}")
    return Links(
        read=f"{house.page or f'{house.base}/status'}{_in(told.path, house, language)}" if told else "",
        manage=f"{house.base}{PATH}/manage/{own.manage}",
        leave=leave_link(house, own.leave),
    )


def _in(path: str, house: House, language: str) -> str:
    """What follows the address of the status page; in the language of the house it is shorter."""
    below = path.removeprefix("/status")
    return below if language in ("", house.language) else f"/{language}{below}"


def leave_link(house: House, token: str) -> str:
    return f"{house.base}{PATH}/leave/{token}"


def chat_text(way: Way, what: Said, there: Links) -> str:
    """The text for a chat or a browser. A card has its links as buttons, and a push leads where its only link does."""
    if way is Way.TEAMS:
        return "\n\n".join([what.subject, *words.blocks(what), *([words.why(what)] if there.leave else [])])
    if way is Way.PUSH:
        return "\n\n".join([what.subject, *words.blocks(what), there.confirm or there.read or there.manage])
    below = words.small_print(what, there)
    return f"{what.subject}\n\n{words.plain(what, there)}" + (f"\n{below}\n" if below else "")


def hook_body(note: Note, told: Announcement | None, what: Said, there: Links, at: datetime, key: str) -> str:
    """What a webhook receives: everything that a mail says, each in a field of its own."""
    about: dict[str, object] = {"subject": what.subject, "text": what.text}
    if told:
        about |= {"id": told.id, "name": told.name, "stage": told.stage, "affects": list(told.parts)}
        about |= {"corrects": told.corrects} if told.corrects else {}
    about |= {name: link for name, link in _named(there).items() if link}
    kind = TYPES[note].format(kind=told.kind if told else "")
    return msgspec.json.encode({"type": kind, "id": key, "timestamp": at, "data": about}).decode()


def _named(there: Links) -> dict[str, str]:
    return {"link": there.read, "confirm": there.confirm, "manage": there.manage, "unsubscribe": there.leave}
