"""What the plan no longer asks us to look at: it troubles nobody any more."""

from collections.abc import Iterable, Iterator, Mapping

from tocsin.db.engine import Tx
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival, State
from tocsin.watch import logs
from tocsin.watch import store as watch

SOURCES = ("probe", "vendor", "measure", "log", "journey", "heartbeat")


def forget(tx: Tx, name: str) -> None:
    """End the signals of a look, which nothing would end any more. Should the plan ask for it again, it begins anew."""
    _end(tx, _keys(name, "", watch.seen(tx, name)))
    watch.forget(tx, name)


def replaced(tx: Tx, sources: Mapping[str, str]) -> set[str]:
    """Of these looks, by name with what each is now, those whose name stood for something else that fires to this day:
    that is ended, and they begin anew."""
    standings = watch.standings(tx)
    others = {key: name for name, source in sources.items() for key in _keys(name, source, standings.get(name))}
    found = {others[one] for one in _end(tx, others)}
    for name in found:
        watch.forget(tx, name)
    return found


def _keys(name: str, source: str, standing: watch.Standing | None) -> Iterator[tuple[str, str]]:
    """The source and key of every signal that a look of this name can have, but for those of one source."""
    yield from ((one, f"{one}:{name}") for one in SOURCES if one != source)
    if source != logs.SOURCE and standing is not None and standing.tail is not None:
        yield from ((logs.SOURCE, logs.key(name, one)) for one in standing.tail.heard)


def _end(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    asked = [Arrival(source=source, key=key, title=key) for source, key in keys]
    firing = {key: one for key, one in signals.known(tx, asked).items() if one.state is State.FIRING}
    if firing:
        signals.accept(tx, [signals.encode(_over(one)) for one in firing.values()])
    return list(firing)


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
