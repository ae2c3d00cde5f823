"""Alertmanager's API v2, by which Prometheus itself hands over alerts, and Grafana and `amtool` as well.

An alert fires as long as its `endsAt` lies ahead, and Prometheus sends it anew each minute. When it falls silent we
keep the alert as it is: silence is no proof that all is well.
"""

from typing import Any

from tocsin.signals import alertmanager, formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import NoSuchAddress, Sent, Told, arrival, text

SOURCE = "prometheus"
ROOT = "api"
_ADVICE = "send the array of alerts of Alertmanager's API v2"


def read(sent: Sent) -> list[Told]:
    """One arrival for each alert that can be read; `Unreadable` only if none can."""
    if sent.path not in ((), ("api", "v2", "alerts")):
        raise NoSuchAddress("Alerts are taken at api/v2/alerts.")
    alerts, warnings = sent.json()
    if not isinstance(alerts, list):
        raise formats.Unreadable([f"$: {formats.shown(alerts)} will not do; {_ADVICE}"])
    faults = [
        f"$[{at}].labels: an object of labels is needed; {_ADVICE}" for at, one in enumerate(alerts) if _bare(one)
    ]
    sound = [one for one in alerts if not _bare(one)]
    if faults and not sound:
        raise formats.Unreadable(faults[: formats.PROBLEMS_MOST])
    return [_arrival(one, sent, [*warnings, *faults[:1]]) for one in sound]


def _bare(alert: Any) -> bool:
    return not isinstance(alert, dict) or not isinstance(alert.get("labels"), dict) or not any(alert["labels"].values())


def _arrival(alert: dict[str, Any], sent: Sent, warnings: list[str]) -> Arrival:
    labels = {name: value for name, value in alert["labels"].items() if value not in (None, "")}
    said = alert.get("annotations")
    annotations = said if isinstance(said, dict) else {}
    ends_at = formats.instant(alert.get("endsAt"))
    ended = ends_at is not None and ends_at <= sent.now
    fitted = formats.fitted_labels(labels, [])
    return arrival(
        SOURCE,
        key=formats.derived_key("", fitted),
        state=State.RESOLVED if ended else State.FIRING,
        title=alertmanager.title(annotations, fitted),
        severity=text(labels.get("severity")),
        labels=alertmanager.telling_first(labels),
        details={"annotations": annotations, "endsAt": text(alert.get("endsAt")) if ended else None},
        link=alert.get("generatorURL"),
        started_at=formats.instant(alert.get("startsAt")),
        warnings=warnings,
    )
