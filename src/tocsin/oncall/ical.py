"""Appointments written down as a calendar that programs subscribe to (RFC 5545 and 7986)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tocsin.kit.later import later
from tocsin.kit.text import harmless
from tocsin.oncall.appointments import Appointment
from tocsin.plan.model import Plan

if TYPE_CHECKING:
    import icalendar
else:
    icalendar = later("icalendar")

REFRESH = timedelta(minutes=15)
PATH = "/oncall/feeds"
ENDING = ".ics"
_END = b"END:VCALENDAR\r\n"


def address_of(installation: str, secret: str) -> str:
    """The address of the calendar with this secret."""
    return f"{installation}{PATH}/{secret}{ENDING}"


@dataclass(frozen=True)
class Heading:
    """What a calendar says of itself."""

    name: str
    zone: str
    address: str  # of the installation


def calendar(plan: Plan, heading: Heading, appointments: Iterable[Appointment], planned_at: datetime) -> bytes:
    """The whole calendar. `planned_at` is when the plan came into force, by which all stands that nobody changed."""
    head = _head(heading).removesuffix(_END)
    url = _line("URL", icalendar.vUri(f"{heading.address}/oncall"))
    events = (_event(_said(plan, heading, one, planned_at, url)) for one in appointments)
    return b"".join((head, *events, _END))


def _head(heading: Heading) -> bytes:
    made = icalendar.Calendar()
    made.add("version", "2.0")
    made.add("prodid", "-//Tocsin//On call//EN")
    made.add("calscale", "GREGORIAN")
    made.add("method", "PUBLISH")
    name = icalendar.vText(" ".join(harmless(heading.name).split()))  # else the library writes it as it is given
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("x-wr-timezone", heading.zone)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT15M")
    made.add("url", f"{heading.address}/oncall/calendar")
    return bytes(made.to_ical())


@dataclass(frozen=True)
class _Said:
    """An appointment in words."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    about: str
    sequence: int
    changed_at: datetime
    is_cancelled: bool
    url: str  # as a line


def _said(plan: Plan, heading: Heading, one: Appointment, planned_at: datetime, url: str) -> _Said:
    rotation = plan.rotations[one.rotation].name or one.rotation
    host = urlsplit(heading.address).hostname or "localhost"
    digest = hashlib.sha256(one.key.encode()).hexdigest()[:32]
    return _Said(
        uid=f"{digest}@{host}",
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        summary=f"On call: {_name(plan, one.person)} ({rotation})",
        about=_about(plan, one),
        sequence=one.changes,
        changed_at=max(planned_at, one.changed_at or planned_at),
        is_cancelled=one.is_cancelled,
        url=url,
    )


def _about(plan: Plan, one: Appointment) -> str:
    """Never a reason: it may be private, and whoever hosts a calendar reads along."""
    if one.is_cancelled:
        return f"{_name(plan, one.person)} is not on call then: it was arranged otherwise."
    if one.override is not None:
        instead = f" instead of {_name(plan, one.instead_of)}" if one.instead_of else ""
        return f"Arranged{instead}: not as the plan has it."
    return one.layer


def _name(plan: Plan, handle: str) -> str:
    return plan.people[handle].name if handle in plan.people else handle


def _event(said: _Said) -> bytes:
    """Line by line: the library's own events take a millisecond each, and a year of daily turns has hundreds."""
    lines = [
        "BEGIN:VEVENT",
        _text("UID", said.uid),
        f"DTSTAMP:{_instant(said.changed_at)}",
        f"LAST-MODIFIED:{_instant(said.changed_at)}",
        f"SEQUENCE:{said.sequence}",
        f"DTSTART:{_instant(said.starts_at)}",
        f"DTEND:{_instant(said.ends_at)}",
        _text("SUMMARY", said.summary),
        *([_text("DESCRIPTION", said.about)] if said.about else []),
        f"STATUS:{'CANCELLED' if said.is_cancelled else 'CONFIRMED'}",
        "TRANSP:TRANSPARENT",  # being on call leaves the time free for other things
        said.url,
        "END:VEVENT\r\n",
    ]
    return "\r\n".join(lines).encode()


@lru_cache(maxsize=4096)
def _text(name: str, value: str) -> str:
    """A line of text as the library escapes and folds it; the same names stand in hundreds of appointments. A calendar
    has no way to write control characters."""
    return _line(name, icalendar.vText(harmless(value)))


def _line(name: str, value: "icalendar.vText | icalendar.vUri") -> str:
    return bytes(icalendar.parser.Contentline.from_parts(name, icalendar.Parameters(), value).to_ical()).decode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
