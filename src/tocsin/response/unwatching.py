"""What the plan no longer asks us to look at: it troubles nobody any more."""

from tocsin.db.engine import Tx
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.watch import store as watch

SOURCES = ("probe", "vendor", "measure", "log", "journey", "heartbeat")


def forget(tx: Tx, name: str) -> None:
    """End the signal of a look, which nothing would end any more. Should the plan ask for it again, it begins anew."""
    watch.forget(tx, name)
    asked = [Arrival(source=one, key=f"{one}:{name}", title=name) for one in SOURCES]
    for found in signals.known(tx, asked).values():
        if found.state is State.FIRING:
            signals.accept(tx, [signals.encode(_over(found))])


def _over(found: signals.Signal) -> Arrival:
    return Arrival(
        source=found.source,
        key=found.key,
        state=State.RESOLVED,
        title=found.title,
        trigger=found.trigger,
        labels=found.labels,
        details={**found.details, "reason": "the plan no longer asks for it"},
    )
