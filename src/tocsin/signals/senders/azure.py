"""Azure Monitor's common alert schema: an alert that fired, or is resolved."""

from urllib.parse import quote

from tocsin.signals import formats
from tocsin.signals.model import State
from tocsin.signals.senders.sent import Sent, Told, arrival, part, text

SOURCE = "azure"
_STATES = {"": State.FIRING, "fired": State.FIRING, "resolved": State.RESOLVED}
_PORTAL = "https://portal.azure.com/#blade/Microsoft_Azure_Monitoring/AlertDetailsTemplateBlade/alertId/"
_ADVICE = "switch on the common alert schema in the action group"


def read(sent: Sent) -> list[Told]:
    """The signal of an alert, known by its id. Some services say nothing of its state: then it fires."""
    body, warnings = sent.object(_ADVICE)
    told = part(body, "data", "essentials")
    key, rule = text(told.get("alertId")), text(told.get("alertRule"))
    if text(body.get("schemaId")) != "azureMonitorCommonAlertSchema" or not key:
        raise formats.Unreadable([f"$.schemaId: this is not the common alert schema; {_ADVICE}"])
    condition = text(told.get("monitorCondition")).casefold()
    if condition not in _STATES:
        warnings.append(f"monitorCondition: {formats.shown(told['monitorCondition'])} is not known; taken as Fired")
    targets = told.get("configurationItems")
    target = text(targets[0]) if isinstance(targets, list) and targets else ""
    own = {"rule": rule, "target": target, "signal_type": told.get("signalType")}
    return [
        arrival(
            SOURCE,
            key=key,
            state=_STATES.get(condition, State.FIRING),
            title=": ".join(filter(None, (rule, text(told.get("description"))))),
            severity=text(told.get("severity")),
            labels={**part(body, "data", "customProperties"), **own, "monitored_by": told.get("monitoringService")},
            details={"alertContext": part(body, "data", "alertContext"), "targets": told.get("alertTargetIDs")},
            link=_PORTAL + quote(key, safe=""),
            started_at=formats.instant(told.get("firedDateTime")),
            warnings=warnings,
        )
    ]
