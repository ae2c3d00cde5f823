"""A storm: 100,000 signals, each about a service of its own, as fast as they are taken; and then something else breaks.

As a process of its own, this sends the signals and takes the mails.
"""

import asyncio
import email
import email.policy
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from bench import floors, installation
from bench.installation import ROOT, Plan
from bench.measure import Measured
from tocsin.kit.clock import stopwatch

SIGNALS = 100_000
SENDERS = 32
MINUTE = 60.0
WORST = "The vault is open"
RULES = [
    {"name": "worst", "when": {"alertname": "BenchWorst"}, "type": "data_loss", "severity": "P0"},
    {"name": "storm", "when": {"alertname": "BenchStorm"}, "type": "service_outage", "severity": "P1"},
]
HOW_MANY = re.compile(r"(\d+) incidents page you")


class Storm(msgspec.Struct):
    """What came of it. Times are seconds from the first signal; `pages` are those of each person's first minute."""

    taken_in: float
    worst_after: float
    pages: dict[str, list[str]]  # subjects


def storm() -> list[Measured]:
    with installation.folder() as folder:
        floor = floors.sqlite_rows(folder, 1, 1.0)
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan(_rules), reachable=True)
        smtp_port = installation.free_port()
        smtp = {"TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?starttls=no"}
        with installation.server(made, folder / "log", **smtp) as server:
            command = [sys.executable, "-m", "bench.storm", str(server.port), str(smtp_port), made.token]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=200)
            most = _most_memory(server.pid)
    return _measured(msgspec.json.decode(done.stdout, type=Storm), most, floor)


def _rules(plan: Plan) -> None:
    plan["rules"][:0] = RULES


def _most_memory(pid: int) -> float:
    """The most that the process held in memory, in megabytes, as Linux counts it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _measured(found: Storm, memory: float, floor: float) -> list[Measured]:
    about_the_storm = {
        person: [one for one in subjects if WORST not in one] for person, subjects in found.pages.items()
    }
    busiest = max(about_the_storm.values(), key=len)
    if not all(HOW_MANY.search(one) for one in busiest[2:]):
        raise RuntimeError(f"a page of the storm does not say how many: {busiest}")
    rate = SIGNALS / found.taken_in
    return [
        Measured(name="storm: pages of a minute", value=len(busiest), unit="", target=3, less_is_better=True),
        Measured(name="storm: memory", value=memory, unit="MB", target=400, less_is_better=True),
        Measured(name="storm: the next P0", value=found.worst_after, unit="s", target=2, less_is_better=True),
        Measured(name="storm: taken", value=rate, unit="signals/s", floor=floor),
    ]


# ---- The other process ----


class Sink:
    """A mail server that notes when it takes each mail. The name with handle_ is what the library calls."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, str, str]] = []  # when, to whom, the subject
        self.worst = asyncio.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        subject = str(mail["Subject"])
        if "page you" in subject or subject.startswith("[P"):
            self.taken.append((stopwatch(), envelope.rcpt_tos[0], subject))
        if WORST in subject:
            self.worst.set()
        return "250 OK"


async def _drive(port: int, smtp_port: int, token: str) -> Storm:
    sink, loop = Sink(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(sink, hostname="sink.bench", loop=loop), "127.0.0.1", smtp_port)
    began, numbers = stopwatch(), iter(range(SIGNALS))
    await asyncio.gather(*(_send_all(port, token, numbers) for _ in range(SENDERS)))
    taken_in, sent_at = stopwatch() - began, stopwatch()
    await _send_all(port, token, iter([-1]))
    await asyncio.wait_for(sink.worst.wait(), 120)
    worst_at = next(at for at, _, subject in sink.taken if WORST in subject)
    await asyncio.sleep(max(0.0, began + MINUTE - stopwatch()))
    server.close()
    pages: dict[str, list[str]] = {}
    for at, person, subject in sink.taken:
        if at - began <= MINUTE:
            pages.setdefault(person, []).append(subject)
    return Storm(taken_in, worst_at - sent_at, pages)


async def _send_all(port: int, token: str, numbers: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in numbers:
        if not await _is_taken(reader, writer, _request(port, token, number)):
            raise RuntimeError("the server had no room for 32 senders who wait for their answers")
    writer.close()


async def _is_taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bool:
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", answer)
    await reader.readexactly(int(length[1]) if length else 0)
    if answer[9:12] not in (b"202", b"503"):
        raise RuntimeError(f"a signal was not accepted: {answer.decode()}")
    return answer[9:12] == b"202"


def _request(port: int, token: str, number: int) -> bytes:
    labels = {"alertname": "BenchStorm", "service": f"host-{number:06}", "instance": "10.0.3.17:9100"}
    signal: dict[str, Any] = {"title": f"Host {number:06} is gone", "key": f"storm-{number:06}", "labels": labels}
    if number < 0:
        signal = {"title": WORST, "key": "worst", "labels": {"alertname": "BenchWorst", "service": "rose"}}
    body = msgspec.json.encode(signal)
    head = f"POST /api/v1/signals HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    measured = asyncio.run(_drive(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
    sys.stdout.buffer.write(msgspec.json.encode(measured))
