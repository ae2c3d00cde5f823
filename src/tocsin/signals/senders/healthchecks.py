"""Healthchecks, by its webhook with the body that our page gives: a job that did not report in time."""

from tocsin.signals import formats
from tocsin.signals.model import State
from tocsin.signals.senders.sent import Sent, Told, arrival, tagged, text

SOURCE = "healthchecks"
_STATES = {"down": State.FIRING, "up": State.RESOLVED}
_ADVICE = "give Healthchecks the body that stands on our page about it"


def read(sent: Sent) -> list[Told]:
    """A check's signal, known by the check's code. Tags such as `severity=critical` are labels."""
    body, warnings = sent.object(_ADVICE)
    code, status = text(body.get("code")), text(body.get("status"))
    faults = []
    if not code:
        faults.append(f"$.code: missing or blank; {_ADVICE}")
    if status not in _STATES:
        faults.append(f"$.status: {formats.shown(body.get('status'))} is not down or up; {_ADVICE}")
    if faults:
        raise formats.Unreadable(faults)
    name, labels = text(body.get("name")) or code, tagged(text(body.get("tags")), " ", "=")
    return [
        arrival(
            SOURCE,
            key=code,
            state=_STATES[status],
            title=f"{name} did not report in time or failed",
            severity=labels.get("severity", ""),
            labels={**labels, "check": name},
            started_at=formats.instant(body.get("at")) if status == "down" else None,
            warnings=warnings,
        )
    ]
