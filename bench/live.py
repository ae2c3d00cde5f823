"""Five hundred open pages: how soon each shows what was just written, and what each costs the server.

As a process of its own, this is the pages: it reads their streams as a browser does, and writes the notes.
"""

import asyncio
import re
import subprocess
import sys
from contextlib import suppress

import msgspec

from bench import idle, installation
from bench.installation import ROOT
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.people import sessions
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.response import commands
from tocsin.settings import Settings

PAGES = 500
PEOPLE = 50  # who have ten pages open each, half of them responders
NOTES = 40
EVERY = 0.75  # seconds
ARRIVE_WITHIN = 5.0  # seconds that the last note has
SETTLE = 2.0  # seconds after the last page was opened
MARK = re.compile(rb"mark-(\d{4})")


class Plot(msgspec.Struct):
    """What the pages need to know."""

    port: int
    pid: int
    token: str
    incident: str
    sessions: list[str]


class Seen(msgspec.Struct):
    """Milliseconds from sending each note until each page had it as HTML, and until its writer was answered; megabytes
    that the server held before the first page was open and after the last."""

    shown: list[float]
    answered: list[float]
    before_mb: float
    after_mb: float


def live() -> list[Measured]:
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        incident, opened = _people(made.database_url)
        with installation.server(made, folder / "log") as server:
            plot = msgspec.json.encode(Plot(server.port, server.pid, made.token, incident, opened))
            command = [sys.executable, "-m", "bench.live"]
            done = subprocess.run(command, cwd=ROOT, input=plot, stdout=subprocess.PIPE, check=True, timeout=180)
    return _measured(msgspec.json.decode(done.stdout, type=Seen))


def _people(database_url: str) -> tuple[str, list[str]]:
    """An incident, and a session for each page."""
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, title="Replies hang", severity="P1", type="service_outage", service="rose")
        for number in range(PEOPLE):
            role = AccountRole.RESPONDER if number % 2 else AccountRole.VIEWER
            people.add_person(tx, f"reader-{number}", name=f"Reader {number}", email=None, role=role)
        opened = [sessions.begin(tx, f"reader-{number % PEOPLE}") for number in range(PAGES)]
    app.database.dispose()
    return incident.id, opened


def _measured(seen: Seen) -> list[Measured]:
    if len(seen.shown) < PAGES * NOTES:
        raise RuntimeError(f"{PAGES * NOTES - len(seen.shown)} of {PAGES * NOTES} notes were not shown")
    each = (seen.after_mb - seen.before_mb) * 1024 / PAGES
    about: dict[str, object] = {"p50_ms": percentile(seen.shown, 50), "worst_ms": max(seen.shown)}
    return [
        Measured(
            name="live, shown on 500 pages p99",
            value=percentile(seen.shown, 99),
            unit="ms",
            floor=percentile(seen.answered, 50),
            target=300,
            less_is_better=True,
            about=about,
        ),
        Measured(name="live, memory of a page", value=each, unit="kB", target=60, less_is_better=True),
    ]


# ---- The other process ----


class Pages:
    """The open pages, and when each of them had which note."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        self.sent: dict[int, float] = {}
        self.shown: list[float] = []
        self.complete = asyncio.Event()

    async def open(self, session: str) -> "asyncio.Task[None]":
        reader, writer = await asyncio.open_connection("127.0.0.1", self._plot.port)
        since = SystemClock().now().timestamp() * 1000
        path = f"/live?watch=incident/{self._plot.incident}&since={since:.0f}"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: tocsin_session={session}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer[:20]:
            raise RuntimeError(f"a page could not be opened: {answer.decode()}")
        return asyncio.create_task(self._read(reader, writer))

    async def _read(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        had: set[int] = set()
        while line := await reader.readline():
            if line.startswith((b"event: missed", b"event: end")):
                raise RuntimeError("a page was told that it had missed something")
            now = stopwatch()
            for mark in MARK.finditer(line):
                number = int(mark[1])
                if number not in had:
                    had.add(number)
                    self.shown.append((now - self.sent[number]) * 1000)
            if len(self.shown) == PAGES * NOTES:
                self.complete.set()


async def _watch(plot: Plot) -> Seen:
    pages = Pages(plot)
    warm = [await pages.open(one) for one in plot.sessions[:2]]  # what the first ever costs is not a page's
    await asyncio.sleep(SETTLE)
    for one in warm:
        one.cancel()
    before = idle.resident_mb(plot.pid)
    reading = [await pages.open(one) for one in plot.sessions]
    await asyncio.sleep(SETTLE)
    after = idle.resident_mb(plot.pid)
    answered = []
    for number in range(NOTES):
        pages.sent[number] = stopwatch()
        await _note(plot, number)
        answered.append((stopwatch() - pages.sent[number]) * 1000)
        await asyncio.sleep(max(0.0, pages.sent[number] + EVERY - stopwatch()))
    with suppress(TimeoutError):
        await asyncio.wait_for(pages.complete.wait(), ARRIVE_WITHIN)
    for one in reading:
        if one.done():
            one.result()  # what went wrong there
        one.cancel()
    return Seen(pages.shown, answered, before, after)


async def _note(plot: Plot, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plot.port)
    body = msgspec.json.encode({"text": f"Looked again, mark-{number:04}"})
    head = f"POST /api/v1/incidents/{plot.incident}/notes HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    about = (
        f"Authorization: Bearer {plot.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write((head + about).encode() + body)
    answer = await reader.read()
    if b" 200 " not in answer[:20] and b" 201 " not in answer[:20]:
        raise RuntimeError(f"a note was not taken: {answer.decode()}")


if __name__ == "__main__":
    seen = asyncio.run(_watch(msgspec.json.decode(sys.stdin.buffer.read(), type=Plot)))
    sys.stdout.buffer.write(msgspec.json.encode(seen))
