"""Our own looks at the health addresses of the plan: when, and what follows from what they see."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tocsin.db.engine import Tx
from tocsin.obligations import store as obligations
from tocsin.obligations.model import Duty, Kind, State
from tocsin.plan import store as plans
from tocsin.plan.model import Plan, Probe, Service
from tocsin.signals import store as signals
from tocsin.watch import outcomes
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Expectation, Reading
from tocsin.watch.store import Agreed

PREFIX = "look:"


@dataclass(frozen=True)
class Look:
    """A look that is due: `name` is `service/probe`."""

    name: str
    service_id: str
    service: Service
    probe: Probe


def schedule(tx: Tx) -> None:
    """Make the open looks those of the current plan. Doing it twice changes nothing."""
    wanted = {look.name: look for look in looks(plans.current(tx))}
    for standing in obligations.open_looks(tx):
        if wanted.pop(standing.key.removeprefix(PREFIX), None) is None:
            obligations.settle(tx, standing.id, State.VOID, "the plan no longer asks for it")
    for name in wanted:
        duty = Duty(key=PREFIX + name, kind=Kind.LOOK, what=f"Look at {name}", clause="", due_at=tx.now)
        obligations.open_duty(tx, None, duty)


def looks(plan: Plan) -> Iterator[Look]:
    for service_id, service in plan.services.items():
        for probe_id, probe in service.probes.items():
            yield Look(f"{service_id}/{probe_id}", service_id, service, probe)


def learn(tx: Tx, look: Look, reading: Reading) -> None:
    """Judge what a look saw, and once enough looks agree on a change, send it the way of every signal."""
    probe = look.probe
    outcome = outcomes.judge(reading, expectation(probe))
    standing = watch.load(tx, look.name)
    run = outcomes.advance(standing.run, outcome, tx.now)
    agreed = standing.confirmed
    change = outcomes.verdict(
        agreed.kind if agreed else None,
        run,
        probe.failures,
        probe.recoveries,
        previous_components=agreed.components if agreed else None,
    )
    standing = replace(standing, run=run, outcome=outcome, looked_at=tx.now)
    if change is None:
        watch.save(tx, standing)
        return
    watch.save(tx, replace(standing, confirmed=Agreed(change.kind, change.components)))
    arrival = outcomes.arrival(look.name, look.service.name, outcome, change.since)
    named = replace(arrival, labels={**arrival.labels, "service": look.service_id})
    signals.accept(tx, [signals.encode(named)])


def expectation(probe: Probe) -> Expectation:
    return Expectation(
        status_field=probe.status_field,
        healthy_values=probe.healthy_values,
        components_field=probe.components_field,
        good_values=probe.good_values,
        slow_after=probe.slow_after,
        timeout=probe.timeout,
    )
