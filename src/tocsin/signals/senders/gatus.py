"""Gatus, by its custom alerting provider with the body that our page gives."""

from tocsin.signals import formats
from tocsin.signals.model import State, Trigger
from tocsin.signals.senders.sent import Sent, Told, arrival, text

SOURCE = "gatus"
_STATES = {"TRIGGERED": State.FIRING, "RESOLVED": State.RESOLVED}
_ADVICE = "give Gatus the body that stands on our page about it"


def read(sent: Sent) -> list[Told]:
    """An endpoint's signal, known by its group and its name."""
    body, warnings = sent.object(_ADVICE)
    name, group, state = (text(body.get(one)) for one in ("name", "group", "state"))
    faults = []
    if not name:
        faults.append(f"$.name: missing or blank; {_ADVICE}")
    if state not in _STATES:
        faults.append(f"$.state: {formats.shown(body.get('state'))} is not TRIGGERED or RESOLVED; {_ADVICE}")
    if faults:
        raise formats.Unreadable(faults)
    return [
        arrival(
            SOURCE,
            key=f"{group}/{name}",
            state=_STATES[state],
            title=f"{name}: {text(body.get('description')) or 'a health check failed'}",
            trigger=Trigger.HEALTH_CHECK,
            severity=text(body.get("severity")),
            labels={"endpoint": name, "group": group},
            link=body.get("url"),
            warnings=warnings,
        )
    ]
