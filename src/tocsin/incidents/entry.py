"""What every entry of a record has."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`by` is the handle of a person, the name of a token, or `tocsin`."""

    at: datetime
    by: str
