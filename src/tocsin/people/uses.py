"""Uses of tokens, gathered: a busy sender shows its token a thousand times a second, and it is a line a minute."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from threading import Lock

from tocsin.people.model import Token


class Uses:
    """When each token was used since that was last kept. Writing it down at once would make a write of every read."""

    def __init__(self) -> None:
        self._found: dict[str, datetime] = {}
        self._lock = Lock()  # requests are answered in threads

    def note(self, token_id: str, now: datetime) -> None:
        with self._lock:
            self._found[token_id] = max(now, self._found.get(token_id, now))

    def take(self) -> dict[str, datetime]:
        """What was gathered; it is gathered anew from here on."""
        with self._lock:
            found, self._found = self._found, {}
        return found

    def put_back(self, gathered: Mapping[str, datetime]) -> None:
        """It could not be kept: try again with the next ones."""
        for token_id, at in gathered.items():
            self.note(token_id, at)

    def with_these(self, kept: Iterable[Token]) -> list[Token]:
        """These tokens with what is known of their use here, and is not kept yet."""
        with self._lock:
            found = dict(self._found)
        return [_later(one, found.get(one.id)) for one in kept]


def _later(token: Token, at: datetime | None) -> Token:
    is_news = at is not None and (token.used_at is None or at > token.used_at)
    return replace(token, used_at=at) if is_news else token
