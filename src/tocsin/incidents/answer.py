"""What a paged person can say, and what the record keeps of it besides an acknowledgement."""

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
