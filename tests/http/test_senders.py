"""`/in/SENDER`: who is known there, what is answered, and what becomes of what can't be read."""

import base64
import gzip
import hashlib
import hmac
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import httpx2
import pytest

from tests.support.served import Served, served
from tocsin.api import taking
from tocsin.audit.model import Deed
from tocsin.changes import store as changes
from tocsin.kit.actor import SYSTEM
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.signals.senders.table import SENDERS

PAYLOADS = Path(__file__).parents[1] / "support" / "payloads" / "senders"
SECRETS = {"sentry": "s3ntry", "github": "g1thub", "grafana": "gr4fana"}
SETTINGS = ("sentry_client_secret", "github_webhook_secret", "grafana_webhook_secret")
STRICT = sorted(set(SECRETS) - {"grafana"})  # of these nothing is taken where there is no secret to check with
TAILS = {"opsgenie": "/v2/alerts", "prometheus": "/api/v2/alerts"}
EVERY = sorted(name for name, sender in SENDERS.items() if sender.seal is None)  # Amazon has a file of its own


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    secrets = {name: SECRETS[name.partition("_")[0]] for name in SETTINGS}
    with served(sqlite_url, **secrets) as one:
        yield one


@pytest.fixture
def key(here: Served) -> str:
    return here.token("signals:write", name="alerts")


def body_of(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def headers_of(name: str, body: bytes) -> dict[str, str]:
    """What this sender says and signs, besides its token."""
    mac = hmac.new(SECRETS.get(name, "").encode(), body, hashlib.sha256).hexdigest()
    match name:
        case "sentry":
            return {"Sentry-Hook-Resource": "event_alert", "Sentry-Hook-Signature": mac}
        case "github":
            return {"X-GitHub-Event": "deployment_status", "X-Hub-Signature-256": f"sha256={mac}"}
        case "grafana":
            return {"X-Grafana-Alerting-Signature": mac}
        case _:
            return {}


def send(here: Served, name: str, secret: str, body: bytes | None = None, **more: Any) -> httpx2.Response:
    """A sender's request with its token in the address."""
    sent = body_of(name) if body is None else body
    headers = {**headers_of(name, sent), **more.pop("headers", {})}
    return here.post(f"/in/{name}/{secret}{TAILS.get(name, '')}", content=sent, headers=headers, **more)


def seen(here: Served) -> list[signals.Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx)


def in_inbox(here: Served) -> int:
    with here.app.database.read(SYSTEM) as tx:
        return signals.backlog(tx)


def quarantined(here: Served) -> list[quarantine.Quarantined]:
    with here.app.database.read(SYSTEM) as tx:
        return quarantine.listed(tx)


def registered(here: Served) -> list[Any]:
    with here.app.database.read(SYSTEM) as tx:
        return changes.listing(tx)


# ---- Who may send ----


@pytest.mark.parametrize("name", EVERY)
def test_every_sender_is_taken_with_its_token_in_the_address_or_in_a_header(here: Served, key: str, name: str) -> None:
    basic = "Basic " + base64.b64encode(f"tocsin:{key}".encode()).decode()
    answers = [send(here, name, key)]
    for shown in (f"Bearer {key}", basic, f"GenieKey {key}"):
        sent = body_of(name)
        headers = {**headers_of(name, sent), "Authorization": shown}
        answers.append(here.post(f"/in/{name}{TAILS.get(name, '')}", content=sent, headers=headers))
    assert {answer.status_code for answer in answers} == {SENDERS[name].status}
    kept = {(one.source, one.count) for one in seen(here) if one.state is State.FIRING}
    assert kept == (set() if name == "github" else {(name, 4)})  # the same signal each time
    assert len(registered(here)) == (name == "github")  # and the same change


def test_a_stranger_is_turned_away_and_nothing_is_kept(here: Served) -> None:
    lacking = here.token("incidents:read")
    for name in EVERY:
        assert send(here, name, "nobody").status_code == 401
        assert here.post(f"/in/{name}{TAILS.get(name, '')}", content=body_of(name)).status_code == 401
        assert send(here, name, lacking, b"no json").status_code == 403
    assert in_inbox(here) == 0 and quarantined(here) == [] and registered(here) == []


def test_what_cannot_be_read_is_kept_in_quarantine(here: Served, key: str) -> None:
    for name in EVERY:
        assert send(here, name, key, b"\x00 no json").status_code == 400
        kept = quarantined(here)[0]
        assert (kept.source, kept.sender, kept.size) == (name, "alerts", 9)
    assert in_inbox(here) == 0


def test_a_body_that_is_too_large_is_refused_and_not_kept(here: Served, key: str) -> None:
    for name in EVERY:
        assert send(here, name, key, b" " * (taking.BODY_MOST + 1)).status_code == 413
    assert quarantined(here) == []


PACKED = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_body_is_unpacked_within_bounds(here: Served, key: str, packing: str) -> None:
    about = {"Content-Encoding": packing}
    signal, bomb = b'{"title": "A cat", "key": "cat"}', PACKED[packing](b" " * (taking.BODY_MOST + 1))
    event = json.dumps({"routing_key": key, "event_action": "trigger", "payload": {"summary": "A dog"}}).encode()
    alert = json.dumps({"alerts": [{"status": "firing", "labels": {"alertname": "A cow"}}]}).encode()
    bearer = {"Authorization": f"Bearer {key}", **about}
    for path, body in (
        ("/api/v1/signals", signal),
        ("/api/v1/signals/alertmanager", alert),
        ("/v2/enqueue", event),
        ("/in/gatus", body_of("gatus")),
    ):
        assert here.post(path, content=PACKED[packing](body), headers=bearer).is_success, path
        assert here.post(path, content=bomb, headers=bearer).status_code == 413, path
        for spoilt in (b"no " + body, PACKED[packing](body)[:-9]):
            refused = here.post(path, content=spoilt, headers=bearer)
            assert (refused.status_code, packing in refused.text) == (400, True), path
    assert {one.title for one in seen(here)} == {"A cat", "A dog", "A cow", "rose: no healthy answer"}
    assert quarantined(here) == []
    assert "send gzip" in here.post("/in/gatus", content=b"", headers={**bearer, "Content-Encoding": "zoo"}).text


def test_signals_are_posted(here: Served) -> None:
    for name in EVERY:
        others = {"GET", "PUT", "PATCH"} - set(SENDERS[name].methods)
        assert {here.request(method, f"/in/{name}/x").status_code for method in others} == {405}


def test_an_address_of_nobody_is_no_address(here: Served, key: str) -> None:
    assert here.post(f"/in/nobody/{key}", content=b"{}").status_code == 404
    assert here.post(f"/in/gatus/{key}/more", content=b"{}").status_code == 404
    assert here.post("/in", content=b"{}").status_code == 404


def test_alertmanager_is_taken_here_too_with_its_token_in_a_header(here: Served, key: str) -> None:
    alert = {"status": "firing", "labels": {"alertname": "X"}, "fingerprint": "9c1e7a40b2d35f68"}
    answer = here.post("/in/alertmanager", json={"alerts": [alert]}, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})


# ---- Signatures ----


@pytest.mark.tries("sentry", "documentation", "signature")
@pytest.mark.tries("github", "documentation", "signature")
@pytest.mark.tries("grafana", "documentation", "signature")
@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_body_that_is_not_signed_is_refused(here: Served, key: str, name: str) -> None:
    good = headers_of(name, body_of(name))
    field = next(field for field in good if "Signature" in field)
    for bad in ("", "ä".encode("latin-1"), headers_of(name, b"another")[field], good[field].upper()):
        answer = here.post(f"/in/{name}/{key}", content=body_of(name), headers={**good, field: bad})
        assert (answer.status_code, "signature" in answer.json()["detail"]) == (401, True)
    assert in_inbox(here) == 0 and registered(here) == [] and quarantined(here) == []
    (counted,) = here.app.refusals.take()
    assert (counted.deed, counted.about, counted.count) == (Deed.TOKEN_REFUSED, f"/in/{name}", 4)


def test_a_token_that_is_wrong_in_the_address_or_the_body_is_counted_and_none_at_all_is_no_attempt(
    here: Served,
) -> None:
    event = {"routing_key": "wrong", "event_action": "resolve", "dedup_key": "a"}
    assert [send(here, "azure", "wrong").status_code, here.post("/v2/enqueue", json=event).status_code] == [401, 400]
    assert here.post("/in/gatus", json={}).status_code == 401
    assert sum(one.count for one in here.app.refusals.take()) == 2


def test_what_grafana_signed_with_the_time_is_taken_while_it_is_new(here: Served, key: str) -> None:
    def signed(stamp: str) -> dict[str, str]:
        mac = hmac.new(SECRETS["grafana"].encode(), stamp.encode() + b":" + body_of("grafana"), hashlib.sha256)
        return {"X-Grafana-Alerting-Signature": mac.hexdigest(), "X-Grafana-Alerting-Timestamp": stamp}

    now = int(here.clock.now().timestamp())
    for stamp, expected in [(now, 200), (now - 300, 200), (now - 301, 401), (now + 301, 401), ("soon", 401), ("", 401)]:
        answer = send(here, "grafana", key, headers=signed(str(stamp)))
        assert (stamp, answer.status_code) == (stamp, expected)
    plain = {**headers_of("grafana", body_of("grafana")), "X-Grafana-Alerting-Timestamp": str(now)}
    assert send(here, "grafana", key, headers=plain).status_code == 401  # the time is signed, too


@pytest.mark.tries("grafana", "documentation", "fires")
def test_grafana_may_put_and_need_not_sign_where_no_secret_is_set(sqlite_url: str) -> None:
    with served(sqlite_url) as bare:
        bearer = {"Authorization": f"Bearer {bare.token('signals:write')}"}
        assert bare.request("PUT", "/in/grafana", content=body_of("grafana"), headers=bearer).status_code == 200
        for path, allowed in (("/in/grafana", "POST, PUT"), ("/in/gatus", "POST")):
            refused = bare.request("PATCH", path, content=b"{}", headers=bearer)
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("name", STRICT)
def test_without_the_secret_nothing_is_taken_and_the_answer_names_the_setting(sqlite_url: str, name: str) -> None:
    with served(sqlite_url) as bare:
        answer = send(bare, name, bare.token("signals:write"))
        assert (answer.status_code, "TOCSIN_" in answer.json()["detail"]) == (409, True)


# ---- As each wants to be answered ----


def test_prometheus_needs_no_path_of_its_own_and_is_refused_with_a_json_string(here: Served, key: str) -> None:
    bearer = {"Authorization": f"Bearer {key}"}
    assert here.post("/api/v2/alerts", content=body_of("prometheus"), headers=bearer).json() == {"accepted": 2}
    refused = here.post("/api/v2/alerts", json=[{"labels": {}}], headers=bearer)
    assert refused.status_code == 400 and isinstance(refused.json(), str)
    assert here.post(f"/in/prometheus/{key}/api/v1/alerts", json=[], headers={}).status_code == 404


def test_opsgenie_is_answered_with_an_id_for_the_request(here: Served, key: str) -> None:
    genie = {"Authorization": f"GenieKey {key}"}
    made = here.post("/in/opsgenie/v2/alerts", content=body_of("opsgenie"), headers=genie)
    assert (made.status_code, set(made.json())) == (202, {"result", "took", "requestId"})
    assert len(made.json()["requestId"]) == 36
    close = "/in/opsgenie/v2/alerts/rose%2Fvoice/close?identifierType=alias"
    assert here.post(close, json={}, headers=genie).status_code == 202
    (signal,) = seen(here)
    assert (signal.key, signal.state.value) == ("rose/voice", "resolved")
    for refused in (here.post(close.split("?")[0], json={}, headers=genie), here.post(close, json={})):
        assert set(refused.json()) == {"message", "took", "requestId"}
    assert here.post("/in/opsgenie/v2/alerts/unknown/close?identifierType=alias", headers=genie).status_code == 202


@pytest.mark.tries("railway", "documentation", "test")
def test_railways_test_button_sends_from_a_browser(here: Served, key: str) -> None:
    asked = here.request("OPTIONS", f"/in/railway/{key}", headers={"Origin": "https://railway.com"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, "*")
    assert "content-type" in asked.headers["access-control-allow-headers"]
    assert send(here, "railway", key).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in send(here, "gatus", key).headers
    assert here.request("OPTIONS", f"/in/gatus/{key}").status_code == 405


@pytest.mark.tries("cloudevents", "documentation", "setup")
def test_a_sender_of_cloudevents_asks_first_and_is_allowed(here: Served, key: str) -> None:
    asked = here.request("OPTIONS", f"/in/cloudevents/{key}", headers={"WebHook-Request-Origin": "eventer.example.org"})
    assert (asked.status_code, asked.headers["webhook-allowed-origin"]) == (200, "eventer.example.org")


def test_a_deployment_that_went_live_stands_in_the_register_once(here: Served, key: str) -> None:
    live = {**json.loads(body_of("railway")), "type": "Deployment.success"}
    for _ in range(2):
        assert send(here, "railway", key, json.dumps(live).encode()).status_code == 200
    send(here, "github", key)
    assert {(one.source, one.what) for one in registered(here)} == {
        ("railway", "Deployment of rose in production: Tune voice"),
        ("github", "Deployment of rose main 41f2c0f to production"),
    }
    assert len(registered(here)) == 2
    assert {one.service for one in registered(here)} <= {"rose", None}
