"""One line in the log when the database does not answer, another each half minute, and one when it does again.

While it is away every lane of the engine and every request comes by here, a dozen times a second.
"""

import logging
import threading
from collections.abc import Callable

from tocsin.kit.clock import stopwatch

log = logging.getLogger(__name__)

SAID_EVERY = 30.0  # seconds
QUIET_FOR = 3.0  # seconds without a refusal, before an answer means that it is back: a full disk can still be read


class Away:
    """Since when one database has been refusing, and what of that the log has."""

    def __init__(self, seconds: Callable[[], float] = stopwatch) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._since: float | None = None
        self._last = self._said = 0.0

    def refused(self, reason: str, statement: str) -> None:
        with self._lock:
            now = self._last = self._seconds()
            if self._since is not None and now - self._said < SAID_EVERY:
                return
            self._since = now if self._since is None else self._since
            self._said = now
        log.error("the database refused: %s, for %.60s", reason, " ".join(statement.split()))

    def answered(self) -> None:
        since = self._since
        if since is None:  # nearly always, and without the lock
            return
        with self._lock:
            if self._since != since or self._seconds() - self._last < QUIET_FOR:
                return
            lasted, self._since = self._last - since, None
        log.warning("the database answers again; it had refused for %.0f s", lasted)
