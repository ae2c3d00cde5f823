"""Words of the trade in a text that is for people outside of it, and what to say instead. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple


class Jargon(NamedTuple):
    """A word as it stands in the text, and what the plan says instead."""

    word: str
    plainly: str


def found_in(text: str, plain_words: Mapping[str, str]) -> list[Jargon]:
    """The words of the plan's list that stand in a text, whole or in the plural, in any case, each once, in order."""
    hits: dict[str, tuple[int, Jargon]] = {}
    for word, plainly in plain_words.items():
        said = re.search(rf"(?<!\w){re.escape(word)}(?:e?s)?(?!\w)", text, re.IGNORECASE)
        if said:
            hits[word.lower()] = (said.start(), Jargon(said[0], plainly))
    return [jargon for _, jargon in sorted(hits.values())]
