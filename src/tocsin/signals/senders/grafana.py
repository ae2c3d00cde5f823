"""Grafana's webhook: the body of Alertmanager's, with what Grafana knows besides."""

from typing import Any

from msgspec.structs import replace

from tocsin.signals import alertmanager, formats
from tocsin.signals.model import Arrival
from tocsin.signals.senders.sent import Sent, Told, filled, part

SOURCE = "grafana"
SIGNED_IN = "x-grafana-alerting-signature"
SIGNED_AT = "x-grafana-alerting-timestamp"  # as our page has it set: by itself Grafana sends none
_MORE = ("values", "valueString", "ruleUID", "silenceURL", "imageURL")


def read(sent: Sent) -> list[Told]:
    """One arrival for each alert, known by its fingerprint."""
    arrivals = alertmanager.read(sent.body)
    body, _ = sent.object("send the body of Grafana's own webhook")
    return [_arrival(one, part({"alert": alert}, "alert")) for one, alert in zip(arrivals, body["alerts"], strict=True)]


def _arrival(read_as: Arrival, alert: dict[str, Any]) -> Arrival:
    warnings = list(read_as.warnings)
    details = formats.fitted_details({**read_as.details, **filled({name: alert.get(name) for name in _MORE})}, warnings)
    panel = formats.web_link(alert.get("panelURL")) or formats.web_link(alert.get("dashboardURL"))
    return replace(read_as, source=SOURCE, details=details, link=panel or read_as.link, warnings=tuple(warnings))
