"""The webhook of Prometheus Alertmanager, payload version 4, and whoever imitates it.

Alertmanager drops a notification that is refused, so only a body without readable alerts is refused.
"""

from typing import Any

import msgspec

from tocsin.signals import formats
from tocsin.signals.model import Arrival, State

SOURCE = "alertmanager"
_VERSIONS = ("4", "1", None)  # 1 is the same shape, from senders that imitate Alertmanager


_NAMES = {
    "starts_at": "startsAt",
    "ends_at": "endsAt",
    "generator_url": "generatorURL",
    "common_labels": "commonLabels",
    "group_labels": "groupLabels",
    "external_url": "externalURL",
    "group_key": "groupKey",
    "truncated_alerts": "truncatedAlerts",
}


class _Alert(msgspec.Struct, rename=_NAMES):
    status: Any = None
    labels: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    starts_at: Any = None
    ends_at: Any = None
    generator_url: Any = None
    fingerprint: Any = None


class _Notification(msgspec.Struct, rename=_NAMES):
    alerts: list[_Alert]
    version: Any = None
    status: Any = None
    receiver: Any = None
    common_labels: Any = None
    group_labels: Any = None
    external_url: Any = None
    group_key: Any = None
    truncated_alerts: Any = None


_DECODER = msgspec.json.Decoder(_Notification)


def read(body: bytes) -> list[Arrival]:
    """One arrival for each alert, whatever the state of its group; raises `Unreadable`.

    The key is the alert's fingerprint, or a hash of its labels where an old sender leaves that out.
    """
    try:
        sent, warnings = formats.decoded(_DECODER, body)
    except msgspec.ValidationError as error:
        raise formats.Unreadable([_explained(error)]) from error
    shared = (*warnings, *_doubts(sent))
    return [_arrival(alert, sent, shared) for alert in sent.alerts]


def size(body: bytes) -> int | None:
    """How many alerts `read` is sure to find in this body; None if it has flaws and must be read to know."""
    return formats.flawless(_DECODER, body, lambda sent: len(sent.alerts))


def _explained(error: msgspec.ValidationError) -> str:
    fault, _, place = str(error).partition(" - at ")
    return f"{place.strip('`') or '$'}: {fault}; send the body of Alertmanager's own webhook, version 4"


def _doubts(sent: _Notification) -> list[str]:
    doubts = []
    if sent.version not in _VERSIONS:
        doubts.append(f"version: {formats.shown(sent.version)} is not known; read as version 4")
    if sent.truncated_alerts:
        doubts.append(f"truncatedAlerts: {formats.shown(sent.truncated_alerts)} more of this group were not sent")
    return doubts


def _arrival(alert: _Alert, sent: _Notification, shared: tuple[str, ...]) -> Arrival:
    warnings = list(shared)
    labels = formats.fitted_labels(telling_first(_merged_labels(alert, sent)), warnings)
    return Arrival(
        source=SOURCE,
        key=_key(alert, warnings),
        state=_state(alert, sent, warnings),
        title=formats.fitted_title(title(alert.annotations, labels), warnings),
        severity=labels.get("severity") or None,
        labels=labels,
        details=formats.fitted_details(_details(alert, sent), warnings),
        link=formats.web_link(alert.generator_url) or formats.web_link(sent.external_url),
        started_at=formats.instant(alert.starts_at),
        warnings=tuple(warnings),
    )


def _key(alert: _Alert, warnings: list[str]) -> str:
    if fingerprint := (formats.as_text(alert.fingerprint) or "").strip():
        return formats.fitted_key(fingerprint, warnings)
    return formats.derived_key("", formats.fitted_labels(alert.labels or {}, []))


def _merged_labels(alert: _Alert, sent: _Notification) -> dict[str, Any]:
    """The alert's labels, then those of its group; the alert's own word counts."""
    merged = dict(alert.labels or {})
    for shared in (sent.common_labels, sent.group_labels):
        for name, value in shared.items() if isinstance(shared, dict) else ():
            merged.setdefault(name, value)
    return merged


def telling_first(labels: dict[str, Any]) -> dict[str, Any]:
    """The labels with severity and name in front, where a bound on their number cannot cut them off."""
    return _first("severity", _first("alertname", labels))


def _first(name: str, labels: dict[str, Any]) -> dict[str, Any]:
    if len(labels) <= formats.LABELS_MOST or name not in labels:
        return labels
    return {name: labels[name], **labels}


def _state(alert: _Alert, sent: _Notification, warnings: list[str]) -> State:
    status = alert.status or sent.status
    if status == State.RESOLVED:
        return State.RESOLVED
    if status != State.FIRING:
        warnings.append(f"status: {formats.shown(status)} is not firing or resolved; taken as firing")
    return State.FIRING


def title(annotations: dict[str, Any] | None, labels: dict[str, str]) -> str:
    """What an alert says in a line: its summary, its description, or else its name."""
    said = annotations or {}
    for words in (said.get("summary"), said.get("description"), labels.get("alertname")):
        if (text := formats.as_text(words)) and text.strip():
            return text
    return "An alert without a name"


def _details(alert: _Alert, sent: _Notification) -> dict[str, Any]:
    details = {
        "annotations": alert.annotations,
        "groupKey": sent.group_key,
        "receiver": sent.receiver,
        "endsAt": alert.ends_at if formats.instant(alert.ends_at) else None,
        "externalURL": formats.web_link(sent.external_url),
    }
    return {name: value for name, value in details.items() if value}
