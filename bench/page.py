"""From a signal to the mail that wakes somebody, alone and beside a provider that hangs.

As a process of its own, this sends signals, takes the mails, and is the provider that hangs.
"""

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench import installation
from bench.installation import ROOT, Plan
from bench.measure import Measured, percentile
from tocsin.app import App
from tocsin.delivery import outbox
from tocsin.kit.actor import SYSTEM
from tocsin.kit.clock import SystemClock, stopwatch
from tocsin.settings import Settings

SIGNALS = 120
EVERY = 0.1  # seconds: ten signals a second
ARRIVE_WITHIN = 8.0  # seconds that the last mails have
HANGING = 1000  # messages that wait for a provider that takes requests and answers none
RULE = {"name": "bench", "when": {"alertname": "BenchPage"}, "type": "service_outage", "severity": "P1"}
TITLE = re.compile(r"Outage number (\d{4})")


class Pages(msgspec.Struct):
    """Milliseconds from when each signal was sent until its mail was accepted, and until its sender was answered."""

    mailed: list[float]
    answered: list[float]


def latency() -> list[Measured]:
    """Each signal is about another service, so each declares an incident that pages whoever is on call."""
    with installation.folder() as folder:
        made = installation.prepared(
            f"sqlite:///{folder / 'tocsin.db'}", installation.plan(_many_services), reachable=True
        )
        smtp_port = installation.free_port()
        smtp = {"TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=no"}
        with installation.server(made, folder / "log", **smtp) as server:
            command = [sys.executable, "-m", "bench.page", str(server.port), str(smtp_port), made.token]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60)
    return _measured(msgspec.json.decode(done.stdout, type=Pages))


def beside_a_hanging_provider() -> list[Measured]:
    """The same while a thousand messages of another channel wait for a provider that hangs."""
    with installation.folder() as folder:
        made = installation.prepared(
            f"sqlite:///{folder / 'tocsin.db'}", installation.plan(_many_services), reachable=True
        )
        smtp_port, hanging_port = installation.free_port(), installation.free_port()
        _queue_for(made.database_url, f"http://127.0.0.1:{hanging_port}/hook")
        about = {
            "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=no",
            "TOCSIN_ALLOW_PRIVATE_WEBHOOKS": "yes",
        }
        command = [sys.executable, "-m", "bench.page", "--hang", str(hanging_port)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as provider:
            provider.stdout.readline() if provider.stdout else None  # it listens
            with installation.server(made, folder / "log", **about) as server:
                command = [sys.executable, "-m", "bench.page", str(server.port), str(smtp_port), made.token]
                done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=60)
            left = _still_queued(made.database_url)
            provider.kill()
    if left != HANGING:
        raise RuntimeError(f"only {left} of {HANGING} messages still waited for the provider that hangs")
    return _measured(msgspec.json.decode(done.stdout, type=Pages), " beside 1,000 that hang", 30, 150)


def _queue_for(database_url: str, address: str) -> None:
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.work(SYSTEM) as tx:
        for number in range(HANGING):
            outbox.queue(tx, dedup_key=f"h{number}", channel="webhook", address=address, subject="s", body="{}")
    app.database.dispose()


def _still_queued(database_url: str) -> int:
    app = App(Settings(database_url=database_url), SystemClock())
    with app.database.read(SYSTEM) as tx:
        found = outbox.waiting(tx)
    app.database.dispose()
    return found


def _many_services(plan: Plan) -> None:
    plan["services"].update({f"service-{number}": {"name": f"Service {number}"} for number in range(SIGNALS)})
    plan["rules"].insert(0, RULE)
    plan["paging"]["singly"] = 1000  # each page is measured by itself


def _measured(pages: Pages, beside: str = "", p50: float = 50, p99: float = 250) -> list[Measured]:
    mailed, answered = pages.mailed, pages.answered
    if len(mailed) < SIGNALS:
        raise RuntimeError(f"{SIGNALS - len(mailed)} of {SIGNALS} pages did not arrive")
    floor = percentile(answered, 50)  # the way to the disk and back, without the mail
    return [
        Measured(
            name=f"page p50{beside}",
            value=percentile(mailed, 50),
            unit="ms",
            floor=floor,
            target=p50,
            less_is_better=True,
        ),
        Measured(name=f"page p99{beside}", value=percentile(mailed, 99), unit="ms", target=p99, less_is_better=True),
    ]


# ---- The other process ----


class Sink:
    """A mail server that notes when it takes each mail. The name with handle_ is what the library calls."""

    def __init__(self) -> None:
        self.taken: dict[int, float] = {}
        self.complete = asyncio.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        found = TITLE.search((envelope.original_content or b"").decode("latin-1"))
        if found:
            self.taken.setdefault(int(found[1]), stopwatch())
        if len(self.taken) == SIGNALS:
            self.complete.set()
        return "250 OK"


async def _drive(port: int, smtp_port: int, token: str) -> Pages:
    sink, loop = Sink(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink.bench", loop=loop), "127.0.0.1", smtp_port)
    connections: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(8):
        connections.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    sent, answered = await _send_all(lambda number: _send(connections, port, token, number))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sink.complete.wait(), ARRIVE_WITHIN)
    server.close()
    mailed = [(at - sent[number]) * 1000 for number, at in sink.taken.items()]
    return Pages(mailed, [took * 1000 for took in answered])


async def _send_all(send: Callable[[int], Awaitable[float]]) -> tuple[dict[int, float], list[float]]:
    """Send on time, whether or not those before were answered; a late start counts as waiting."""
    began, tasks, sent = stopwatch() + EVERY, [], {}
    for number in range(SIGNALS):
        due = began + number * EVERY
        await asyncio.sleep(max(0.0, due - stopwatch()))
        sent[number] = due
        tasks.append(asyncio.ensure_future(send(number)))
    return sent, list(await asyncio.gather(*tasks))


async def _send(connections: "asyncio.Queue[Any]", port: int, token: str, number: int) -> float:
    """Send one signal; how long it took until it was accepted."""
    began = stopwatch()
    reader, writer = await connections.get()
    labels = {"alertname": "BenchPage", "service": f"service-{number}"}
    signal = {"title": f"Outage number {number:04}", "key": f"page-{number}", "labels": labels}
    body = msgspec.json.encode(signal)
    head = f"POST /api/v1/signals HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", answer)
    await reader.readexactly(int(length[1]) if length else 0)
    if answer[9:12] != b"202":
        raise RuntimeError(f"a signal was not accepted: {answer.decode()}")
    connections.put_nowait((reader, writer))
    return stopwatch() - began


async def _hang(port: int) -> None:
    """Take every request, and never answer."""

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "--hang":
        asyncio.run(_hang(int(sys.argv[2])))
    measured = asyncio.run(_drive(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
    sys.stdout.buffer.write(msgspec.json.encode(measured))
