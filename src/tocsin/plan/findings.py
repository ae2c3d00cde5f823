"""What a check says about a plan, and the questions that every check asks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tocsin.kit.text import nearest


@dataclass(frozen=True)
class Finding:
    """A hole in a plan. The path is that of `parse`: items of a list count from 1."""

    path: str
    message: str
    code: str = "reference"  # the kind of the finding, as `lint` has it


def unknown(path: str, what: str, word: str, known: Iterable[str], code: str = "reference") -> Iterator[Finding]:
    """A finding if the word is not known, with the nearest one that is."""
    words = known if isinstance(known, dict | set | frozenset) else list(known)
    if word not in words:
        meant = nearest(word, list(words))
        hint = f"; did you mean {meant}?" if meant else ""
        yield Finding(path, f'no {what} called "{word}"{hint}', code)


def each(path: str, what: str, words: Iterable[str], known: Iterable[str]) -> Iterator[Finding]:
    names = known if isinstance(known, dict) else dict.fromkeys(known)
    for number, word in enumerate(words, start=1):
        yield from unknown(f"{path}.{number}", what, word, names)


def empty(path: str, things: object, message: str, code: str = "reference") -> Iterator[Finding]:
    if not things:
        yield Finding(path, message, code)


def nobody(path: str, people: object, message: str) -> Iterator[Finding]:
    """A finding if there is nobody."""
    yield from empty(path, people, message, "ends-in-nobody")
