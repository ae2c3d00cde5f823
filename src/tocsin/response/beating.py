"""Signs of life: what follows when one comes, and when one is missed."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from tocsin.audit import store as audit
from tocsin.audit.model import Deed
from tocsin.db import settings as kept
from tocsin.db.engine import Tx
from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import NotFound
from tocsin.kit.text import clip, listed, span
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Obligation, State
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import looking
from tocsin.response.looking import Beat
from tocsin.signals import store as signals
from tocsin.watch import heartbeats
from tocsin.watch import store as watch
from tocsin.watch.heartbeats import Ping, Run, Word
from tocsin.watch.outcomes import Kind, Outcome
from tocsin.watch.store import Agreed

NOTICED_AFTER = timedelta(minutes=3)  # a shorter absence is bridged by jobs that try again


class NoHeartbeat(NotFound):
    """No heartbeat of the plan has this address."""


@dataclass(frozen=True)
class Shown:
    """A heartbeat, as whoever sets up its job sees it. `address` is secret: who has it can speak for the job."""

    name: str
    address: str
    every: str
    grace: str
    state: str
    said: str
    heard_at: datetime | None
    due_at: datetime | None
    runs_within: str = ""
    runs: tuple[Run, ...] = ()


def known(tx: Tx, secret: str) -> Beat:
    """The heartbeat whose address this is. Raises NoHeartbeat."""
    key, turns = kept.signing_key(tx), _turns(tx)
    for beat in looking.beats(plans.current(tx)):
        own = heartbeats.secret(key, beat.name, turns.get(beat.name, 0))
        if hmac.compare_digest(own.encode(), secret.encode()):
            return beat
    raise NoHeartbeat


def named(tx: Tx, name: str) -> Beat:
    """The heartbeat with this name, or, where only one service has it, with this name in its service."""
    every = list(looking.beats(plans.current(tx)))
    found = [one for one in every if one.name == name] or [one for one in every if one.name.endswith(f"/{name}")]
    if len(found) != 1:
        known = listed(one.name for one in every) or "none"
        raise NoHeartbeat(f"The plan has no heartbeat, or several, called '{clip(name, 60)}'; there is {known}.")
    return found[0]


def replace_address(tx: Tx, name: str) -> None:
    """Give a heartbeat another secret address. The one before is good for nothing from here on."""
    access.require(tx.actor, access.PLAN_WRITE)
    beat, turns = named(tx, name), _turns(tx)
    kept.write(
        tx, kept.HEARTBEAT_TURNS, msgspec.json.encode({**turns, beat.name: turns.get(beat.name, 0) + 1}).decode()
    )
    audit.record(tx, Deed.SETTING_CHANGED, kept.HEARTBEAT_TURNS, f"another address for the heartbeat {beat.name}")


def _turns(tx: Tx) -> dict[str, int]:
    return msgspec.json.decode(kept.read(tx, kept.HEARTBEAT_TURNS) or "{}", type=dict[str, int])


def hear(tx: Tx, beat: Beat, ping: Ping) -> None:
    """Keep a sign of life, and move on the instant at which the next is missed."""
    owed = _owed(tx, beat)
    if owed is None:
        looking.schedule(tx)
        owed = _owed(tx, beat)
    if owed is not None:
        obligations.renew(tx, owed, heartbeats.due_at(ping, beat.every, beat.grace, owed.due_at, tx.now))
    tx.wakes = True
    # After what is owed, as whoever misses it does: two that lock in another order would wait for each other.
    standing = watch.load(tx, beat.name)
    outcome = heartbeats.outcome(ping, standing.confirmed.kind if standing.confirmed else Kind.HEALTHY)
    standing = replace(standing, outcome=outcome, looked_at=tx.now)
    standing = replace(standing, runs=heartbeats.with_ping(standing.runs, ping, tx.now))
    if owed is not None and beat.runs_within is not None:
        due_at = heartbeats.due_after(ping, standing.runs, beat.every, beat.grace, beat.runs_within, tx.now)
        obligations.renew(tx, owed, due_at)
    if ping.word is Word.START:
        watch.save(tx, standing)
    else:
        _agree(tx, beat, standing, outcome, ping.said)


def miss(tx: Tx, beat: Beat, owed: Obligation) -> None:
    """Nothing came in time. From here on it is asked again once a period."""
    obligations.renew(tx, owed, tx.now + beat.every)
    standing = watch.load(tx, beat.name)
    outcome, runs = _missed(beat, standing, tx.now)
    standing = replace(standing, runs=runs)
    if standing.outcome and standing.outcome.kind is Kind.SILENT:
        watch.save(tx, standing)  # it is told already
    else:
        _agree(tx, beat, replace(standing, outcome=outcome), outcome)


def _missed(beat: Beat, standing: watch.Standing, now: datetime) -> tuple[Outcome, tuple[Run, ...]]:
    """What was missed: the end of a run, or any word at all."""
    if beat.runs_within is not None:
        runs = heartbeats.missed(standing.runs, beat.runs_within, now)
        late = next((one for one in runs if one.overdue and one not in standing.runs), None)
        if late is not None:
            return heartbeats.unended(late, beat.runs_within), runs
    return heartbeats.silence(standing.looked_at), standing.runs


def after_silence(tx: Tx) -> None:
    """Write down that we are there. If nobody was for a while, signs of life may have come to a server that was down:
    a job whose word may be among them is waited for once more, before it is missed."""
    said = kept.read(tx, kept.THERE_AT)
    kept.write(tx, kept.THERE_AT, str(to_millis(tx.now)))
    gone_at = from_millis(int(said)) if said else tx.now
    if tx.now - gone_at < NOTICED_AFTER:
        return
    for beat in looking.beats(plans.current(tx)):
        owed = _owed(tx, beat)
        if owed and gone_at < owed.due_at <= tx.now + beat.grace:
            obligations.renew(tx, owed, tx.now + beat.every + beat.grace)


def _agree(tx: Tx, beat: Beat, standing: watch.Standing, outcome: Outcome, output: str = "") -> None:
    before = standing.confirmed
    watch.save(tx, replace(standing, confirmed=Agreed(outcome.kind, ())))
    was = before.kind if before else Kind.HEALTHY
    if was is not outcome.kind:
        about = (beat.name, beat.service_id, beat.service.name)
        arrival = heartbeats.arrival(*about, outcome, tx.now, output)
        signals.accept(tx, [signals.encode(arrival)])


def _owed(tx: Tx, beat: Beat) -> Obligation | None:
    found = obligations.of_keys(tx, [looking.PREFIX + beat.name])
    return next((one for one in found if one.state is State.OPEN), None)


def shown(tx: Tx) -> list[Shown]:
    """The heartbeats of the plan with their secret addresses, for whoever may change the plan."""
    access.require(tx.actor, access.PLAN_WRITE)
    return list(_shown(tx, plans.current(tx)))


def standing(tx: Tx) -> list[Shown]:
    """The same for whoever may read: without an address, unless they may change the plan."""
    access.require(tx.actor, access.INCIDENT_READ)
    found = list(_shown(tx, plans.current(tx)))
    return found if tx.actor.may(access.PLAN_WRITE) else [replace(one, address="") for one in found]


def _shown(tx: Tx, plan: Plan) -> Iterator[Shown]:
    key, standings, turns = kept.signing_key(tx), watch.standings(tx), _turns(tx)
    base = (kept.read(tx, kept.BASE_URL) or "").rstrip("/")
    for beat in looking.beats(plan):
        standing, owed = standings.get(beat.name), _owed(tx, beat)
        outcome = standing.outcome if standing else None
        yield Shown(
            name=beat.name,
            address=f"{base}/in/heartbeat/{heartbeats.secret(key, beat.name, turns.get(beat.name, 0))}",
            every=span(beat.every),
            grace=span(beat.grace),
            state=outcome.kind.value if outcome else "waiting",
            said=outcome.reason if outcome else "never heard of yet",
            heard_at=standing.looked_at if standing else None,
            due_at=owed.due_at if owed else None,
            runs_within=span(beat.runs_within) if beat.runs_within else "",
            runs=standing.runs if standing else (),
        )
