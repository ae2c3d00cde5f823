"""What the subject of an alarm's mail says: of what it speaks, and whether it begins or ends. Pure.

The problem and its recovery differ in a few well-known words only; what is left without them names the signal.
"""

import re
from dataclasses import dataclass

from tocsin.signals.model import State

LENGTH_MOST = 500  # characters of a subject that are looked at

FIRING = (
    *("firing", "problem", "alarm", "alert", "alerting", "triggered", "down", "critical", "warning", "error"),
    *("failed", "failure"),
)
UNSURE = ("unknown", "unreachable", "no data", "updated problem", "open", "opened", "new", "host down", "service down")
RESOLVED = (
    *("resolved", "recovery", "recovered", "ok", "up", "fixed", "closed", "cleared", "restored", "back to normal"),
    *("success", "successful", "succeeded"),
)
ACKNOWLEDGED = ("acknowledgement", "acknowledged", "acknowledgment")
IGNORED = ("flappingstart", "flappingstop", "flappingdisabled", "downtimestart", "downtimeend", "downtimecancelled")
SEVERE = ("critical", "warning", "error")  # words that also say how bad it is


@dataclass(frozen=True)
class Subject:
    """`state` is None if the mail says nothing about trouble, `topic` what stays the same about it."""

    topic: str
    state: State | None
    severity: str = ""


_STATES: dict[str, State | None] = {
    **dict.fromkeys((*FIRING, *UNSURE), State.FIRING),
    **dict.fromkeys(RESOLVED, State.RESOLVED),
    **dict.fromkeys(ACKNOWLEDGED, State.ACKNOWLEDGED),
    **dict.fromkeys(IGNORED),
}
_WORD = "|".join(sorted((word.replace(" ", r"\s") for word in _STATES), key=len, reverse=True))
_ANSWER = re.compile(r"(?:re|fwd?|aw|wg|sv|tr)(?:\[\d{1,3}\])?\s?:", re.IGNORECASE)
_BRACKET = re.compile(r"[\[(]([^\[\]()]{1,80})[\])]")
_COUNTED = re.compile(rf"({_WORD})(?::\s?\d{{1,9}})?(?:,\s?\w{{1,20}}:\s?\d{{1,9}}){{0,4}}", re.IGNORECASE)
_NUMBER = re.compile(r"[\[(]\s?#?\d{1,19}\s?[\])]")
# A word counts if a colon or a dash follows; in capitals, or behind the stars of Nagios, it counts by itself.
_AHEAD = re.compile(
    rf"(?:monitor\sis\s)?({_WORD})(?:\salert)?(?:\sin\s(?:\d{{1,9}}\s?[a-z]{{1,7}}\s?){{1,6}})?\s?(?::|[-–—]+\s|!\s)",
    re.I,
)
_LOUD = re.compile(rf"({_WORD})(?=\s|$)", re.IGNORECASE)
_BEHIND = re.compile(rf"(?:\s(?:is|are|state|status)(?:\snow)?|\s?:|\s[-–—]+)\s({_WORD})$", re.IGNORECASE)
_TRIMMED = " \t*!-–—:|\ufe0f"  # what stands around words


def read(subject: str) -> Subject:
    rest = " ".join(subject[:LENGTH_MOST].split())
    stars = rest.startswith("**")
    kept: list[str] = []
    said: list[str] = []
    while (found := _step(rest, kept, said, stars=stars)) is not None:
        rest = found
    if behind := _BEHIND.search(rest.rstrip(_TRIMMED)):
        said.append(behind[1].lower())
        rest = rest[: behind.start()]
    topic = " ".join(_NUMBER.sub(" ", " ".join((*kept, rest.strip(_TRIMMED)))).split())
    state = _STATES[_plain(said[0])] if said else State.FIRING
    severity = next((word for word in reversed(said) if word in SEVERE), "")
    return Subject(topic, state, severity if state is State.FIRING else "")


def _step(text: str, kept: list[str], said: list[str], *, stars: bool) -> str | None:
    """What follows the next thing that stands ahead of the topic; None if nothing does any more."""
    text = _without_signs(text)
    if answer := _ANSWER.match(text):
        return text[answer.end() :]
    if bracket := _BRACKET.match(text):
        counted = _COUNTED.fullmatch(bracket[1].strip(_TRIMMED))
        if counted:
            said.append(counted[1].lower())
        elif not _NUMBER.fullmatch(bracket[0]):
            kept.append(bracket[0])  # such as [production]: it tells one thing from another
        return text[bracket.end() :]
    word = _AHEAD.match(text)
    if word is None and not said and (loud := _LOUD.match(text)) and (stars or loud[1].isupper()):
        word = loud
    if word is None:
        return None
    said.append(word[1].lower())
    return text[word.end() :]


def _without_signs(text: str) -> str:
    """Without the stars, circles and ticks that stand ahead."""
    start = 0
    while start < len(text) and not (text[start].isalnum() or text[start] in "[(<\"'/#"):
        start += 1
    return text[start:]


def _plain(word: str) -> str:
    return " ".join(word.split())
