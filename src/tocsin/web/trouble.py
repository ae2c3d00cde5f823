"""What went wrong with a form, for the page that shows it again with everything that was typed."""

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.kit.errors import Invalid, Overloaded, Refused, TocsinError


@dataclass(frozen=True)
class Trouble:
    """`field_id` is the element that needs mending; empty where it is not one field."""

    heading: str
    message: str
    field_id: str
    status: int
    form: str = ""  # the form it was about, where a page has several


def trouble(why: TocsinError, ids: Mapping[str, str] | None = None) -> Trouble:
    """A refusal as a banner. `ids` says which element of the page holds each field that the refusal may name."""
    field = (why.field or "") if isinstance(why, Invalid) else ""
    if isinstance(why, Refused):
        return Trouble("Not now", why.message, "", 409)
    if isinstance(why, Overloaded):
        return Trouble("Nothing was changed", why.message, "", 503)
    return Trouble("One thing needs you", why.message, (ids or {}).get(field, ""), 400)
