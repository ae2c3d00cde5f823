"""JSON of any shape, read as the plan says. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.kit import text as words
from tocsin.plan.model import Sender
from tocsin.plan.senders import FIELD
from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import arrival

PREFIX = "json/"  # of the source, so that no sender of a plan is taken for one that is known
_ANYTHING: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


def source(name: str) -> str:
    return PREFIX + name


def read(name: str, sender: Sender, body: bytes) -> list[Arrival]:
    """What the body says; all of it can be read, or `Unreadable` lists what is wrong, each with its place."""
    sent, warnings = formats.decoded(_ANYTHING, body)
    found: list[Arrival] = []
    faults: list[str] = []
    for entry in _entries(sender, sent):
        try:
            found.extend(_arrivals(name, entry, list(warnings)))
        except formats.Unreadable as error:
            faults.extend(error.problems)
    if faults:
        raise formats.Unreadable(faults[: formats.PROBLEMS_MOST])
    return found


class _Entry:
    """One entry of the body, in which fields are looked up."""

    def __init__(self, sender: Sender, place: str, value: Any, whole: Any) -> None:
        self.sender = sender
        self.place = place
        self.value = value
        self._whole = whole

    def text(self, template: str) -> str | None:
        """The text with its fields filled in; None if the body has one of them not, or not as text."""
        parts = [self.look(field) for field in FIELD.findall(template)]
        if any(part is None for part in parts):
            return None
        filled = iter(parts)
        return FIELD.sub(lambda _: next(filled) or "", template).strip()

    def look(self, field: str) -> str | None:
        return formats.as_text(next((one for one in self._found(field) if one is not None), None))

    def _found(self, field: str) -> Iterator[Any]:
        yield inside(self.value, field)
        yield inside(self._whole, field)

    def needed(self, key: str, template: str) -> str:
        """The same where nothing can be done without it."""
        if text := self.text(template):
            return text
        missing = next((field for field in FIELD.findall(template) if not self.look(field)), "")
        here = f"{self.place}.{missing}" if missing else self.place
        raise formats.Unreadable(
            [f"{here}: missing or not text; it is needed for the {key} {words.clip(template, 60)}"]
        )


def inside(value: Any, field: str) -> Any:
    """What stands at a place such as `job.host` or `alerts.0.name`; None if nothing does."""
    for name in field.split("."):
        match value:
            case dict():
                value = value.get(name)
            case list() if name.isascii() and name.isdigit() and len(name) < 10 and int(name) < len(value):
                value = value[int(name)]
            case _:
                return None
    return value


def _entries(sender: Sender, sent: Any) -> list[_Entry]:
    if not sender.each:
        return [_Entry(sender, "$", sent, sent)]
    listed = inside(sent, sender.each)
    if not isinstance(listed, list):
        raise formats.Unreadable([f"$.{sender.each}: {formats.shown(listed)} is not an array; `each` names one"])
    if len(listed) > formats.SIGNALS_MOST:
        raise formats.Unreadable(
            [f"$.{sender.each}: {len(listed)} signals are more than {formats.SIGNALS_MOST}; send less at a time"]
        )
    return [_Entry(sender, f"$.{sender.each}.{place}", one, sent) for place, one in enumerate(listed)]


def _arrivals(name: str, entry: _Entry, warnings: list[str]) -> list[Arrival]:
    sender = entry.sender
    word = (entry.text(sender.state) or "").casefold()
    if word in _folded(sender.ignored):
        return []
    labels = {label: entry.text(template) for label, template in sender.labels.items()}
    one = arrival(
        source(name),
        key=entry.needed("key", sender.key),
        title=entry.needed("title", sender.title),
        state=_state(sender, word),
        severity=entry.text(sender.severity) or "",
        labels=labels,
        details=entry.value if isinstance(entry.value, dict) else {"value": entry.value},
        link=entry.text(sender.link),
        warnings=warnings,
    )
    return [one]


def _state(sender: Sender, word: str) -> State:
    if word in _folded(sender.resolved):
        return State.RESOLVED
    return State.ACKNOWLEDGED if word in _folded(sender.acknowledged) else State.FIRING


def _folded(given: tuple[str, ...]) -> set[str]:
    return {one.casefold() for one in given}
