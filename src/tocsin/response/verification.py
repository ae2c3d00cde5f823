"""Proving the record: that each entry is what was written, that none is missing, and that the saved state is its sum.

What is found is told as it stands in the database, even where that can no longer be read as an incident.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from tocsin.db import sight
from tocsin.db.engine import Tx
from tocsin.incidents import chain
from tocsin.incidents import store as incidents
from tocsin.incidents.chain import Fault, Sealed
from tocsin.incidents.store import Saved

AT_A_TIME = 500  # incidents whose saved states are in memory


@dataclass(frozen=True)
class Verified:
    """What an incident's record proves: so many sound entries, the hash of the last, and where it is broken, if so."""

    incident_id: str
    number: int | None  # None if only entries are left of it
    entries: int
    head: str
    fault: Fault | None = None

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence; empty if the record holds."""
        if self.fault is None:
            return ""
        name = f"{self.incident_id} (#{self.number})" if self.number else self.incident_id
        place = f"entry {self.fault.entry} of {name}" if self.fault.entry else name
        return f"{place}: {self.fault.what}"


def verify(tx: Tx, incident_id: str) -> Verified:
    """Check one incident from its first entry to its saved state. Raises NoSuchIncident."""
    return _verified(incidents.saved_one(tx, incident_id), incidents.sealed(tx, incident_id))


def verify_all(tx: Tx) -> Iterator[Verified]:
    """Check every incident, and whether one is missing, without holding more than a few in memory.

    Hashes and numbers are all that is told, so this looks at what is confidential too.
    """
    sight.see_everything(tx)
    after, numbers = "", set[int]()
    while page := incidents.saved(tx, after=after, limit=AT_A_TIME):
        yield from _page(page, incidents.sealed_between(tx, after, page[-1].id))
        numbers.update(one.number for one in page)
        after = page[-1].id
    yield from _page([], incidents.sealed_between(tx, after, None))
    yield from _missing(numbers)


def _page(page: Iterable[Saved], rows: Iterable[Sealed]) -> Iterator[Verified]:
    """Saved states and entries, both by id: one may be without the other."""
    waiting = {one.id: one for one in page}
    for incident_id, timeline in groupby(rows, attrgetter("incident_id")):
        saved = waiting.pop(incident_id, None)
        if saved is None:
            checked = chain.check(incident_id, timeline)
            yield Verified(incident_id, None, checked.entries, checked.head, _NOT_SAVED)
        else:
            yield _verified(saved, timeline)
    for saved in waiting.values():
        yield _verified(saved, ())


_NOT_SAVED = Fault(None, "there are entries, and no incident that they belong to")


def _verified(saved: Saved, timeline: Iterable[Sealed]) -> Verified:
    checked = chain.check(saved.id, timeline)
    fault = chain.against_saved(checked, saved.fold)
    if fault is None and checked.incident and saved.columns != saved.columns_of(checked.incident):
        fault = Fault(None, "its row is not what its timeline says")
    return Verified(saved.id, saved.number, checked.entries, checked.head, fault)


def _missing(numbers: set[int]) -> Iterator[Verified]:
    """Incidents are numbered without a gap."""
    for number in sorted(set(range(1, max(numbers, default=0))) - numbers):
        yield Verified(f"incident #{number}", None, 0, "", Fault(None, "it is missing: incidents have no gap"))
