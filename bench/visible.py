"""From posting an update until it can be read: on the status page, in its feed, as JSON, and in the chat.

As a process of its own, this is the chat: it says when each update was taken there.
"""

import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench import installation, status
from bench.installation import ROOT, Plan
from bench.measure import Measured, percentile
from tests.support.slack import TOKEN, workspace
from tocsin.kit.clock import stopwatch

UPDATES = 100
EVERY = 0.5  # seconds
LOOK_EVERY = 0.01
ARRIVE_WITHIN = 10.0  # seconds that the last update has
TARGET = 500.0  # milliseconds, of 99 in 100
PAGES = {"status page": "/status", "feed": "/status/history.atom", "json": "/api/v2/summary.json"}
CHAT = "chat"
MARK = re.compile(rb"mark-(\d{5})")


@dataclass
class Seen:
    """When each update could first be read at one place."""

    at: dict[int, float] = field(default_factory=dict)

    def note(self, numbers: Sequence[int], now: float) -> None:
        for number in numbers:
            self.at.setdefault(number, now)


def visible() -> list[Measured]:
    """Each update is read at all four places, and is as old there as it took since it was sent."""
    with installation.folder() as folder, _chat() as (address, said):
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan(_public_in_chat))
        slack = {"TOCSIN_SLACK_BOT_TOKEN": TOKEN, "TOCSIN_SLACK_API_URL": address}
        with installation.server(made, folder / "log", **slack) as server:
            seen = {name: Seen() for name in PAGES} | {CHAT: said}
            posted = _post(server.port, made.token, seen)
    return [_measured(name, posted, one) for name, one in seen.items()]


def _public_in_chat(plan: Plan) -> None:
    """What the public is told stands in the channel as well, so that one update is read at every place."""
    plan["communication"]["channels"]["chat"]["audiences"] = ["internal", "public"]


def _post(port: int, token: str, seen: Mapping[str, Seen]) -> list[float]:
    """Post the updates while somebody reads. Returns when each was sent."""
    post, posted = status.posted(port, token), list[float]()
    over = threading.Event()
    readers = [threading.Thread(target=_read, args=(port, PAGES[name], seen[name], over)) for name in PAGES]
    for one in readers:
        one.start()
    for number in range(UPDATES):
        posted.append(stopwatch())
        post(f"replies hang, mark-{number:05}")
        time.sleep(max(0.0, posted[-1] + EVERY - stopwatch()))
    until = stopwatch() + ARRIVE_WITHIN
    while stopwatch() < until and any(len(one.at) < UPDATES for one in seen.values()):
        time.sleep(LOOK_EVERY)
    over.set()
    for one in readers:
        one.join()
    return posted


def _read(port: int, path: str, seen: Seen, over: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while not over.is_set():
        connection.request("GET", path)
        body = connection.getresponse().read()
        seen.note([int(one) for one in MARK.findall(body)], stopwatch())
        time.sleep(LOOK_EVERY)
    connection.close()


def _measured(name: str, posted: Sequence[float], seen: Seen) -> Measured:
    missing = [number for number in range(len(posted)) if number not in seen.at]
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(posted)} updates never stood at: {name}; the first is {missing[0]}")
    took = [(seen.at[number] - at) * 1000 for number, at in enumerate(posted)]
    return Measured(
        name=f"update visible, {name}",
        value=percentile(took, 99),
        unit="ms (99 %)",
        target=TARGET,
        less_is_better=True,
        about={"half_ms": round(percentile(took, 50), 1), "updates": len(took)},
    )


# ---- The chat --------------------------------------------------------------------------------------------------------


@contextmanager
def _chat() -> Iterator[tuple[str, Seen]]:
    """A chat in a process of its own: its address, and what is seen there."""
    command = [sys.executable, "-m", "bench.visible"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the chat has nothing to say it by")
    lines, seen = process.stdout, Seen()
    address = lines.readline().strip()

    def listen() -> None:
        for line in lines:
            number, at = line.split()
            seen.note([int(number)], float(at))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield address, seen
    finally:
        process.stdin.close()  # its sign to end
        process.wait(10)
        listener.join(10)
        lines.close()


def _wait_for_the_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def _be_the_chat() -> None:
    """Say where it is, and then the number of each update as it is taken, with the machine's monotonic clock."""
    over = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(over,), daemon=True).start()
    known: set[int] = set()
    with workspace() as here:
        print(here.url, flush=True)
        while not over.wait(LOOK_EVERY / 4):
            texts = [one.text.encode() for channel in list(here.channels.values()) for one in list(channel.messages)]
            for number in sorted({int(one) for text in texts[-5:] for one in MARK.findall(text)} - known):
                known.add(number)
                print(number, stopwatch(), flush=True)


if __name__ == "__main__":
    _be_the_chat()
