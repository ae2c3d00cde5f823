"""The libraries with which others send to PagerDuty, Opsgenie, Sentry and by OpenTelemetry, and curl, against us."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import opsgenie_sdk
import pagerduty
import pytest
import sentry_sdk
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.resources import Resource

from tests.support.server import Server, free_port, running_server, wait_until
from tests.support.world import QUIET

WATCHED = r"""    depends_on: [railway]
    heartbeats:
      backup: { every: 1 h }
    logs:
      app:
        sender: rose
        patterns:
          breaker_opened:
            match: '(?P<breaker>\w+API): Circuit breaker OPENED'
            until: '(?P<breaker>\w+API): Recovery successful'
"""
PLAN = QUIET.replace("    depends_on: [railway]\n", WATCHED, 1)
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("libraries")
    with running_server(folder, f"sqlite:///{folder / 'tocsin.db'}", free_port(), plan=PLAN) as one:
        yield one


def found(server: Server, *path: str) -> Any:
    with server.client() as client:
        return client.get("/api/v1/" + "/".join(path)).raise_for_status().json()


def signal(server: Server, key: str, holds: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The signal with this key, once it is as it should be."""

    def seen() -> Any:
        return next(
            (one for one in found(server, "signals/recent")["signals"] if one["key"] == key and holds(one)), None
        )

    one: dict[str, Any] = wait_until(seen, within=20, what=f"the signal {key}")
    return one


# ---- PagerDuty's ----


class EndOfTls(httpx2.HTTPTransport):
    """What a proxy in front of Tocsin does: the client will speak to https alone."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


def client_of(server: Server, key: str) -> Any:
    base = server.url.replace("http://", "https://")
    return pagerduty.EventsApiV2Client(key, base_url=base, transport=EndOfTls())


@pytest.fixture
def events(server: Server) -> Iterator[Any]:
    client = client_of(server, server.token)
    yield client
    client.close()


@pytest.mark.tries("pagerduty-senders", "pagerduty 7.2", "fires", "is acknowledged", "ends")
def test_pagerdutys_client_triggers_acknowledges_and_resolves(server: Server, events: Any) -> None:
    key = events.trigger("Voice replies fail", "rose-prod", severity="critical", custom_details={"host": "db1"})
    one = signal(server, key)
    assert (one["source"], one["title"], one["severity"]) == ("pagerduty", "Voice replies fail", "critical")
    assert (one["disposition"], one["details"]) == ("declared", {"host": "db1"})
    assert events.acknowledge(key) == key
    signal(server, key, lambda one: one["state"] == "acknowledged")
    assert found(server, "incidents", one["incident_id"])["acknowledged_at"] is not None
    assert events.resolve(key) == key
    signal(server, key, lambda one: one["state"] == "resolved")


def test_pagerdutys_client_names_its_own_key(server: Server, events: Any) -> None:
    assert events.trigger("Slow", "rose-prod", dedup_key="shop/slow", severity="warning") == "shop/slow"
    assert signal(server, "shop/slow")["state"] == "firing"


@pytest.mark.tries("pagerduty-senders", "pagerduty 7.2", "change")
def test_pagerdutys_client_tells_of_a_change(server: Server, events: Any) -> None:
    at = "2026-11-24T03:34:19Z"  # release 7.2 of the client fails over making one itself
    events.submit("Version 41 of Rose", source="rose", custom_details={"by": "ana"}, timestamp=at)
    (change,) = found(server, "changes")["changes"]
    assert (change["what"], change["service"], change["by"]) == ("Version 41 of Rose", "rose", "ana")


@pytest.mark.tries("pagerduty-senders", "pagerduty 7.2", "wrong key")
def test_pagerdutys_client_is_told_of_a_wrong_key(server: Server) -> None:
    with client_of(server, "nobody-knows-this") as client, pytest.raises(pagerduty.HttpError, match="400"):
        client.trigger("x", "y")


# ---- Opsgenie's ----


@pytest.fixture
def opsgenie(server: Server) -> Any:
    settings = opsgenie_sdk.Configuration()
    settings.host = f"{server.url}/in/opsgenie"
    settings.api_key["Authorization"] = server.token
    return opsgenie_sdk.ApiClient(configuration=settings)


@pytest.mark.tries("opsgenie", "opsgenie-sdk 2.1", "fires", "is acknowledged", "ends")
def test_opsgenies_client_creates_acknowledges_and_closes(server: Server, opsgenie: Any) -> None:
    alerts = opsgenie_sdk.AlertApi(opsgenie)
    payload = opsgenie_sdk.CreateAlertPayload(
        message="Checkout fails", alias="shop/checkout", priority="P1", tags=["shop"], details={"host": "db1"}
    )
    assert alerts.create_alert(payload).result == "Request will be processed"
    one = signal(server, "shop/checkout")
    assert (one["source"], one["severity"], one["labels"]) == ("opsgenie", "P1", {"shop": "true", "host": "db1"})
    more = {"identifier_type": "alias"}
    alerts.acknowledge_alert("shop/checkout", acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(), **more)
    signal(server, "shop/checkout", lambda one: one["state"] == "acknowledged")
    alerts.close_alert("shop/checkout", close_alert_payload=opsgenie_sdk.CloseAlertPayload(note="over"), **more)
    signal(server, "shop/checkout", lambda one: one["state"] == "resolved")


@pytest.mark.tries("opsgenie", "opsgenie-sdk 2.1", "sign of life")
def test_opsgenies_client_pings_a_heartbeat(server: Server, opsgenie: Any) -> None:
    assert opsgenie_sdk.HeartbeatApi(opsgenie).ping("backup").result == "PONG - Heartbeat received"
    assert heartbeat(server)["state"] == "healthy"


@pytest.mark.tries("opsgenie", "opsgenie-sdk 2.1", "wrong key")
def test_opsgenies_client_is_told_of_a_wrong_key(server: Server, opsgenie: Any) -> None:
    opsgenie.configuration.api_key["Authorization"] = "nobody-knows-this"
    with pytest.raises(opsgenie_sdk.exceptions.AuthenticationException) as caught:
        opsgenie_sdk.HeartbeatApi(opsgenie).ping("backup")
    assert caught.value.status == 401


# ---- curl ----


def heartbeat(server: Server) -> dict[str, Any]:
    (one,) = found(server, "plan/heartbeats")["heartbeats"]
    return dict(one)


def curl(server: Server, *more: str, path: str = "") -> str:
    address = server.url + httpx2.URL(heartbeat(server)["address"]).path + path
    done = subprocess.run(["curl", "-fsS", "-m", "10", *more, address], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.tries("healthchecks", "curl, for pings as it knows them", "sign of life")
@needs_curl
@pytest.mark.parametrize(
    ("path", "state", "said"),
    [
        ("", "healthy", "all went well"),
        ("/fail", "failed", "it says that it failed"),
        ("/start", "healthy", "a run has begun"),
        ("/3", "failed", "with status 3"),
        ("/0", "healthy", "all went well, with status 0"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--data-raw", "the last lines of the log"), ("-I",)])
def test_curl_sends_each_sign_of_life(server: Server, path: str, state: str, said: str, more: tuple[str, ...]) -> None:
    curl(server)  # whatever was sent before, by whichever case
    curl(server, *more, path=path)
    one = heartbeat(server)
    assert one["state"] == state and said in one["said"]


# ---- OpenTelemetry's ----


def tell(url: str, key: str, said: str, compression: Compression, service: str = "rose") -> bool:
    """Write a line into a log that goes by OpenTelemetry's exporter as it comes: in protobuf. Whether it was taken."""
    exporter = OTLPLogExporter(
        f"{url}/v1/logs", headers={"authorization": f"Bearer {key}"}, timeout=20, compression=compression
    )
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    written = LogRecord(timestamp=1, severity_number=SeverityNumber.ERROR, body=said, attributes={"attempt": 3})
    provider.get_logger("app").emit(written)
    try:
        return exporter.export(kept.get_finished_logs()) is LogRecordExportResult.SUCCESS
    finally:
        exporter.shutdown()


@pytest.mark.tries("opentelemetry", "opentelemetry-exporter-otlp-proto-http 1.45", "fires", "ends")
def test_opentelemetrys_exporter_sends_in_protobuf_as_it_comes(server: Server) -> None:
    opened = "GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s"
    assert tell(server.url, server.token, opened, Compression.NoCompression)
    key = "log:rose/app/breaker_opened/GroqAPI"
    assert signal(server, key)["state"] == "firing"
    assert tell(server.url, server.token, "GroqAPI: Recovery successful, closing circuit", Compression.Gzip)
    assert signal(server, key, lambda one: bool(one["state"] == "resolved"))
    assert tell(server.url, server.token, opened, Compression.Gzip, service="unknown")  # it is not to come again


@pytest.mark.tries("opentelemetry", "opentelemetry-exporter-otlp-proto-http 1.45", "wrong key")
def test_opentelemetrys_exporter_is_told_that_its_token_will_not_do(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    assert not tell(server.url, "nobody", "all is well", Compression.NoCompression)
    assert "401" in caplog.text


# ---- Sentry's ----


@pytest.fixture
def sentry(server: Server) -> Iterator[sentry_sdk.Client]:
    """An application's own client, which takes nothing over of the process that it is in."""
    dsn = server.url.replace("://", f"://{server.token}@") + "/in/sentry-sdk/7"
    client = sentry_sdk.Client(dsn=dsn, default_integrations=False, release="1.4.2", environment="production")
    yield client
    client.close(timeout=5)


def raised() -> BaseException:
    try:
        {}["price"]
    except KeyError as error:
        return error
    raise AssertionError


@pytest.mark.tries("sentry-sdk", "sentry-sdk 2.75", "fires")
def test_sentrys_library_sends_the_errors_of_an_application(server: Server, sentry: sentry_sdk.Client) -> None:
    with sentry_sdk.new_scope() as scope:
        scope.set_client(sentry)
        scope.set_tag("tenant", "acme")
        for _ in range(2):
            scope.capture_exception(raised())
        scope.capture_message("Queue is %s", "error")
        scope.capture_message("all is well", "info")
    sentry.flush(timeout=10)
    here = "tests.stories.test_client_libraries in raised"
    one = signal(server, f"7/KeyError/{here}", lambda one: one["count"] == 2)
    assert (one["source"], one["title"], one["severity"]) == ("sentry-sdk", "KeyError: 'price'", "error")
    assert one["labels"].items() >= {"project": "7", "release": "1.4.2", "tenant": "acme", "handled": "yes"}.items()
    assert one["details"]["in"] == here and one["details"]["stack"][-1].endswith("raised")
    signal(server, "7/Queue is %s")
    assert not [one for one in found(server, "signals/recent")["signals"] if one["title"] == "all is well"]


def test_sentrys_library_is_refused_without_a_live_token(server: Server) -> None:
    refused = httpx2.post(f"{server.url}/in/sentry-sdk/api/1/envelope/", content=b"{}\n")
    assert (refused.status_code, "DSN" in refused.json()["detail"]) == (401, True)
    head = {"X-Sentry-Auth": "Sentry sentry_key=00ff, sentry_version=7"}
    assert httpx2.post(f"{server.url}/in/sentry-sdk/api/1/envelope/", headers=head).status_code in (401, 403)
    assert httpx2.post(f"{server.url}/in/sentry-sdk/api/1/store/").status_code == 404
