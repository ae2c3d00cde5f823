"""Logs over real sockets and in real files: what is added is read once, and OpenTelemetry is answered as it expects."""

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.core.test_otlp_wire import export as in_protobuf
from tests.core.test_otlp_wire import said as value_of
from tests.http.test_probe_fetch import answer, server
from tests.support.served import Served, served
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.kit.actor import SYSTEM
from tocsin.plan.services import Service
from tocsin.plan.watching import Log, Pattern
from tocsin.response import seeing
from tocsin.response.looking import LogLook
from tocsin.signals import store as signals
from tocsin.signals.model import State
from tocsin.watch import logs
from tocsin.watch import store as watch
from tocsin.watch.logs import Tail
from tocsin.watch.tailing import PIECE, Means, Piece

OPENED = "GroqAPI: Circuit breaker OPENED after 10 failures. Will retry in 90s"


def look_at(url: str, tail: Tail) -> LogLook:
    log = Log(url=url, patterns={"failed": Pattern(match="failed")})
    return LogLook("rose/app", "rose", Service(name="Rose"), log, tail)


async def read(session, url: str, tail: Tail, folder: str = "") -> tuple[Tail, list[str], str]:
    """One look: the tail after it, the lines it took, and what was wrong."""
    piece: Piece = await seeing.piece_of(session, look_at(url, tail), "tocsin-probe", Means(folder))
    taken = logs.whole(piece.body, ends=len(piece.body) == piece.tail.waits)
    after = piece.tail
    if after.place is not None:
        after = replace(after, place=after.place + taken, waits=len(piece.body) - taken)
    return after, piece.body[:taken].decode().splitlines(), piece.trouble


def with_session(run, behave=None):
    async def inner():
        async with open_session(PublicResolver(allow_private=True), seeing.looking.WAIT_FOR_PAGE, anew=True) as session:
            if behave is None:
                return await run(session)
            async with server(behave) as (base, asked):
                return await run(session, f"{base}/log", asked)

    return asyncio.run(asyncio.wait_for(inner(), 60))


class Written:
    """A log behind an address that gives ranges, as web servers do, or that gives everything."""

    def __init__(self, *, ranges: bool) -> None:
        self.body, self.ranges = b"", ranges
        self.asked = ""

    async def __call__(self, path, reader, writer) -> None:
        wanted = self.asked
        if not self.ranges:
            writer.write(answer(self.body))
            return
        size = len(self.body)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begins, ends = (size - int(last), size) if not first else (int(first), min(int(last) + 1, size))
        if begins >= size:
            writer.write(answer(b"", "416 Range Not Satisfiable", f"Content-Range: bytes */{size}"))
            return
        piece = self.body[max(0, begins) : ends]
        writer.write(answer(piece, "206 Partial Content", f"Content-Range: bytes {begins}-{ends - 1}/{size}"))


@pytest.mark.parametrize("ranges", [True, False])
def test_each_look_reads_what_was_added_and_begins_at_the_end(ranges: bool) -> None:
    written = Written(ranges=ranges)
    written.body = b"long ago\n"

    async def run(session, url, asked) -> list[list[str]]:
        found, tail = [], Tail()

        async def look() -> None:
            nonlocal tail
            written.asked = seeing.tailing.wanted(tail)["Range"]
            tail, lines, trouble = await read(session, url, tail)
            assert trouble == ""
            assert written.asked.lower() in asked[-1].lower()
            found.append(lines)

        await look()
        written.body += b"one\ntwo\nhal"
        await look()
        written.body += b"f\n"
        await look()
        await look()
        written.body = b"anew\n"
        await look()
        await look()
        return found

    first, added, rest, nothing, *anew = with_session(run, written)
    assert (first, added, rest, nothing) == ([], ["one", "two"], ["half"], [])
    assert [line for lines in anew for line in lines] == ["anew"]


def test_an_address_that_gives_too_much_or_nothing_is_trouble() -> None:
    async def much(path, reader, writer) -> None:
        writer.write(answer(b"x\n" * 1_100_000))

    async def none(path, reader, writer) -> None:
        writer.write(answer(b"", "404 Not Found"))

    async def run(session, url, asked) -> str:
        return (await read(session, url, Tail()))[2]

    assert with_session(run, much) == "it gives no ranges, and is larger than 2 MB"

    async def a_page(path, reader, writer) -> None:
        writer.write(answer(b"<html>Sign in", "200 OK", "Content-Type: text/html; charset=utf-8"))

    async def nothing(path, reader, writer) -> None:
        writer.close()

    assert with_session(run, none) == "404, and no log"
    assert with_session(run, a_page) == "a web page answers there, and no log"
    assert with_session(run, nothing).startswith("the connection brought no whole HTTP answer: ")


def test_an_address_that_is_asked_too_often_teaches_nothing() -> None:
    async def enough(path, reader, writer) -> None:
        writer.write(answer(b"", "429 Too Many Requests"))

    async def run(session, url, asked) -> Piece:
        return await seeing.piece_of(session, look_at(url, Tail()), "tocsin-probe", Means())

    found = with_session(run, enough)
    assert (found.trouble, found.limited) == ("", "429, we ask too often: (empty)")


# --- files ------------------------------------------------------------------------------------------------------------


def of_file(path: Path, tail: Tail, folder: Path | str | None = None) -> tuple[Tail, list[str], str]:
    where = str(path.parent if folder is None else folder)
    return with_session(lambda session: read(session, f"file://{path}", tail, where))


def test_a_file_that_is_rotated_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("long ago\n")
    tail, lines, _ = of_file(path, Tail())
    assert lines == []
    with path.open("a") as file:
        file.write("one\ntwo\n")
    path.rename(tmp_path / "app.log.1")
    path.write_text("three\n")
    tail, lines, _ = of_file(path, tail)
    assert lines == ["one", "two"]
    tail, lines, _ = of_file(path, tail)
    assert lines == ["three"]
    assert of_file(path, tail)[1] == []


def test_a_file_that_is_cut_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("long ago, and longer than what comes\n")
    tail, _, _ = of_file(path, Tail())
    path.write_text("anew\n")
    assert of_file(path, tail)[1] == ["anew"]


def test_a_large_addition_is_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("")
    tail, _, _ = of_file(path, Tail())
    lines = [f"line {number} {'x' * 90}" for number in range(6000)]
    path.write_text("".join(f"{line}\n" for line in lines))
    found: list[str] = []
    for _ in range(2 + 100 * 6000 // PIECE):
        tail, some, _ = of_file(path, tail)
        found += some
    assert found == lines


def test_only_files_of_the_folder_are_read(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("x\n")
    (tmp_path / "logs").mkdir()
    assert "is not set" in of_file(path, Tail(), "")[2]
    assert "does not lie in the folder" in of_file(path, Tail(), tmp_path / "logs")[2]
    (tmp_path / "logs" / "link.log").symlink_to(path)
    assert "does not lie in the folder" in of_file(tmp_path / "logs" / "link.log", Tail(), tmp_path / "logs")[2]
    assert "does not lie" in of_file(tmp_path / "logs" / ".." / "app.log", Tail(), tmp_path / "logs")[2]
    assert of_file(tmp_path / "gone.log", Tail(), tmp_path)[2] == "No such file or directory"


# --- OpenTelemetry ----------------------------------------------------------------------------------------------------


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    with served(sqlite_url) as one:
        yield one


@pytest.fixture
def key(here: Served) -> str:
    return here.token("signals:write", name="collector")


def export(*said: str, service: str = "rose") -> bytes:
    about = [{"key": "service.name", "value": {"stringValue": service}}]
    logged = [{"severityNumber": 17, "body": {"stringValue": one}} for one in said]
    return json.dumps(
        {"resourceLogs": [{"resource": {"attributes": about}, "scopeLogs": [{"logRecords": logged}]}]}
    ).encode()


def send(here: Served, key: str, body: bytes, **more: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more}
    return here.post("/v1/logs", content=body, headers=headers)


def seen(here: Served) -> Sequence[signals.Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return [one for one in signals.recent(tx) if one.source == "log"]


def test_a_breaker_that_opens_comes_in_and_is_over(here: Served, key: str) -> None:
    reply = send(here, key, export("all is well", OPENED))
    assert (reply.status_code, reply.json(), reply.headers["content-type"]) == (200, {}, "application/json")
    (signal,) = seen(here)
    assert (signal.key, signal.state) == ("log:rose/app/breaker_opened/GroqAPI", State.FIRING)
    assert signal.incident_id is not None
    send(
        here,
        key,
        gzip.compress(export("GroqAPI: Recovery successful, closing circuit")),
        **{"content-encoding": "gzip"},
    )
    assert [one.state for one in seen(here)] == [State.RESOLVED]


def test_what_no_pattern_asks_for_leaves_no_trace_but_that_something_came(here: Served, key: str) -> None:
    assert send(here, key, export("all is well", "token=abcdefgh12345")).json() == {}
    assert seen(here) == []
    with here.app.database.read(SYSTEM) as tx:
        standing = watch.standings(tx)["rose/app"]
    assert standing.outcome is not None and standing.outcome.reason == "it is sent to us"
    assert standing.tail is not None and standing.tail.heard == {}


def test_what_nobody_of_the_plan_sent_is_said_to_be_rejected(here: Served, key: str) -> None:
    reply = send(here, key, export(OPENED, OPENED, service="checkout"))
    assert reply.status_code == 200
    assert reply.json()["partialSuccess"]["rejectedLogRecords"] == "2"
    assert "checkout" in reply.json()["partialSuccess"]["errorMessage"]
    assert seen(here) == []


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": ""}, 415),
        (b"{", {}, 400),
        (b"not gzip", {"content-encoding": "gzip"}, 400),
        (b"{}", {"content-encoding": "br"}, 400),
        (gzip.compress(b" " * 5_000_000, mtime=0), {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"{}" * 500, mtime=0)[:-9], {"content-encoding": "gzip"}, 400),
        (b"{}", {"authorization": "Bearer nobody"}, 401),
    ],
)
def test_a_refusal_has_the_shape_of_the_protocol(here, key, body, more, status) -> None:
    reply = send(here, key, body, **more)
    assert reply.status_code in (status, 413)
    assert set(reply.json()) == {"code", "message"} and reply.json()["message"]


def test_whoever_may_not_send_signals_may_not_send_logs(here: Served) -> None:
    reply = send(here, here.token("incidents:read", name="reader"), export(OPENED))
    assert (reply.status_code, reply.json()["code"]) == (403, 7)


# --- the same in protobuf ---------------------------------------------------------------------------------------------

PROTOBUF = "application/x-protobuf"


def wire(*said: str, service: str = "rose") -> bytes:
    records = [LogRecord(severity_number=17, body=value_of(one)) for one in said]
    return in_protobuf(records, {"service.name": service}).SerializeToString()


def send_wire(here: Served, key: str, body: bytes, **more: str) -> httpx2.Response:
    reply = send(here, key, body, **{"content-type": PROTOBUF, **more})
    assert reply.headers["content-type"] == PROTOBUF
    return reply


@pytest.mark.parametrize("packed", [True, False])
def test_a_breaker_that_opens_comes_in_by_protobuf(here: Served, key: str, packed: bool) -> None:
    body = wire("all is well", OPENED)
    reply = send_wire(
        here, key, gzip.compress(body) if packed else body, **{"content-encoding": "gzip" if packed else "identity"}
    )
    assert (reply.status_code, reply.content) == (200, b"")
    (signal,) = seen(here)
    assert (signal.key, signal.state) == ("log:rose/app/breaker_opened/GroqAPI", State.FIRING)


def test_what_nobody_of_the_plan_sent_is_rejected_in_protobuf(here: Served, key: str) -> None:
    reply = send_wire(here, key, wire(OPENED, OPENED, service="checkout"))
    told = ExportLogsServiceResponse.FromString(reply.content).partial_success
    assert (reply.status_code, told.rejected_log_records) == (200, 2)
    assert "checkout" in told.error_message
    assert seen(here) == []


@pytest.mark.parametrize(
    ("body", "more", "status", "code"),
    [
        (b"{}", {}, 400, 3),
        (b"not gzip", {"content-encoding": "gzip"}, 400, 3),
        (b"", {"content-encoding": "deflate"}, 400, 3),
        (gzip.compress(b"\x0a\x00" * 2_500_000, mtime=0), {"content-encoding": "gzip"}, 413, 8),
        (b"\x0a\x00" * 2_500_000, {}, 413, 8),
        (b"", {"authorization": "Bearer nobody"}, 401, 16),
    ],
)
def test_a_refusal_in_protobuf_is_a_status(here, key, body, more, status, code) -> None:
    reply = send_wire(here, key, body, **more)
    told = Status.FromString(reply.content)
    assert (reply.status_code, told.code) == (status, code)
    assert told.message


FUZZED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@FUZZED
@given(st.binary(max_size=60) | st.integers(0, 80).map(lambda at: wire("token=abcdefgh12345", OPENED)[:at]))
def test_whatever_bytes_come_it_is_taken_or_refused(here: Served, key: str, body: bytes) -> None:
    for sent in (body, gzip.compress(body), gzip.compress(body)[:-3]):
        for kind in (PROTOBUF, "application/json"):
            for encoding in ("gzip", "identity"):
                reply = send(here, key, sent, **{"content-type": kind, "content-encoding": encoding})
                assert reply.status_code in (200, 400), reply.content


def test_half_a_pair_of_surrogates_is_no_trouble(here: Served, key: str) -> None:
    body = json.loads(export(OPENED))
    logged = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    logged["body"]["stringValue"] = f"\ud800 {OPENED} \ud800 \u0000"
    assert send(here, key, json.dumps(body).encode()).status_code == 200
    assert len(seen(here)) == 1


WITHOUT = """
import asyncio, sys

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("google", "opentelemetry"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hides())
from tests.support.served import served

with served(sys.argv[1]) as here:
    for kind in ("application/x-protobuf", "application/json"):
        headers = {**here.bearer("signals:write", name=kind), "content-type": kind}
        reply = here.post("/v1/logs", content=b"{}", headers=headers)
        print(reply.status_code, reply.content.hex())
"""


def test_without_the_extra_protobuf_is_refused_and_json_is_read(sqlite_url: str) -> None:
    started = [sys.executable, "-c", WITHOUT, sqlite_url]
    said = subprocess.run(started, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    told = Status.FromString(bytes.fromhex(said[1]))
    assert (said[0], told.code, said[2:]) == ("415", 3, ["200", b"{}".hex()])
    assert "tocsin[otlp]" in told.message and "http/json" in told.message
