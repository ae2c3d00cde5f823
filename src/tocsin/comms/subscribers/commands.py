"""Subscribing to the status page, and what follows of it: by the subscriber's own link, or by an administrator."""

from datetime import datetime

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.comms.subscribers import links, outbox, places, store
from tocsin.comms.subscribers.bounces import Bounce
from tocsin.comms.subscribers.links import Purpose
from tocsin.comms.subscribers.model import (
    Note,
    Refusal,
    State,
    Subscriber,
    asked,
    checked_language,
    checked_parts,
    failed,
    may_ask,
)
from tocsin.comms.subscribers.places import Place
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import Invalid, Overloaded, Refused
from tocsin.kit.ids import new_id
from tocsin.kit.text import clip
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Way

THEMSELVES = "the subscriber"
UNCONFIRMED_MOST = 20_000  # that wait for a yes; beyond it somebody types addresses by machine
CONSENT_MOST = 300


class NotOffered(Invalid):
    """The plan does not offer this way to subscribe."""


class TooManyWait(Overloaded):
    """Very many ask for updates now. Come back in a while; the feed needs no subscription."""


class NoConsent(Invalid):
    """Say on what ground these people are entered, in a sentence that they will read."""


class AlreadyOff(Refused):
    """Nothing is sent there already."""


class NotOff(Refused):
    """This subscriber is not turned off."""


# ---- By whoever wants to be told ----


def ask(tx: Tx, way: Way, typed: str, parts: tuple[str, ...], *, language: str = "", anywhere: bool = False) -> None:
    """Somebody wants to be told at an address: whoever reads there is asked whether that is so.

    What comes of it is the same whether the address is known or not, so that nobody learns who is subscribed.
    """
    plan = plans.current(tx)
    if way not in plan.communication.subscribe_by:
        raise NotOffered(field="way")
    place = places.read(way, typed, anywhere=anywhere)
    chosen, spoken = checked_parts(plan, parts), checked_language(language)
    found = store.at_place(tx, store.place_of(way, place.where))
    if found is None:
        if store.unconfirmed(tx) >= UNCONFIRMED_MOST:
            raise TooManyWait
        found = _added(tx, way, place, chosen, spoken, THEMSELVES)
    elif found.state is State.UNCONFIRMED and (chosen, spoken) != (found.parts, found.language):
        store.put(tx, found.id, parts=list(chosen), language=spoken)
    _ask_there(tx, found)


def _added(tx: Tx, way: Way, place: Place, parts: tuple[str, ...], language: str, by: str) -> Subscriber:
    one = Subscriber(
        id=new_id(links.PREFIX, 12),
        way=way,
        address=place.address,
        secret=tx.keys.seal(place.secret) if place.secret is not None else None,
        parts=parts,
        language=language,
        made_at=tx.now,
        made_by=by,
    )
    store.add(tx, one, store.place_of(way, place.where))
    return one


def _ask_there(tx: Tx, one: Subscriber) -> None:
    if not may_ask(one, tx.now):
        return
    since, times = asked(one, tx.now)
    store.put(tx, one.id, asked_at=since, asked=times)
    note = Note.ALREADY if one.is_active else Note.CONFIRM
    outbox.notify(tx, one, note, f"{to_millis(since)}-{times}")


def confirm(tx: Tx, token: str) -> Subscriber:
    """Whoever reads at an address says yes. Raises NotALink, TooLate."""
    one = _theirs(tx, links.read_confirming(kept.signing_key(tx), token, tx.now))
    if not one.is_active:
        values = {"state": State.ACTIVE, "confirmed_at": tx.now, "failures": 0, "failed_at": None, "off_at": None}
        store.put(tx, one.id, **values, last_error="")
        store.note(tx, one.id, "confirmed", THEMSELVES)
    return one


def choose(tx: Tx, token: str, parts: tuple[str, ...], language: str | None = None) -> None:
    """Change of what they are told, and in which language; without one, that stays."""
    one = _theirs(tx, links.read(kept.signing_key(tx), Purpose.MANAGE, token))
    chosen = checked_parts(plans.current(tx), parts)
    spoken = one.language if language is None else checked_language(language)
    if (chosen, spoken) != (one.parts, one.language):
        store.put(tx, one.id, parts=list(chosen), language=spoken)
        store.note(tx, one.id, "chose", THEMSELVES)


def leave(tx: Tx, token: str) -> None:
    """Unsubscribe: nothing of them is kept but that somebody left. Twice is as good as once."""
    _erase(tx, links.read(kept.signing_key(tx), Purpose.LEAVE, token), "left", THEMSELVES)


def to_confirm(tx: Tx, token: str) -> Subscriber:
    """Whom this link would confirm. Raises NotALink, TooLate."""
    return _theirs(tx, links.read_confirming(_key(tx), token, tx.now))


def own(tx: Tx, token: str) -> Subscriber:
    """Whose page this link opens. Raises NotALink."""
    return _theirs(tx, links.read(_key(tx), Purpose.MANAGE, token))


def leaving(tx: Tx, token: str) -> Subscriber | None:
    """Who would leave by this link; None if they have left. Raises NotALink."""
    try:
        return store.load(tx, links.read(_key(tx), Purpose.LEAVE, token))
    except store.NoSuchSubscriber:
        return None


def _key(tx: Tx) -> bytes:
    """The key of the links, for whoever only reads."""
    return kept.signing_key(tx) if kept.read(tx, kept.SIGNING_KEY) else b""


def export_own(tx: Tx, token: str) -> dict[str, object]:
    """Everything that is kept about them, by the link of their own page."""
    one = _theirs(tx, links.read(kept.signing_key(tx), Purpose.MANAGE, token))
    store.note(tx, one.id, "exported", THEMSELVES)
    return everything(tx, one)


def _theirs(tx: Tx, subscriber_id: str) -> Subscriber:
    try:
        return store.load(tx, subscriber_id)
    except store.NoSuchSubscriber:
        raise links.NotALink from None


def _erase(tx: Tx, subscriber_id: str, what: str, by: str) -> bool:
    gone = store.remove(tx, subscriber_id)
    outbox.drop(tx, subscriber_id)
    if gone:
        store.note(tx, subscriber_id, what, by)
    return gone


# ---- By administrators ----


def erase(tx: Tx, subscriber_id: str) -> None:
    access.require(tx.actor, access.PEOPLE_WRITE)
    if not _erase(tx, subscriber_id, "erased", tx.actor.handle):
        raise store.NoSuchSubscriber
    audit.record(tx, Deed.SUBSCRIBER_ERASED, subscriber_id)


def turn_off(tx: Tx, subscriber_id: str, why: str) -> None:
    """Send nothing there any more, whatever they asked for."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    one = store.load(tx, subscriber_id)
    if one.state is State.OFF:
        raise AlreadyOff
    _off(tx, one, clip(" ".join(why.split()), CONSENT_MOST) or "turned off by hand")
    store.note(tx, one.id, "turned off", tx.actor.handle, why)
    audit.record(tx, Deed.SUBSCRIBER_TURNED, one.id, "off")


def turn_on(tx: Tx, subscriber_id: str) -> None:
    """Send there again. Whoever never said yes is asked, and not simply told."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    one = store.load(tx, subscriber_id)
    if one.state is not State.OFF:
        raise NotOff
    state = State.ACTIVE if one.confirmed_at else State.UNCONFIRMED
    store.put(tx, one.id, state=state, failures=0, failed_at=None, last_error="", off_at=None)
    store.note(tx, one.id, "turned on", tx.actor.handle)
    audit.record(tx, Deed.SUBSCRIBER_TURNED, one.id, "on")


def export(tx: Tx, subscriber_id: str) -> dict[str, object]:
    """Everything that is kept about somebody, for them."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    one = store.load(tx, subscriber_id)
    store.note(tx, one.id, "exported", tx.actor.handle)
    audit.record(tx, Deed.SUBSCRIBER_EXPORTED, one.id)
    return everything(tx, one)


def enter(tx: Tx, addresses: list[str], consent: str, language: str = "") -> tuple[int, int]:
    """Enter mail addresses from a list. Each is told so once, with the ground, and can leave. Returns how many are new,
    and how many were known. Raises Invalid for the first that is no address, and then enters none."""
    access.require(tx.actor, access.PEOPLE_WRITE)
    spoken = checked_language(language)
    if Way.EMAIL not in plans.current(tx).communication.subscribe_by:
        raise NotOffered("The plan does not offer mail; add email to communication.subscribe_by.", field="way")
    ground = clip(" ".join(consent.split()), CONSENT_MOST)
    if not ground:
        raise NoConsent(field="consent")
    found = {store.place_of(Way.EMAIL, one.where): one for one in _read_all(addresses)}
    known = store.known_places(tx, list(found))
    for place in (one for key, one in found.items() if key not in known):
        one = _added(tx, Way.EMAIL, place, (), spoken, tx.actor.handle)
        store.put(tx, one.id, consent=ground, state=State.ACTIVE, confirmed_at=tx.now)
        outbox.notify(tx, one, Note.LISTED, "once")
    new = len(found) - len(known)
    store.note(tx, "", "entered", tx.actor.handle, f"{new} from a list: {ground}")
    audit.record(tx, Deed.SUBSCRIBERS_ENTERED, "", f"{new} from a list")
    return new, len(known)


def _read_all(addresses: list[str]) -> list[Place]:
    found = []
    for line, typed in enumerate(addresses, start=1):
        try:
            found.append(places.read(Way.EMAIL, typed))
        except Invalid:
            raise Invalid(f"Line {line}: '{clip(typed, 60)}' is not a mail address.", field="addresses") from None
    return found


def everything(tx: Tx, one: Subscriber) -> dict[str, object]:
    """What is kept about somebody, in plain values. A secret that is theirs alone to know stays out of it."""
    shown = {name: value for name, value in vars(one).items() if name != "secret"}
    return {
        "subscriber": {**shown, "parts": list(one.parts)},
        "messages": [vars(each) for each in outbox.sent_to(tx, one.id)],
        "acts": [vars(each) for each in store.acts_of(tx, one.id)],
    }


def keep_house(tx: Tx) -> None:
    """Forget whom nobody confirmed, and what was sent some weeks ago."""
    store.forget_unconfirmed(tx)
    outbox.thin(tx)


# ---- What came back ----


def came_back(tx: Tx, one: Subscriber, kind: Refusal, reason: str) -> None:
    """A message will never arrive: it counts, and after some nothing is sent there any more."""
    now: datetime = tx.now
    outcome = failed(one, kind, now)
    if kind is Refusal.OURS:
        return
    store.put(tx, one.id, failures=outcome.failures, failed_at=now, last_error=clip(reason, CONSENT_MOST))
    if outcome.is_off and one.state is State.ACTIVE:
        _off(tx, one, clip(reason, CONSENT_MOST))
        store.note(tx, one.id, "turned off", "tocsin", clip(reason, CONSENT_MOST))


def take_bounce(tx: Tx, address: str, bounce: Bounce | None) -> str:
    """Take what came back to the address of a subscriber's bounces. Returns what became of it."""
    access.require(tx.actor, access.SIGNAL_WRITE)
    subscriber_id = links.bounced(kept.signing_key(tx), address)
    if bounce is None or subscriber_id is None:
        return "It is no report about a mail, and is left alone."
    if not bounce.is_final:
        return "The mail server still tries; nothing follows."
    try:
        one = store.load(tx, subscriber_id)
    except store.NoSuchSubscriber:
        return "Whom it is about has left already."
    came_back(tx, one, bounce.kind, f"came back: {bounce.said}")
    if store.load(tx, one.id).is_active:
        return f"Kept: a mail to {one.id} came back."
    return f"Kept: mails to {one.id} come back, and nothing is sent there any more."


def worked(tx: Tx, one: Subscriber) -> None:
    """What a server of theirs has taken has arrived, unlike a mail: earlier failures count no more."""
    if one.failures and one.way is not Way.EMAIL:
        store.put(tx, one.id, failures=0, failed_at=None, last_error="")


def _off(tx: Tx, one: Subscriber, why: str) -> None:
    store.put(tx, one.id, state=State.OFF, off_at=tx.now, last_error=why)
    outbox.withhold(tx, one.id)
