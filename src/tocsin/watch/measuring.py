"""What a reading of numbers means: an outcome like that of any other look, in the plan's own bands. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tocsin.kit.text import span
from tocsin.plan.model import Plan
from tocsin.plan.watching import Measure, Reads, Usual
from tocsin.watch import metering, numbers, outcomes
from tocsin.watch.metering import Count, Figure, Meter
from tocsin.watch.outcomes import Expectation, Kind, Outcome, Reading, plain

ERROR_RATE, SLOWDOWN = "error_rate", "slowdown"
"""The labels under which rules find what was measured."""
_SENTENCE = 200


@dataclass(frozen=True)
class Taken:
    """A reading, taken: what is remembered from now on, and either what it comes to or why it says nothing.

    `could_be_read`, though perhaps too little happened for it to say anything.
    """

    meter: Meter
    figure: Figure | None
    count: Count | None = None
    outcome: Outcome | None = None
    could_be_read: bool = True


def take(measure: Measure, meter: Meter, reading: Reading, now: datetime) -> Taken:
    if reason := _unheard(measure, reading):
        return Taken(meter, None, outcome=reason, could_be_read=False)
    try:
        found = numbers.read(measure, reading)
    except numbers.Unreadable as why:
        said = f"{reading.status}, and {why}"
        return Taken(meter, None, outcome=_outcome(reading, Kind.UNREADABLE, said), could_be_read=False)
    except numbers.NotThere as why:
        return Taken(meter, None, outcome=_outcome(reading, Kind.UNKNOWN, str(why)))
    if not measure.counters:
        value = metering.exact(found[0])
        unit = "%" if measure.error_rate is not None else measure.unit
        return Taken(meter, Figure(value, f"it is {metering.amount(value, unit)}"))
    meter, count = metering.advance(meter, measure, found, now, numbers.marks(measure, reading))
    return Taken(meter, metering.figure(meter, measure, now), count)


def _unheard(measure: Measure, reading: Reading) -> Outcome | None:
    """Whether no numbers came. Of a service's own numbers that is nothing new, since its probe says whether it
    answers; of Prometheus nobody else speaks, and without it we are blind."""
    if reading.failure is None and reading.status is not None and reading.status < 300:
        return None
    if reading.failure is None and measure.reads is Reads.PROMQL and reading.status in (400, 422):
        return None  # it says in the body what is wrong with the query
    judged = outcomes.judge(reading, Expectation(timeout=measure.timeout))
    speaks_alone = measure.reads is Reads.PROMQL or judged.kind in (Kind.WRONG_BODY, Kind.UNREADABLE)
    kind = Kind.UNREADABLE if speaks_alone and judged.kind is not Kind.RATE_LIMITED else Kind.UNKNOWN
    said = f"{reading.status}, and no numbers" if judged.kind is Kind.WRONG_BODY else judged.reason
    return replace(judged, kind=kind, reason=said, components=(), states={})


def weigh(
    plan: Plan, measure: Measure, figure: Figure, reading: Reading, recent: float | None, meter: Meter
) -> Outcome:
    """What a figure means: its error rate by the bands, or its number by the limit and by what is usual."""
    if figure.value is None:
        return _outcome(reading, Kind.UNKNOWN, figure.said)
    if measure.errors or measure.error_rate is not None:
        return _rated(plan, reading, figure.value, figure.said)
    if measure.above is not None and figure.value > measure.above:
        said = f"{figure.said}; more than {metering.amount(measure.above, measure.unit)}"
        shown = {"number": f"{figure.value.normalize():f}"}
        return replace(_outcome(reading, Kind.OVER, said), measured=shown)
    well = _outcome(reading, Kind.HEALTHY, figure.said)
    return against_usual(plan, well, measure.usual, recent, meter.usual, measure.unit) if measure.usual else well


def _rated(plan: Plan, reading: Reading, rate: Decimal, said: str) -> Outcome:
    """No rate is beyond what the bands can hold: a query may say 120 %, and then everything failed."""
    rate = min(max(rate, Decimal(0)), Decimal(100))
    level = plan.banded(rate)
    if level is None or rate == 0:
        return _outcome(reading, Kind.HEALTHY, said)
    measured = {ERROR_RATE: f"{rate.normalize():f}"}
    return replace(_outcome(reading, Kind.ERRORS, said), grade=level, measured=measured)


def against_usual(
    plan: Plan, outcome: Outcome, usual: Usual, recent: float | None, known: float | None, unit: str
) -> Outcome:
    """The same outcome; or, where nothing else is wrong, that it is slower than usual, by so much that a band holds
    it."""
    percent = metering.slowdown(known, recent, usual.ignore)
    level = plan.slowed(percent) if percent is not None else None
    if outcome.kind is not Kind.HEALTHY or percent is None or level is None or known is None or recent is None:
        return outcome
    now_, then = (metering.amount(metering.exact(one), unit) for one in (recent, known))
    said = f"by {metering.shown(percent)} %: {now_} in the last {span(usual.within)}, usually {then}"
    measured = {SLOWDOWN: f"{percent.normalize():f}"}
    return replace(outcome, kind=Kind.SLOWER, reason=said, grade=level, measured=measured)


def _outcome(reading: Reading, kind: Kind, said: str) -> Outcome:
    return Outcome(kind=kind, latency=reading.took, reason=plain(said, _SENTENCE), path=reading.path)
