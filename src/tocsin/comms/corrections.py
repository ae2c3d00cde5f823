"""What was told as its readers read it now: an update that was corrected or withdrawn says so. Pure.

The record keeps every word; only what is shown outside of the room goes through here.
"""

from collections.abc import Iterable
from dataclasses import replace

from tocsin.incidents import approving, words
from tocsin.incidents.approving import Standing
from tocsin.incidents.model import Numbered, Updated
from tocsin.kit.text import ended


def as_read(entries: Iterable[Numbered]) -> list[Numbered]:
    """The entries, each update in the words that hold now."""
    entries = list(entries)
    changed = {number: one for number, one in approving.standing(entries).items() if one.changed_at}
    if not changed:
        return entries
    return [
        replace(one, entry=_as_it_holds(one.entry, changed[one.number]))
        if isinstance(one.entry, Updated) and one.number in changed
        else one
        for one in entries
    ]


def _as_it_holds(told: Updated, now: Standing) -> Updated:
    """With those of its fields whose words still stand in it: the others name nothing and fill in nothing any more."""
    said = " ".join(now.text.split())
    fields = {name: words for name, words in told.fields.items() if " ".join(words.split()) in said}
    return replace(told, text=text(now), fields=fields)


def text(update: Standing) -> str:
    """An update as it is read now."""
    if update.changed_at is None:
        return update.text
    at, because = words.day_and_minute(update.changed_at), ended(update.because)
    if update.is_withdrawn:
        return f"Withdrawn at {at}: {because}"
    return f"{update.text}\n\nCorrected at {at}: {because}"


def mail(update: Standing) -> str:
    """What those are sent who got the first."""
    told = words.day_and_minute(update.told.at)
    because = ended(update.because)
    if update.is_withdrawn:
        return f"What we wrote at {told} does not hold: {because}\n\nWe wrote:\n\n{update.told.text}"
    return f"We correct what we wrote at {told}: {because}\n\n{update.text}"
