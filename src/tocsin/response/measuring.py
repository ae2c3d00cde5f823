"""What follows from a reading of numbers: it is counted, kept, and judged like any other look."""

from dataclasses import replace

from tocsin.db.engine import Tx
from tocsin.plan import store as plans
from tocsin.response import looking, sampling
from tocsin.response.looking import MeasureLook
from tocsin.watch import measuring, outcomes
from tocsin.watch import store as watch
from tocsin.watch.measuring import Taken
from tocsin.watch.metering import Meter
from tocsin.watch.outcomes import Kind, Outcome, Reading
from tocsin.watch.store import Standing


def learn(tx: Tx, look: MeasureLook, reading: Reading) -> None:
    """Judge what a reading says, and once enough of them agree on a change, send it the way of every signal."""
    measure, standing = look.measure, watch.load(tx, look.name)
    taken = measuring.take(measure, standing.meter or Meter(), reading, tx.now)
    outcome, meter = _judged(tx, look, taken, reading)
    if taken.could_be_read and outcome.kind is Kind.UNKNOWN and _was_unreadable(standing):
        outcome = replace(outcome, kind=Kind.HEALTHY)  # or it would be told as unreadable until enough happens
    run = outcomes.advance(standing.run, outcome, tx.now)
    standing = replace(standing, meter=meter)
    looking.agree(tx, look, standing, run, outcome, (measure.failures, measure.recoveries))


def _was_unreadable(standing: Standing) -> bool:
    return standing.confirmed is not None and standing.confirmed.kind is Kind.UNREADABLE


def _judged(tx: Tx, look: MeasureLook, taken: Taken, reading: Reading) -> tuple[Outcome, Meter]:
    if taken.figure is None or taken.outcome is not None:
        return taken.outcome or outcomes.judge(reading, outcomes.Expectation()), taken.meter
    plan, measure, meter = plans.current(tx), look.measure, taken.meter
    _keep(tx, look, taken, measuring.weigh(plan, measure, taken.figure, reading, None, Meter()))
    if measure.usual is None:
        return measuring.weigh(plan, measure, taken.figure, reading, None, meter), meter
    meter = sampling.learned(tx, look.name, meter, measure.usual)
    recent = sampling.recently(tx, look.name, measure.usual)
    return measuring.weigh(plan, measure, taken.figure, reading, recent, meter), meter


def _keep(tx: Tx, look: MeasureLook, taken: Taken, outcome: Outcome) -> None:
    if taken.figure is None or outcome.kind is Kind.UNKNOWN:
        return
    count = taken.count if look.measure.errors else None
    failed, counted = (count.part, count.whole) if count else (0.0, 0.0)
    value = float(taken.figure.value) if taken.figure.value is not None else None
    is_usual = sampling.is_usual(tx, look.service_id, outcome)
    watch.add_sample(tx, look.name, value, failed, counted, is_usual=is_usual)
