"""What the framework finds wrong in a request, as whoever sent it can mend it: where, what, and what would do."""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec import inspect

from tocsin.kit import text
from tocsin.kit.errors import Invalid

_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_NO_CHOICE = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_NO_MATCH = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_NO_LENGTH = re.compile(r"Expected `(str|array)` of length (<=|>=) (\d+)")
WORDS = {
    r"^[^\u0000]*$": "a text holds no NUL",
    r"^[^\u0000]*\S[^\u0000]*$": "write at least one word here",
    r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\u0000]+$": "write a whole address without spaces, such as https://example.org/42",
    r"^([01]\d|2[0-3]):[0-5]\d$": "write a time of day, such as 22:00",
}
"""What a text has to be like, by the expression that says so to a program."""
_IN_WORDS = {repr(pattern): words for pattern, words in WORDS.items()}
_NO_BODY = "'data'"  # all that the framework says of a body that did not come


class UnknownParameter(Invalid):
    """There is no such parameter at this address."""


def known_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: a filter that is misspelt is refused. Left out in silence, it would give more than was asked for."""
    for name in connection.query_params:
        if name not in (known := _asked(handler)):
            raise UnknownParameter(
                _hint(f"There is no parameter {text.clip(name, 60)!r} here", name, known), field=name
            )


@functools.cache
def _asked(handler: BaseRouteHandler) -> frozenset[str]:
    taken = handler.parsed_fn_signature.parameters.values()
    return frozenset(_name(one) for one in taken if isinstance(one.kwarg_definition, QueryParameter))


def _name(parameter: Any) -> str:
    return getattr(parameter.kwarg_definition, "name", None) or str(parameter.name)


def of(found: Any, handler: Any) -> dict[str, Any]:
    """One mistake that the framework found, in the words of RFC 9457, under the name that the address has for it."""
    name, source, said = str(found.get("key", "")), found.get("source", "body"), str(found.get("message", ""))
    names = re.findall(r"[^.\[\]]+", name)
    if source != "body":
        parameter = _parameters(handler).get(name)
        choices = _choices(_kind(parameter), ())
        return {"detail": _chosen(said, choices), "parameter": _name(parameter) if parameter else name}
    if names[:1] == ["data"]:
        names = names[1:]  # the framework's name for the whole body
    return _in_body(said, names, _kind(_parameters(handler).get("data")))


def _in_body(said: str, names: list[str], kind: Any) -> dict[str, Any]:
    if said == _NO_BODY:
        return {"detail": "The body is missing; send JSON.", "pointer": "#"}
    if unknown := _UNKNOWN.fullmatch(said):
        known = [one.encode_name for each in _at(kind, names) for one in getattr(each, "fields", ())]
        return {"detail": _hint("unknown field", unknown[1], known), "pointer": pointer([*names, unknown[1]])}
    return {"detail": _chosen(said, _choices(kind, names)), "pointer": pointer(names)}


def summary(errors: Sequence[dict[str, Any]]) -> str:
    """All of them in a line, for whoever shows no more than that."""
    places = (one.get("parameter") or one.get("pointer", "").removeprefix("#").removeprefix("/") for one in errors)
    said = [f"{place}: {one['detail']}" if place else one["detail"] for place, one in zip(places, errors, strict=True)]
    return text.ended("; ".join(said))


def pointer(names: Iterable[str]) -> str:
    """A JSON pointer, as a fragment."""
    return "#" + "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def _hint(said: str, word: str, known: Iterable[str]) -> str:
    meant = text.nearest(word, known)
    return f"{said}; did you mean {meant}?" if meant else f"{said}."


def _chosen(said: str, choices: list[str]) -> str:
    if unlike := _NO_MATCH.fullmatch(said):
        return _IN_WORDS.get(unlike[1], said)
    if length := _NO_LENGTH.fullmatch(said):
        bound = f"at {'most' if length[2] == '<=' else 'least'} {length[3]}"
        return f"write {bound} characters" if length[1] == "str" else f"name {bound}"
    wrong = _NO_CHOICE.fullmatch(said)
    return f"{wrong[1]} will not do; there is {text.listed(choices)}" if wrong and choices else said


# ---- What would have fitted ----


def _parameters(handler: Any) -> dict[str, Any]:
    taken = getattr(handler, "parsed_fn_signature", None)
    return taken.parameters if taken else {}


def _kind(parameter: Any) -> Any:
    return inspect.type_info(parameter.annotation) if parameter else None


def _choices(kind: Any, names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for one in _at(kind, names):
        if isinstance(one, inspect.EnumType):
            found += [str(each.value) for each in one.cls]
        elif isinstance(one, inspect.LiteralType):
            found += [str(each) for each in one.values]
    return found


def _at(kind: Any, names: Sequence[str]) -> Iterator[Any]:
    """What may stand at a place of the body."""
    match kind:
        case None:
            return
        case inspect.UnionType(types=types):
            for one in types:
                yield from _at(one, names)
        case inspect.Metadata(type=inner):
            yield from _at(inner, names)
        case _ if not names:
            yield from _at(kind.item_type, ()) if isinstance(kind, inspect.ListType) else (kind,)
        case inspect.StructType(fields=fields):
            for field in fields:
                if field.encode_name == names[0]:
                    yield from _at(field.type, names[1:])
        case inspect.ListType(item_type=inner):
            yield from _at(inner, names[1:] if names[0].isdigit() else names)
        case inspect.DictType(value_type=inner):
            yield from _at(inner, names[1:])
        case _:
            return
