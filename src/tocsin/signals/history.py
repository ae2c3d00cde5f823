"""What a signal said over time, and what became of it: one line for each change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.text import clip
from tocsin.signals.model import State

KEPT = 20  # changes; the oldest go first
WHY_MOST = 300  # characters of a reason

Row = list[Any]


@dataclass(frozen=True)
class Said:
    """A change. `times` is how often it had come by then."""

    at: datetime
    state: str
    severity: str | None
    disposition: str
    why: str
    times: int


def told(history: Sequence[Row], said: Said) -> list[Row]:
    """The history with what is said now, where that is another thing than before."""
    row: Row = [to_millis(said.at), said.state, said.severity, said.disposition, clip(said.why, WHY_MOST), said.times]
    if history and list(history[-1][1:5]) == row[1:5]:
        return list(history)
    return [*history, row][-KEPT:]


def read(history: Sequence[Row]) -> list[Said]:
    """The changes, the latest first."""
    return [Said(from_millis(at), *said) for at, *said in reversed(history)]


def goes_back(history: Sequence[Row], severity: str | None) -> bool:
    """Whether it comes back to a severity that it had before the last, since it began to fire: it goes to and fro."""
    had = [row[2] for row in takewhile(lambda row: row[1] != State.RESOLVED, reversed(history))]
    return bool(had) and severity != had[0] and severity in had


def is_same(last: Row, state: str, why: str) -> bool:
    """Whether the last change says the same as this would."""
    _, known, _, _, reason, _ = last
    return (known, reason) == (state, clip(why, WHY_MOST))
