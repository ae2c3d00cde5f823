"""What the JSON of an answer must fit, as a plan says it: a JSON Schema of draft 2020-12, held by a library.

A schema stands whole in the plan: nothing is ever fetched for it. No part of it may lead back to itself, so that how
much there is to hold a body against is known beforehand, whatever the body.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import yaml
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from tocsin.kit.later import later

if TYPE_CHECKING:
    import jsonschema_rs
else:
    jsonschema_rs = later("jsonschema_rs")

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEEPEST = 60  # schemas within each other, with every reference written out
SHELVES = ("$defs", "definitions")  # what stands there counts where it is referred to
_NAMED = ("properties", "patternProperties", "dependentSchemas", *SHELVES)
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")

Parts = tuple[str | int, ...]


class BodySchema:
    """A schema, made ready to hold bodies against the first time that one comes."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)

    @cached_property
    def text(self) -> str:
        """As a plan spells it, in the order of the file."""
        spelled = yaml.dump(
            self.content, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True, default_flow_style=None
        )
        return str(spelled)

    @cached_property
    def _same(self) -> str:
        return json.dumps(self.content, sort_keys=True, default=str)

    @cached_property
    def size(self) -> int:
        """How many schemas it is made of, with every reference written out."""
        return Sizes(self.content).of(self.content).schemas

    @cached_property
    def validator(self) -> "jsonschema_rs.Validator":
        return validator(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BodySchema) and self._same == other._same

    def __hash__(self) -> int:
        return hash(self._same)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"BodySchema({self.content!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, handler.generate_schema(dict[str, Any]))

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "object", "minProperties": 1}


def validator(content: Mapping[str, Any]) -> "jsonschema_rs.Validator":
    """The library's own. Its expressions take a time that grows with the text alone, and it reaches nothing outside.

    Raises ValueError for what is no schema.
    """
    return jsonschema_rs.Draft202012Validator(
        dict(content),
        pattern_options=jsonschema_rs.RegexOptions(),
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
    )


def differing(before: BodySchema, after: BodySchema) -> list[str]:
    """The places, such as `properties.status.enum`, of which the two say something else."""
    return [".".join(parts) for parts in _differing((), before.content, after.content)]


def _differing(parts: tuple[str, ...], before: object, after: object) -> Iterator[tuple[str, ...]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            here = (*parts, key)
            yield from _differing(here, before[key], after[key]) if key in before and key in after else [here]
    elif json.dumps(before, sort_keys=True, default=str) != json.dumps(after, sort_keys=True, default=str):
        yield parts


# --- What stands in a schema ------------------------------------------------------------------------------------------


def inside(schema: Mapping[str, Any]) -> Iterator[tuple[Parts, object]]:
    """The schemas that stand directly in one, each with its place there."""
    for key in _NAMED:
        named = schema.get(key)
        yield from (((key, name), one) for name, one in (named.items() if isinstance(named, dict) else ()))
    for key in _LISTED:
        listed = schema.get(key)
        yield from (((key, place), one) for place, one in enumerate(listed if isinstance(listed, list) else ()))
    yield from (((key,), schema[key]) for key in _SINGLE if key in schema)


def target(root: object, reference: str) -> object:
    """What a reference such as `#/$defs/part` leads to. Raises LookupError."""
    if reference == "#":
        return root
    found = root
    for part in map(_step, reference.removeprefix("#/").split("/")):
        if isinstance(found, dict):
            found = found[part]
        elif isinstance(found, list) and part.isdecimal():
            found = found[int(part[:6])]
        else:
            raise LookupError(reference)
    return found


def _step(part: str) -> str:
    return unquote(part).replace("~1", "/").replace("~0", "~")


class Endless(Exception):
    """Something leads back to itself, or too deep."""


class Size(NamedTuple):
    """How many schemas one stands for, with every reference written out, and how deep they stand in each other."""

    schemas: int
    depth: int


class Sizes:
    """How large the parts of a schema are; each is counted once."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._known: dict[int, Size] = {}

    def of(self, schema: object, above: tuple[int, ...] = ()) -> Size:
        """Raises Endless, and LookupError where something leads nowhere."""
        if not isinstance(schema, dict):
            return Size(1, 1)
        place = id(schema)
        if place in above:
            raise Endless
        if place not in self._known:
            below = [self.of(one, (*above, place)) for one in self._below(schema)]
            schemas, depth = sum(one.schemas for one in below), max((one.depth for one in below), default=0)
            self._known[place] = Size(1 + schemas, 1 + depth)
        if self._known[place].depth > DEEPEST:
            raise Endless
        return self._known[place]

    def _below(self, schema: Mapping[str, Any]) -> Iterable[object]:
        yield from (one for parts, one in inside(schema) if parts[0] not in SHELVES)
        if isinstance(schema.get("$ref"), str):
            yield target(self._root, schema["$ref"])
