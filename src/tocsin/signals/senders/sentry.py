"""Sentry's webhooks of an internal integration: issues, alerts on issues, and metric alerts."""

from typing import Any

from tocsin.signals import formats
from tocsin.signals.model import Arrival, State
from tocsin.signals.senders.sent import Sent, Told, arrival, part, text

SOURCE = "sentry"
SIGNED_IN = "sentry-hook-signature"
_METRIC = {"critical": State.FIRING, "warning": State.FIRING, "resolved": State.RESOLVED}
_ISSUE = {
    "created": State.FIRING,
    "unresolved": State.FIRING,
    "resolved": State.RESOLVED,
    "archived": State.RESOLVED,  # somebody there said that it calls for nothing; if it gets worse, it is unresolved
    "ignored": State.RESOLVED,
}
_ADVICE = "send the body of Sentry's own webhook"


def read(sent: Sent) -> list[Told]:
    """One arrival, or none for what says nothing about trouble. An alert on an issue is known by its issue."""
    body, warnings = sent.object(_ADVICE)
    resource, action = sent.headers.get("sentry-hook-resource", ""), text(body.get("action"))
    match resource:
        case "metric_alert" if action in _METRIC:
            return [_metric(part(body, "data"), action, warnings)]
        case "event_alert" if action == "triggered":
            event = part(body, "data", "event")
            return [_issue(event, event.get("issue_id"), State.FIRING, part(body, "data"), warnings)]
        case "issue" if action in _ISSUE:
            issue = part(body, "data", "issue")
            return [_issue(issue, issue.get("id"), _ISSUE[action], part(body, "data"), warnings)]
        case _:
            return []


def _metric(data: dict[str, Any], action: str, warnings: list[str]) -> Arrival:
    alert = part(data, "metric_alert")
    rule = text(part(alert, "alert_rule").get("name"))
    return arrival(
        SOURCE,
        key=f"metric/{_number(alert.get('id'), '$.data.metric_alert.id')}",
        state=_METRIC[action],
        title=text(data.get("description_title")) or text(alert.get("title")),
        severity="" if action == "resolved" else action,
        labels={"resource": "metric_alert", "rule": rule},
        details={"text": data.get("description_text")},
        link=data.get("web_url"),
        started_at=formats.instant(alert.get("date_started")),
        warnings=warnings,
    )


def _issue(issue: dict[str, Any], number: object, state: State, data: dict[str, Any], warnings: list[str]) -> Arrival:
    project = issue.get("project")
    slug = text(part(issue, "project").get("slug")) if isinstance(project, dict) else text(project)
    return arrival(
        SOURCE,
        key=f"issue/{_number(number, '$.data: the id of its issue')}",
        state=state,
        title=text(issue.get("title")),
        severity=text(issue.get("level")),
        labels={"resource": "issue", "project": slug, "environment": issue.get("environment")},
        details={"rule": data.get("triggered_rule"), "culprit": issue.get("culprit"), "shortId": issue.get("shortId")},
        link=issue.get("web_url") or issue.get("permalink"),
        warnings=warnings,
    )


def _number(value: object, place: str) -> str:
    if number := text(value):
        return number
    raise formats.Unreadable([f"{place}: missing; {_ADVICE}"])
