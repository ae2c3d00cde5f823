"""Sending signals: what is answered, and that it is answered only for what is kept."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import msgspec
import pytest

from tests.support.served import Served, served
from tocsin.api import hooks, taking
from tocsin.changes import store as changes
from tocsin.incidents import store as incidents
from tocsin.kit.actor import SYSTEM
from tocsin.people import tokens
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.quarantine import Quarantined
from tocsin.signals.store import Signal

ALERT = {
    "version": "4",
    "alerts": [
        {"status": "firing", "labels": {"alertname": "HighErrorRate"}, "fingerprint": "9c1e7a40b2d35f68"},
        {"status": "resolved", "labels": {"alertname": "Slow"}, "fingerprint": "0000000000000001"},
    ],
}


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def key(here: Served) -> str:
    return here.token("signals:write", name="alerts")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def event(key: str, action: str = "trigger", **more: Any) -> dict[str, Any]:
    payload = {"summary": "Voice replies fail", "source": "rose-prod", "severity": "critical"}
    return {"routing_key": key, "event_action": action, "payload": payload, **more}


def in_inbox(here: Served) -> int:
    with here.app.database.read(SYSTEM) as tx:
        return signals.backlog(tx)


def quarantined(here: Served) -> list[Quarantined]:
    with here.app.database.read(SYSTEM) as tx:
        return quarantine.listed(tx)


def seen(here: Served) -> list[Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx)


# ---- Our own JSON ----


def test_a_signal_is_on_the_disk_when_it_is_answered(here: Served, key: str) -> None:
    answer = here.post("/api/v1/signals", json={"title": "checkout is down", "key": "k1"}, headers=bearer(key))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "keys": ["k1"], "warnings": []}
    assert in_inbox(here) == 1


def test_the_same_key_is_the_same_signal(here: Served, key: str) -> None:
    for _ in range(3):
        here.post("/api/v1/signals", json={"title": "checkout is down", "key": "k1"}, headers=bearer(key))
    (signal,) = seen(here)
    assert (signal.key, signal.count) == ("k1", 3)


def test_many_signals_are_answered_with_their_keys_and_doubts(here: Served, key: str) -> None:
    sent = [{"title": "a", "key": "a"}, {"title": "b" * 2000, "key": "b"}]
    answer = here.post("/api/v1/signals", json=sent, headers=bearer(key)).json()
    assert (answer["accepted"], answer["keys"]) == (2, ["a", "b"])
    (doubt,) = answer["warnings"]
    assert doubt["key"] == "b" and doubt["detail"].startswith("title")


def test_no_signals_are_accepted_as_none(here: Served, key: str) -> None:
    assert here.post("/api/v1/signals", json=[], headers=bearer(key)).json()["accepted"] == 0
    assert in_inbox(here) == 0


def test_resolving_what_nobody_knows_declares_nothing(here: Served, key: str) -> None:
    sent = {"title": "over", "key": "never-seen", "state": "resolved"}
    assert here.post("/api/v1/signals", json=sent, headers=bearer(key)).status_code == 202
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        assert incidents.listing(tx) == []


def test_a_body_in_pieces_is_read_whole(here: Served, key: str) -> None:
    async def pieces() -> Any:
        for piece in (b'{"title": "in ', b"", b'pieces", "key": "p"}'):
            yield piece

    answer = here.post("/api/v1/signals", content=pieces(), headers=bearer(key))
    assert answer.json()["keys"] == ["p"]


# ---- Who may send ----


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("nobody-knows-this"),
        {"Authorization": "Digest x"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer ä".encode("latin-1")},
    ],
)
def test_a_stranger_is_turned_away_and_nothing_is_kept(here: Served, headers: dict[str, Any]) -> None:
    for path in ("/api/v1/signals", "/api/v1/signals/alertmanager"):
        answer = here.post(path, content=b"{not json", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    assert in_inbox(here) == 0 and quarantined(here) == []


def test_a_token_without_the_right_is_told_which_it_lacks(here: Served) -> None:
    answer = here.post("/api/v1/signals", json={"title": "x"}, headers=here.bearer("incidents:read"))
    assert answer.status_code == 403
    assert "signals:write" in answer.json()["detail"]


def test_a_revoked_token_stops_sending_within_seconds(here: Served, key: str) -> None:
    sent: dict[str, Any] = {"json": {"title": "x"}, "headers": bearer(key)}
    assert here.post("/api/v1/signals", **sent).status_code == 202
    with here.app.database.work(SYSTEM) as tx:
        tokens.revoke(tx, tokens.listed(tx)[0].id)
    here.clock.advance_to(here.clock.now() + timedelta(seconds=5))
    assert here.post("/api/v1/signals", **sent).status_code == 401


def test_a_token_made_after_it_was_refused_is_known_at_once(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        token, secret = tokens.add(tx, "late", frozenset({"signals:write"}), lasts=timedelta(seconds=1))
    here.clock.advance_to(here.clock.now() + timedelta(seconds=1))
    assert here.post("/api/v1/signals", json={"title": "x"}, headers=bearer(secret)).status_code == 401
    assert token.expires_at == here.clock.now()
    again = here.token("signals:write")
    assert here.post("/api/v1/signals", json={"title": "x"}, headers=bearer(again)).status_code == 202


@pytest.mark.parametrize("user", ["", "prometheus"])
def test_alertmanager_may_use_basic_authentication(here: Served, key: str, user: str) -> None:
    pair = base64.b64encode(f"{user}:{key}".encode()).decode()
    answer = here.post("/api/v1/signals/alertmanager", json=ALERT, headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 200


# ---- Alertmanager ----


@pytest.mark.parametrize("by_path", [True, False])
def test_each_alert_of_a_notification_is_taken(here: Served, key: str, by_path: bool) -> None:
    path, headers = (f"/in/alertmanager/{key}", {}) if by_path else ("/api/v1/signals/alertmanager", bearer(key))
    answer = here.post(path, json=ALERT, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    assert {(one.source, one.key, one.state.value) for one in seen(here)} == {
        ("alertmanager", "9c1e7a40b2d35f68", "firing"),
        ("alertmanager", "0000000000000001", "resolved"),
    }


def test_an_unknown_key_in_the_path_is_turned_away(here: Served) -> None:
    assert here.post("/in/alertmanager/nobody", json=ALERT).status_code == 401


# ---- PagerDuty ----


def test_an_event_is_answered_as_pagerduty_answers(here: Served, key: str) -> None:
    answer = here.post("/v2/enqueue", json=event(key, dedup_key="rose/voice"))
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "rose/voice"}
    assert in_inbox(here) == 1


def test_a_trigger_without_a_key_gets_one(here: Served, key: str) -> None:
    first, second = (here.post("/v2/enqueue", json=event(key)).json()["dedup_key"] for _ in range(2))
    assert first != second and len(first) == 32


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_an_event_for_what_nobody_knows_is_accepted_and_dropped(here: Served, key: str, action: str) -> None:
    answer = here.post("/v2/enqueue", json=event(key, action, dedup_key="never-seen"))
    assert answer.status_code == 202
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        assert incidents.listing(tx) == []


@pytest.mark.parametrize("rights", [(), ("incidents:write",)])
def test_an_unknown_routing_key_is_refused_in_pagerdutys_words(here: Served, rights: tuple[str, ...]) -> None:
    known = here.token(*rights) if rights else "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    answer = here.post("/v2/enqueue", json=event(known))
    assert answer.status_code == 400
    assert answer.json()["errors"] == ["Invalid routing key"]
    assert in_inbox(here) == 0


def test_what_is_not_json_is_refused_in_pagerdutys_words(here: Served) -> None:
    answer = here.post("/v2/enqueue", content=b'{"routing_key":')
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


def test_an_event_without_a_summary_names_what_it_lacks(here: Served, key: str) -> None:
    answer = here.post("/v2/enqueue", json={**event(key), "payload": {}})
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event"
    assert all(isinstance(one, str) for one in answer.json()["errors"])
    assert "payload.summary" in answer.json()["errors"][0]
    (kept,) = quarantined(here)
    assert (kept.source, kept.sender) == ("pagerduty", "alerts")


# ---- What can't be read ----


@pytest.mark.parametrize(
    ("path", "source", "body"),
    [
        ("/api/v1/signals", "generic", b'{"title": 1}'),
        ("/api/v1/signals", "generic", b"not json at all \xff"),
        ("/api/v1/signals/alertmanager", "alertmanager", b'{"alerts": 3}'),
    ],
)
def test_a_body_that_cannot_be_read_is_kept_and_refused(
    here: Served, key: str, path: str, source: str, body: bytes
) -> None:
    answer = here.post(path, content=body, headers=bearer(key))
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["status"] == 400 and problem["errors"] and problem["title"]
    (kept,) = quarantined(here)
    assert (kept.source, kept.sender, kept.size) == (source, "alerts", len(body))
    assert in_inbox(here) == 0


def test_each_mistake_is_named_with_its_place(here: Served, key: str) -> None:
    sent = [{"title": "fine"}, {"titel": "x", "labels": {"a": []}}]
    problem = here.post("/api/v1/signals", json=sent, headers=bearer(key)).json()
    assert {one["pointer"] for one in problem["errors"]} == {"#/1/titel", "#/1/labels/a", "#/1/title"}


def test_only_so_much_of_what_strangers_send_is_kept(here: Served) -> None:
    for _ in range(15):
        assert here.post("/v2/enqueue", content=b"{").status_code == 400
    assert len(quarantined(here)) == 10
    assert {one.sender for one in quarantined(here)} == {"unauthenticated"}
    here.clock.advance_to(here.clock.now() + timedelta(seconds=12))  # two more of ten a minute
    for _ in range(5):
        here.post("/v2/enqueue", content=b"{")
    assert len(quarantined(here)) == 12


@pytest.mark.parametrize("path", ["/api/v1/signals", "/api/v1/signals/alertmanager", "/v2/enqueue"])
def test_a_body_that_is_too_large_is_refused_and_not_kept(here: Served, key: str, path: str) -> None:
    most = hooks.EVENT_MOST if path == "/v2/enqueue" else taking.BODY_MOST

    async def pieces() -> Any:
        for _ in range(most // 50_000 + 1):
            yield b" " * 50_000

    for content in (b" " * (most + 1), pieces()):
        answer = here.post(path, content=content, headers=bearer(key))
        assert answer.status_code == 413
        assert f"{most:,} bytes" in answer.text
    assert quarantined(here) == []


def test_a_body_of_the_largest_size_is_read(here: Served, key: str) -> None:
    body = msgspec.json.encode(event(key, dedup_key="big")).ljust(hooks.EVENT_MOST)
    assert here.post("/v2/enqueue", content=body).status_code == 202


# ---- Methods, overload, trouble ----

ADDRESSES = [
    "/api/v1/signals",
    "/api/v2/alerts",
    "/in/alertmanager",
    "/api/v1/signals/alertmanager",
    "/v2/enqueue",
    "/in/alertmanager/x",
]


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_told_to_post(here: Served, path: str, method: str) -> None:
    answer = here.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (answer.content == b"") == (method == "HEAD")


def test_a_body_with_half_a_character_and_a_secret_is_kept_where_it_can_not_be_read(here: Served, key: str) -> None:
    """Refused by name, and never lost: a person sees what came."""
    for path in (f"/in/azure/{key}", f"/in/zabbix/{key}", f"/in/alertmanager/{key}", f"/in/cloudwatch/{key}"):
        sent = b'{"token": "abc", "Type": "\\ud800", "SigningCertURL": "\\ud800", "status": "\\ud800"}'
        answer = here.post(path, content=sent, headers={"content-type": "application/json"})
        assert answer.status_code == 400, (path, answer.text)
        assert "abc" not in quarantined(here)[0].body and "\\ud800" in quarantined(here)[0].body


def test_when_too_much_waits_senders_are_asked_to_come_again(here: Served, key: str) -> None:
    """The writer is held up; what was accepted before is still kept when it goes on."""
    body = msgspec.json.encode([{"title": "x", "key": "k"}] * 1000)
    held, go_on = threading.Event(), threading.Event()

    def hold_the_writer() -> None:
        with here.app.database.work(SYSTEM):
            held.set()
            go_on.wait()

    async def flood() -> list[httpx2.Response]:
        async def send() -> httpx2.Response:
            return await here.client.post("/api/v1/signals", content=body, headers=bearer(key))

        sending = [asyncio.create_task(send()) for _ in range(12)]
        refused, waiting = set[asyncio.Task[httpx2.Response]](), set(sending)
        while len(refused) < 2:  # ten times a thousand may wait
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        events = await here.client.post("/v2/enqueue", json=event(key))
        go_on.set()
        return [events, *[await task for task in sending]]

    holder = threading.Thread(target=hold_the_writer)
    holder.start()
    held.wait()
    try:
        answers = here.run(flood())
    finally:
        go_on.set()
        holder.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [202] * 10 + [503] * 3
    refusals = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.headers["retry-after"] == "1" for answer in refusals)
    assert answers[0].headers["ratelimit-reset"] == "1"  # what a client of PagerDuty reads
    assert in_inbox(here) == 10_000


def test_when_the_database_is_away_nothing_is_promised(here: Served, key: str) -> None:
    assert here.post("/api/v1/signals", json={"title": "x"}, headers=bearer(key)).status_code == 202
    here.take_database_away()
    for content in (b'{"title": "x"}', b"unreadable"):
        answer = here.post("/api/v1/signals", content=content, headers=bearer(key))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    unknown = here.post("/api/v1/signals", json={"title": "x"}, headers=bearer("another"))
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")


def test_a_sender_that_goes_away_is_not_answered(here: Served, key: str) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode())]
    here.run(here.asgi(_scope("/api/v1/signals", headers), receive, send))
    assert sent == []


def test_a_websocket_is_refused(here: Served) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = _scope("/api/v1/signals", [])
    scope["type"] = "websocket"
    here.run(here.asgi(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def _scope(path: str, headers: list[tuple[bytes, bytes]]) -> Any:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"tocsin.test"), *headers],
        "client": ("192.0.2.7", 4711),
        "server": ("tocsin.test", 80),
        "extensions": {},
    }


# ---- PagerDuty's older events ----

GENERIC = "/generic/2010-04-15/create_event.json"


def test_an_older_event_is_the_same_signal_in_either_form(here: Served, key: str) -> None:
    body = {"service_key": key, "event_type": "trigger", "incident_key": "srv01", "description": "srv01 is down"}
    answer = here.post(GENERIC, json=body)
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "success", "message": "Event processed", "incident_key": "srv01"},
    )
    here.post("/v2/enqueue", json=event(key, "resolve", dedup_key="srv01"))
    (signal,) = seen(here)
    assert (signal.source, signal.title, signal.state) == ("pagerduty", "srv01 is down", "resolved")


def test_an_older_event_is_refused_in_pagerdutys_shape_and_kept(here: Served, key: str) -> None:
    assert here.post(GENERIC, json={"service_key": "nobody", "event_type": "trigger", "description": "x"}).json() == {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": ["Invalid routing key"],
    }
    assert here.post(GENERIC, json={"service_key": key}).status_code == 400
    (kept,) = quarantined(here)
    assert kept.sender == "alerts" and key not in kept.body


# ---- Secrets ----

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/signals", {"title": f"login failed with password={SECRET}", "labels": {"api_key": SECRET}}),
        ("/api/v1/signals", {"title": "x", "password": SECRET}),
        ("/in/alertmanager", {**ALERT, "commonLabels": {"token": SECRET}}),
        ("/in/alertmanager", {"alerts": 3, "token": SECRET}),
        ("/in/cloudevents", {"token": SECRET}),
        ("/v2/enqueue", {"event_action": "trigger", "payload": {"summary": "x", "custom_details": {"Cookie": SECRET}}}),
        ("/v2/enqueue", {"event_action": "none", "payload": {"password": SECRET}}),
        ("/v2/change/enqueue", {"payload": {"summary": f"Set TOKEN={SECRET}"}}),
    ],
)
def test_no_secret_of_a_body_is_written_to_the_disk(here: Served, key: str, path: str, body: dict[str, Any]) -> None:
    sent = {**body, "routing_key": key} if path.startswith("/v2") else body
    answer = here.post(path, json=sent, headers={} if path.startswith("/v2") else bearer(key))
    assert answer.status_code in (200, 202, 400)
    with here.app.database.read(SYSTEM) as tx:
        kept = [
            str(row) for table in (signals.inbox, quarantine.table, changes.table) for row in tx.all(table.select())
        ]
    assert kept and not any(SECRET in one or key in one for one in kept)


def test_the_sender_is_told_what_was_redacted(here: Served, key: str) -> None:
    sent = {"title": "x", "key": "k", "labels": {"api_key": SECRET}}
    answer = here.post("/api/v1/signals", json=sent, headers=bearer(key)).json()
    assert answer["warnings"] == [{"key": "k", "detail": "labels.api_key: a secret was redacted; rules don't see it"}]
