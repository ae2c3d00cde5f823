"""What a document says about itself: its name, version, purpose, scope, links and history."""

import re
from collections.abc import Container, Iterator
from datetime import date, datetime

from tocsin.plan.reading.draft import Branch, Claim, Hole, Notes, Row, Said, Value, lines_of, list_of, said, whole
from tocsin.plan.reading.outline import Kind, Lines, Node, links

_GENERIC = re.compile(
    r"\b(?:the |our )?(?:incident (?:response|management) (?:plan|policy|procedure|process|playbook)|irp)\b", re.I
)
_PURPOSE = re.compile(r"purpose|goals?|objectives?", re.I)
_SCOPE = re.compile(r"scope", re.I)
_DECLARE = re.compile(
    r"(?:incident definition|what is an incident\??|definition of an? incident|when to declare.*)", re.I
)
_VERSION = re.compile(r"(?:plan |document )?version", re.I)
_LINKS = re.compile(r"\b(?:related|references?|see also|further reading|links|resources)\b", re.I)
_HISTORY = re.compile(
    r"\b(?:revision|version|change|document)s?\b.*\b(?:history|log)\b|\bchangelog\b|\brevisions\b", re.I
)
_DATE = re.compile(r"date|when|on", re.I)
_CHANGES = re.compile(r"changes?|description|summary|notes?|comments?", re.I)
_FORMS = ("%Y-%m-%d", "%Y/%m/%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y")
_LONGEST_NAME = 200


def name(root: Node) -> Said | Hole:
    """What the plan protects: its title, without the words that any such plan is called by."""
    title = next((one for one in root.children if one.kind is Kind.HEADING), None)
    if title is None:
        return Hole("what the plan protects")
    rest = _GENERIC.sub("", title.text)
    rest = re.sub(r"^\W*(?:for|of)\b|\b(?:for|of)\W*$", "", rest.strip(), flags=re.I).strip(" :–—-|")
    return Said(rest, title.lines) if rest else Hole("what the plan protects", title.lines)


def purpose(root: Node) -> Said | None:
    """The purpose in one text, from the section or the label that is called so."""
    node = _titled(root, _PURPOSE)
    if node is None:
        return None
    parts = [one for one in node.parts() if one.kind in (Kind.SENTENCE, Kind.LABEL, Kind.ITEM) and one.text]
    written = " ".join(filter(None, [node.rest, *(whole(one).strip() for one in parts)]))
    return (
        Said(written, lines_of([node, *(one for part in parts for one in (part, *part.walk()))])) if written else None
    )


def listed(root: Node, pattern: re.Pattern[str]) -> Row | None:
    """The items of the section that is called so, wherever in it they stand."""
    node = _titled(root, pattern)
    if node is None:
        return None
    leads = [one for one in node.parts() if one.kind in (Kind.LABEL, Kind.SENTENCE) and one.items()]
    items = [*node.items(), *(item for lead in leads for item in lead.items())]
    return list_of(items, lines_of([node, *leads])) if items else None


def scope(root: Node) -> Row | None:
    return listed(root, _SCOPE)


def declare_when(root: Node) -> Row | None:
    return listed(root, _DECLARE)


def _titled(root: Node, pattern: re.Pattern[str]) -> Node | None:
    kinds = (Kind.HEADING, Kind.LABEL)
    return next((one for one in root.walk() if one.kind in kinds and pattern.fullmatch(one.label)), None)


# --- Links ------------------------------------------------------------------------------------------------------------


def related(root: Node, notes: Notes) -> Branch | None:
    found: dict[str, Value] = {}
    sections = [one for one in root.walk() if one.kind in (Kind.HEADING, Kind.LABEL) and _LINKS.search(one.label)]
    for item in (item for section in sections for item in section.items()):
        for title, address in links(item.source):
            if not title or len(title) > _LONGEST_NAME or not address:
                continue
            known = found.get(title)
            if not isinstance(known, Said):
                found[title] = Said(address, item.lines)
            elif known.value != address:
                kept = Claim(known.value, str(known.value), known.lines)
                notes.differ(f'the address of "{title}"', kept, Claim(address, address, item.lines))
    return Branch(found, lines_of(sections[:1])) if found else None


# --- History ----------------------------------------------------------------------------------------------------------


def history(root: Node) -> tuple[Row | None, Claim | None]:
    """The revisions, and the version of the latest."""
    rows = [row for row in root.walk() if row.kind is Kind.ROW and row.under(_HISTORY) and _cell(row, _VERSION)]
    if not rows:
        return None, None
    heads = [row.above for row in rows[:1] if row.above]
    dated = [(on, row) for row in rows if (on := _day(_cell(row, _DATE)))]
    latest = max(dated, key=lambda one: one[0])[1] if len(dated) == len(rows) else None
    cell = _cell(latest, _VERSION) if latest else None
    newest = Claim(cell.rest, cell.rest, cell.lines) if cell else None
    sections = [up for head in heads for up in list(head.up())[:1]]
    return Row(tuple(_change(row) for row in rows), lines_of([*sections, *heads])), newest


def _change(row: Node) -> Branch:
    on, version, changes = (_cell(row, one) for one in (_DATE, _VERSION, _CHANGES))
    day = _day(on)
    asked = f'the day; the document says "{on.rest}"' if on else "the day"
    entries: dict[str, Value] = {
        "on": Said(day.isoformat(), row.lines) if day else Hole(asked, row.lines),
        "version": Said(version.rest, row.lines) if version else Hole("the version"),
        "changes": Said(changes.rest, row.lines) if changes else Hole("what was changed"),
    }
    return Branch(entries)


def _cell(row: Node | None, pattern: re.Pattern[str]) -> Node | None:
    return next((one for one in row.children if one.rest and pattern.fullmatch(one.label)), None) if row else None


def _day(cell: Node | None) -> date | None:
    """The day, if it is written in a way that can only be read as one day."""
    for form in _FORMS if cell and len(cell.rest) < 40 else ():
        try:
            return datetime.strptime(cell.rest if cell else "", form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def version(root: Node, latest: Claim | None, notes: Notes) -> Said | Hole:
    claims = [
        Claim(one.rest, one.rest, one.lines)
        for one in root.walk()
        if one.kind in (Kind.LABEL, Kind.ITEM)
        and _VERSION.fullmatch(one.label)
        and re.fullmatch(r"v?\d[\w.-]{0,20}", one.rest)
    ]
    return said(
        notes.settle("the version of the plan", [*([latest] if latest else []), *claims]), "the version of this plan"
    )


# --- What is said twice about words -----------------------------------------------------------------------------------

_ABBREVIATED = re.compile(r"[A-Z]{3,6}")


def abbreviations(root: Node, notes: Notes, kept: Container[Lines]) -> None:
    """One abbreviation that stands for two things; on the lines that are kept, both are part of the draft."""
    known: dict[str, Claim] = {}
    for node in _abbreviated(root):
        claim = Claim(node.label.lower(), node.label, node.lines)
        first = known.setdefault(node.remark, claim)
        if first.value != claim.value:
            both = "both are kept" if first.lines in kept and claim.lines in kept else "neither is part of the draft"
            notes.differ(f"what {node.remark} stands for", first, claim, both)


def _abbreviated(root: Node) -> Iterator[Node]:
    for node in root.walk():
        if node.kind in (Kind.LABEL, Kind.ITEM) and _ABBREVIATED.fullmatch(node.remark):
            initials = "".join(word[0] for word in node.label.split() if word[0].isupper())
            if initials.startswith(node.remark[:2]):
                yield node
