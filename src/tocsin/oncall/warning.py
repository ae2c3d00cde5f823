"""Of which holes in the cover somebody is told: of each once, and again only when it changes.

The proof looks at a span that moves with time, so what is going on already begins when one looks, and what lasts longer
than one looks ahead ends there. Neither is a change of the hole. Somebody whom nothing reaches is one matter, however
many shifts they have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.kit.ids import new_id
from tocsin.oncall.coverage import Proof, Stretch, stretches


@dataclass(frozen=True, kw_only=True)
class Warned:
    """A hole of which people were told. Without a begin it went on then; without an end it lasted longer than one
    looked ahead."""

    id: str
    about: str
    starts_at: datetime | None
    ends_at: datetime | None
    told_at: datetime


@dataclass(frozen=True)
class News:
    """What is to be told now, and how what was told before stands."""

    fresh: tuple[Stretch, ...]
    told: tuple[Warned, ...]  # of what is fresh
    still: tuple[Warned, ...]  # told before, as it is seen now
    mended: tuple[Warned, ...]  # told before, and no longer so


def news(proof: Proof, before: Sequence[Warned], now: datetime) -> News:
    """What a proof says that people have not been told."""
    fresh: list[Stretch] = []
    told: list[Warned] = []
    still: dict[str, Warned] = {}
    for one in stretches(proof.holes):
        seen = _seen(one, proof, now)
        known = next((each for each in (*before, *told) if _is_same(each, seen, now)), None)
        if known is None:
            fresh.append(one)
            told.append(seen)
        elif known not in told:
            still[known.id] = replace(seen, id=known.id, told_at=known.told_at)
    mended = tuple(one for one in before if one.id not in still)
    return News(tuple(fresh), tuple(told), tuple(still.values()), mended)


def _seen(one: Stretch, proof: Proof, now: datetime) -> Warned:
    is_gap = one.is_gap
    return Warned(
        id=new_id("gap"),
        about="|".join((one.why, ", ".join(one.missing), ", ".join(one.caught))),
        starts_at=one.starts_at if is_gap and one.starts_at > proof.starts_at else None,
        ends_at=one.ends_at if is_gap and one.ends_at < proof.ends_at else None,
        told_at=now,
    )


def _is_same(before: Warned, seen: Warned, now: datetime) -> bool:
    began_alike = before.starts_at == seen.starts_at or (seen.starts_at is None and _is_past(before.starts_at, now))
    end_alike = before.ends_at == seen.ends_at or None in (before.ends_at, seen.ends_at)
    return before.about == seen.about and began_alike and end_alike


def _is_past(instant: datetime | None, now: datetime) -> bool:
    return instant is None or instant <= now


def lines(found: Iterable[Stretch], end: datetime) -> list[str]:
    """Holes for a message, each in a sentence or two."""
    return [_line(one, end) for one in found]


def _line(one: Stretch, end: datetime) -> str:
    until = f"until {_moment(one.ends_at)}" if one.ends_at < end else "for as far as was looked ahead"
    missing = f" Nobody is there for {_some(one.missing)}." if one.missing else ""
    caught = f" Somebody else is asked for {_some(one.caught)}." if one.caught else ""
    return f"From {_moment(one.starts_at)} {until}: {one.why}.{missing}{caught}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names)


def _moment(instant: datetime) -> str:
    return f"{instant:%a} {instant.day} {instant:%b %H:%M} UTC"
