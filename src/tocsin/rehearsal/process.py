"""What one run of Rose remembers: counters, histograms, alerts, breakers and rate limits. A restart forgets it.

Nothing here reads a clock: every call brings its instant. Everything is bounded, however long a rehearsal runs.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
ALERT_KEPT_FOR = timedelta(hours=1)
MOST_ALERTS = 1000
MOST_WINDOWS = 1000
MOST_CLIPS = 200


@dataclass
class Histogram:
    """Four figures of everything ever measured, as Rose publishes them."""

    count: int = 0
    low: float = 0.0
    high: float = 0.0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.low = min(self.low, value) if self.count else value
        self.high = max(self.high, value)
        self.count += 1
        self.total += value

    def figures(self) -> dict[str, float]:
        # Rose's response model makes every figure a float, the count too.
        average = self.total / self.count if self.count else 0.0
        return {"count": float(self.count), "min": self.low, "max": self.high, "avg": average}


@dataclass(frozen=True)
class Alert:
    name: str
    severity: str
    metric: str
    value: float
    threshold: float
    at: datetime

    @property
    def message(self) -> str:
        return f"Alert: {self.name} - {self.metric} is {self.value:.2f} (threshold: {self.threshold:.2f})"


@dataclass
class Breaker:
    """Rose's circuit breaker for a vendor: it opens on the tenth failure since its last recovery.

    A success while closed does not reset the count; that is how Rose counts.
    """

    name: str
    failures: int = 0
    opened_at: datetime | None = None

    THRESHOLD = 10
    RECOVERY_AFTER = timedelta(seconds=90)

    def blocks(self, at: datetime) -> bool:
        return self.opened_at is not None and at - self.opened_at < self.RECOVERY_AFTER

    def fail(self, times: int, at: datetime) -> None:
        self.failures += times
        if self.failures >= self.THRESHOLD:
            self.opened_at = at

    def succeed(self) -> None:
        if self.opened_at is not None:
            self.failures, self.opened_at = 0, None


@dataclass
class Window:
    """One client's minute at one path. It is fixed: it begins with the first call and ends a minute later."""

    began_at: datetime
    calls: int = 0


@dataclass
class Process:
    """Everything that moves with use, for one run of Rose that began at `started_at`."""

    started_at: datetime
    counters: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)
    alerts: deque[Alert] = field(default_factory=lambda: deque(maxlen=MOST_ALERTS))
    breakers: dict[str, Breaker] = field(default_factory=dict)
    clips: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_CLIPS))
    evaluated_at: datetime = field(init=False)
    _windows: dict[tuple[str, str], Window] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.evaluated_at = self.started_at

    def count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def measure(self, name: str, value: float) -> None:
        self.histograms.setdefault(name, Histogram()).add(value)

    def track(self, name: str, ok: bool, seconds: float) -> None:
        """Record that an endpoint was served, well or badly, and how long it took."""
        self.measure(f"{name}_duration_ms", seconds * 1000)
        self.count(f"{name}_success" if ok else f"{name}_failure")

    def vendor_call(self, name: str, ok: bool, seconds: float) -> None:
        self.count(f"api_calls_{name}_success" if ok else f"api_calls_{name}_failure")
        self.measure(f"api_duration_ms_{name}", seconds * 1000)

    def breaker(self, name: str) -> Breaker:
        return self.breakers.setdefault(name, Breaker(name))

    def over_limit(self, client: str, path: str, per_minute: int, at: datetime) -> bool:
        """Count one call of a client, and tell whether it is one too many for this minute."""
        window = self._windows.get((client, path))
        if window is None or at - window.began_at >= MINUTE:
            self._forget_windows(at)
            window = self._windows[client, path] = Window(at)
        window.calls += 1
        return window.calls > per_minute

    def _forget_windows(self, at: datetime) -> None:
        for key in [key for key, window in self._windows.items() if at - window.began_at >= MINUTE]:
            del self._windows[key]
        while len(self._windows) >= MOST_WINDOWS:
            del self._windows[next(iter(self._windows))]

    def catch_up(self, at: datetime) -> None:
        """Do the evaluations that Rose's own schedule would have done by now, one a minute."""
        missed_since = max(self.evaluated_at, at - ALERT_KEPT_FOR)
        while missed_since + MINUTE <= at:
            missed_since += MINUTE
            self.evaluate(missed_since)

    def evaluate(self, at: datetime) -> list[Alert]:
        """Compare the figures with Rose's thresholds. Whatever is over is appended again, each time."""
        raised = list(self._over_threshold(at))
        self.alerts.extend(raised)
        self.evaluated_at = at
        return raised

    def active_alerts(self, at: datetime) -> list[Alert]:
        return self.alerts_since(at - ALERT_KEPT_FOR)

    def alerts_since(self, since: datetime) -> list[Alert]:
        return [alert for alert in self.alerts if alert.at > since]

    def _over_threshold(self, at: datetime) -> Iterator[Alert]:
        if (errors := self._error_percent()) > 5:
            yield Alert("high_error_rate", "critical", "error_rate_percent", errors, 5.0, at)
        # Rose calls this a 95th percentile; it is the slowest call since the start.
        slowest = max((h.high for name, h in self.histograms.items() if "duration_ms" in name), default=0.0)
        if slowest > 2000:
            yield Alert("slow_response_time", "warning", "response_time_p95_ms", slowest, 2000.0, at)

    def _error_percent(self) -> float:
        failures = sum(n for name, n in self.counters.items() if name.endswith("_failure"))
        successes = sum(n for name, n in self.counters.items() if name.endswith("_success"))
        asked = failures + successes
        # Rose adds errors_total on top of the failures, so one bad call counts more than once.
        return (failures + self.counters.get("errors_total", 0)) / asked * 100 if asked else 0.0
