"""Paging through lists whose newest stands first, without losing what shares an instant with the end of a page."""

import re
from collections.abc import Callable, Sequence
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
