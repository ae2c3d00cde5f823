"""A draft as the text of a plan file: each value with its source line, and behind the plan what needs a person."""

import json
import re
from collections.abc import Iterable, Iterator
from textwrap import wrap

from tocsin.kit.text import clip
from tocsin.plan.events import MAX_NODES
from tocsin.plan.parse import MAX_LETTERS
from tocsin.plan.reading.draft import Branch, Draft, Hole, Row, Said, Text, Value, ordered, walk
from tocsin.plan.reading.outline import Lines, TooLarge

_INDENT = "  "
_SHOWN = 160  # letters of a sentence in the lists behind the plan
_WIDTH = 110


def render(draft: Draft) -> str:
    """A text that YAML reads, and in which `tocsin plan check` finds the holes and nothing else."""
    text = "\n".join([*_head(draft), *_branch(draft.plan, 0), "", *_behind(draft)]) + "\n"
    if len(text) > MAX_LETTERS or sum(1 for _ in walk(draft.plan)) > MAX_NODES // 3:
        raise TooLarge("The draft would be larger than a plan may be; take out what is not part of the plan.")
    return text


def lines(numbers: Lines) -> str:
    """`line 62`, `lines 62-65`, `lines 62, 107`."""
    shown = _ranges(numbers)
    return f"line {shown}" if len(numbers) == 1 else f"lines {shown}"


def _ranges(numbers: Iterable[int]) -> str:
    parts: list[list[int]] = []
    for number in ordered(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


# --- The plan ---------------------------------------------------------------------------------------------------------


def _head(draft: Draft) -> Iterator[str]:
    told, silent = len(draft.cited() & draft.filled), len(draft.not_understood())
    yield "# A draft, read from a plan in Markdown. Behind each value stands the line it was read from."
    yield f"# Of {len(draft.filled)} lines that are not empty, {told} are cited here, {len(draft.arranging)} only"
    yield f"# arrange the others, and {silent} were not understood, or not wholly: those are listed at the end."
    holes = len(draft.holes())
    yield f"# {holes} values that the format needs are missing. Each is marked HOLE; `tocsin plan check` names them."


def _branch(branch: Branch, depth: int) -> Iterator[str]:
    for key, value in branch.entries.items():
        if depth == 0 and isinstance(value, Branch | Row):
            yield ""
        yield from _entry(f"{_INDENT * depth}{_key(key)}:", value, depth)


def _entry(before: str, value: Value, depth: int) -> Iterator[str]:
    """A key, or the dash of an item, with its value behind or below it."""
    match value:
        case Said() if isinstance(value.value, str) and _folds(value.value):
            yield f"{before} >-{_source(value.lines, value.how)}"
            yield from _folded(value.value, depth + 1)
        case Said():
            yield f"{before} {_scalar(value.value)}{_source(value.lines, value.how)}"
        case Hole():
            yield f"{before}  # HOLE{_at(value.lines)}: {_comment(value.what)}"
        case Text():
            yield f"{before} |2{_source(value.lines, value.how)}"
            yield from (f"{_INDENT * (depth + 1)}{_printable(line)}".rstrip() for line in _kept(value.value))
        case Branch() if value.entries:
            yield f"{before}{_source(value.lines, value.how)}"
            yield from _branch(value, depth + 1)
        case Branch():
            yield f"{before} {{}}{_source(value.lines, value.how)}"
        case Row() if value.items:
            yield f"{before}{_source(value.lines)}"
            for item in value.items:
                yield from _item(item, depth + 1)
        case Row():
            yield f"{before} []{_source(value.lines)}"


def _item(item: Value, depth: int) -> Iterator[str]:
    dash = f"{_INDENT * depth}-"
    if not isinstance(item, Branch) or not item.entries:
        yield from _entry(dash, item, depth)
        return
    first, *rest = _branch(item, depth + 1)
    yield f"{dash} {first.lstrip()}"
    yield from rest


def _kept(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def _at(numbers: Lines) -> str:
    return f" ({lines(numbers)})" if numbers else ""


def _source(numbers: Lines, how: str = "") -> str:
    told = "; ".join(filter(None, [lines(numbers) if numbers else "", _comment(how)]))
    return f"  # {told}" if told else ""


# --- Letters ----------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z][\w ,.;()/'’“”%+&<>=@!?*$…–—-]*", re.ASCII)
_MEASURE = re.compile(r"(?:\d{1,6} (?:s|min|h|d|w) ?)+(?<! )|\d{4}-\d\d-\d\d", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"}
_NOT_IN_A_COMMENT = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _scalar(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or _MEASURE.fullmatch(value):
        return str(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and value == value.strip()
    return value if plain else _quoted(value)


def _folds(value: str) -> bool:
    """Whether it is one long paragraph, which reads better over several lines."""
    return len(value) > _WIDTH and value == " ".join(value.split()) and not _CONTROL.search(value)


def _folded(value: str, depth: int) -> Iterator[str]:
    broken = wrap(value, _WIDTH - len(_INDENT) * depth, break_long_words=False, break_on_hyphens=False)
    yield from (f"{_INDENT * depth}{line}" for line in broken)


def _quoted(value: str) -> str:
    return _CONTROL.sub(lambda one: f"\\u{ord(one[0]):04x}", json.dumps(value, ensure_ascii=False))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key, re.ASCII) else _quoted(key)


def _printable(line: str) -> str:
    return _CONTROL.sub("\ufffd", line)


def _comment(text: str) -> str:
    return _NOT_IN_A_COMMENT.sub("\ufffd", " ".join(text.split()))


# --- Behind the plan --------------------------------------------------------------------------------------------------


def _behind(draft: Draft) -> Iterator[str]:
    yield from _part(
        "Contradictions. Of two values the first is kept, unless it says otherwise", _contradictions(draft)
    )
    yield from _part("Readings. These values were read by a rule; confirm or correct them", _readings(draft))
    yield from _part("Holes. The format needs these, and the document does not say them", _holes(draft))
    yield from _part("Left to the format, because the document does not say them", _defaults(draft))
    yield from _part("Not understood, or without a place in the format", _silent(draft))
    yield from _part("Lines that only arrange the document", [_ranges(draft.arranging)] if draft.arranging else [])


def _part(title: str, entries: Iterable[str]) -> Iterator[str]:
    found = list(entries)
    yield f"# --- {title} ({len(found)}) ".ljust(_WIDTH, "-") if found else f"# --- {title}: none ".ljust(_WIDTH, "-")
    yield from (f"#   {_comment(entry)}" for entry in found)
    yield "#"


def _contradictions(draft: Draft) -> Iterator[str]:
    for one in draft.contradictions:
        kept, other = (f"{_shown(claim.written)} ({lines(claim.lines)})" for claim in (one.kept, one.other))
        yield f"{one.what}: {kept}, but {other}{'; ' + one.note if one.note else ''}"


def _readings(draft: Draft) -> Iterator[str]:
    for path, value in draft.readings():
        written = f" = {_shown(_scalar(value.value).strip(chr(34)))}" if isinstance(value, Said) else ""
        yield f"{path}{written}{_at(value.lines)}: {value.how}"


def _holes(draft: Draft) -> Iterator[str]:
    for path, hole in draft.holes():
        yield f"{path}{_at(hole.lines)}: {hole.what}"


def _defaults(draft: Draft) -> Iterator[str]:
    """What will hold although nobody said it, where the draft has anything for it to hold of."""
    for where, key, what in _DEFAULTS:
        value = draft.plan.entries.get(where)
        if isinstance(value, Branch):
            places = (
                [value] if where == "recovery" else [one for one in value.entries.values() if isinstance(one, Branch)]
            )
            lacking = [one for one in places if key not in one.entries]
            if lacking:
                yield f"{where}: {key} for {len(lacking)} of {len(places)}: {what}"


_DEFAULTS = (
    ("severities", "post_mortem", "none is held"),
    ("severities", "public_impact", "the status page calls it minor"),
    ("severities", "roles_within", "no role has to be filled by a time"),
    ("escalation", "rounds", "the steps are repeated until somebody acknowledges"),
    ("types", "private", "it may be shown in public"),
    ("recovery", "close_requires", "everything that the format can demand before an incident is closed"),
)


def _silent(draft: Draft) -> Iterator[str]:
    for one in draft.unread:
        where = f" [{_shown(one.where)}]" if one.where else ""
        yield f"{lines(one.lines)}: {_shown(one.text)}{where}{' - ' + one.why if one.why else ''}"


def _shown(text: str) -> str:
    return clip(" ".join(text.split()), _SHOWN)
