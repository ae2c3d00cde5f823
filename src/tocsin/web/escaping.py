"""How templates escape what they write. A page holds thousands of values, and all are only joined to it: no object need
be made of each that says that it is escaped, as Jinja does.
"""

import re
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment
from jinja2.compiler import CodeGenerator
from markupsafe import Markup, escape

from tocsin.web.present import Choice

try:  # what `escape` calls for the text itself: in C it takes a fifth of the time of five replacements
    from markupsafe._speedups import _escape_inner as escaped
except ImportError:  # where there is no wheel of it
    from markupsafe._native import _escape_inner as escaped


def written(value: Any) -> str:
    """A value as it stands in a page, escaped as `escape` does it."""
    kind = type(value)
    if kind is str:
        return escaped(value)
    return value if kind is Markup else escape(value)


def options(choices: Iterable[Choice], chosen: str) -> Markup:
    """What may be chosen in a form: a list of people is the longest thing that most pages hold."""
    parts = []
    for one in choices:
        mark = " selected" if one.value == chosen or (not chosen and one.is_chosen) else ""
        label = f"{one.label}, {one.hint}" if one.hint else one.label
        parts.append(f'<option value="{written(one.value)}"{mark}>{written(label)}</option>\n')
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
        shown = written(address)
        found.append(f'{written(text[at : match.start()])}<a href="{shown}" rel="noreferrer noopener">{shown}</a>')
        at = match.start() + len(address)
    return Markup("".join(found) + written(text[at:]))  # noqa: S704 - each part is escaped


FILTERS = {"linked": linked, "options": options}


def _without_the_end_of_the_sentence(address: str) -> str:
    while address[-1] in ".,;:!?" or (
        address[-1] in CLOSING and address.count(address[-1]) > address.count(CLOSING[address[-1]])
    ):
        address = address[:-1]
    return address


class _Generator(CodeGenerator):
    """Compiles `{{ … }}` to a call of `written`. What comes out is joined to a page, or to the markup of a macro."""

    def _output_child_pre(self, node: Any, frame: Any, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.written(")


class Escaping(Environment):
    """Jinja, escaping everywhere, at less cost."""

    code_generator_class = _Generator
    written = staticmethod(written)
