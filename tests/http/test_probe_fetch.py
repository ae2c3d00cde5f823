"""Looks over real sockets on the loopback address, at servers that behave as badly as servers do."""

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tocsin.plan.bodies import BodySchema
from tocsin.watch import connections
from tocsin.watch.outcomes import Expectation, Kind, judge
from tocsin.watch.probes import look

PATHS = ("/api/health", "/api/v1/health")
ENOUGH = timedelta(seconds=30)  # never reached unless something hangs
SHORT = timedelta(milliseconds=200)  # always reached, because the server never ends
REPORT = json.dumps({"status": "healthy", "services": {"qdrant": "connected"}}).encode()
TRAP = b'{"detail":"Not found"}'


def answer(body, status="200 OK", *headers):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "X-Request-ID: 8d0f", *headers, "", ""]
    return "\r\n".join(head).encode() + body


@contextlib.asynccontextmanager
async def server(behave, tls=None) -> AsyncIterator[tuple[str, list[str]]]:
    """A server on a free port whose answers `behave` plays. Yields its address and the requests that came."""
    asked, serving = [], set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            asked.append(head)
            await behave(head.split()[1], reader, writer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with listening:
        scheme = "https" if tls else "http"
        yield f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked
        await asyncio.gather(*serving)


def always(content):
    async def behave(path, reader, writer):
        writer.write(content)

    return behave


def by_path(**answers):
    async def behave(path, reader, writer):
        writer.write(answers["old" if path == PATHS[0] else "new"])

    return behave


async def hang(path, reader, writer):
    await reader.read()  # ends when the other side leaves


async def drip(path, reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.005)


def looked(behave, *, paths=PATHS, timeout=ENOUGH, tls=None, url=None, expect=None, connector=None):
    """One look at such a server: the reading, and the requests that reached it."""

    async def run():
        async with (
            server(behave, tls) as (base, asked),
            aiohttp.ClientSession(connector=connector and connector()) as s,
        ):
            more = {"expect": expect} if expect else {}
            target = base if url is None else url.replace("BASE", base)
            return await look(s, target, paths, timeout, "Tocsin/1 (probe)", **more), asked

    return asyncio.run(asyncio.wait_for(run(), 60))


def looked_at(url, connector=None):
    return looked(always(REPORT), url=url, connector=connector)[0]


def asked_paths(asked):
    return [head.split()[1] for head in asked]


# --- answers ------------------------------------------------------------------------------------------------------


def test_a_report_is_read_whole_with_its_headers_and_its_time():
    reading, asked = looked(always(answer(REPORT)))
    assert (reading.status, reading.body, reading.failure, reading.path) == (200, REPORT, None, PATHS[0])
    assert reading.headers["x-request-id"] == "8d0f"
    assert timedelta(0) < reading.took < ENOUGH
    assert judge(reading, Expectation()).kind is Kind.HEALTHY
    assert asked_paths(asked) == [PATHS[0]]


def test_the_request_says_who_asks_and_asks_for_a_fresh_connection():
    _, asked = looked(always(answer(REPORT)))
    head = asked[0].lower()
    assert head.startswith("get /api/health http/1.1")
    for line in ("user-agent: tocsin/1 (probe)", "accept: application/json", "connection: close"):
        assert line in head


def test_the_catch_all_trap_sends_the_look_to_the_next_path():
    reading, asked = looked(by_path(old=answer(TRAP), new=answer(REPORT)))
    assert (reading.path, reading.body) == (PATHS[1], REPORT)
    assert asked_paths(asked) == list(PATHS)


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found", "405 Method Not Allowed"])
def test_a_path_that_is_not_there_sends_the_look_to_the_next(status):
    reading, _ = looked(by_path(old=answer(TRAP, status), new=answer(REPORT)))
    assert reading.path == PATHS[1]


@pytest.mark.parametrize(
    "content",
    [
        answer(json.dumps({"status": "degraded", "services": {"qdrant": "disconnected"}}).encode()),
        answer(b'{"error":"Rate limit exceeded"}', "429 Too Many Requests"),
        answer(b"", "503 Service Unavailable"),
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
    ids=["degraded", "429", "503", "garbage", "closed"],
)
def test_trouble_on_the_first_path_is_the_answer_and_no_other_is_tried(content):
    reading, asked = looked(by_path(old=content, new=answer(REPORT)))
    assert reading.path == PATHS[0]
    assert set(asked_paths(asked)) == {PATHS[0]}


def test_when_no_path_has_a_report_the_last_answer_is_returned():
    reading, asked = looked(always(answer(TRAP)))
    assert (reading.path, reading.body) == (PATHS[1], TRAP)
    assert judge(reading, Expectation()).kind is Kind.WRONG_BODY
    assert len(asked) == 2


def test_trouble_on_the_second_path_says_more_than_the_trap_on_the_first():
    reading, _ = looked(by_path(old=answer(TRAP), new=answer(b"oops", "500 Internal Server Error")))
    assert (reading.path, reading.status) == (PATHS[1], 500)


def test_the_plan_says_what_a_report_is():
    expect = Expectation(status_field="detail", components_field="detail")
    body = b'{"detail":{"disk":"connected"}}'
    reading, _ = looked(by_path(old=answer(body), new=answer(REPORT)), expect=expect)
    assert reading.path == PATHS[0]


def test_a_report_that_only_does_not_fit_the_schema_says_more_than_what_is_no_report():
    expect = Expectation(schema=BodySchema({"properties": {"services": {"required": ["sqlite"]}}}))
    gone = answer(b"{}", "404 Not Found")
    for old, new, path in ((answer(REPORT), gone, 0), (gone, answer(REPORT), 1), (answer(REPORT), answer(REPORT), 1)):
        reading, asked = looked(by_path(old=old, new=new), expect=expect)
        assert (reading.path, len(asked)) == (PATHS[path], 2)
        assert judge(reading, expect).reason == "200, but services.sqlite is missing"
    whole = answer(REPORT.replace(b"qdrant", b"sqlite"))
    assert looked(by_path(old=answer(REPORT), new=whole), expect=expect)[0].path == PATHS[1]


def test_a_redirect_is_reported_and_not_followed():
    reading, asked = looked(always(answer(b"", "302 Found", "Location: /login")), paths=PATHS[:1])
    assert (reading.status, reading.headers["location"]) == (302, "/login")
    assert len(asked) == 1


def test_without_paths_the_address_itself_is_asked():
    reading, asked = looked(always(answer(REPORT)), paths=(), url="BASE/status?deep=1")
    assert reading.path == ""
    assert asked_paths(asked) == ["/status?deep=1"]


def test_slashes_between_address_and_path_do_not_double():
    _, asked = looked(always(answer(REPORT)), url="BASE/")
    assert asked_paths(asked) == ["/api/health"]


def test_a_huge_body_is_cut_and_the_rest_is_never_asked_for():
    async def flood(path, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:  # ends only when the other side stops listening
            writer.write(b"x" * 65_536)
            await writer.drain()

    reading, _ = looked(flood, paths=PATHS[:1])
    assert (reading.status, reading.failure, reading.body) == (200, None, b"x" * 65_536)


def test_a_small_body_that_unpacks_to_a_huge_one_is_cut_too():
    bomb = answer(gzip.compress(b"0" * 5_000_000), "200 OK", "Content-Encoding: gzip")
    reading, _ = looked(always(bomb), paths=PATHS[:1])
    assert len(reading.body) <= 65_536


# --- no answer ----------------------------------------------------------------------------------------------------


def test_a_server_that_never_answers_is_a_timeout():
    reading, asked = looked(hang, timeout=SHORT)
    assert (reading.failure, reading.status, reading.path) == ("timeout", None, PATHS[0])
    assert reading.took >= SHORT * 0.9
    assert len(asked) == 1


def test_a_body_that_drips_for_ever_is_a_timeout():
    reading, _ = looked(drip, timeout=SHORT)
    assert (reading.failure, reading.body) == ("timeout", b"")


def test_the_limit_covers_all_paths_together():
    many = [f"/{number}" for number in range(20_000)]  # more than any machine asks within the limit
    reading, _ = looked(always(answer(TRAP)), paths=many, timeout=SHORT)
    assert reading.failure == "timeout"
    assert reading.path != many[-1]


def test_a_closed_port_refuses():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # held, so that nobody else can listen there meanwhile
        reading = looked_at(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert reading.failure == "refused"
    assert judge(reading, Expectation()).reason == "no connection could be made: Connection refused"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff" * 200 + b"\r\n\r\n",
        b"HTTP/1.1 okay fine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "ssh", "binary", "status", "length", "cut", "chunks", "gzip", "header"],
)
def test_what_is_not_a_whole_http_answer_counts_as_closed(content):
    reading, _ = looked(always(content))
    assert (reading.failure, reading.status) == ("closed", None)
    outcome = judge(reading, Expectation())
    assert outcome.kind is Kind.HTTP_ERROR
    assert "b'" not in outcome.reason and "Errno" not in outcome.reason


def test_a_reset_connection_counts_as_closed():
    async def reset(path, reader, writer):
        writer.transport.abort()

    assert looked(reset)[0].failure == "closed"


def test_plain_http_where_tls_was_expected_is_a_tls_failure():
    async def complain(reader, writer):
        await reader.read(1)
        writer.write(answer(b"", "400 Bad Request"))
        await reader.read()
        writer.close()

    async def run():
        listening = await asyncio.start_server(complain, "127.0.0.1", 0)
        async with listening, aiohttp.ClientSession() as session:
            url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            return await look(session, url, PATHS, ENOUGH, "Tocsin/1")

    assert asyncio.run(asyncio.wait_for(run(), 60)).failure == "tls"


def test_whoever_ends_the_connection_before_it_is_secure_speaks_no_tls():
    async def close(reader, writer):
        await reader.read(1)
        writer.close()

    async def run():
        listening = await asyncio.start_server(close, "127.0.0.1", 0)
        async with listening, aiohttp.ClientSession() as session:
            place = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            seen = await look(session, f"https://{place}", PATHS, ENOUGH, "Tocsin/1")
            return seen, await connections.look(f"tls://{place}", ENOUGH)

    for seen in asyncio.run(asyncio.wait_for(run(), 60)):
        outcome = judge(seen, Expectation())
        assert outcome.kind is Kind.TLS
        assert outcome.reason.endswith("made: the other side ended the connection before it was secure")


def test_a_certificate_that_nobody_vouches_for_is_a_tls_failure(tmp_path):
    reading, asked = looked(always(answer(REPORT)), tls=self_signed(tmp_path))
    assert (reading.failure, asked) == ("tls", [])
    assert judge(reading, Expectation()).reason == "no secure connection could be made: self-signed certificate"


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rose.example")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


class NoSuchName(AbstractResolver):
    """A name server that knows no name; asking the real one would leave the machine."""

    async def resolve(self, host, port=0, family=socket.AF_INET):
        raise OSError(None, "Name or service not known")

    async def close(self):
        pass


def test_a_name_that_nobody_knows_is_a_dns_failure():
    reading = looked_at("http://rose.example", connector=lambda: aiohttp.TCPConnector(resolver=NoSuchName()))
    assert (reading.failure, reading.detail) == ("dns", "Name or service not known")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rose",
        "ftp://rose.example",
        "http://",
        "http://:8000",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://" + "a" * 70 + ".example",
        "http://ana:secret@\x00rose",
        "http://..",
    ],
)
def test_an_address_that_is_none_is_a_failure_and_no_exception(url):
    reading = looked_at(url, connector=lambda: aiohttp.TCPConnector(resolver=NoSuchName()))
    assert reading.failure == "dns"
    assert "secret" not in reading.detail


def test_a_name_too_long_to_be_looked_up_is_a_dns_failure():
    assert looked_at("http://" + "a" * 70 + ".example").failure == "dns"


def test_a_cancelled_look_stays_cancelled():
    async def run():
        reached = asyncio.Event()

        async def behave(path, reader, writer):
            reached.set()
            await hang(path, reader, writer)

        async with server(behave) as (base, _), aiohttp.ClientSession() as session:
            task = asyncio.create_task(look(session, base, PATHS, ENOUGH, "Tocsin/1"))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(run(), 60))
