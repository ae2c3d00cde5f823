"""A plan of several files as one text: the plan's own file first, then each included one behind a line with its name.

The text holds every file letter for letter, so that comments survive, mistakes keep the line of their own file, and the
whole can be read again by itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SEPARATOR = re.compile(r"^--- # file: (\S.*?)[ \t]*\n", re.M)


@dataclass(frozen=True)
class Part:
    """One file. The plan's own has no name here: whoever reads it knows what it is called."""

    name: str
    text: str


def split(text: str) -> list[Part]:
    """The files in a text, the plan's own first."""
    first, *rest = _SEPARATOR.split(text)
    return [Part("", first), *(Part(name, part) for name, part in zip(rest[::2], rest[1::2], strict=True))]


def join(text: str, included: Mapping[str, str]) -> str:
    """The text of a plan with those of the files it includes."""
    if not included:
        return text
    return "".join([_ended(text), *(f"--- # file: {name}\n{_ended(one)}" for name, one in included.items())])


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
