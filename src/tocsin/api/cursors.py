"""Paging through lists whose newest stands first, without losing what shares an instant with the end of a page; and
through those that stand in the order of their names or numbers."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import Invalid

T = TypeVar("T")

_CURSOR = re.compile(r"(\d{1,14})-(\d{1,6})")
_MILLISECOND = timedelta(milliseconds=1)


class BadCursor(Invalid):
    """This is not a cursor; take it from `next` of the page before."""


@dataclass(frozen=True)
class Start:
    """Where a page begins: what is older than `before`, except the first `skipped` of it, which were shown already."""

    before: datetime | None = None
    skipped: int = 0

    def wanted(self, limit: int) -> int:
        """How many rows to ask for: one more than is shown tells whether there is another page."""
        return self.skipped + limit + 1


def start(cursor: str | None) -> Start:
    if cursor is None:
        return Start()
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadCursor(field="cursor")
    return Start(from_millis(int(found[1])) + _MILLISECOND, int(found[2]))


def page(begun: Start, rows: Sequence[T], limit: int, at: Callable[[T], datetime]) -> tuple[list[T], str | None]:
    """The rows of this page out of those asked for, and the cursor of the next."""
    shown = list(rows[begun.skipped : begun.skipped + limit])
    if len(rows) <= begun.skipped + limit:
        return shown, None
    last = at(shown[-1])
    seen = sum(at(row) == last for row in rows[: begun.skipped + limit])
    return shown, f"{to_millis(last)}-{seen}"


def among(rows: Iterable[T], cursor: str | None, limit: int, at: Callable[[T], datetime]) -> tuple[list[T], str | None]:
    """A page out of a whole list, the newest first."""
    begun = start(cursor)
    left = [one for one in rows if begun.before is None or at(one) < begun.before]
    return page(begun, left, limit, at)


def after(rows: Iterable[T], cursor: str | None, limit: int, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """A page out of a whole list in the order of its keys, which are its cursors too."""
    left = [one for one in rows if cursor is None or key(one) > cursor]
    return left[:limit], key(left[limit - 1]) if len(left) > limit else None


def number(cursor: str | None) -> int | None:
    """The number after which a page goes on. Raises BadCursor."""
    if cursor is None:
        return None
    if re.fullmatch(r"[0-9]{1,15}", cursor) is None:
        raise BadCursor(field="cursor")
    return int(cursor)


def numbered(rows: Sequence[T], limit: int, key: Callable[[T], int]) -> tuple[list[T], str | None]:
    """A page and the cursor of the next, out of one row more than is shown."""
    return list(rows[:limit]), str(key(rows[limit - 1])) if len(rows) > limit else None


def counted(rows: Sequence[T], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """A page out of a whole list to whose end alone something is added; its cursors say how much was shown."""
    begun = number(cursor) or 0
    ends = begun + limit
    return list(rows[begun:ends]), str(ends) if len(rows) > ends else None


def beyond(rows: Sequence[T], cursor: str | None, limit: int, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """A page out of a whole list in an order of its own; the key of the last one shown is the cursor."""
    places = {key(one): place for place, one in enumerate(rows, start=1)}
    if cursor is not None and cursor not in places:
        raise BadCursor(field="cursor")
    begun = places[cursor] if cursor is not None else 0
    found = list(rows[begun : begun + limit])
    return found, key(found[-1]) if len(rows) > begun + limit else None


def by_age(made_at: datetime, name: str) -> str:
    """A key by which the oldest stands first."""
    return f"{to_millis(made_at):014d}-{name}"


def millis(known: str) -> datetime:
    """An instant that stands in a tag; one that can't be read is the beginning of time."""
    return from_millis(int(known)) if re.fullmatch(r"[0-9]{1,14}", known) else from_millis(0)
