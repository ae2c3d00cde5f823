"""A breaker between us and a provider: once it has failed often enough, it is left alone for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

TRIP_AFTER = 5  # failures in a row that are the provider's own
FIRST_REST = timedelta(seconds=15)
LONGEST_REST = timedelta(minutes=2)


@dataclass
class Breaker:
    """Closed while the provider answers. Open, it lets nothing through until its rest is over; then one try decides."""

    failures: int = 0
    rests: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and now < self.open_until

    def is_on_trial(self, now: datetime) -> bool:
        """Whether the next try decides if it closes."""
        return self.open_until is not None and not self.is_open(now)

    def worked(self) -> None:
        self.failures, self.rests, self.open_until = 0, 0, None

    def failed(self, now: datetime) -> None:
        """Those who set out before it opened may still come back with a failure; they do not prolong the rest."""
        if self.is_open(now):
            return
        self.failures += 1
        if self.open_until is not None or self.failures >= TRIP_AFTER:
            self.open_until = now + min(FIRST_REST * (1 << min(self.rests, 10)), LONGEST_REST)
            self.rests += 1
