"""How fast people are reached: from the instant at which a page was meant to leave to that at which it was there.

What counts is what the receipts say. A way whose provider says what arrived has reached somebody when it says so; any
other, when its provider has taken the message. A sign of the reader's counts for either.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

AT_ONCE = timedelta(0)
SILENT_AFTER = timedelta(hours=1)  # by then a provider that says what arrived has said it
MEDIAN, MOST = 50, 95  # in a hundred


@dataclass(frozen=True, kw_only=True)
class Travel:
    """One message of a page or a test, and when it came to each station. `round` is what went to somebody at once, by
    however many ways; `carrier` is the provider that took it."""

    round: str
    person: str
    channel: str
    is_test: bool
    meant_at: datetime
    carrier: str = ""
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    has_failed: bool = False

    def reached_at(self, confirming: Collection[str]) -> datetime | None:
        taken = self.accepted_at if self.carrier not in confirming and not self.has_failed else None
        known = [one for one in (taken, self.delivered_at, self.seen_at) if one is not None]
        return max(min(known), self.meant_at) if known else None


@dataclass(frozen=True)
class Spread:
    """How long something took, of so many. None where it took for ever in that share of them, or there is none."""

    count: int
    p50: timedelta | None
    p95: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Way:
    """One channel to one person: how many pages and tests it carried, and how long each station took."""

    channel: str
    pages: int
    tests: int
    failures: int
    accepted: Spread
    delivered: Spread
    seen: Spread


@dataclass(frozen=True, kw_only=True)
class Reached:
    """One person: how often they were paged or tested, how often nothing came through, and how soon the first of their
    ways did. `is_kept` says whether the objective was; None where there is none, or nothing to judge by."""

    person: str
    rounds: int
    failures: int
    time: Spread
    is_kept: bool | None
    ways: tuple[Way, ...]


@dataclass(frozen=True, kw_only=True)
class Reach:
    period_start: datetime
    period_end: datetime
    objective: timedelta | None
    people: tuple[Reached, ...]


def reach(
    travels: Iterable[Travel],
    people: Sequence[str],
    objective: timedelta | None,
    period_start: datetime,
    period_end: datetime,
) -> Reach:
    """How fast each of these people was reached."""
    known = _judged(list(travels), period_end)
    confirming = _confirming(known)
    theirs: dict[str, list[Travel]] = defaultdict(list)
    for one in known:
        theirs[one.person].append(one)
    found = tuple(_reached(person, theirs[person], confirming, objective) for person in people)
    return Reach(period_start=period_start, period_end=period_end, objective=objective, people=found)


def _confirming(travels: Iterable[Travel]) -> frozenset[str]:
    """The carriers that say what arrived."""
    return frozenset(one.carrier for one in travels if one.delivered_at is not None)


def _judged(travels: Sequence[Travel], now: datetime) -> list[Travel]:
    """What a carrier took that says what arrives, and of which it said nothing for long, did not arrive."""
    confirming = _confirming(travels)

    def is_lost(one: Travel) -> bool:
        is_open = one.accepted_at is not None and one.delivered_at is None and one.seen_at is None
        return is_open and one.carrier in confirming and now - one.meant_at > SILENT_AFTER

    return [replace(one, has_failed=True) if is_lost(one) else one for one in travels]


def _reached(
    person: str, travels: Sequence[Travel], confirming: Collection[str], objective: timedelta | None
) -> Reached:
    rounds: dict[str, list[Travel]] = defaultdict(list)
    for one in travels:
        rounds[one.round].append(one)
    times = [_first(those, confirming) for those in rounds.values() if _is_settled(those, confirming)]
    time = spread(times)
    kept = None if objective is None or not times else time.p95 is not None and time.p95 <= objective
    return Reached(
        person=person,
        rounds=len(times),
        failures=times.count(None),
        time=time,
        is_kept=kept,
        ways=tuple(_way(channel, travels) for channel in dict.fromkeys(one.channel for one in travels)),
    )


def _is_settled(those: Iterable[Travel], confirming: Collection[str]) -> bool:
    """Whether it is known what became of a round: somebody was reached, or nothing is on its way any more."""
    known = list(those)
    return any(one.reached_at(confirming) for one in known) or all(one.has_failed for one in known)


def _first(those: Sequence[Travel], confirming: Collection[str]) -> timedelta | None:
    """How long it took until the first way reached somebody; None if none did."""
    found = [at for one in those if (at := one.reached_at(confirming)) is not None]
    return min(found) - min(one.meant_at for one in those) if found else None


def _way(channel: str, travels: Iterable[Travel]) -> Way:
    these = [one for one in travels if one.channel == channel]
    return Way(
        channel=channel,
        pages=sum(not one.is_test for one in these),
        tests=sum(one.is_test for one in these),
        failures=sum(one.has_failed for one in these),
        accepted=_station(these, [one.accepted_at for one in these]),
        delivered=_station(these, [one.delivered_at for one in these]),
        seen=_station(these, [one.seen_at for one in these]),
    )


def _station(these: Sequence[Travel], times: Sequence[datetime | None]) -> Spread:
    """How long it took those that came there; what never did says nothing of the time."""
    came = [max(at - one.meant_at, AT_ONCE) for one, at in zip(these, times, strict=True) if at is not None]
    return spread(came)


def spread(times: Sequence[timedelta | None]) -> Spread:
    """Shares of a hundred by the nearest rank; what took for ever comes last."""
    ordered = sorted(times, key=lambda one: timedelta.max if one is None else max(one, AT_ONCE))
    return Spread(len(ordered), _ranked(ordered, MEDIAN), _ranked(ordered, MOST))


def _ranked(ordered: Sequence[timedelta | None], share: int) -> timedelta | None:
    return ordered[ceil(len(ordered) * share / 100) - 1] if ordered else None


# ---- For programs ----------------------------------------------------------------------------------------------------


def as_json(found: Reach) -> dict[str, object]:
    return {
        "period_start": found.period_start,
        "period_end": found.period_end,
        "objective_seconds": _seconds(found.objective),
        "people": [_person(one) for one in found.people],
    }


def _person(one: Reached) -> dict[str, object]:
    return {
        "person": one.person,
        "rounds": one.rounds,
        "failures": one.failures,
        **_times(one.time),
        "kept": one.is_kept,
        "ways": [_way_as_json(way) for way in one.ways],
    }


def _way_as_json(one: Way) -> dict[str, object]:
    stations: Mapping[str, Spread] = {"accepted": one.accepted, "delivered": one.delivered, "seen": one.seen}
    counts = {"pages": one.pages, "tests": one.tests, "failures": one.failures}
    times = {name: {"count": station.count, **_times(station)} for name, station in stations.items()}
    return {"channel": one.channel, **counts, **times}


def _times(one: Spread) -> dict[str, object]:
    return {"p50_seconds": _seconds(one.p50), "p95_seconds": _seconds(one.p95)}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
