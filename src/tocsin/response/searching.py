"""Finding incidents, what their timelines and post-mortems say, and signals, by their words.

What is newer stands first, and so does what matters more: an incident that is called so counts as if it were half a
year newer than an entry that only says so. That makes one order of everything, which does not change while time passes,
so that a page goes on exactly where the one before ended.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from tocsin.db import fulltext
from tocsin.db.engine import Tx
from tocsin.db.fulltext import Found, Part
from tocsin.incidents import sentences
from tocsin.incidents import store as incidents
from tocsin.incidents.model import Incident
from tocsin.kit import search
from tocsin.kit.clock import to_millis
from tocsin.kit.errors import Invalid
from tocsin.kit.search import Asked, Piece, Term
from tocsin.kit.text import listed
from tocsin.people import access
from tocsin.plan import store as plans
from tocsin.response import indexing
from tocsin.review import store as reviews
from tocsin.signals import found as found_signals


class Kind(StrEnum):
    """What can be found."""

    INCIDENT = indexing.INCIDENT
    ENTRY = indexing.ENTRY
    POST_MORTEM = indexing.POST_MORTEM
    SIGNAL = indexing.SIGNAL


KINDS = tuple(Kind)
TAGS = ("severity", "service")
TIMES = ("after", "before")
FILTERS = ("kind", *TAGS, *TIMES)

_COUNTS_AS_NEWER = {  # by the kind, and whether the words are in the title: in days, the most first
    (Kind.INCIDENT, True): 180,
    (Kind.POST_MORTEM, True): 90,
    (Kind.POST_MORTEM, False): 60,
    (Kind.INCIDENT, False): 30,
    (Kind.ENTRY, False): 0,
    (Kind.SIGNAL, True): -30,
    (Kind.SIGNAL, False): -60,
}
TITLE_SHOWN = 1000  # characters: the whole of nearly every title
_CURSOR = re.compile(r"(-?\d{1,15})-(\d{1,19})")


class BadCursor(Invalid):
    """This is not a cursor; take it from `next` of the page before."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Something that was found, as it may be shown to whoever asked. `path` leads to it."""

    kind: Kind
    title: str
    path: str
    called: tuple[Piece, ...]  # the title again, with its words marked
    excerpt: tuple[Piece, ...]
    at: datetime
    severity: str | None = None
    number: int | None = None  # of the incident


class Ranked(NamedTuple):
    """Something found, by its place in the order of everything: the higher, the earlier."""

    score: int
    found: Found

    @property
    def order(self) -> tuple[int, int]:
        return (self.score, self.found.id)


def search_for(tx: Tx, asked: str, *, limit: int, cursor: str | None = None) -> tuple[list[Hit], str | None]:
    """What fits a question, and where the next page begins. Raises Invalid for a filter that can't be read."""
    access.require(tx.actor, access.INCIDENT_READ)
    question = search.read(asked, FILTERS)
    _check(question)
    begin = _begin(cursor)
    if not question.terms and not question.filters:
        return [], None
    ranked = _ranked(tx, question, begin, limit + 1)
    shown = ranked[:limit]
    following = "-".join(map(str, shown[-1].order)) if len(ranked) > limit else None
    return list(_hits(tx, question.terms, [one.found for one in shown])), following


def _check(question: Asked) -> None:
    kind = question.filters.get("kind")
    if kind is not None and kind not in KINDS:
        raise Invalid(f"There is no kind '{kind}'; there are {listed(KINDS)}.", field="q")
    for name in TIMES:
        _instant(question, name)


def _instant(question: Asked, name: str) -> datetime | None:
    said = question.filters.get(name)
    if said is None:
        return None
    try:
        read = datetime.fromisoformat(said)
        instant = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"'{name}:{said}' is no day; write it like {name}:2026-11-26.", field="q") from None
    return max(instant, datetime(1970, 1, 2, tzinfo=UTC))


# ---- The order ----


def _begin(cursor: str | None) -> tuple[int, int] | None:
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursor(field="cursor")
    return int(found[1]), int(found[2])


def _ranked(tx: Tx, question: Asked, begin: tuple[int, int] | None, limit: int) -> list[Ranked]:
    """The first of all that come after the beginning, part by part. What could not be among them is not looked for."""
    after, before = _instant(question, "after"), _instant(question, "before")
    first: list[Ranked] = []
    for (kind, in_title), days in _COUNTS_AS_NEWER.items():
        if question.filters.get("kind", kind) != kind or (in_title and not question.terms):
            continue
        newer = int(timedelta(days=days) / timedelta(milliseconds=1))
        earliest, until = fulltext.bounds(kind, after, before)
        if begin is not None:
            until = min(until, _below(kind, begin, newer))
        if len(first) == limit:
            earliest = max(earliest, fulltext.first_id(kind, max(0, first[-1].score - newer)))
        found = fulltext.find(tx, _part(question, kind, in_title), earliest, until, limit) if earliest < until else []
        first += [Ranked(to_millis(one.at) + newer, one) for one in found]
        first = sorted(first, key=lambda one: one.order, reverse=True)[:limit]
    return first


def _part(question: Asked, kind: str, in_title: bool) -> Part:
    tags = tuple((name, said) for name, said in question.filters.items() if name in TAGS)
    where = None if kind == Kind.ENTRY or not question.terms else in_title
    return Part(kind, tags, question.terms, where, found_signals.BELONGS if kind == Kind.SIGNAL else None)


def _below(kind: str, begin: tuple[int, int], newer: int) -> int:
    """The ids that come after a place in the order, for a part that counts as so much newer than it is."""
    score, last = begin
    first = fulltext.first_id(kind, max(0, score - newer))
    return min(max(last, first), first + (1 << fulltext.BITS))


# ---- What is shown ----


def _hits(tx: Tx, terms: Sequence[Term], found: Sequence[Found]) -> Iterator[Hit]:
    """What was found, read from where it belongs with the eyes of whoever asks."""
    by_kind = {kind: [one.place for one in found if one.place.kind == kind] for kind in KINDS}
    of_signals = found_signals.glimpse(tx, [one.subject for one in by_kind[Kind.SIGNAL]])
    ids = {one.place.subject for one in found if one.place.kind != Kind.SIGNAL}
    of_incidents = {one.id: one for one in incidents.glimpse(tx, ids)}
    documents = reviews.documents(tx, [one.subject for one in by_kind[Kind.POST_MORTEM]])
    entries = incidents.single_entries(tx, [(one.subject, one.number) for one in by_kind[Kind.ENTRY]])
    for one in found:
        subject = one.place.subject
        if one.place.kind == Kind.SIGNAL:
            if subject in of_signals:
                signal = of_signals[subject]
                text = found_signals.text(signal)
                yield _hit(one, terms, signal.title, f"/signals/{subject}", text, signal.severity)
            continue
        incident = of_incidents.get(subject)
        if incident is None:
            continue
        match one.place.kind:
            case Kind.INCIDENT:
                text = indexing.about(plans.load(tx, incident.plan_revision), incident)
                yield _of(incident, one, terms, f"/incidents/{subject}", text)
            case Kind.POST_MORTEM if subject in documents:
                yield _of(incident, one, terms, f"/post-mortems/{subject}", documents[subject].text)
            case Kind.ENTRY if (subject, one.place.number) in entries:
                entry = entries[subject, one.place.number].entry
                text = sentences.sentence(plans.load(tx, incident.plan_revision), entry)
                yield _of(incident, one, terms, f"/incidents/{subject}#e{one.place.number}", text)
            case _:
                pass


def _of(incident: Incident, one: Found, terms: Sequence[Term], path: str, text: str) -> Hit:
    return _hit(one, terms, indexing.title(incident), path, text, incident.severity, incident.number)


def _hit(
    one: Found, terms: Sequence[Term], title: str, path: str, text: str, severity: str | None, number: int | None = None
) -> Hit:
    return Hit(
        kind=Kind(one.place.kind),
        title=title,
        path=path,
        called=search.excerpt(title, terms, TITLE_SHOWN),
        excerpt=search.excerpt(text, terms),
        at=one.at,
        severity=severity,
        number=number,
    )
