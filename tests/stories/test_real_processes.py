"""The walk with nothing recorded: real processes, real sockets, a real mail server, and a real kill -9."""

import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.alertmanager import needs_alertmanager, running_alertmanager
from tests.support.prometheus import needs_prometheus, running_prometheus, something_well
from tests.support.server import Server, free_port, new_server, running_server, wait_until
from tests.support.smtp import SmtpSink
from tests.support.standin import quick_plan, stand_in, switch
from tests.support.world import QUIET
from tocsin.delivery import outbox
from tocsin.kit.clock import SystemClock
from tocsin.obligations import store as obligations
from tocsin.obligations.model import State
from tocsin.rehearsal.serve import Addresses
from tocsin.response import doctor

EVERYBODY = {f"{handle}@rose.example" for handle in ("ana", "ben", "erin", "lucia", "tomas")}
WORDS = {
    "impact": "Nobody can talk to Rose.",
    "actions": "Restarted the service.",
    "next": "Watch it.",
    "eta": "20 minutes",
    "issue": "Rose not answering",
    "cause": "a crashed process",
}


def incidents(server: Server) -> list[dict[str, Any]]:
    with server.client() as client:
        found: list[dict[str, Any]] = client.get("/api/v1/incidents").raise_for_status().json()["incidents"]
        return found


def test_the_walk_survives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    with (
        stand_in() as at,
        SmtpSink() as sink,
        running_server(tmp_path, url, sink.port, plan=quick_plan(at.rose)) as server,
    ):
        switch(at, "down")
        (incident,) = wait_until(lambda: incidents(server), what="the incident")
        assert (incident["severity"], incident["type"], incident["source"]) == ("P0", "service_outage", "probe")
        mails = sink.wait_for(len(EVERYBODY), timeout=30)
        assert {mail.recipients[0] for mail in mails} == EVERYBODY
        wait_until(lambda: server.ask(outbox.waiting) == 0, what="the receipts")  # or else they come again

        server.kill()
        server.start()

        link = re.search(r"http://\S+/a/\S+", mails[0].text)
        assert link is not None
        shown = httpx2.get(link[0])
        assert shown.status_code == 200
        assert incidents(server)[0]["acknowledged_at"] is None
        assert httpx2.post(link[0], follow_redirects=True).status_code == 200
        assert incidents(server)[0]["acknowledged_by"] == mails[0].recipients[0].split("@")[0]

        walk(server, at, incident["id"])
        wait_until(lambda: server.ask(outbox.waiting) == 0, what="the receipts")
        server.kill()
        server.start()
        (after,) = incidents(server)
        assert after["status"] == "watching"
        keys = [mail.message_id for mail in sink.messages]
        assert len(keys) == len(set(keys))
        assert server.ask(outbox.waiting) == 0
        assert server.ask(doctor.examine) == []
        with server.client() as client:
            assert client.get("/api/v1/metrics/incidents").raise_for_status().json()["incidents"]


def walk(server: Server, at: Addresses, incident_id: str) -> None:
    """Tell everybody, mend it, resolve it, and be refused to close."""
    with server.client() as client:
        room = f"/api/v1/incidents/{incident_id}"
        for audience, stage in (("internal", None), ("public", "investigating"), ("executives", None)):
            body = {"audience": audience, "fields": WORDS} | ({"stage": stage} if stage else {})
            client.post(f"{room}/updates", json=body).raise_for_status()
        public = client.get("/api/v2/incidents.json").json()["incidents"]
        wait_until(lambda: client.get("/api/v2/incidents.json").json()["incidents"], what="the status page")
        assert len(public) <= 1
        summary = client.get("/api/v2/summary.json").json()
        assert summary["status"]["indicator"] == "critical"
        switch(at, "healthy")
        for check in client.get(f"{room}/work").json()["verification"]:
            client.post(f"{room}/checks", json={"check": check["key"]}).raise_for_status()
        client.post(f"{room}/resolve", json={"how": "Restarted it."}).raise_for_status()
        refused = client.post(f"{room}/close")
        assert refused.status_code == 409
        assert "watch" in refused.json()["detail"]


def test_what_fell_due_while_the_server_was_dead_is_settled_and_marked_late(tmp_path: Path) -> None:
    plan = re.sub(r"acknowledge_within: 5 min", "acknowledge_within: 2 s", QUIET)
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    with SmtpSink() as sink, running_server(tmp_path, url, sink.port, plan=plan) as server:
        with server.client() as client:
            body = {"title": "All down", "severity": "P0", "type": "service_outage", "service": "rose"}
            incident = client.post("/api/v1/incidents", json=body).raise_for_status().json()["id"]
        server.kill()

        def is_due() -> bool:
            return any(one.due_at <= one_now() for one in server.ask(obligations.open_for, incident))

        wait_until(is_due, what="the due time")
        server.start()

        def missed() -> list[Any]:
            ledger = server.ask(obligations.for_incident, incident)
            return [one for one in ledger if one.key == "acknowledge" and one.overdue_at is not None]

        (obligation,) = wait_until(missed, what="the settlement")
        assert obligation.overdue_at > obligation.due_at
        with server.client() as client:
            client.post(f"/api/v1/incidents/{incident}/acknowledge").raise_for_status()
        (obligation,) = missed()
        assert obligation.state is State.LATE


def one_now() -> Any:
    return SystemClock().now()


def test_two_nodes_on_one_postgresql_share_the_work_without_a_leader(tmp_path: Path, postgresql_url: str) -> None:
    with SmtpSink() as sink, running_server(tmp_path, postgresql_url, sink.port, plan=QUIET) as one:
        other = new_server(tmp_path, postgresql_url, sink.port, plan=QUIET)
        other.token = one.token
        try:
            other.start()
            signals = [{"key": f"k{n}", "title": f"critical thing {n}", "labels": {"team": "x"}} for n in range(40)]
            for number, signal in enumerate(signals):
                with (one, other)[number % 2].client() as client:
                    assert client.post("/api/v1/signals", json=signal).status_code == 202
            body = {"title": "Down", "severity": "P0", "type": "service_outage", "service": "rose"}
            with other.client() as client:
                client.post("/api/v1/incidents", json=body).raise_for_status()
            assert {mail.recipients[0] for mail in sink.wait_for(len(EVERYBODY), timeout=60)} == EVERYBODY
            wait_until(lambda: one.ask(outbox.waiting) == 0, what="the empty outbox")
            one.kill()
            with other.client() as client:
                client.post("/api/v1/incidents", json={**body, "title": "Again"}).raise_for_status()
            sink.wait_for(2 * len(EVERYBODY), timeout=60)
            wait_until(lambda: other.ask(outbox.waiting) == 0, what="the empty outbox")
            keys = [mail.message_id for mail in sink.messages]
            assert len(keys) == len(set(keys)) == 2 * len(EVERYBODY)
            assert other.ask(doctor.examine) == []
        finally:
            other.stop()


@pytest.mark.tries("alertmanager", "Alertmanager 0.25", "fires", "ends")
@pytest.mark.tries("pagerduty-senders", "Alertmanager 0.25", "fires", "ends")
@needs_alertmanager
@pytest.mark.parametrize("dialect", ["webhook", "pagerduty"])
def test_a_real_alertmanager_pages_somebody(tmp_path: Path, dialect: str) -> None:
    url = f"sqlite:///{tmp_path / 'tocsin.db'}"
    with SmtpSink() as sink, running_server(tmp_path, url, sink.port, plan=QUIET) as server:
        config = f"""
route: {{receiver: tocsin, group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: tocsin
    {_receiver(server, dialect)}
"""
        with running_alertmanager(config, tmp_path) as manager:
            assert manager is not None
            labels = {"alertname": "VoiceProcessingDown", "service": "rose", "severity": "critical"}
            manager.push([{"labels": labels, "annotations": {"summary": "Voice replies fail for everybody"}}])
            (incident,) = wait_until(lambda: incidents(server), what="the incident")
            assert incident["source"] == dialect.replace("webhook", "alertmanager")
            sink.wait_for(1, timeout=30)
            ended = SystemClock().now().isoformat()
            manager.push([{"labels": labels, "endsAt": ended}])

            wait_until(lambda: cleared(server), what="the end of the signal")


def cleared(server: Server) -> bool:
    with server.client() as client:
        return bool(client.get("/api/v1/signals/recent").json()["signals"][0]["state"] == "resolved")


@pytest.mark.tries("prometheus", "Prometheus 2.42", "fires", "ends")
@needs_prometheus
@pytest.mark.parametrize("prefix", ["", "/in/prometheus", "/in/prometheus/TOKEN"])
def test_a_real_prometheus_hands_over_its_alerts_itself(tmp_path: Path, prefix: str) -> None:
    url, watched = f"sqlite:///{tmp_path / 'tocsin.db'}", free_port()
    with SmtpSink() as sink, running_server(tmp_path, url, sink.port, plan=QUIET) as server:
        shown = "" if "TOKEN" in prefix else f"authorization: {{credentials: '{server.token}'}}, "
        path = f"path_prefix: '{prefix.replace('TOKEN', server.token)}', " if prefix else ""
        target = server.url.removeprefix("http://")
        where = f"{{scheme: http, {path}{shown}static_configs: [{{targets: ['{target}']}}]}}"
        with running_prometheus(where, watched, tmp_path):
            (incident,) = wait_until(lambda: incidents(server), what="the incident")
            assert (incident["source"], incident["title"]) == ("prometheus", "Voice replies fail for everybody")
            sink.wait_for(1, timeout=30)
            with something_well(watched):
                wait_until(lambda: cleared(server), what="the end of the signal")


def _receiver(server: Server, dialect: str) -> str:
    if dialect == "pagerduty":
        key = f"routing_key: '{server.token}', send_resolved: true"
        return f"pagerduty_configs: [{{url: '{server.url}/v2/enqueue', {key}}}]"
    token = f"http_config: {{authorization: {{credentials: '{server.token}'}}}}"
    return f"webhook_configs: [{{url: '{server.url}/api/v1/signals/alertmanager', send_resolved: true, {token}}}]"
