"""The links by which a subscriber does something without an account, each good for one thing. Pure.

What such a link allows follows from the installation's key and is stored nowhere; when a subscriber is erased, all of
theirs are good for nothing.
"""

import hashlib
import hmac
import re
from base64 import b32encode
from datetime import datetime
from enum import StrEnum

from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import NotFound

PATH = "/status/subscribe"
PREFIX = "sub"
_ID = re.compile(r"sub_[2-9A-HJKMNP-TV-Z]{12}")
_BOUNCE = re.compile(r"\+b-([2-9a-hjkmnp-tv-z]{12})-([a-z2-7]{24})@", re.IGNORECASE)


class Purpose(StrEnum):
    CONFIRM = "confirm"
    LEAVE = "leave"
    MANAGE = "manage"
    BOUNCE = "bounce"


class NotALink(NotFound):
    """This link can't be read, or what it named is gone. Subscribe again if you still want to."""


class TooLate(NotFound):
    """This link was good for a day, and that is over. Subscribe again, and you are sent a new one."""


def token(key: bytes, purpose: Purpose, subscriber_id: str) -> str:
    return f"{subscriber_id}.{_seal(key, purpose, subscriber_id)}"


def confirming(key: bytes, subscriber_id: str, until: datetime) -> str:
    about = f"{subscriber_id}.{to_millis(until)}"
    return f"{about}.{_seal(key, Purpose.CONFIRM, about)}"


def read(key: bytes, purpose: Purpose, given: str) -> str:
    """Whose link it is. Raises NotALink for one that is good for something else, or for nothing."""
    subscriber_id, _, seal = given.partition(".")
    if not _ID.fullmatch(subscriber_id) or not _is(seal, _seal(key, purpose, subscriber_id)):
        raise NotALink
    return subscriber_id


def read_confirming(key: bytes, given: str, now: datetime) -> str:
    """Who is to be confirmed. Raises NotALink, TooLate."""
    about, _, seal = given.rpartition(".")
    subscriber_id, _, until = about.partition(".")
    if not _ID.fullmatch(subscriber_id) or not _is(seal, _seal(key, Purpose.CONFIRM, about)):
        raise NotALink
    if now >= from_millis(int(until)):
        raise TooLate
    return subscriber_id


def bounce_address(key: bytes, reply_to: str, subscriber_id: str) -> str:
    """Where a mail server reports that a mail to this subscriber did not arrive. Case is not to be relied on."""
    local, _, domain = reply_to.rpartition("@")
    mark = subscriber_id.removeprefix(f"{PREFIX}_").lower()
    return f"{local}+b-{mark}-{_seal(key, Purpose.BOUNCE, subscriber_id)}@{domain}"


def bounced(key: bytes, address: str) -> str | None:
    """Whose address of this kind it is; None if it is none. Raises NotALink for one that we did not make."""
    found = _BOUNCE.search(address)
    if found is None:
        return None
    return read(key, Purpose.BOUNCE, f"{PREFIX}_{found[1].upper()}.{found[2].lower()}")


def is_bounce_address(address: str) -> bool:
    return _BOUNCE.search(address) is not None


def _seal(key: bytes, purpose: Purpose, about: str) -> str:
    digest = hmac.new(key, f"subscriber {purpose} {about}".encode(), hashlib.sha256).digest()
    return b32encode(digest[:15]).decode().lower()


def _is(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
