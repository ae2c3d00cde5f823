"""What a paged person can say, and what the record keeps of it besides an acknowledgement."""

import re
from dataclasses import dataclass
from enum import StrEnum

from tocsin.incidents.entry import Entry


class Answer(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    ESCALATE = "escalate"  # page the next step now
    DECLINE = "decline"  # I cannot: somebody else must


@dataclass(frozen=True, kw_only=True)
class EscalationAsked(Entry):
    """A person wants the next step paged now. `step` is the last one that was, counted from 0 over all rounds."""

    step: int
    through: str = "web"
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Declined(Entry):
    """Somebody who was paged at this step cannot take it. That they were paged stays on the record."""

    step: int
    through: str = "web"
    because: str = ""


# ---- Answers that somebody wrote ----

ALL = 0  # every incident that waits for the writer
_WORDS = {
    Answer.ACKNOWLEDGE: ("1", "a", "ack", "acknowledge", "acknowledged", "yes", "ok"),
    Answer.ESCALATE: ("2", "e", "esc", "escalate", "next"),
    Answer.DECLINE: ("3", "d", "decline", "no", "can't", "can’t", "cannot"),
}
_BY_WORD = {word: answer for answer, words in _WORDS.items() for word in words}
_REPLY = re.compile(r"(?P<word>[^\s#]+?)[.!,]?(?:\s*(?:\s|#)(?P<number>\d{1,9})|\s+(?P<all>all))?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Reply:
    """An answer, and the number of the incident that it is about, where its writer named one."""

    answer: Answer
    number: int | None = None


def read_reply(text: str) -> Reply | None:
    """Read `1`, `ack 12`, `2 all` or `can't` in the first line that says anything. None for anything else."""
    line = next((one.strip() for one in text.splitlines() if one.strip()), "")
    found = _REPLY.fullmatch(line)
    answer = _BY_WORD.get(found["word"].lower()) if found else None
    if found is None or answer is None:
        return None
    return Reply(answer, ALL if found["all"] else int(found["number"]) if found["number"] else None)
