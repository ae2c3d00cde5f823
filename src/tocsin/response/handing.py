"""Handing shifts on: opened ahead of each change of who is on call, written by whoever goes, accepted by whoever comes.

No job turns a rota: the changes to come are computed from plan, overrides and instant, again whenever somebody arranges
something and every hour. Writing and accepting are obligations that belong to no incident.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import words
from tocsin.kit.actor import SYSTEM
from tocsin.kit.ids import new_id
from tocsin.kit.text import listed, utc
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind, Obligation
from tocsin.obligations.model import State as Owed
from tocsin.oncall import commands as arranging
from tocsin.oncall import handoff as rules
from tocsin.oncall import store as oncall
from tocsin.oncall.handoff import Change, Deed, Did, Handoff, State
from tocsin.oncall.schedule import Rotas
from tocsin.paging import chase, reach
from tocsin.people import access
from tocsin.people import store as people
from tocsin.people.model import AccountRole, Channel
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import followups, packet

KEY = "turn"
EVERY = timedelta(hours=1)
BEHIND = timedelta(days=28)  # how far back whoever held a rota before a gap is looked for
JUST_NOW = timedelta(minutes=15)  # a change that was arranged to begin at once is seen as long after it
PREFIX = "handoff:"
WRITTEN, ACCEPTED = "written", "accepted"
AUDIENCE = "on_call"


def schedule(tx: Tx) -> None:
    """See that somebody looks ahead. Doing it twice changes nothing."""
    if not obligations.open_of(tx, Kind.TURN):
        what = "Look ahead for changes of who is on call"
        obligations.open_duty(tx, None, Duty(key=KEY, kind=Kind.TURN, what=what, clause="", due_at=tx.now))


def key_of(handoff: Handoff, part: str) -> str:
    return f"{PREFIX}{handoff.rotation}:{handoff.id}:{part}"


# ---- What time does --------------------------------------------------------------------------------------------------


def look_ahead(tx: Tx) -> datetime:
    """Open the handoffs whose time has come, void those that the rota no longer asks for, and tell of requests that
    expired. Returns when to look again."""
    next_expiry = arranging.tell_of_expired(tx)
    plan = plans.current(tx)
    known = oncall.handoffs_since(tx, tx.now - BEHIND)
    standing = [one for one in known if one.is_standing]
    computed = list(_changes(tx, plan, max((one.leaves_at for one in standing), default=tx.now)))
    for one in rules.overtaken(standing, computed, tx.now):
        _void(tx, plan, one)
    before = {one.between for one in known if one.state is not State.VOID}
    next_at = min(next_expiry or tx.now + EVERY, tx.now + EVERY)
    for change in computed:
        opens_at = _opens_at(plan, change)
        if change.between in before:
            continue
        if opens_at <= tx.now:
            _open(tx, plan, change)
        next_at = min(next_at, opens_at) if opens_at > tx.now else next_at
    return next_at


def _changes(tx: Tx, plan: Plan, at_least: datetime) -> Iterable[Change]:
    """The changes that have just been and those to come soon, of the rotas that are handed over: up to an instant at
    least."""
    rotas = oncall.rotas(tx, plan, tx.now - BEHIND)
    for name, rotation in plan.rotations.items():
        if rotation.handing_over is not None:
            end = max(at_least + EVERY, tx.now + rotation.handing_over.opened_before + EVERY)
            shifts = rotas.shifts(name, tx.now - BEHIND, _end_of_gap(rotas, name, end))
            recent = (one for one in rules.changes(name, shifts) if one.begins_at > tx.now - JUST_NOW)
            yield from (one for one in recent if one.leaves_at <= end)


def _end_of_gap(rotas: Rotas, rotation: str, instant: datetime) -> datetime:
    """An instant; in a gap, a moment of the shift after it, so that whoever comes next is known."""
    if rotas.holders(rotation, instant):
        return instant
    following = rotas.next_shift(rotation, instant)
    return following.ends_at if following else instant


def _opens_at(plan: Plan, change: Change) -> datetime:
    times = plan.rotations[change.rotation].handing_over
    return rules.opens_at(change, times) if times else change.leaves_at


def _open(tx: Tx, plan: Plan, change: Change) -> None:
    rotation = plan.rotations[change.rotation]
    if rotation.handing_over is None:
        return
    opened = Handoff(**vars(change), id=new_id("hnd"), lines=rotation.handed_over, opened_at=tx.now)
    oncall.add_handoff(tx, opened)
    due = rules.due(change, rotation.handing_over, tx.now)
    for part, owner, due_at in (
        (WRITTEN, opened.outgoing, due.written_at),
        (ACCEPTED, opened.incoming, due.accepted_at),
    ):
        duty = Duty(
            key=key_of(opened, part),
            kind=Kind.HANDOFF,
            what=f"{'Write' if part == WRITTEN else 'Accept'} the handoff of {_called(plan, opened)}",
            clause=plan.clauses.get(Kind.HANDOFF, ""),
            due_at=due_at,
            owner=owner[0],
            warn_within=plan.reminders.before.get(Kind.HANDOFF),
            given_up_at=due.given_up_at,
        )
        obligations.open_duty(tx, None, duty)
    gone, come = (_names(plan, those) for those in (opened.outgoing, opened.incoming))
    body = (
        f"{_when(opened)} {come} is on call in {_called(plan, opened)} after {gone}.\n"
        f"{gone}: what goes on is put together for you; write it by {utc(due.written_at)}.\n"
        f"{come}: accept it by {utc(due.accepted_at)}."
    )
    _mail(tx, opened, (*opened.outgoing, *opened.incoming), "opened", f"Handoff of {_called(plan, opened)}", body)


def _void(tx: Tx, plan: Plan, one: Handoff) -> None:
    """The rota was arranged otherwise. What was overdue by then was missed all the same."""
    if not oncall.move_handoff(tx, one, State.VOID):
        return
    for duty in _standing(tx, one):
        state = Owed.MISSED if duty.is_overdue(tx.now) else Owed.VOID
        obligations.settle(tx, duty.id, state, "the rota was arranged otherwise")
    oncall.add_deed(tx, one.id, Deed(at=tx.now, by=SYSTEM.handle, did=Did.VOIDED))
    body = (
        f"The rota or the plan was changed: {_names(plan, one.outgoing)} does not hand over to "
        f"{_names(plan, one.incoming)} at {utc(one.begins_at)} any more."
    )
    _mail(tx, one, (*one.outgoing, *one.incoming), "void", f"No handoff of {_called(plan, one)}", body)


def see_to(tx: Tx, duty: Obligation) -> None:
    """What time does to one duty of a handoff: remind, say that it is overdue, give it up."""
    one = oncall.load_handoff(tx, duty.key.rsplit(":", 2)[1])
    if not one.is_standing:
        return  # settled in this very unit of work
    if duty.given_up_at is not None and duty.given_up_at <= tx.now:
        _give_up(tx, one)
    elif tx.now < duty.due_at:
        obligations.warned(tx, duty)
        _chase(tx, one, duty, chase.REMINDER)
    elif duty.overdue_at is None:
        obligations.fell_due(tx, duty)
        _chase(tx, one, duty, chase.OVERDUE)


def _give_up(tx: Tx, one: Handoff) -> None:
    """The next turn has ended: what was not handed over by now is not handed over any more."""
    if oncall.move_handoff(tx, one, State.MISSED):
        for duty in _standing(tx, one):
            obligations.settle(tx, duty.id, Owed.MISSED, "the turn after it ended")
        oncall.add_deed(tx, one.id, Deed(at=tx.now, by=SYSTEM.handle, did=Did.GIVEN_UP))


def _chase(tx: Tx, one: Handoff, duty: Obligation, about: str) -> None:
    """Remind whoever owes it; of what is overdue, tell the next in line too."""
    plan = plans.current(tx)
    owing = one.outgoing if duty.key.endswith(WRITTEN) else one.incoming
    is_overdue = about == chase.OVERDUE
    word = "Overdue" if is_overdue else "Due soon"
    told = (*owing, *_next_in_line(tx, plan, owing)) if is_overdue else owing
    body = f"{duty.what}, due {utc(duty.due_at)}, owed by {_names(plan, owing)}."
    _mail(tx, one, told, f"{about}-{duty.id}", f"{word}: {duty.what}", body, audience=about)


def _next_in_line(tx: Tx, plan: Plan, owing: Sequence[str]) -> list[str]:
    """Whoever leads by the plan now; where nothing reaches any of them, the administrators."""
    role = plan.roles.get(plan.lead or "")
    targets = (*((role.rotation,) if role.rotation else ()), *role.eligible) if role else ()
    leads = reach.people_at(plan, oncall.rotas(tx, plan), targets, tx.now)
    administrators = [one.handle for one in people.people(tx) if one.role is AccountRole.ADMINISTRATOR]
    for those in (leads, administrators):
        others = [one for one in those if one not in owing]
        addresses = people.addresses(tx, others)
        if reached := [one for one in others if one in addresses]:
            return reached[:1] if those is leads else reached
    return []


# ---- What people do --------------------------------------------------------------------------------------------------


def write(tx: Tx, handoff_id: str, notes: Sequence[str]) -> Handoff:
    """Write a handoff, or write it again: a note for each line of the plan. What goes on is kept with it.

    Raises Settled, Invalid.
    """
    one = oncall.load_handoff(tx, handoff_id)
    _may(tx, one, one.outgoing)
    said = rules.written(one, notes)
    _move(tx, one, State.WRITTEN)
    _settle(tx, one, WRITTEN, f"written by {tx.actor.handle}")
    number = _did(tx, one, Did.WRITTEN, notes=said)
    plan = plans.current(tx)
    body = f"{_names(plan, [tx.actor.handle])} has written what goes on. Read it, and accept it or ask back."
    _mail(tx, one, one.incoming, f"deed-{number}", f"To accept: handoff of {_called(plan, one)}", body)
    return oncall.load_handoff(tx, handoff_id)


def ask(tx: Tx, handoff_id: str, question: str) -> Handoff:
    """Ask back instead of accepting: whoever goes writes it again. Raises NotWritten, Settled."""
    one = oncall.load_handoff(tx, handoff_id)
    _may(tx, one, one.incoming)
    said = rules.asked(one, question)
    _move(tx, one, State.ASKED)
    number = _did(tx, one, Did.ASKED, text=said)
    plan = plans.current(tx)
    body = f"{_names(plan, [tx.actor.handle])} asks before accepting the handoff:\n{said}"
    _mail(tx, one, one.outgoing, f"deed-{number}", f"A question: handoff of {_called(plan, one)}", body)
    return oncall.load_handoff(tx, handoff_id)


def accept(tx: Tx, handoff_id: str, *, contacts_confirmed: bool, said: str = "") -> Handoff:
    """Take it over, and confirm how one is reached. What nobody wrote in time is taken over as Tocsin made it.

    Raises NotWritten, NotConfirmed, Settled.
    """
    one = oncall.load_handoff(tx, handoff_id)
    _may(tx, one, one.incoming)
    owed = {duty.key: duty for duty in _standing(tx, one)}
    unwritten = owed.get(key_of(one, WRITTEN))
    is_overdue = unwritten is not None and unwritten.is_overdue(tx.now)
    rules.accepted(one, is_overdue=is_overdue, contacts_confirmed=contacts_confirmed)
    _move(tx, one, State.ACCEPTED)
    if unwritten is not None:
        obligations.settle(tx, unwritten.id, Owed.MISSED, f"accepted unwritten by {tx.actor.handle}")
    _settle(tx, one, ACCEPTED, f"accepted by {tx.actor.handle}, contact details confirmed")
    _did(tx, one, Did.ACCEPTED, text=said.strip()[: rules.LONGEST_NOTE])
    plan = plans.current(tx)
    body = f"{_names(plan, [tx.actor.handle])} has taken over {_called(plan, one)}."
    _mail(tx, one, one.outgoing, "accepted", f"Accepted: handoff of {_called(plan, one)}", body)
    return oncall.load_handoff(tx, handoff_id)


def may(tx: Tx, one: Handoff, those: Sequence[str]) -> bool:
    """Whether the actor may act for these people: as one of them, or as whoever arranges the rotation."""
    arranges = tx.actor.handle in those or arranging.may_arrange(tx, one.rotation)
    return arranges and tx.actor.may(access.INCIDENT_WRITE)


def _may(tx: Tx, one: Handoff, those: Sequence[str]) -> None:
    access.require(tx.actor, access.INCIDENT_WRITE)
    if not may(tx, one, those):
        raise access.NotAllowed(f"Only {listed(those, 'or')} does this.")


def _move(tx: Tx, one: Handoff, state: State) -> None:
    if not oncall.move_handoff(tx, one, state):
        raise rules.Settled("Somebody else has changed this handoff just now; look at it again.")


def _did(tx: Tx, one: Handoff, did: Did, *, text: str = "", notes: tuple[str, ...] = ()) -> int:
    kept = packet.keep(packet.make(tx, one)) if did in (Did.WRITTEN, Did.ACCEPTED) else None
    done = Deed(at=tx.now, by=tx.actor.handle, did=did, text=text, notes=notes, packet=kept)
    return oncall.add_deed(tx, one.id, done)


def _settle(tx: Tx, one: Handoff, part: str, evidence: str) -> None:
    """It is done: in time, or late. What was done before stays as it was."""
    for duty in _standing(tx, one):
        if duty.key == key_of(one, part):
            obligations.settle(tx, duty.id, Owed.LATE if duty.due_at < tx.now else Owed.MET, evidence)


# ---- Reading ---------------------------------------------------------------------------------------------------------


def duties(tx: Tx, one: Handoff) -> list[Obligation]:
    """What is or was owed for a handoff: the writing, then the acceptance."""
    found = {duty.key: duty for duty in obligations.of_keys(tx, [key_of(one, part) for part in (WRITTEN, ACCEPTED)])}
    return [found[key] for part in (WRITTEN, ACCEPTED) if (key := key_of(one, part)) in found]


def handed_over(tx: Tx, one: Handoff, deeds: Sequence[Deed]) -> packet.Packet:
    """What is handed over: as it is now while the handoff stands, and then as it was kept last."""
    kept = next((deed.packet for deed in reversed(deeds) if deed.packet is not None), None)
    return packet.make(tx, one) if one.is_standing or kept is None else packet.read(tx, kept)


def _standing(tx: Tx, one: Handoff) -> list[Obligation]:
    return [duty for duty in duties(tx, one) if duty.state is Owed.OPEN]


# ---- Words -----------------------------------------------------------------------------------------------------------


def _called(plan: Plan, one: Handoff) -> str:
    return (plan.rotations[one.rotation].name if one.rotation in plan.rotations else "") or one.rotation


def _names(plan: Plan, handles: Sequence[str]) -> str:
    return listed(words.name(plan, one) for one in handles)


def _when(one: Handoff) -> str:
    return f"From {one.begins_at:%a} {one.begins_at.day} {one.begins_at:%b %H:%M} UTC"


def _mail(
    tx: Tx, one: Handoff, handles: Iterable[str], key: str, subject: str, body: str, *, audience: str = AUDIENCE
) -> None:
    """A message to each, but not to whoever does it. It names no incident: the page shows each what they may see."""
    others = [each for each in dict.fromkeys(handles) if each != tx.actor.handle]
    where = followups.link(tx, f"/oncall/handoffs/{one.id}")
    for handle, address in people.addresses(tx, others).items():
        outbox.queue(
            tx,
            dedup_key=f"{one.id}-{key}-{handle}",
            channel=Channel.EMAIL,
            address=address,
            subject=f"[on call] {subject}",
            body=f"{body}\n\n{where}\n",
            person=handle,
            audience=audience,
            thread=one.id,
        )
