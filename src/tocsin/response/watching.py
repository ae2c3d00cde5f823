"""All that we look at by ourselves: how each of it stands, and what was measured of it. For people and programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.db.engine import Tx
from tocsin.incidents import words
from tocsin.kit.errors import NotFound
from tocsin.kit.text import clip
from tocsin.obligations import store as obligations
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import looking
from tocsin.response.looking import PREFIX, AnyLook, Beat, MeasureLook, PageLook
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.watch import store as watch
from tocsin.watch.metering import Sample
from tocsin.watch.outcomes import LEARNED_NOTHING, Kind
from tocsin.watch.store import Standing


class Sort(StrEnum):
    """What is looked at; beside a page, the source of its signals."""

    PROBE = "probe"
    VENDOR = "vendor"
    MEASURE = "measure"
    LOG = "log"
    JOURNEY = "journey"
    HEARTBEAT = "heartbeat"
    STATUS_PAGE = "status_page"


class Health(StrEnum):
    """`unknown`: nobody has looked yet, or the look taught nothing."""

    TROUBLE = "trouble"
    UNKNOWN = "unknown"
    WELL = "well"


class NotWatched(NotFound):
    """The plan in force looks at nothing of this name."""


@dataclass(frozen=True)
class Watched:
    """One thing that we look at. `of` is the service or the vendor, `unit` that of what is measured of it."""

    name: str
    sort: Sort
    of: str
    called: str
    every: timedelta
    unit: str
    standing: Standing
    due_at: datetime | None

    @property
    def health(self) -> Health:
        outcome = self.standing.outcome
        if outcome is None or outcome.kind in LEARNED_NOTHING:
            return Health.UNKNOWN
        return Health.WELL if outcome.kind is Kind.HEALTHY else Health.TROUBLE


def everything(tx: Tx) -> list[Watched]:
    """What the plan in force has us look at, in the order of the names."""
    access.require(tx.actor, access.INCIDENT_READ)
    plan, standings = plans.current(tx), watch.standings(tx)
    due = {one.key.removeprefix(PREFIX): one.due_at for one in obligations.open_looks(tx)}
    return sorted(_watched(plan, standings, due), key=lambda one: one.name)


def one(tx: Tx, name: str) -> Watched:
    """The one of this name, such as `rose/health`. Raises NotWatched."""
    found = next((one for one in everything(tx) if one.name == name), None)
    if found is None:
        raise NotWatched(f"The plan in force looks at nothing that is called '{clip(name, 80)}'.")
    return found


def measured(tx: Tx, name: str, limit: int, before: datetime | None = None) -> list[Sample]:
    """What was measured of it, the latest first: by the minute for some hours, and before by the quarter of an hour."""
    return watch.latest_samples(tx, one(tx, name).name, limit, before)


def signal_of(tx: Tx, watched: Watched) -> signals.Signal | None:
    """What it says as a signal, if there was ever anything to say and whoever asks may see it."""
    asked = Arrival(source=watched.sort, key=f"{watched.sort}:{watched.name}", title=watched.name)
    known = next(iter(signals.known(tx, [asked]).values()), None)
    return signals.seen(tx, known.id) if known else None


def _watched(plan: Plan, standings: Mapping[str, Standing], due: Mapping[str, datetime]) -> Iterator[Watched]:
    for name, look in looking.every_look(plan).items():
        of, _, which = name.partition("/")
        vendor = plan.vendors.get(of)
        yield Watched(
            name=name,
            sort=_sort(look),
            of=of,
            called=f"{vendor.name if vendor else words.service_name(plan, of)}: {words.spaced(which)}",
            every=look.every,
            unit=_unit(look),
            standing=standings.get(name) or Standing(name, None, None, None, None),
            due_at=due.get(name),
        )


def _sort(look: AnyLook | Beat) -> Sort:
    if isinstance(look, PageLook):
        return Sort.STATUS_PAGE
    return Sort.HEARTBEAT if isinstance(look, Beat) else Sort(look.source)


def _unit(look: AnyLook | Beat) -> str:
    """Of a look itself it is measured how long it took; of a measure, what the plan names."""
    if not isinstance(look, MeasureLook):
        return "s"
    return look.measure.unit or ("%" if look.measure.errors or look.measure.error_rate else "")
