"""Whether a password is one that a guesser tries first: a common word, one's own name, a run along the keyboard.

No list of leaked passwords is asked: that would be a service of somebody else, or a large file that ages. What is left
of a password without what everybody thinks of must be long enough by itself.
"""

import re
from collections.abc import Iterable

FEWEST_PARTS = 6  # a common word, a year, a run or a repeated letter is one part
FEWEST_SORTS = 5
COMMON = (
    *("password", "passwort", "passw0rd", "p@ssw0rd", "p@ssword", "passphrase", "secret", "geheim", "hunter"),
    *("welcome", "willkommen", "letmein", "iloveyou", "changeme", "default", "trustno", "whatever", "superman"),
    *("qwerty", "qwertz", "azerty", "monkey", "dragon", "sunshine", "princess", "football", "baseball", "batman"),
    *("admin", "administrator", "login", "master", "test", "user", "root", "guest", "hello", "summer", "winter"),
    *("spring", "autumn", "oncall", "pager", "incident", "tocsin"),
)
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "!@#$%^&*()")
_BESIDE = {row[at : at + 2] for row in _ROWS for at in range(len(row) - 1)}
_YEAR = re.compile(r"(19|20)\d\d")
_SHORTEST_WORD = 3
_SHORTEST_RUN = 3


def is_guessable(password: str, about: Iterable[str] = ()) -> bool:
    """`about` are words of the person or the place: the handle, the name, the address, our host, the plan."""
    said = [text.casefold() for text in about]
    own = {word for text in said for word in (text, *re.split(r"[\W_]+", text)) if len(word) >= _SHORTEST_WORD}
    left = password.casefold()
    for word in sorted({*COMMON, *own}, key=lambda one: (-len(one), one)):
        left = left.replace(word, "\0")
    parts = _parts(_YEAR.sub("\1", left))
    return len(parts) < FEWEST_PARTS or len(set(parts)) < FEWEST_SORTS


def _parts(text: str) -> list[str]:
    """The text's letters, with each run as one part: `aaa`, `abc`, `321`, `asdf`."""
    parts: list[str] = []
    start = 0
    while start < len(text):
        end = _run_from(text, start)
        width = end - start if end - start >= _SHORTEST_RUN else 1
        parts.append(text[start : start + width])
        start += width
    return parts


def _run_from(text: str, start: int) -> int:
    """Where the run ends that begins here: each letter stands to the next as the first does to the second."""
    end = start + 1
    kind = None
    while end < len(text):
        step = _step(text[end - 1], text[end])
        if step is None or (kind is not None and step != kind):
            break
        kind = step
        end += 1
    return end


def _step(one: str, following: str) -> str | None:
    distance = ord(following) - ord(one)
    if distance == 0:
        return "same"
    if one + following in _BESIDE or distance == 1:
        return "on"
    if following + one in _BESIDE or distance == -1:
        return "back"
    return None
