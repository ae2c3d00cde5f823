"""What somebody looks for, and where it stands in a text. Pure, and the same for every database.

Texts and questions are taken apart by the same few lines, so that what a database finds, and where, depends on none of
its own ideas of a word.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from tocsin.kit.text import harmless

MOST_ASKED = 200  # characters of a question
MOST_TERMS = 12
LONGEST_WORD = 60  # characters that tell one word from another
SHORTEST_BEGINNING = 2  # of one letter nearly everything is the beginning
LOOKED_THROUGH = 20_000  # characters of a text in which its words are marked
BEFORE, SHOWN = 60, 220  # characters of an excerpt: before the first word that was asked for, and in all

_LETTER = r"[^\W_]"
_WORD = re.compile(_LETTER + "+")
_FOREIGN = re.compile(r"[^\W\x00-\x7f]")  # a letter that may become several when it is folded
_PART = re.compile(r'(?:(?P<name>[a-z]+):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


class Term(NamedTuple):
    """Words that stand one after the other. The last may be only the beginning of one."""

    words: tuple[str, ...]
    is_beginning: bool = False


@dataclass(frozen=True)
class Asked:
    """A question: every term must be there, and each filter must fit."""

    terms: tuple[Term, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)


class Piece(NamedTuple):
    """A part of an excerpt; marked if it was asked for."""

    text: str
    is_marked: bool = False


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: without case, accents and marks."""
    if text.isascii():
        folded = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text.casefold())
        folded = "".join(one for one in apart if not unicodedata.combining(one))
    return [word[:LONGEST_WORD] for word in _WORD.findall(folded)]


def read(text: str, names: Sequence[str]) -> Asked:
    """A question as it was typed: words, "phrases", and filters such as `kind:incident`.

    Whatever else is typed is words: there is no question that can't be read. The last word may go on, unless a space
    or a quotation mark ends it; so may one that ends in an asterisk.
    """
    terms, filters = [], {}
    for part in _PART.finditer(text[:MOST_ASKED]):
        name, said = part["name"], part["phrase"] if part["phrase"] is not None else part["word"]
        if name in names:
            filters[name] = said
            continue
        words = tuple(words_of(f"{name} {said}" if name else said))
        goes_on = part["phrase"] is None and (part.end() == len(text) or said.endswith("*"))
        if words:
            terms.append(Term(words, goes_on and len(words[-1]) >= SHORTEST_BEGINNING))
    return Asked(tuple(terms[:MOST_TERMS]), filters)


def excerpt(text: str, terms: Sequence[Term], shown: int = SHOWN) -> tuple[Piece, ...]:
    """The part of a text in which the terms stand, with their words marked; its beginning if they stand nowhere."""
    text = unicodedata.normalize("NFC", " ".join(text[:LOOKED_THROUGH].split()))
    spans = _found(text, terms)
    start = _word_before(text, spans[0][0] - BEFORE) if spans else 0
    end = _word_after(text, start + shown)
    return tuple(_pieces(text, [one for one in spans if one[1] <= end], start, end))


def as_html(pieces: Sequence[Piece]) -> str:
    """An excerpt as HTML: everything in it is escaped, and the only element is `<mark>`."""
    escaped = ((html.escape(harmless(one.text)), one.is_marked) for one in pieces)
    return "".join(f"<mark>{text}</mark>" if is_marked else text for text, is_marked in escaped)


def _found(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Where the words of the terms stand."""
    if _FOREIGN.search(text) is None:
        return sorted({span for term in terms for span in _places(text.lower(), term)})
    return _found_apart(text, terms)


def _places(folded: str, term: Term) -> Iterator[tuple[int, int]]:
    """The same in a text of which every letter has one for itself when it is folded: no word need be taken apart."""
    pattern, place = _pattern(term), 0
    while found := pattern.search(folded, place):
        place = found.end(1)
        if not folded[found.start() - 1 : found.start()].isalnum():
            yield from (found.span(word) for word in range(1, len(term.words) + 1))


@lru_cache(maxsize=100)
def _pattern(term: Term) -> re.Pattern[str]:
    *before, last = term.words
    goes_on = _LETTER + "*" if term.is_beginning else _rest(last)
    words = [*(f"({re.escape(word)}{_rest(word)})" for word in before), f"({re.escape(last)}{goes_on})"]
    return re.compile(r"[\W_]+".join(words) + f"(?!{_LETTER})")


def _rest(word: str) -> str:
    """What may follow what is known of a word: anything, if it was cut."""
    return _LETTER + "*" if len(word) == LONGEST_WORD else ""


def _found_apart(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    places = [(one.start(), one.end(), "".join(words_of(one[0]))) for one in _WORD.finditer(text)]
    found: set[tuple[int, int]] = set()
    for term in terms:
        for first in range(len(places) - len(term.words) + 1):
            those = places[first : first + len(term.words)]
            if _fits([word for _, _, word in those], term):
                found.update((start, end) for start, end, _ in those)
    return sorted(found)


def _fits(words: Sequence[str], term: Term) -> bool:
    *before, last = term.words
    is_last = words[-1].startswith(last) if term.is_beginning else words[-1][:LONGEST_WORD] == last
    return is_last and list(words[:-1]) == before


def _word_before(text: str, place: int) -> int:
    return 0 if place <= 0 else text.find(" ", place) + 1


def _word_after(text: str, place: int) -> int:
    if place >= len(text):
        return len(text)
    cut = text.rfind(" ", 0, place)
    return cut if cut > place - BEFORE else place


def _pieces(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    place = start
    if start:
        yield Piece("… ")
    for begin, stop in spans:
        if begin > place:
            yield Piece(text[place:begin])
        yield Piece(text[begin:stop], is_marked=True)
        place = stop
    if place < end:
        yield Piece(text[place:end])
    if end < len(text):
        yield Piece(" …")
