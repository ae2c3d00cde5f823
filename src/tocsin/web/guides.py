"""The pages of docs/howto, shown in the console: each with the addresses of this installation in it."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from tocsin.kit.errors import NotFound

PATH = "/integrations"
FOLDERS = (Path(__file__).parents[1] / "howto", Path(__file__).parents[3] / "docs" / "howto")  # installed, or as cloned
EXAMPLES = ("https://tocsin.example.org", "http://127.0.0.1:8000")  # that stand for our own address
HOST = "tocsin.example.org"
NAME = re.compile(r"[a-z][a-z-]{0,60}")
_reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


class NoSuchGuide(NotFound):
    """There is no such page of the documentation."""


@dataclass(frozen=True)
class Guide:
    title: str
    html: Markup


@functools.cache
def folder() -> Path | None:
    """Where the pages are; None in an installation that came without them."""
    return next((one for one in FOLDERS if one.is_dir()), None)


def known(name: str) -> bool:
    here = folder()
    return here is not None and NAME.fullmatch(name) is not None and (here / f"{name}.md").is_file()


@functools.cache
def load(name: str, url: str) -> Guide:
    """The page of this name, with `url` in the place of the address that its examples are about."""
    here = folder()
    if here is None or not known(name):
        raise NoSuchGuide
    text = (here / f"{name}.md").read_text("utf-8")
    for example in EXAMPLES:
        text = text.replace(example, url)
    title, *tokens = _parted(_reader.parse(text.replace(HOST, urlsplit(url).netloc or HOST)))
    rendered = _reader.renderer.render(tokens, _reader.options, {})
    return Guide(title.content, Markup(rendered))  # noqa: S704 - HTML is off in the reader, and the page is ours


def _parted(tokens: Sequence[Token]) -> Iterator[Token]:
    """The title, and then everything below it, with links that lead somewhere and headings that can be led to."""
    _, title, _, *rest = tokens
    yield title
    for at, token in enumerate(rest):
        if token.type == "heading_open":
            token.attrSet("id", _slug(rest[at + 1].content))
        for child in token.children or ():
            _lead(child)
        yield token


def _slug(heading: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))


def _lead(token: Token) -> None:
    """A link to another of these pages leads to it here; one into the rest of the documentation is only its words."""
    if token.type != "link_open":
        return
    page, mark, part = str(token.attrGet("href")).partition("#")
    name = page.removesuffix(".md")
    if page.endswith(".md") and known(name):
        token.attrSet("href", f"{PATH}/{name}{mark}{part}")
    elif page and "://" not in page:
        token.attrs = {"title": f"docs/{page.removeprefix('../')}{mark}{part}"}
