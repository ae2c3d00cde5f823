"""What a server costs while nothing happens, and how soon it is there."""

import subprocess
import sys
import time
from pathlib import Path

from bench import due, installation
from bench.measure import Measured
from tocsin.kit.clock import SystemClock, stopwatch

STARTS = 3
SETTLED_DOWN = 4.0  # seconds
LIBRARIES = "import aiohttp, alembic, litestar, pydantic, sqlalchemy, uvicorn, aiosmtplib, jinja2, pwdlib, whenever"


def footprint() -> list[Measured]:
    """A server with ten thousand open obligations, none of them due for hours."""
    with installation.folder() as folder:
        made = installation.prepared(f"sqlite:///{folder / 'tocsin.db'}", installation.plan(due.all_at_once))
        due.declare(made.database_url, SystemClock().now())
        starts = []
        for _ in range(STARTS):
            with installation.server(made, folder / "log") as server:
                starts.append(server.seconds_to_live)
                if len(starts) == STARTS:
                    time.sleep(SETTLED_DOWN)
                    resident = resident_mb(server.pid)
    bare_mb, bare_start = _of_the_libraries()
    start = sorted(starts)[STARTS // 2]
    about: dict[str, object] = {"starts_s": [round(one, 2) for one in starts]}
    return [
        Measured(name="idle memory", value=resident, unit="MB", floor=bare_mb, target=120, less_is_better=True),
        Measured(
            name="cold start", value=start, unit="s", floor=bare_start, target=3, less_is_better=True, about=about
        ),
    ]


def _of_the_libraries() -> tuple[float, float]:
    """Memory and seconds of an interpreter that has imported what we build on, and does nothing."""
    began = stopwatch()
    command = [sys.executable, "-c", f"{LIBRARIES}; print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        took = stopwatch() - began
        resident = resident_mb(process.pid)
        process.stdin.write(b"\n")
    return resident, took


def resident_mb(pid: int) -> float:
    """What the process holds in memory, as Linux counts it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
