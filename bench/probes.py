"""A thousand health reports, each looked at every 30 seconds: what that costs, and how late the looks are."""

import asyncio
import itertools
import json
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from bench import installation
from bench.installation import Plan
from bench.measure import Measured, percentile
from tocsin.kit.clock import stopwatch

PROBES = 1000
EVERY = 30.0  # seconds
WARM_UP = 65.0
MEASURED = 95.0
BODY = json.dumps({"status": "healthy", "services": {"qdrant": "connected"}}).encode()
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


def looks() -> list[Measured]:
    with installation.folder() as folder, _looked_at() as (port, asked):
        made = installation.prepared(
            f"sqlite:///{folder / 'tocsin.db'}", installation.plan(lambda plan: _many(plan, port))
        )
        with installation.server(made, folder / "log") as server:
            time.sleep(WARM_UP)
            began, used = stopwatch(), _cpu_seconds(server.pid)
            time.sleep(MEASURED)
            share = (_cpu_seconds(server.pid) - used) / (stopwatch() - began) * 100
            resident = _resident_mb(server.pid)
        heard = asked(began - EVERY - 5, began + MEASURED)
    late = [later - earlier - EVERY for times in heard.values() for earlier, later in itertools.pairwise(times)]
    if len(heard) < PROBES or len(late) < PROBES * (MEASURED // EVERY):
        raise RuntimeError(f"{len(heard)} of {PROBES} addresses were looked at, {len(late)} times again")
    about: dict[str, object] = {"looks": len(late), "p50_s": percentile(late, 50), "worst_s": max(late)}
    return [
        Measured(name="probes, share of a core", value=share, unit="%", target=25, less_is_better=True, about=about),
        Measured(name="probes, memory", value=resident, unit="MB", target=200, less_is_better=True),
        Measured(name="probes, late p99", value=percentile(late, 99), unit="s", target=1, less_is_better=True),
    ]


def _many(plan: Plan, port: int) -> None:
    for service in plan["services"].values():
        service.pop("probes", None)
        service.pop("measures", None)
        service.pop("journeys", None)
        service.pop("logs", None)
    first = next(iter(plan["services"].values()))
    first["probes"] = {
        f"p{number}": {"url": f"http://127.0.0.1:{port}", "paths": [f"/{number}"], "every": f"{EVERY:.0f} s"}
        for number in range(PROBES)
    }


@contextmanager
def _looked_at() -> Iterator[tuple[int, "_Asked"]]:
    """A process that answers them all, and remembers when each was asked for."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_answer_all, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv(), _Asked(here)
    finally:
        process.terminate()
        process.join()


class _Asked:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __call__(self, since: float, until: float) -> dict[str, list[float]]:
        """When each address was asked for. Both processes read the same monotonic clock."""
        self._pipe.send(None)
        told: dict[str, list[float]] = self._pipe.recv()
        return {path: [at for at in times if since <= at <= until] for path, times in told.items()}


def _answer_all(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    heard: dict[str, list[float]] = defaultdict(list)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard[head.split()[1].decode()].append(stopwatch())
        writer.write(HEAD.encode() + BODY)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2 * PROBES)
    pipe.send(listening.sockets[0].getsockname()[1])
    await asyncio.to_thread(pipe.recv)
    pipe.send(dict(heard))
    await asyncio.Event().wait()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
