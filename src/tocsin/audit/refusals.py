"""Refused attempts, gathered: so many strangers may try so often, and it is a line a minute."""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from tocsin.audit.model import Deed
from tocsin.kit.text import clip

MOST_AT_ONCE = 50  # that are told apart before they are kept; all others count together
MANY = "many"
LONGEST = 120  # letters of what a stranger typed


@dataclass(frozen=True)
class Refusal:
    """`at` is when it was first refused."""

    deed: Deed
    actor: str
    about: str
    source: str
    at: datetime
    count: int


class Refusals:
    """What was refused since it was last kept. Writing each down would let strangers fill the disk and hold the writer:
    so they are counted here, and kept once a minute."""

    def __init__(self) -> None:
        self._found: dict[tuple[Deed, str, str, str], tuple[datetime, int]] = {}
        self._lock = Lock()  # requests are answered in threads

    def note(self, deed: Deed, now: datetime, *, actor: str = "", about: str = "", source: str = "") -> None:
        key = (deed, _plain(actor), _plain(about), _plain(source))
        with self._lock:
            if key not in self._found and len(self._found) >= MOST_AT_ONCE:
                key = (deed, MANY, "", MANY)
            first, count = self._found.get(key, (now, 0))
            self._found[key] = (first, count + 1)

    def take(self) -> list[Refusal]:
        """What was gathered, the first one first; it is gathered anew from here on."""
        with self._lock:
            found, self._found = self._found, {}
        return [Refusal(*key, at, count) for key, (at, count) in found.items()]

    def put_back(self, gathered: list[Refusal]) -> None:
        """They could not be kept: count them again with the next ones."""
        with self._lock:
            for one in gathered:
                key = (one.deed, one.actor, one.about, one.source)
                self._found[key] = (one.at, one.count + self._found.get(key, (one.at, 0))[1])


def _plain(typed: str) -> str:
    return clip("".join(letter if letter.isprintable() else " " for letter in typed), LONGEST)
