"""Whether the words that something must be one of can match anything: of a rule, or of an answer."""

import re
from collections.abc import Iterator

from tocsin.plan.findings import Finding, empty


def condition(path: str, wanted: tuple[str, ...] | str) -> Iterator[Finding]:
    words = (wanted,) if isinstance(wanted, str) else wanted
    yield from empty(path, words, "no word can match an empty list")
    for word in words:
        yield from empty(path, word, "nothing matches an empty word; write * for any")
        if len(word) > 2 and word[0] == word[-1] == "/":
            yield from expression(path, word[1:-1], shown=word)


def expression(path: str, written: str, shown: str = "", *, of: str = "") -> Iterator[Finding]:
    """`of` is what it is looked for in, where one that fits every such thing would say nothing."""
    try:
        found = re.compile(written)
    except (re.error, OverflowError, RecursionError, Warning) as why:  # a warning where those are made errors
        yield Finding(path, f"{shown or repr(written)} is not a regular expression: {why}")
    else:
        if of and found.search(""):
            yield Finding(path, f"'{written}' fits every {of}")
