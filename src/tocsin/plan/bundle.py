"""Gathering the files of a plan into one text. Whoever asks lends the eyes: nothing here reads a disk."""

import posixpath
from collections.abc import Callable, Iterator, Mapping

from tocsin.plan import parts
from tocsin.plan.parse import Problem, read

MAX_FILES = 100

Reader = Callable[[str], str]
"""Gives the text of a file, by its path from the plan's folder. Raises Unreadable."""


class Unreadable(Exception):
    """Why a file that a plan includes can't be read."""


def bundle(text: str, name: str, reader: Reader) -> str | list[Problem]:
    """The plan in a file with all that it includes, or what is amiss with the inclusions.

    Mistakes inside the files are left to `parse`, which finds all of them in the whole.
    """
    if len(parts.split(text)) > 1:
        return text  # it has been gathered already
    gathering = _Gathering(name, reader)
    gathering.follow(text, name, (posixpath.basename(name),))
    return sorted(gathering.problems) or parts.join(text, gathering.found)


class _Gathering:
    def __init__(self, name: str, reader: Reader) -> None:
        self._folder = posixpath.dirname(name)
        self._reader = reader
        self.found: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._places: dict[str, str] = {}  # where each file is included

    def follow(self, text: str, name: str, chain: tuple[str, ...]) -> None:
        """Take in what this file includes, and what that includes. `chain` leads here from the plan's own file."""
        document = read(text, name, is_alone=False)
        if isinstance(document, list):
            return
        for path, written in _inclusions(document.content):
            target = posixpath.normpath(written)
            if complaint := self._complaint(written, target, chain):
                self.problems.append(document.problem(path, complaint))
                continue
            self._places[target] = f"{name}:{document.place(path).line}"
            try:
                self.found[target] = self._reader(target)
            except Unreadable as error:
                self.problems.append(document.problem(path, f"{target} can't be read: {error}"))
                continue
            self.follow(self.found[target], posixpath.join(self._folder, target), (*chain, target))

    def _complaint(self, written: str, target: str, chain: tuple[str, ...]) -> str | None:
        if "\\" in written or "\n" in written or target.startswith(("/", "..")) or target == "." or not written:
            return f"'{written}' does not lead to a file in the plan's own folder; write it like teams/payments.yaml"
        if target in chain:
            by_way = chain[chain.index(target) + 1 :]
            return f"{target} includes itself{', by way of ' + ' and '.join(by_way) if by_way else ''}"
        if target in self._places:
            return f"{target} is included already, by {self._places[target]}"
        if len(self.found) >= MAX_FILES:
            return f"a plan has at most {MAX_FILES} files"
        return None


def _inclusions(content: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    listed = content.get("include")
    for number, one in enumerate(listed if isinstance(listed, list) else (), start=1):
        if isinstance(one, str):
            yield f"include.{number}", one
