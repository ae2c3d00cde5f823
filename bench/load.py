"""A load generator, run as a process of its own: `python -m bench.load SPEC`, where SPEC is `Load` as JSON.

It shares two cores with the server under test, so it does as little as possible for each request: bytes that were
built beforehand, and no parsing beyond the status and the length of the answer.
"""

import asyncio
import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import cast

import msgspec
import uvloop

from bench.installation import ROOT
from tocsin.kit.clock import stopwatch

WARM_UP = 1.0  # seconds that are not counted
REPEATED = 200  # keys that come again and again
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Load(msgspec.Struct):
    """Senders that each wait for an answer before they send again, spread evenly over the ports."""

    ports: list[int]
    token: str
    seconds: float
    senders: int
    signals: int  # in each request; one is sent in our own format, more as Alertmanager does
    path: str = ""  # read this instead


class Sent(msgspec.Struct):
    """What came of it. `accepted` counts signals during `seconds`, `accepted_ever` those of the warm-up too."""

    seconds: float
    accepted: int
    accepted_ever: int
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float


def run(load: Load) -> Sent:
    """Put this load on a server from another process."""
    command = [sys.executable, "-m", "bench.load", msgspec.json.encode(load).decode()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=load.seconds + 30)
    return msgspec.json.decode(done.stdout, type=Sent)


class Tally:
    """What all senders have seen so far."""

    def __init__(self) -> None:
        self.counting = False
        self.over = False
        self.statuses: Counter[bytes] = Counter()
        self.ever: Counter[bytes] = Counter()
        self.took: list[float] = []


class Sender(asyncio.Protocol):
    """One connection that stays open. It sends, waits for the whole answer, and sends again until it is over."""

    def __init__(self, tally: Tally, request: Callable[[], bytes]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._tally = tally
        self._request = request
        self._answer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, which does not inherit from it
        self._send()

    def _send(self) -> None:
        self._sent_at = stopwatch()
        self._transport.write(self._request())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        end = self._answer.find(HEAD_END)
        if end < 0:
            return
        head = self._answer[: end + 2].lower()  # servers differ in how they spell it
        begin = head.index(LENGTH) + len(LENGTH)
        length = int(head[begin : head.index(b"\r", begin)])
        if len(self._answer) >= end + len(HEAD_END) + length:
            self._answered()

    def _answered(self) -> None:
        tally, status = self._tally, self._answer[9:12]
        tally.ever[status] += 1
        if tally.counting:
            tally.statuses[status] += 1
            tally.took.append(stopwatch() - self._sent_at)
        self._answer = b""
        if tally.over:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None or not self._tally.over:
            self._tally.ever[b"cut"] += 1
        if not self.done.done():
            self.done.set_result(None)


async def _drive(load: Load) -> Sent:
    tally, loop = Tally(), asyncio.get_running_loop()
    numbers = itertools.count()
    senders = []
    for place in range(load.senders):
        port = load.ports[place % len(load.ports)]
        request = requests(load, port, numbers)
        _, sender = await loop.create_connection(partial(Sender, tally, request), "127.0.0.1", port)
        senders.append(sender)
    await asyncio.sleep(WARM_UP)
    tally.counting, began = True, stopwatch()
    await asyncio.sleep(load.seconds)
    tally.counting, took = False, stopwatch() - began
    tally.over = True
    await asyncio.gather(*(sender.done for sender in senders))
    return _sent(load, tally, took)


def _sent(load: Load, tally: Tally, seconds: float) -> Sent:
    took = sorted(tally.took) or [0.0]
    return Sent(
        seconds=seconds,
        accepted=_good(tally.statuses) * load.signals,
        accepted_ever=_good(tally.ever) * load.signals,
        statuses={status.decode(): count for status, count in tally.ever.items()},
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
    )


def _good(statuses: "Counter[bytes]") -> int:
    return statuses[b"200"] + statuses[b"202"]


def requests(load: Load, port: int, numbers: "itertools.count[int]") -> Callable[[], bytes]:
    """Makes the bytes of each next request: every second signal is new, the others are among those seen before."""
    if load.path:
        reading = f"GET {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        return lambda: reading
    if load.signals == 1:
        path, one = "/api/v1/signals", GENERIC
    else:
        path, one = "/api/v1/signals/alertmanager", ALERT
    before, after = one.split(b"KEY")

    def signal() -> bytes:
        number = next(numbers)
        key = b"n%015d" % number if number % 2 else b"r%015d" % (number // 2 % REPEATED)
        return before + key + after

    if load.signals == 1:
        head = _head(path, port, load.token, len(before) + 16 + len(after))
        return lambda: head + signal()
    opening, closing = NOTIFICATION.split(b"ALERTS")
    length = len(opening) + load.signals * (len(before) + 17 + len(after)) - 1 + len(closing)
    head = _head(path, port, load.token, length)
    return lambda: head + opening + b",".join([signal() for _ in range(load.signals)]) + closing


def _head(path: str, port: int, token: str, length: int) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    )
    return "\r\n".join(lines).encode() + HEAD_END


GENERIC = (
    b'{"title":"Answers take longer than they should","key":"KEY","severity":"warning",'
    b'"labels":{"alertname":"HighLatency","instance":"10.0.3.17:9100","job":"rose","region":"eu-central"},'
    b'"details":{"value":"11.2 s","threshold":"10 s"},"link":"https://metrics.example/graph?g0.expr=latency"}'
)
ALERT = (
    b'{"status":"firing","labels":{"alertname":"HighLatency","severity":"warning","instance":"10.0.3.17:9100",'
    b'"job":"rose","region":"eu-central"},"annotations":{"summary":"Answers take longer than they should"},'
    b'"startsAt":"2026-11-24T03:34:19.123Z","endsAt":"0001-01-01T00:00:00Z",'
    b'"generatorURL":"https://metrics.example/graph?g0.expr=latency","fingerprint":"KEY"}'
)
NOTIFICATION = (
    b'{"version":"4","groupKey":"{}:{alertname=\\"HighLatency\\"}","status":"firing","receiver":"tocsin",'
    b'"groupLabels":{"alertname":"HighLatency"},"commonLabels":{"alertname":"HighLatency","severity":"warning"},'
    b'"commonAnnotations":{},"externalURL":"https://alertmanager.example","truncatedAlerts":0,"alerts":[ALERTS]}'
)


def main() -> None:
    load = msgspec.json.decode(sys.argv[1], type=Load)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(_drive(load))))


if __name__ == "__main__":
    main()
