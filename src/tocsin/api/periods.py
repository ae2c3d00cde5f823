"""The period that a request asks about: `from` and `to` in its address."""

from datetime import datetime, timedelta
from typing import Annotated

from litestar.params import QueryParameter

from tocsin.api.incidents import instant
from tocsin.kit.errors import Invalid

PERIOD = timedelta(days=90)  # what is measured unless somebody says otherwise
INSTANT = timedelta(milliseconds=1)  # what happens this very instant counts

From = Annotated[
    str | None,
    QueryParameter(name="from", required=False, description="An instant; 90 days before `to` if left out."),
]
To = Annotated[str | None, QueryParameter(required=False, description="An instant; now if left out.")]


def period(now: datetime, begin: str | None, end: str | None) -> tuple[datetime, datetime]:
    """From when until when, the end not counted. Raises Invalid."""
    until = instant(end, "to") or now + INSTANT
    since = instant(begin, "from") or until - PERIOD
    if since >= until:
        raise Invalid("The period ends before it begins.", field="to")
    return since, until
