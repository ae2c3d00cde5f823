"""How templates escape what they write. A page holds thousands of values, and all are only joined to it: no object need
be made of each that says that it is escaped, as Jinja does.

What is read stands without the letters that turn the order of others; what a form brings back stays as it is.
"""

import re
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator
from markupsafe import Markup, escape

from tocsin.kit.text import unturned
from tocsin.web.present import Choice

try:  # what `escape` calls for the text itself: in C it takes a fifth of the time of five replacements
    from markupsafe._speedups import _escape_inner as escaped
except ImportError:  # where there is no wheel of it
    from markupsafe._native import _escape_inner as escaped


def written(value: Any) -> str:
    """A value as it is read in a page, escaped as `escape` does it."""
    kind = type(value)
    if kind is str:  # most are ASCII, which a text knows of itself
        return escaped(value if value.isascii() else unturned(value))
    return value if kind is Markup else escape(value)


def kept(value: Any) -> str:
    """A value as the page has to have it letter by letter: it is sent back, or leads somewhere."""
    return escaped(value) if type(value) is str else escape(value)


def options(choices: Iterable[Choice], chosen: str) -> Markup:
    """What may be chosen in a form: a list of people is the longest thing that most pages hold."""
    parts = []
    for one in choices:
        mark = " selected" if one.value == chosen or (not chosen and one.is_chosen) else ""
        label = f"{one.label}, {one.hint}" if one.hint else one.label
        parts.append(f'<option value="{kept(one.value)}"{mark}>{written(label)}</option>\n')
    return Markup("".join(parts))  # noqa: S704 - each part is escaped


ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")
CLOSING = {")": "(", "]": "[", "}": "{"}


def linked(value: Any) -> Markup:
    """What somebody wrote, with the web addresses in it to press. No other address becomes a link."""
    text = str(value)
    if "://" not in text:
        return Markup(written(text))  # noqa: S704 - escaped
    found, at = [], 0
    for match in ADDRESS.finditer(text):
        address = _without_the_end_of_the_sentence(match[0])
        leads = f'<a href="{kept(address)}" rel="noreferrer noopener">{written(address)}</a>'
        found.append(written(text[at : match.start()]) + leads)
        at = match.start() + len(address)
    return Markup("".join(found) + written(text[at:]))  # noqa: S704 - each part is escaped


FILTERS = {"linked": linked, "options": options}


def _without_the_end_of_the_sentence(address: str) -> str:
    while address[-1] in ".,;:!?" or (
        address[-1] in CLOSING and address.count(address[-1]) > address.count(CLOSING[address[-1]])
    ):
        address = address[:-1]
    return address


_KEEPS = re.compile(r'\b(?:value|href|action|data-[a-z-]+)="[^"]*$').search  # the page before what it has to keep
_KEPT = "</textarea>"  # and behind it


class _Generator(CodeGenerator):
    """Compiles `{{ … }}` to a call of `written` or `kept`. What comes out is joined to a page, or to the markup of a
    macro."""

    def visit_Output(self, node: nodes.Output, frame: Any) -> None:  # noqa: N802 - as Jinja calls it
        self._kept = {
            id(one)
            for before, one, behind in zip([None, *node.nodes], node.nodes, [*node.nodes[1:], None], strict=False)
            if (isinstance(before, nodes.TemplateData) and _KEEPS(before.data))
            or (isinstance(behind, nodes.TemplateData) and behind.data.startswith(_KEPT))
        }
        super().visit_Output(node, frame)

    def _output_child_pre(self, node: Any, frame: Any, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write(f"environment.{'kept' if id(node) in self._kept else 'written'}(")


class Escaping(Environment):
    """Jinja, escaping everywhere, at less cost."""

    code_generator_class = _Generator
    written, kept = staticmethod(written), staticmethod(kept)
