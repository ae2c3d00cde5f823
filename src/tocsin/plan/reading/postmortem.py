"""The template of the post-mortem as its sections: each heading with what its writer is asked for below it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tocsin.plan.reading import templates, words
from tocsin.plan.reading.draft import Branch, Notes, Said, Value, ordered
from tocsin.plan.reading.outline import Lines, Node
from tocsin.plan.reading.review import BY_TITLE, FACTS

_IS_IT = re.compile(r"post_?mortem|retrospective|incident_review|post_incident")
_HEADING = re.compile(r"(#{2,6})\s+(\S.*?)\s*#*")
_DASHES = re.compile(r"\|[\s|:-]+\|?|-{3,}|```.*")
_MARK = re.compile(r"^(?:[-*+]|\d{1,2}[.)])\s+(?:\[[ xX]\]\s+)?")
_NOT_REQUIRED = "the list of required sections does not have it"


@dataclass(frozen=True)
class _Part:
    """A heading of the template with what stands directly below it."""

    title: str
    level: int
    line: int
    above: "_Part | None"
    asked: tuple[str, ...]
    lines: Lines


def completed(review: Branch, texts: templates.Wordings, notes: Notes) -> Branch:
    """The review with the sections that the template has; the blanks of the template are asked of its writer."""
    name = next((name for name in texts.blocks if _IS_IT.search(name)), None)
    if name is None:
        return review
    block = texts.blocks[name]
    parts = [one for one in _parts(block) if one.asked]
    listed = review.entries["sections"]
    known = listed if isinstance(listed, Branch) else None
    if not parts:
        return review
    sections = _merged(known, parts)
    asked = {line for part in parts for line in part.lines}
    notes.unknown[:] = [one for one in notes.unknown if not asked.issuperset(one.lines)]
    return Branch({**review.entries, "sections": sections}, review.lines, review.how)


# --- From lines to headings -------------------------------------------------------------------------------------------


def _parts(block: Node) -> Iterator[_Part]:
    written = block.text.rstrip("\n").split("\n")
    numbered = list(zip(written, templates.numbers(block, written), strict=True))
    heads = [(at, found) for at, (line, _) in enumerate(numbered) if (found := _HEADING.fullmatch(line.rstrip()))]
    top: _Part | None = None
    for place, (at, found) in enumerate(heads):
        end = heads[place + 1][0] if place + 1 < len(heads) else len(numbered)
        below = [(line.strip(), number) for line, number in numbered[at + 1 : end] if line.strip()]
        asked = tuple(dict.fromkeys(said for line, _ in below if (said := _asked(line))))
        lines = ordered([numbered[at][1], *(number for _, number in below)])
        level = len(found[1])
        part = _Part(found[2], level, numbered[at][1], top if level > 2 else None, asked, lines)
        top = part if level == 2 else top
        yield part


def _asked(line: str) -> str:
    """A line below a heading without its markup and its brackets."""
    if _DASHES.fullmatch(line):
        return ""
    cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else [line]
    bare = (re.sub(r"\*\*|__|`", "", re.sub(r"\[([^\[\]]*)\](?!\()", r"\1", _MARK.sub("", cell))) for cell in cells)
    return ", ".join(one.strip() for one in bare if one.strip())


# --- From headings to sections ----------------------------------------------------------------------------------------


def _merged(known: Branch | None, parts: Sequence[_Part]) -> Branch:
    """The required sections, completed where the template has them; then what the template has beside them."""
    found: dict[str, Value] = dict(known.entries) if known else {}
    required = {key: str(_title(one)) for key, one in found.items()}
    for part in parts:
        same = next((key for key, title in required.items() if part.level == 2 and _alike(part.title, title)), None)
        section = found.get(same) if same else None
        if same and isinstance(section, Branch):
            found[same] = _with(section, part)
        else:
            key = words.fresh(words.slug(part.title, "section"), found)
            found[key] = _section(part, is_listed=known is not None)
    return Branch(found, known.lines if known else ())


def _title(section: Value) -> str | int:
    title = section.entries.get("title") if isinstance(section, Branch) else None
    return title.value if isinstance(title, Said) else ""


def _alike(one: str, other: str) -> bool:
    """Whether one title has all the words of the other."""
    mine, theirs = (set(re.findall(r"\w+", title.lower())) for title in (one, other))
    return bool(mine and theirs) and (mine <= theirs or theirs <= mine)


def _with(section: Branch, part: _Part) -> Branch:
    prompt = section.entries.get("prompt")
    said = [str(prompt.value)] if isinstance(prompt, Said) else []
    lines = ordered([*(prompt.lines if isinstance(prompt, Said) else ()), *part.lines])
    how = "" if part.title == _title(section) else f'the template has this section as "{part.title}"'
    both = {"prompt": Said(words.joined([*said, *part.asked]), lines, how)}
    return Branch({"title": section.entries["title"]} | both | _rest(section), section.lines)


def _rest(section: Branch) -> dict[str, Value]:
    return {key: one for key, one in section.entries.items() if key not in ("title", "prompt")}


def _section(part: _Part, *, is_listed: bool) -> Branch:
    entries: dict[str, Value] = {"title": Said(part.title, (part.line,))}
    if part.above is not None:
        entries["part"] = Said(part.above.title, (part.above.line,))
    entries["prompt"] = Said(words.joined(part.asked), part.lines)
    if facts := FACTS.get(part.title.lower()):
        entries["facts"] = Said(facts, (part.line,), BY_TITLE)
    if is_listed:
        entries["required"] = Said(False, (part.line,), _NOT_REQUIRED)
    return Branch(entries)
