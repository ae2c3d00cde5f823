"""Our own looks at the addresses of the plan: when, and what follows from what they see."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from tocsin.db.engine import Tx
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind, State
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.plan.services import Service
from tocsin.plan.watching import Journey, Log, Measure, Probe
from tocsin.response import blindness, sampling, unwatching
from tocsin.signals import routing
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.watch import outcomes, statuspages
from tocsin.watch import store as watch
from tocsin.watch.logs import Tail
from tocsin.watch.outcomes import Change, Expectation, Outcome, Reading, Run
from tocsin.watch.store import Agreed, Standing

PREFIX = "look:"
PAGE, VENDOR = "status_page", "vendor"
_NEVER_READ = Tail()
WAIT_FOR_PAGE = timedelta(seconds=10)


@dataclass(frozen=True)
class Look:
    """A look that is due: `name` is `service/probe`. `before` is how it stood, where one more bad look may count.

    Of a vendor, whose probes have the source `vendor`, the vendor stands in place of the service.
    """

    name: str
    service_id: str
    service: Service
    probe: Probe
    before: "Before | None" = None
    source: str = "probe"

    @property
    def every(self) -> timedelta:
        return self.probe.every


@dataclass(frozen=True)
class Before:
    """What it takes to say beforehand what would follow from a look."""

    plan: Plan
    standing: Standing
    at: datetime
    together: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasureLook:
    """A reading of numbers that is due: `name` is `service/measure`."""

    name: str
    service_id: str
    service: Service
    measure: Measure
    source = "measure"

    @property
    def every(self) -> timedelta:
        return self.measure.every


@dataclass(frozen=True)
class LogLook:
    """A log that is to be read on from where its `tail` ends: `name` is `service/log`."""

    name: str
    service_id: str
    service: Service
    log: Log
    tail: Tail = _NEVER_READ
    rests: bool = False  # we were asked not to ask for now
    source = "log"

    @property
    def every(self) -> timedelta:
        return self.log.every


@dataclass(frozen=True)
class JourneyLook:
    """A journey that is to be walked, unless that was done often enough today: `name` is `service/journey`."""

    name: str
    service_id: str
    service: Service
    journey: Journey
    walked: int = 0
    source = "journey"

    @property
    def every(self) -> timedelta:
        return self.journey.every


@dataclass(frozen=True)
class PageLook:
    """A look that is due at a vendor's status page: `name` is `vendor/status_page`, `known` the path that answered."""

    name: str
    vendor_id: str
    address: str
    every: timedelta
    known: str = ""
    source = "page"  # of no signal


@dataclass(frozen=True)
class Beat:
    """A sign of life that is to come: `name` is `service/heartbeat`. It is due when it is missed."""

    name: str
    service_id: str
    service: Service
    every: timedelta
    grace: timedelta
    runs_within: timedelta | None = None
    source = "heartbeat"


AnyLook = Look | MeasureLook | LogLook | JourneyLook | PageLook


def schedule(tx: Tx) -> None:
    """Make the open looks those of the current plan. Doing it twice changes nothing."""
    wanted = every_look(plans.current(tx))
    standing_now = {one.key.removeprefix(PREFIX): one for one in obligations.open_looks(tx)}
    replaced = unwatching.replaced(tx, {name: one.source for name, one in wanted.items() if name in standing_now})
    for name, standing in standing_now.items():
        if name in replaced:
            obligations.settle(tx, standing.id, State.VOID, "the plan gives its name to something else")
        elif wanted.pop(name, None) is None:
            obligations.settle(tx, standing.id, State.VOID, "the plan no longer asks for it")
            unwatching.forget(tx, name)
    for name, one in wanted.items():
        due_at = tx.now + one.every + one.grace if isinstance(one, Beat) else tx.now
        what = f"Hear of {name}" if isinstance(one, Beat) else f"Look at {name}"
        duty = Duty(key=PREFIX + name, kind=Kind.LOOK, what=what, clause="", due_at=due_at)
        obligations.open_duty(tx, None, duty)


def looks(plan: Plan) -> Iterator[Look]:
    for service_id, service in plan.services.items():
        for probe_id, probe in service.probes.items():
            yield Look(f"{service_id}/{probe_id}", service_id, service, probe)


def looks_at_vendors(plan: Plan) -> Iterator[Look]:
    for key, vendor in plan.vendors.items():
        for name, probe in vendor.probes.items():
            yield Look(f"{key}/{name}", key, Service(name=vendor.name, probes=vendor.probes), probe, source=VENDOR)


def measures(plan: Plan) -> Iterator[MeasureLook]:
    for service_id, service in plan.services.items():
        for name, one in service.measures.items():
            yield MeasureLook(f"{service_id}/{name}", service_id, service, one)


def logs(plan: Plan) -> Iterator[LogLook]:
    for service_id, service in plan.services.items():
        for name, one in service.logs.items():
            yield LogLook(f"{service_id}/{name}", service_id, service, one)


def journeys(plan: Plan) -> Iterator[JourneyLook]:
    for service_id, service in plan.services.items():
        for name, one in service.journeys.items():
            yield JourneyLook(f"{service_id}/{name}", service_id, service, one)


def pages(plan: Plan) -> Iterator[PageLook]:
    """The vendors' pages that are read. A vendor's key is none of a service's, so no probe has such a name."""
    for key, vendor in plan.vendors.items():
        if vendor.status_page and vendor.look_every:
            yield PageLook(page_name(key), key, vendor.status_page, vendor.look_every)


def page_name(vendor_id: str) -> str:
    return f"{vendor_id}/{PAGE}"


def beats(plan: Plan) -> Iterator[Beat]:
    for service_id, service in plan.services.items():
        for name, one in service.heartbeats.items():
            yield Beat(f"{service_id}/{name}", service_id, service, one.every, one.grace, one.runs_within)


def every_look(plan: Plan) -> dict[str, AnyLook | Beat]:
    """What is due by itself: the looks that we take, and the signs of life for which we wait."""
    ours: list[AnyLook] = [
        *looks(plan),
        *looks_at_vendors(plan),
        *measures(plan),
        *logs(plan),
        *journeys(plan),
        *pages(plan),
    ]
    found: list[AnyLook | Beat] = [*ours, *beats(plan)]
    return {look.name: look for look in found}


def ready(tx: Tx, look: AnyLook) -> AnyLook:
    """The same look, with what is to be known before it is taken."""
    if isinstance(look, Look):
        standing = watch.load(tx, look.name)
        is_near = look.probe.failures == 1 or (standing.run is not None and standing.run.unwell > 0)
        if not is_near:
            return look
        return replace(look, before=Before(plans.current(tx), standing, tx.now, _together(tx, look)))
    if isinstance(look, LogLook):
        tail = watch.load(tx, look.name).tail or Tail()
        return replace(look, tail=tail, rests=tail.rests_until is not None and tx.now < tail.rests_until)
    if isinstance(look, JourneyLook):
        return replace(look, walked=sampling.looks_since(tx, look.name, tx.now - timedelta(days=1)))
    if not isinstance(look, PageLook):
        return look
    last = watch.load(tx, look.name).outcome
    return replace(look, known=last.path) if last else look


def learn_page(tx: Tx, look: PageLook, reading: Reading, more: Reading | None) -> None:
    """Keep what a vendor says of itself. It is no signal: it says how the vendor is, and not how we are."""
    outcome = statuspages.judge_page(reading, more, Expectation(timeout=WAIT_FOR_PAGE))
    standing = watch.load(tx, look.name)
    run = outcomes.advance(standing.run, outcome, tx.now)
    watch.save(tx, replace(standing, run=run, outcome=outcome, looked_at=tx.now))


def is_grave(look: Look, reading: Reading, control: Reading | None = None) -> bool:
    """Whether this look would declare the worst that the plan knows: then it is worth a second look before."""
    before = look.before
    if before is None:
        return False
    outcome = outcomes.judge(reading, expectation(look.probe))
    outcome = outcomes.with_control(outcome, reading, control) if control else outcome
    run = outcomes.advance(before.standing.run, outcome, before.at, out_of=look.probe.out_of or 0)
    change = _change(before.standing, run, (look.probe.failures, look.probe.recoveries))
    if change is None or change.kind is outcomes.Kind.HEALTHY or outcome.kind in outcomes.LEARNED_NOTHING:
        return False
    route = routing.route(before.plan, _arrival(look, outcome, change, before.together))
    return isinstance(route, routing.Route) and before.plan.rank(route.severity) == 0


def seen_twice(reading: Reading, again: Reading, probe: Probe) -> Reading:
    """Which of two looks counts: the second where it is any better, and otherwise the first."""
    bad, second = (outcomes.judge(one, expectation(probe)) for one in (reading, again))
    differs = (second.kind, second.components) != (bad.kind, bad.components)
    return again if differs and second.kind not in outcomes.NOT_ANSWERING else reading


def _change(standing: Standing, run: Run, needed: tuple[int, int]) -> Change | None:
    agreed = standing.confirmed
    return outcomes.verdict(
        agreed.kind if agreed else None,
        run,
        *needed,
        previous_components=agreed.components if agreed else None,
        previous_grade=agreed.grade if agreed else None,
    )


def _together(tx: Tx, look: Look | MeasureLook | LogLook | JourneyLook) -> tuple[str, ...]:
    """Of a vendor's probe: all vendors that do not serve us by now, this one among them."""
    if look.source != VENDOR:
        return ()
    others = (one for one in looks_at_vendors(plans.current(tx)) if one.service_id != look.service_id)
    down = (one.service_id for one in others if (known := watch.seen(tx, one.name).confirmed) and known.kind in _DOWN)
    return tuple(sorted({look.service_id, *down}))


_DOWN = outcomes.NOT_ANSWERING | {outcomes.Kind.DENIED, outcomes.Kind.WRONG_BODY, outcomes.Kind.DEGRADED}


def _arrival(
    look: Look | MeasureLook | LogLook | JourneyLook, outcome: Outcome, change: Change, together: tuple[str, ...] = ()
) -> Arrival:
    arrival = outcomes.arrival(look.name, _called(look), outcome, change.since, look.source)
    labels = {**arrival.labels, "service": look.service_id}
    if look.source == VENDOR:
        labels = labels | {"vendor": labels.pop("service"), "probe": look.name, "path": outcome.path}
        if len(together) > 1 and outcome.kind in _DOWN:
            labels["together"] = ",".join(together)
    if change.kind is outcomes.Kind.HEALTHY or change.seen == (1, 1):
        return msgspec.structs.replace(arrival, labels=labels)
    times, of = change.seen
    details = {**arrival.details, "reason": f"{outcome.reason}; so {times} of {of} times"}
    return msgspec.structs.replace(arrival, labels=labels, details=details)


def _called(look: Look | MeasureLook | LogLook | JourneyLook) -> str:
    """The service; and which of its probes, measures or logs, where it has more than one. A journey names itself."""
    service = look.service
    alike = {"probe": service.probes, "measure": service.measures, "log": service.logs, VENDOR: service.probes}.get(
        look.source, {}
    )
    which = look.name.partition("/")[2].replace("_", " ")
    return f"{service.name} {which}" if len(alike) > 1 else service.name


def learn(tx: Tx, look: Look, reading: Reading, control: Reading | None = None) -> None:
    """Judge what a look saw, and once enough looks agree on a change, send it the way of every signal.

    `control` is what a look at the control saw, where one was taken.
    """
    probe = look.probe
    outcome = outcomes.judge(reading, expectation(probe))
    outcome = outcomes.with_certificate(outcome, reading, expectation(probe), tx.now)
    outcome = outcomes.with_control(outcome, reading, control) if control else outcome
    standing = watch.load(tx, look.name)
    sampling.keep_look(tx, look.name, look.service_id, outcome)
    if probe.usual:
        standing, outcome = sampling.against_usual(tx, standing, outcome, probe.usual, "s")
    run = outcomes.advance(standing.run, outcome, tx.now, out_of=probe.out_of or 0)
    blindness.tell(tx, look.name, standing.run.blind if standing.run else 0, run.blind, probe.failures)
    agree(tx, look, standing, run, outcome, (probe.failures, probe.recoveries))


def learn_walk(tx: Tx, look: JourneyLook, outcome: Outcome, walks: int) -> None:
    """Judge a walk that was taken so many times, the last of which counts."""
    standing = watch.load(tx, look.name)
    if outcome.kind in outcomes.NOT_ANSWERING and not _is_news_of(tx, look, standing, outcome):
        outcome = replace(outcome, kind=outcomes.Kind.UNKNOWN)
    for _ in range(walks):
        sampling.keep_walk(tx, look.name, look.service_id, outcome)
    run = outcomes.advance(standing.run, outcome, tx.now)
    agree(tx, look, standing, run, outcome, (look.journey.failures, look.journey.recoveries))


def _is_news_of(tx: Tx, look: JourneyLook, standing: Standing, outcome: Outcome) -> bool:
    """Whether a step without an answer is more than the service's own probes say, which look again in seconds.

    A probe that is well says that the service answers, and not this step: once it has looked since the walk began, or
    if the walk before got no answer either.
    """
    probes = [watch.seen(tx, f"{look.service_id}/{one}") for one in look.service.probes]
    if any(one.outcome is None or one.outcome.kind in outcomes.NOT_ANSWERING for one in probes):
        return False
    looked = all(one.looked_at is not None and one.looked_at > tx.now - outcome.latency for one in probes)
    before = standing.outcome
    return looked or (before is not None and "step" in before.measured and before.kind is outcomes.Kind.UNKNOWN)


def agree(
    tx: Tx,
    look: Look | MeasureLook | LogLook | JourneyLook,
    standing: Standing,
    run: Run,
    outcome: Outcome,
    needed: tuple[int, int],
) -> Standing:
    """Keep what was seen, and what is agreed on by now; a change of that is a signal. `needed` are so many looks that
    agree on trouble, and so many on its end.

    That all is well from the first is no change: nothing fired that would be over.
    """
    change = _change(standing, run, needed)
    standing = replace(standing, run=run, outcome=outcome, looked_at=tx.now)
    if change is None:
        watch.save(tx, standing)
        return standing
    settled = replace(run, lately=())  # what is agreed on is counted anew, or one bad look would bring it back
    agreed = Agreed(change.kind, change.components, change.grade)
    standing = replace(standing, run=settled, confirmed=agreed)
    watch.save(tx, standing)
    if change.previous is not None or change.kind is not outcomes.Kind.HEALTHY:
        signals.accept(tx, [signals.encode(_arrival(look, outcome, change, _together(tx, look)))])
    return standing


def expectation(probe: Probe) -> Expectation:
    return Expectation(
        status_field=probe.status_field,
        healthy_values=probe.healthy_values,
        components_field=probe.components_field,
        good_values=probe.good_values,
        slow_after=probe.slow_after,
        timeout=probe.timeout,
        certificate_days=probe.certificate_days,
        answer=probe.expects,
        schema=probe.schema,
        token=probe.token or "",
    )
