"""The record as the numbers ask for it, kept by this process from one report to the next.

To read ten thousand incidents takes a second. So what a report needs of them stays in memory, without what belongs to
no number, and the next report reads what has changed since. It is kept as it is, whoever may see it; each reader gets
what they may see. What changed so lately that somebody may still be about to commit beside it is read again.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from sys import intern
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import BindParameter, ColumnElement, Engine, Select, Text, bindparam, cast, select

from tocsin.db import sight
from tocsin.db.columns import MOST, Instant
from tocsin.db.engine import Tx
from tocsin.incidents.store import table as incident
from tocsin.insights.facts import ENDED, Fold, Measured, Outcome, measured
from tocsin.obligations.store import table as obligation

SETTLED = timedelta(seconds=5)  # after a change, until nothing that began before it can still be committed
NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # nothing was declared or changed since
KEPT = 20_000  # incidents in memory; a report that would need more reads what it needs by itself


class Fact(msgspec.Struct, frozen=True, gc=False):
    """An incident, and how what was owed for it ended, as of its last change."""

    changed_at: datetime
    about: Measured
    outcomes: tuple[Outcome, ...]


class Facts:
    """What is known of every incident that was declared since an instant."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self._since = NEVER
        self._looked_at = NEVER  # whatever changed before is known
        self._known: dict[str, Fact] = {}

    def has_room(self, start: datetime) -> bool:
        return self._since <= start or len(self._known) < KEPT

    def look(self, tx: Tx, start: datetime) -> Iterable[Fact]:
        """Read what is not known yet, and what changed since the last look."""
        settled = tx.now - SETTLED
        if self._known:
            self._learn(_read(tx, _CHANGED, {"start": self._since, "changed": self._looked_at}))
            self._looked_at = max(self._looked_at, settled)
        if start < self._since:
            self._learn(_read(tx, _DECLARED, {"start": start, "end": self._since}))
            self._since, self._looked_at = start, min(self._looked_at, settled)
        return self._known.values()

    def _learn(self, facts: Iterable[Fact]) -> None:
        """Another may have looked later than this one: what is older than what is known is not news."""
        for one in facts:
            known = self._known.get(one.about.incident_id)
            if known is None or known.changed_at <= one.changed_at:
                self._known[one.about.incident_id] = one


_facts: WeakKeyDictionary[Engine, Facts] = WeakKeyDictionary()  # by the database that they are of


def known(tx: Tx, start: datetime, end: datetime, most: int) -> tuple[list[Measured], list[Outcome]]:
    """The incidents of a period that the reader may see, the last of them, and how what was owed for them ended.

    A duplicate is no incident of its own.
    """
    unseen = sight.all_unseen(tx)
    facts = _facts.setdefault(tx.connection.engine, Facts())
    facts = Facts() if tx.writes or not facts.has_room(start) else facts
    with facts.guard:
        found = [one for one in facts.look(tx, start) if start <= one.about.declared_at < end]
    seen = [one for one in found if one.about.incident_id not in unseen]
    latest = sorted(seen, key=attrgetter("about.number"), reverse=True)[:most]
    counted = [one for one in latest if not one.about.is_merged]
    return [one.about for one in counted], [*chain.from_iterable(one.outcomes for one in counted)]


class Changed(NamedTuple):
    """An incident as of its last change."""

    id: str
    at: datetime


def latest(tx: Tx, most: int) -> list[Changed]:
    """The incidents declared last, as far as the reader may see them, the last first."""
    return [Changed._make(row) for row in sight.rows(tx, _LATEST, incident.c.id, {"most": most})]


_LATEST = select(incident.c.id, incident.c.updated_at).order_by(incident.c.number.desc()).limit(MOST)


# ---- Reading ---------------------------------------------------------------------------------------------------------


class _Statements(NamedTuple):
    incidents: Select[Any]
    outcomes: Select[Any]


def _statements(which: ColumnElement[bool]) -> _Statements:
    ended = select(*(obligation.c[name] for name in Outcome.__struct_fields__))
    ended = ended.join(incident, incident.c.id == obligation.c.incident_id).where(which, obligation.c.state.in_(ENDED))
    return _Statements(select(incident.c.updated_at, cast(incident.c.fold, Text).label("fold")).where(which), ended)


def _instant(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=Instant)


_IN_TIME = incident.c.declared_at >= _instant("start")
_DECLARED = _statements(_IN_TIME & (incident.c.declared_at < _instant("end")))
_CHANGED = _statements(_IN_TIME & (incident.c.updated_at >= _instant("changed")))
_decoder = msgspec.json.Decoder(Fold)


def _read(tx: Tx, these: _Statements, asked: Mapping[str, datetime]) -> Iterator[Fact]:
    rows = tx.all(these.incidents, asked)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    for row in tx.all(these.outcomes, asked) if rows else ():
        outcomes[row.incident_id].append(_outcome(*tuple(row)))
    for row in rows:
        about = measured(_decoder.decode(row.fold))
        yield Fact(row.updated_at, about, tuple(outcomes.get(about.incident_id, ())))


def _outcome(incident_id: str, key: str, kind: str, what: str, audience: str, *rest: Any) -> Outcome:
    """The same few words stand in thousands of them."""
    return Outcome(incident_id, intern(key), intern(kind), intern(what), intern(audience), *rest)
