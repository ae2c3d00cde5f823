"""Mail that becomes signals: at which addresses, and what is done with what arrives there."""

import hmac
from urllib.parse import urlsplit

import msgspec

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery.email import OURS
from tocsin.kit.errors import NotFound, Refused
from tocsin.people import access
from tocsin.signals import mailing
from tocsin.signals import store as signals
from tocsin.signals.mailing import Mail
from tocsin.signals.model import State


class NoSource(NotFound):
    """No source of mail has this address; `tocsin mail-in address` prints those that are good."""


class NoMailIn(Refused):
    """Set TOCSIN_MAIL_REPLY_TO to the address whose mail the mail server hands to `tocsin mail-in`."""


def address(tx: Tx, reply_to: str, name: str, *, replace: bool = False) -> str:
    """The address of a source of mail, if asked for in the place of the one before, which is then good for nothing."""
    access.require(tx.actor, access.PLAN_WRITE)
    if not reply_to:
        raise NoMailIn
    if not mailing.NAME.fullmatch(name):
        raise mailing.BadName
    turns = _turns(tx)
    if replace:
        turns[name] = turns.get(name, 0) + 1
        kept.write(tx, kept.MAIL_TURNS, msgspec.json.encode(turns).decode())
        audit.record(tx, Deed.SETTING_CHANGED, kept.MAIL_TURNS, f"another address for the mail of {name}")
    return mailing.address(reply_to, name, mailing.secret(kept.signing_key(tx), name, turns.get(name, 0)))


def take(tx: Tx, name: str, secret: str, mail: Mail) -> str:
    """Take in what arrived at an address. Once this unit of work is committed, the mail may be forgotten. Returns what
    became of it."""
    own = mailing.secret(kept.signing_key(tx), name, _turns(tx).get(name, 0))
    if not hmac.compare_digest(own.encode(), secret.encode()):
        raise NoSource
    why = "It is a mail of our own" if _is_ours(tx, mail) else mailing.left_alone(mail)
    if why:
        return f"{why}, and is left alone."
    arrival, envelope = signals.kept(mailing.arrival(name, mail))
    signals.accept(tx, [envelope])
    over = {State.RESOLVED: "It is over: ", State.ACKNOWLEDGED: "Acknowledged elsewhere: "}
    return f"{over.get(arrival.state, 'Kept as a signal: ')}{arrival.title}"


def _is_ours(tx: Tx, mail: Mail) -> bool:
    """Whether this installation sent it itself: a page about a page would never end."""
    host = urlsplit(kept.read(tx, kept.BASE_URL) or "").hostname or "localhost"
    return mail.first(OURS.lower()).lower() == host


def _turns(tx: Tx) -> dict[str, int]:
    return msgspec.json.decode(kept.read(tx, kept.MAIL_TURNS) or "{}", type=dict[str, int])
