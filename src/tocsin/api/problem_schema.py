"""How a refusal looks, for the description of the API."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType


class Mistake(Struct):
    """One thing that is wrong: `pointer` into a JSON body, `parameter` of the address, or `path` in a plan's file."""

    detail: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET


class Alteration(Struct):
    """Something that happened to a thing since it was read."""

    detail: str
    by: str
    at: datetime | UnsetType = UNSET


class Problem(Struct):
    """RFC 9457. `changed` comes with 412."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Mistake] | UnsetType = UNSET
    changed: list[Alteration] | UnsetType = UNSET
