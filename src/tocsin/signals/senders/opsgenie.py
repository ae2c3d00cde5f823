"""Opsgenie's Alert API, with us as the server: create, acknowledge and close, each by the sender's alias."""

from typing import Any

import msgspec

from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import NoSuchAddress, Sent, Told, arrival, filled, text

SOURCE = "opsgenie"
ROOT = "v2"
_STATES = {"close": State.RESOLVED, "acknowledge": State.ACKNOWLEDGED}
_PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
_ADVICE = "send one JSON object, as to Opsgenie's Alert API"


def read(sent: Sent) -> list[Told]:
    """What one call says about one alert. Closing one that nobody knows is fine."""
    match sent.path:
        case ("v2", "alerts"):
            return [_created(sent)]
        case ("v2", "alerts", alias, "close" | "acknowledge" as verb) if alias.strip():
            return [_changed(sent, formats.storable(alias).strip(), _STATES[verb])]
        case _:
            raise NoSuchAddress("Of Opsgenie's API there are v2/alerts, v2/alerts/ALIAS/close and …/acknowledge.")


def _created(sent: Sent) -> Arrival:
    body, warnings = sent.object(_ADVICE)
    message = text(body.get("message"))
    if not message:
        raise formats.Unreadable(["$.message: missing or blank; send a line of text that says what is wrong"])
    tags = body.get("tags")
    told = {text(tag): "true" for tag in tags if text(tag)} if isinstance(tags, list) else {}
    return arrival(
        SOURCE,
        key=text(body.get("alias")) or formats.derived_key(message, {"source": text(body.get("source"))}),
        title=message,
        severity=_priority(body, warnings),
        labels={**told, **_details(body, warnings), "entity": text(body.get("entity"))},
        details=filled({name: body.get(name) for name in ("description", "source", "responders", "note", "user")}),
        warnings=warnings,
    )


def _priority(body: dict[str, Any], warnings: list[str]) -> str:
    """P1, the worst, to P5. These are Opsgenie's words: the plan's rules say what they mean."""
    word = text(body.get("priority")).upper()
    if word in _PRIORITIES:
        return word
    if word:
        warnings.append(f"priority: {formats.shown(body['priority'])} is not P1 to P5; taken as P3")
    return "P3"


def _details(body: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    details = body.get("details")
    if details is not None and not isinstance(details, dict):
        warnings.append("details: left out; not an object")
    return details if isinstance(details, dict) else {}


def _changed(sent: Sent, alias: str, state: State) -> Arrival:
    if sent.query.get("identifierType") != "alias":
        raise formats.Unreadable(["$: say identifierType=alias; alerts are known here by their alias alone"])
    body, warnings = sent.object(_ADVICE) if sent.body.strip() else ({}, [])
    details = {name: body.get(name) for name in ("user", "source", "note")}
    return arrival(SOURCE, key=alias, title=alias, state=state, details=details, warnings=warnings)


def accepted(request_id: str, took: float) -> bytes:
    """The body that goes with status 202, and only 202."""
    return msgspec.json.encode({"result": "Request will be processed", "took": took, "requestId": request_id})


def heard(request_id: str, took: float) -> bytes:
    """The body with which a heartbeat is answered, at status 202."""
    return msgspec.json.encode({"result": "PONG - Heartbeat received", "took": took, "requestId": request_id})


def refused(message: str, request_id: str, took: float) -> bytes:
    return msgspec.json.encode({"message": message, "took": took, "requestId": request_id})
