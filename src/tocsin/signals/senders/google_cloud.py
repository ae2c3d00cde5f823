"""Google Cloud Monitoring's webhook channel: an incident of an alerting policy that opens or closes."""

from tocsin.signals import formats
from tocsin.signals.model import State
from tocsin.signals.senders.sent import Sent, Told, arrival, epoch, part, text

SOURCE = "google-cloud"
_STATES = {"open": State.FIRING, "closed": State.RESOLVED}
_ADVICE = "send the body of Google Cloud Monitoring's own webhook"
_KEPT = ("condition_name", "observed_value", "threshold_value", "documentation")


def read(sent: Sent) -> list[Told]:
    """The signal of an incident, known by its number there. The user's own labels of the policy are labels."""
    body, warnings = sent.object(_ADVICE)
    incident = part(body, "incident")
    number, state = text(incident.get("incident_id")), text(incident.get("state")).casefold()
    faults = [] if number else [f"$.incident.incident_id: missing or blank; {_ADVICE}"]
    if state not in _STATES:
        faults.append(f"$.incident.state: {formats.shown(incident.get('state'))} is not open or closed; {_ADVICE}")
    if faults:
        raise formats.Unreadable(faults)
    resource = part(incident, "resource")
    own = {"policy": incident.get("policy_name"), "resource": resource.get("type")}
    project = incident.get("scoping_project_id")
    return [
        arrival(
            SOURCE,
            key=number,
            state=_STATES[state],
            title=text(incident.get("summary")) or text(incident.get("policy_name")),
            severity=text(incident.get("severity")),
            labels={**part(resource, "labels"), **part(incident, "policy_user_labels"), **own, "project": project},
            details={name: incident.get(name) for name in _KEPT},
            link=incident.get("url"),
            started_at=epoch(incident.get("started_at")),
            warnings=warnings,
        )
    ]
