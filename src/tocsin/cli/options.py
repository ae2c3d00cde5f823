"""What many commands are given, each with the one sentence that `--help` shows."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Group, Parameter

from tocsin.kit.errors import Invalid

INCIDENTS = Group("Incidents", sort_key=1)
AROUND = Group("Around the incidents", sort_key=2)
HERE = Group("On the server's own machine", sort_key=3)
COMMANDS = Group("Commands")

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
AsJson = Annotated[Flag, Parameter(name="--json", help="Print JSON, for a program to read.")]
Incident = Annotated[str, Parameter(help="The incident's id, or its number.")]
Because = Annotated[str, Parameter(help="Why; it stands on the record.")]
IfAnything = Annotated[str, Parameter(help="Why, if there is anything to say.")]
Since = Annotated[
    str | None,
    Parameter(
        name="--from", help="The first day or instant; 90 days before the end unless given. UTC without an offset."
    ),
]
Until = Annotated[
    str | None,
    Parameter(name="--to", help="The day or instant that ends the period; now unless given. UTC without an offset."),
]


class BadInstant(Invalid):
    """This is no instant; write it like 2026-11-26T14:00+01:00."""


def instant_of(text: str) -> datetime:
    """The instant that somebody typed. Without an offset it is UTC: a record has no local time."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadInstant(f"'{text}' is no instant; write it like 2026-11-26T14:00+01:00") from None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def period(since: str | None, until: str | None) -> dict[str, str | None]:
    """The period that somebody typed, as a request names it."""
    begin, end = (instant_of(one).isoformat() if one else None for one in (since, until))
    return {"from": begin, "to": end}
