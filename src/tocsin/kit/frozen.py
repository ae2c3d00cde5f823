"""Frozen dataclasses by the thousand."""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def made(kind: type[T], values: Mapping[str, Any]) -> T:
    """One with these values, which must be all of its fields. Its own constructor sets each by a call of its own, and
    takes as long as everything else that is done to a row."""
    one = object.__new__(kind)
    one.__dict__.update(values)
    return one
