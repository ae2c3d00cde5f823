"""The raw addresses for signals, as the OpenAPI document describes them: no framework reads them off their code."""

from collections.abc import Mapping
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


_COUNT: dict[str, Any] = {"type": "object", "required": ["accepted"], "properties": {"accepted": {"type": "integer"}}}


def _operation(
    identity: str, summary: str, status: str, body: dict[str, Any], receipt: dict[str, Any]
) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    kept = {"description": "On the disk.", "content": {"application/json": {"schema": receipt}}}
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
            _RECEIPT,
        )
    },
    "/api/v1/signals/alertmanager": {
        "post": _operation(
            "send_from_alertmanager",
            "The webhook of Prometheus Alertmanager, payload version 4",
            "200",
            {
                "type": "object",
                "required": ["alerts"],
                "properties": {"alerts": {"type": "array", "items": {"type": "object"}}},
            },
            _COUNT,
        )
    },
}


# ---- What all operations have in common ----

_PROBLEM: dict[str, Any] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_TEXT: dict[str, Any] = {"type": "string"}
_RATES: dict[str, Any] = {
    "RateLimit-Policy": {"description": "How many requests of a token are answered in how long.", "schema": _TEXT},
    "RateLimit": {"description": "How many are left (`r`), and in how many seconds all are (`t`).", "schema": _TEXT},
}
_TAG: dict[str, Any] = {"ETag": {"description": "As what it stands now.", "schema": _TEXT}}
GUARDED = {
    *("apply_plan", "extend_silence", "end_silence", "make_override", "cancel_override"),
    *("change_webhook", "remove_webhook", "rotate_webhook_secret", "enable_webhook", "disable_webhook"),
    *("add_contact", "send_contact_code", "verify_contact", "try_contact", "remove_contact"),
    *("set_zone", "add_contact_rule", "remove_contact_rule"),
    *("accept_swap", "decline_swap", "withdraw_swap"),
    *("turn_subscriber_off", "turn_subscriber_on", "erase_subscriber"),
    *("write_handoff", "ask_about_handoff", "accept_handoff"),
}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": _TEXT}


_UNLESS_KNOWN = _header("If-None-Match", "Answer with 304 if it still stands as this `ETag` says.")
_IF_SO = _header("If-Match", "Do it only if it still stands as this `ETag` says; else answer with 412.")
_KEY = _header("Idempotency-Key", "Sent again under the same key within a day, it is not carried out again.")


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": _PROBLEM}


def with_manners(paths: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The same operations with what each of their kind can be asked besides, and answers besides."""
    return {
        path: {method: _mannered(path, method, one) for method, one in item.items()} for path, item in paths.items()
    }


def with_names(schemas: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The same with a title of its own for each: programs that write clients name their types after it."""
    return {
        name: {**one, "title": "".join(part[:1].upper() + part[1:] for part in name.split("_"))}
        for name, one in schemas.items()
    }


def _mannered(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    responses = {status: _with_headers(one, _RATES) for status, one in operation["responses"].items()}
    asked = list(operation.get("parameters") or ())
    if method == "get" and (kept := responses.get("200")) is not None:
        responses["200"] = _with_headers(kept, _TAG)
        responses["304"] = {"description": "It stands as the caller has it.", "headers": _RATES | _TAG}
        asked.append(_UNLESS_KNOWN)
    if is_guarded(path, method, operation):
        responses["412"] = _refusal("It stands otherwise than `If-Match` says; `changed` says what happened since.")
        asked.append(_IF_SO)
    responses.setdefault("400", _refusal("What was sent is not valid; `errors` names each mistake."))
    if method == "post":
        responses.setdefault("409", _refusal("A request with this `Idempotency-Key` is being carried out."))
        responses["422"] = _refusal("This `Idempotency-Key` came with another request before.")
        asked.append(_KEY)
    if operation.get("requestBody"):
        responses.setdefault("413", _refusal("The body is too large."))
    return {**operation, "parameters": asked, "responses": dict(sorted(responses.items()))}


def is_guarded(path: str, method: str, operation: Mapping[str, Any]) -> bool:
    """Whether `If-Match` is heeded: where two people could change the same thing."""
    if method == "get":
        return False
    return "/incidents/{incident_id}/" in path or operation["operationId"] in GUARDED


def _with_headers(response: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    return {**response, "headers": {**(response.get("headers") or {}), **headers}}
