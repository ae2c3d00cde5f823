"""Whether bodies can be held against a schema: it is one, it is read whole, it needs nothing from elsewhere, and there
is not too much of it.

JSON Schema passes over keywords that it does not know, and a slip of the pen would then ask for nothing; here it is a
mistake, as everywhere in a plan.
"""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from tocsin.kit.later import later
from tocsin.kit.text import clip, nearest
from tocsin.plan import bodies, misfits
from tocsin.plan.bodies import DIALECT, BodySchema, Endless, Parts, Sizes
from tocsin.plan.findings import Finding, unknown
from tocsin.plan.misfits import TYPES

if TYPE_CHECKING:
    import jsonschema_rs
    from jsonschema_rs import ValidationError
else:
    jsonschema_rs = later("jsonschema_rs")

MOST_LETTERS = 20_000
MOST_SCHEMAS = 1_000
_ASKS = (
    *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "minContains"),
    *("maxContains", "minProperties", "maxProperties", "required", "dependentRequired", "$ref"),
    *("properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "allOf", "anyOf", "oneOf"),
    *("prefixItems", "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
)
_TELLS = ("title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly")
_OF_THE_WHOLE = ("$schema", "$id")
_FORMATS = (
    *("date", "time", "date-time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6"),
    *("uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer"),
    *("relative-json-pointer", "regex"),
)
_INSTEAD: Mapping[str, str] = {
    "$anchor": "refer to a part by its place, as in #/$defs/part",
    "$dynamicRef": "refer to a part by its place, with $ref",
    "$dynamicAnchor": "refer to a part by its place, as in #/$defs/part",
    "unevaluatedProperties": "say additionalProperties",
    "unevaluatedItems": "say items: false, after prefixItems",
    "additionalItems": "say prefixItems, and items for those that follow",
    "dependencies": "say dependentRequired or dependentSchemas",
    "nullable": "say type: [string, 'null']",
    "example": "say examples",
    "id": "say $id",
}


def problems(path: str, schema: BodySchema | None) -> Iterator[Finding]:
    if schema is None:
        return
    found = [*_written(path, schema.content)] or [*_size(path, schema)] or [*_read(path, schema.content)]
    yield from found or _held(path, schema)


def _written(path: str, value: object) -> Iterator[Finding]:
    """What YAML can say and JSON can't."""
    if isinstance(value, date):
        yield Finding(path, f"YAML reads {value} as a date; put it in quotes")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Finding(path, f"JSON knows no number {value}")
    for name, one in _below(value):
        yield from _written(f"{path}.{name}", one)


def _below(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((str(number), one) for number, one in enumerate(value, start=1))


def _size(path: str, schema: BodySchema) -> Iterator[Finding]:
    letters = len(json.dumps(schema.content))
    if not schema.content:
        yield Finding(path, "an empty schema fits every body; say what must stand in it")
    if letters > MOST_LETTERS:
        yield Finding(path, f"a schema has at most {MOST_LETTERS} letters; this one has {letters}")


# --- Keywords and references ------------------------------------------------------------------------------------------


def _read(path: str, whole: Mapping[str, Any]) -> Iterator[Finding]:
    found = dict(_schemas((), whole))
    yield from (finding for parts, one in found.items() for finding in _schema(_at(path, parts), one, not parts))
    references = [*_references(path, whole, found)]
    yield from references
    if not references and (size := Sizes(whole).of(whole).schemas) > MOST_SCHEMAS:
        said = f"with its references written out, it is made of {size} schemas; at most {MOST_SCHEMAS}"
        yield Finding(path, said)


def _schemas(parts: Parts, schema: object) -> Iterator[tuple[Parts, object]]:
    yield parts, schema
    for inner, one in bodies.inside(schema) if isinstance(schema, dict) else ():
        yield from _schemas((*parts, *inner), one)


def _at(path: str, parts: Parts | list[str | int]) -> str:
    """A place in the plan, where the items of a list count from 1."""
    return ".".join([path, *(str(one + 1) if isinstance(one, int) else one for one in parts)])


def _schema(path: str, schema: object, is_whole: bool) -> Iterator[Finding]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield Finding(path, f"a schema stands here, as in {{type: string}}, and not {misfits.shown((), schema)}")
        return
    known = (*_ASKS, *_TELLS, *(_OF_THE_WHOLE if is_whole else ()))
    for key in schema:
        if key not in known and not key.startswith("x-"):
            yield Finding(f"{path}.{key}", _not_read(key, known))
    if is_whole and str(schema.get("$schema", DIALECT)).removesuffix("#") != DIALECT:
        yield Finding(f"{path}.$schema", f"a schema is read as {DIALECT}; write it so, and say that here or nothing")
    if "format" in schema:
        yield from unknown(f"{path}.format", "format", str(schema["format"]), _FORMATS)
    yield from _types(path, schema)


def _not_read(key: str, known: tuple[str, ...]) -> str:
    if key in _OF_THE_WHOLE:
        return f"{key} stands at the top of a schema alone"
    if key in _INSTEAD:
        return f"{key} is not read here; {_INSTEAD[key]}"
    meant = nearest(key, list(known))
    return f"unknown key; did you mean {meant}?" if meant else "unknown key; one of your own begins with x-"


def _types(path: str, schema: Mapping[str, Any]) -> Iterator[Finding]:
    """Types that there are not, and values that can never be of the type beside them."""
    given = schema.get("type")
    types = given if isinstance(given, list) else [] if given is None else [given]
    for number, one in enumerate(types, start=1):
        here = f"{path}.type.{number}" if isinstance(given, list) else f"{path}.type"
        yield from unknown(here, "type", _spelled(one), TYPES)
    values = [("enum", one) for one in schema["enum"]] if isinstance(schema.get("enum"), list) else []
    values += [("const", schema["const"])] if "const" in schema else []
    for key, value in values:
        if types and all(one in TYPES for one in types) and not any(_is(value, one) for one in types):
            hint = "; put it in quotes" if "string" in types and not isinstance(value, dict | list) else ""
            yield Finding(f"{path}.{key}", f"{misfits.shown((), value)} is never {TYPES[types[0]]}{hint}")


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is(value: object, type_: str) -> bool:
    if isinstance(value, bool):
        return type_ == "boolean"
    kinds: Mapping[str, tuple[type, ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "number": (int, float),
        "integer": (int, float),
        "boolean": (),
        "null": (type(None),),
    }
    return isinstance(value, kinds[type_])


_ENDLESS = "this leads back to itself, or too deep: write out as many levels as there are"


def _references(path: str, whole: Mapping[str, Any], found: Mapping[Parts, object]) -> Iterator[Finding]:
    sizes, known = Sizes(whole), {id(one) for one in found.values()}
    for parts, one in found.items():
        if not isinstance(one, dict) or "$ref" not in one:
            continue
        if complaint := _reference(whole, one["$ref"], known, sizes):
            yield Finding(_at(path, (*parts, "$ref")), complaint)
        if complaint == _ENDLESS:
            return  # whatever leads to it is as endless


def _reference(whole: Mapping[str, Any], reference: object, known: set[int], sizes: Sizes) -> str:
    if not isinstance(reference, str) or not reference.startswith("#"):
        said = clip(_spelled(reference), 60)
        return f"{said} stands outside of this schema, and nothing is fetched; copy it under $defs"
    try:
        led = whole if reference == "#" else bodies.target(whole, reference)
    except LookupError:
        return f"{clip(reference, 60)} leads nowhere; write it like #/$defs/part"
    if id(led) not in known:
        return f"{clip(reference, 60)} leads to no schema; write it like #/$defs/part"
    try:
        sizes.of(led)
    except Endless:
        return _ENDLESS
    except LookupError:
        return ""  # one further on leads nowhere, and is told itself
    return ""


# --- What the library says --------------------------------------------------------------------------------------------


def _held(path: str, schema: BodySchema) -> Iterator[Finding]:
    errors = [*bodies.validator({"$ref": DIALECT}).iter_errors(schema.content)] or [*_unmade(schema)]
    yield from (Finding(_at(path, one.instance_path), _said(one)) for one in errors)


def _unmade(schema: BodySchema) -> Iterator["ValidationError"]:
    """What keeps a schema that is one from being held against anything."""
    try:
        schema.validator.is_valid(None)  # made now, and not by the first look
    except jsonschema_rs.ValidationError as why:
        yield why


def _said(error: "ValidationError") -> str:
    if error.kind.name == "format" and error.kind.value == "regex":
        shown = misfits.shown((), error.instance)
        return f"{shown} is not a regular expression that is read here: it looks neither around nor back"
    return misfits.told(error)
