"""A journey over real sockets, against the stand-in of Rose: as the plan has it walked."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from tests.support.standin import stand_in
from tests.support.world import ROSE
from tocsin.db.engine import Database
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import ManualClock
from tocsin.plan import commands as plan_commands
from tocsin.plan import store as plans
from tocsin.plan.watching import Leg
from tocsin.rehearsal.serve import Addresses
from tocsin.response import looking, seeing
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind, Outcome
from tocsin.watch.store import Standing

NIGHT = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)


@pytest.fixture(scope="module")
def at() -> Iterator[Addresses]:
    with stand_in() as addresses:
        yield addresses


@pytest.fixture
def walk(sqlite_url: str, at: Addresses) -> Iterator[Callable[..., Standing]]:
    """Walks as the engine does, and says how the journey stands then."""
    httpx2.put(f"{at.control}/switch", json={"mode": "down"}).raise_for_status()  # its limits are forgotten
    httpx2.put(f"{at.control}/switch", json={"mode": "healthy"}).raise_for_status()
    clock = ManualClock(NIGHT)
    database = Database(sqlite_url, clock)
    with database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE.replace("http://127.0.0.1:8801", at.rose), "the tests' plan")

    def walk(**changes: object) -> Standing:
        clock.advance_to(clock.now() + timedelta(minutes=15))
        with database.read(SYSTEM) as tx:
            (look,) = looking.journeys(plans.current(tx))
            look = replace(look, journey=replace(look.journey, **changes))
            ready = looking.ready(tx, look)

        async def see() -> Callable[..., None]:
            async with open_session(PublicResolver(allow_private=True), timedelta(seconds=20), anew=True) as session:
                return await seeing.see(session, ready, "tocsin-probe")

        learn = asyncio.run(see())
        database.run(SYSTEM, learn)
        with database.read(SYSTEM) as tx:
            return watch.standings(tx)["rose/voice"]

    yield walk
    database.dispose()


def switch(at: Addresses, **wanted: object) -> None:
    httpx2.put(f"{at.control}/switch", json=wanted).raise_for_status()


def outcome(standing: Standing) -> Outcome:
    assert standing.outcome is not None
    return standing.outcome


def test_a_spoken_word_is_answered(walk: Callable[..., Standing], at: Addresses) -> None:
    found = outcome(walk())
    assert (found.kind, found.reason[:24]) == (Kind.HEALTHY, "all 2 steps went well in")
    assert found.latency > timedelta(milliseconds=700), "it is answered aloud"


def test_a_vendor_that_fails_while_health_stays_green_is_seen(walk: Callable[..., Standing], at: Addresses) -> None:
    switch(at, mode="vendor_failing", vendor="elevenlabs")
    standing = walk()
    found = outcome(standing)
    assert (found.kind, found.measured) == (Kind.FAILED, {"step": "voice", "error": "text_to_speech_failed"})
    assert standing.confirmed is not None and standing.confirmed.kind is Kind.FAILED, "it was walked twice at once"
    session = httpx2.post(f"{at.rose}/api/session/start").json()["session_id"]
    assert len(session) == 36 and "redacted" not in session


def test_a_limit_that_is_reached_is_no_outage(walk: Callable[..., Standing], at: Addresses) -> None:
    switch(at, mode="rate_limited")
    standing = walk()
    assert outcome(standing).kind is Kind.RATE_LIMITED
    assert standing.confirmed is None


def test_it_is_walked_so_often_a_day_and_no_more(walk: Callable[..., Standing], at: Addresses) -> None:
    for _ in range(3):
        assert outcome(walk(per_day=3)).kind is Kind.HEALTHY
    spent = outcome(walk(per_day=3))
    assert (spent.kind, spent.reason) == (Kind.UNKNOWN, "walked 3 times in a day; more is not allowed")


def test_that_nobody_is_there_the_probe_says_sooner(walk: Callable[..., Standing], at: Addresses) -> None:
    switch(at, mode="down")
    standing = walk()
    assert (outcome(standing).kind, standing.confirmed) == (Kind.UNKNOWN, None)
    assert outcome(standing).reason.startswith("session: no connection could be made")


def test_a_server_that_closes_without_a_word_is_walked_to_the_end(walk: Callable[..., Standing]) -> None:
    with closing_server() as url:
        legs = tuple(Leg(name=name, path="/", method="POST", form={"a": "b"}) for name in ("one", "two", "three"))
        assert outcome(walk(url=url, legs=legs)).kind is Kind.HEALTHY


@contextmanager
def closing_server() -> Iterator[str]:
    """Closes each connection after its answer without saying so in it, as Python's own server does."""

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Nothing of it is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
