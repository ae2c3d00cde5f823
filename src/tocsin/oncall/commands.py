"""Arranging who is on call: overrides and swaps. Each is written down with who, when and why, and those concerned are
told."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.kit.actor import ActorKind
from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.ids import new_id
from tocsin.kit.text import listed, utc
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Kind
from tocsin.oncall import arranging, importing, store
from tocsin.oncall.importing import Change, Changes, Wanted
from tocsin.oncall.model import Feed, Override, Swap, SwapState, Turn
from tocsin.people import access
from tocsin.people import commands as people_commands
from tocsin.people import store as people
from tocsin.people.model import Channel
from tocsin.plan import leading
from tocsin.plan import store as plans
from tocsin.plan.model import Plan

AUDIENCE = "on_call"
MOST_FEEDS = 20  # of one person
LATE_NEWS = timedelta(days=1)  # that a request expired longer ago is no news to anybody
LINES_TOLD = 40  # of what an import changed for one person


class AlreadyCancelled(Refused):
    """It is cancelled already."""


class AlreadyAnswered(Refused):
    """The request has been answered already, or has expired."""


class PartOfASwap(Refused):
    """This is one half of a swap. Ask for a swap back, or let an administrator cancel it."""


# ---- Overrides -------------------------------------------------------------------------------------------------------


def override(
    tx: Tx,
    rotation: str,
    person: str,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    instead_of: str | None = None,
) -> Override:
    """Put a person on call for a while: oneself, or anybody for whoever may arrange the rotation."""
    _may_put(tx, rotation, person)
    plan = plans.current(tx)
    turn = Turn(rotation=rotation, starts_at=max(starts_at, tx.now), ends_at=ends_at)
    arranging.sound(plan, turn, tx.now)
    arranging.known_person(plan, person)
    people_commands.require_present(tx, person)
    rotas = store.rotas(tx, plan)
    arranging.place(rotas, turn, person, instead_of)
    off = arranging.displaced(rotas, turn, instead_of)
    made = _add(tx, turn, person, instead_of, arranging.reason_of(reason))
    obligations.hurry(tx, Kind.TURN)
    what = f"{_name(plan, person)} is on call in {_rotation(plan, rotation)}, {_span(turn)}"
    body = f"{what}, by {_name(plan, tx.actor.handle)}.\nReason: {made.reason}"
    _tell(tx, (person, *off), made.id, what, body)
    return made


def cancel(tx: Tx, override_id: str, reason: str) -> None:
    """End an override now; what it covered holds again. Raises AlreadyCancelled."""
    one = store.load_override(tx, override_id)
    _may_cancel(tx, one)
    because = arranging.reason_of(reason)
    if one.ends_at <= tx.now:
        raise arranging.Over(f"It ended at {utc(one.ends_at)}.")
    plan = plans.current(tx)
    back: tuple[str, ...] = ()
    if not store.cancel_override(tx, override_id, because):
        raise AlreadyCancelled
    audit.record(tx, Deed.TAKEN_OFF_CALL, one.person, f"{one.id}, {one.rotation}, {_span(one)}")
    obligations.hurry(tx, Kind.TURN)
    if one.rotation in plan.rotations:
        turn = Turn(rotation=one.rotation, starts_at=max(one.starts_at, tx.now), ends_at=one.ends_at)
        back = arranging.displaced(store.rotas(tx, plan), turn, one.instead_of)
    what = f"{_name(plan, one.person)} is no longer to be on call in {_rotation(plan, one.rotation)}, {_span(one)}"
    body = f"{what}: what the plan and others have arranged holds again.\nReason: {because}"
    _tell(tx, (one.person, *back), f"{one.id}-cancelled", what, body)


def _add(tx: Tx, turn: Turn, person: str, instead_of: str | None, reason: str, swap_id: str | None = None) -> Override:
    made = Override(
        id=new_id("ovr"),
        rotation=turn.rotation,
        person=person,
        instead_of=instead_of,
        starts_at=turn.starts_at,
        ends_at=turn.ends_at,
        reason=reason,
        made_by=tx.actor.handle,
        made_at=tx.now,
        swap_id=swap_id,
    )
    store.add_override(tx, made)
    audit.record(tx, Deed.PUT_ON_CALL, person, f"{made.id}, {turn.rotation}, {_span(turn)}")
    return made


def may_arrange(tx: Tx, rotation: str, *others: str) -> bool:
    """Whether the actor may put others on call in all of these: by a right of their own, or as who leads the team."""
    if any(map(tx.actor.may, (access.ONCALL_WRITE, access.PLAN_WRITE, access.PEOPLE_WRITE))):
        return True
    if tx.actor.kind is not ActorKind.PERSON or not tx.actor.may(access.INCIDENT_WRITE):
        return False
    return leading.rotas_led_by(plans.current(tx), tx.actor.handle).issuperset((rotation, *others))


def may_answer(tx: Tx, one: Swap, person: str) -> bool:
    """Whether the actor is this one of the two of a swap, or may answer in their place."""
    return tx.actor.handle == person or may_arrange(tx, *_rotations(one))


def _may_put(tx: Tx, rotation: str, person: str) -> None:
    access.require(tx.actor, access.INCIDENT_WRITE)
    if tx.actor.handle != person and not may_arrange(tx, rotation):
        raise access.NotAllowed("You may take a rota yourself; to give yours to somebody else, ask them to swap.")


def _may_cancel(tx: Tx, one: Override) -> None:
    access.require(tx.actor, access.INCIDENT_WRITE)
    if may_arrange(tx, one.rotation):
        return
    if tx.actor.handle not in (one.person, one.made_by):
        raise access.NotAllowed(
            "Only whoever made it, whoever is on call by it, who leads the team, or a manager or an administrator "
            "cancels it."
        )
    if one.swap_id is not None:
        raise PartOfASwap


def import_shifts(
    tx: Tx, rotation: str, wanted: Iterable[Wanted], reason: str, *, only_look: bool = False
) -> tuple[Changes, list[Override]]:
    """Put people on call as a calendar or a table of others has it: all of it, or nothing. What is so already stays.

    `only_look` changes nothing and says what would change. Whoever is put on call or taken off is told, once.
    """
    access.require(tx.actor, access.INCIDENT_WRITE)
    plan = plans.current(tx)
    _known_rotation(plan, rotation)
    found = importing.changes(store.rotas(tx, plan), rotation, wanted, tx.now)
    because = arranging.reason_of(reason)
    for one in found.changes:
        _may_put(tx, rotation, one.person)
        arranging.sound(plan, one.turn, tx.now)
        arranging.known_person(plan, one.person)
        people_commands.require_present(tx, one.person)
    if only_look:
        return found, []
    made = [_add(tx, one.turn, one.person, None, because) for one in found.changes]
    _tell_of_import(tx, plan, rotation, found.changes, because)
    return found, made


def _tell_of_import(tx: Tx, plan: Plan, rotation: str, changed: Sequence[Change], because: str) -> None:
    lines: dict[str, list[str]] = {}
    for one in changed:
        lines.setdefault(one.person, []).append(f"- you are on call, {_span(one.turn)}")
        for off in one.instead_of:
            lines.setdefault(off, []).append(f"- {_name(plan, one.person)} is on call, {_span(one.turn)}")
    key, what = new_id("imp"), f"The rota {_rotation(plan, rotation)} was changed from a file"
    for handle, said in lines.items():
        more = [f"and {len(said) - LINES_TOLD} more"] if len(said) > LINES_TOLD else []
        body = "\n".join(
            [f"{what}, by {_name(plan, tx.actor.handle)}.", f"Reason: {because}", "", *said[:LINES_TOLD], *more]
        )
        _tell(tx, (handle,), key, what, body)


def read_shifts(tx: Tx, rotation: str, text: str) -> list[Wanted]:
    """What a calendar or a table says of one rotation. Raises NotUnderstood, with every line that is wrong."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    plan = plans.current(tx)
    _known_rotation(plan, rotation)
    names = {handle: one.name for handle, one in plan.people.items()}
    return importing.read(text, names, plan.rotations[rotation].zone, tx.now)


# ---- Swaps -----------------------------------------------------------------------------------------------------------


def ask(tx: Tx, other: str, gives: Turn, takes: Turn | None, reason: str) -> Swap:
    """Ask somebody to take a shift of one's own, against one of theirs or for nothing. They are told."""
    access.require(tx.actor, access.INCIDENT_WRITE)
    plan, asker = plans.current(tx), tx.actor.handle
    arranging.known_person(plan, asker, "asker")
    arranging.known_person(plan, other, "other")
    people_commands.require_present(tx, other)
    if other == asker:
        raise Invalid("Ask somebody else.", field="other")
    for turn in (gives, takes):
        _may_come(tx, plan, turn)
    begins = min(turn.starts_at for turn in (gives, takes) if turn)
    asked = Swap(
        id=new_id("swp"),
        asker=asker,
        other=other,
        gives=gives,
        takes=takes,
        reason=arranging.reason_of(reason),
        asked_at=tx.now,
        expires_at=begins,
    )
    _must_fit(tx, plan, asked)
    store.add_swap(tx, asked)
    obligations.hurry(tx, Kind.TURN)  # whoever looks ahead learns when it expires
    what = f"{_name(plan, asker)} asks you to take {_turn(plan, gives)}"
    against = f"\nIn exchange they take {_turn(plan, takes)}." if takes else ""
    body = f"{what}.{against}\nReason: {asked.reason}\nAnswer by {utc(begins)}; after that the request has expired."
    _tell(tx, (other,), asked.id, what, body)
    return asked


def accept(tx: Tx, swap_id: str, answer: str = "") -> Swap:
    """Say yes: from now on each is on call for what they took. Raises AlreadyAnswered, NotTheirs, IsGone."""
    one = store.load_swap(tx, swap_id)
    _require_answer(tx, one, one.other)
    for taker in (one.other, *([one.asker] if one.takes else [])):
        people_commands.require_present(tx, taker)  # since it was asked for, they may have left
    plan = plans.current(tx)
    _settle(tx, one, SwapState.ACCEPTED, answer)
    for turn in (one.gives, one.takes):
        _may_come(tx, plan, turn)
    _must_fit(tx, plan, one)  # since it was asked for, the rota may have changed
    reason = f"Swap: {one.reason}"
    _add(tx, one.gives, one.other, one.asker, reason, one.id)
    if one.takes is not None:
        _add(tx, one.takes, one.asker, one.other, reason, one.id)
    obligations.hurry(tx, Kind.TURN)
    _answered(tx, plan, one, "takes", answer)
    return store.load_swap(tx, swap_id)


def decline(tx: Tx, swap_id: str, answer: str = "") -> Swap:
    """Say no."""
    one = store.load_swap(tx, swap_id)
    _require_answer(tx, one, one.other)
    _settle(tx, one, SwapState.DECLINED, answer)
    _answered(tx, plans.current(tx), one, "does not take", answer)
    return store.load_swap(tx, swap_id)


def withdraw(tx: Tx, swap_id: str) -> Swap:
    """Take a request back."""
    one = store.load_swap(tx, swap_id)
    _require_answer(tx, one, one.asker)
    _settle(tx, one, SwapState.WITHDRAWN, "")
    plan = plans.current(tx)
    what = f"{_name(plan, one.asker)} no longer asks you to take {_turn(plan, one.gives)}"
    _tell(tx, (one.other,), f"{one.id}-{SwapState.WITHDRAWN}", what, f"{what}. There is nothing to answer.")
    return store.load_swap(tx, swap_id)


def tell_of_expired(tx: Tx) -> datetime | None:
    """Tell whoever asked, and whom, that nobody answered in time; each once. Returns when the next request expires.

    That it has expired follows from the instant alone: only the telling needs somebody to do it.
    """
    plan = plans.current(tx)
    for one in store.untold_expiries(tx, tx.now - LATE_NEWS):
        what = f"{_name(plan, one.other)} did not answer in time about {_turn(plan, one.gives)}"
        body = f"{what}. The request has expired, and nothing is changed by it. Ask somebody else if you need to."
        _tell(tx, (one.asker, one.other), f"{one.id}-{SwapState.EXPIRED}", what, body)
        store.told_of_expiry(tx, one.id)
    return store.next_expiry(tx)


def _may_come(tx: Tx, plan: Plan, turn: Turn | None) -> None:
    if turn is None:
        return
    arranging.sound(plan, turn, tx.now)
    if turn.starts_at < tx.now:
        raise Invalid("It has begun already; give the rest of it away, from now on.", field="starts_at")


def _must_fit(tx: Tx, plan: Plan, one: Swap) -> None:
    rotas = store.rotas(tx, plan)
    arranging.wholly_held(rotas, one.gives, one.asker)
    arranging.place(rotas, one.gives, one.other, one.asker)
    if one.takes is not None:
        arranging.wholly_held(rotas, one.takes, one.other)
        arranging.place(rotas, one.takes, one.asker, one.other)


def _rotations(one: Swap) -> tuple[str, ...]:
    return (one.gives.rotation, *([one.takes.rotation] if one.takes else []))


def _require_answer(tx: Tx, one: Swap, person: str) -> None:
    access.require(tx.actor, access.INCIDENT_WRITE)
    if not may_answer(tx, one, person):
        does = "answers this" if person == one.other else "takes this back"
        raise access.NotAllowed(f"Only {_name(plans.current(tx), person)} {does}.")


def _settle(tx: Tx, one: Swap, answered: SwapState, answer: str) -> None:
    if len(answer) > arranging.LONGEST_REASON:
        raise Invalid(f"At most {arranging.LONGEST_REASON} characters.", field="answer")
    if not store.answer_swap(tx, one.id, answered, answer.strip()):
        now_is = store.load_swap(tx, one.id)  # somebody else may have answered since it was read
        raise AlreadyAnswered(f"The request is {now_is.state_at(tx.now)} already.")


def _answered(tx: Tx, plan: Plan, one: Swap, verb: str, answer: str) -> None:
    what = f"{_name(plan, one.other)} {verb} {_turn(plan, one.gives)}"
    against = f"\nYou take {_turn(plan, one.takes)}." if one.takes and verb == "takes" else ""
    said = f"\nThey say: {answer.strip()}" if answer.strip() else ""
    _tell(tx, (one.asker,), f"{one.id}-{verb.replace(' ', '-')}", what, f"{what}.{against}{said}")


# ---- Calendars that are subscribed to --------------------------------------------------------------------------------


class TooManyCalendars(Refused):
    """That are enough calendars for one person; revoke one first."""


def make_feed(tx: Tx, rotation: str | None, owner: str | None = None) -> tuple[Feed, str]:
    """Make a calendar of one rotation, or of all the owner's own shifts; the second value is its secret, shown this
    once. Whoever has the secret reads it, without signing in."""
    access.require(tx.actor, access.PLAN_READ)
    plan, whose = plans.current(tx), owner or tx.actor.handle
    if owner is None and tx.actor.kind is not ActorKind.PERSON:
        raise Invalid("A program has no calendar; say whose it is.", field="person")
    _may_keep(tx, whose)
    people.load_person(tx, whose)
    if rotation is not None:
        _known_rotation(plan, rotation)
    if len(store.feeds(tx, whose)) >= MOST_FEEDS:
        raise TooManyCalendars
    made = store.add_feed(tx, whose, rotation)
    audit.record(tx, Deed.FEED_MADE, whose, f"{made[0].id}, {rotation or 'every shift of theirs'}")
    return made


def revoke_feed(tx: Tx, feed_id: str) -> None:
    """Shut a calendar's address: it shows nothing any more."""
    one = store.load_feed(tx, feed_id)
    _may_keep(tx, one.owner)
    store.revoke_feed(tx, feed_id)
    audit.record(tx, Deed.FEED_REVOKED, one.owner, feed_id)


def feeds(tx: Tx) -> list[Feed]:
    """The calendars that the actor may revoke: their own, or everybody's for whoever may change people."""
    access.require(tx.actor, access.PLAN_READ)
    return store.feeds(tx, None if tx.actor.may(access.PEOPLE_WRITE) else tx.actor.handle)


def _known_rotation(plan: Plan, rotation: str) -> None:
    if rotation not in plan.rotations:
        raise Invalid(f"The plan has no rotation '{rotation}'; there is {listed(plan.rotations)}.", field="rotation")


def _may_keep(tx: Tx, owner: str) -> None:
    if tx.actor.handle != owner:
        access.require(tx.actor, access.PEOPLE_WRITE)


# ---- Telling those concerned -----------------------------------------------------------------------------------------


def _tell(tx: Tx, handles: Iterable[str], key: str, subject: str, body: str) -> None:
    """A message to each, but not to whoever does it."""
    others = [one for one in dict.fromkeys(handles) if one != tx.actor.handle]
    base = kept.read(tx, kept.BASE_URL) or "http://127.0.0.1:8000"
    for handle, address in people.addresses(tx, others).items():
        outbox.queue(
            tx,
            dedup_key=f"{key}-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"[on call] {subject}",
            body=f"{body}\n\n{base}/oncall\n",
            person=handle,
            audience=AUDIENCE,
            thread=key,
        )


def _name(plan: Plan, handle: str) -> str:
    return plan.people[handle].name if handle in plan.people else handle


def _rotation(plan: Plan, key: str) -> str:
    return (plan.rotations[key].name if key in plan.rotations else "") or key


def _span(one: Turn | Override) -> str:
    return f"{one.starts_at:%a %d %b %H:%M} to {one.ends_at:%a %d %b %H:%M} UTC"


def _turn(plan: Plan, turn: Turn) -> str:
    return f"{_rotation(plan, turn.rotation)}, {_span(turn)}"
