"""The raw addresses for signals, as the OpenAPI document describes them: no framework reads them off their code."""

from typing import Any

_SIGNAL: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "pattern": r"\S", "description": "What is wrong, in a line."},
        "key": {
            "type": ["string", "null"],
            "pattern": r"\S",
            "maxLength": 255,
            "description": "The sender's own name for the signal; needed unless it fires.",
        },
        "state": {"enum": ["firing", "acknowledged", "resolved"], "default": "firing"},
        "severity": {"type": ["string", "null"], "description": "The sender's word, for the plan's rules."},
        "labels": {"type": "object", "additionalProperties": {"type": ["string", "boolean", "number"]}},
        "details": {"type": "object"},
        "link": {"type": ["string", "null"], "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$", "maxLength": 2048},
        "started_at": {"type": ["string", "null"], "format": "date-time"},
        "trigger": {
            "enum": ["monitoring_alert", "health_check", "user_report", "external_notice", "observation"],
            "default": "monitoring_alert",
        },
    },
}
_RECEIPT: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "keys", "warnings"],
    "properties": {
        "accepted": {"type": "integer"},
        "keys": {"type": "array", "items": {"type": "string"}},
        "warnings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "detail"],
                "properties": {"key": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_REFUSALS = {
    "400": "The body can't be read; `errors` names each mistake. It was kept for people to see.",
    "401": "No live token was sent.",
    "403": "The token lacks the right `signals:write`.",
    "413": "The body has more than 1,000,000 bytes.",
    "503": "Too much is waiting, or the database takes no writes; send it again in a second.",
}


def _operation(identity: str, summary: str, status: str, body: dict[str, Any]) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    kept = {"description": "On the disk.", "content": {"application/json": {"schema": _RECEIPT}}}
    return {
        "operationId": identity,
        "summary": summary,
        "description": "Needs the right `signals:write`.",
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {status: kept}
        | {refusal: {"description": text, "content": problem} for refusal, text in _REFUSALS.items()},
    }


INTAKE: dict[str, Any] = {
    "/api/v1/signals": {
        "post": _operation(
            "send_signals",
            "Send one signal, or an array of at most 1000",
            "202",
            {"oneOf": [_SIGNAL, {"type": "array", "items": _SIGNAL, "maxItems": 1000}]},
        )
    },
    "/api/v1/signals/alertmanager": {
        "post": _operation(
            "send_from_alertmanager",
            "The webhook of Prometheus Alertmanager, payload version 4",
            "200",
            {"type": "object", "required": ["alerts"], "properties": {"alerts": {"type": "array"}}},
        )
    },
}
