"""A signal without the secrets that came with it. Pure; what a secret is stands in `kit.redaction`."""

from collections.abc import Iterator

from msgspec.structs import replace

from tocsin.kit import redaction
from tocsin.kit.text import clip
from tocsin.signals import formats
from tocsin.signals.model import Arrival


def redacted(arrival: Arrival) -> Arrival:
    """The same signal, known by the same key each time, with a warning for each place where a secret stood."""
    labels = redaction.in_object(arrival.labels)
    fitted = {name: clip(value, formats.TEXT_MOST) for name, value in labels.items()}
    after = replace(
        arrival,
        key=formats.fitted_key(redaction.in_name(arrival.key), []),
        title=clip(redaction.in_text(arrival.title), formats.TEXT_MOST),
        severity=redaction.in_text(arrival.severity) if arrival.severity else arrival.severity,
        labels=fitted,
        details=redaction.in_object(arrival.details),
        link=redaction.in_text(arrival.link) if arrival.link else arrival.link,
        warnings=tuple(redaction.in_text(one) for one in arrival.warnings),
    )
    return replace(after, warnings=(*after.warnings, *_told(arrival, after)))


def _told(before: Arrival, after: Arrival) -> Iterator[str]:
    for name in ("key", "title", "severity", "details", "link"):
        if getattr(before, name) != getattr(after, name):
            yield f"{name}: a secret in it was redacted"
    for was, (name, value) in zip(before.labels.items(), after.labels.items(), strict=False):
        if was != (name, value):
            yield f"labels.{clip(name, 60)}: a secret was redacted; rules don't see it"
