"""What each sender's body is read as. The bodies are written from the senders' documentation; none was captured."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.changes.model import Kind, Report
from tocsin.signals import formats
from tocsin.signals.model import Arrival, State, Trigger
from tocsin.signals.senders import cloudwatch
from tocsin.signals.senders.sent import NoSuchAddress, Sent, Told
from tocsin.signals.senders.table import SENDERS

PAYLOADS = Path(__file__).parents[1] / "support" / "payloads" / "senders"
NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
BEGAN = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
CREATE = ("v2", "alerts")


def body_of(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))


def request(name: str, body: Any, headers: Mapping[str, str] | None = None, **more: Any) -> Sent:
    own = {"sentry": {"sentry-hook-resource": "event_alert"}, "github": {"x-github-event": "deployment_status"}}
    path = more.pop("path", CREATE if name == "opsgenie" else ())
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Sent(body=sent, now=NOW, path=path, headers=own.get(name, {}) if headers is None else headers, **more)


def told(name: str, body: Any, **more: Any) -> list[Told]:
    return SENDERS[name].read(request(name, body, **more))


def one(name: str, body: Any, **more: Any) -> Arrival:
    (arrival,) = told(name, body, **more)
    assert isinstance(arrival, Arrival)
    return arrival


def faults(name: str, body: Any, **more: Any) -> list[str]:
    with pytest.raises(formats.Unreadable) as caught:
        told(name, body, **more)
    return caught.value.problems


def changed(body: Any, *path: str, to: Any) -> Any:
    """The body with another value at this place."""
    head, *rest = path
    return {**body, head: changed(body[head], *rest, to=to) if rest else to}


# ---- Anything ----

steadily = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def spoilt(body: Any, data: st.DataObject) -> Any:
    """The body with one of its values, anywhere in it, replaced by anything or gone."""
    if isinstance(body, dict) and body and data.draw(st.integers(0, 4)):
        name = data.draw(st.sampled_from(sorted(body)))
        return {**body, name: spoilt(body[name], data)}
    if isinstance(body, list) and body and data.draw(st.integers(0, 4)):
        return [spoilt(body[0], data), *body[1:]]
    return data.draw(ANYTHING)


# ---- Prometheus, by Alertmanager's API v2 ----


@pytest.mark.tries("prometheus", "documentation", "fires", "ends")
def test_prometheus_alerts_fire_until_their_end_has_passed() -> None:
    down, queue = told("prometheus", body_of("prometheus"), path=("api", "v2", "alerts"))
    assert down == Arrival(
        source="prometheus",
        key=formats.derived_key("", {"alertname": "RoseDown", "instance": "rose:8080", "severity": "critical"}),
        title="Rose does not answer",
        severity="critical",
        labels={"alertname": "RoseDown", "instance": "rose:8080", "severity": "critical"},
        details={"annotations": {"summary": "Rose does not answer"}},
        link="https://prom.example.org/graph?g0",
        started_at=BEGAN,
    )
    assert isinstance(queue, Arrival)
    assert (queue.state, queue.title, queue.severity) == (State.RESOLVED, "QueueLong", None)
    assert queue.details["endsAt"] == "2026-11-24T03:30:00.000Z"


def test_a_later_end_is_the_same_alert_and_no_end_fires() -> None:
    (first, _) = told("prometheus", body_of("prometheus"))
    alert = body_of("prometheus")[0]
    later = one("prometheus", [{**alert, "endsAt": "2026-11-24T03:39:00.000Z"}])
    assert later == first
    assert one("prometheus", [{"labels": alert["labels"]}]).state is State.FIRING
    assert one("prometheus", [{**alert, "endsAt": "2026-11-24T03:34:19Z"}]).state is State.RESOLVED


def test_an_alert_that_cannot_be_read_takes_no_other_along() -> None:
    sound = body_of("prometheus")[0]
    arrival = one("prometheus", [{"labels": {}}, sound])
    assert arrival.title == "Rose does not answer"
    assert arrival.warnings[0].startswith("$[0].labels: an object of labels is needed")
    assert [fault.split(":")[0] for fault in faults("prometheus", [3, {"labels": {"a": ""}}])] == [
        "$[0].labels",
        "$[1].labels",
    ]
    assert "API v2" in faults("prometheus", {"alerts": []})[0]
    assert told("prometheus", []) == []


# ---- Grafana ----


@pytest.mark.tries("grafana", "documentation", "fires", "ends")
def test_grafana_is_read_with_what_it_knows_besides() -> None:
    arrival = one("grafana", body_of("grafana"))
    assert (arrival.source, arrival.key, arrival.severity) == ("grafana", "57c6d9296de2ad39", "warning")
    assert (arrival.title, arrival.started_at, arrival.warnings) == ("Answers take 4 s", BEGAN, ())
    assert arrival.link == "https://grafana.example.org/d/rose?viewPanel=2"
    assert arrival.details["values"] == {"A": 4.2}
    over = changed(body_of("grafana"), "alerts", to=[{**body_of("grafana")["alerts"][0], "status": "resolved"}])
    assert one("grafana", over).state is State.RESOLVED


@pytest.mark.parametrize(
    ("stamp", "mac"),
    [
        (None, "a1a2b46a4668975627f55a9f52eb99ef17dfcd4ea69109d5cb5b3042ce3b50f8"),
        ("1790000000", "6f2ee767ff4547b2bb294873aefb427c858060c58bf9e98641f14e0b510e9a61"),
    ],
)
def test_grafanas_signature_is_over_the_body_or_the_second_and_the_body(stamp: str | None, mac: str) -> None:
    signature = SENDERS["grafana"].signature
    headers = {"x-grafana-alerting-signature": mac, **({"x-grafana-alerting-timestamp": stamp} if stamp else {})}
    now = datetime.fromtimestamp(1790000100, UTC)
    sent = Sent(body=b'{"receiver":"ir","status":"firing","alerts":[]}', now=now, headers=headers)
    assert signature is not None and signature.fault("grafsecret", sent) == ""
    assert signature.fault("another", sent) == "The signature does not fit the body"
    late = signature.fault("grafsecret", replace(sent, now=now + timedelta(minutes=4)))
    assert late == ("The signature was made more than 5 min before or after now, by our clock" if stamp else "")


# ---- Uptime Kuma ----


@pytest.mark.tries("uptime-kuma", "documentation", "fires", "ends")
def test_a_monitor_that_is_down_and_up_again() -> None:
    body = body_of("uptime-kuma")
    down = one("uptime-kuma", body)
    assert (down.key, down.state, down.trigger, down.severity) == ("7", State.FIRING, Trigger.HEALTH_CHECK, "critical")
    assert down.labels == {"severity": "critical", "monitor": "Rose", "type": "http"}
    assert down.link == "https://rose.example.org/health"
    assert down.title == "Rose is down: timeout of 48000ms exceeded"
    assert down.started_at == BEGAN.replace(microsecond=315000)
    up = one("uptime-kuma", changed(body, "heartbeat", "status", to=1))
    assert (up.key, up.state) == ("7", State.RESOLVED)
    assert "hunter2" not in repr((down, up))


@pytest.mark.parametrize("status", [2, 3])
def test_a_monitor_that_waits_or_rests_says_nothing(status: int) -> None:
    assert told("uptime-kuma", changed(body_of("uptime-kuma"), "heartbeat", "status", to=status)) == []


@pytest.mark.tries("uptime-kuma", "documentation", "test")
def test_a_test_and_a_certificate_that_expires_are_shown_to_people() -> None:
    notice = one("uptime-kuma", {"heartbeat": None, "monitor": None, "msg": "[Rose] Certificate expires in 7 days"})
    assert (notice.severity, notice.trigger) == ("info", Trigger.OBSERVATION)
    assert one("uptime-kuma", {"heartbeat": None, "monitor": None, "msg": "Tocsin Testing"}).severity is None
    assert "preset" in faults("uptime-kuma", {"heartbeat": {"status": "down"}, "monitor": {"id": 7}})[0]


# ---- Gatus, Healthchecks ----


@pytest.mark.tries("gatus", "documentation", "fires", "ends")
def test_an_endpoint_of_gatus() -> None:
    body = body_of("gatus")
    arrival = one("gatus", body)
    assert (arrival.key, arrival.title) == ("core/rose", "rose: no healthy answer")
    assert (arrival.severity, arrival.labels) == ("critical", {"endpoint": "rose", "group": "core"})
    over = one("gatus", changed(body, "state", to="RESOLVED"))
    assert (over.key, over.state) == (arrival.key, State.RESOLVED)
    places = [fault.split(":")[0] for fault in faults("gatus", {"state": "[ALERT_TRIGGERED_OR_RESOLVED]"})]
    assert places == ["$.name", "$.state"]


@pytest.mark.tries("healthchecks", "documentation", "fires", "ends")
def test_a_check_of_healthchecks() -> None:
    body = body_of("healthchecks")
    arrival = one("healthchecks", body)
    assert (arrival.key, arrival.severity, arrival.started_at) == (body["code"], "high", BEGAN)
    assert arrival.labels == {"prod": "true", "severity": "high", "check": "nightly backup"}
    assert arrival.title == "nightly backup did not report in time or failed"
    assert one("healthchecks", changed(body, "status", to="up")).state is State.RESOLVED
    assert faults("healthchecks", changed(body, "status", to="late"))[0].startswith('$.status: "late"')


# ---- Opsgenie ----


@pytest.mark.tries("opsgenie", "documentation", "fires", "is acknowledged", "ends")
def test_an_alert_is_created_acknowledged_and_closed_by_its_alias() -> None:
    made = one("opsgenie", body_of("opsgenie"))
    assert (made.key, made.title, made.severity) == ("rose/voice", "Voice replies fail", "P1")
    assert made.labels == {"voice": "true", "region": "eu", "entity": "rose"}
    assert made.details["description"] == "14 % of calls"
    by_alias = {"identifierType": "alias"}
    for verb, state in (("close", State.RESOLVED), ("acknowledge", State.ACKNOWLEDGED)):
        for body in (b"", b"{}", {"user": "ana", "note": "on it"}):
            arrival = one("opsgenie", body, path=(*CREATE, "rose/voice", verb), query=by_alias)
            assert (arrival.key, arrival.state) == ("rose/voice", state)


def test_what_opsgenie_would_take_loosely_is_taken_loosely() -> None:
    odd = one("opsgenie", {"message": "x", "priority": "urgent", "tags": 3, "details": "x"})
    assert (odd.severity, len(odd.warnings)) == ("P3", 2)
    assert odd.key == one("opsgenie", {"message": "x"}).key != one("opsgenie", {"message": "y"}).key
    assert faults("opsgenie", {"alias": "a"})[0].startswith("$.message")
    assert "identifierType=alias" in faults("opsgenie", b"{}", path=(*CREATE, "70", "close"))[0]
    for path in ((), ("v2", "heartbeats"), (*CREATE, "a", "snooze"), (*CREATE, " ", "close")):
        with pytest.raises(NoSuchAddress):
            told("opsgenie", {}, path=path)


# ---- Sentry ----


def of(resource: str) -> dict[str, str]:
    return {"sentry-hook-resource": resource}


@pytest.mark.tries("sentry", "documentation", "fires", "ends")
def test_an_alert_on_an_issue_ends_when_the_issue_is_resolved() -> None:
    fired = one("sentry", body_of("sentry"))
    assert (fired.key, fired.state, fired.severity) == ("issue/1170820242", State.FIRING, "error")
    assert fired.labels == {"resource": "issue", "project": "1", "environment": "production"}
    issue = {"id": "1170820242", "title": "ReferenceError", "level": "error", "project": {"slug": "rose"}}
    for action in ("created", "unresolved", "resolved", "archived", "ignored"):
        state = State.RESOLVED if action in ("resolved", "archived", "ignored") else State.FIRING
        arrival = one("sentry", {"action": action, "data": {"issue": issue}}, headers=of("issue"))
        assert (arrival.key, arrival.state, arrival.labels["project"]) == (fired.key, state, "rose")


def test_a_metric_alert_of_sentry() -> None:
    alert = {"id": 7, "title": "p95", "date_started": "2026-11-24T03:30:00Z", "alert_rule": {"name": "Slow answers"}}
    data = {"metric_alert": alert, "description_title": "Critical: Slow answers", "web_url": "https://s.example/7"}
    fired = one("sentry", {"action": "critical", "data": data}, headers=of("metric_alert"))
    assert (fired.key, fired.severity, fired.started_at) == ("metric/7", "critical", BEGAN)
    assert (fired.title, fired.labels["rule"]) == ("Critical: Slow answers", "Slow answers")
    over = one("sentry", {"action": "resolved", "data": data}, headers=of("metric_alert"))
    assert (over.key, over.state, over.severity) == ("metric/7", State.RESOLVED, None)


def test_what_sentry_says_besides_is_no_signal() -> None:
    for resource, action in (("installation", "created"), ("issue", "assigned"), ("comment", "created"), ("", "x")):
        assert told("sentry", {"action": action, "data": {}}, headers=of(resource)) == []
    assert faults("sentry", {"action": "created", "data": {}}, headers=of("issue"))[0].startswith("$.data")


# ---- Datadog ----


@pytest.mark.tries("datadog", "documentation", "fires", "ends")
def test_a_monitor_of_datadog_from_trigger_to_recovery() -> None:
    body = body_of("datadog")
    fired = one("datadog", body)
    assert (fired.key, fired.severity, fired.started_at) == ("1234567890", "error", BEGAN)
    assert fired.labels["canary"] == "true" and fired.labels["service"] == "rose" and fired.labels["priority"] == "P2"
    assert "status" not in fired.details and fired.details["query"] == "avg(last_5m):p95 > 4"
    for sent, title in (
        ("[P2] [Triggered on {host:db1,env:prod}] CPU is high", "CPU is high (host:db1,env:prod)"),
        ("[Re-No Data] CPU is high", "CPU is high"),
        ("[Shop] CPU is high", "[Shop] CPU is high"),
        ("[Triggered]", "[Triggered]"),
    ):
        assert one("datadog", changed(body, "title", to=sent)).title == title
    over = one("datadog", changed(body, "transition", to="Recovered"))
    assert (over.key, over.state, over.severity) == (fired.key, State.RESOLVED, None)
    for transition in ("Re-Triggered", "No Data", "Re-No Data", "Warn", "Re-Warn", "Renotify"):
        assert one("datadog", changed(body, "transition", to=transition)).state is State.FIRING


def test_variables_that_datadog_could_not_fill_are_as_good_as_none() -> None:
    body = changed(changed(body_of("datadog"), "cycle", to="$ALERT_CYCLE_KEY"), "aggreg_key", to="")
    assert one("datadog", body).key == "42/service:rose"
    assert "our page" in faults("datadog", changed(changed(body, "monitor_id", to=""), "date", to="soon"))[0]
    bare = one("datadog", {"title": "t", "cycle": "c", "date": "9" * 40})
    assert (bare.state, bare.started_at) == (State.FIRING, None)
    assert bare.warnings == ("transition: missing; taken as Triggered",)


# ---- Zabbix ----


@pytest.mark.tries("zabbix", "documentation", "fires", "is acknowledged", "ends")
def test_a_problem_of_zabbix_its_acknowledgement_and_its_end() -> None:
    body = body_of("zabbix")
    fired = one("zabbix", body)
    assert (fired.key, fired.severity, fired.title) == ("9071", "High", "Rose: free space below 5 %")
    assert fired.labels == {"scope": "capacity", "db": "true", "host": "rose-db", "trigger_id": "1201"}
    assert one("zabbix", changed(body, "acknowledged", to="Yes")).state is State.ACKNOWLEDGED
    over = one("zabbix", {**body, "event_value": "0", "acknowledged": "Yes"})
    assert (over.key, over.state) == ("9071", State.RESOLVED)


def test_macros_that_zabbix_could_not_fill_are_as_good_as_none() -> None:
    odd = one("zabbix", {**body_of("zabbix"), "severity": "{EVENT.SEVERITY}", "host": "*UNKNOWN*", "tags": "no"})
    assert (odd.severity, odd.labels) == (None, {"trigger_id": "1201"})
    assert odd.warnings[0].startswith("tags: left out")
    places = [fault.split(":")[0] for fault in faults("zabbix", {"event_id": "{EVENT.ID}"})]
    assert places == ["$.event_id", "$.event_name", "$.event_value"]


# ---- CloudEvents ----


@pytest.mark.tries("cloudevents", "documentation", "fires", "ends")
def test_an_event_is_known_by_source_subject_and_what_its_type_is_about() -> None:
    body = body_of("cloudevents")
    fired = one("cloudevents", body)
    assert (fired.title, fired.severity, fired.started_at) == ("Voice replies fail", "critical", BEGAN)
    assert fired.labels == {
        "service": "rose",
        "event_source": "/rose/probe",
        "subject": "voice",
        "type": "org.example.outage.firing",
    }
    over = one("cloudevents", {**body, "id": "e-2", "type": "org.example.outage.resolved", "data": None})
    assert (over.key, over.state, over.title) == (fired.key, State.RESOLVED, "voice")
    assert one("cloudevents", {**body, "subject": "text"}).key != fired.key
    said = one("cloudevents", {**body, "data": {"key": "k", "state": "Acknowledged"}})
    assert (said.key, said.state) == ("k", State.ACKNOWLEDGED)


@pytest.mark.tries("cloudevents", "documentation", "batch")
def test_events_come_in_batches_and_with_their_attributes_in_headers() -> None:
    body = body_of("cloudevents")
    assert len(told("cloudevents", [body, {**body, "id": "e-2"}])) == 2
    assert told("cloudevents", []) == []
    attributes = {f"ce-{name}": value for name, value in body.items() if isinstance(value, str)}
    binary = one("cloudevents", body["data"], headers={**attributes, "ce-subject": "r%C3%B6se"})
    assert (binary.title, binary.labels["subject"]) == ("Voice replies fail", "röse")
    assert one("cloudevents", b"", headers=attributes).key == one("cloudevents", body).key
    assert faults("cloudevents", [body, {"specversion": "0.3", "id": "1", "type": "t"}]) == [
        "$[1].source: missing or blank; every CloudEvent has it",
        '$[1].specversion: "0.3" will not do; send 1.0',
    ]


# ---- Railway, GitHub: changes ----


@pytest.mark.tries("railway", "documentation", "fires", "ends", "change")
def test_a_deployment_of_railway_that_crashed_fires_until_the_next_goes_live() -> None:
    body = body_of("railway")
    fired = one("railway", body)
    assert (fired.key, fired.severity) == ("deployment/p1/e1/s1", "CRITICAL")
    assert fired.title == "rose in production: deployment crashed"
    change, over = told("railway", changed(body, "type", to="Deployment.deployed"))
    assert isinstance(over, Arrival) and isinstance(change, Report)
    assert (over.key, over.state) == (fired.key, State.RESOLVED)
    assert change == Report(
        what="Deployment of rose in production: Tune voice",
        kind=Kind.DEPLOYMENT,
        place="rose",
        at=BEGAN.replace(microsecond=315000),
        by="kim",
        source="railway",
        key="d-41/Deployment",
    )


def test_what_railway_says_on_the_way_and_of_previews_is_no_news() -> None:
    body = body_of("railway")
    assert told("railway", changed(body, "type", to="Deployment.building")) == []
    assert told("railway", changed(body, "type", to="Something.new")) == []
    assert told("railway", changed(body, "resource", "environment", "isEphemeral", to=True)) == []
    (alarm,) = told("railway", changed(body, "type", to="VolumeAlert.Triggered"))
    (over,) = told("railway", changed(body, "type", to="VolumeAlert.Resolved"))
    assert isinstance(alarm, Arrival) and isinstance(over, Arrival)
    assert (alarm.key, over.state) == (over.key, State.RESOLVED)
    assert alarm.title == "rose in production: volume alert triggered"
    assert faults("railway", {})[0].startswith("$.type")


@pytest.mark.tries("github", "documentation", "change")
def test_a_deployment_of_github_that_succeeded_is_a_change() -> None:
    body = body_of("github")
    (change,) = told("github", body)
    assert change == Report(
        what="Deployment of rose main 41f2c0f to production",
        kind=Kind.DEPLOYMENT,
        place="rose",
        at=BEGAN,
        by="kim",
        link="https://github.example/rose/rose/actions/runs/1",
        source="github",
        key="rose-org/rose/41",
    )
    for state in ("in_progress", "failure", "inactive"):
        assert told("github", changed(body, "deployment_status", "state", to=state)) == []
    assert told("github", {"zen": "Keep it simple."}, headers={"x-github-event": "ping"}) == []
    assert faults("github", changed(body, "deployment", to={}))[0].startswith("$: no deployment.id")


def test_a_change_that_lies_ahead_is_taken_as_now() -> None:
    (change,) = told("github", changed(body_of("github"), "deployment_status", "created_at", to="2027-01-01T00:00:00Z"))
    assert isinstance(change, Report) and change.at == NOW


# ---- CloudWatch, Google Cloud, Azure ----


CONSOLE = "console.aws.amazon.com/cloudwatch/home"


def of_alarm(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = body_of("cloudwatch")
    return {**body, "Message": json.dumps({**json.loads(body["Message"]), **changes})}


@pytest.mark.tries("cloudwatch", "documentation", "fires", "ends")
def test_an_alarm_of_cloudwatch() -> None:
    fired = one("cloudwatch", of_alarm())
    assert (fired.key, fired.started_at) == ("arn:aws:cloudwatch:eu-west-1:111122223333:alarm:rose", BEGAN)
    assert (fired.title, fired.severity) == ("Rose answers slowly: p95 above 4 s", None)
    assert fired.labels["LoadBalancer"] == "app/rose" and fired.labels["state"] == "ALARM"
    assert fired.link == f"https://eu-west-1.{CONSOLE}?region=eu-west-1#alarmsV2:alarm/Rose%20answers%20slowly"
    assert one("cloudwatch", of_alarm(AlarmArn="arn:aws-cn:cloudwatch:cn-north-1:1:alarm:x")).link is None
    assert one("cloudwatch", of_alarm(NewStateValue="OK")).state is State.RESOLVED
    blind = one("cloudwatch", of_alarm(NewStateValue="INSUFFICIENT_DATA", AlarmArn=None))
    assert (blind.state, blind.key) == (State.FIRING, "111122223333/EU (Ireland)/Rose answers slowly")
    assert (
        one("cloudwatch", {**body_of("cloudwatch"), "Message": "\ud800 [" * 9, "Subject": "Backup"}).title == "Backup"
    )


def test_what_amazon_signs_is_put_together_as_amazon_does() -> None:
    body = {**body_of("cloudwatch"), "Message": "{…}", "Subject": None}
    found = cloudwatch.seal(request("cloudwatch", body))
    assert found.signed.decode() == (
        "Message\n{…}\nMessageId\nm-1\nTimestamp\n2026-11-24T03:30:00.315Z\n"
        "TopicArn\narn:aws:sns:eu-west-1:111122223333:rose\nType\nNotification\n"
    )
    assert (found.hashed, found.confirm_url) == ("sha256", None)
    china = "https://sns.cn-north-1.amazonaws.com.cn/a.pem"
    assert cloudwatch.seal(request("cloudwatch", {**body, "SigningCertURL": china})).certificate_url == china


def test_what_amazon_delivers_raw_is_said_to_lack_its_type() -> None:
    with pytest.raises(formats.Unreadable) as caught:
        cloudwatch.seal(request("cloudwatch", json.loads(body_of("cloudwatch")["Message"])))
    assert caught.value.problems[0].startswith("$.Type: missing; ")
    assert "without raw message delivery" in caught.value.problems[0]


@steadily
@given(data=st.data())
def test_no_body_makes_the_look_at_a_seal_fail(data: st.DataObject) -> None:
    with contextlib.suppress(formats.Unreadable):
        cloudwatch.seal(request("cloudwatch", spoilt(body_of("cloudwatch"), data)))


@pytest.mark.tries("google-cloud", "documentation", "fires", "ends")
def test_an_incident_of_google_cloud() -> None:
    body = body_of("google-cloud")
    fired = one("google-cloud", body)
    assert (fired.key, fired.severity, fired.started_at) == ("0.opqiw61fsv7p", "Critical", BEGAN)
    assert fired.labels["service"] == "rose" and fired.labels["zone"] == "europe-west1-b"
    assert one("google-cloud", changed(body, "incident", "state", to="CLOSED")).state is State.RESOLVED
    assert len(faults("google-cloud", {"incident": {"state": "gone"}})) == 2


@pytest.mark.tries("azure", "documentation", "fires", "ends")
def test_an_alert_of_azure() -> None:
    body = body_of("azure")
    fired = one("azure", body)
    assert (fired.severity, fired.title, fired.started_at) == ("Sev1", "cpu-high", BEGAN)
    assert fired.labels["service"] == "rose" and fired.labels["target"] == "vm1"
    assert fired.link and fired.link.endswith(
        "/alertId/%2Fsubscriptions%2Fs1%2Fproviders%2FMicrosoft.AlertsManagement%2Falerts%2Fa1"
    )
    over = one("azure", changed(body, "data", "essentials", "monitorCondition", to="Resolved"))
    assert (over.key, over.state) == (fired.key, State.RESOLVED)
    odd = one("azure", changed(body, "data", "essentials", "monitorCondition", to="Odd"))
    assert (odd.state, len(odd.warnings)) == (State.FIRING, 1)
    del body["data"]["essentials"]["monitorCondition"]
    assert one("azure", body).state is State.FIRING
    assert "common alert schema" in faults("azure", changed(body, "schemaId", to="x"))[0]


# ---- Whatever the bytes ----


@pytest.mark.parametrize("name", sorted(SENDERS))
@steadily
@given(data=st.data())
def test_no_body_makes_a_reader_fail_and_all_that_it_says_can_be_stored(name: str, data: st.DataObject) -> None:
    body = spoilt(body_of(name), data)
    for sent in (json.dumps(body).encode(), data.draw(st.binary(max_size=20))):
        try:
            read = told(name, sent)
        except formats.Unreadable:
            continue
        for one_told in read:
            kept = msgspec.json.encode(one_told)  # which refuses half of a surrogate pair
            assert b"\\u0000" not in kept.replace(b"\\\\", b"")
            if isinstance(one_told, Arrival):
                assert one_told.key and one_told.title and len(one_told.key) <= formats.KEY_MOST
                assert one_told.source == name
