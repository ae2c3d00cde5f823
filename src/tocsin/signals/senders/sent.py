"""What a reader is given, and what it makes of it: from one request of a sender to what we were told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from tocsin.changes.model import Kind, Report
from tocsin.kit import text as words
from tocsin.kit.errors import NotFound
from tocsin.signals import formats
from tocsin.signals.model import Arrival, State, Trigger

WORDS_MOST = 200  # characters of where something was changed, and by whom

_ANYTHING: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()


class NoSuchAddress(NotFound):
    """Nothing is taken here from this sender."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request: `path` is what follows the sender's name and the token, and `headers` are named in lower case."""

    body: bytes
    now: datetime
    path: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> tuple[Any, list[str]]:
        """The body, and a warning if it had to be mended to be read. Raises `NotJson`."""
        read, warnings = formats.decoded(_ANYTHING, self.body)
        return read, list(warnings)

    def object(self, advice: str) -> tuple[dict[str, Any], list[str]]:
        """The same for a body that is one object; the advice says what should have been sent."""
        read, warnings = self.json()
        if not isinstance(read, dict):
            raise formats.NotJson([f"$: {formats.shown(read)} will not do; {advice}"])
        return read, warnings


Told = Arrival | Report
Reader = Callable[[Sent], list[Told]]


def text(value: object) -> str:
    """Text or a number as text without space around it; anything else is none."""
    return (formats.as_text(value) or "").strip()


def part(value: Any, *names: str) -> dict[str, Any]:
    """The object inside an object under these names; an empty one where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of it says anything."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def tagged(tags: str, between: str, joint: str) -> dict[str, str]:
    """Tags such as `env:prod,web` as labels; one without a value is `true`."""
    pairs = (tag.strip().partition(joint) for tag in tags.split(between))
    return {name: value or "true" for name, _, value in pairs if name}


def epoch(value: object, *, unit: int = 1) -> datetime | None:
    """The instant that lies so many units after 1970; None for what cannot be meant."""
    seconds = text(value)
    try:
        return formats.in_utc(datetime.fromtimestamp(float(seconds) / unit, UTC)) if seconds not in ("", "0") else None
    except (ValueError, OverflowError, OSError):
        return None


def arrival(
    source: str,
    *,
    key: str,
    title: str,
    warnings: list[str],
    state: State = State.FIRING,
    trigger: Trigger = Trigger.MONITORING_ALERT,
    severity: str = "",
    labels: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
    link: object = None,
    started_at: datetime | None = None,
) -> Arrival:
    """An arrival in which everything fits, with a warning for whatever was cut."""
    kept = formats.fitted_labels(filled(labels or {}), warnings)
    more = formats.fitted_details(filled(details or {}), warnings)
    return Arrival(
        source=source,
        key=formats.fitted_key(key, warnings),
        state=state,
        title=formats.fitted_title(title or key, warnings),
        trigger=trigger,
        severity=words.clip(severity.strip(), formats.TEXT_MOST) or None,
        labels=kept,
        details=more,
        link=formats.web_link(link),
        started_at=started_at,
        warnings=tuple(warnings),
    )


def deployment(
    source: str,
    *,
    what: str,
    place: str,
    by: str,
    key: str,
    at: datetime | None,
    link: object,
    now: datetime,
) -> Report:
    """A deployment for the register of changes. A stamp that lies ahead of us is taken as now."""
    return Report(
        what=formats.fitted_title(what, []),
        kind=Kind.DEPLOYMENT,
        place=words.clip(place, WORDS_MOST),
        at=min(at, now) if at else None,
        by=words.clip(by, WORDS_MOST),
        link=formats.web_link(link),
        source=source,
        key=formats.fitted_key(key, []),
    )
