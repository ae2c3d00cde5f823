"""A draft of a plan: what was understood, on which line it stands, what is missing, and what was not understood."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tocsin.plan.reading.outline import Kind, Lines, Node


@dataclass(frozen=True)
class Said:
    """A value that the document gives. `how` is the rule by which it was read, where that is not plain."""

    value: str | int  # a truth value is one of the numbers
    lines: Lines
    how: str = ""


@dataclass(frozen=True)
class Text:
    """A value of several lines, kept as they are."""

    value: str
    lines: Lines
    how: str = ""


@dataclass(frozen=True)
class Hole:
    """A value that the format needs and the document does not give. `lines` say something about it."""

    what: str
    lines: Lines = ()


@dataclass(frozen=True)
class Row:
    """A list. `how` says what is not in it, and why."""

    items: "tuple[Value, ...]"
    lines: Lines = ()


@dataclass(frozen=True)
class Branch:
    """Keys and values, with the lines that introduce them."""

    entries: "Mapping[str, Value]"
    lines: Lines = ()
    how: str = ""


Value = Said | Text | Hole | Row | Branch


@dataclass(frozen=True)
class Claim:
    """What one place of the document says about a fact."""

    value: object
    written: str
    lines: Lines
    how: str = ""


@dataclass(frozen=True)
class Contradiction:
    """Two places that give one fact different values. The first is kept unless `note` says otherwise."""

    what: str
    kept: Claim
    other: Claim
    note: str = ""


@dataclass(frozen=True)
class Unread:
    """Words that did not become part of the plan. `where` are the headings above them."""

    lines: Lines
    text: str
    where: str = ""
    why: str = ""


@dataclass(frozen=True)
class Draft:
    """A document as far as it was understood. Every line that says anything is cited, arranging or unread."""

    plan: Branch
    contradictions: tuple[Contradiction, ...]
    unread: tuple[Unread, ...]
    arranging: frozenset[int]
    filled: frozenset[int]

    def holes(self) -> list[tuple[str, Hole]]:
        return [(path, value) for path, value in walk(self.plan) if isinstance(value, Hole)]

    def readings(self) -> list[tuple[str, Said | Text | Branch]]:
        """The values that were read by a rule which somebody should confirm."""
        return [
            (path, value) for path, value in walk(self.plan) if isinstance(value, Said | Text | Branch) and value.how
        ]

    def cited(self) -> frozenset[int]:
        return cited(self.plan, self.contradictions)

    def not_understood(self) -> frozenset[int]:
        return frozenset(line for one in self.unread for line in one.lines)


@dataclass
class Notes:
    """What is noticed while reading, beside the values."""

    contradictions: dict[Contradiction, None] = field(default_factory=dict)
    unknown: list[Unread] = field(default_factory=list)  # parts of what is otherwise understood

    def differ(self, what: str, kept: Claim, other: Claim, note: str = "") -> None:
        self.contradictions[Contradiction(what, kept, other, note)] = None

    def settle(self, what: str, claims: Iterable[Claim]) -> Claim | None:
        """The first of the claims with the lines of all that agree; the others are contradictions."""
        found = list(claims)
        if not found:
            return None
        first = found[0]
        lines = list(first.lines)
        for other in found[1:]:
            if other.value == first.value:
                lines += other.lines
            else:
                self.differ(what, first, other)
        return Claim(first.value, first.written, ordered(lines), first.how)


def walk(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Every value with its path, as `parse` writes it: items of a list count from 1."""
    yield path, value
    if isinstance(value, Branch):
        for key, one in value.entries.items():
            yield from walk(one, f"{path}.{key}" if path else key)
    elif isinstance(value, Row):
        for number, one in enumerate(value.items, start=1):
            yield from walk(one, f"{path}.{number}" if path else str(number))


def cited(plan: Value, contradictions: Iterable[Contradiction]) -> frozenset[int]:
    lines = {line for _, value in walk(plan) for line in value.lines}
    lines.update(line for one in contradictions for line in (*one.kept.lines, *one.other.lines))
    return frozenset(lines)


def ordered(lines: Iterable[int]) -> Lines:
    return tuple(sorted(set(lines)))


def lines_of(nodes: Iterable[Node]) -> Lines:
    return ordered(line for node in nodes for line in node.lines)


def said(claim: Claim | None, missing: str) -> Said | Hole:
    return Said(claim.written, claim.lines, claim.how) if claim else Hole(missing)


def text_of(node: Node | None, missing: str) -> Said | Hole:
    """What a node says beyond its label: itself, or its items as one text."""
    if node is None:
        return Hole(missing)
    items = node.items()
    texts = [node.rest, *(whole(item) for item in items)]
    from_items = [one for item in items for one in (item, *item.walk())]
    written = "; ".join(text.rstrip(".;:") if items else text for text in texts if text)
    return Said(written, lines_of([node, *from_items])) if written else Hole(missing, node.lines)


def whole(item: Node) -> str:
    """An item with everything under it, in one line."""
    if item.kind is Kind.ROW:
        return item.text
    below = "; ".join(whole(part) for part in item.parts() if part.text)
    return f"{item.text.rstrip(':')}: {below}" if below else item.text


def list_of(nodes: Iterable[Node], lines: Lines = ()) -> Row:
    """One text for each item, with what stands under it."""
    items = [item for item in nodes if item.text]
    return Row(tuple(Said(whole(one), lines_of([one, *one.walk()])) for one in items), lines)


def of_list(node: Node | None, missing: str) -> Row | Hole:
    """The items under a label; or what the label says, as the only one."""
    if node is None:
        return Hole(missing)
    if node.items():
        return list_of(node.items(), node.lines)
    return Row((Said(node.rest, node.lines),)) if node.rest else Hole(missing, node.lines)
