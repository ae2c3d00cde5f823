"""Who subscribed to the status page, and to which parts of it. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.comms.language import LANGUAGES
from tocsin.kit.errors import Invalid
from tocsin.kit.text import listed
from tocsin.plan.model import Plan, Way

ADDRESS_MOST = 254  # of a mail; RFC 5321
LOCAL_MOST = 64
FAILURES_MOST = 3  # final refusals within so long, and nothing is sent there any more
FAILURES_WITHIN = timedelta(days=30)
CONFIRM_WITHIN = timedelta(hours=24)
ASKED_MOST = 3  # mails within a day that somebody who only types an address can cause
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+")


class State(StrEnum):
    UNCONFIRMED = "unconfirmed"  # asked for, and nobody there has said yes
    ACTIVE = "active"
    OFF = "off"  # what was sent there came back, or an administrator turned it off


class Note(StrEnum):
    """What a message to a subscriber is."""

    CONFIRM = "confirm"
    ALREADY = "already"
    LISTED = "listed"  # somebody entered them from a list
    TOLD = "told"  # an announcement


class NotAnAddress(Invalid):
    """This is not an address to which mail can be sent."""


class NoSuchPart(Invalid):
    """The status page has no such service or component."""


class NoSuchLanguage(Invalid):
    """The status page does not speak this language."""


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """`address` is shown, `secret` is what else is needed to write there, sealed. `parts` are the services and
    components of which they want to hear, as `rose` and `rose/voice`; none: of everything. `language` is the one that
    they read; none: that of the page. `consent` is on what ground somebody else entered them."""

    id: str
    way: Way
    address: str
    secret: str | None = None
    parts: tuple[str, ...] = ()
    language: str = ""
    state: State = State.UNCONFIRMED
    made_at: datetime
    made_by: str
    consent: str = ""
    confirmed_at: datetime | None = None
    asked_at: datetime | None = None  # when the first of the last day's requests came
    asked: int = 0
    failures: int = 0
    failed_at: datetime | None = None
    last_error: str = ""
    off_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.state is State.ACTIVE


# ---- Addresses ----


def checked_mail(typed: str) -> str:
    """The address as mail is sent to it. Raises NotAnAddress."""
    local, at, host = typed.strip().rpartition("@")
    try:
        domain = host.lower().encode("idna").decode() if host else ""
    except UnicodeError:
        raise NotAnAddress(field="address") from None
    address = f"{local}@{domain}"
    if not at or len(address) > ADDRESS_MOST or len(local) > LOCAL_MOST:
        raise NotAnAddress(field="address")
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise NotAnAddress(field="address")
    return address


def masked(address: str) -> str:
    """A mail address as a page shows it that a passer-by may see: `a…@example.org`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if at else address


# ---- Parts ----


def parts_of(plan: Plan) -> dict[str, str]:
    """Everything that a subscriber may choose, by its key, under the name that the page has for it."""
    found = {}
    for key, service in plan.services.items():
        found[key] = service.name
        found.update({f"{key}/{part}": one.name for part, one in service.components.items()})
    return found


def checked_parts(plan: Plan, chosen: Iterable[str]) -> tuple[str, ...]:
    """The choice in the plan's order; a component is left out beside its whole service. Raises NoSuchPart."""
    wanted, known = set(chosen), parts_of(plan)
    if unknown := sorted(wanted - set(known)):
        raise NoSuchPart(f"The status page has nothing called '{unknown[0][:60]}'.", field="parts")
    kept = (one for one in known if one in wanted)
    return tuple(one for one in kept if "/" not in one or one.partition("/")[0] not in wanted)


def checked_language(code: str) -> str:
    """A language of the page; none is that in which the page speaks to everybody. Raises NoSuchLanguage."""
    if code and code not in LANGUAGES:
        raise NoSuchLanguage(f"The status page speaks {listed(LANGUAGES)}.", field="language")
    return code


def concerns(subscriber: Subscriber, touched: Collection[str], known: Collection[str]) -> bool:
    """Whether they want to hear of what touches these parts. What touches nothing in particular concerns everybody; and
    whoever chose only what the plan has no more hears of everything, rather than of nothing."""
    chosen = [one for one in subscriber.parts if one in known]
    return not chosen or not touched or any(_meets(one, touched) for one in chosen)


def _meets(chosen: str, touched: Collection[str]) -> bool:
    return chosen in touched or any(one.startswith(f"{chosen}/") for one in touched)


# ---- Failures ----


class Refusal(StrEnum):
    """What a final refusal says of the address."""

    GONE = "gone"  # there is nobody there
    FINAL = "final"  # this one will not be taken, and maybe the next will
    OURS = "ours"  # it says something of us and nothing of the address


_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_NOBODY = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}  # RFC 3463: bad mailbox, bad system, moved, null MX; disabled


def refusal(reason: str) -> Refusal:
    """Read what a mail server said. Policy and security, 5.7, are about whoever sends; and so is 5.5, the protocol."""
    found = _STATUS.search(reason)
    if found is None:
        return Refusal.FINAL
    subject, detail = found[2], found[3]
    if subject in ("5", "7"):
        return Refusal.OURS
    return Refusal.GONE if f"{subject}.{detail}" in _NOBODY else Refusal.FINAL


@dataclass(frozen=True)
class Failed:
    """How many final refusals there are now, and whether nothing is sent there any more."""

    failures: int
    is_off: bool


def failed(subscriber: Subscriber, kind: Refusal, now: datetime) -> Failed:
    if kind is Refusal.OURS:
        return Failed(subscriber.failures, is_off=False)
    is_old = subscriber.failed_at is None or now - subscriber.failed_at > FAILURES_WITHIN
    failures = 1 if is_old else subscriber.failures + 1
    return Failed(failures, is_off=kind is Refusal.GONE or failures >= FAILURES_MOST)


def may_ask(subscriber: Subscriber, now: datetime) -> bool:
    """Whether one more message may go there at the word of somebody who only typed the address."""
    return _asks_are_old(subscriber, now) or subscriber.asked < ASKED_MOST


def asked(subscriber: Subscriber, now: datetime) -> tuple[datetime, int]:
    """Since when it is counted and how often it was asked, with this time."""
    if _asks_are_old(subscriber, now):
        return now, 1
    return subscriber.asked_at or now, subscriber.asked + 1


def _asks_are_old(subscriber: Subscriber, now: datetime) -> bool:
    return subscriber.asked_at is None or now - subscriber.asked_at >= timedelta(days=1)
