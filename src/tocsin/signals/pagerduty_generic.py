"""PagerDuty's older generic events (its Events API v1), which many tools still speak, with us as the server."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tocsin.kit import text as words
from tocsin.signals import formats
from tocsin.signals.model import Arrival
from tocsin.signals.pagerduty import STATES, PagerDutyEvent, entries, said


class _Event(msgspec.Struct):
    service_key: Any = None
    event_type: Any = None
    incident_key: Any = None
    description: Any = None
    details: Any = None
    client: Any = None
    client_url: Any = None
    contexts: Any = None


_DECODER = msgspec.json.Decoder(_Event)


def read(body: bytes, new_key: Callable[[], str]) -> PagerDutyEvent:
    """The event in a body; a trigger without an `incident_key` gets a new one. Raises `Unreadable` with all faults."""
    try:
        sent, warnings = formats.decoded(_DECODER, body)
    except msgspec.ValidationError as error:
        raise formats.NotJson(["$: an event is one JSON object; send each event by itself"]) from error
    if faults := list(_faults(sent)):
        raise formats.Unreadable(faults)
    return PagerDutyEvent(said(sent.service_key), _arrival(sent, said(sent.incident_key) or new_key(), list(warnings)))


def _faults(sent: _Event) -> Iterator[str]:
    kind = said(sent.event_type)
    if not said(sent.service_key):
        yield "'service_key' is missing or blank; send the key of the integration"
    if kind not in STATES:
        yield f"'event_type' is {formats.shown(sent.event_type)}; it must be {words.listed(STATES, 'or')}"
    if kind == "trigger" and not said(sent.description):
        yield "'description' is missing or blank; send a line of text that says what is wrong"
    if kind in ("acknowledge", "resolve") and not said(sent.incident_key):
        yield f"'incident_key' is missing or blank; to {kind} an event, send the key that it was triggered with"


def _arrival(sent: _Event, key: str, warnings: list[str]) -> Arrival:
    links = entries("contexts", _of_kind(sent.contexts, "link"), "href", warnings)
    images = entries("contexts", _of_kind(sent.contexts, "image"), "src", warnings)
    more = {name: found for name, found in (("links", links), ("images", images)) if found}
    return Arrival(
        source="pagerduty",
        key=formats.fitted_key(key, warnings),
        state=STATES[said(sent.event_type)],
        title=formats.fitted_title(said(sent.description) or key, warnings),
        labels=formats.fitted_labels({"client": said(sent.client)} if said(sent.client) else {}, warnings),
        details=formats.fitted_details({**more, **_details(sent, warnings)}, warnings),
        link=links[0]["href"] if links else formats.web_link(sent.client_url),
        warnings=tuple(warnings),
    )


def _of_kind(contexts: Any, kind: str) -> list[Any]:
    listed = contexts if isinstance(contexts, list) else []
    return [one for one in listed if isinstance(one, dict) and one.get("type") == kind]


def _details(sent: _Event, warnings: list[str]) -> dict[str, Any]:
    if sent.details is None or isinstance(sent.details, dict):
        return sent.details or {}
    warnings.append("details: not an object; kept as text")
    return {"text": sent.details}


def accepted(incident_key: str) -> bytes:
    """The body that goes with status 200."""
    return msgspec.json.encode({"status": "success", "message": "Event processed", "incident_key": incident_key})
