"""Which entries a search finds, and after which the index of words has to follow."""

from tocsin.incidents.model import (
    AnyEntry,
    Declared,
    Escalated,
    FellDue,
    Paged,
    SignalAttached,
    SignalCleared,
    SignalFlapped,
    SignalsGathered,
    Undelivered,
)
from tocsin.incidents.places import CallOpened, ChannelFailed, ChannelLeft, ChannelOpened
from tocsin.incidents.relation import RelationEntry

# The program's own steps: they say the same of every incident, and change none of its words.
_OF_PROGRAM = (Paged, Escalated, Undelivered, FellDue, CallOpened, ChannelOpened, ChannelFailed, ChannelLeft)
_OF_SIGNALS = (SignalAttached, SignalCleared, SignalFlapped, SignalsGathered)  # which are found themselves


def is_found(entry: AnyEntry) -> bool:
    """Whether a search finds the entry: not the first, for the incident itself is found by its words, and none about
    another incident, for it names what may come to be confidential."""
    return not isinstance(entry, (Declared, *_OF_PROGRAM, *_OF_SIGNALS, RelationEntry))


def changes_words(entry: AnyEntry) -> bool:
    """Whether what is found of its incident may differ from here on."""
    return not isinstance(entry, _OF_PROGRAM)
