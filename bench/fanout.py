"""Ten thousand subscribers are told of one update, and the server is killed with -9 in the middle of it.

A server of its own process sends, to a mail server of its own process that writes down the name of each mail before it
takes it. Every name is counted: none may be missing, and what comes twice comes under its first name, for the kill.

As a process of its own: `python -m bench.fanout PORT JOURNAL`, the mail server.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from aiosmtpd.smtp import SMTP, Envelope, Session

from bench import installation
from bench.installation import ROOT, Installation
from bench.measure import Measured
from tocsin.app import App
from tocsin.comms.subscribers import outbox, store
from tocsin.comms.subscribers.model import State, Subscriber
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.kit.ids import new_id
from tocsin.plan.model import Stage, Way
from tocsin.response import commands
from tocsin.response.fanout import AT_ONCE
from tocsin.settings import Settings

SUBSCRIBERS = 10_000
TARGET = 500  # mails a second
WITHIN = 120.0  # seconds; then something hangs
LEAST_STEP = 0.02
AMIDST = AT_ONCE // 2  # of what is taken together, so that the kill comes while some of it is not written down
KEY = re.compile(rb"^Message-ID: <([^@>]+)@", re.MULTILINE)


class LostOrDoubled(Exception):
    """Somebody was not told, or was told twice."""


def fanout() -> list[Measured]:
    clean = _told("clean", kill=False)
    killed = _told("killed", kill=True)
    if clean.doubled or clean.lost or killed.lost or killed.strangers:
        raise LostOrDoubled(f"clean: {clean}; killed: {killed}")
    name = f"{SUBSCRIBERS:,} subscribers"
    return [
        Measured(name=f"{name}: mails", value=clean.rate, unit="/s", target=TARGET),
        Measured(name=f"{name}: lost, doubled", value=0, unit="mails", target=0, less_is_better=True),
        Measured(name=f"{name}, one kill -9: lost", value=killed.lost, unit="mails", target=0, less_is_better=True),
        Measured(
            name=f"{name}, one kill -9: repeated, same key",
            value=killed.doubled,
            unit="mails",
            target=AT_ONCE,
            less_is_better=True,
        ),
    ]


class Told:
    """What arrived, by name, and how fast."""

    def __init__(self, wanted: set[str], came: Counter[str], seconds: float) -> None:
        self.lost = len(wanted - set(came))
        self.strangers = len(set(came) - wanted)
        self.doubled = sum(came.values()) - len(came)
        self.rate = len(came) / seconds

    def __str__(self) -> str:
        return f"{self.lost} lost, {self.doubled} doubled, {self.strangers} of nobody, {self.rate:.0f} a second"


def _told(name: str, *, kill: bool) -> Told:
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan())
        port, journal = installation.free_port(), folder / "journal"
        wanted = _prepare(made)
        settings = {"TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=no"}
        with _sink(port, journal):
            seconds = _run(made, folder / f"{name}.log", settings, journal, wanted, kill=kill)
            _until_recorded(made, folder / f"{name}.log", settings)
        return Told(wanted, Counter(_names(journal)), seconds)


def _prepare(made: Installation) -> set[str]:
    """Subscribers who have confirmed, and one public update, posted as a person posts it. Returns the names of
    the mails that must come."""
    app = App(Settings(database_url=made.database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        for number in range(SUBSCRIBERS):
            one = Subscriber(
                id=new_id("sub", 12),
                way=Way.EMAIL,
                address=f"p{number}@bench.example",
                state=State.ACTIVE,
                made_at=tx.now,
                made_by="bench",
                confirmed_at=tx.now,
            )
            store.add(tx, one, store.place_of(Way.EMAIL, one.address))
    with app.database.work(SYSTEM) as tx:
        incident = commands.declare(tx, title="Replies hang", severity="P1", type="service_outage", service="rose")
        fields = {"issue": "Replies hang", "impact": "Nobody can talk to Rose.", "actions": "We look.", "next": "More."}
        commands.post_update(tx, incident.id, "public", fields, Stage.INVESTIGATING)
    with app.database.read(SYSTEM) as tx:
        (announcement_id,) = outbox.announced(tx, incident.id)
        people = store.listing(tx, store.Wanted(limit=SUBSCRIBERS))
    app.database.dispose()
    return {f"{announcement_id}-{one.id}" for one in people}


def _run(
    made: Installation, log: Path, settings: dict[str, str], journal: Path, wanted: set[str], *, kill: bool
) -> float:
    """Serve until everybody has been told; killed once, halfway, if asked for. Returns the seconds of sending."""
    if kill:
        with installation.server(made, log, **settings) as server:
            _until(journal, len(wanted) // 2 + AMIDST)
            os.kill(server.pid, signal.SIGKILL)
    begun_with = len(set(_names(journal))) if kill else 0
    with installation.server(made, log, **settings):
        _until(journal, begun_with + 1)
        began = stopwatch()
        _until(journal, len(wanted))
        return (stopwatch() - began) * len(wanted) / (len(wanted) - begun_with)


def _until(journal: Path, count: int) -> None:
    """Wait until so many different mails have arrived."""
    until = stopwatch() + WITHIN
    while not _has(journal, count):
        if stopwatch() > until:
            raise LostOrDoubled(f"{count} had not arrived after {WITHIN:.0f} s, but {len(set(_names(journal)))}")
        time.sleep(LEAST_STEP)


def _has(journal: Path, count: int) -> bool:
    lines = journal.read_bytes().count(b"\n") if journal.exists() else 0
    return lines >= count and len(set(_names(journal))) >= count


def _until_recorded(made: Installation, log: Path, settings: dict[str, str]) -> None:
    """Let a server run once more until nothing waits: what was taken and not written down comes again now, if ever."""
    app = App(Settings(database_url=made.database_url), SystemClock())
    with installation.server(made, log, **settings):
        until = stopwatch() + WITHIN
        while stopwatch() < until:
            with app.database.read(SYSTEM) as tx:
                if not outbox.waiting(tx):
                    break
            time.sleep(0.1)
        else:
            raise LostOrDoubled("messages still wait")
    app.database.dispose()


def _names(journal: Path) -> list[str]:
    """The names that were written down whole."""
    written = journal.read_text() if journal.exists() else ""
    return written[: written.rfind("\n") + 1].split()


@contextmanager
def _sink(port: int, journal: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.fanout", str(port), str(journal)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the mail server did not come up")
            yield
        finally:
            process.kill()


# ---- The other process ----


class Sink:
    """The name with handle_ is what the mail library calls."""

    def __init__(self, journal: BinaryIO) -> None:
        self._journal = journal

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        found = KEY.search(envelope.original_content or b"")
        self._journal.write((found[1] if found else b"nameless") + b"\n")
        return "250 OK"


async def _serve(port: int, journal: Path) -> None:
    loop = asyncio.get_running_loop()
    with journal.open("ab", buffering=0) as file:
        sink = Sink(file)
        server = await loop.create_server(lambda: SMTP(sink, hostname="sink.bench", loop=loop), "127.0.0.1", port)
        print("listening", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
