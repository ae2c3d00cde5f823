"""How much of what strangers send is kept: a bucket for each address, and one for all of them together."""

from datetime import datetime, timedelta
from threading import Lock

MINUTE = timedelta(minutes=1)
ADDRESSES_MOST = 1000


class Bucket:
    """Holds `a_minute` drops when full, and fills up evenly again."""

    def __init__(self, a_minute: int, now: datetime) -> None:
        self._a_minute = a_minute
        self._drops = float(a_minute)
        self._at = now

    def fill(self, now: datetime) -> None:
        gained = max(timedelta(0), now - self._at) / MINUTE * self._a_minute
        self._drops = min(float(self._a_minute), self._drops + gained)
        self._at = now

    def is_dry(self) -> bool:
        return self._drops < 1

    def draw(self) -> None:
        self._drops -= 1

    @property
    def left(self) -> float:
        return self._drops


class Allowance:
    """So many a minute from one address, and so many a minute from all of them."""

    def __init__(self, *, each: int, overall: int) -> None:
        self._each = each
        self._overall = overall
        self._everyone: Bucket | None = None
        self._buckets: dict[str, Bucket] = {}
        self._lock = Lock()  # requests are answered in threads

    def take(self, address: str, now: datetime) -> bool:
        """Whether one more may be kept; if so, it is counted."""
        with self._lock:
            return self._take(address, now)

    def _take(self, address: str, now: datetime) -> bool:
        self._everyone = self._everyone or Bucket(self._overall, now)
        buckets = (self._everyone, self._bucket(address, now))
        for bucket in buckets:
            bucket.fill(now)
        if any(bucket.is_dry() for bucket in buckets):
            return False
        for bucket in buckets:
            bucket.draw()
        return True

    def _bucket(self, address: str, now: datetime) -> Bucket:
        found = self._buckets.pop(address, None) or Bucket(self._each, now)
        self._buckets[address] = found  # the address seen last stands last, and the first is forgotten
        while len(self._buckets) > ADDRESSES_MOST:
            del self._buckets[next(iter(self._buckets))]
        return found
