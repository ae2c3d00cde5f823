"""Looks over real sockets at what speaks no HTTP, at certificates, at controls and at status pages of vendors."""

import asyncio
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.http.test_probe_fetch import always, answer, server
from tocsin.watch import connections, statuspages
from tocsin.watch.outcomes import Expectation, Kind, judge, with_certificate
from tocsin.watch.probes import look_at_page

ENOUGH = timedelta(seconds=30)
SHORT = timedelta(milliseconds=200)
ENDS_AT = datetime(2046, 5, 4, 12, tzinfo=UTC)


def certificate(folder, ends_at=ENDS_AT):
    """A server's side and its client's: a certificate for this address that the client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rose.example")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(ends_at)
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(secret + pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "server.pem")
    return serving, ssl.create_default_context(cadata=pem.decode())


def seen(url, timeout=ENOUGH, trust=None):
    return asyncio.run(asyncio.wait_for(connections.look(url, timeout, trust), 60))


def at_a_port(kind, serving=None, trust=None, timeout=ENOUGH):
    async def run():
        async with server(always(b""), serving) as (base, _):
            return await connections.look(f"{kind}://{base.partition('://')[2]}", timeout, trust)

    return asyncio.run(asyncio.wait_for(run(), 60))


# --- ports, names and certificates --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_port_that_takes_connections_is_healthy():
    reading = at_a_port("tcp")
    outcome = judge(reading, Expectation())
    assert outcome.kind is Kind.HEALTHY
    assert outcome.reason.startswith("port ") and outcome.reason.endswith(" takes connections")
    assert timedelta(0) < outcome.latency < ENOUGH


def test_a_port_where_nobody_listens_refuses():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reading = seen(f"tcp://127.0.0.1:{taken.getsockname()[1]}")
    assert reading.failure == "refused"
    assert judge(reading, Expectation()).kind is Kind.REFUSED


def test_a_port_where_nobody_takes_the_call_is_a_timeout():
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):  # the queue of those who wait to be taken is full now
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        reading = seen(f"tcp://127.0.0.1:{full.getsockname()[1]}", SHORT)
    assert reading.failure == "timeout"
    assert judge(reading, Expectation(timeout=SHORT)).kind is Kind.TIMEOUT


def test_a_name_that_leads_somewhere_is_healthy_and_says_where():
    outcome = judge(seen("dns://localhost"), Expectation())
    assert outcome.kind is Kind.HEALTHY
    assert "127.0.0.1" in outcome.reason


def test_a_name_that_cannot_be_one_is_a_dns_failure():
    reading = seen("dns://" + "a" * 70 + ".example")
    assert judge(reading, Expectation()).kind is Kind.DNS


def test_a_certificate_is_read_with_its_end(tmp_path):
    serving, trust = certificate(tmp_path)
    reading = at_a_port("tls", serving, trust)
    assert (reading.failure, reading.certificate_ends_at) == (None, ENDS_AT)
    expect = Expectation(certificate_days=14)
    outcome = with_certificate(judge(reading, expect), reading, expect, ENDS_AT - timedelta(days=13, hours=1))
    assert outcome.kind is Kind.EXPIRING


def test_a_certificate_that_nobody_vouches_for_is_a_tls_failure(tmp_path):
    serving, _ = certificate(tmp_path)
    reading = at_a_port("tls", serving)
    assert reading.failure == "tls"
    assert "self" in reading.detail


def test_a_certificate_that_has_ended_is_a_tls_failure(tmp_path):
    serving, trust = certificate(tmp_path, datetime(2024, 1, 1, tzinfo=UTC))
    reading = at_a_port("tls", serving, trust)
    assert (reading.failure, reading.detail) == ("tls", "certificate has expired")


def test_a_web_address_shows_the_end_of_its_certificate(tmp_path):
    serving, trust = certificate(tmp_path)

    async def run():
        async with server(always(answer(b"{}")), serving) as (base, _):
            return await connections.certificate_end(f"{base}/health", ENOUGH, trust)

    assert asyncio.run(asyncio.wait_for(run(), 60)) == ENDS_AT


# --- status pages -------------------------------------------------------------------------------------------------

NOT_FOUND = answer(b"<html>Nothing here</html>", "404 Not Found")
WEB_PAGE = answer(b"<html>All good!</html>", "200 OK", "Content-Type: text/html")


def read(pages, otherwise=NOT_FOUND, known=""):
    """What is made of a host that has these pages, and which of them were asked for."""

    async def behave(path, reader, writer):
        writer.write(answer(json.dumps(pages[path]).encode()) if path in pages else otherwise)

    async def run():
        async with server(behave) as (base, asked), aiohttp.ClientSession() as session:
            page, more = await look_at_page(session, base, known, ENOUGH, "Tocsin/1")
            outcome = statuspages.judge_page(page, more, Expectation(timeout=ENOUGH))
            return outcome, [head.split()[1] for head in asked]

    return asyncio.run(asyncio.wait_for(run(), 60))


STATUSPAGE = {
    "page": {"id": "r0seshaman42", "name": "Groq", "time_zone": "Etc/UTC"},
    "status": {"indicator": "none", "description": "All Systems Operational"},
    "components": [
        {"name": "API", "status": "operational", "group": False},
        {"name": "Website", "status": "under_maintenance", "group": False},
    ],
    "incidents": [],
}


def test_a_statuspage_where_all_is_well():
    outcome, asked = read({statuspages.SUMMARY: STATUSPAGE})
    assert (outcome.kind, outcome.reason, outcome.path) == (Kind.HEALTHY, "all is well", statuspages.SUMMARY)
    assert asked == [statuspages.SUMMARY]


def test_an_incident_counts_beside_an_indicator_that_is_green():
    incident = {"name": "Slow replies", "status": "monitoring", "impact": "minor"}
    outcome, _ = read({statuspages.SUMMARY: {**STATUSPAGE, "incidents": [incident]}})
    assert (outcome.kind, outcome.reason) == (Kind.DEGRADED, "Slow replies (monitoring)")


def test_a_component_counts_beside_an_indicator_that_is_green():
    broken = [{"name": "Whisper", "status": "full_outage"}, {"name": "API", "status": "operational"}]
    outcome, _ = read({statuspages.SUMMARY: {**STATUSPAGE, "components": broken}})
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("Whisper",))
    assert outcome.reason == "Whisper: full outage"


def test_incident_io_leaves_incidents_out_and_is_asked_for_them():
    page = {"page": {"id": "01JD3ZQ8R4T5", "name": "Groq"}, "status": {"indicator": "none"}, "components": []}
    incidents = {"incidents": [{"name": "Errors", "status": "investigating"}, {"name": "Old", "status": "resolved"}]}
    outcome, asked = read({statuspages.SUMMARY: page, statuspages.INCIDENTS: incidents})
    assert (outcome.kind, outcome.reason) == (Kind.DEGRADED, "Errors (investigating)")
    assert asked == [statuspages.SUMMARY, statuspages.INCIDENTS]
    assert read({statuspages.SUMMARY: page})[0].kind is Kind.HEALTHY


BETTER_STACK = {
    "data": {"type": "status_page", "attributes": {"company_name": "Qdrant", "aggregate_state": "degraded"}},
    "included": [
        {"type": "status_page_resource", "attributes": {"public_name": "AWS us-east-1", "status": "degraded"}},
        {"type": "status_page_resource", "attributes": {"public_name": "GCP", "status": "operational"}},
    ],
}


def test_better_stack_answers_every_path_with_a_web_page_and_is_found_all_the_same():
    outcome, asked = read({statuspages.BETTER_STACK: BETTER_STACK}, otherwise=WEB_PAGE)
    assert (outcome.kind, outcome.reason) == (Kind.DEGRADED, "degraded; AWS us-east-1: degraded")
    assert asked == [statuspages.SUMMARY, statuspages.BETTER_STACK]


def test_the_path_that_answered_last_is_asked_first():
    outcome, asked = read({statuspages.BETTER_STACK: BETTER_STACK}, known=statuspages.BETTER_STACK)
    assert (outcome.path, asked) == (statuspages.BETTER_STACK, [statuspages.BETTER_STACK])


def test_railway_speaks_a_language_of_its_own():
    page = {"activeIncidents": [], "recentIncidents": [], "maintenances": []}
    assert read({statuspages.RAILWAY: page})[0].kind is Kind.HEALTHY
    broken = {
        "title": "Builds are stuck",
        "status": "IDENTIFIED",
        "components": [{"name": "Builds", "groupName": "Platform", "impact": "PARTIAL_OUTAGE"}],
    }
    outcome, _ = read({statuspages.RAILWAY: {**page, "activeIncidents": [broken]}})
    assert (outcome.kind, outcome.components) == (Kind.DEGRADED, ("Builds",))
    assert outcome.reason == "incident; Builds are stuck (identified)"


def test_instatus_says_how_it_is_in_one_word():
    page = {"page": {"name": "Rose", "url": "https://x.example", "status": "UP"}}
    assert read({statuspages.INSTATUS: page})[0].kind is Kind.HEALTHY
    broken = {"page": {"status": "HASISSUES"}, "activeIncidents": [{"name": "Slow", "status": "INVESTIGATING"}]}
    outcome, _ = read({statuspages.INSTATUS: broken})
    assert outcome.reason == "something is not well; Slow (investigating)"


@pytest.mark.parametrize(
    "otherwise",
    [NOT_FOUND, WEB_PAGE, answer(b"{}"), answer(b'{"page":{}}'), answer(b"[" * 9999), answer(b"\xff")],
    ids=["absent", "web page", "empty", "no status", "nested", "no text"],
)
def test_a_page_of_no_format_that_we_know_is_no_good_news(otherwise):
    outcome, asked = read({}, otherwise=otherwise)
    assert outcome.kind is Kind.WRONG_BODY
    assert outcome.reason.endswith(", and no format of a status page is recognised there")
    assert asked == list(statuspages.PATHS)


def test_a_page_that_has_moved_is_told_with_where_it_points():
    moved = answer(b"", "301 Moved Permanently", "Location: https://groqstatus.com/")
    assert read({}, otherwise=moved)[0].reason == "301, and it points to https://groqstatus.com/"


def test_a_page_that_does_not_answer_is_told_so():
    outcome, asked = read({}, otherwise=answer(b"", "503 Service Unavailable"))
    assert (outcome.kind, len(asked)) == (Kind.HTTP_ERROR, len(statuspages.PATHS))
