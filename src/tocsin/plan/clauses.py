"""The clauses of a plan: what its printed document says under each id, and the document as HTML.

Both are read off the one text that `printing` makes: a page, a list and the Markdown can't say different things.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from html import escape

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tocsin.kit.text import unturned
from tocsin.plan.model import Plan

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")
_FIELDS = frozenset(one.name for one in fields(Plan))
_TAGS = {
    *("h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "code", "pre", "a", "span", "br"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"*": {"id", "class"}, "a": {"href"}, "span": {"data-state"}, "ol": {"start"}, "pre": {"tabindex"}}


@dataclass(frozen=True)
class Clause:
    """A statement of the document, without its id; `section` is the heading of the second level above it."""

    id: str
    text: str
    section: str


@dataclass(frozen=True)
class Heading:
    id: str
    text: str
    level: int  # 2 or 3


@dataclass(frozen=True)
class Page:
    html: str
    contents: tuple[Heading, ...]


@dataclass(frozen=True)
class _Place:
    """Where a statement stands: the block that it fills, and the piece of code that is its id."""

    clause: Clause
    inline: Token
    is_first: bool  # the same statement may stand in a list and again in a table


def clauses(markdown: str) -> list[Clause]:
    """Every statement that has an id, where it stands first, in the order of the document."""
    return [one.clause for one in _places(_READER.parse(markdown)) if one.is_first]


def page(markdown: str, note: Callable[[str], str]) -> Page:
    """The document as sanitised HTML without its title. Each statement is an anchor, and links to what `note` makes.

    `note` gives HTML for an id: what stands before the id within its link to the coverage.
    """
    tokens = _READER.parse(unturned(markdown))
    for place in _places(tokens):
        children = place.inline.children or []
        named = _named(place.clause.id, note, first=place.is_first)
        children[-1] = Token("html_inline", "", 0, content=named)
    contents = tuple(_contents(tokens))
    body = list(_without_title(tokens))
    for one in body:
        if one.type == "fence":
            one.attrSet("tabindex", "0")
    html = str(_READER.renderer.render(body, _READER.options, {}))
    return Page(nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https"}), contents)


def _named(path: str, note: Callable[[str], str], *, first: bool) -> str:
    name = f"<code>{escape(path)}</code>"
    if not first:
        return f'<a class="clause" href="#{escape(path)}">{name}</a>'
    return f'<a class="clause" href="/plan/coverage#{escape(path)}">{note(path)} {name}</a>'


def _places(tokens: list[Token]) -> Iterator[_Place]:
    """Every statement. The block of each that comes first gets the id as its own."""
    known: set[str] = set()
    for section, block, inlines in _blocks(tokens):
        name = _id_of(inlines[-1])
        if name:
            if name not in known:
                block.attrSet("id", name)
            yield _Place(Clause(name, _text(inlines), section), inlines[-1], name not in known)
            known.add(name)


def _blocks(tokens: list[Token]) -> Iterator[tuple[str, Token, list[Token]]]:
    """Every heading, item and row with the section that it stands in and the texts that it is made of."""
    section, block, cells = "", Token("", "", 0), list[Token]()
    in_row = False
    for token in tokens:
        if token.type in ("tr_open", "list_item_open", "heading_open"):
            block, cells, in_row = token, [], token.type == "tr_open"
        elif token.type == "tr_close" and cells:
            yield section, block, cells
        elif token.type == "inline" and block.tag == "h2":
            section = token.content
            block.attrSet("id", f"part-{re.sub('[^a-z]+', '-', section.lower())}")
            block = Token("", "", 0)
        elif token.type == "inline" and in_row:
            cells.append(token)
        elif token.type == "inline" and block.tag:
            yield section, block, [token]
            block = Token("", "", 0)


def _id_of(token: Token) -> str:
    last = (token.children or [token])[-1]
    is_path = last.type == "code_inline" and last.content.partition(".")[0] in _FIELDS
    return last.content if is_path else ""


def _text(inlines: list[Token]) -> str:
    *others, last = inlines
    pieces = [*((one.children or []) for one in others), (last.children or [])[:-1]]
    texts = ("".join(one.content for one in those).strip() for those in pieces)
    return "; ".join(" ".join(one.split()) for one in texts if one)


def _contents(tokens: list[Token]) -> Iterator[Heading]:
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h2", "h3"):
            inline = tokens[index + 1]
            named = token.attrs.get("id")
            if named:
                pieces = (one.content for one in inline.children or [] if one.type != "html_inline")
                yield Heading(str(named), "".join(pieces).strip(), int(token.tag[1]))


def _without_title(tokens: list[Token]) -> Iterator[Token]:
    inside = False
    for token in tokens:
        inside = inside or (token.type == "heading_open" and token.tag == "h1")
        if not inside:
            yield token
        if token.type == "heading_close" and token.tag == "h1":
            inside = False
