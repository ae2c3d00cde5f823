"""What is known of an incident without anybody asking, and what that is put together from. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from tocsin.changes.model import Change
from tocsin.incidents import words
from tocsin.incidents.model import Incident, Numbered
from tocsin.watch.courses import Course
from tocsin.watch.metering import Sample
from tocsin.watch.outcomes import LEARNED_NOTHING, Kind, Outcome

RECENT = timedelta(hours=24)  # how long before the trouble a change still counts as recent
SIMILAR_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A signal, as far as it is asked here: `said` are all its words, `users` how many it counts."""

    source: str
    title: str
    said: str
    users: int | None
    last_at: datetime


class Firing(Protocol):
    """A signal that fires, as far as its words go."""

    @property
    def source(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def said(self) -> str: ...


class Titled(Protocol):
    """An incident, as far as what it is called."""

    @property
    def id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def why(self) -> str: ...


class Kin(Protocol):
    """An incident, as far as it takes to see whether another is like it."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def service(self) -> str | None: ...
    @property
    def components(self) -> tuple[str, ...]: ...
    @property
    def merged_into(self) -> str | None: ...
    @property
    def declared_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The last look of a probe."""

    outcome: Outcome | None
    looked_at: datetime | None


class How(StrEnum):
    """How something is, as far as anybody looked."""

    WELL = "well"
    TROUBLE = "trouble"
    NOT_LOOKED = "not_looked_at"


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a probe saw last. `states` are the components that its answer named, each with the word it gave."""

    probe: str
    service: str
    how: How
    said: str
    states: Mapping[str, str]
    looked_at: datetime | None


def looked(name: str, service: str, seen: Seen | None) -> Looked:
    """What a probe saw last, or that it has not looked yet."""
    outcome = seen.outcome if seen else None
    if seen is None or outcome is None:
        said = "not looked at yet"
        return Looked(probe=name, service=service, how=How.NOT_LOOKED, said=said, states={}, looked_at=None)
    how = How.WELL if outcome.kind is Kind.HEALTHY else How.TROUBLE
    if outcome.kind in LEARNED_NOTHING:
        how = How.NOT_LOOKED
    said = f"{words.spaced(outcome.kind)}: {outcome.reason}"
    return Looked(probe=name, service=service, how=how, said=said, states=outcome.states, looked_at=seen.looked_at)


@dataclass(frozen=True, kw_only=True)
class Nearby:
    """A change, and how it lies to the beginning of the trouble."""

    change: Change
    when: str  # "12 min before it began"


@dataclass(frozen=True, kw_only=True)
class VendorSeen:
    key: str
    name: str
    how: How
    because: str
    status_page: str | None
    support: str


@dataclass(frozen=True, kw_only=True)
class Affected:
    """How many users are touched. `source` is who says so: a person, a signal, the plan; or nobody."""

    said: str
    source: str
    because: str


@dataclass(frozen=True, kw_only=True)
class Similar:
    id: str
    number: int
    title: str
    severity: str
    declared_at: datetime
    how_alike: str
    how_ended: str


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """`unwatched` says why there is no look at the service, where there is none."""

    at: datetime
    service: str
    looks: tuple[Looked, ...]
    unwatched: str
    changes: tuple[Nearby, ...]
    vendors: tuple[VendorSeen, ...]
    courses: tuple[Course, ...]
    users: Affected
    similar: tuple[Similar, ...]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What was loaded for it. Whoever loads it decides whose eyes it is loaded with.

    `firing` are all signals that fire now, `on_it` those on this incident, `open` the other open incidents; `similar`
    are those before it that are like it, in the order in which they are shown, and `records` their timelines. `samples`
    are what was measured around its beginning, by probe or measure.
    """

    seen: Mapping[str, Seen]
    changes: Sequence[Change]
    firing: Sequence[Firing]
    on_it: Sequence[Heard]
    open: Sequence[Titled]
    similar: Sequence[Incident]
    samples: Mapping[str, Sequence[Sample]]
    records: Mapping[str, Sequence[Numbered]]

    @cached_property
    def all_said(self) -> str:
        """What all signals that fire say, squeezed: who is not named in it need not be looked for in each."""
        return squeezed(" ".join(one.said for one in self.firing).casefold())


def squeezed(text: str) -> str:
    """Without what may stand between the parts of a name."""
    return "".join(text.replace("_", " ").replace("-", " ").split())
