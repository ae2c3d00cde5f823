"""From an arrival to an incident.

What `accepting` made durable is read out of the inbox here, in order, and what the plan's rules say is done: in units
of work of its own, so that a mistake in deciding never loses an arrival.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tocsin.db import sight
from tocsin.db.engine import Database, Overtaken, Tx
from tocsin.incidents import alike, lifecycle, symptom
from tocsin.incidents import store as incidents
from tocsin.incidents.model import (
    UNRESOLVED,
    Incident,
    Reopened,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Status,
)
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Overloaded
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import assessing, commands, followups, quieting
from tocsin.signals import flapping, history, quarantine, routing, silences, silencing
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.signals.silencing import Silence
from tocsin.signals.store import Disposition, Signal, Taken

_OfSignal = SignalAttached | SignalCleared | SignalFlapped

log = logging.getLogger(__name__)

BATCH = 500  # arrivals decided in one transaction
TOLD_ONE_BY_ONE = 10  # signals of one incident and one batch that get entries of their own
TITLES_KEPT = 5  # of those that are counted
FEW = 100  # at a time while senders wait to be answered
STRANGERS = 20  # incidents of one type that signals declare about services that the plan does not know
CROWDED = f"It joined the latest of {STRANGERS} such incidents about services that the plan does not know."
STAYS = "What it said before was on this incident, and so is this."
CALLING = (Disposition.DECLARED, Disposition.ATTACHED)


def decide(tx: Tx, taken: Sequence[Taken]) -> int:
    """Do what the plan's rules say about these arrivals, in their order. Returns how many there were."""
    if not taken:
        return 0
    plan = plans.current(tx)
    tx.memo["rules"] = routing.Rules(plan)
    before = signals.known(tx, [one.arrival for one in taken])
    after = dict(before)
    for one in taken:
        key = (one.arrival.source, one.arrival.key)
        after[key] = _learn(tx, plan, after.get(key), one)
    _record_gathered(tx)
    silences.note_silenced(tx, tx.memo.pop("silenced", {}))
    signals.add_all(tx, [signal for key, signal in after.items() if key not in before])
    signals.save_all(tx, [signal for key, signal in after.items() if key in before])
    quieting.see_to_noted(tx)
    signals.to_be_found(tx, [after[key] for key, known in before.items() if _reads_anew(known, after[key])])
    return len(taken)


def _reads_anew(before: Signal, after: Signal) -> bool:
    """Whether a search has to know: a signal that only goes on, or ends, reads as before."""
    if before.count == after.count:
        return False
    fires_again = before.state is not State.FIRING and after.state is State.FIRING
    return fires_again or (before.title, before.labels, before.severity) != (after.title, after.labels, after.severity)


def _learn(tx: Tx, plan: Plan, known: Signal | None, one: Taken) -> Signal:
    """The signal after this arrival, with whatever it called for done."""
    if known is None:
        signal = signals.first_seen(one.arrival, one.at)
    else:
        if flapping.is_over(signals.turns_of(known), one.at):
            known = _calmed(tx, known)
        signal = signals.seen_again(known, one.arrival, one.at)
        if not _is_news(known, signal):
            return signal
    signal = _turned(plan, known, signal, one.at)
    match signal.state:
        case State.FIRING:
            signal = _fires(tx, plan, signal, one)
        case State.ACKNOWLEDGED:
            _acknowledged_elsewhere(tx, signal)
        case State.RESOLVED:
            signal = _clears(tx, signal, known)
    if signal.flapping_since is not None:
        _tell_of_flapping(tx, plan, known, signal)
    return signals.remembered(signal, one.at)


def _is_news(before: Signal, after: Signal) -> bool:
    """Whether an arrival says more than that the same goes on."""
    if before.state is not after.state:
        return True
    same = before.labels == after.labels and before.severity == after.severity
    return after.state is State.FIRING and not same


def _fires(tx: Tx, plan: Plan, signal: Signal, one: Taken) -> Signal:
    rules: routing.Rules = tx.memo["rules"]
    route = rules.route(one.arrival)
    held = silencing.holding(_silences(tx), one.arrival, route, tx.now)
    signal = replace(signal, decided_at=tx.now, plan_revision=plans.current_id(tx))
    incident = _incident_of(tx, signal)
    if held is not None:
        return _held(tx, signal, held, route, incident)
    if isinstance(route, routing.Unrouted):
        return replace(signal, why=f"{route.why} {STAYS}") if incident else _waits(tx, signal, route.why)
    declared = incident is not None and incident.id == signal.incident_id and signal.disposition is Disposition.DECLARED
    disposition = Disposition.DECLARED if declared else Disposition.ATTACHED  # what it declared, it declared
    why = route.why
    if incident is None:
        incident, crowd = _place(tx, plan, route)
        why = f"{why} {crowd}" if crowd else why
    if incident is None and (incident := _cause(tx, plan, route)) is not None:
        why = f"{why} {symptom.why(plan, incident, route.service, route.components)}"
        route = replace(route, why=why)
    if incident is None:
        disposition = Disposition.DECLARED
        with assessing.called_for_by(tx, replace(signal, why=route.why)):
            incident = _declare(tx, plan, route, one)
    incident = _attach(tx, plans.load(tx, incident.plan_revision), incident, signal, route)
    return replace(signal, disposition=disposition, why=why, incident_id=incident.id, held_until=None)


def _place(tx: Tx, plan: Plan, route: routing.Route) -> tuple[Incident | None, str]:
    """The incident that a signal joins, if it calls for none of its own, and why where it is not about the same.

    A service that the plan does not know may be anything, and there may be any number: a host's name, a mistake in a
    rule. After so many incidents of a type that are about such, the next join the latest of them.
    """
    if route.service is not None and route.service not in plan.services:
        strangers = alike.about_others(tx, route.type, tuple(plan.services), STRANGERS)
        if len(strangers) == STRANGERS:
            same = strangers.get(route.service)
            found = incidents.load(tx, same or next(iter(strangers.values())))
            return found, "" if same else CROWDED
    return alike.open_like(tx, route.type, route.service), ""


def _cause(tx: Tx, plan: Plan, route: routing.Route) -> Incident | None:
    """The open incident of which this is a symptom, by what the plan says depends on what.

    One that would be worse than that, where a person has set the level, is declared by itself: nothing may hide it.
    """
    services = symptom.may_have_cause(plan, route.service, route.components)
    if not services:
        return None
    found = alike.unresolved_of(tx, services)
    cause = symptom.cause(plan, found, service=route.service, components=route.components, kind=route.type)
    if cause is None or cause.severity not in plan.severities or route.severity not in plan.severities:
        return None
    is_hidden = plan.worse(route.severity, cause.severity) and cause.severity_by != SYSTEM.handle
    return None if is_hidden else incidents.load(tx, cause.id)


def _silences(tx: Tx) -> list[Silence]:
    if "silences" not in tx.memo:
        tx.memo["silences"] = silences.in_force(tx, tx.now)
    found: list[Silence] = tx.memo["silences"]
    return found


def _held(
    tx: Tx, signal: Signal, held: Silence, route: routing.Route | routing.Unrouted, incident: Incident | None
) -> Signal:
    """Silenced: it declares, raises and reopens nothing. Those who work on such an incident already still see it."""
    is_told = _is_told(signal, incident)
    why = f"{silencing.held_back(held)} {route.why}"
    if incident is None and isinstance(route, routing.Route):
        incident = alike.open_like(tx, route.type, route.service)
    signal = replace(_waits(tx, signal, why), silence_id=held.id, held_until=held.over_at)
    tx.memo.setdefault("silenced", {})[held.id, signal.id] = tx.now
    if incident is not None:
        if not is_told:
            _put_on_record(tx, plans.load(tx, incident.plan_revision), incident, _attached(tx, signal, why))
        signal = replace(signal, incident_id=incident.id)
    return replace(signal, disposition=Disposition.SILENCED)


def _attached(tx: Tx, signal: Signal, why: str) -> SignalAttached:
    return SignalAttached(
        at=tx.now, by=SYSTEM.handle, signal_id=signal.id, title=signal.title, source=signal.source, why=why
    )


def _waits(tx: Tx, signal: Signal, why: str) -> Signal:
    """A signal that waits is on no incident, unless it was on a confidential one: then its readers alone see it."""
    secret = signal.incident_id is not None and sight.is_hidden(tx, signal.incident_id)
    kept = signal.incident_id if secret else None
    return replace(signal, disposition=Disposition.WAITING, why=why, incident_id=kept, held_until=None)


def _declare(tx: Tx, plan: Plan, route: routing.Route, one: Taken) -> Incident:
    started_at = one.arrival.started_at
    return commands.open_incident(
        tx,
        plan,
        title=route.title,
        severity=route.severity,
        type=route.type,
        service=route.service,
        components=route.components,
        source=one.arrival.source,
        trigger=one.arrival.trigger,
        why=route.why,
        started_at=min(started_at, one.at) if started_at else None,
        detected_at=one.at,
    )


def _attach(tx: Tx, plan: Plan, incident: Incident, signal: Signal, route: routing.Route) -> Incident:
    """Put the signal on the record, and let it raise the level or show a regression.

    A level that a person has set is a person's to change.
    """
    by, now = SYSTEM.handle, tx.now
    flaps = _is_told(signal, incident)
    is_told = flaps or (signal.incident_id == incident.id and _says_again(signal, route.why))
    regresses = incident.status is Status.WATCHING and not (flaps and _has_regressed(tx, incident, signal))
    known = route.severity in plan.severities
    raises = known and plan.worse(route.severity, incident.severity) and incident.severity_by == by
    if regresses or raises or not is_told:
        incident = _put_on_record(tx, plan, incident, _attached(tx, signal, route.why))
    if regresses:
        incident = _regresses(tx, plan, incident, signal)
    if raises:
        raised = lifecycle.change_severity(plan, incident, route.severity, route.why, by=by, now=now)
        incident = followups.record(tx, plan, incident, raised)
    return incident


def _regresses(tx: Tx, plan: Plan, incident: Incident, signal: Signal) -> Incident:
    return followups.record(
        tx, plan, incident, lifecycle.reopen(incident, _regression(signal), by=SYSTEM.handle, now=tx.now)
    )


def _regression(signal: Signal) -> str:
    return f"A regression during the watch: {signal.title}"


def _clears(tx: Tx, signal: Signal, known: Signal | None) -> Signal:
    incident = _incident_of(tx, signal)
    if incident and known and known.state is not State.RESOLVED:
        if signal.flapping_since is None:
            _put_on_record(tx, plans.load(tx, incident.plan_revision), incident, _cleared(tx, signal))
        signal = replace(signal, incident_id=incident.id)
    if signal.disposition is Disposition.WAITING:
        when = "It was over before anybody declared." if known else "It was over when it first came."
        return replace(signal, disposition=Disposition.CLEARED, why=when)
    if signal.disposition is Disposition.SILENCED:
        why = "It was over before the silence that held it back."
        return replace(signal, disposition=Disposition.CLEARED, why=why, held_until=None)
    return signal


def _cleared(tx: Tx, signal: Signal) -> SignalCleared:
    return SignalCleared(at=tx.now, by=SYSTEM.handle, signal_id=signal.id, title=signal.title)


# ---- What flaps ----


def _turned(plan: Plan, known: Signal | None, signal: Signal, at: datetime) -> Signal:
    """The signal with this change remembered, if it begins to fire, clears, or goes back to a severity that it had."""
    fired = known is not None and known.state is not State.RESOLVED
    changes = fired != (signal.state is not State.RESOLVED) or history.goes_back(signal.history, signal.severity)
    if not changes or not (plan.flapping or signal.turns):
        return signal
    return signals.with_turns(signal, flapping.turned(plan.flapping, signals.turns_of(signal), at))


def _is_told(signal: Signal, incident: Incident | None) -> bool:
    """Whether it flaps on an incident that it is on already: that is said once, and not each time that it fires."""
    return signal.flapping_since is not None and incident is not None and signal.incident_id == incident.id


def _says_again(signal: Signal, why: str) -> bool:
    """Whether it fires on for the same reason as before: only what no rule asks of it is another thing."""
    last = signal.history[-1] if signal.history else None
    return signal.state is State.FIRING and last is not None and history.is_same(last, signal.state, why)


def _has_regressed(tx: Tx, incident: Incident, signal: Signal) -> bool:
    """Whether it has reopened the incident in this spell."""
    since, why = signal.flapping_since, _regression(signal)
    entries = [one.entry for one in incidents.timeline(tx, incident.id)]
    return any(isinstance(one, Reopened) and one.because == why and since and one.at >= since for one in entries)


def _tell_of_flapping(tx: Tx, plan: Plan, known: Signal | None, signal: Signal) -> None:
    """Say it on the record: once a spell, and on each incident on which it comes to be."""
    has_begun = known is None or known.flapping_since is None or known.incident_id != signal.incident_id
    incident = _incident_of(tx, signal) if has_begun else None
    if incident is not None and plan.flapping is not None:
        why = flapping.counted(plan.flapping)
        flaps = SignalFlapped(at=tx.now, by=SYSTEM.handle, signal_id=signal.id, title=signal.title, why=why)
        _put_on_record(tx, plans.load(tx, incident.plan_revision), incident, flaps)


def _calmed(tx: Tx, signal: Signal) -> Signal:
    """Its spell is over, and what it says now counts."""
    last = signals.turns_of(signal).at[-1]
    signal = signals.with_turns(signal, flapping.CALM)
    incident = _incident_of(tx, signal)
    if incident is None:
        return signal
    plan = plans.load(tx, incident.plan_revision)
    is_over = signal.state is State.RESOLVED
    entry = _cleared(tx, signal) if is_over else _attached(tx, signal, "It flapped, is calm now, and still fires.")
    incident = _put_on_record(tx, plan, incident, entry)
    fired_since = incident.resolved_at is not None and incident.resolved_at <= last
    if incident.status is Status.WATCHING and fired_since and signal.disposition in CALLING and not is_over:
        _regresses(tx, plan, incident, signal)
    return replace(signal, incident_id=incident.id)


def calm(tx: Tx, due: Sequence[Signal]) -> int:
    """End the spells of signals that have not changed for long enough. Returns how many there were."""
    signals.save_all(tx, [_calmed(tx, one) for one in due])
    _record_gathered(tx)
    quieting.see_to_noted(tx)
    return len(due)


def calm_some(database: Database) -> int:
    """End a batch of spells that are over. One that can't be told of ends untold: it must not keep others waiting."""
    return _batch_or_one(
        database,
        "called calm",
        lambda tx, limit: calm(tx, signals.take_calm(tx, limit)),
        lambda tx, _: _calm_untold(tx),
    )


def _calm_untold(tx: Tx) -> int:
    found = signals.take_calm(tx, 1)
    signals.save_all(tx, [signals.with_turns(one, flapping.CALM) for one in found])
    return len(found)


@dataclass
class _Gathered:
    """What happened to one incident's signals in one unit of work."""

    told: int = 0
    attached: int = 0
    cleared: int = 0
    titles: list[str] = field(default_factory=list)


def _put_on_record(tx: Tx, plan: Plan, incident: Incident, entry: _OfSignal) -> Incident:
    """The first few signals stand on the timeline by themselves; of a storm the rest is counted."""
    quieting.note(tx, plan, incident, entry)
    gathered = tx.memo.setdefault("gathered", {}).setdefault(incident.id, _Gathered())
    if gathered.told < TOLD_ONE_BY_ONE:
        gathered.told += 1
        return followups.record(tx, plan, incident, [entry])
    gathered.attached += not isinstance(entry, SignalCleared)
    gathered.cleared += isinstance(entry, SignalCleared)
    if len(gathered.titles) < TITLES_KEPT and entry.title not in gathered.titles:
        gathered.titles.append(entry.title)
    return incident


def _record_gathered(tx: Tx) -> None:
    for incident_id, gathered in tx.memo.get("gathered", {}).items():
        if gathered.attached or gathered.cleared:
            incident = incidents.load(tx, incident_id)
            counted = SignalsGathered(
                at=tx.now,
                by=SYSTEM.handle,
                attached=gathered.attached,
                cleared=gathered.cleared,
                titles=tuple(gathered.titles),
            )
            followups.record(tx, plans.load(tx, incident.plan_revision), incident, [counted])


def _acknowledged_elsewhere(tx: Tx, signal: Signal) -> None:
    """Somebody acknowledged in the tool that sent it; that answers here as well."""
    incident = _incident_of(tx, signal)
    if incident and incident.status in UNRESOLVED:
        plan = plans.load(tx, incident.plan_revision)
        entries = lifecycle.acknowledge(incident, by=signal.source, now=tx.now, through=signal.source)
        followups.record(tx, plan, incident, entries)


def _incident_of(tx: Tx, signal: Signal) -> Incident | None:
    """The incident that this signal is on, or into which that was merged, as long as the signal can still change it."""
    if signal.incident_id is None:
        return None
    incident = incidents.survivor(tx, incidents.load(tx, signal.incident_id))
    return incident if incident.status in (*UNRESOLVED, Status.WATCHING) else None


def decide_some(database: Database, most: int = BATCH) -> int:
    """Decide one batch from the inbox, of so many at the most. Returns how many arrivals it held.

    When a batch can't be decided, its first arrival is tried alone, and one that still can't be is put into quarantine
    where a person sees it: nothing behind it waits.
    """
    try:
        limit = FEW if database.is_contended else most
        return database.run(SYSTEM, lambda tx: decide(tx, signals.take(tx, limit)))
    except (Overloaded, Overtaken, plans.NoPlan):
        return 0  # what was accepted stays in the inbox
    except Exception:
        log.exception("a batch of signals could not be decided; trying them one by one")
    try:
        return database.run(SYSTEM, lambda tx: decide(tx, signals.take_first(tx)))
    except Exception as error:
        log.exception("a signal could not be decided; it is in quarantine")
        reason = f"It was read, but could not be decided: {type(error).__name__}: {error}"
        return database.run(SYSTEM, lambda tx: quarantine.set_aside(tx, reason))


def release(tx: Tx, released: Sequence[Signal]) -> int:
    """Decide what was held back and is not over, as if it came now. Returns how many there were.

    Nobody waits for its sender to say it again: some say it once.
    """
    if not released:
        return 0
    plan = plans.current(tx)
    tx.memo["rules"] = routing.Rules(plan)
    signals.save_all(tx, [_released(tx, plan, one) for one in released])
    _record_gathered(tx)
    quieting.see_to_noted(tx)
    silences.note_silenced(tx, tx.memo.pop("silenced", {}))
    return len(released)


def _released(tx: Tx, plan: Plan, signal: Signal) -> Signal:
    is_over = signal.state is State.RESOLVED or signal.disposition is not Disposition.SILENCED
    signal = replace(signal, held_until=None)
    if is_over:
        return signal
    after = _fires(tx, plan, signal, Taken(0, tx.now, signals.as_arrival(signal)))
    if after.state is State.ACKNOWLEDGED and after.held_until is None:
        _acknowledged_elsewhere(tx, after)
    return signals.remembered(after, tx.now)


def release_some(database: Database) -> int:
    """Decide a batch of what was held back and is due. One that can't be decided waits for a person by itself."""
    return _batch_or_one(
        database,
        "released",
        lambda tx, limit: release(tx, silences.take_released(tx, limit)),
        lambda tx, error: _leave_to_people(
            tx, f"Its silence is over, but it could not be decided: {type(error).__name__}: {error}"
        ),
    )


def _batch_or_one(
    database: Database, what: str, batch: Callable[[Tx, int], int], give_up: Callable[[Tx, Exception], int]
) -> int:
    """See to a batch; if that fails, to its first alone; and if that fails too, give that one up and go on."""
    try:
        return database.run(SYSTEM, lambda tx: batch(tx, FEW))
    except (Overloaded, Overtaken, plans.NoPlan):
        return 0
    except Exception:
        log.exception("a batch of signals could not be %s; trying them one by one", what)
    try:
        return database.run(SYSTEM, lambda tx: batch(tx, 1))
    except (Overloaded, Overtaken, plans.NoPlan):
        return 0
    except Exception as error:
        log.exception("a signal could not be %s, and is given up", what)
        failure = error
    return database.run(SYSTEM, lambda tx: give_up(tx, failure))


def _leave_to_people(tx: Tx, why: str) -> int:
    found = silences.take_released(tx, 1)
    signals.save_all(tx, [signals.remembered(_waits(tx, one, why), tx.now) for one in found])
    return len(found)
