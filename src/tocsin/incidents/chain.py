"""How an entry is written down, and the hash that ties it to the one before: changing one breaks all that follow.

Hashed are one line of JSON, a line feed, and the entry's text exactly as it is kept, so that checking needs no guess
at how something would be written:

    ["hash of the entry before","inc_…",number,"kind",milliseconds,"by"]
    {"at":…}

The first entry stands on a constant that belongs to its incident (`genesis`). The incident's fold carries the hash of
the last one, so that a record that was cut short is found too. `docs/reference/evidence.md` says it for everybody.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, get_args

import msgspec

from tocsin.incidents import folding
from tocsin.incidents.model import AnyEntry, Incident, Numbered

KINDS: dict[str, type[AnyEntry]] = {kind.__name__: kind for kind in get_args(AnyEntry)}

_FORMAT = "tocsin timeline 1"
_json = msgspec.json.Encoder()
_readers = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


class Sealed(NamedTuple):
    """An entry as it is kept: `at` in milliseconds since 1970, the whole of the entry as JSON, and its hash."""

    incident_id: str
    number: int
    kind: str
    at: int
    by: str
    body: str
    hash: str


def genesis(incident_id: str) -> str:
    """What the first entry of an incident has as the hash before it."""
    return hashlib.sha256(f"{_FORMAT}\n{incident_id}".encode()).hexdigest()


def seal(previous: str, incident_id: str, number: int, kind: str, at: int, by: str, body: str) -> str:
    """The hash of an entry."""
    head = _json.encode((previous, incident_id, number, kind, at, by))
    return hashlib.sha256(b"%b\n%b" % (head, body.encode())).hexdigest()


def write(entry: AnyEntry) -> str:
    """The entry as the text that is hashed and kept."""
    return _json.encode(entry).decode()


def read(kind: str, body: str) -> AnyEntry:
    """The entry that was written. Raises KeyError for an unknown kind, and what msgspec raises for a damaged text."""
    return _readers[kind].decode(body)


# ---- Checking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """Where a record stops being what was written. `entry` is None if the fault lies beside the timeline."""

    entry: int | None
    what: str


@dataclass(frozen=True)
class Checked:
    """What a timeline holds: as many `entries` as are sound, the fold of those, and what is wrong with the next."""

    entries: int
    head: str
    incident: Incident | None
    fault: Fault | None = None


def check(incident_id: str, rows: Iterable[Sealed]) -> Checked:
    """Read a timeline in order and stop believing it at the first entry that is not what was written there."""
    reading = _Reading(incident_id)
    try:
        incident = folding.fold(incident_id, reading.sound(rows))
    except ValueError as error:  # sealed, and yet no incident: somebody else wrote it, and knew how
        fault = reading.fault or Fault(max(reading.entries, 1), str(error))
        return Checked(reading.entries, reading.head, None, fault)
    return Checked(reading.entries, reading.head, incident, reading.fault)


class _Reading:
    """How far a timeline could be read, and why no further."""

    def __init__(self, incident_id: str) -> None:
        self.entries = 0
        self.head = genesis(incident_id)
        self.fault: Fault | None = None

    def sound(self, rows: Iterable[Sealed]) -> Iterator[Numbered]:
        for row in rows:
            number = self.entries + 1
            self.fault = _fault(self.head, number, row)
            if self.fault:
                return
            try:
                entry = read(row.kind, row.body)
            except (KeyError, ValueError, msgspec.MsgspecError) as error:
                self.fault = Fault(number, f"it can't be read: {error}")
                return
            self.entries, self.head = number, row.hash
            yield Numbered(number=number, entry=entry, hash=row.hash)


def _fault(previous: str, number: int, row: Sealed) -> Fault | None:
    if row.number != number:
        return Fault(number, f"it is missing; the next is entry {row.number}")
    text: object = row.body  # a database may hold bytes, whatever its columns are called
    if not isinstance(text, str) or seal(previous, *row[:6]) != row.hash:
        return Fault(number, "it is not what was written, or does not stand where it was written")
    return None


def against_saved(checked: Checked, saved: Incident | None) -> Fault | None:
    """What is wrong with the state that was saved for an incident, given what its timeline says."""
    if checked.fault or checked.incident is None:
        return checked.fault
    if saved is None:
        return Fault(None, "its saved state can't be read")
    if saved.entries > checked.entries:
        return Fault(checked.entries + 1, f"it is missing, and with it all that follow up to {saved.entries}")
    if saved.head != checked.head:
        return Fault(checked.entries, "the record does not end with the entry that was saved as its last")
    if not saved.level_because:  # it was saved before the reason of a level was kept in it
        saved = saved.changed(level_because=checked.incident.level_because)
    return None if saved == checked.incident else Fault(None, "its saved state is not what its timeline says")
