"""How much of the last ninety days a component was up, from what the public was told.

Pure. Days are those of UTC, half-open, the last one as far as it has come. What is lost counts from the start of the
trouble to the word that it is over, by how bad it was then; where incidents overlap, the worst counts. A major outage
loses all of its time and a partial one three tenths; what is merely degraded loses none, and neither does maintenance.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise

from tocsin.comms.statuspage import COMPONENT_STATUS, PublicIncident

DAYS = 90
ONE_DAY = timedelta(days=1)
LOSES: Mapping[str, Decimal] = {"critical": Decimal(1), "major": Decimal("0.3"), "minor": Decimal(0)}
"""The part of its time that trouble of each impact loses."""

_NOTHING = timedelta(0)
Span = tuple[datetime, datetime, str]


@dataclass(frozen=True)
class Day:
    """One day of a component. `impact` is the worst of it, None where nothing was measured; `troubled` is how long
    anything was the matter, and `lost` what of that counts."""

    on: date
    impact: str | None
    troubled: timedelta = _NOTHING
    lost: timedelta = _NOTHING


@dataclass(frozen=True)
class Uptime:
    """`days` are the last ninety, oldest first; `percent` is of what was measured, and never rounded up."""

    days: tuple[Day, ...]
    percent: Decimal | None


def uptime(component: str, incidents: Iterable[PublicIncident], began_at: datetime, now: datetime) -> Uptime:
    """The last ninety days of a component of a page that began then."""
    spans = _spans([one for one in incidents if component in one.components], now)
    today = (now - timedelta(microseconds=1)).astimezone(UTC).date()
    dates = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    days = tuple(_day(on, spans, began_at, now) for on in dates)
    measured = now - max(began_at, _midnight(dates[0]))
    return Uptime(days, _percent(measured, sum((day.lost for day in days), _NOTHING)))


def _percent(measured: timedelta, lost: timedelta) -> Decimal | None:
    if measured <= _NOTHING:
        return None
    second = timedelta(microseconds=1)
    share = Decimal(1) - Decimal(lost // second) / Decimal(measured // second)
    return (share * 100).quantize(Decimal("0.01"), ROUND_DOWN)


def _spans(incidents: Iterable[PublicIncident], now: datetime) -> list[Span]:
    """When how much was the matter; the course of an incident that is not over goes on until now."""
    found: list[Span] = []
    for incident in incidents:
        ends = [at for at, _ in incident.course[1:]] + [now]
        spans = zip(incident.course, ends, strict=True)
        found += [(at, end, impact) for (at, impact), end in spans if impact in LOSES and at < end]
    return found


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time(), UTC)


def _day(on: date, spans: Iterable[Span], began_at: datetime, now: datetime) -> Day:
    begin, end = max(_midnight(on), began_at), min(_midnight(on) + ONE_DAY, now)
    if end <= begin:
        return Day(on, None)
    within = [(max(at, begin), min(until, end), impact) for at, until, impact in spans if at < end and until > begin]
    pieces = list(_worst_at_each(within))
    impacts = {impact for _, impact in pieces}
    lost = sum((length * float(LOSES[impact]) for length, impact in pieces), _NOTHING)
    worst = next((impact for impact in COMPONENT_STATUS if impact in impacts), "none")
    return Day(on, worst, sum((length for length, _ in pieces), _NOTHING), lost)


def _worst_at_each(spans: list[Span]) -> Iterator[tuple[timedelta, str]]:
    """The time between each two instants at which something changes, with the worst that then was."""
    edges = sorted({at for span in spans for at in span[:2]})
    for begin, end in pairwise(edges):
        present = {impact for at, until, impact in spans if at <= begin and end <= until}
        if present:
            yield end - begin, next(impact for impact in LOSES if impact in present)
