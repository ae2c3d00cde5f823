"""PagerDuty's Events API v2, with us as the server: what its clients send, and the replies they wait for.

Clients drop an event that is refused, so a flaw that leaves the page understandable costs a warning and no more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tocsin.changes.model import Kind, Report
from tocsin.kit import text as words
from tocsin.signals import formats
from tocsin.signals.model import Arrival, State

STATES = {"trigger": State.FIRING, "acknowledge": State.ACKNOWLEDGED, "resolve": State.RESOLVED}
_SEVERITIES = ("critical", "error", "warning", "info")
_LINKS_MOST = 16
PLACE_MOST = 200  # characters of where something was changed, and by whom


class _Event(msgspec.Struct):
    routing_key: Any = None
    event_action: Any = None
    dedup_key: Any = None
    payload: Any = None
    client: Any = None
    client_url: Any = None
    links: Any = None
    images: Any = None


@dataclass(frozen=True)
class PagerDutyEvent:
    """An event, and the key that says which integration it is for. `arrival.key` is the `dedup_key` to answer with."""

    routing_key: str
    arrival: Arrival


class _ChangeEvent(msgspec.Struct):
    routing_key: Any = None
    payload: Any = None
    links: Any = None


@dataclass(frozen=True)
class PagerDutyChange:
    """A change event, and the key that says which integration it is for."""

    routing_key: str
    report: Report


_DECODER = msgspec.json.Decoder(_Event)
_CHANGE_DECODER = msgspec.json.Decoder(_ChangeEvent)


def read(body: bytes, new_key: Callable[[], str]) -> PagerDutyEvent:
    """The event in a body; a trigger without a `dedup_key` gets a new one. Raises `Unreadable` with all faults."""
    try:
        sent, warnings = formats.decoded(_DECODER, body)
    except msgspec.ValidationError as error:
        raise formats.NotJson(["$: an event is one JSON object; send each event by itself"]) from error
    payload = sent.payload if isinstance(sent.payload, dict) else {}
    if faults := list(_faults(sent, payload)):
        raise formats.Unreadable(faults)
    key = said(sent.dedup_key) or new_key()
    return PagerDutyEvent(said(sent.routing_key), _arrival(sent, payload, key, list(warnings)))


def said(value: object) -> str:
    return (formats.as_text(value) or "").strip()


def _faults(sent: _Event, payload: dict[str, Any]) -> Iterator[str]:
    action = said(sent.event_action)
    if not said(sent.routing_key):
        yield "'routing_key' is missing or blank; send the key of the integration"
    if action not in STATES:
        yield f"'event_action' is {formats.shown(sent.event_action)}; it must be {words.listed(STATES, 'or')}"
    if action == "trigger" and not said(payload.get("summary")):
        yield "'payload.summary' is missing or blank; send a line of text that says what is wrong"
    if action in ("acknowledge", "resolve") and not said(sent.dedup_key):
        yield f"'dedup_key' is missing or blank; to {action} an event, send the key that it was triggered with"


def _arrival(sent: _Event, payload: dict[str, Any], key: str, warnings: list[str]) -> Arrival:
    state = STATES[said(sent.event_action)]
    links = entries("links", sent.links, "href", warnings)
    images = entries("images", sent.images, "src", warnings)
    return Arrival(
        source="pagerduty",
        key=formats.fitted_key(key, warnings),
        state=state,
        title=formats.fitted_title(said(payload.get("summary")) or key, warnings),
        severity=_severity(payload, state, warnings),
        labels=_labels(sent, payload, state, warnings),
        details=_details(payload, links, images, warnings),
        link=links[0]["href"] if links else formats.web_link(sent.client_url),
        started_at=_started_at(payload, warnings),
        warnings=tuple(warnings),
    )


def _severity(payload: dict[str, Any], state: State, warnings: list[str]) -> str | None:
    """One of PagerDuty's four. Any other word becomes `error`; the label keeps the word as it was sent."""
    word = said(payload.get("severity")).lower()
    if word in _SEVERITIES:
        return word
    if not word and state is not State.FIRING:
        return None
    sent = formats.shown(payload.get("severity"))
    warnings.append(f"payload.severity: {sent} is not {words.listed(_SEVERITIES, 'or')}; taken as error")
    return "error"


def _labels(sent: _Event, payload: dict[str, Any], state: State, warnings: list[str]) -> dict[str, str]:
    named = {name: payload.get(name) for name in ("source", "component", "group", "class", "severity")}
    if state is State.FIRING and not named["source"]:
        warnings.append("payload.source: missing")
    labels = {**named, "client": sent.client}
    return formats.fitted_labels({name: value for name, value in labels.items() if value not in (None, "")}, warnings)


def _details(
    payload: dict[str, Any], links: list[dict[str, str]], images: list[dict[str, str]], warnings: list[str]
) -> dict[str, Any]:
    """The custom details; links and images join them unless the sender uses those names itself."""
    custom = payload.get("custom_details")
    if custom is not None and not isinstance(custom, dict):
        warnings.append("payload.custom_details: not an object; kept as text")
        custom = {"text": custom}
    more = {name: entries for name, entries in (("links", links), ("images", images)) if entries}
    return formats.fitted_details({**more, **(custom or {})}, warnings)


def entries(name: str, sent: Any, address: str, warnings: list[str]) -> list[dict[str, str]]:
    """The entries whose address can be followed. The real service refuses a blank one; a page is worth more."""
    came = sent if isinstance(sent, list) else [] if sent is None else [sent]
    kept = [entry for entry in came if isinstance(entry, dict) and formats.web_link(entry.get(address))][:_LINKS_MOST]
    if len(kept) < len(came):
        warnings.append(f"{name}: {len(came) - len(kept)} of {len(came)} left out; they have no web address")
    return [_entry(entry) for entry in kept]


def _entry(sent: dict[str, Any]) -> dict[str, str]:
    addresses = {name: formats.web_link(sent.get(name)) for name in ("href", "src")}
    captions = {name: words.clip(said(sent.get(name)), formats.TEXT_MOST) for name in ("text", "alt")}
    return {name: value for name, value in {**addresses, **captions}.items() if value}


def _started_at(payload: dict[str, Any], warnings: list[str]) -> datetime | None:
    stamp = payload.get("timestamp")
    started_at = formats.instant(stamp)
    if started_at is None and stamp not in (None, ""):
        warnings.append(f"payload.timestamp: left out; {formats.shown(stamp)} is not an instant")
    return started_at


# ---- Changes ----

_NAMES_KIND = ("kind", "type", "change_type")  # where senders put what sort of change it is
_NAMES_WHO = ("by", "author", "user", "actor", "deployed_by")


def read_change(body: bytes) -> PagerDutyChange:
    """The change event in a body. It has no key of its own, and pages nobody. Raises `Unreadable` with all faults."""
    try:
        sent, _ = formats.decoded(_CHANGE_DECODER, body)
    except msgspec.ValidationError as error:
        raise formats.NotJson(["$: a change event is one JSON object; send each by itself"]) from error
    payload = sent.payload if isinstance(sent.payload, dict) else {}
    if faults := list(_change_faults(sent, payload)):
        raise formats.Unreadable(faults)
    return PagerDutyChange(said(sent.routing_key), _report(sent, payload))


def _change_faults(sent: _ChangeEvent, payload: dict[str, Any]) -> Iterator[str]:
    if not said(sent.routing_key):
        yield "'routing_key' is missing or blank; send the key of the integration"
    if not said(payload.get("summary")):
        yield "'payload.summary' is missing or blank; send a line of text that says what was changed"


def _report(sent: _ChangeEvent, payload: dict[str, Any]) -> Report:
    custom = payload.get("custom_details")
    details = custom if isinstance(custom, dict) else {}
    links = entries("links", sent.links, "href", [])
    told = {said(details.get(name)).lower() for name in _NAMES_KIND}
    return Report(
        what=formats.fitted_title(said(payload.get("summary")), []),
        kind=next((one for one in Kind if one in told), Kind.OTHER),
        place=words.clip(said(details.get("service")) or said(payload.get("source")), PLACE_MOST),
        at=formats.instant(payload.get("timestamp")),
        by=words.clip(next(filter(None, (said(details.get(name)) for name in _NAMES_WHO)), ""), PLACE_MOST),
        link=links[0]["href"] if links else None,
        source="pagerduty",
    )


def change_accepted() -> bytes:
    """The body that goes with status 202 for a change event."""
    return msgspec.json.encode({"status": "success", "message": "Change event processed"})


def accepted(dedup_key: str) -> bytes:
    """The body that goes with status 202, and only 202: some clients take any other status for a failure."""
    return msgspec.json.encode({"status": "success", "message": "Event processed", "dedup_key": dedup_key})


def invalid(problems: list[str]) -> bytes:
    """The body for status 400 when the event was understood as JSON; clients decode `errors` as strings."""
    return msgspec.json.encode({"status": "invalid event", "message": "Event object is invalid", "errors": problems})


def unrecognised() -> bytes:
    """The body for status 400 when there was no JSON object."""
    return msgspec.json.encode(
        {
            "status": "Unrecognized object",
            "message": "Event object format is unrecognized",
            "errors": ["JSON parse error"],
        }
    )
