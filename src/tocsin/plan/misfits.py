"""In what a value does not fit a schema, in words for whoever is woken by it: the place, what stands there, and what
belongs there.

What is said is bounded, however large the value is, and secrets are taken out of it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tocsin.kit import redaction
from tocsin.kit.text import clip, listed

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_PLACE = 80  # letters of a place
_VALUE = 40
_NAMES = 3  # how many of many are named

TYPES: Mapping[str, str] = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
"""The types of a schema, and what they are called."""

_LIMITS: Mapping[str, str] = {
    "minimum": "less than {limit}",
    "maximum": "more than {limit}",
    "exclusiveMinimum": "not more than {limit}",
    "exclusiveMaximum": "not less than {limit}",
    "multipleOf": "not a multiple of {limit}",
    "minLength": "shorter than {limit} letters",
    "maxLength": "longer than {limit} letters",
    "pattern": "which does not fit {limit}",
    "format": "which is no {limit}",
}
_AMOUNTS: Mapping[str, str] = {
    "minItems": "fewer entries than {limit}",
    "maxItems": "more entries than {limit}",
    "minProperties": "fewer keys than {limit}",
    "maxProperties": "more keys than {limit}",
    "contains": "no entry of a kind that must be among them, or too few or too many",
    "uniqueItems": "the same entry twice",
}


def told(error: "ValidationError") -> str:
    """`checks.qdrant.latency_ms is "n/a", where a number belongs`."""
    parts, kind, limit = error.instance_path, error.kind.name, error.kind.value
    place, is_value = place_of(parts), f"is {shown(parts, error.instance)}"
    if kind == "required":
        return f"{place_of([*parts, str(limit)])} is missing"
    if kind == "additionalProperties":
        return f"{place} has {_names(limit)}, which {_do(limit)} not belong there"
    if kind == "falseSchema" and error.schema_path[-1] == "additionalProperties":
        return f"{place} has a key that does not belong there"
    if kind == "falseSchema" and parts:
        return f"{place} must not be there"
    if kind == "propertyNames":
        return f"{place} has a key that does not fit: {told_of_key(limit)}"
    if kind in _AMOUNTS:
        return f"{place} has {_AMOUNTS[kind].format(limit=limit)}"
    return f"{place} {is_value}, {_belongs(kind, limit, error)}"


def told_of_key(error: "ValidationError") -> str:
    """The same of a key, which stands nowhere below itself."""
    return f"{shown((), error.instance)}, {_belongs(error.kind.name, error.kind.value, error)}"


def _belongs(kind: str, limit: Any, error: "ValidationError") -> str:
    match kind:
        case "type":
            return f"where {_types(limit)} belongs"
        case "enum":
            return f"not {_options(limit)}"
        case "const":
            return f"not {shown((), limit)}"
        case "not" | "falseSchema":
            return "which is what it must not be"
        case "anyOf" | "oneOf":
            return _of_several(error)
        case _ if kind in _LIMITS:
            return _LIMITS[kind].format(limit=clip(str(limit), _VALUE))
        case _:
            return f"which does not fit what {kind} asks"


def _of_several(error: "ValidationError") -> str:
    """Where one of several ways is meant by what stands there, what is wrong with that one."""
    ways: Sequence[Sequence[ValidationError]] = error.kind.value
    if not all(ways):
        return "which is to be only one of several things, and is more of them"
    here = len(error.instance_path)
    kinds = [one for way in ways for one in way if one.kind.name == "type" and len(one.instance_path) == here]
    meant = [way for way in ways if not any(one in kinds for one in way)]
    if len(meant) == 1:
        return f"which is none of what it may be: {told(meant[0][0])}"
    if len(kinds) == sum(map(len, ways)):
        return f"where {_types([name for one in kinds for name in one.kind.value])} belongs"
    return f"which is none of the {len(ways)} things that it may be"


def _types(names: Sequence[str]) -> str:
    return listed([words for name, words in TYPES.items() if name in names], "or")


def place_of(parts: Sequence[str | int]) -> str:
    """`checks.0.state`, as `expects.json` has it; without anything, the whole."""
    return clip(redaction.in_text(".".join(map(str, parts))), _PLACE) or "the body"


def shown(parts: Sequence[str | int], value: Any) -> str:
    """A value as JSON has it, or what it is. Under the name of a secret nothing of it is shown."""
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if any(redaction.is_secret_name(one) for one in parts if isinstance(one, str)):
        return redaction.MARK
    if isinstance(value, str):
        return json.dumps(clip(redaction.in_text(value[: 40 * _VALUE]), _VALUE), ensure_ascii=False)
    return clip(str(value), _VALUE)


def _options(limit: Sequence[Any]) -> str:
    named = [shown((), one) for one in limit[:_NAMES]]
    if len(limit) > _NAMES:
        return f"{', '.join(named)} or one of {len(limit) - _NAMES} more"
    return listed(named, "or")


def _names(names: Sequence[str]) -> str:
    named = [clip(redaction.in_text(one), _VALUE) for one in names[:_NAMES]]
    more = [f"{len(names) - _NAMES} more"] if len(names) > _NAMES else []
    return listed([*named, *more])


def _do(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"
