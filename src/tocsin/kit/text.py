"""Spans of time in words, nearest spellings, and cutting text to length."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_NAMES = {
    **{name: 1 for name in ("s", "sec", "second", "seconds")},
    **{name: 60 for name in ("m", "min", "minute", "minutes")},
    **{name: 3600 for name in ("h", "hour", "hours")},
    **{name: 86400 for name in ("d", "day", "days")},
    **{name: 604800 for name in ("w", "week", "weeks")},
}
_PART = re.compile(r"(\d+)\s*([a-z]+)\s*")


def parse_span(text: str) -> timedelta:
    """Read `15 min`, `1 h 30 min` or `1 week`. Raises ValueError with a sentence for the user."""
    rest, seconds = text.strip().lower(), 0
    if not rest:
        raise ValueError("a span is missing; write it like 15 min or 4 h")
    while rest:
        part = _PART.match(rest)
        if part is None or part[2] not in _NAMES:
            raise ValueError(f"'{text}' is not a span of time; write it like 15 min or 4 h")
        seconds += int(part[1]) * _NAMES[part[2]]
        rest = rest[part.end() :]
    return timedelta(seconds=seconds)


def span(length: timedelta) -> str:
    """A span in the largest units that are exact: `15 min`, `1 h 30 min`, `1 w`."""
    seconds, words = round(length.total_seconds()), []
    for unit in ("w", "d", "h", "min", "s"):
        count, seconds = divmod(seconds, _UNITS[unit])
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words) or "0 s"


def short_span(length: timedelta) -> str:
    """A span for a narrow place: `4:12` under an hour, `3 h 05` under a day, `6 d 4 h` above."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def utc(instant: datetime) -> str:
    """An instant for the record: `2026-11-24 03:34:19 UTC`."""
    return instant.strftime("%Y-%m-%d %H:%M:%S UTC")


LONGEST_GUESSED = 80  # letters of a word of which is guessed what was meant
_pairs_left: ContextVar[list[int] | None] = ContextVar("pairs_left", default=None)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that the user most likely meant, if any is near."""
    words = [one for one in known if len(one) <= LONGEST_GUESSED]
    if len(word) > LONGEST_GUESSED or not _is_worth(len(words)):
        return None
    matches = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return matches[0] if matches else None


@contextmanager
def sparingly(pairs: int) -> Iterator[None]:
    """Inside it `nearest` compares no more than so many pairs of words, and guesses nothing after that: where each word
    of a long text is unknown, and as many are known, it would take minutes."""
    mark = _pairs_left.set([pairs])
    try:
        yield
    finally:
        _pairs_left.reset(mark)


def _is_worth(pairs: int) -> bool:
    left = _pairs_left.get()
    if left is None:
        return True
    left[0] -= pairs
    return left[0] >= 0


_SEEN = "\N{REPLACEMENT CHARACTER}"
_CONTROL = {code: _SEEN for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\r\n"}
# An override has text read against its letters: nobody who writes needs one. What only embeds or isolates a part comes
# along when an address or a number is copied; without it Arabic and Hebrew still read by their own letters.
TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TURNING = {**dict.fromkeys(TURNING), 0x202D: _SEEN, 0x202E: _SEEN}
_STEERING = {**_CONTROL, **_TURNING}
_turns = re.compile(f"[{''.join(map(chr, TURNING))}]").search


def unturned(text: str) -> str:
    """The text without the letters that have others read in another order than they stand: a title, a name or the file
    that somebody attached could show what it does not say."""
    return text if _turns(text) is None else text.translate(_TURNING)


def harmless(text: str) -> str:
    """The text without the letters that steer whatever shows it, such as a mail reader in a terminal."""
    return text.translate(_STEERING)


def clip(text: str, length: int) -> str:
    """Cut text to a length, marking the cut with an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def ended(text: str) -> str:
    """The text as a sentence that ends."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
