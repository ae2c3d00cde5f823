"""What words of a plan stand for: spans, rhythms, severities, needs, names. What is not certain is not answered."""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from tocsin.kit import text as kit
from tocsin.plan.fields import LONGEST_SPAN
from tocsin.plan.model import Need


class Span(NamedTuple):
    """A length of time, as a plan file spells it, and by which rule it was read if that is not plain."""

    length: timedelta
    written: str
    how: str = ""


# --- Spans ------------------------------------------------------------------------------------------------------------

_COUNTS = {
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
    "six": 6.0,
    "seven": 7.0,
    "eight": 8.0,
    "nine": 9.0,
    "ten": 10.0,
    "twelve": 12.0,
    "fifteen": 15.0,
    "twenty": 20.0,
    "thirty": 30.0,
    "forty-five": 45.0,
    "sixty": 60.0,
    "half a": 0.5,
    "half an": 0.5,
    "half": 0.5,
}
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "d", "w": "w", "mon": "month", "q": "quarter", "y": "year"}
_CALENDAR = {"month": 30, "quarter": 90, "year": 365}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_COUNT = rf"(?:\d{{1,5}}(?:\.\d{{1,2}})?|(?:{'|'.join(sorted(_COUNTS, key=len, reverse=True))})(?=[\s-]))"
_UNIT = (
    r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?|quarters?|years?|yrs?|(?-i:[smhdw]))(?!\w)"
)
_SPAN = re.compile(rf"(?<![\w.])(?P<count>{_COUNT})[\s-]*(?P<unit>{_UNIT})", re.IGNORECASE)
_RANGE = re.compile(
    rf"(?<![\w.])(?P<low>{_COUNT})\s*(?P<low_unit>{_UNIT})?\s*(?:-|–|—|to\b)\s*(?P<count>{_COUNT})[\s-]*(?P<unit>{_UNIT})",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"(?:>|≥|more than|longer than|over|at least|exceeds|after|every|each|per|last)\s*$", re.IGNORECASE
)
_RHYTHM = re.compile(
    rf"\b(?:every|each|per|once an?)\s+"
    rf"(?P<range>{_COUNT}\s*(?:-|–|to\b)\s*(?=\d))?(?:(?P<count>{_COUNT})[\s-]*)?(?P<unit>{_UNIT})",
    re.IGNORECASE,
)
_INTERVALS = re.compile(rf"(?<![\w.–-])(?P<count>{_COUNT})[\s-]*(?P<unit>{_UNIT})\s+intervals?\b", re.IGNORECASE)
_ADVERB = re.compile(r"(?<![\w-])(hourly|daily|weekly)\b", re.IGNORECASE)
_ADVERBS = {"hourly": "1 h", "daily": "1 d", "weekly": "1 w"}


def _span(found: re.Match[str]) -> Span | None:
    """The span of a match. None if it is nothing, or longer than a plan can say."""
    written = (found["count"] or "1").lower()
    count = _COUNTS.get(written) or float(written)
    word = found["unit"].lower()
    unit = _UNITS["mon" if word.startswith("mon") else word[0]]
    if unit in _CALENDAR:
        count, how, unit = count * _CALENDAR[unit], f"a {unit} counts as {_CALENDAR[unit]} days", "d"
    else:
        how = ""
    length = timedelta(seconds=round(count * _SECONDS[unit]))
    if not timedelta(0) < length <= LONGEST_SPAN:
        return None
    return Span(length, f"{int(count)} {unit}" if count == int(count) else kit.span(length), how)


def spans(text: str) -> list[Span]:
    """Every promise of a time; not what only begins after it, comes back after it, or takes longer than it."""
    ranges = list(_RANGE.finditer(text))
    taken = [found.span() for found in ranges] + [found.span() for found in _RHYTHM.finditer(text)]
    upper = [span._replace(how="the upper end of the range") for one in ranges if (span := _span(one))]
    return upper + [
        span
        for found in _SPAN.finditer(text)
        if not any(start <= found.start() < end for start, end in taken)
        and not _AT_LEAST.search(text, max(0, found.start() - 20), found.start())
        and (span := _span(found))
    ]


def within(text: str) -> Span | None:
    """The one time that a sentence promises. None if it promises none, or several."""
    found = spans(text)
    return found[0] if found and all(one.length == found[0].length for one in found) else None


def any_span(text: str) -> Span | None:
    """The only length of time that a sentence names, whatever it says about it."""
    found = [span for one in _SPAN.finditer(text) if (span := _span(one))]
    return found[0] if len(found) == 1 and not _RANGE.search(text) else None


def ends(text: str) -> tuple[bool, Span] | None:
    """For a range such as `0-5 minutes`: whether it begins at nothing, and where it ends."""
    found = _RANGE.search(text)
    if found is None or (span := _span(found)) is None:
        return None
    return found["low"] in ("0", "0.0"), span._replace(how="")


def every(text: str) -> Span | None:
    """How often something comes back: `every 30 minutes`, `hourly`, `at 15-minute intervals`."""
    found = _RHYTHM.search(text) or _INTERVALS.search(text)
    if found:
        return None if found.re is _RHYTHM and found["range"] else _span(found)
    adverb = _ADVERB.search(text)
    if adverb is None:
        return None
    written = _ADVERBS[adverb[0].lower()]
    return Span(kit.parse_span(written), written)


# --- How often somebody is told ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pace:
    """When the first update comes and how often the next; or that the clock has no say."""

    first: Span | None = None
    every: Span | None = None
    unclocked: str = ""  # the words that say so

    def says(self) -> str:
        return self.unclocked or f"every {self.every.written}" if self.every else self.unclocked


_AS_NEEDED = re.compile(
    r"\bas (?:needed|required|necessary|appropriate)\b|\bwhen needed\b|\bon request\b|\bad[ -]hoc\b", re.I
)
_NO_UPDATES = re.compile(
    r"\bno\b[^.;]*\bupdates?\b|^\W*(?:none|n/?a|never|no)\W*$|updates? not (?:needed|required)", re.I
)
_FIRST = re.compile(r"\b(?:initial|first|notif\w+)\b", re.I)


def pace(text: str) -> Pace | None:
    """What a sentence says about updates. None if it says nothing that is certain."""
    if no := _NO_UPDATES.search(text):
        return Pace(unclocked="none" if len(no[0]) < 6 else no[0].lower())
    again = every(text)
    first = within(text) if _FIRST.search(text) else None
    if again is None and first is None:
        found = _AS_NEEDED.search(text)
        return Pace(unclocked=found[0].lower()) if found else None
    return Pace(first, again)


# --- Severities -------------------------------------------------------------------------------------------------------

_LEVEL = re.compile(
    r"(?<!\w)(?:(?P<short>[PS])-?|(?P<long>SEV|SEVERITY|PRIORITY)[ -]?)(?P<number>\d)(?!\w|[.-]\d)", re.I
)
_SAME = {"SEVERITY": "SEV", "PRIORITY": "P"}
_THROUGH = re.compile(r"\s*(?:-|–|—|to|through)\s*", re.I)
WORD_LEVELS = ("critical", "severe", "major", "high", "medium", "moderate", "minor", "low", "informational")


def _key(found: re.Match[str]) -> str:
    word = (found["short"] or found["long"]).upper()
    return _SAME.get(word, word) + found["number"]


def level(label: str) -> tuple[str, str] | None:
    """The severity that a label begins with, and the words behind it: `P0 - Critical` is P0, Critical."""
    found = _LEVEL.match(label)
    return (_key(found), label[found.end() :].strip(" \t:–—-|·,.()")) if found else None


def levels(text: str, known: Sequence[str]) -> list[str]:
    """The known severities that a text names; a range such as SEV1-SEV3 names those between."""
    found = [one for one in _LEVEL.finditer(text) if _key(one) in known]
    named = {_key(one) for one in found}
    for one, other in pairwise(found):
        if _THROUGH.fullmatch(text, one.end(), other.start()):
            first, last = sorted((known.index(_key(one)), known.index(_key(other))))
            named.update(known[first : last + 1])
    words = {word for word in known if word in WORD_LEVELS and re.search(rf"\b{word}\b", text, re.I)}
    return [key for key in known if key in named | words]


_BETWEEN = re.compile(r"[\s/,&+–—-]|\b(?:and|or|to|through|only|for|incidents?)\b", re.I)


def only_levels(remark: str, known: Sequence[str]) -> list[str]:
    """The known severities that a remark names, if it names nothing else."""
    found = levels(remark, known)
    rest = _BETWEEN.sub("", _LEVEL.sub("", remark))
    return found if found and not rest else []


# --- Promises ---------------------------------------------------------------------------------------------------------

_ANSWER = re.compile(r"\b(?:respon[ds]\w*|acknowledg\w*|ack|answer\w*)\b", re.I)
_END = re.compile(r"\b(?:resol\w+|restor\w+|fix(?:ed)?|mttr|repair\w*)\b", re.I)
_REVIEW = re.compile(r"\bpost-?\s?mortems?\b|\bretrospectives?\b|\b(?:post-)?incident reviews?\b", re.I)
_NOT = re.compile(r"\bno\b|\bnot (?:required|needed|necessary)\b|\bnone\b|\bnever\b", re.I)
_MAYBE = re.compile(
    r"\boptional\w*\b|\bif (?:needed|warranted|useful|requested)\b|\brecommended\b|\bas (?:needed|required)\b", re.I
)
_MUST = re.compile(r"\brequired\b|\bmandatory\b|\bmust\b|\balways\b|^\W*yes\W*$", re.I)


def answer_within(text: str) -> Span | None:
    """How soon somebody has to answer, if that is what a sentence promises."""
    return within(text) if _ANSWER.search(text) and not every(text) and not _END.search(text) else None


def resolve_within(text: str) -> Span | None:
    return within(text) if _END.search(text) and not every(text) and not _ANSWER.search(text) else None


def need(text: str) -> Need | None:
    """Whether something is demanded, left open or not wanted."""
    if _NOT.search(text):
        return Need.NONE
    if _MAYBE.search(text):
        return Need.OPTIONAL
    return Need.REQUIRED if _MUST.search(text) else None


def review_need(text: str) -> Need | None:
    return need(text) if _REVIEW.search(text) else None


# --- Names ------------------------------------------------------------------------------------------------------------


def slug(text: str, otherwise: str = "unnamed") -> str:
    """A name for a key: lower-case letters, digits and underscores."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return words[:40].strip("_") or otherwise


def fresh(key: str, taken: Container[str]) -> str:
    """The key, with a number behind it if it is taken."""
    count, name = 1, key
    while name in taken:
        count += 1
        name = f"{key}_{count}"
    return name


def sentences(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.;!])\s+", text) if one]


def joined(texts: Iterable[str]) -> str:
    """Several sentences or phrases in one text."""
    return "; ".join(text.strip().rstrip(".;:").rstrip() if text.strip() else "" for text in texts if text.strip())
