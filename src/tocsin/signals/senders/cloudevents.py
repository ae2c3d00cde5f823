"""CloudEvents 1.0 over HTTP: structured, in a batch, or binary with its attributes in headers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import Sent, Told, arrival, part, text

SOURCE = "cloudevents"
_NEEDED = ("id", "source", "type")
_ENDINGS = {
    "firing": State.FIRING,
    "triggered": State.FIRING,
    "acknowledged": State.ACKNOWLEDGED,
    "resolved": State.RESOLVED,
    "recovered": State.RESOLVED,
}
_TITLES = ("title", "summary", "message")


def read(sent: Sent) -> list[Told]:
    """One arrival for each event. What it is about is its `data.key`, or else its source, subject and type."""
    if "ce-specversion" in sent.headers:
        return [_arrival(*_binary(sent), "$")]
    read_as, warnings = sent.json()
    many = read_as if isinstance(read_as, list) else [read_as]
    if len(many) > formats.SIGNALS_MOST:
        raise formats.Unreadable([f"$: {len(many)} events are more than {formats.SIGNALS_MOST}; send fewer at once"])
    places = [f"$[{at}]" for at in range(len(many))] if isinstance(read_as, list) else ["$"]
    return [_arrival(event, list(warnings), place) for event, place in zip(many, places, strict=True)]


def _binary(sent: Sent) -> tuple[dict[str, Any], list[str]]:
    """The event whose attributes are headers and whose data is the body."""
    named = {name.removeprefix("ce-"): value for name, value in sent.headers.items() if name.startswith("ce-")}
    event: dict[str, Any] = {name: formats.storable(unquote(value)) for name, value in named.items()}
    if not sent.body.strip():
        return event, []
    data, warnings = sent.json()
    return {**event, "data": data}, warnings


def _arrival(event: Any, warnings: list[str], place: str) -> Arrival:
    faults = list(_faults(event, place))
    if faults:
        raise formats.Unreadable(faults)
    data, kind = part(event, "data"), text(event["type"])
    stem, state = _state(kind, data)
    titles = [text(data.get(name)) for name in _TITLES]
    about = formats.derived_key(stem, {"source": text(event["source"]), "subject": text(event.get("subject"))})
    return arrival(
        SOURCE,
        key=text(data.get("key")) or about,
        state=state,
        title=next(filter(None, [*titles, text(event.get("subject"))]), kind),
        severity=text(data.get("severity")),
        labels={**_labels(data), "event_source": text(event["source"]), "subject": event.get("subject"), "type": kind},
        details={"data": event.get("data"), "id": event["id"]},
        link=data.get("link"),
        started_at=formats.instant(event.get("time")) if state is State.FIRING else None,
        warnings=warnings,
    )


def _faults(event: Any, place: str) -> list[str]:
    if not isinstance(event, dict):
        return [f"{place}: {formats.shown(event)} is not an event; send CloudEvents 1.0 as JSON"]
    faults = [
        f"{place}.{name}: missing or blank; every CloudEvent has it" for name in _NEEDED if not text(event.get(name))
    ]
    if not text(event.get("specversion")).startswith("1."):
        faults.append(f"{place}.specversion: {formats.shown(event.get('specversion'))} will not do; send 1.0")
    return faults


def _state(kind: str, data: Mapping[str, Any]) -> tuple[str, State]:
    """What an event is about without its ending, and its state: as its data says, or as its type ends."""
    stem, _, ending = kind.rpartition(".")
    known = _ENDINGS.get(ending.casefold())
    said = next((state for state in State if state == text(data.get("state")).casefold()), None)
    return (stem if known else kind), said or known or State.FIRING


def _labels(data: Mapping[str, Any]) -> dict[str, Any]:
    labels = data.get("labels")
    return labels if isinstance(labels, dict) else {}


def allowed(headers: Mapping[str, str]) -> dict[str, str]:
    """The answer to a sender that asks whether it may send here, which the specification wants it to."""
    origin = headers.get("webhook-request-origin")
    return {"webhook-allowed-origin": origin} if origin else {}
