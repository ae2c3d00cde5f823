"""What was changed: a deployment, a setting, a flag; where, when, and by whom.

A change is no trouble and pages nobody. It stands here because most trouble begins soon after one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.kit import redaction
from tocsin.kit.errors import Invalid
from tocsin.kit.text import listed

SKEW = timedelta(minutes=5)  # how far a sender's clock may be ahead of ours


class Kind(StrEnum):
    """What sort of change it is, as far as whoever tells of it says."""

    DEPLOYMENT = "deployment"
    CONFIGURATION = "configuration"
    FLAG = "flag"
    OTHER = "other"


class UnknownService(Invalid):
    """The plan has no such service."""


class NotYet(Invalid):
    """A change is told of once it is made."""


class NoWords(Invalid):
    """Say what was changed."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A change as somebody tells of it. `service` is the plan's word; `place` and `by` are the sender's own.

    `key` is the sender's stable name for the change, if it has one: told twice, it is still one change.
    """

    what: str
    kind: Kind = Kind.OTHER
    service: str | None = None
    place: str = ""
    at: datetime | None = None  # now, unless it is said
    by: str = ""
    link: str | None = None
    source: str
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change in the register. `told_by` is whoever told of it, and `told_at` when."""

    id: str
    what: str
    kind: Kind
    service: str | None
    place: str
    at: datetime
    by: str
    link: str | None
    source: str
    key: str | None
    told_at: datetime
    told_by: str


def without_secrets(report: Report) -> Report:
    """The same report without what may not be kept, under the same key each time."""
    return replace(
        report,
        what=redaction.in_text(report.what),
        place=redaction.in_text(report.place),
        by=redaction.in_text(report.by),
        link=redaction.in_text(report.link) if report.link else None,
        key=redaction.in_name(report.key) if report.key else report.key,
    )


def register(report: Report, services: Mapping[str, str], *, id: str, by: str, now: datetime) -> Change:  # noqa: A002 - the column's word
    """The change that a report tells of. `services` are the plan's, by key and name. Refuses what can't be meant."""
    if not report.what.strip():
        raise NoWords(field="what")
    if report.service is not None and report.service not in services:
        raise UnknownService(
            f"The plan has no service called '{report.service}'; it has {listed(services)}.", field="service"
        )
    at = report.at or now
    if at > now + SKEW:
        raise NotYet("This would be in the future; tell of a change once it is made.", field="at")
    return Change(
        id=id,
        what=report.what.strip(),
        kind=report.kind,
        service=report.service or named(report.place, services),
        place=report.place.strip(),
        at=min(at, now),
        by=report.by.strip() or by,
        link=report.link,
        source=report.source,
        key=report.key,
        told_at=now,
        told_by=by,
    )


def named(words: str, services: Mapping[str, str]) -> str | None:
    """The service that a sender means by its key or its name, in whatever case; None if it is none of the plan's."""
    wanted = words.strip().casefold()
    return next((key for key, name in services.items() if wanted in (key.casefold(), name.casefold())), None)
