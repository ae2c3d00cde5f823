"""What the record says of silence: who wants to be left alone until when, and who is asked again."""

from dataclasses import dataclass
from datetime import datetime

from tocsin.incidents.entry import Entry


@dataclass(frozen=True, kw_only=True)
class Snoozed(Entry):
    """A responder who has acknowledged will be silent until then; nobody need ask before."""

    until: datetime
    because: str


@dataclass(frozen=True, kw_only=True)
class SnoozeEnded(Entry):
    """A responder ended the snooze before its time, which was `until`: the silence counts again."""

    until: datetime
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class AskedAgain(Entry):
    """Nothing was heard of somebody who had answered for the incident, or their snooze has ended: they are paged
    again, and after them the ladder from its first step."""

    person: str
    because: str
