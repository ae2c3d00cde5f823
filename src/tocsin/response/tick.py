"""The passage of time. Nothing else settles what is due.

The server calls this whenever something is due and sleeps in between; a story jumps from one due instant to the next.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.delivery import outbox
from tocsin.incidents import lifecycle, silence
from tocsin.incidents import store as incidents
from tocsin.incidents.model import AnyEntry, Escalated, FellDue, Incident
from tocsin.kit.actor import SYSTEM
from tocsin.kit.text import short_span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import ANSWER_PREFIX, Kind, Obligation, State
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import beating, chasing, covering, followups, gathering, handing, looking, quieting, trials
from tocsin.response.looking import AnyLook, Beat
from tocsin.signals import silences
from tocsin.signals import store as signals

BATCH = 64  # incidents seen to in one unit of work; looks count like incidents


def settle_due(tx: Tx, limit: int = BATCH) -> tuple[int, list[AnyLook]]:
    """See to what is due. Returns how many obligations, and the looks that are now to be taken."""
    count = 0
    found = incidents.claim_due(tx, limit)
    standing = obligations.due_of(tx, [one.id for one in found])
    for incident in found:
        due = standing.get(incident.id, [])
        count += len(due)
        if due:
            _see_to(tx, plans.load(tx, incident.plan_revision), incident, due)
    looks = obligations.claim_looks(tx, limit)
    return count + len(looks), _looks(tx, looks)


def _see_to(tx: Tx, plan: Plan, incident: Incident, due: Sequence[Obligation]) -> None:
    """Everything that time does to one incident at this instant, in one go."""
    soon, over, unanswered, watched, silent_ones, slept, quieted = _parted(due, tx.now)
    if resolved := quieting.resolution(tx, plan, incident, quieted):  # nobody is asked for anything any more
        soon, over, unanswered = [], [one for one in over if one.due_at < tx.now], []
    if incident.snoozed_until is not None and incident.snoozed_until > tx.now:
        for one in soon:
            obligations.hold(tx, one, incident.snoozed_until)
        soon = []
    for one in soon:
        obligations.warned(tx, one)
    entries: list[AnyEntry] = []
    silent = []
    for one in over:
        standing, fell_due = _overdue(tx, incident, one, incident.entries + len(entries) + 1)
        silent.append(standing)
        entries += fell_due
    for one in silent_ones:
        entries += _overdue(tx, incident, one, incident.entries + len(entries) + 1)[1]
    for one in unanswered:
        entries.append(_unanswered(tx, one, incident.entries + len(entries) + 1))
    incident = incidents.append(tx, incident, entries) if entries else incident
    chasing.tell(tx, plan, incident, soon, silent)
    if quieted:
        incident = quieting.end(tx, plan, incident, quieted, resolved)
    if unanswered:
        incident = followups.page_next(tx, plan, incident)
        gathering.see_to_channel(tx, plan, incident)
    for one in slept:
        obligations.end(tx, one.id, State.MET, "the snooze ended", incident.entries + 1)
    if silent_ones or slept:
        why = "the snooze ended" if slept else f"no word for {short_span(tx.now - (incident.heard_at or tx.now))}"
        incident = followups.record(tx, plan, incident, silence.asked(incident, why, now=tx.now))
    # The end of a watch derives every duty anew, so what fell due with it must be on the record before.
    for one in watched:
        incident = _end_watch(tx, plan, incident, one)


def _parted(due: Sequence[Obligation], now: datetime) -> tuple[list[Obligation], ...]:
    """What is due soon, what is overdue, pages that nobody answered, watches that have passed, silences that last too
    long, snoozes that have ended, and incidents that have been quiet for long enough."""
    parts: tuple[list[Obligation], ...] = ([], [], [], [], [], [], [])
    for one in due:
        match one.kind:
            case Kind.ANSWER:
                parts[2].append(one)
            case Kind.WATCH:
                parts[3].append(one)
            case Kind.PROGRESS if one.due_at <= now:
                parts[4].append(one)
            case Kind.SNOOZE:
                parts[5].append(one)
            case Kind.QUIET:
                parts[6].append(one)
            case _:
                parts[0 if now < one.due_at else 1].append(one)
    return parts


def _overdue(tx: Tx, incident: Incident, one: Obligation, number: int) -> tuple[Obligation, list[FellDue]]:
    """What falls due now stays open. One of a series is given up when the next falls due, for each period that has
    passed in silence. `number` is that of the next entry. Returns what is open and overdue then."""
    entries = []
    if one.overdue_at is None:
        obligations.fell_due(tx, one)
        entries.append(_fell_due(tx, one))
    while one.given_up_at is not None and one.given_up_at <= tx.now:
        proof = number + len(entries)
        obligations.end(tx, one.id, State.MISSED, "a whole further period passed in silence", proof)
        incidents.tell_missed(tx, incident, one)
        one = obligations.open_successor(tx, one, proof)
        entries.append(_fell_due(tx, one))
    return one, entries


def _fell_due(tx: Tx, one: Obligation) -> FellDue:
    return FellDue(at=tx.now, by=SYSTEM.handle, key=one.key, what=one.what, due_at=one.due_at)


def _unanswered(tx: Tx, one: Obligation, number: int) -> Escalated:
    obligations.end(tx, one.id, State.MISSED, "nobody answered in time", number)
    step, late = int(one.key.removeprefix(ANSWER_PREFIX)), _late(one, tx.now)
    return Escalated(at=tx.now, by=SYSTEM.handle, step=step, why=f"nobody answered in time{late}")


def _late(obligation: Obligation, now: datetime) -> str:
    late = now - obligation.due_at
    return f" (seen {short_span(late)} late)" if late >= timedelta(seconds=1) else ""


def _end_watch(tx: Tx, plan: Plan, incident: Incident, one: Obligation) -> Incident:
    by, now, number = SYSTEM.handle, tx.now, incident.entries + 1
    fire = signals.still_fire(tx, incident.id)
    if fire or signals.still_flap(tx, incident.id):
        still, stilled = ("still fire", "still fired") if fire else ("still flap", "still flapped")
        obligations.end(tx, one.id, State.MISSED, f"its signals {stilled} at the end of the watch", number)
        why = f"Its signals {still} at the end of the watch"
        return followups.record(tx, plan, incident, lifecycle.reopen(incident, why, by=by, now=now))
    obligations.end(tx, one.id, State.MET, "no regression was seen", number)
    return followups.record(tx, plan, incident, lifecycle.recover(incident, by=by, now=now))


_LOOKED_AHEAD: dict[Kind, Callable[[Tx], datetime]] = {
    Kind.COVER: covering.look_ahead,
    Kind.TURN: handing.look_ahead,
    Kind.CANARY: trials.look_ahead,
}
"""What is looked at again and again, and says itself when next."""


def _looks(tx: Tx, due: list[Obligation]) -> list[AnyLook]:
    """Renew each look before it is taken: a node that dies on the way loses one look, not the probe."""
    if not due:
        return []
    by_name = looking.every_look(plans.current(tx))
    found = []
    for obligation in due:
        if obligation.kind in _LOOKED_AHEAD:
            obligations.renew(tx, obligation, _LOOKED_AHEAD[obligation.kind](tx))
            continue
        if obligation.kind is Kind.HANDOFF:
            handing.see_to(tx, obligation)
            continue
        look = by_name.get(obligation.key.removeprefix(looking.PREFIX))
        if look is None:
            obligations.end(tx, obligation.id, State.VOID, "the plan no longer asks for it")
            continue
        if isinstance(look, Beat):
            beating.miss(tx, look, obligation)
            continue
        obligations.renew(tx, obligation, tx.now + look.every)
        found.append(looking.ready(tx, look))
    return found


def next_to_settle(tx: Tx) -> datetime | None:
    """The next instant at which something is to be settled, a signal that is held back is to be decided, or one that
    flaps is calm."""
    return _soonest(obligations.next_due(tx), silences.next_due(tx), signals.next_calm(tx))


def next_due(tx: Tx) -> datetime | None:
    """The next instant at which something is to be settled, decided or sent."""
    return _soonest(next_to_settle(tx), outbox.next_due(tx))


def _soonest(*instants: datetime | None) -> datetime | None:
    return min((one for one in instants if one is not None), default=None)
