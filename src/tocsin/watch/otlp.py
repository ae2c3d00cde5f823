"""Logs as OpenTelemetry sends them, in JSON: what each service says, as text in which patterns are looked for. Pure.

Unknown fields are ignored, as the protocol wants it; 64-bit numbers may be text. The same as protobuf: otlp_wire.py.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.kit.errors import Invalid
from tocsin.watch import logs

DEEPEST = 6
UNNAMED = "unknown_service"  # what the protocol calls a service that gives no name
_DIGITS = 20  # of a number that is sent as text
_LEVELS = ((21, "fatal"), (17, "error"), (13, "warning"), (9, "info"), (5, "debug"), (1, "trace"))


class NotLogs(Invalid):
    """The body is no export of logs."""


def read(body: bytes) -> dict[str, list[str]]:
    """The records by the name of the service that wrote them. Raises NotLogs."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise NotLogs("The body is no JSON.") from None
    found = content.get("resourceLogs", []) if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise NotLogs("The body has no list of resourceLogs.")
    sent: dict[str, list[str]] = {}
    for resource in _dicts(found):
        about = _fields(_inner(resource, "resource").get("attributes"))
        records = sent.setdefault(str(about.get("service.name", UNNAMED)), [])
        for scope in _dicts(resource.get("scopeLogs")):
            records.extend(_text(record) for record in _dicts(scope.get("logRecords")))
    return sent


def _text(record: Mapping[str, Any]) -> str:
    level = record.get("severityText") or level_of(_number(record.get("severityNumber")))
    return text_of(level, _value(record.get("body")), _fields(record.get("attributes")))


def text_of(level: Any, said: Any, attributes: Mapping[str, Any]) -> str:
    """One record, however it travelled, as the text in which patterns are looked for."""
    body = said if isinstance(said, dict) else {"body": "" if said is None else str(said)}
    return logs.of_fields({"level": level, **attributes, **body})


def level_of(number: int) -> str:
    return next((name for least, name in _LEVELS if number >= least), "")


def _number(sent: Any) -> int:
    if isinstance(sent, str):
        return int(sent) if sent.isdecimal() and len(sent) <= _DIGITS else 0
    return sent if isinstance(sent, int) else 0


def _fields(attributes: Any) -> dict[str, Any]:
    return {str(one.get("key", "")): _value(one.get("value")) for one in _dicts(attributes)}


def _value(value: Any, depth: int = 0) -> Any:
    """What an AnyValue holds: one of its keys says of which kind."""
    if not isinstance(value, dict) or depth > DEEPEST:
        return None
    for kind in ("stringValue", "intValue", "doubleValue", "boolValue"):
        if kind in value:
            return value[kind]
    if "kvlistValue" in value:
        pairs = _dicts(_inner(value, "kvlistValue").get("values"))
        return {str(one.get("key", "")): _value(one.get("value"), depth + 1) for one in pairs}
    if "arrayValue" in value:
        parts = _dicts(_inner(value, "arrayValue").get("values"))
        return " ".join(str(_value(one, depth + 1)) for one in parts)
    return None


def _inner(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = found.get(key)
    return inner if isinstance(inner, dict) else {}


def _dicts(found: Any) -> Iterator[dict[str, Any]]:
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def answer(rejected: int, said: str) -> bytes:
    """All was taken, or so many records were not: they are not to come again."""
    partial = {"rejectedLogRecords": str(rejected), "errorMessage": said}
    return json.dumps({"partialSuccess": partial} if rejected else {}).encode()
