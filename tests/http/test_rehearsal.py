"""The rehearsal over real loopback sockets: broken and mended while callers call, through forms and through JSON."""

import asyncio
import queue
import re
import smtplib
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
import pytest

from tocsin.kit.clock import ManualClock
from tocsin.rehearsal.listener import PortTaken
from tocsin.rehearsal.serve import Addresses, RehearsalSettings, serve

NIGHT = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
ANY_PORTS = RehearsalSettings(control_port=0, rose_port=0, smtp_port=0)
PATIENCE = 10  # seconds until a test gives up on something that happens at once


@dataclass
class Running:
    at: Addresses
    stop: "Stop"

    def put(self, **wanted: object) -> httpx2.Response:
        return httpx2.put(f"{self.at.control}/switch", json=wanted)

    def submit(self, **fields: object) -> httpx2.Response:
        return httpx2.post(f"{self.at.control}/switch", data=fields)

    def page(self, path: str = "/") -> str:
        return httpx2.get(self.at.control + path).text

    def mode(self) -> str:
        return str(httpx2.get(f"{self.at.control}/switch").json()["mode"])

    def rose(self, path: str = "/api/health", timeout: float = PATIENCE) -> httpx2.Response:
        return httpx2.get(self.at.rose + path, timeout=timeout)

    def waiting_caller(self) -> socket.socket:
        """Someone who asked for health and has had no answer yet."""
        caller = socket.create_connection((self.at.smtp_host, urlsplit(self.at.rose).port), timeout=PATIENCE)
        before = self.calls_heard()
        caller.sendall(b"GET /api/health HTTP/1.1\r\nHost: rose\r\n\r\n")
        while self.calls_heard() == before:  # it reached Rose; each look asks the server, so this ends with it
            pass
        return caller

    def calls_heard(self) -> int:
        found = re.search(r"(\d+) in all", self.page())
        assert found is not None
        return int(found[1])


class Stop:
    """Sets the stop event from the test's thread, and waits for the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, event: asyncio.Event, thread: threading.Thread) -> None:
        self._loop, self._event, self._thread = loop, event, thread

    def __call__(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._event.set)
            self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def running(settings: RehearsalSettings = ANY_PORTS) -> Iterator[Running]:
    ready: queue.Queue[tuple[Addresses, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def rehearse() -> None:
        event = asyncio.Event()
        loop = asyncio.get_running_loop()
        await serve(settings, ManualClock(NIGHT), event, lambda at: ready.put((at, loop, event)))

    thread = threading.Thread(target=lambda: asyncio.run(rehearse()))
    thread.start()
    at, loop, event = ready.get(timeout=PATIENCE)
    stop = Stop(loop, event, thread)
    try:
        yield Running(at, stop)
    finally:
        stop()


@pytest.fixture(scope="module")
def one_for_all() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def rehearsal(one_for_all: Running) -> Running:
    """A Rose that has just started and is well."""
    assert one_for_all.put(mode="down").status_code == 200
    assert one_for_all.put(mode="healthy").status_code == 200
    return one_for_all


def is_cut_off(caller: socket.socket) -> bool:
    try:
        return caller.recv(100) == b""
    except ConnectionResetError:
        return True


def test_rose_answers_on_her_own_port(rehearsal):
    reply = rehearsal.rose()
    assert (reply.status_code, reply.json()["status"]) == (200, "healthy")
    assert uuid.UUID(reply.headers["x-request-id"]).version == 4
    assert httpx2.head(f"{rehearsal.at.rose}/api/health").status_code == 405
    assert rehearsal.rose("/api/nope").json() == {"detail": "Not found"}


def test_voice_over_the_wire_takes_a_real_form(rehearsal):
    files = {"audio": ("a.wav", b"RIFF....", "audio/wav")}
    reply = httpx2.post(f"{rehearsal.at.rose}/api/v1/voice/process", files=files, data={"session_id": "s-1"})
    assert (reply.status_code, reply.json()["session_id"]) == (200, "s-1")
    assert rehearsal.rose("/api/v1/metrics").json()["counters"]["voice_processing_success"] == 1


def test_a_rose_that_is_down_refuses_connections_and_comes_back_on_the_same_port_forgetful(rehearsal):
    rehearsal.rose()
    rehearsal.put(mode="down")
    with pytest.raises(httpx2.ConnectError):
        rehearsal.rose()
    rehearsal.put(mode="healthy")
    assert rehearsal.rose("/api/v1/metrics").json()["counters"] == {}
    assert rehearsal.rose().status_code == 200


def test_while_rose_is_down_nobody_else_gets_her_port(rehearsal):
    rehearsal.put(mode="down")
    port = urlsplit(rehearsal.at.rose).port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


def test_going_down_cuts_a_waiting_caller_off(rehearsal):
    rehearsal.put(mode="slow", seconds=100)
    with rehearsal.waiting_caller() as caller:
        rehearsal.put(mode="down")
        assert is_cut_off(caller)


def test_a_hanging_rose_never_answers_and_cuts_the_caller_off_when_she_is_mended(rehearsal):
    rehearsal.put(mode="hanging")
    with pytest.raises(httpx2.ReadTimeout):
        rehearsal.rose(timeout=0.2)
    with rehearsal.waiting_caller() as caller:
        rehearsal.put(mode="healthy")
        assert is_cut_off(caller)
    assert rehearsal.rose().status_code == 200


def test_a_stop_ends_everything_though_callers_still_wait():
    with running() as rehearsal:
        rehearsal.put(mode="hanging")
        smtp = socket.create_connection((rehearsal.at.smtp_host, rehearsal.at.smtp_port), timeout=PATIENCE)
        with rehearsal.waiting_caller() as caller, smtp:
            assert smtp.recv(200).startswith(b"220")
            rehearsal.stop()
            assert is_cut_off(caller)
            assert is_cut_off(smtp)
        with pytest.raises(httpx2.ConnectError):
            rehearsal.rose()


def test_the_edge_answers_for_a_rose_that_cannot(rehearsal):
    rehearsal.put(mode="edge_error")
    reply = rehearsal.rose()
    assert (reply.status_code, "x-request-id" in reply.headers) == (503, False)


def test_a_form_breaks_a_part_and_another_mends_it(rehearsal):
    answered = rehearsal.submit(mode="degraded", components=["qdrant", "sqlite"])
    assert (answered.status_code, answered.headers["location"]) == (303, "/")
    assert rehearsal.rose().json()["services"]["qdrant"] == "disconnected"
    assert "Rose runs without Qdrant and SQLite" in rehearsal.page()
    rehearsal.submit(mode="healthy")
    assert rehearsal.rose().json()["status"] == "healthy"
    assert "Rose is healthy" in rehearsal.page()


def forms_of(page: str) -> dict[str, list[tuple[str, str]]]:
    """Each button's words, and the fields that its form would send."""
    found = {}
    for form in re.findall(r"<form[^>]*>.*?</form>", page, re.DOTALL):
        words = re.search(r"<button[^>]*>([^<]*)", form)
        assert words is not None
        found[words[1]] = re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', form)
    return found


def press(rehearsal: Running, button: str) -> None:
    fields: dict[str, list[str]] = {}
    for name, value in forms_of(rehearsal.page())[button]:
        fields.setdefault(name, []).append(value)
    assert rehearsal.submit(**fields).status_code == 303


@pytest.mark.parametrize(
    ("button", "mode", "says"),
    [
        ("Disconnect ElevenLabs", "degraded", "Rose runs without ElevenLabs"),
        ("Fail Groq", "vendor_failing", "Groq fails behind a green health check"),
        ("Take Rose down", "down", "Rose refuses connections"),
        ("Answer 503", "edge_error", "The edge answers 503 for Rose"),
        ("Hang Rose", "hanging", "Rose never answers"),
        ("Swap the body", "wrong_body", "health answers with the wrong body"),
        ("Limit callers", "rate_limited", "Rose turns callers away with 429"),
        ("Slow Rose down", "slow", "Rose takes 12 s longer"),
    ],
)
def test_every_button_does_what_it_says_and_the_page_then_offers_to_mend(rehearsal, button, mode, says):
    press(rehearsal, button)
    assert rehearsal.mode() == mode
    assert says in rehearsal.page()
    press(rehearsal, "Mend everything")
    assert rehearsal.mode() == "healthy"
    assert "Mend everything" not in rehearsal.page()


def test_parts_are_broken_and_mended_one_by_one(rehearsal):
    press(rehearsal, "Disconnect Qdrant")
    press(rehearsal, "Disconnect SQLite")
    press(rehearsal, "Reconnect Qdrant")
    assert httpx2.get(f"{rehearsal.at.control}/switch").json()["components"] == ["sqlite"]
    press(rehearsal, "Reconnect SQLite")
    assert rehearsal.mode() == "healthy"


def test_a_wrong_form_is_explained_and_changes_nothing(rehearsal):
    answered = rehearsal.submit(mode="slow", seconds="900")
    assert answered.status_code == 400
    assert "Seconds must be above 0 and at most 120" in answered.text
    assert 'value="900"' in answered.text
    assert rehearsal.submit(mode="slow", seconds="a while").status_code == 400
    assert rehearsal.submit(mode="broken").status_code == 400
    assert rehearsal.mode() == "healthy"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"mode": "dwn"}, "dwn"),
        ({"mode": "down", "until": "noon"}, "until"),
        ({"mode": "degraded"}, "components"),
        ({}, "mode"),
    ],
)
def test_a_script_is_told_what_is_wrong_with_its_switch(rehearsal, wanted, says):
    answered = rehearsal.put(**wanted)
    assert answered.status_code == 400
    assert says in answered.json()["error"]
    assert rehearsal.mode() == "healthy"


def test_a_script_reads_back_what_it_switched(rehearsal):
    assert rehearsal.put(mode="vendor_failing", vendor="groq").json() == {
        "mode": "vendor_failing",
        "components": [],
        "vendor": "groq",
        "seconds": 0.0,
        "since": "2026-11-24T03:34:19Z",
        "rose": rehearsal.at.rose,
    }


def test_no_other_site_may_press_a_button_or_read_the_pages(rehearsal):
    foreign = {"origin": "http://evil.example"}
    answered = httpx2.post(f"{rehearsal.at.control}/switch", data={"mode": "down"}, headers=foreign)
    assert answered.status_code == 403
    assert httpx2.get(f"{rehearsal.at.control}/mails.json", headers={"host": "evil.example"}).status_code == 403
    assert rehearsal.mode() == "healthy"
    own = httpx2.post(f"{rehearsal.at.control}/switch", data={"mode": "down"}, headers={"origin": rehearsal.at.control})
    assert own.status_code == 303


def test_the_page_shows_who_called_and_what_they_got(rehearsal):
    before = rehearsal.calls_heard()
    rehearsal.rose("/api/<b>x")
    page = rehearsal.page()
    assert "GET /api/&lt;b&gt;x" in page
    assert rehearsal.calls_heard() == before + 1
    assert "<script" not in page


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("setting", ["control_port", "rose_port", "smtp_port"])
def test_a_port_in_use_is_named_with_its_setting_and_the_others_are_given_back(setting):
    ports = {"control_port": free_port(), "rose_port": free_port(), "smtp_port": free_port()}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[setting]))
        taken.listen()
        with pytest.raises(PortTaken, match=rf"Port {ports[setting]} .* {setting}"):
            asyncio.run(serve(RehearsalSettings(**ports), ManualClock(NIGHT), asyncio.Event(), not_ready))
    for port in ports.values():
        with socket.socket() as again:
            again.bind(("127.0.0.1", port))


def test_the_same_ports_serve_again_right_after_a_stop():
    settings = RehearsalSettings(control_port=free_port(), rose_port=free_port(), smtp_port=free_port())
    for _ in range(2):
        with running(settings) as rehearsal:
            with smtplib.SMTP(rehearsal.at.smtp_host, rehearsal.at.smtp_port) as client:
                assert client.noop()[0] == 250
            assert rehearsal.rose().status_code == 200


def not_ready(at: Addresses) -> None:
    pytest.fail(f"it said that it is ready, at {at}")
