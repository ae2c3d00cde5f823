"""Keeping what looks measure, and learning from it what is usual: never from the time of an incident."""

from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.db.engine import Tx
from tocsin.incidents import alike
from tocsin.plan import store as plans
from tocsin.plan.watching import Usual
from tocsin.watch import measuring, metering
from tocsin.watch import store as watch
from tocsin.watch.metering import Meter
from tocsin.watch.outcomes import LEARNED_NOTHING, NOT_ANSWERING, Kind, Outcome
from tocsin.watch.store import Standing

LEARNED_FOR = timedelta(minutes=15)  # what is usual changes slowly, and is asked for at every look
_FAILED = NOT_ANSWERING | {Kind.WRONG_BODY, Kind.DENIED}


def keep_look(tx: Tx, name: str, service: str, outcome: Outcome) -> None:
    """Keep how long an answer took, or that none came."""
    if outcome.kind in LEARNED_NOTHING:
        return
    failed = outcome.kind in _FAILED
    took = None if failed else outcome.latency.total_seconds()
    watch.add_sample(tx, name, took, float(failed), 1.0, is_usual=is_usual(tx, service, outcome))


def keep_walk(tx: Tx, name: str, service: str, outcome: Outcome) -> None:
    """Keep how long a walk took, and that it was taken, whatever it learned: it may have cost something."""
    went_well = outcome.kind in (Kind.HEALTHY, Kind.SLOW)
    took = outcome.latency.total_seconds() if went_well else None
    failed = float(not went_well and outcome.kind not in LEARNED_NOTHING)
    watch.add_sample(tx, name, took, failed, 1.0, is_usual=is_usual(tx, service, outcome))


def looks_since(tx: Tx, name: str, since: datetime) -> int:
    return round(sum(one.counted for one in watch.samples(tx, name, since)))


def is_usual(tx: Tx, service: str, outcome: Outcome) -> bool:
    """Whether this is a time to learn from: nothing is wrong, and no incident of the service is open."""
    return outcome.kind is Kind.HEALTHY and not alike.is_troubled(tx, service)


def against_usual(tx: Tx, standing: Standing, outcome: Outcome, usual: Usual, unit: str) -> tuple[Standing, Outcome]:
    """The outcome, held against what is usual for this probe."""
    meter = learned(tx, standing.name, standing.meter or Meter(), usual)
    recent = recently(tx, standing.name, usual)
    judged = measuring.against_usual(plans.current(tx), outcome, usual, recent, meter.usual, unit)
    return replace(standing, meter=meter), judged


def learned(tx: Tx, name: str, meter: Meter, usual: Usual) -> Meter:
    """What is usual by now. It is learned anew now and then; until something is, at every look."""
    if meter.usual is not None and meter.learned_at is not None and tx.now - meter.learned_at < LEARNED_FOR:
        return meter
    # The last minutes are what is judged: they do not say what is usual.
    known = [one for one in watch.samples(tx, name, tx.now - usual.over) if one.is_usual]
    before = [one for one in known if one.at + one.span <= tx.now - usual.within]
    return replace(meter, usual=metering.median(before, usual.least), learned_at=tx.now)


def recently(tx: Tx, name: str, usual: Usual) -> float | None:
    return metering.median(watch.samples(tx, name, tx.now - usual.within))
