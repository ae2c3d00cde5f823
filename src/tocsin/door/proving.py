"""Whether somebody proved lately who they are: asked again before what changes how one gets in.

A session lasts for days, in a browser that may be left open or whose cookie may be taken. What would make of that a way
in for good takes a proof that is minutes old.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.people.model import Session

FRESH_FOR = timedelta(minutes=10)
FRESH_FOR_LINK = timedelta(hours=1)  # of those who have nothing yet but the link by which they came


@dataclass(frozen=True, kw_only=True)
class Means:
    """By what somebody can prove it without leaving the page, and whether the provider can do it for them."""

    password: bool = False
    code: bool = False
    passkey: bool = False
    provider: bool = False
    is_second: bool = False  # a password was shown already, and does not do by itself

    @property
    def are_any(self) -> bool:
        return self.password or self.code or self.passkey or self.provider


def is_fresh(session: Session, means: Means, now: datetime) -> bool:
    return now - session.proven_at < (FRESH_FOR if means.are_any else FRESH_FOR_LINK)
