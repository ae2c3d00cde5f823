"""What a document measures: the error rates of each severity, and the figures by which it judges a response."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import combinations

from tocsin.plan.measures import Band, Count, Moment
from tocsin.plan.reading import words
from tocsin.plan.reading.draft import Branch, Claim, Notes, Said, Value, lines_of
from tocsin.plan.reading.outline import Kind, Lines, Node, apart

# --- Error rates ------------------------------------------------------------------------------------------------------

_ERRORS = re.compile(r"\berrors?\b|\bfailure rate\b|\bfail(?:ed|ing) requests?\b", re.I)
_PERCENT = r"\s*(?:%|per ?cent\b)"
_NUMBER = r"(\d{1,3}(?:\.\d{1,4})?)"
_RANGE = re.compile(rf"{_NUMBER}(?:{_PERCENT})?\s*(?:-|–|—|\bto\b|\band\b)\s*{_NUMBER}{_PERCENT}", re.I)
_BORDER = re.compile(
    rf"(?P<word>>=|≥|<=|≤|>|<|\b(?:no more than|at most|up to|at least|more than|greater than|higher than|less than"
    rf"|lower than|above|over|exceed\w*|below|under|from))?\s*{_NUMBER}{_PERCENT}"
    rf"(?P<after>\s*(?:or|and) (?:more|above|higher|less|lower|below)\b(?!\s+than))?",
    re.I,
)
_COMPARES = re.compile(r"(?:[<>≤≥]=?|\b(?:more than|less than|above|over|below|under))\s*$", re.I)
_WORDS = {
    "above": (">", "more than", "greater than", "higher than", "above", "over"),
    "at_least": (">=", "≥", "at least", "from"),
    "below": ("<", "less than", "lower than", "below", "under"),
    "at_most": ("<=", "≤", "no more than", "at most", "up to"),
}
_BORDERS = {word: border for border, known in _WORDS.items() for word in known}
_BOTH = "both borders are taken as part of the band"


def bands(nodes: Mapping[str, Node], notes: Notes) -> dict[str, Branch]:
    """The error rates of each severity, where its definition or its examples name them."""
    found: dict[str, Claim] = {}
    for key, node in nodes.items():
        claims = [claim for one in (node, *node.walk()) if (claim := _band(one))]
        if settled := notes.settle(f"the error rates of {key}", claims):
            found[key] = settled
    _compare(found, notes)
    return {key: _borders(claim) for key, claim in found.items()}


def _band(node: Node) -> Claim | None:
    """The band that a sentence names. None if it names none, or more than one number could be meant."""
    spoken = node.kind in (Kind.ITEM, Kind.SENTENCE, Kind.LABEL, Kind.CELL)
    if not spoken or not _ERRORS.search(node.text if node.kind is not Kind.CELL else f"{node.label} {node.rest}"):
        return None
    text = node.rest if node.kind is Kind.CELL else node.text
    between = list(_RANGE.finditer(text))
    if len(between) == 1:
        before, after = text[: between[0].start()], text[between[0].end() :]
        alone = not (_COMPARES.search(before) or _BORDER.search(before) or _BORDER.search(after))
        band = _made({"at_least": between[0][1], "at_most": between[0][2]}) if alone else None
        return Claim(band, str(band), node.lines, _BOTH) if band else None
    named = [_border(one) for one in _BORDER.finditer(text)]
    borders = {border: number for border, number in named if border}
    band = _made(borders) if borders and len(borders) == len(named) and not between else None
    return Claim(band, str(band), node.lines) if band else None


def _border(found: re.Match[str]) -> tuple[str, str]:
    word = (found["word"] or "").lower()
    if word.startswith("exceed"):
        word = "above"
    border = _BORDERS.get(word, "")
    if found["after"]:
        border = "" if border else "at_least" if re.search(r"more|above|higher", found["after"], re.I) else "at_most"
    return border, found[2]


def _made(borders: Mapping[str, str]) -> Band | None:
    rates = {border: Decimal(number) for border, number in borders.items()}
    low = rates.get("above", rates.get("at_least"))
    high = rates.get("below", rates.get("at_most"))
    is_twice = len(rates) > 2 or len(rates) != (low is not None) + (high is not None)
    sound = all(rate <= 100 for rate in rates.values()) and (low is None or high is None or low < high)
    return Band(**rates) if sound and not is_twice else None


def _borders(claim: Claim) -> Branch:
    band = claim.value
    rates = {} if not isinstance(band, Band) else {border: getattr(band, border) for border in _WORDS}
    entries: dict[str, Value] = {
        border: Said(int(rate) if rate == int(rate) else f"{rate:f}", claim.lines, claim.how)
        for border, rate in rates.items()
        if rate is not None
    }
    return Branch(entries)


def _compare(found: Mapping[str, Claim], notes: Notes) -> None:
    """A rate that belongs to two severities."""
    for (key, one), (other, two) in combinations(found.items(), 2):
        if isinstance(one.value, Band) and isinstance(two.value, Band):
            borders = [getattr(band, name) for band in (one.value, two.value) for name in _WORDS]
            both = [it for it in borders if it is not None and one.value.holds(it) and two.value.holds(it)]
            for rate in sorted(set(both)):
                here, there = Claim(key, key, one.lines), Claim(other, other, two.lines)
                notes.differ(f"which severity {rate:f} % of errors is", here, there, "both bands are kept as written")


# --- Figures ----------------------------------------------------------------------------------------------------------

_METRICS = re.compile(r"\bmetrics?\b|\bkpis?\b|\bfigures\b|\bindicators\b", re.I)
_FROM = re.compile(r"\b(?:from|between)\b(?P<since>.{1,60}?)\b(?:to|until|till|and)\b(?P<until>.{1,60})", re.I)
_MOMENTS = (
    (Moment.CLOSED, re.compile(r"\bclos(?:ed?|ing|ure)\b", re.I)),
    (Moment.RECOVERED, re.compile(r"\brecover\w*|\bback to normal\b", re.I)),
    (Moment.RESOLVED, re.compile(r"\bresol\w+|\bfix(?:ed)?\b|\brepair\w*|\brestor\w+", re.I)),
    (Moment.MITIGATED, re.compile(r"\bmitigat\w+|\bcontain\w+", re.I)),
    (Moment.ACKNOWLEDGED, re.compile(r"\backnowledg\w*|\brespon[ds]\w*|\banswer\w*", re.I)),
    (Moment.DECLARED, re.compile(r"\bdeclar\w+", re.I)),
    (Moment.DETECTED, re.compile(r"\bdetect\w*|\bnotic\w+|\bdiscover\w*|\balert\w*", re.I)),
    (Moment.STARTED, re.compile(r"\bstart\w*|\bbeg[iu]n\w*|\bonset\b|\boccur\w*", re.I)),
)
_COUNTS = (
    (Count.ROOT_CAUSE, re.compile(r"\bsame (?:root )?cause\b|\brepeat\w*|\brecurr\w+|\bby (?:root )?cause\b", re.I)),
    (Count.SEVERITY, re.compile(r"\b(?:by|per|each) (?:severity|priority)\b", re.I)),
    (Count.TYPE, re.compile(r"\b(?:by|per|each) (?:type|kind|category)\b", re.I)),
    (Count.MONTH, re.compile(r"\b(?:per|by|each|a) month\b|\bmonthly\b", re.I)),
)


def metrics(root: Node, known: list[str], notes: Notes) -> Branch | None:
    """The figures of the sections on metrics, with their targets."""
    found: dict[str, dict[str, Value]] = {}
    nodes = [node for node in root.walk() if _is_metric(node)]
    for node in nodes:
        if entries := _metric(node):
            found[words.fresh(words.slug(node.label, "metric"), found)] = entries
    if not found:
        return None
    _targets(root, found, known, notes)
    sections = {id(up): up for node in nodes for up in node.up() if _METRICS.search(up.label)}
    leads = [one for up in sections.values() for one in up.children if one.text.rstrip().endswith(":")]
    return Branch({key: Branch(one) for key, one in found.items()}, lines_of([*sections.values(), *leads]))


def _is_metric(node: Node) -> bool:
    spoken = node.kind in (Kind.ITEM, Kind.LABEL, Kind.ROW)
    return bool(spoken and node.label and not words.level(node.label) and _says(node) and node.under(_METRICS))


def _says(node: Node) -> str:
    return node.rest or "; ".join(one.rest for one in node.children[1:] if one.kind is Kind.CELL and one.rest)


def _metric(node: Node) -> dict[str, Value] | None:
    """A figure whose moments, or whose count, are certain; the others stay among what was not understood."""
    name, meaning = node.label, _says(node)
    measured = _between(meaning) or _counted(name, meaning)
    if measured is None:
        return None
    entries: dict[str, Value] = {"name": Said(name, node.lines)}
    if re.fullmatch(r"[A-Z][A-Za-z]{2,7}", node.remark):
        entries["short"] = Said(node.remark, node.lines)
    entries["meaning"] = Said(meaning, node.lines)
    how = f'"{meaning}" is taken for it'
    return entries | {key: Said(value, node.lines, how) for key, value in measured.items()}


def _between(meaning: str) -> dict[str, str] | None:
    found = _FROM.search(meaning)
    since, until = (_moment(found["since"]), _moment(found["until"])) if found else (None, None)
    if since is None or until is None or list(Moment).index(since) >= list(Moment).index(until):
        return None
    return {"since": since.value, "until": until.value}


def _moment(text: str) -> Moment | None:
    """The one moment that words speak of; the last of an incident if they name its start as well."""
    named = [moment for moment, pattern in _MOMENTS if pattern.search(text)]
    return named[0] if len(named) == 1 else None


def _counted(name: str, meaning: str) -> dict[str, str] | None:
    named = [count for count, pattern in _COUNTS if pattern.search(f"{name}: {meaning}")]
    return {"count_by": named[0].value} if len(named) == 1 else None


def _targets(root: Node, found: dict[str, dict[str, Value]], known: list[str], notes: Notes) -> None:
    claims: dict[tuple[str, str], list[Claim]] = {}
    for node in root.walk():
        for key, level, claim in _aims(node, found, known):
            claims.setdefault((key, level), []).append(claim)
    aims: dict[str, dict[str, Value]] = {}
    for (key, level), told in claims.items():
        if settled := notes.settle(f"the target of {key} at {level}", told):
            aims.setdefault(key, {})[level] = Said(settled.written, settled.lines, settled.how)
    for key, one in aims.items():
        found[key]["targets"] = Branch({level: one[level] for level in known if level in one})


def _aims(node: Node, found: dict[str, dict[str, Value]], known: list[str]) -> Iterator[tuple[str, str, Claim]]:
    """`P1 MTTR: < 4 hours`, or a row of a severity with a column of that name."""
    named = words.level(node.label) if node.label and node.kind in (Kind.ITEM, Kind.LABEL, Kind.ROW) else None
    if named is None or named[0] not in known:
        return
    cells = [(one.label, one) for one in node.children if one.kind is Kind.CELL] or [(named[1], node)]
    for title, part in cells:
        promised = words.within(part.rest)
        key, how = _called(title, found)
        if promised and key and not words.every(part.rest):
            yield key, named[0], Claim(promised.length, promised.written, part.lines, promised.how or how)


def _called(title: str, found: dict[str, dict[str, Value]]) -> tuple[str, str]:
    """The figure of a name or an abbreviation. Of two with one abbreviation the first is taken, and that is said."""
    bare, _ = apart(title)
    wanted = re.sub(r"\b(?:target|sla|goal)s?\b", "", bare, flags=re.I).strip().lower()
    fitting = [
        key
        for key, entries in found.items()
        if "since" in entries and wanted in {str(one.value).lower() for one in _names(entries)}
    ]
    if not wanted or not fitting:
        return "", ""
    name = str(next(_names(found[fitting[0]])).value)
    return fitting[0], f'"{bare}" stands for two figures; the first is taken: {name}' if len(fitting) > 1 else ""


def _names(entries: Mapping[str, Value]) -> Iterator[Said]:
    yield from (one for key in ("name", "short") if isinstance(one := entries.get(key), Said))


def cited_lines(figures: Branch | None) -> frozenset[Lines]:
    """The lines of the abbreviations that became part of the draft."""
    entries = figures.entries.values() if figures else ()
    shorts = (one.entries.get("short") for one in entries if isinstance(one, Branch))
    return frozenset(one.lines for one in shorts if isinstance(one, Said))
