"""What was worked out over the whole record stands until the record changes. Pure, but for what it remembers.

Reports over a year read thousands of records. Whoever opens the same page again, or another who may see the same, gets
what was worked out for the first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT = 6  # reports of one kind in memory


class Remembered(Generic[T]):
    """Results by what they depend on; those not asked for longest go first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._known: OrderedDict[Hashable, T] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, key: Hashable | None, work_out: Callable[[], T]) -> T:
        """The result that is known for this key, or else worked out now; without a key nothing is remembered."""
        if key is None:
            return work_out()
        with self._guard:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = work_out()
        self.keep({key: found})
        return found

    def known(self, keys: Iterable[Hashable]) -> dict[Hashable, T]:
        """Those of these results that are known."""
        with self._guard:
            found = {key: self._known[key] for key in keys if key in self._known}
            for key in found:
                self._known.move_to_end(key)
        return found

    def keep(self, found: Mapping[Hashable, T]) -> None:
        with self._guard:
            self._known.update(found)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
