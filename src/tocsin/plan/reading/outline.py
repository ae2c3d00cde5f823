"""Markdown as an outline: every heading, label, sentence, item, row and block, with the source lines it stands on."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from tocsin.kit.errors import Invalid

MAX_BYTES = 2_000_000
MAX_LINES = 20_000
MAX_NODES = 50_000
LONGEST = 4_000  # letters; longer than this is no sentence, and nothing is looked for in it

Lines = tuple[int, ...]


MENDED = "the block was closed too early by a block inside it, and is read as one"


class TooLarge(Invalid):
    """This is too large for a plan; take out what is not part of it."""


class NotReadable(Invalid):
    """This is not text that can be read."""


class Kind(StrEnum):
    ROOT = "root"
    HEADING = "heading"
    LABEL = "label"  # words that introduce what follows: a bold phrase, or anything that ends in a colon
    SENTENCE = "sentence"
    ITEM = "item"
    TABLE = "table"
    ROW = "row"
    CELL = "cell"
    FENCE = "fence"
    OTHER = "other"  # nothing is looked for in it


@dataclass(eq=False)
class Node:
    """One thing the document says. `text` is all of its words without markup; `rest` what stands behind its label."""

    kind: Kind
    lines: Lines = ()
    text: str = ""
    label: str = ""
    remark: str = ""  # in brackets behind the label
    rest: str = ""
    source: str = ""  # with its markup
    ordered: bool = False
    above: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    def add(self, child: "Node") -> "Node":
        child.above = self
        self.children.append(child)
        return child

    def up(self) -> Iterator["Node"]:
        """Everything it stands under, the nearest first."""
        node = self.above
        while node is not None and node.kind is not Kind.ROOT:
            yield node
            node = node.above

    def walk(self) -> Iterator["Node"]:
        """Everything under it, in the order of the document."""
        waiting = list(reversed(self.children))
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def parts(self) -> Iterator["Node"]:
        """What stands directly under it; the rows of a table as if they were items."""
        for child in self.children:
            yield from child.children if child.kind is Kind.TABLE else (child,)

    def items(self) -> list["Node"]:
        return [part for part in self.parts() if part.kind in (Kind.ITEM, Kind.ROW)]

    def labelled(self, pattern: re.Pattern[str]) -> list["Node"]:
        """The parts whose whole label fits."""
        return [part for part in self.parts() if part.label and pattern.fullmatch(part.label)]

    def under(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.search(node.label) for node in self.up())


@dataclass(frozen=True)
class Outline:
    """A document. `written` are its lines; `arranging` those that only arrange the others, such as rules."""

    root: Node
    written: Sequence[str]
    arranging: frozenset[int]

    def filled(self) -> frozenset[int]:
        """The numbers of the lines that say anything at all."""
        return frozenset(number for number, line in enumerate(self.written, start=1) if line.strip())


def outline(text: str) -> Outline:
    """The outline of a Markdown document. Raises `Invalid` for what is too large or no text, and nothing else."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NotReadable from None
    if size > MAX_BYTES:
        raise TooLarge(f"The file has {size} bytes; a plan that can be read has at most {MAX_BYTES}.")
    written = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    if len(written) > MAX_LINES:
        raise TooLarge(f"The file has {len(written)} lines; a plan that can be read has at most {MAX_LINES}.")
    builder = _Builder(written)
    builder.document(SyntaxTreeNode(_MARKDOWN.parse("\n".join(written))).children)
    return Outline(builder.root, written, frozenset(builder.arranging))


# Sentences are read here, not by the parser, and a definition of a link must not vanish: it is a line like any other.
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable(["inline", "reference"], True)


# --- From blocks to nodes ---------------------------------------------------------------------------------------------


class _Builder:
    def __init__(self, written: Sequence[str]) -> None:
        self.root = Node(Kind.ROOT)
        self.arranging: set[int] = set()
        self._written = written
        self._count = 0

    def document(self, blocks: Iterable[SyntaxTreeNode]) -> None:
        """Sections hold what follows their heading, down to the next heading of their level."""
        open_sections: list[tuple[int, Node]] = [(0, self.root)]
        waiting: list[SyntaxTreeNode] = []
        for block in blocks:
            if block.type != "heading":
                waiting.append(block)
                continue
            self._fill(open_sections[-1][1], waiting)
            waiting, level = [], int(block.tag[1])
            while open_sections[-1][0] >= level:
                open_sections.pop()
            open_sections.append((level, self._heading(open_sections[-1][1], block)))
        self._fill(open_sections[-1][1], waiting)

    def _heading(self, owner: Node, block: SyntaxTreeNode) -> Node:
        source = _content(block)
        label, remark = apart(_NUMBER.sub("", plain(source)))
        return self._add(owner, Node(Kind.HEADING, _lines(block), plain(source), label, remark, "", source))

    def _fill(self, owner: Node, blocks: Iterable[SyntaxTreeNode]) -> None:
        """What follows words that introduce it belongs to them; a rule ends that."""
        leader: Node | None = None
        waiting = list(blocks)
        while waiting:
            block, *waiting = waiting
            if torn := _torn(block, waiting):
                self._mend(leader if leader and _introduces(leader, block) else owner, block, torn[-1])
                waiting, leader = waiting[len(torn) :], None
            elif leader and _introduces(leader, block):
                self._block(leader, block)
                leader = None
            else:
                leader = self._block(owner, block)

    def _block(self, host: Node, block: SyntaxTreeNode) -> Node | None:
        """Add a block. Returns the words that may introduce the next one."""
        match block.type:
            case "paragraph":
                return self._paragraph(host, block)
            case "heading":  # inside a quotation or an item, where no section begins
                return self._heading(host, block)
            case "bullet_list" | "ordered_list":
                self._list(host, block)
            case "table":
                self._table(host, block)
            case "fence":
                self._fence(host, block)
            case "blockquote":
                self._fill(host, block.children)
            case "hr":
                self.arranging.update(_lines(block))
            case _:
                self._add(host, Node(Kind.OTHER, self._not_blank(_lines(block))))
        return None

    def _paragraph(self, host: Node, block: SyntaxTreeNode) -> Node | None:
        node = None
        for source, lines in _segments(_content(block), _lines(block)[0]):
            if _LEADS_HERE.fullmatch(source):
                self.arranging.update(lines)
            node = self._add(host, _spoken(source, lines, Kind.SENTENCE))
        return node

    def _list(self, host: Node, block: SyntaxTreeNode) -> None:
        ordered = block.type == "ordered_list"
        items = [self._item(host, item, ordered) for item in block.children]
        if items and all(_POINTS_HERE.fullmatch(item.source) for item in items):  # a table of contents
            self.arranging.update(line for item in items for line in _all_lines(item))

    def _item(self, host: Node, block: SyntaxTreeNode, ordered: bool) -> Node:
        source, lines, rest = "", _lines(block)[:1], block.children
        if rest and rest[0].type == "paragraph":
            source, lines, rest = _content(rest[0]), _lines(rest[0]), rest[1:]
        node = _spoken(_TICK_BOX.sub("", source).replace("\n", " "), lines, Kind.ITEM)
        node.ordered = ordered
        self._add(host, node)
        self._fill(node, rest)
        return node

    def _table(self, host: Node, block: SyntaxTreeNode) -> None:
        head, *bodies = block.children
        titles = [plain(_content(cell)) for row in head.children for cell in row.children]
        table = self._add(host, Node(Kind.TABLE, _lines(head), " | ".join(titles)))
        self.arranging.add(table.lines[-1] + 1)  # the line of dashes
        for row in (row for body in bodies for row in body.children):
            self._row(table, titles, [_content(cell) for cell in row.children], _lines(row))

    def _row(self, table: Node, titles: Sequence[str], cells: Sequence[str], lines: Lines) -> None:
        label, remark = apart(plain(cells[0])) if cells else ("", "")
        row = self._add(table, Node(Kind.ROW, lines, " | ".join(map(plain, cells)), label, remark))
        for title, cell in zip(titles, cells, strict=False):
            self._add(row, Node(Kind.CELL, lines, plain(cell), title, "", plain(cell), cell))

    def _fence(self, host: Node, block: SyntaxTreeNode) -> None:
        lines = _lines(block)
        inside = lines[1 : 1 + block.content.count("\n")]
        self.arranging.update(set(lines) - set(inside))
        node = Node(Kind.FENCE, self._not_blank(inside), block.content, source=block.content)
        self._add(host, node)

    def _mend(self, host: Node, first: SyntaxTreeNode, last: SyntaxTreeNode) -> None:
        """A block that was closed too early by one inside it, as the one block that its author wrote."""
        edges = _lines(first)[0], _lines(last)[-1]
        inside = tuple(range(edges[0] + 1, edges[1]))
        self.arranging.update(edges)
        text = "".join(f"{self._written[line - 1]}\n" for line in inside)
        self._add(host, Node(Kind.FENCE, self._not_blank(inside), text, remark=MENDED, source=text))

    def _not_blank(self, lines: Lines) -> Lines:
        return tuple(line for line in lines if self._written[line - 1].strip())

    def _add(self, host: Node, node: Node) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise TooLarge(f"The file says more than {MAX_NODES} things; a plan that can be read says fewer.")
        return host.add(node)


def _lines(block: SyntaxTreeNode) -> Lines:
    first, end = block.map or (0, 1)
    return tuple(range(first + 1, max(end, first + 1) + 1))


def _all_lines(node: Node) -> Iterator[int]:
    yield from node.lines
    for one in node.walk():
        yield from one.lines


def _content(block: SyntaxTreeNode) -> str:
    return "".join(child.content for child in block.children if child.type == "inline")


def _torn(block: SyntaxTreeNode, after: Sequence[SyntaxTreeNode]) -> list[SyntaxTreeNode]:
    """The rest of a block of Markdown that a block inside it closed: words and fences that touch each other."""
    if block.type != "fence" or block.info.strip() not in ("markdown", "md"):
        return []
    end, found = (block.map or (0, 0))[1], list[SyntaxTreeNode]()
    for words, fence in zip(after[::2], after[1::2], strict=False):
        touching = words.map and fence.map and words.map[0] == end and fence.map[0] == words.map[1]
        if not touching or (words.type, fence.type) != ("paragraph", "fence") or fence.info.strip():
            break
        found += [words, fence]
        end = (fence.map or (0, 0))[1]
    return found


def _introduces(leader: Node, block: SyntaxTreeNode) -> bool:
    if block.type not in ("bullet_list", "ordered_list", "table", "fence", "blockquote"):
        return False
    nothing_between = _lines(block)[0] == leader.lines[-1] + 1
    return leader.source.rstrip("*_ ").endswith(":") or (
        leader.kind is Kind.LABEL and (nothing_between or not leader.rest)
    )


# --- From words to labels ---------------------------------------------------------------------------------------------

_POINTS_HERE = re.compile(r"\[[^\[\]]*\]\(#[^()\s]*\)")
_LEADS_HERE = re.compile(
    r"(?:\*\*[^*\n]{1,60}\*\*\s*:?\s*)?(?:see|refer to|use)\s+(?:the\s+)?\[[^\[\]]*\]\(#[^()\s]*\)\.?", re.I
)
_NUMBER = re.compile(r"^(?:\d{1,3}\.)+(?:\d{1,3})?\)?\s+|^\d{1,3}\)\s+")  # of a heading: 4. or 2.3
_TICK_BOX = re.compile(r"^\[[ xX]\]\s+")
_BOLD = re.compile(
    r"(?P<mark>\*\*|__)(?P<label>(?:(?!(?P=mark)).){1,100})(?P=mark)"
    r"\s*(?P<remark>\([^()]{1,80}\))?\s*(?P<colon>:(?=\s|$)|[–—-]\s)?\s*(?P<rest>.*)",
    re.DOTALL,
)
_COLON = re.compile(
    r"(?P<label>[^\W\d_][^:.!?\n`*\[\]()]{0,60})(?P<remark>\([^()]{1,80}\))?:(?:\s+(?P<rest>.*))?", re.DOTALL
)
_BRACKETS = re.compile(r"(.*\S)\s*\(([^()]{1,80})\)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s]*)[^()]*\)")
_MARKS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|`")


def plain(source: str) -> str:
    """The words without their markup."""
    if len(source) > LONGEST:
        return " ".join(source.split())
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", source)).split())


def links(source: str) -> list[tuple[str, str]]:
    """Names and addresses of the links in it."""
    return [(plain(name), address) for name, address in _LINK.findall(source[:LONGEST])]


def _segments(content: str, first: int) -> Iterator[tuple[str, Lines]]:
    """A paragraph; where a line of it begins with a bold label, that label's own part."""
    gathered: list[str] = []
    for number, line in enumerate(content.split("\n")):
        found = _BOLD.match(line) if len(line) <= LONGEST else None
        if gathered and found and (found["colon"] or found["label"].endswith(":")):
            yield " ".join(gathered), tuple(range(first + number - len(gathered), first + number))
            gathered = []
        gathered.append(line.strip())
    last = first + content.count("\n")
    yield " ".join(gathered), tuple(range(last - len(gathered) + 1, last + 1))


def _spoken(source: str, lines: Lines, kind: Kind) -> Node:
    """A sentence or an item, with its label if it has one."""
    text = plain(source)
    if len(source) > LONGEST:
        return Node(Kind.OTHER, lines, text, source=source)
    found = _BOLD.fullmatch(source)
    if found and not (found["colon"] or found["label"].rstrip().endswith(":") or not found["rest"]):
        found = None
    found = found or _COLON.fullmatch(source)
    if found is None:
        return Node(kind, lines, text, rest=text, source=source)
    label, remark = apart(plain(found["label"]).rstrip(":").rstrip())
    remark = remark or plain((found["remark"] or "").strip("()"))
    kind = Kind.LABEL if kind is Kind.SENTENCE else kind
    return Node(kind, lines, text, label, remark, plain(found["rest"] or ""), source)


def apart(title: str) -> tuple[str, str]:
    """A title, and what stands in brackets at its end."""
    found = _BRACKETS.fullmatch(title) if len(title) <= LONGEST else None
    return (found[1], found[2]) if found else (title, "")
